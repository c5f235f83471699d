"""A PUT changes only what it is given, or a PATCH also what it isn't.

Why: PUT stands for the whole of a thing: what is left out is gone. PATCH changes what it names and leaves the rest. A PUT
that takes `exclude_unset` is a PATCH under another name; a PATCH that sets every field of its model writes `None` over what
the client did not speak of.
Instead: give each its own body: PUT one without optional fields, PATCH one with `exclude_unset`.

    @router.patch("/orders/{number}")
    def change(number: int, body: OrderChange): ...
        for name, value in body.model_dump(exclude_unset=True).items():
            setattr(order, name, value)

Consequences: clients that send what they read back lose fields; proxies repeat a PUT that was not meant to be repeated.
Tests: change one field by PATCH, read the thing back, and compare all others.
Source: RFC 9110 section 9.3.4; RFC 5789 section 2
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted, keyword
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["A1"],
    needs=["model_dump", ".dict(", ".patch("],
    bad=[
        Bad(
            """
from fastapi import APIRouter
from shop.orders import OrderChange, find

router = APIRouter()

@router.patch("/orders/{number}")
def change(number: int, body: OrderChange):
    order = find(number)
    for name, value in [|body.model_dump()|].items():
        setattr(order, name, value)

@router.put("/orders/{number}")
def replace(number: int, body: OrderChange):
    find(number).update([|body.dict(exclude_unset=True)|])
"""
        ),
        Bad("""
from fastapi import APIRouter
from pydantic import BaseModel
from shop.orders import find

router = APIRouter()

class Change(BaseModel):
    state: str | None = None
    note: str | None = None

@router.patch("/orders/{number}")
def change(number: int, body: Change):
    order = find(number)
    [|order.state = body.state|]
    order.note = body.note
"""),
    ],
    good=[
        """
from fastapi import APIRouter
from pydantic import BaseModel
from shop.orders import find

router = APIRouter()

class Change(BaseModel):
    state: str | None = None
    note: str | None = None

@router.patch("/orders/{number}")
def change(number: int, body: Change):
    order = find(number)
    if body.state is not None:
        order.state = body.state
    order.note = body.note or order.note
""",
        """
from fastapi import APIRouter
from shop.orders import Order, OrderChange, find, publish

router = APIRouter()

@router.patch("/orders/{number}")
def change(number: int, body: OrderChange):
    order = find(number)
    for name, value in body.model_dump(exclude_unset=True).items():
        setattr(order, name, value)
    publish(body.model_dump())

@router.patch("/orders/{number}/note")
def note(number: int, body: OrderChange):
    for name, value in body.model_dump().items():
        if value is not None:
            setattr(find(number), name, value)

@router.put("/orders/{number}")
def replace(number: int, body: Order):
    find(number).update(body.model_dump())
    publish(body.model_dump(exclude_unset=True))

@router.api_route("/orders/{number}/both", methods=["PUT", "PATCH"])
def both(number: int, body: OrderChange):
    find(number).update(body.model_dump(exclude_unset=True))
""",
    ],
)

_DUMPS = ("model_dump", "dict")
_TELLS = regex(r"audit|^log|^publish|^notify|^emit|^track|^(?:create|record|send|add)_\w*event$", re.IGNORECASE)
_EXCLUDES = ("exclude_unset", "exclude_none", "exclude_defaults", "include", "exclude")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Bodies taken apart in handlers of PUT and PATCH."""
    for function in view.reading.functions:
        routes = routes_of(view.project, view.path, view.reading.qualname(function)) if function.decorator_list else ()
        if len({it.methods for it in routes}) != 1 or routes[0].framework != "fastapi" or len(routes[0].methods) != 1:
            continue
        names = {it.arg for it in (*function.args.args, *function.args.kwonlyargs)}
        is_put = routes[0].methods == {"PUT"}
        if not is_put and routes[0].methods != {"PATCH"}:
            continue
        if not is_put and (copied := _copied(view, function)) is not None:
            yield Hit(copied, f"`{function.name}` sets what the client left out to its default: set only what it sent.")
            continue
        for call in view.reading.within(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr not in _DUMPS:
                continue
            if dotted(call.func.value) not in names:
                continue
            if is_put and constant(keyword(call, "exclude_unset")) is True and not _is_told(view.reading, call):
                yield Hit(call, f"`{function.name}` answers PUT and changes only what it is given, which is PATCH.")
            elif not is_put and not any(it.arg in _EXCLUDES for it in call.keywords) and _is_set(view.reading, call, function):
                yield Hit(call, f"`{function.name}` sets what the client left out to its default: pass `exclude_unset=True`.")


def _is_told(reading: Reading, call: ast.Call) -> bool:
    """Whether it is written to a log or an event, and changes nothing."""
    return any(isinstance(it, ast.Call) and _TELLS.search(dotted(it.func).rpartition(".")[2]) for it in reading.ancestors(call))


def _copied(view: View, function: Function) -> ast.Assign | None:
    """The first of several fields that are copied from the body as they are, None by default: `row.name = body.name`."""
    found: list[ast.Assign] = []
    for argument in (*function.args.args, *function.args.kwonlyargs):
        symbol = view.symbol(argument.annotation) if isinstance(argument.annotation, ast.Name | ast.Attribute) else None
        fields = symbol.facts.fields if isinstance(symbol, ClassSymbol) else ()
        bare = {it.name for it in fields if it.target == "None" or (it.value is not None and it.value.text == "None")}
        for node in function.body if bare else ():
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Attribute)
                and isinstance(node.value, ast.Attribute)
            ):
                name = node.value.attr
                if name in bare and node.targets[0].attr == name and dotted(node.value.value) == argument.arg:
                    found.append(node)
    return found[0] if len(found) > 1 else None


def _is_set(reading: Reading, call: ast.Call, function: Function) -> bool:
    """Whether each entry is set on something, none left out by a condition."""
    for up in reading.ancestors(call):
        if isinstance(up, ast.For):
            calls = [it for it in ast.walk(up) if isinstance(it, ast.Call)]
            return any(dotted(it.func) == "setattr" for it in calls) and not any(isinstance(it, ast.If) for it in ast.walk(up))
        if isinstance(up, ast.Call) and isinstance(up.func, ast.Attribute) and up.func.attr in ("update", "values"):
            return True
        if up is function or isinstance(up, ast.If):
            return False
    return False
