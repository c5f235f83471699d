"""A class that many modules use and whose methods use many modules: all that happens goes through it.

Why: a class of one purpose knows a few others. One that knows a dozen modules, and that a dozen modules know, is where every
change of either side lands: its constructor grows an argument a feature, its tests need a double of everything, and whoever wants
one of its methods gets all of them. Length says little of it.
Instead: a class a purpose, each handed the few things it needs; what drives them is a function or a class that nobody else uses.

    class Refunds:
        def __init__(self, payments: Payments, ledger: Ledger) -> None:
            self.payments, self.ledger = payments, ledger

        def refund(self, order: Order) -> None:
            try:
                self.payments.refund(order.payment_id)
            except PaymentRefused as error:
                raise RefundFailed(order.id) from error
            self.ledger.note(order)

Consequences: two features can't be changed at a time without meeting in it, and none of it can be used or tested alone.
Trade-offs: a facade that only hands on keeps callers away from what is behind it; it holds no decisions of its own.
Off by default: where the line is drawn is a matter of taste, and it takes more than one change to mend.
Source: Martin Fowler, "Refactoring", large class and divergent change
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.neighbours import users
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Instance
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_MANY_USERS = 8
_MANY_USED = 8
"""Files that use a class, and whose functions and classes its methods call, from which all goes through it."""


def _modules(n: int, imported: str) -> str:
    return "".join(f"\n-- shop/feature_{it}.py --\ndef run_{it}(): ...\n-- shop/page_{it}.py --\n{imported}\n" for it in range(n))


_IMPORTS = "\n".join(f"from shop.feature_{it} import run_{it}" for it in range(_MANY_USED))
_METHODS = "\n".join(f"    def do_{it}(self):\n        run_{it}()\n" for it in range(_MANY_USED))

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B4", "E4"],
    needs=["class"],
    bad=[
        Bad(
            f"-- shop/manager.py --\n{_IMPORTS}\n\n[|class Manager:|]\n{_METHODS}"
            + _modules(_MANY_USERS, "from shop.manager import Manager")
        ),
    ],
    good=[
        f"-- shop/manager.py --\n{_IMPORTS}\n\nclass Manager:\n{_METHODS}" + _modules(_MANY_USERS, "import shop"),
        "-- shop/manager.py --\nfrom shop.feature_1 import run_1\n\nclass Manager:\n    def do(self):\n        run_1()\n"
        + _modules(_MANY_USERS, "from shop.manager import Manager"),
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Classes with many files on either side."""
    reading = view.reading
    if reading.unit.kind != "class" or is_script(view.path):
        return
    for node in reading.parsed.body:
        name = ".".join(it for it in (reading.unit.scope, getattr(node, "name", "")) if it)
        n_users = len(users(view.project).get((view.path, name), ()))
        if not isinstance(node, ast.ClassDef) or n_users < _MANY_USERS:
            continue
        n_used = len(_called(view.project, view.path, name))
        if n_used >= _MANY_USED:
            told = f"{n_users} modules use `{name}`, and its methods use {n_used}: all that happens goes through it."
            yield Hit(node, told)


def _called(project: Project, path: str, name: str) -> set[str]:
    """The other files whose functions and classes the methods of a class call."""
    found: set[str] = set()
    for it in project.methods(path, name):
        for call in it.calls:
            symbol = project.resolve(path, call.target, name)
            if isinstance(symbol, FunctionSymbol | ClassSymbol | Instance) and symbol.path != path:
                found.add(symbol.path)
    return found
