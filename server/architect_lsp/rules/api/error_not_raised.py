"""An error is made and never raised.

Why: `HTTPException(404)` on a line of its own does nothing, and FastAPI answers what is returned: an exception that is returned
becomes a body with status 200, or an error of the server that can't serialise it.
Instead: raise it.

    if room is None:
        raise HTTPException(404, "no such room")

Consequences: what was to be refused is done, or the client is told that it worked.
Tests: ask for what is missing, and assert the status.
Security: a check that only makes its error lets everyone pass.
Source: https://fastapi.tiangolo.com/tutorial/handling-errors/
"""

import ast
import builtins
from collections.abc import Iterator

from architect_lsp.knowledge.lineage import dotted as dotted_name
from architect_lsp.knowledge.lineage import lineage
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A5", "A2"],
    cwe=390,
    equivalents=["PLW0133"],
    bad=[
        Bad(
            """
from fastapi import FastAPI, HTTPException

app = FastAPI()

@app.get("/rooms/{room_id}")
def room(room_id: int):
    if room_id > 9:
        [|return HTTPException(status_code=404, detail="no such room")|]
    return {"name": "hall"}
""",
            fixed="""
from fastapi import FastAPI, HTTPException

app = FastAPI()

@app.get("/rooms/{room_id}")
def room(room_id: int):
    if room_id > 9:
        raise HTTPException(status_code=404, detail="no such room")
    return {"name": "hall"}
""",
        ),
        Bad("""
from django.core.exceptions import PermissionDenied
from rest_framework.exceptions import ValidationError

class Refused(ValidationError):
    pass

def check(user, order):
    if order.owner != user:
        [|PermissionDenied("not yours")|]
    if order.paid:
        [|Refused("paid already")|]
    if order.total < 0:
        [|ValueError("total")|]
"""),
    ],
    good=[
        """
from fastapi import FastAPI, HTTPException
from werkzeug.exceptions import NotFound

app = FastAPI()

def missing(name):
    return HTTPException(404, f"no {name}")

@app.get("/rooms/{room_id}")
def room(room_id: int, log):
    log(HTTPException(404))
    error = HTTPException(404)
    if room_id > 9:
        raise missing("room") from error
    return {"name": "hall"}
""",
        """
from flask import Flask
from werkzeug.exceptions import NotFound

app = Flask(__name__)

@app.get("/rooms/<int:key>")
def room(key):
    return NotFound("no such room")
""",
        """
from django.http import HttpResponseNotFound, HttpResponseServerError
from django.urls import path

def report(request, key):
    return HttpResponseNotFound() if key else HttpResponseServerError("no key")

urlpatterns = [path("reports/<int:key>", report)]
""",
    ],
)

_ERRORS = regex(
    r"(?:fastapi|starlette|rest_framework|django|litestar|aiohttp|ninja|werkzeug|pydantic|sqlalchemy|httpx|requests)\.(?:\w+\.)*"
    r"(?:\w+(?:Error|Exception|Denied|NotFound|Failed|NotAuthenticated|Throttled)|Http404|HTTP(?:NotFound|BadRequest|Forbidden|Unauthorized|Conflict))"
)
_RETURNED = regex(r"(?:fastapi|starlette|rest_framework|django|litestar|ninja)\.(?:\w+\.)*\w+")
"""Errors that no framework takes for a response."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Errors that stand on a line of their own, or that a handler returns."""
    reading = view.reading
    for node in reading.each(ast.Expr):
        if isinstance(node.value, ast.Call) and not _expected(reading, node) and _error(view, node.value):
            yield Hit(node, "This error is made and never raised: what it was to refuse goes on.", _fix(node.value))
    for told in reading.each(ast.Return):
        function = reading.function(told)
        if not isinstance(told.value, ast.Call) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        name = _error(view, told.value)
        if name and _RETURNED.fullmatch(name):
            routes = routes_of(view.project, view.path, reading.qualname(function))
            if any(it.framework != "flask" for it in routes):
                shown = ast.unparse(told.value.func)
                change = Change(told, f"raise {reading.source(told.value)}")
                yield Hit(told, f"`{shown}` is returned, and so becomes the body of a success.", (Draft("Raise it", (change,)),))


def _error(view: View, call: ast.Call) -> str:
    """The name of the exception class that is called, the framework's where it is the project's own; "" for others."""
    if not isinstance(call.func, ast.Name | ast.Attribute):
        return ""
    found = view.symbol(call.func)
    if isinstance(found, ClassSymbol):
        names = (dotted_name(it) for it in lineage(view.project, found))
        return next((it for it in names if _is_error(it)), "")
    name = view.callee(call)
    return name if _is_error(name) else ""


def _is_error(name: str) -> bool:
    known = getattr(builtins, name.removeprefix("builtins."), None)
    if isinstance(known, type):
        return issubclass(known, Exception) and not issubclass(known, Warning)
    return bool(_ERRORS.fullmatch(name)) and "HttpResponse" not in name


def _expected(reading: Reading, node: ast.AST) -> bool:
    """Whether it stands where making it is the point: in a `with raises(...)`."""
    return any(isinstance(it, ast.With) and "raises" in ast.unparse(it.items[0].context_expr) for it in reading.ancestors(node))


def _fix(call: ast.Call) -> tuple[Draft, ...]:
    return (Draft("Raise it", (Change(call, "raise ", insert="before"),)),)
