"""A text in place of a number makes the service fail.

Why: `int(request.args["page"])` raises for `?page=two` and for no `page` at all, and nobody catches it: the client's mistake is
answered with 500, and stands in the log as the service's.
Instead: let the framework parse it.

    page = request.args.get("page", default=1, type=int)

Consequences: alarms that anyone can ring; clients that try again what can't succeed.
Tests: send a word in place of the number, and expect 400 or the default.
Security: CWE-20.
Source: Werkzeug documentation, `MultiDict.get`
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["A5"],
    cwe=20,
    needs=["request.args", "request.GET", "request.query", "rel_url.query", "request.form", "request.POST"],
    bad=[
        Bad("""
from aiohttp import web

async def rows(request: web.Request):
    return [|int(request.query.get("limit", "20"))|]
"""),
        Bad(
            """
from flask import Blueprint, request

site = Blueprint("site", __name__)

@site.get("/orders")
def orders():
    return {"page": [|int(request.args.get("page", 1))|]}
""",
            fixed="""
from flask import Blueprint, request

site = Blueprint("site", __name__)

@site.get("/orders")
def orders():
    return {"page": request.args.get("page", 1, type=int)}
""",
        ),
    ],
    good=[
        """
from flask import Blueprint, abort, request

site = Blueprint("site", __name__)

@site.get("/orders")
def orders():
    try:
        page = int(request.args["page"])
    except (KeyError, ValueError):
        abort(400)
    return {"page": page, "size": request.args.get("size", 20, type=int)}

@site.get("/items")
def items():
    page = request.args.get("page", "1")
    return {"page": int(page) if page.isdigit() else 1}
""",
    ],
)

_FIELDS = regex(r"^(?:self\.)?request\.(args|GET|query_params|form|POST|query|rel_url\.query)(?:\.get)?$")


_KINDS = {"fromisoformat": "date"}
_PARSERS = frozenset(("int", "float", "Decimal", "decimal.Decimal", "date.fromisoformat", "datetime.fromisoformat"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`int` or `float` of a field of the request, outside of any `try` and of any condition on it."""
    for call in view.reading.each(ast.Call):
        if dotted(call.func) not in _PARSERS or len(call.args) != 1:
            continue
        given = call.args[0]
        source = given.func if isinstance(given, ast.Call) else given.value if isinstance(given, ast.Subscript) else None
        found = _FIELDS.match(dotted(source)) if source is not None else None
        if found is None or not isinstance(view.reading.function(call), ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not _is_guarded(view.reading, call):
            kind = _KINDS.get(dotted(call.func).rpartition(".")[2], "number")
            words = f"`{ast.unparse(given)}` may be no {kind}, and the answer is 500."
            yield Hit(call, words, tuple(_fix(view, call, given, found[1])))


def _is_guarded(reading: Reading, call: ast.Call) -> bool:
    """Whether something catches the error, or asks about the request before."""
    for up in reading.ancestors(call):
        if isinstance(up, ast.Try | ast.If | ast.IfExp | ast.With):
            return True
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            return any(isinstance(it, ast.Name) and "validat" in it.id for it in ast.walk(up)) or "isdigit" in ast.unparse(up)
    return False


def _fix(view: View, call: ast.Call, given: ast.expr, field: str) -> Iterator[Draft]:
    """Werkzeug's way, where the field is read by `get` with a default."""
    if field == "args" and isinstance(given, ast.Call) and len(given.args) == 2 and not given.keywords:
        source = view.reading.source(given)
        if source.endswith(")"):
            text = f"{source[:-1]}, type={dotted(call.func)})"
            yield Draft("Let the request parse it", (Change(call, text),))
