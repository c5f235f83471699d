"""The view needs an argument that its path doesn't have.

Why: Flask calls a view with the parts of the path and nothing else. An argument without a default that no part of the path fills
in makes every request fail with a 500, and no test that imports the module shows it.
Instead: name it in the path, give it a default, or read it from the request.

    @app.get("/orders/<int:order_id>")
    def read_order(order_id: int): ...

Consequences: the route is there, and never answers.
Tests: request every route once.
Source: https://flask.palletsprojects.com/en/stable/quickstart/#variable-rules
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.openapi import placeholders, plain_name
from architect_lsp.knowledge.operations import parameters, routes_of
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, FileHit, Hit, OpenApiView, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A1", "A2"],
    cwe=628,
    needs=[".route(", ".get(", ".post(", ".put(", ".patch(", ".delete("],
    bad=[
        Bad("""
from flask import Blueprint

bp = Blueprint("orders", __name__, url_prefix="/orders")

@bp.get("/<int:order_id>")
def read(order_id, [|line|]): ...
"""),
        Bad("""
-- swagger.yaml --
swagger: "2.0"
paths:
  /orders/{id}:
    get:
      parameters:
        - {name: id, in: path, required: true, type: string}
        - {name: [|line|], in: path, required: true, type: string}
"""),
    ],
    good=[
        """
from flask import Blueprint, Flask
from tools import injects

app = Flask(__name__)
bp = Blueprint("orders", __name__, url_prefix="/<tenant>")

@bp.get("/<int:order_id>")
def read(tenant, order_id, line=None, **more): ...

@bp.get("/a")
@injects
def a(tenant, session): ...

@app.route("/b", defaults={"page": 1})
@app.route("/b/<int:page>")
def b(page): ...

app.register_blueprint(bp)
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders/{id}/lines/{line}:
    parameters:
      - $ref: "#/components/parameters/Id"
    get:
      parameters:
        - {name: line, in: path, required: true, schema: {type: string}}
        - {name: page, in: query, schema: {type: integer}}
  /files/{path}:
    get:
      parameters:
        - {name: path*, in: path, required: true, schema: {type: string}}
components:
  parameters:
    Id: {name: id, in: path, required: true, schema: {type: string}}
""",
    ],
)

_REGISTERS = frozenset(("get", "post", "put", "patch", "delete", "route"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Views with an argument that none of their paths fill in."""
    for function in view.reading.functions:
        if (
            not function.decorator_list
            or not all(_is_plain(it) for it in function.decorator_list)
            or view.reading.owner(function)
        ):
            continue
        routes = routes_of(view.project, view.path, view.reading.qualname(function))
        if not routes or any(it.framework != "flask" or "?" in it.path or it.view is not None for it in routes):
            continue
        for argument in _needed(function):
            if all(argument.arg not in parameters(it.path) for it in routes):
                yield Hit(argument, f"No path of `{function.name}` fills in `{argument.arg}`: each request fails.")
                break


def _is_plain(node: ast.expr) -> bool:
    """Whether a decorator registers the view and gives it no arguments of its own."""
    if not isinstance(node, ast.Call) or dotted(node.func).rpartition(".")[2] not in _REGISTERS:
        return False
    return all(it.arg not in ("defaults", None) for it in node.keywords)


def _needed(function: Function) -> Iterator[ast.arg]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    yield from positional[: len(positional) - len(arguments.defaults)]
    yield from (it for it, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None)


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Parameters of the path that the path has no place for."""
    told: set[int] = set()
    for operation in view.api.operations:
        named = {plain_name(it) for it in placeholders(operation.path)}
        for it in operation.parameters:
            if it.place == "path" and it.name and plain_name(it.name) not in named and it.at.start not in told:
                told.add(it.at.start)
                yield FileHit(it.at, f"`{operation.path}` has no place for `{it.name}`.", symbol=operation.spoken)
