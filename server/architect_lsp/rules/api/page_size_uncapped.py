"""A client may ask for a page of any size.

Why: `limit` without a bound makes the limit the client's: `?limit=100000000` reads the table, in one query and into one
process's memory.
Instead: say the largest page in the signature.

    limit: int = Query(50, ge=1, le=200)

Consequences: one request takes the memory of all.
Trade-offs: exports need a way of their own, in parts or in the background.
Tests: ask for one more than the bound, and expect 422, or the bound.
Security: CWE-770.
Source: OWASP API Security Top 10 2023, API4
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.openapi import snake
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, Hit, OpenApiView, Rule, View
from architect_lsp.syntax.nodes import Node

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["A3"],
    cwe=770,
    needs=["limit", "size", "per_page", "count", "take"],
    bad=[
        Bad("""
from flask import Flask, request
from app.models import Article

app = Flask(__name__)

@app.get("/articles")
def articles():
    size = [|request.args.get("per_page", 20, type=int)|]
    return Article.query.limit(size).all()
"""),
        Bad(
            """
from fastapi import APIRouter, Query
from sqlalchemy import select
from shop.db import Order, session

router = APIRouter()

@router.get("/orders")
def orders([|page_size: int|] = 20, page: int = 0):
    return session.scalars(select(Order).offset(page * page_size).limit(page_size)).all()

@router.get("/items")
def items([|limit: int|] = Query(100, ge=1)):
    return session.scalars(select(Order).limit(limit)).all()
"""
        ),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders: {get: {parameters: [{name: limit, in: query, schema: {type: integer, maximum: 200}}]}}
  /parcels: {get: {parameters: [{name: limit, in: query, schema: {type: integer, maximum: 200}}]}}
  /returns: {get: {parameters: [{name: limit, in: query, schema: {type: integer, maximum: 100}}]}}
  /labels: {get: {parameters: [{name: limit, in: query, schema: {type: integer, maximum: 200}}]}}
  /offers: {get: {parameters: [{name: limit, in: query, schema: {type: integer, maximum: 200}}]}}
  /notes: {get: {parameters: [{name: [|limit|], in: query, schema: {type: integer}}]}}
"""),
        Bad("""
from django.http import JsonResponse
from shop.models import Item

def page(request):
    size = [|int(request.GET.get("size", 20))|]
    return JsonResponse({"items": list(Item.objects.values("id")[:size])})
"""),
    ],
    good=[
        """
from flask import Flask, request
from app.models import Article

app = Flask(__name__)

@app.get("/articles")
def articles():
    size = min(request.args.get("per_page", 20, type=int), 100)
    return Article.query.limit(size).all()

@app.get("/others")
def others():
    size = request.args.get("per_page", 20, type=int)
    if size > 100:
        size = 100
    return Article.query.limit(size).all()
""",
        """
from fastapi import APIRouter, Query
from sqlalchemy import select
from shop.db import Order, session

router = APIRouter()

@router.get("/orders")
def orders(page_size: int = Query(20, le=200)):
    return session.scalars(select(Order).limit(page_size)).all()

@router.get("/items")
def items(limit: int = 100):
    return session.scalars(select(Order).limit(min(limit, 500))).all()

@router.get("/lines")
def lines(limit: int = 100):
    if limit > 1000:
        limit = 1000
    return session.scalars(select(Order).limit(limit)).all()
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders: {get: {parameters: [{name: limit, in: query, schema: {type: integer}}]}}
  /parcels: {get: {parameters: [{name: limit, in: query, schema: {type: integer}}]}}
""",
        """
from django.http import JsonResponse
from shop.models import Item

def page(request):
    size = min(int(request.GET.get("size", 20)), 100)
    return JsonResponse({"items": list(Item.objects.values("id")[:size])})

def others(request):
    limit = int(request.GET.get("limit", 20))
    if limit > 100:
        return JsonResponse({}, status=400)
    return JsonResponse({"items": list(Item.objects.values("id")[:limit])})
""",
    ],
)

_SIZE = regex(r"limit|page_?size|per_?page|size|count|take|page_?limit|max_results")
_BOUNDS = ("le", "lt")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Parameters of handlers that go into `.limit(...)` as they came."""
    yield from _read(view)
    for function in view.reading.functions:
        routes = routes_of(view.project, view.path, view.reading.qualname(function)) if function.decorator_list else ()
        if not routes or any(it.framework != "fastapi" for it in routes):
            continue
        for argument, default in _sizes(function):
            if not _is_bounded(argument, default) and _is_limit(view.reading, function, argument.arg):
                yield Hit(argument, f"`{argument.arg}` may be any number, and so many rows are read: give it a largest value.")


_ASKED = regex(r"\brequest\.(?:GET|args|query_params|params)\b")


def _read(view: View) -> Iterator[Hit]:
    """Sizes that a view reads from the query itself, and cuts rows by as they came."""
    for function in view.reading.functions:
        for name, rows in view.reading.bindings(function).items():
            if not _SIZE.fullmatch(name) or len(rows) != 1 or not isinstance(rows[0], ast.Call):
                continue
            if dotted(rows[0].func) != "int" and dotted(keyword(rows[0], "type") or rows[0]) != "int":
                continue
            if not _ASKED.search(ast.unparse(rows[0])) or _is_looked_at(view.reading, function, name):
                continue
            found = next((it for it in view.reading.within(function) if _cuts(it, name)), None)
            if found is not None:
                yield Hit(rows[0], f"`{name}` may be any number, and so many rows are read: give it a largest value.")


def _cuts(node: ast.AST, name: str) -> bool:
    """Whether rows of a query are cut by it: `Item.objects.all()[:size]`, `.limit(size)`, `Paginator(rows, size)`."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        bound = node.slice.upper
        return bound is not None and dotted(bound) == name and bool(re.search(r"\.(?:objects|query)\b", ast.unparse(node.value)))
    if isinstance(node, ast.Call):
        last = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
        given = node.args[:1] if last == "limit" else node.args[1:2] if last == "Paginator" else []
        return any(dotted(it) == name for it in given)
    return False


def _is_looked_at(reading: Reading, function: Function, name: str) -> bool:
    """Whether a comparison or another call sees it."""
    for node in reading.within(function):
        if isinstance(node, ast.Compare) and name in {dotted(it) for it in (node.left, *node.comparators)}:
            return True
        if isinstance(node, ast.Call) and not _cuts(node, name) and any(dotted(it) == name for it in node.args):
            return True
    return False


def _sizes(function: Function) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Parameters that say how many, with their defaults."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*([None] * (len(positional) - len(arguments.defaults))), *arguments.defaults]
    for it, default in (*zip(positional, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)):
        if _SIZE.fullmatch(it.arg) and it.annotation is not None and re.search(r"\bint\b", ast.unparse(it.annotation)):
            yield it, default


def _is_bounded(argument: ast.arg, default: ast.expr | None) -> bool:
    """Whether its annotation or its default names a largest value, or may do so elsewhere."""
    if isinstance(default, ast.Call):
        if dotted(default.func).rpartition(".")[2] != "Query" or any(keyword(default, it) is not None for it in _BOUNDS):
            return True
        if any(it.arg is None for it in default.keywords):
            return True
    elif default is not None and not isinstance(default, ast.Constant):
        return True
    said = ast.unparse(argument.annotation) if argument.annotation is not None else ""
    return bool(re.search(r"\b(?:le|lt)=|conint|Literal|Depends", said))


def _is_limit(reading: Reading, function: Function, name: str) -> bool:
    """Whether the parameter goes to `.limit(...)` as it came, and nothing else looks at it."""
    reached = False
    for node in reading.within(function):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "limit" and node.args and dotted(node.args[0]) == name:
                reached = True
            elif dotted(node.func) == "min" and any(dotted(it) == name for it in node.args):
                return False
        elif isinstance(node, ast.Compare) and name in {dotted(it) for it in (node.left, *node.comparators)}:
            if not any(constant(it) == 0 for it in (node.left, *node.comparators)):
                return False
        elif isinstance(node, ast.Assign) and any(dotted(it) == name for it in node.targets):
            return False
    return reached


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Sizes of pages of which a document says no largest, where it says one of nine in ten."""
    rows = {
        each.at: (it, each)
        for it in view.api.operations
        for each in it.parameters
        if each.place == "query" and _SIZE.fullmatch(snake(each.name)) and view.api.meant(each.schema)["type"].text == "integer"
    }
    for it in odd_ones({"": list(rows.values())}, lambda row: _is_capped(view.api.meant(row[1].schema))):
        operation, parameter = it.member
        words = f"`{parameter.name}` of `{operation.spoken}` may be any number; {it.counts} sizes of pages here have a largest."
        yield FileHit(parameter.at, words, symbol=operation.spoken)


def _is_capped(schema: Node) -> bool:
    return bool(schema["maximum"] or schema["exclusiveMaximum"] or schema["enum"])
