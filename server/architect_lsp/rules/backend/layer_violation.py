"""A module imports from a layer above its own.

Why: the project says which of its layers may know which. An import upwards makes the lower layer depend on what was to
depend on it: neither can be changed, tested or taken out alone any more.
Instead: move what both need down, or let the lower layer say what it needs and the upper one hand it in.

    class Notifier(Protocol):                    # in the domain
        def tell(self, order: Order) -> None: ...

    def place(order: Order, notifier: Notifier) -> None:
        order.check()
        notifier.tell(order)                     # the web layer brings its own

Consequences: import cycles; a domain that can't be tested without the web framework.
Trade-offs: `[tool.architect] layers` is the team's decision; where it no longer holds, change it there, on purpose.
Tests: import the domain's package with the framework uninstalled.
Source: https://alistair.cockburn.us/hexagonal-architecture/
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B4", "E4", "D3"],
    needs=["import"],
    bad=[
        Bad("""
-- pyproject.toml --
[tool.architect]
layers = ["shop.web", "shop.services", "shop.domain"]
-- shop/domain/orders.py --
[|from shop.web.pages import page|]
-- shop/services/billing.py --
def bill():
    [|from ..web import pages|]
    return pages
-- shop/web/pages.py --
from shop.domain import orders

page = orders
"""),
    ],
    good=[
        """
-- pyproject.toml --
[tool.architect]
layers = ["shop.web", "shop.services", "shop.domain"]
-- shop/web/pages.py --
import json
from shop.services import billing
from shop.domain.orders import Order
from shop.tools import clock
from . import forms
-- shop/web/forms.py --
-- shop/domain/orders.py --
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shop.web.pages import Page

class Order: ...
-- shop/services/billing.py --
from shop.domain.orders import Order
-- shop/tools.py --
from shop.web import pages
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Imports of a module of a higher layer, by the project's own list of layers."""
    layers = view.project.layers
    here = _layer(layers, view.path)
    if here is None:
        return
    reading = view.reading
    nodes: list[ast.Import | ast.ImportFrom] = [*reading.each(ast.Import), *reading.each(ast.ImportFrom)]
    for node in nodes:
        if any(isinstance(it, ast.If) and "TYPE_CHECKING" in ast.unparse(it.test) for it in reading.ancestors(node)):
            continue
        for name in _imported(node):
            module, _ = view.project.module(view.path, name)
            there = _layer(layers, module.path) if module is not None else None
            if there is not None and there < here:
                yield Hit(node, f"`{layers[here]}` lies below `{layers[there]}` and must not import from it.")
                break


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (it.name for it in node.names)
        return
    base = "." * node.level + (node.module or "")
    yield from (f"{base}.{it.name}" if node.module else f"{base}{it.name}" for it in node.names)


def _layer(layers: tuple[str, ...], path: str) -> int | None:
    """The number of the layer that a file belongs to, from the top; None when it is of none."""
    dotted = f".{path.removesuffix('.py').removesuffix('/__init__').strip('/').replace('/', '.')}."
    return next((index for index, it in enumerate(layers) if f".{it}." in dotted), None)
