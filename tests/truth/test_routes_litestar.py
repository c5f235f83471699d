"""Routes of Litestar: those we see of a made-up application are those that the framework itself has."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from architect_lsp.knowledge.frameworks.litestar import tables
from support.examples import files_of
from support.routes import LITESTAR, rows
from support.truth import environment, project_of, said

pytestmark = pytest.mark.realworld

SHOP = """
-- shop/__init__.py --
-- shop/app.py --
from litestar import Litestar, Router, get, websocket
from . import orders, pages
from .items import ItemController, items_router
from .security import needs_user

@get()
async def index() -> str: ...

@get(["/health", "/ready"], sync_to_thread=False)
def health() -> dict[str, str]: ...

@websocket("/live")
async def live(socket: str) -> None: ...

def create_app(**more) -> Litestar:
    @get("/inner/{name:str}")
    async def inner(name: str) -> None: ...

    v1 = Router(path="/v1", route_handlers=[orders.OrderController, *pages.HANDLERS], guards=[needs_user])
    app = Litestar(route_handlers=[index, health, inner, v1, items_router(prefix="stock"), live], openapi_config=None)
    app.register(ItemController)
    return app
-- shop/security.py --
from litestar.exceptions import NotAuthorizedException

def needs_user(connection, handler) -> None:
    if not connection.user:
        raise NotAuthorizedException()
-- shop/orders.py --
from litestar import Controller, delete, get, patch, post, put, route, HttpMethod

class Listed(Controller):
    @get()
    async def every(self) -> list[str]: ...

class OrderController(Listed):
    path = "/orders/"

    @post(status_code=202)
    async def create(self, data: dict) -> None: ...

    @patch("/{number:int}")
    async def change(self, number: int, data: dict) -> None: ...

    @delete(path="{number:int}/")
    async def remove(self, number: int) -> None: ...

    @route("/both", http_method=[HttpMethod.GET, "POST"])
    async def both(self) -> None: ...

    async def helper(self) -> None: ...
-- shop/items.py --
from litestar import Controller, Router, get, put

class ItemController(Controller):
    path = "/items"

    @get("/{item:uuid}")
    async def one(self, item: str) -> None: ...

@put("/{item:int}")
async def change(item: int, data: dict) -> None: ...

def items_router(prefix: str) -> Router:
    return Router(f"/{prefix}", route_handlers=[change])
-- shop/pages.py --
from litestar import get

@get("/about")
async def about() -> None: ...

HANDLERS = [about]
"""


def test_a_litestar_application_of_several_files(tmp_path: Path) -> None:
    for name, code in files_of(textwrap.dedent(SHOP)).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    script = f"import sys; sys.path.insert(0, '.')\n{textwrap.dedent(LITESTAR)}"
    asked = said(environment("litestar", ["litestar==2.25.0"]), script, "shop.app:create_app()", str(tmp_path), cwd=tmp_path)
    assert len(asked) == 13
    (table,) = tables(project_of(tmp_path))
    assert sorted(rows(table)) == sorted(tuple(it) for it in asked)
