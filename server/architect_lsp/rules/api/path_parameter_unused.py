"""The handler doesn't take a parameter that its path has.

Why: FastAPI matches parameters by name. What the path calls `item_id` and the handler `id` are two things: the one is dropped,
the other is looked for in the query string, so that the request is refused or another thing is answered. Flask calls the view
with a name it doesn't know, and every request fails with a 500.
Instead: one name in both places.

    @router.get("/items/{item_id}")
    async def read_item(item_id: int, session: SessionDep) -> ItemOut: ...

Consequences: two addresses that promise two things answer the same.
Tests: request two ids and assert that the answers differ.
Security: a check on the id of the path that is never read protects nothing.
Source: https://fastapi.tiangolo.com/tutorial/path-params/
"""

import ast
import re
from collections.abc import Collection, Iterator

from architect_lsp.knowledge.definitions import parameters as given
from architect_lsp.knowledge.frameworks.dependencies import of_signature
from architect_lsp.knowledge.nouns import Dependency, Route
from architect_lsp.knowledge.openapi import placeholders, plain_name
from architect_lsp.knowledge.operations import parameters, routes_of
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, Hit, OpenApiView, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A1", "A2"],
    cwe=628,
    needs=["route(", ".get(", ".post(", ".put(", ".patch(", ".delete(", ".websocket("],
    bad=[
        Bad("""
from fastapi import APIRouter, Depends
from app.repo import get_repo

router = APIRouter(prefix="/teams")

@router.get([|"/{team_id}/members/{member_id}"|])
async def member(team_id: int, member: int, repo=Depends(get_repo)): ...
"""),
        Bad("""
from fastapi import APIRouter

router = APIRouter()

@router.get([|"/items/{item_id}"|])
def read(id: int): ...
"""),
        Bad("""
from flask import Flask

app = Flask(__name__)

@app.route([|"/items/<int:item_id>"|])
def read(id): ...
"""),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders/{id}:
    [|get|]:
      parameters:
        - {name: order_id, in: query, schema: {type: string}}
    delete:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
"""),
    ],
    good=[
        """
from typing import Annotated
from fastapi import APIRouter, Depends, Path, Request

router = APIRouter()

def load(item_id: int): ...
def deeper(item=Depends(load)): ...
Loaded = Annotated[object, Depends(load)]

class Key:
    def __init__(self, item_id: int): ...

@router.get("/a/{item_id}")
def a(item_id: int): ...

@router.get("/b/{item_id}")
def b(item=Depends(deeper)): ...

@router.get("/c/{item_id}")
def c(item: Loaded): ...

@router.get("/d/{item_id}", dependencies=[Depends(load)])
def d(): ...

@router.get("/e/{item_id}")
def e(request: Request): ...

@router.get("/pages/{rest:path}")
def one_page_for_all(): ...

@router.get("/f/{item_id}")
def f(number: int = Path(alias="item_id")): ...

@router.get("/g/{item_id}")
def g(key: Annotated[Key, Depends()]): ...

@router.get("/h/{item_id}")
def h(number: Annotated[int, Path(alias="item_id")]): ...
""",
        """
from flask import Blueprint, Flask
from functools import wraps

app = Flask(__name__)
bp = Blueprint("bp", __name__)

def with_item(view): ...

@app.route("/a/<int:item_id>")
def a(item_id): ...

@app.route("/b/<int:item_id>")
@with_item
def b(item): ...

@app.route("/c/<int:item_id>")
def c(**values): ...

@bp.url_value_preprocessor
def pull(endpoint, values): ...

@bp.route("/<project>/d")
def d(): ...
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
    get: {}
  /orders/{id}/lines:
    get:
      parameters:
        - $ref: "common.yaml#/parameters/Id"
  /files/{path+}:
    get:
      parameters:
        - {name: path, in: path, required: true, schema: {type: string}}
""",
    ],
)

_TAKES_ALL = regex(r"Request|HTTPConnection|WebSocket")
_REGISTERS = frozenset(("get", "post", "put", "patch", "delete", "head", "options", "route", "api_route", "websocket"))
_DEPTH = 4
_SCALARS = frozenset(("int", "str", "UUID", "uuid.UUID"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers whose decorator's path names what neither they nor their dependencies take."""
    for function in view.reading.functions:
        if not function.decorator_list or function.args.kwarg is not None:
            continue
        qualname = view.reading.qualname(function)
        for route in routes_of(view.project, view.path, qualname):
            node = _path(function, route)
            if node is None:
                continue
            own = parameters(route.path)
            # what takes all the rest of an address (`{rest:path}`) is often there to be ignored
            written = [it for it in own if re.search(rf"[{{<:]\s*{it}\b(?!:path\}})", str(node.value))]
            taken = _taken(view, function, route)
            missed = next((it for it in written if taken is not None and it not in taken), None)
            if taken is None and route.framework == "fastapi":
                missed = next((it for it in written if _is_misnamed(function, it, own)), None)
            if missed is not None:
                yield Hit(node, f"`{function.name}` doesn't take `{missed}`, which its path has.")
                break


def _path(function: Function, route: Route) -> ast.Constant | None:
    """The literal path of the decorator that makes a route, None where that is not one."""
    if route.at.kind != "decorator" or route.view is not None or route.at.index >= len(function.decorator_list):
        return None
    call = function.decorator_list[route.at.index]
    if not isinstance(call, ast.Call):
        return None
    given = call.args[0] if call.args else next((it.value for it in call.keywords if it.arg in ("path", "rule")), None)
    return given if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _taken(view: View, function: Function, route: Route) -> set[str] | None:
    """The names that a handler and its dependencies take; None where that can't be told."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    names = {it.arg for it in arguments}
    if route.framework == "flask":
        others = [it for it in function.decorator_list if not _registers(it)]
        prepared = any((not it.guards and "pull" in it.name) or "value" in it.name for it in route.dependencies)
        return None if others or prepared or _pulls(view.project, view.path) else names
    if route.framework != "fastapi":
        return None
    if len(function.decorator_list) > sum(_registers(it) for it in function.decorator_list):
        return None
    for it in arguments:
        for node in ast.walk(it.annotation) if it.annotation is not None else ():
            if isinstance(node, ast.Name | ast.Attribute) and _TAKES_ALL.search(dotted(node).rpartition(".")[2]):
                return None
    for call in (it for it in ast.walk(function.args) if isinstance(it, ast.Call)):
        names.update(str(it.value.value) for it in call.keywords if it.arg == "alias" and isinstance(it.value, ast.Constant))
    for it in arguments:  # `request` without an annotation, and what comes by a name that says nothing
        if it.annotation is None and it.arg in ("request", "req"):
            return None
    return _with(view.project, route.dependencies, names, _DEPTH)


def _with(project: Project, dependencies: tuple[Dependency, ...], names: set[str], depth: int) -> set[str] | None:
    """The names with those that dependencies take; None where one of them is not the project's."""
    for it in dependencies:
        if it.ref is None or depth <= 0:
            return None
        definition = project.definition(it.ref.path, it.ref.qualname)
        if definition is None and project.class_(it.ref.path, it.ref.qualname) is not None:
            return None  # its fields, its bases, its `__call__`
        if definition is None:
            return None
        names = names | {name for name, _ in definition.parameters}
        if any(_TAKES_ALL.search(said) for _, said in definition.parameters) or definition.owner:
            return None
        inner = _with(project, of_signature(project, it.ref.path, definition), names, depth - 1)
        if inner is None:
            return None
        names = inner
    return names


def _is_misnamed(function: Function, name: str, named: Collection[str]) -> bool:
    """Whether a plain parameter that must be sent is called almost like the part of the path that nothing takes."""
    rows = [(it, default) for it, default in given(function) if it.arg not in named]
    if any(it.arg == name for it, _ in given(function)) or "alias" in ast.unparse(function.args):
        return False
    plain = [it.arg for it, default in rows if default is None and dotted(it.annotation or ast.Name("")) in _SCALARS]
    return any(name in (f"{it}_id", f"{it}_uuid", f"{it}_name", f"{it}s") or it in (f"{name}_id", f"{name}s") for it in plain)


def _registers(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _REGISTERS


def _pulls(project: Project, path: str) -> bool:
    """Whether a file prepares the values of a path before views see them."""
    return any(d.value.last == "url_value_preprocessor" for it in project.decorated(path) for d in it.decorators)


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Operations that say nothing of a part of their path."""
    for it in view.api.operations:
        known = {plain_name(each.name) for each in it.parameters if each.place == "path"}
        missed = [plain_name(name) for name in placeholders(it.path) if plain_name(name) not in known]
        if missed and it.whole and all(missed):
            words = ", ".join(f"`{name}`" for name in missed)
            yield FileHit(it.at, f"`{it.spoken}` describes no parameter {words}, which its path has.", symbol=it.spoken)
