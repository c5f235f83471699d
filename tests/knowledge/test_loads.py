"""What a file takes from others as soon as it is imported, and that an edit of it reaches what was concluded from it."""

from __future__ import annotations

from pathlib import Path

from architect_lsp.engine import Workspace
from architect_lsp.settings import parse
from support.projects import project_of

ORDERS = "from shop.prices import price\n\nLIMIT = 3\n"
LATER = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from shop.prices import price\n\nLIMIT = 3\n"
PRICES = "from shop.orders import LIMIT\n\nprice = LIMIT\n"


def test_what_is_loaded_is_neither_late_nor_for_type_checkers_nor_allowed_to_fail() -> None:
    project = project_of("""
        -- shop/orders.py --
        import typing
        from typing import TYPE_CHECKING, Any
        from . import prices
        from .lines import Line, Lines
        if TYPE_CHECKING:
            from .a import A
        if typing.TYPE_CHECKING:
            from .b import B
        else:
            B = None
        try:
            from .c import C
        except ImportError:
            C = None
        def late():
            from .d import D
        class Order:
            from .e import e
        if __name__ == "__main__":
            from .f import f
        if Any:
            from .g import g
        """)
    wanted = ("typing.TYPE_CHECKING", "typing.Any", ".prices", ".lines.Line", ".lines.Lines", ".g.g", ".e.e")
    assert sorted(project.loads("shop/orders.py")) == sorted(wanted)


def test_an_import_made_for_type_checkers_alone_ends_a_cycle_seen_from_the_other_file() -> None:
    workspace = Workspace(Path("/project"), parse({"enable": ["import-cycle"]}, {}))
    workspace.open("shop/prices.py", PRICES)
    workspace.open("shop/orders.py", ORDERS)

    def found() -> list[str]:
        rows = [workspace.check(it) for it in workspace.documents.values()]
        return [it.path for checked in rows for it in checked.findings if it.rule == "import-cycle"]

    assert found() == ["shop/prices.py"]
    workspace.open("shop/orders.py", LATER)
    assert found() == []
    workspace.open("shop/orders.py", ORDERS)
    assert found() == ["shop/prices.py"]
