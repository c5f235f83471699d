"""A module that much of the project uses itself uses much of the project: every change passes through it.

Why: what many use must change seldom, and what uses many changes whenever one of them does. A module that is both hands each
change of the ones on to all of the others: their tests fail, their reviews touch it, and two people who work on different things
meet in it. Length says little of it; a long module with few neighbours is easily left alone.
Instead: take it apart by who uses it: what the users share goes below, into modules that use little; what drives the others goes
above, where nobody imports it.

    # before: core.py knows every feature, and every feature imports core.py
    # shop/money.py: shared, and uses nothing of the shop
    def rounded(amount: Decimal) -> Decimal: ...

    # shop/application.py: drives all, and nobody imports it
    def create_application(settings: Settings) -> FastAPI:
        try:
            return assembled(orders.routes, payments.routes, settings)
        except MissingSetting as error:
            raise SystemExit(f"{error}: see README") from error

Consequences: import cycles, slow tests, and a file that nobody dares to change.
Trade-offs: a composition root uses all by design; it is no fault until others import it.
Off by default: where the line is drawn is a matter of taste, and it takes more than one change to mend.
Source: Robert C. Martin, "Agile Software Development", the stable dependencies principle
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.extraction import imported
from architect_lsp.knowledge.neighbours import used, users
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_MANY = 10
"""Files that use a module, and that it uses, from which it is both a hub and a spoke."""


def _features(line: str, n: int) -> str:
    return "".join(f"\n-- shop/feature_{it}.py --\n{line}\n\ndef run_{it}(): ...\n" for it in range(n))


_ALL = "\n".join(f"from shop.feature_{it} import run_{it}" for it in range(_MANY))

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B4", "E4"],
    needs=["import"],
    bad=[
        Bad(
            f"-- shop/core.py --\nfrom __future__ import annotations\n[|from shop import settings|]\n{_ALL}\n\nLIMIT = 3\n"
            + _features("from shop.core import LIMIT", _MANY)
        ),
        Bad(
            f"-- shop/core.py --\n[|from shop import settings|]\n\ndef started(): ...\n\n{_ALL}\n\nLIMIT = 3\n"
            + _features("from shop.core import LIMIT", _MANY)
        ),
    ],
    good=[
        f"-- shop/application.py --\n{_ALL}\n"
        + _features("from shop.limits import LIMIT", _MANY)
        + "-- shop/limits.py --\nLIMIT = 3\n",
        f"-- shop/__init__.py --\n{_ALL}\n" + _features("from shop import limits", _MANY) + "-- shop/limits.py --\nLIMIT = 3\n",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Modules with many neighbours on either side; a package's `__init__` gathers names by design."""
    if view.reading.unit.kind != "module" or view.path.endswith("__init__.py"):
        return
    n_uses = len(used(view.project).get(view.path, ()))
    imports = [it for it in view.reading.parsed.body if isinstance(it, ast.Import | ast.ImportFrom)]
    names = {name for it in imports if isinstance(it, ast.ImportFrom) for name in imported(it)}
    is_first = names.issuperset(view.project.loads(view.path)[:1])  # of the module's sections, the one that begins to import
    n_users = len(users(view.project).get((view.path, ""), ())) if n_uses >= _MANY and imports and is_first else 0
    if n_users >= _MANY:
        told = f"{n_users} modules use this one, and it uses {n_uses}: each change of these is handed on to those."
        yield Hit(next(it for it in imports if getattr(it, "module", "") != "__future__"), told)
