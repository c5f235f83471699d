"""The debugger is switched on in code.

Why: an error page with source, variables and, with Werkzeug, a console that runs Python is shown to whoever causes an error.
Instead: off, unless the environment says otherwise.

    app = create_app()
    if __name__ == "__main__":
        app.run(debug=os.environ.get("FLASK_DEBUG") == "1")

Tests: an error of a route is answered with a plain 500 under the production settings.
Security: reading settings and keys; running code where the console is reachable.
Source: CWE-489; https://flask.palletsprojects.com/en/stable/debugging/
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=489,
    equivalents=["S201", "B201"],
    needs=["debug", "DEBUG"],
    bad=[
        Bad(
            """
from flask import Flask

app = Flask(__name__)

if __name__ == "__main__":
    app.run(port=8080, [|debug=True|])
""",
            fixed="""
from flask import Flask

app = Flask(__name__)

if __name__ == "__main__":
    app.run(port=8080, debug=False)
""",
        ),
        Bad("""
from fastapi import FastAPI

app = FastAPI([|debug=True|])
"""),
        Bad("""
-- shop/settings/production.py --
SECRET_KEY = read("key")
[|DEBUG = True|]
INSTALLED_APPS = ["shop"]
"""),
    ],
    good=[
        """
from fastapi import FastAPI
from app.settings import in_debug_mode

if in_debug_mode():
    app = FastAPI(debug=True)
else:
    app = FastAPI(docs_url=None)
""",
        """
import os
from flask import Flask

app = Flask(__name__)

def main(debug):
    app.run(debug=debug)
    app.run(debug=os.environ.get("DEBUG") == "1")
    app.run(debug=False)
    parser.run(debug=True)
""",
        """
-- shop/settings/dev.py --
DEBUG = True
INSTALLED_APPS = ["shop"]
-- shop/settings/base.py --
DEBUG = True
DEBUG = env.bool("DEBUG", False)
INSTALLED_APPS = ["shop"]
""",
    ],
)

_RUNNERS = regex(r"^(?:flask|quart|bottle|dash|sanic)\.(?:\w+\.)*(?:run|run_server|run_simple)$|^werkzeug\.serving\.run_simple$")
_APPS = ("fastapi.FastAPI", "starlette.applications.Starlette", "litestar.Litestar", "sanic.Sanic")
_MAIN = regex(r"__name__")
_FOR_DEVELOPERS = regex(r"test|dev|debug", re.IGNORECASE)
_APP_NAMES = regex(r"^(?:self\.)?(?:app|application|api|server|flask_app)$")
_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  (words that are looked for)
_PRODUCTION = regex(r"(?:^|/)(?:prod\w*|base|common|defaults?|live|settings)\.py$")
_SETTINGS = regex(r"^(?:INSTALLED_APPS|MIDDLEWARE|ROOT_URLCONF|TEMPLATES)\s*[:=]", re.MULTILINE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Applications that are told to debug whatever the environment says."""
    yield from _flask(view)
    for call in view.reading.each(ast.Call):
        said = next((it for it in call.keywords if it.arg == "debug" and constant(it.value) is True), None)
        if said is None or constant(keyword(call, "host")) in _EVERYWHERE or _is_asked_for(view, said):
            continue
        name = view.callee(call)
        runs = dotted(call.func).rpartition(".")
        is_app = runs[2] in ("run", "run_server") and bool(_APP_NAMES.match(runs[0])) and view.symbol(call.func) is None
        if _RUNNERS.match(name) or name in _APPS or (is_app or (name.startswith("?") and runs[2] == "run")):
            fix = Draft("Switch it off", (Change(said.value, "False"),))
            yield Hit(said, "The debugger is on for everyone who causes an error; let the environment switch it on.", (fix,))
    for node in view.reading.each(ast.Assign):
        if constant(node.value) is not True or view.reading.function(node) is not None:
            continue
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == "DEBUG" and _is_settings(view):
            yield Hit(node, "`DEBUG` is on for everyone who causes an error; let the environment switch it on.")


def _flask(view: View) -> Iterator[Hit]:
    """The same of Flask: `app.config["DEBUG"] = True`, `app.debug = True`."""
    if not view.project.uses(view.path, "flask"):
        return
    for node in view.reading.each(ast.Assign):
        target = node.targets[0]
        is_config = (
            isinstance(target, ast.Subscript)
            and dotted(target.value).endswith("app.config")
            and constant(target.slice) == "DEBUG"
        )
        is_flag = isinstance(target, ast.Attribute) and target.attr == "debug" and bool(_APP_NAMES.match(dotted(target.value)))
        if constant(node.value) is not True or not (is_config or is_flag):
            continue
        if not _is_asked_for(view, node):
            fix = Draft("Switch it off", (Change(node.value, "False"),))
            yield Hit(node, "The debugger is on for everyone who causes an error; let the environment switch it on.", (fix,))


def _is_asked_for(view: View, node: ast.AST) -> bool:
    """Whether a condition, or a function whose name speaks of it, decides that the program is debugged."""
    return any(
        (isinstance(it, ast.If | ast.IfExp) and not _MAIN.search(ast.unparse(it.test)))
        or _FOR_DEVELOPERS.search(getattr(it, "name", ""))
        for it in view.reading.ancestors(node)
    )


def _is_settings(view: View) -> bool:
    """Whether the unit is the top of a settings file for production, where nothing else decides the same."""
    text = view.reading.unit.text
    names = [it.targets[0] for it in view.reading.each(ast.Assign)]
    return bool(_PRODUCTION.search(view.path) and _SETTINGS.search(text)) and sum(dotted(it) == "DEBUG" for it in names) == 1
