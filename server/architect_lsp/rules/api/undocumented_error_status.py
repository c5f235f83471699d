"""A route lists the errors it answers with, and leaves one out.

Why: clients are generated from the schema. Where `responses` lists statuses, a reader takes the list for whole, and the one
that is missing is the one no client handles.
Instead: list it with the others.

    @router.get("/orders/{order_id}", responses={404: {"model": Problem}, 409: {"model": Problem}})

Consequences: the client meets an answer of a shape it doesn't know.
Trade-offs: 401, 403, 422 and 429 mostly come from what stands before the route, and are told for all routes at once.
Tests: compare the statuses that tests meet with those that the schema lists.
Source: OpenAPI Specification, Responses Object
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.answers import number
from architect_lsp.knowledge.facts import Variable
from architect_lsp.knowledge.reading import Function, constant, dotted, keyword
from architect_lsp.knowledge.symbols import FunctionSymbol, Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["A1", "A5"],
    needs=["responses"],
    bad=[
        Bad(
            """
from fastapi import APIRouter, HTTPException

router = APIRouter()

@router.get("/orders/{order_id}", responses={404: {"description": "No such order"}})
def read(order_id: int):
    if order_id < 0:
        [|raise HTTPException(status_code=409)|]
    raise HTTPException(404)
""",
            fixed="""
from fastapi import APIRouter, HTTPException

router = APIRouter()

@router.get("/orders/{order_id}", responses={404: {"description": "No such order"}, 409: {"description": "Conflict"}})
def read(order_id: int):
    if order_id < 0:
        raise HTTPException(status_code=409)
    raise HTTPException(404)
""",
        ),
    ],
    good=[
        """
from fastapi import APIRouter, HTTPException, status

COMMON = {404: {}}
router = APIRouter(responses={409: {}})

@router.get("/a", responses={404: {}})
def a():
    raise HTTPException(status.HTTP_409_CONFLICT)

@router.get("/b", responses={**COMMON})
def b():
    raise HTTPException(410)

@router.get("/c")
def c():
    raise HTTPException(410)

@router.get("/d", responses={200: {"content": {"image/png": {}}}})
def d():
    raise HTTPException(404)

@router.get("/e", responses={404: {}})
def e():
    raise HTTPException(403)
""",
    ],
)

_BEFORE = (401, 403, 422, 429, 500)
"""Statuses that mostly come from what stands before the route, or are told for all routes."""
_PHRASES = {400: "Bad request", 404: "Not found", 409: "Conflict", 410: "Gone", 413: "Too large", 503: "Unavailable"}


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Statuses raised in a handler, or in what it calls, that its literal list of errors leaves out."""
    reading = view.reading
    for function in reading.functions:
        for call in function.decorator_list:
            table = keyword(call, "responses") if isinstance(call, ast.Call) else None
            if not isinstance(table, ast.Dict) or not isinstance(call, ast.Call):
                continue
            known = {_status(it) for it in table.keys}
            if None in known or not any(it >= 400 for it in known if it is not None) or _has_more(view, call):
                continue
            listed = {it for it in known if it is not None}
            yield from _own(view, function, table, listed)
            yield from _helpers(view, function, table, listed)


def _own(view: View, function: Function, table: ast.Dict, listed: set[int]) -> Iterator[Hit]:
    told: set[int] = set()
    for node in view.reading.within(function):
        made = node.exc if isinstance(node, ast.Raise) else None
        if not isinstance(made, ast.Call) or dotted(made.func).rpartition(".")[2] != "HTTPException":
            continue
        said = keyword(made, "status_code") or (made.args[0] if made.args else None)
        status = number(said) if said is not None else None
        if status is not None and status >= 400 and status not in listed and status not in _BEFORE and status not in told:
            told.add(status)
            yield Hit(node, f"`{function.name}` answers {status}, which its `responses` don't list.", (_fix(table, status),))


def _helpers(view: View, function: Function, table: ast.Dict, listed: set[int]) -> Iterator[Hit]:
    told: set[int] = set()
    for node in view.reading.within(function):
        found = view.symbol(node.func) if isinstance(node, ast.Call) else None
        if not isinstance(found, FunctionSymbol) or not isinstance(node, ast.Call):
            continue
        for index, status, raised in found.facts.statuses:
            name = found.facts.calls[index].target.rpartition(".")[2] if 0 <= index < len(found.facts.calls) else ""
            if not raised or name != "HTTPException" or status < 400 or status in (*listed, *_BEFORE, *told):
                continue
            told.add(status)
            at = Ref(found.path, found.facts.qualname, "call", index)
            message = f"`{function.name}` answers {status} by `{found.facts.qualname}`, which its `responses` don't list."
            yield Hit(node, message, (_fix(table, status),), ((at, f"`{found.facts.qualname}` raises {status}"),))


def _status(node: ast.expr | None) -> int | None:
    """The status that a key is, None for what can't be told: `**common` among them."""
    if node is None:
        return None
    text = constant(node)
    if isinstance(text, str):
        return int(text) if text.isdecimal() else 0
    return number(node)


def _has_more(view: View, call: ast.Call) -> bool:
    """Whether the router lists answers for all its routes."""
    host = view.project.name(view.path, dotted(call.func).rpartition(".")[0])
    made = host.value if isinstance(host, Variable) else None
    return made is None or made.keyword("responses") is not None


def _fix(table: ast.Dict, status: int) -> Draft:
    text = f', {status}: {{"description": "{_PHRASES.get(status, "Error")}"}}'
    return Draft(f"List {status} among the responses", (Change(table.values[-1], text, insert="after"),))
