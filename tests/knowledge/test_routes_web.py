"""Routes of FastAPI, Flask and Litestar in small: what guards them, what they answer with, what is not theirs."""

from __future__ import annotations

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.nouns import Route
from support.projects import project_of


def routes(text: str) -> dict[str, Route]:
    return {it.path: it for it in catalogue(project_of(text)).routes}


def guards(route: Route) -> list[str]:
    return [it.name for it in route.dependencies if it.guards]


def test_dependencies_are_inherited_and_guards_are_told_by_name_and_by_body() -> None:
    found = routes("""
        -- app.py --
        from typing import Annotated
        from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Security
        from fastapi.security import OAuth2PasswordBearer
        from deps import Reader, Session, gate, pages

        scheme = OAuth2PasswordBearer(tokenUrl="token")
        app = FastAPI(dependencies=[Depends(pages)])
        inner = APIRouter(dependencies=[Depends(gate)])

        @inner.get("/a", dependencies=[Security(scheme)], status_code=202, response_model=list[int])
        def a(session: Session, reader: Reader): ...

        @app.get("/open")
        def open_(session: Session, page: int = Depends(pages)) -> str | None: ...

        app.include_router(inner, prefix="/in")
        -- deps.py --
        from typing import Annotated
        from fastapi import Depends, HTTPException, Request, status

        def pages(limit: int = 10): ...
        def session(): ...
        Session = Annotated[object, Depends(session)]

        def who(request: Request):
            if request.headers.get("Authorization") is None:
                raise HTTPException(status.HTTP_401_UNAUTHORIZED)

        def gate(person: str = Depends(who)): ...

        def can(what):
            def reads(user=Depends(who)): ...
            return reads

        Reader = Annotated[str, Depends(can("read"))]
    """)
    assert guards(found["/in/a"]) == ["gate", "scheme", "can"]
    assert [it.name for it in found["/in/a"].dependencies] == ["pages", "gate", "scheme", "session", "can"]
    assert (found["/in/a"].status, found["/in/a"].response) == (202, "list[int]")
    assert guards(found["/open"]) == []
    assert found["/open"].response == "str | None"


def test_what_runs_before_a_flask_view() -> None:
    found = routes("""
        -- app.py --
        from flask import Blueprint, Flask, g, redirect, session
        from flask.views import MethodView
        from flask_login import login_required

        app = Flask(__name__)
        bp = Blueprint("bp", __name__, url_prefix="/bp")

        @bp.before_request
        def load():
            if session.get("id") is None:
                return redirect("/login")

        @bp.get("/a")
        def a(): ...

        @app.get("/b")
        @login_required
        def b(): ...

        @app.get("/c")
        def c(): ...

        class View(MethodView):
            decorators = [login_required]
            def get(self): ...

        app.add_url_rule("/d", view_func=View.as_view("d"))
        app.register_blueprint(bp)
    """)
    assert {path: guards(it) for path, it in found.items()} == {
        "/bp/a": ["load"],
        "/b": ["login_required"],
        "/c": [],
        "/d": ["login_required"],
    }


def test_guards_of_every_layer_of_litestar() -> None:
    found = routes("""
        -- app.py --
        from litestar import Controller, Litestar, delete, post

        def admin_only(connection, handler): ...

        class Orders(Controller):
            path = "/orders"
            guards = [admin_only]

            @post()
            async def add(self) -> int: ...

            @delete("/{key:int}")
            async def remove(self) -> None: ...

        app = Litestar([Orders])
    """)
    assert {path: (guards(it), it.status) for path, it in found.items()} == {
        "/orders": (["admin_only"], 201),
        "/orders/{key:int}": (["admin_only"], 204),
    }


def test_what_only_looks_like_a_route_is_none() -> None:
    assert not routes("""
        -- app.py --
        import requests
        from unittest import mock
        from cache import app, session

        @mock.patch("requests.get")
        def replaced(get): ...

        def read(client):
            return client.get("/users")

        @app.get("/x")
        def x(): ...
        -- cache.py --
        class Cache:
            def get(self, name): ...

        app = Cache()
        session = app
    """)
