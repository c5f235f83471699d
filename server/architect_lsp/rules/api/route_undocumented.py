"""A public route has neither a description nor a summary.

Why: the schema is what clients read. A route without a word leaves them the name of a function and a guess.
Instead: one sentence as the handler's docstring; FastAPI puts it into the schema.

    async def cancel_order(order_id: int) -> OrderOut:
        \"\"\"Cancel an order that has not been sent yet. A sent one is a 409.\"\"\"

Trade-offs: routes that are not in the schema need none.
Off by default: how much must be written down is a team's own choice.
Source: https://fastapi.tiangolo.com/tutorial/path-operation-configuration/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["A4", "E5"],
    preview=True,
    needs=[".get(", ".post(", ".put(", ".patch(", ".delete("],
    bad=[
        Bad("""
from fastapi import APIRouter

router = APIRouter()

@[|router.get("/orders")|]
def orders(): ...
"""),
    ],
    good=[
        '''
from fastapi import APIRouter

router = APIRouter()

@router.get("/a")
def a():
    """All there are."""

@router.get("/b", summary="All there are")
def b(): ...

@router.get("/c", include_in_schema=False)
def c(): ...
''',
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """FastAPI's handlers without a docstring, whose decorator says nothing either."""
    for function in view.reading.functions:
        if not function.decorator_list or ast.get_docstring(function) is not None:
            continue
        for route in routes_of(view.project, view.path, view.reading.qualname(function)):
            call = function.decorator_list[route.at.index] if 0 <= route.at.index < len(function.decorator_list) else None
            if route.framework != "fastapi" or not isinstance(call, ast.Call) or "WEBSOCKET" in route.methods:
                continue
            if not any(keyword(call, it) is not None for it in ("summary", "description", "include_in_schema")):
                yield Hit(call, f"`{function.name}` says nothing of itself in the schema.")
                break
