"""A habit has counts: five neighbours at least, of which nine tenths agree, and only then somebody is the odd one out."""

from __future__ import annotations

from architect_lsp.knowledge.habits import by_family, by_package, by_router, odd_ones
from support.projects import project_of


def test_one_of_six_is_odd_and_one_of_five_is_not() -> None:
    found = list(odd_ones({"six": range(6), "five": range(5)}, lambda it: it != 3))
    assert [(it.group, it.member, it.counts, it.example) for it in found] == [("six", 3, "5 of 6", 0)]


def test_nine_tenths_of_the_neighbours_must_agree() -> None:
    assert [it.counts for it in odd_ones({"": range(11)}, lambda it: it > 1)] == ["9 of 11", "9 of 11"]
    assert list(odd_ones({"": range(10)}, lambda it: it > 1)) == []


def test_who_does_not_count_is_no_neighbour() -> None:
    assert list(odd_ones({"": range(6)}, lambda it: None if it == 0 else it != 3)) == []
    assert [it.counts for it in odd_ones({"": range(7)}, lambda it: None if it == 0 else it != 3)] == ["5 of 6"]


def test_a_group_that_always_agrees_or_never_does_has_no_odd_one() -> None:
    assert list(odd_ones({"": range(9)}, lambda it: True)) == []
    assert list(odd_ones({"": range(9)}, lambda it: False)) == []


def test_routes_are_grouped_by_their_router_however_often_it_is_included() -> None:
    project = project_of("""
        -- app/api/orders.py --
        from fastapi import APIRouter
        router = APIRouter()
        @router.get("/a")
        def a(): ...
        @router.get("/b")
        def b(): ...
        -- app/web/orders.py --
        from fastapi import APIRouter
        router = APIRouter()
        @router.get("/c")
        def c(): ...
        -- app/main.py --
        from fastapi import FastAPI
        from app.api import orders
        app = FastAPI()
        other = FastAPI()
        app.include_router(orders.router, prefix="/v1")
        other.include_router(orders.router, prefix="/v2")
        @app.get("/health")
        def health(): ...
        -- tests/test_app.py --
        from fastapi import FastAPI
        fake = FastAPI()
        @fake.get("/fake")
        def answer(): ...
    """)
    handlers = {name: [it.handler.qualname for it in routes if it.handler] for name, routes in by_router(project).items()}
    assert handlers == {"api.orders.router": ["a", "b"], "web.orders.router": ["c"], "main.app": ["health"]}


def test_classes_are_grouped_by_their_bases_and_files_by_their_folder() -> None:
    project = project_of("""
        -- app/base.py --
        from pydantic import BaseModel
        class Base(BaseModel): ...
        -- app/models/user.py --
        from app.base import Base as Root
        class User(Root): ...
        class Plain(object): ...
        -- app/models/order.py --
        from app import base
        class Order(base.Base): ...
    """)
    families = {name: [it.facts.qualname for it in classes] for name, classes in by_family(project).items()}
    assert families == {"pydantic.BaseModel": ["Base"], "app/base.py:Base": ["User", "Order"]}
    assert by_package(project) == {"app": ("app/base.py",), "app/models": ("app/models/user.py", "app/models/order.py")}
