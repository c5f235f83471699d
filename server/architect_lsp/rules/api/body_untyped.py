"""A route takes any JSON for its body.

Why: `dict` and `Any` say nothing of what is expected: the schema shows an empty object, nothing is checked before the handler
runs, and what is missing or wrong is found by a `KeyError` in the middle of the work.
Instead: a model that says what is expected.

    class OrderIn(BaseModel):
        model_config = ConfigDict(extra="forbid")
        item: str
        count: int = Field(ge=1)

    @router.post("/orders", status_code=201)
    async def create_order(order: OrderIn) -> OrderOut: ...

Consequences: bad input is a 500 where it should be a 422; clients learn the fields by trial.
Trade-offs: a proxy or a hook that stores what it is sent, whatever it is, may take a dictionary.
Tests: leave each field out, and assert on a 422 that names it.
Security: fields nobody expects reach whatever the dictionary is handed to.
Source: https://fastapi.tiangolo.com/tutorial/body/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.operations import parameters, routes_of
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.knowledge.symbols import ClassSymbol, Symbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["A4", "E4"],
    cwe=20,
    needs=["dict", "Dict", "Any", ".json()"],
    bad=[
        Bad("""
from typing import Any
from fastapi import APIRouter, Body

router = APIRouter()

@router.post("/orders")
def create(order: [|dict|]):
    save(order["item"], order.get("count"))

@router.put("/orders/{key}")
def change(key: int, order: [|dict[str, Any]|] = Body(...)):
    return order["item"]
"""),
        Bad(
            """

from fastapi import APIRouter, Request
from shop.parcels import keep

router = APIRouter()

@router.post("/parcels")
async def send(request: Request):
    fields = await [|request.json()|]
    return keep(fields["street"])
""",
        ),
    ],
    good=[
        """
from fastapi import FastAPI
from shop.schemas import Order

app = FastAPI()

@app.post("/orders")
def create(order: dict):
    order.pop("metadata", None)
    return Order(**order)
""",
        """
from typing import Annotated, Any
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

router = APIRouter()

class Order(BaseModel):
    item: str

@router.post("/orders")
def create(order: Order, user: Annotated[dict, Depends(lambda: {})], more: dict = Depends(lambda: {})):
    return more["x"]

@router.post("/hooks")
def hook(payload: dict[str, Any]):
    store(payload)

@router.post("/checked")
def checked(payload: dict):
    return Order(**payload)

class Mark(BaseModel):
    run: str

@router.post("/marks")
async def mark(request: Request, body: Mark):
    payload = await request.json()
    return payload["run"]

def helper(order: dict):
    return order["item"]
""",
        """

from fastapi import APIRouter, Request
from shop.parcels import Parcel, keep, record

router = APIRouter()

@router.post("/parcels")
async def send(request: Request):
    fields = await request.json()
    return keep(Parcel.model_validate(fields), fields.get("note"))

@router.put("/headers")
async def headers(request: Request):
    body = await request.json()
    found = body.get("headers") if isinstance(body, dict) else None
    return keep(found, None)

@router.post("/raw")
async def raw(request: Request):
    return record(await request.json())
""",
    ],
)

_BODIES = {"POST", "PUT", "PATCH"}
_UNTYPED = regex(r"dict|Dict|Any|typing\.(?:Dict|Any)|Mapping")
_JSON = regex(r"^(?:request|req)\.json$")
_CHECKS = regex(r"model_validate|parse_obj|validate\(|TypeAdapter|signature|hmac|jsonrpc|webhook|ValidationError")
_ELSEWHERE = ("Depends", "Security", "Query", "Header", "Cookie", "Path")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Parameters of handlers that are dictionaries, of which single entries are read."""
    for function in view.reading.functions:
        routes = routes_of(view.project, view.path, view.reading.qualname(function)) if function.decorator_list else ()
        if not routes or any(it.framework != "fastapi" or not it.methods <= _BODIES for it in routes):
            continue
        parsed = _parsed(view, function)
        if parsed is not None and not _takes_model(view, function) and not _CHECKS.search(view.reading.source(function)):
            yield Hit(parsed, f"`{function.name}` reads fields of a body that nothing checked: take a model as its parameter.")
        named = {name for it in routes for name in parameters(it.path)}
        for argument, default in _arguments(function):
            said = argument.annotation
            name = dotted(said.value if isinstance(said, ast.Subscript) else said)
            if said is None or argument.arg in named or not _UNTYPED.fullmatch(name):
                continue
            if isinstance(default, ast.Call) and dotted(default.func).rpartition(".")[2] in _ELSEWHERE:
                continue
            if "jsonrpc" not in function.name and _is_read(view.reading, function, argument.arg):
                yield Hit(said, f"`{function.name}` takes any JSON for `{argument.arg}`, and reads fields that nobody promised.")


def _takes_model(view: View, function: Function) -> bool:
    """Whether the handler takes a class of the project, too: the framework has checked the body by it."""
    return any(default is None and isinstance(_class(view, it.annotation), ClassSymbol) for it, default in _arguments(function))


def _class(view: View, said: ast.expr | None) -> Symbol | None:
    return view.symbol(said) if isinstance(said, ast.Name | ast.Attribute) else None


def _parsed(view: View, function: Function) -> ast.expr | None:
    """Where a handler parses the body by hand, to read single fields of it, and does not ask what it is."""
    text = view.reading.source(function)
    for node in view.reading.within(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Await) and isinstance(node.targets[0], ast.Name):
            made = node.value.value
            is_parsed = isinstance(made, ast.Call) and _JSON.search(dotted(made.func)) is not None and not made.args
            name = node.targets[0].id
            if is_parsed and f"isinstance({name}, dict)" not in text and _is_read(view.reading, function, name):
                return made
    return None


def _arguments(function: Function) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*([None] * (len(positional) - len(arguments.defaults))), *arguments.defaults]
    yield from zip(positional, defaults, strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _is_read(reading: Reading, function: Function, name: str) -> bool:
    """Whether single entries are read of it: `order["item"]`, `order.get("item")`, and no class is made of all."""
    made = (
        it for it in reading.within(function) if isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2][:1].isupper()
    )
    if any(word.arg is None and dotted(word.value) == name for it in made for word in it.keywords):
        return False
    for node in reading.within(function):
        if isinstance(node, ast.Subscript) and dotted(node.value) == name and isinstance(node.slice, ast.Constant):
            return True
        if isinstance(node, ast.Call) and dotted(node.func) in (f"{name}.get", f"{name}.pop") and node.args:
            return isinstance(node.args[0], ast.Constant)
    return False
