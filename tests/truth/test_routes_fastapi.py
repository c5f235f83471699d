"""Routes of FastAPI and Starlette: those we see are those the framework itself has, of an installed package and a made-up one."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from architect_lsp.knowledge.frameworks.fastapi import tables
from support.examples import files_of
from support.routes import ASGI, Row, rows
from support.truth import environment, project_of, said, source

pytestmark = pytest.mark.realworld

FASTAPI = ["fastapi==0.150.0", "starlette==1.10.0"]
PREFECT = ["prefect==3.9.1", "fastapi==0.150.0", "starlette==1.10.0"]

SHOP = """
-- shop/__init__.py --
-- shop/main.py --
from contextlib import asynccontextmanager
from fastapi import Depends, FastAPI
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles
from . import admin, reports, sockets
from .api import ROUTERS, crud_router
from .api.v1 import router as v1
from .auth import CurrentUser, require_user
from .config import settings
from .server import Server, plain
from .views import Views

@asynccontextmanager
async def lifespan(app):
    yield

def create_app(title: str = "Shop") -> FastAPI:
    app = FastAPI(title=title, lifespan=lifespan, openapi_url=None)

    @app.get("/health")
    def health(): ...

    @app.api_route("/echo", methods=["GET", "POST"])
    async def echo(): ...

    for router in ROUTERS:
        app.include_router(router, prefix=settings.API, dependencies=[Depends(require_user)])
    for prefix, router in (("/eu", reports.router), ("/us", reports.router)):
        app.include_router(router, prefix=f"/reports{prefix}")
    for name, router in reports.MORE.items():
        app.include_router(router, prefix="/more/" + name)
    app.include_router(prefix="/v1", router=v1)
    app.include_router(crud_router("/colours", list_colours))
    app.include_router(crud_router(prefix="/sizes", handler=list_colours))
    sockets.register(app)
    admin.Admin(app, base="/admin")
    Views().install(app)
    app.add_api_route("/late/{number:int}", endpoint=list_colours, methods=["PUT", "DELETE"])
    app.get("/called")(list_colours)
    app.mount("/internal", Server().app)
    app.mount("/plain", app=plain())
    return app

def list_colours(user: CurrentUser): ...

app = create_app()
-- shop/config.py --
class Settings:
    API: str = "/api"

settings = Settings()
-- shop/auth.py --
from typing import Annotated
from fastapi import Depends, Header, HTTPException

def require_user(authorization: str = Header("")):
    if not authorization:
        raise HTTPException(401)

CurrentUser = Annotated[str, Depends(require_user)]
-- shop/api/__init__.py --
from fastapi import APIRouter
from .items import router as items
from .orders import router as orders

ROUTERS = [items]
ROUTERS.append(orders)

def crud_router(prefix, handler):
    router = APIRouter(prefix=prefix)

    @router.get("/")
    def every(): ...

    router.add_api_route("/{key}", handler, methods=["PATCH"])
    return router
-- shop/api/items.py --
from fastapi import APIRouter, Depends
from ..auth import CurrentUser, require_user

BASE = "/items"
router = APIRouter(prefix=BASE, dependencies=[Depends(require_user)])

@router.get("")
def every(): ...

@router.post("", status_code=201)
@router.put("")
def create(): ...

@router.get(path="/{item_id}")
def one(item_id: int, user: CurrentUser): ...

class Stock:
    router = APIRouter(prefix="/stock")

    @staticmethod
    @router.delete("/{name:path}")
    def remove(name: str): ...

router.include_router(Stock.router)
-- shop/api/orders/__init__.py --
from .routes import *
-- shop/api/orders/routes.py --
from fastapi import APIRouter as R
from fastapi.routing import APIRoute

class Route(APIRoute): ...

class Router(R):
    def __init__(self, **more):
        super().__init__(route_class=Route, **more)

router = Router(prefix="/orders")

@router.get("/")
async def every(): ...

@router.head("/{order}")
async def there(order: str): ...
-- shop/api/v1.py --
from fastapi import APIRouter, FastAPI
from starlette.routing import Route
from .orders import every

async def legacy(request): ...

router = APIRouter(routes=[Route("/legacy", legacy), Route("/old", legacy, methods=["POST"])])

@router.get("/new")
def new(): ...
-- shop/reports.py --
from fastapi import APIRouter

router = APIRouter()
daily = APIRouter()
MORE = {"daily": daily, "all": router}

@router.get("/summary")
def summary(): ...

@daily.get("/today")
def today(): ...
-- shop/sockets.py --
from fastapi import FastAPI

def register(app: FastAPI):
    @app.websocket("/ws/{room}")
    async def room(): ...
    deeper(app, "/deep")

def deeper(target, prefix="/shallow"):
    target.add_api_websocket_route(prefix + "/ws", talk)
    target.add_api_route(f"{prefix}/talk", talk_too)

async def talk(): ...
async def talk_too(): ...
-- shop/admin.py --
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute, Router
from starlette.staticfiles import StaticFiles

class Page(HTTPEndpoint):
    async def get(self, request): ...
    async def post(self, request): ...

async def socket(websocket): ...
async def index(request): ...

inner = [Route("/{name}", index), Route("/{name}/edit", endpoint=index, methods=["GET", "POST"])]

class Admin:
    def __init__(self, app, base):
        self.app = app
        self.admin = Starlette(routes=[Route("/", self.index), *self.more(), Mount("/pages", routes=inner)])
        self.app.mount(base, app=self.admin)

    def more(self):
        return [Route("/page", Page), WebSocketRoute("/live", socket), Mount("/x", app=Router(routes=[Route("/y", index)]))]

    async def index(self, request): ...
-- shop/server.py --
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.cors import CORSMiddleware

class Base:
    def __init__(self):
        self.router = APIRouter(prefix="/base")
        self.router.add_api_route("/ping", self.ping)
        self.setup()

    def ping(self): ...
    def setup(self): ...

class Server(Base):
    def __init__(self):
        super().__init__()
        self.app = FastAPI(openapi_url=None)
        self.app.include_router(self.router, prefix="/v2")

    def setup(self):
        @self.router.get("/inner")
        def inner(): ...

async def home(request): ...

def plain():
    return CORSMiddleware(Starlette(routes=[Route("/", home)]), allow_origins=["https://a.example"])
-- shop/views.py --
from fastapi import APIRouter

class Views:
    router = APIRouter(prefix="/views")

    def install(self, app):
        self.router.add_api_route("/one", self.one, methods=["POST"])
        app.include_router(self.router)

    async def one(self): ...
"""


def test_a_fastapi_application_of_several_files(tmp_path: Path) -> None:
    for name, code in files_of(textwrap.dedent(SHOP)).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    expected = asked(environment("fastapi", FASTAPI), "shop.main:app", tmp_path)
    assert len(expected) == 36
    (table,) = tables(project_of(tmp_path))
    assert rows(table) == expected


def test_prefect_has_the_routes_we_see() -> None:
    python = environment("prefect", PREFECT)
    root = source(python, "prefect")
    expected = asked(python, "prefect.server.api.server:create_app()", python.parent.parent)
    assert len(expected) > 180
    table = max(tables(project_of(root)), key=len)
    seen = rows(table)
    # One path is computed. Prefect mounts its API at `/api` or, by a setting, elsewhere: there all is the same below a `?`.
    computed = ("GET", "/ui-settings", "prefect/server/api/server.py:create_ui_app.ui_settings")
    assert seen.count(("GET", "?", computed[2])) == 1
    elsewhere = {it for it in seen if it[1].startswith("?/")}
    assert elsewhere == {(m, f"?{path.removeprefix('/api')}", it) for m, path, it in seen if path.startswith("/api/")}
    # Two are there by a setting alone.
    here = {it for it in seen if not it[1].startswith("?")}
    assert here - {*expected} == {
        ("GET", "/api/metrics", "prefect/server/api/server.py:create_app.metrics"),
        ("GET", "/api/pid", "prefect/server/api/root.py:pid"),
    }
    assert all(it.optional for it in table if it.path in ("/api/metrics", "/api/pid"))
    assert {*expected} - here == {computed}


def asked(python: Path, application: str, root: Path) -> list[Row]:
    """What the framework itself says of the routes of the files below a folder."""
    script = f"import sys; sys.path.insert(0, '.')\n{textwrap.dedent(ASGI)}"
    folders = [str(root), *map(str, root.glob("lib/python*/site-packages"))]
    return [tuple(it) for it in said(python, script, application, *folders, cwd=root) if not it[2].startswith("fastapi/")]
