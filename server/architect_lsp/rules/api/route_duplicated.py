"""Two handlers are registered for the same method and path; one of them never answers.

Why: a framework keeps both and asks one, mostly the one that came first. The other is dead code that looks alive, and which
of the two it is depends on the order of imports and registrations.
Instead: one handler for one method and path. Where both have a purpose, give them paths of their own or branch inside one.

    @router.get("/orders/{order_id}")
    async def read_order(order_id: int, full: bool = False) -> OrderOut: ...

Consequences: a fix made in the dead handler changes nothing; the schema shows one of them, clients get the other.
Tests: assert that no (method, path) appears twice in the application's routes.
Security: when the dead handler carries the stricter check, the laxer one answers.
Source: Starlette's `Router.app` takes the first full match; werkzeug's `Map` likewise.
"""

from collections.abc import Iterator

from architect_lsp.knowledge import openapi
from architect_lsp.knowledge.frameworks import fastapi, flask, litestar
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import shape, spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A1", "B1"],
    cwe=561,
    bad=[
        Bad("""
-- app/main.py --
from fastapi import FastAPI
from app import items, stock

app = FastAPI()
app.include_router(items.router, prefix="/items")
app.include_router(stock.router)
-- app/items.py --
from fastapi import APIRouter

router = APIRouter()

@router.get("/{item_id}")
def read_item(item_id: str): ...
-- app/stock.py --
from fastapi import APIRouter

router = APIRouter(prefix="/items")

@[|router.get("/{key}")|]
def read_stock(key: str): ...
"""),
        Bad("""
from flask import Flask

app = Flask(__name__)

@app.route("/users/<name>", methods=["GET", "POST"])
def user(name): ...

@[|app.post("/users/<name>")|]
def change(name): ...
"""),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    get:
      responses: {"200": {description: all}}
    [|get|]:
      responses: {"200": {description: some}}
  /orders/{id}:
    get:
      responses: {"200": {description: one}}
  /orders/{number}:
    [|get|]:
      responses: {"200": {description: one}}
    delete:
      responses: {"204": {description: gone}}
  [|/orders|]:
    post:
      responses: {"201": {description: made}}
"""),
    ],
    good=[
        """
import os
from fastapi import FastAPI

app = FastAPI()

if os.getenv("HOME_URL"):
    @app.get("/")
    def redirect(): ...

@app.get("/")
def home(): ...

@app.post("/")
def post_home(): ...

@app.get("/items/{item_id:int}")
def by_number(item_id: int): ...

@app.get("/items/{name}")
def by_name(name: str): ...
""",
        """
from fastapi import APIRouter, FastAPI

router = APIRouter()
app = FastAPI()

@router.get("/a")
@router.get("/a/")
def a(): ...

app.include_router(router)
app.include_router(router, prefix="/v2")
app.include_router(router)
""",
        """
-- app/making.py --
from fastapi import FastAPI

def make_app(middleware=()):
    \"\"\"An application with what all of them have.\"\"\"
    rows = [*middleware]
    return FastAPI(middleware=rows)
-- app/github.py --
from fastapi import APIRouter
from app.making import make_app

router = APIRouter()

@router.get("/")
def root(): ...

app = make_app()
app.include_router(router)
-- app/gitlab.py --
from fastapi import APIRouter
from app.making import make_app

router = APIRouter()

@router.get("/")
def root(): ...

app = make_app()
app.include_router(router)
""",
        """
from flask import Blueprint, Flask

old = Blueprint("old", __name__)
new = Blueprint("new", __name__, url_prefix="/new")

@old.route("/a")
def a(): ...

@new.route("/a")
def b(): ...

def create_app():
    app = Flask(__name__)
    app.register_blueprint(old)
    app.register_blueprint(new)
    return app
""",
        """
-- openapi.json --
{"openapi": "3.1.0", "paths": {
  "/orders/{id}": {"get": {}, "put": {}},
  "/orders/{id}/lines": {"get": {}},
  "/orders/mine": {"get": {}},
  "/orders/{number}": {"delete": {}}
}}
""",
    ],
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Routes whose method and path an earlier one has, in the same application."""
    told: set[Ref] = set()
    for table in (*fastapi.tables(project), *flask.tables(project), *litestar.tables(project)):
        first: dict[tuple[str, str], Route] = {}
        for route in table:
            if route.optional or "?" in route.path or route.handler is None:
                continue
            rows = [first.setdefault((it, shape(route.path)), route) for it in sorted(route.methods)]
            earlier = next((it for it in rows if it.handler != route.handler and it.at != route.at), None)
            if earlier is not None and earlier.handler is not None and route.at not in told:
                told.add(route.at)
                message = f"`{spoken(route)}` is answered by `{earlier.handler.qualname}`, which is registered for it too."
                yield ProjectHit(route.at, message, ((earlier.at, f"`{spoken(earlier)}` is registered here"),))


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Paths and methods that a document has twice, the names of what a client fills in aside."""
    seen: set[str] = set()
    twice = {it.id: it for it in view.api.paths if it.name in seen or seen.add(it.name)}  # type: ignore[func-returns-value]
    for path in twice.values():
        yield FileHit(path.key, f"`{path.name}` is described twice: readers take the last alone.", symbol=path.name)
    first: dict[tuple[str, str], openapi.Operation] = {}
    for it in view.api.operations:
        earlier = first.setdefault((it.method, openapi.shape(it.path)), it)
        if earlier is it or it.path_node.id in twice:
            continue
        if earlier.path_node.id == it.path_node.id:
            yield FileHit(it.at, f"`{it.spoken}` is described twice: readers take the last alone.", symbol=it.spoken)
        else:
            yield FileHit(it.at, f"`{it.spoken}` takes the same requests as `{earlier.spoken}`.", symbol=it.spoken)
