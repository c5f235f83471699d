"""A debugger listens on every network the machine is in.

Why: `0.0.0.0` shows the server to the whole network, and the debugger's console runs Python for whoever finds it; its pin has
been guessed before.
Instead: debug on this machine only; serve others with a production server and no debugger.

    if __name__ == "__main__":
        app.run(host="127.0.0.1", debug=True)

Trade-offs: in a container, bind to all and leave the debugger off, or publish the port on 127.0.0.1 only.
Security: running code on the machine.
Source: CWE-489; CWE-605; https://werkzeug.palletsprojects.com/en/stable/debug/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=605,
    equivalents=["S104", "B104"],
    needs=["0.0.0.0", "::"],  # noqa: S104  (words that are looked for)
    bad=[
        Bad(
            """
from flask import Flask

app = Flask(__name__)
app.run(host=[|"0.0.0.0"|], port=5000, debug=True)
""",
            fixed="""
from flask import Flask

app = Flask(__name__)
app.run(host="127.0.0.1", port=5000, debug=True)
""",
        ),
    ],
    good=[
        """
from flask import Flask

app = Flask(__name__)
app.run(host="0.0.0.0", port=5000)
app.run(host="127.0.0.1", debug=True)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Debugging servers that the network sees."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        host = keyword(call, "host") or (call.args[0] if call.args else None)
        if last not in ("run", "run_server") or host is None or constant(host) not in ("0.0.0.0", "::"):  # noqa: S104  (words that are looked for)
            continue
        if any(it.arg in ("debug", "use_debugger") and constant(it.value) is True for it in call.keywords):
            fix = Draft("Listen on this machine only", (Change(host, '"127.0.0.1"'),))
            yield Hit(host, "A debugger that runs code listens on every network; bind it to 127.0.0.1.", (fix,))
