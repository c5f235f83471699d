"""A GET route reads the body of its request.

Why: a body has no meaning in a GET request. Browsers and many clients can't send one, proxies and caches drop it, and two
requests that differ in it alone are the same to them.
Instead: take it from the query string, or answer POST.

    words = request.args.getlist("words")

Consequences: it works with curl and fails behind the first proxy; a cache answers one client with another's results.
Tests: ask with the client of another language.
Source: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import parameters
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.knowledge.schemas import pydantic_model
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, Hit, OpenApiView, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A1", "A3"],
    bad=[
        Bad("""
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()

class Filter(BaseModel):
    status: str

@app.get("/jobs")
def jobs([|filter: Filter|]): ...

@app.get("/items")
def items([|tags: list[str]|] = []): ...
"""),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    get:
      [|requestBody|]:
        content:
          application/json: {schema: {type: object}}
"""),
        Bad("""
from flask import Flask, request

app = Flask(__name__)

@app.route("/search", methods=["GET"])
def search():
    return {"words": [|request.get_json()|]["words"]}

@app.get("/find")
def find():
    return {"words": [|request.form|]["words"]}
"""),
        Bad("""
from fastapi import FastAPI, Request

app = FastAPI()

@app.get("/search")
async def search(request: Request):
    return (await [|request.json()|])["words"]
"""),
    ],
    good=[
        """
from flask import Flask, render_template, request
from shop.forms import TagForm

app = Flask(__name__)

@app.get("/tags")
def tags():
    return render_template("tags.html", form=TagForm(request.form))
""",
        """
from typing import Annotated
from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel

app = FastAPI()

class Filter(BaseModel):
    status: str

known = Depends(Filter)
Known = Annotated[Filter, Depends(Filter)]

@app.get("/jobs")
def jobs(filter: Annotated[Filter, Query()], other: Filter = Depends(), third: Filter = known, fourth: Known = None): ...

@app.get("/items")
def items(tags: Annotated[list[str], Query()] = [], more: list[str] = Query([]), names: list[str] | None = Query(None)): ...

@app.post("/items")
def add(tags: list[str] = []): ...
""",
        """
from flask import Flask, request

app = Flask(__name__)

@app.route("/search", methods=["GET", "POST"])
def search():
    if request.method == "POST":
        return {"words": request.form["words"]}
    return {"words": request.args.get("words")}

@app.post("/find")
def find():
    return {"words": request.get_json()["words"]}
""",
    ],
)

_BODY = regex(r"(?:flask\.)?request\.(?:get_json|json|form|get_data|data)|request\.(?:json|form)")


_LISTS = frozenset(("list", "List", "set", "Set", "dict", "Dict"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The body of the request, in handlers that answer GET alone."""
    reading = view.reading
    for function in reading.functions:
        routes = routes_of(view.project, view.path, reading.qualname(function)) if function.decorator_list else ()
        if not routes or any(not it.methods or not it.methods <= {"GET", "HEAD"} for it in routes):
            continue
        if any(it.framework not in ("flask", "fastapi") for it in routes):
            continue
        if all(it.framework == "fastapi" for it in routes):
            yield from _taken(view, function)
        for node in reading.within(function):
            if isinstance(node, ast.Attribute) and _BODY.fullmatch(dotted(node)) and not _is_tried(reading, node):
                parent = reading.parent(node)
                shown = parent if isinstance(parent, ast.Call) and parent.func is node else node
                yield Hit(shown, f"`{function.name}` answers GET, whose requests have no body that anyone keeps.")
                break


def _taken(view: View, function: Function) -> Iterator[Hit]:
    """The parameters that FastAPI takes out of the body: models and lists without a word of where they come from."""
    for it, default in parameters(function):
        kind = it.annotation
        if isinstance(default, ast.Call | ast.Name | ast.Attribute) or not isinstance(
            kind, ast.Name | ast.Attribute | ast.Subscript
        ):
            continue
        if isinstance(kind, ast.Subscript):
            if dotted(kind.value).rpartition(".")[2] in _LISTS:
                yield Hit(it, f"`{it.arg}` is read from the body, which GET has none of: say `Query()`.")
            continue
        symbol = view.symbol(kind)
        if isinstance(symbol, ClassSymbol) and symbol.facts.qualname.rpartition(".")[2] != dotted(kind).rpartition(".")[2]:
            continue  # a name for more than the class: `Annotated[User, Depends(user)]`
        if isinstance(symbol, ClassSymbol) and pydantic_model(view.project, symbol.path, symbol.facts.qualname):
            yield Hit(it, f"`{it.arg}` is read from the body, which GET has none of: say `Query()`.")


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Bodies that a document describes for GET and HEAD."""
    for it in view.api.operations:
        body = it.node["requestBody"]
        if it.method in ("GET", "HEAD") and body:
            yield FileHit(body.key, f"`{it.spoken}` describes a body, which proxies and caches drop.", symbol=it.spoken)


def _is_tried(reading: Reading, node: ast.Attribute) -> bool:
    """Whether the handler goes on without a body: in a `try`, by `silent=True`, in one half of a condition."""
    for up in reading.ancestors(node):
        if isinstance(up, ast.Try | ast.If | ast.IfExp | ast.BoolOp):
            return True
        if isinstance(up, ast.Call) and any(it.arg in ("silent", "default") for it in up.keywords):
            return True
        if isinstance(up, ast.Call) and node in up.args and node.attr == "form":
            return True  # a class of forms takes an empty one for a page that shows it
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
    return False
