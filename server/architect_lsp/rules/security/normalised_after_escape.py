"""Characters are made plain after the dangerous ones were escaped.

Why: NFKC turns `＜` into `<`. What was escaped before is markup, or a way out of a folder, again after.
Instead: normalise first, then check or escape.

    plain = unicodedata.normalize("NFKC", text)
    return html.escape(plain)

Tests: send the full-width forms of `<`, `'` and `/`.
Security: CWE-176, CWE-180.
Source: https://www.unicode.org/reports/tr36/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=176,
    needs=["normalize"],
    bad=[
        Bad("""
import html
import unicodedata
from flask import request

def tag():
    safe = html.escape(request.args["tag"])
    return [|unicodedata.normalize("NFKC", safe)|]
"""),
    ],
    good=[
        """
import html
import unicodedata
from flask import request

def tag():
    plain = unicodedata.normalize("NFKC", request.args["tag"])
    unicodedata.normalize("NFC", html.escape(plain))
    return html.escape(plain)
""",
    ],
)

_ESCAPES = (
    *("html.escape", "markupsafe.escape", "flask.escape", "django.utils.html.escape", "django.utils.html.conditional_escape"),
    *("werkzeug.utils.secure_filename", "shlex.quote", "nh3.clean", "bleach.clean", "xml.sax.saxutils.escape", "re.escape"),
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Compatible forms that are made of what was escaped."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last != "normalize" or len(call.args) < 2 or constant(call.args[0]) not in ("NFKC", "NFKD"):
            continue
        given = call.args[1]
        if isinstance(given, ast.Name):
            values = view.reading.bindings(view.reading.function(call)).get(given.id, [])
            given = values[0] if len(values) == 1 and values[0] is not None else given
        if isinstance(given, ast.Call) and view.callee(given) in _ESCAPES and view.callee(call) == "unicodedata.normalize":
            yield Hit(call, f"`{dotted(given.func)}` came before, and this makes what it escaped anew: normalise first.")
