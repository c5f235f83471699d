"""What a call means: each feature of Python by which a name leads to a function or class, in a project of a few lines."""

from __future__ import annotations

import ast

import pytest

from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol
from support.projects import project_of

FILES = {
    "src/shop/__init__.py": "from .orders import Order as Order, make\nfrom .names import *\n",
    "src/shop/names.py": "__all__ = ['greet']\ndef greet(): ...\n",
    "src/shop/orders.py": """
from __future__ import annotations
from typing import Optional
class Row:
    def save(self): ...
class Order(Row):
    def total(self): ...
    @classmethod
    def new(cls) -> Order: ...
    @staticmethod
    def load() -> Order: ...
    @property
    def first(self) -> Row: ...
    def again(self) -> Order: ...
    def __enter__(self) -> Order: ...
    def __exit__(self, *args): ...
def make() -> Order: ...
def find() -> Optional[Order]: ...
order = make()
""",
    "src/shop/spaces/deep.py": "from ..orders import make as build\ndef dig(): ...\n",
    "src/shop/cycle_a.py": "from .cycle_b import ghost\nfrom . import cycle_b\ndef real(): ...\n",
    "src/shop/cycle_b.py": "from .cycle_a import ghost\nfrom . import cycle_a\n",
}
"""`shop.spaces` has no `__init__`; `ghost` leads from one import to the other and to nothing."""


def called(code: str) -> str:
    """What the last call in a file beside these means: `module:qualname`, "outside", or "" for what can't be told."""
    project = Project()
    for path, text in {**FILES, "src/shop/use.py": code}.items():
        document = Document(path, text)
        project.put(path, document.parts)
    calls = [
        (unit.place("", piece.reading.place(it)), piece.reading, it)
        for unit, piece in zip(document.units, document.pieces, strict=True)
        if piece.reading is not None
        for it in piece.reading.each(ast.Call)
    ]
    _, reading, call = max(calls, key=lambda it: (it[0].end_line, it[0].end_column))
    symbol = project.resolve("src/shop/use.py", reading.target(call.func), reading.owner(call))
    if isinstance(symbol, FunctionSymbol | ClassSymbol):
        return f"{symbol.path.removeprefix('src/shop/').removesuffix('.py')}:{symbol.facts.qualname}"
    return "outside" if isinstance(symbol, External) and not symbol.name.startswith("?") else ""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from shop.orders import make\nmake()", "orders:make"),
        ("from shop import make\nmake()", "orders:make"),
        ("from shop import greet\ngreet()", "names:greet"),
        ("import shop.orders as o\no.make()", "orders:make"),
        ("import shop.orders\nshop.orders.make()", "orders:make"),
        ("import shop.spaces.deep\nshop.spaces.deep.dig()", "spaces/deep:dig"),
        ("from .spaces.deep import build\nbuild()", "orders:make"),
        ("from .spaces import deep\ndeep.dig()", "spaces/deep:dig"),
        (
            "try:\n    import fast\n    from fast import make\nexcept ImportError:\n    from .orders import make\nmake()",
            "orders:make",
        ),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .orders import Order\n"
            "def f(o: 'Order'):\n    o.total()",
            "orders:Order.total",
        ),
        ("from .cycle_a import ghost\nghost()", ""),
        ("from .cycle_b import cycle_a\ncycle_a.real()", "cycle_a:real"),
        ("from .orders import Order\nOrder()", "orders:Order"),
        ("from .orders import Order\nOrder().total()", "orders:Order.total"),
        ("from .orders import Order\nOrder().save()", "orders:Row.save"),
        ("from .orders import Order\nOrder.new().total()", "orders:Order.total"),
        ("from .orders import Order\nOrder.load().total()", "orders:Order.total"),
        ("from .orders import Order\nOrder().first.save()", "orders:Row.save"),
        ("from .orders import order\norder.total()", "orders:Order.total"),
        ("from .orders import find\ndef f():\n    o = find()\n    o.total()", "orders:Order.total"),
        ("from .orders import find\ndef f():\n    if (o := find()) is not None:\n        o.total()", "orders:Order.total"),
        ("from .orders import Order\ndef f(o: Order | None = None):\n    o.total()", "orders:Order.total"),
        ("from .orders import Order\ndef f():\n    with Order() as o:\n        o.total()", "orders:Order.total"),
        (
            "from .orders import Order\nclass S:\n    def __init__(self):\n"
            "        self.o = Order()\n    def f(self):\n        self.o.total()",
            "orders:Order.total",
        ),
        (
            "from .orders import Order\nclass S:\n    def __init__(self, o: Order):\n"
            "        self.o = o\n    def f(self):\n        self.o.total()",
            "orders:Order.total",
        ),
        (
            "from dataclasses import dataclass\nfrom .orders import Order\n@dataclass\nclass S:\n"
            "    o: Order\ndef f(s: S):\n    s.o.total()",
            "orders:Order.total",
        ),
        ("class A:\n    def go(self): ...\nclass B(A):\n    def go(self):\n        super().go()", "use:A.go"),
        ("class A:\n    def go(self): ...\nclass B(A):\n    def go(self):\n        self.go()", "use:B.go"),
        (
            "class A:\n    def go(self): ...\nclass B(A): ...\nclass C(A):\n    def go(self): ...\nclass D(B, C): ...\nD().go()",
            "use:C.go",
        ),
        ("def f():\n    return Later()\nclass Later: ...\nLater()", "use:Later"),
        ("def f():\n    def inner(): ...\n    inner()", "use:f.inner"),
        ("def f():\n    from .orders import make\n    make()", "orders:make"),
        ("from .orders import make as build\nbuild().again().total()", "orders:Order.total"),
        ("class A:\n    def f(self):\n        print()", "outside"),
        ("class A:\n    def print(self): ...\n    def f(self):\n        print()", "outside"),
        ("class A:\n    def f(self):\n        def inner(): ...\n        inner()", "use:A.f.inner"),
        ("class A: ...\nclass B(A):\n    def go(self):\n        super().go()", ""),
        ("from .orders import Order\ndef f(rows: list[Order]):\n    for row in rows:\n        row.total()", "orders:Order.total"),
        ("from .orders import Order\ndef f(rows: dict[str, Order]):\n    rows['a'].total()", "orders:Order.total"),
        ("from .orders import Order\ndef f(rows: dict[str, Order]):\n    rows.get('a').total()", "orders:Order.total"),
        (
            "from .orders import Order\ndef f(rows: dict[str, Order]):\n    for _, row in rows.items():\n        row.total()",
            "orders:Order.total",
        ),
        (
            "from .orders import Order\ndef f(rows: dict[str, Order]):\n    for row in rows.values():\n        row.total()",
            "orders:Order.total",
        ),
        ("from .orders import Order\ndef f(rows: dict[Order, str]):\n    for row in rows:\n        row.total()", ""),
        (
            "from .orders import Order\ndef many() -> list[Order]: ...\ndef f():\n"
            "    for at, row in enumerate(sorted(many())):\n        row.total()",
            "orders:Order.total",
        ),
        (
            "from .orders import Order\nclass S:\n    rows: list[Order]\n    def f(self):\n"
            "        for a, row in zip('ab', self.rows):\n            row.total()",
            "orders:Order.total",
        ),
        (
            "from .orders import Order\nclass S:\n    def __init__(self):\n        self.rows: list[Order] = []\n"
            "    def f(self):\n        self.rows[0].total()",
            "orders:Order.total",
        ),
        (
            "from .orders import Order\nclass S:\n    def __iter__(self) -> Iterator[Order]: ...\n"
            "def f(s: S):\n    for row in s:\n        row.total()",
            "orders:Order.total",
        ),
        (
            "from .orders import Order, Row\ndef f(a: list[Row], b: list[Order]):\n    for it in a:\n        it.save()\n"
            "    for it in b:\n        it.total()",
            "orders:Order.total",
        ),
        ("from .orders import Order\ndef f(rows: list[Order]):\n    rows.copy()", "outside"),
        ("from .orders import Order\ndef f(kind: type[Order]):\n    kind()", "orders:Order"),
        ("from .orders import Order\ndef f(call: Callable[[str], Order]):\n    call.total()", ""),
        ("from sqlalchemy import cast\nfrom .orders import Order\ndef f(o):\n    cast(o.total, Order).label()", "outside"),
        (
            "from typing import cast\nfrom .orders import Order\ndef f(o):\n    o = cast(Order, o)\n    o.total()",
            "orders:Order.total",
        ),
        (
            "from typing import Union\nfrom .orders import Order\ndef f(o: Union[None, Order]):\n    o.total()",
            "orders:Order.total",
        ),
        ("from typing import Any\ndef f(o: Any):\n    o.total()", ""),
        (
            "from typing import TypeVar\nfrom .orders import Order\nT = TypeVar('T', bound=Order)\ndef f(o: T):\n    o.total()",
            "orders:Order.total",
        ),
        (
            "from pydantic import BaseModel\nclass M(BaseModel):\n    def go(self): ...\nM.model_validate({}).go()",
            "use:M.go",
        ),
        ("from abc import ABC\nclass A(ABC): ...\nA().go()", ""),
        ("from enum import Enum\nclass E(Enum):\n    A = 1\n    def go(self): ...\nE.A.go()", "use:E.go"),
        (
            "from .orders import Order\nclass S:\n    @property\n    def o(self) -> Order: ...\n    @o.setter\n"
            "    def o(self, value): ...\nS().o.total()",
            "orders:Order.total",
        ),
        (
            "from .orders import Order\nclass S:\n    def __init__(self, o: Order | None = None):\n"
            "        self.o = o or Order()\n    def f(self):\n        self.o.total()",
            "orders:Order.total",
        ),
        ("def make(): ...\ndef f(make):\n    make()", ""),
    ],
)
def test_a_call_means_what_python_would_call(code: str, expected: str) -> None:
    assert called(code) == expected


def test_an_import_means_the_files_that_are_there_now() -> None:
    project = Project()
    texts = {
        "app/use.py": "from app.orders import make",
        "app/orders.py": "def make(): ...",
        "app/orders/__init__.py": "make = 1",
    }

    def home() -> str:
        found, _ = project.module("app/use.py", "app.orders.make")
        return found.path if found else ""

    homes = []
    for path, text in texts.items():
        project.put(path, Document(path, text).parts)
        homes.append(home())
    other = project.overlay()
    other.remove("app/orders/__init__.py")
    homes.append(home())
    for path in list(texts)[:0:-1]:
        project.remove(path)
        homes.append(home())
    assert homes == ["app/", "app/orders.py", "app/orders/__init__.py", "app/orders/__init__.py", "app/orders.py", "app/"]


def test_the_folder_of_a_package_is_on_no_path_unless_nothing_else_is_meant() -> None:
    project = Project()
    for path in ("app/__init__.py", "app/pay.py", "app/tools.py", "pay/__init__.py", "scripts/pay.py", "scripts/run.py"):
        project.put(path, Document(path, "").parts)
    seen = [
        project.module(user, name)[0]
        for user, name in (("app/use.py", "pay"), ("app/use.py", "tools"), ("scripts/run.py", "pay"))
    ]
    assert [it and it.path for it in seen] == ["pay/__init__.py", "app/tools.py", "scripts/pay.py"]


def test_a_package_deep_inside_does_not_hide_a_library_of_its_name() -> None:
    project = project_of("""
        -- shop/__init__.py --
        -- shop/web/__init__.py --
        -- shop/web/flask/__init__.py --
        -- shop/web/flask/wrappers.py --
        from flask import Blueprint
        -- shop/web/pages.py --
        from flask import Blueprint
    """)
    for path in ("shop/web/flask/wrappers.py", "shop/web/pages.py"):
        assert project.external(path, "Blueprint") == "flask.Blueprint"
