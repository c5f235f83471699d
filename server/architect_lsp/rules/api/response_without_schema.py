"""A route doesn't say what it answers.

Why: without a response model the schema shows `any`, nothing is left out of what the handler returns, and nothing tells when
its shape changes. Generated clients hand their callers untyped data.
Instead: annotate what is returned, or name a response model.

    @router.get("/orders/{order_id}")
    async def read_order(order_id: int) -> OrderOut: ...

Consequences: a renamed column is a breaking change nobody sees.
Trade-offs: routes that answer with files, pages or streams say so by their response class.
Off by default: services that nobody else reads need none.
Tests: compare the schema with the one of the last release.
Security: a model leaves out what it doesn't name; a dictionary leaves out nothing.
Source: https://fastapi.tiangolo.com/tutorial/response-model/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["A1", "A5"],
    preview=True,
    needs=[".get(", ".post(", ".put(", ".patch("],
    bad=[
        Bad("""
from fastapi import APIRouter

router = APIRouter()

@[|router.get("/orders/{order_id}")|]
def read(order_id: int):
    return {"id": order_id}
"""),
    ],
    good=[
        """
from fastapi import APIRouter
from fastapi.responses import FileResponse

router = APIRouter()

@router.get("/a", response_model=int)
def a():
    return 1

@router.get("/b")
def b() -> int:
    return 1

@router.get("/c", response_class=FileResponse)
def c():
    return "c.png"

@router.post("/d")
def d():
    work()

@router.get("/e")
def e():
    return FileResponse("e.png")

@router.get("/f", include_in_schema=False)
def f():
    return {"a": 1}
""",
    ],
)

_SAYS = ("response_model", "response_class", "include_in_schema", "responses")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """FastAPI's handlers that return data, without a model and without an annotation."""
    for function in view.reading.functions:
        if not function.decorator_list or function.returns is not None or not _returns_data(view, function):
            continue
        for route in routes_of(view.project, view.path, view.reading.qualname(function)):
            call = function.decorator_list[route.at.index] if 0 <= route.at.index < len(function.decorator_list) else None
            if route.framework != "fastapi" or route.response or not isinstance(call, ast.Call):
                continue
            if any(
                keyword(call, it) is not None for it in ("response_model", "response_class", "include_in_schema", "responses")
            ):
                continue
            if "WEBSOCKET" not in route.methods and route.status != 204:
                yield Hit(call, f"`{function.name}` doesn't say what it answers.")
                break


def _returns_data(view: View, function: Function) -> bool:
    """Whether some `return` gives a dictionary or a list that is written there."""
    rows = (it.value for it in view.reading.within(function) if isinstance(it, ast.Return))
    return any(isinstance(it, ast.Dict | ast.List | ast.ListComp) for it in rows)
