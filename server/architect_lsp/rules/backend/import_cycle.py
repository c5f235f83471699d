"""Modules take names from each other while they are imported: it works only as long as one of them comes first.

Why: `from a import b` needs `b` to be there already. In a cycle one module is only half run when the next one asks it for a
name, so all hangs on which of them something else imports first. A test that imports the other one, or a tool that sorts
imports, ends in `ImportError: cannot import name ... from partially initialized module`. And modules that need each other are
one module in several files: none can be read, tested or moved alone.
Instead: move what both need into a module below them, or let the lower one be handed what it needs.

    # orders/prices.py: what both needed, and imports neither
    def price(line: Line) -> Decimal: ...

    # orders/models.py and orders/discounts.py
    from orders.prices import price

Consequences: no part can be taken out or replaced; each new import may be the one that closes the circle at start-up.
Trade-offs: an import inside the function that needs it, or under `TYPE_CHECKING`, makes the start safe and leaves the tangle.
Tests: import each module of the package alone, in a fresh interpreter (`python -c "import orders.discounts"`).
Source: https://docs.python.org/3/faq/programming.html#what-are-the-best-practices-for-using-import-in-a-module; Robert C.
Martin, "Acyclic Dependencies Principle"
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.extraction import imported, is_loaded
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["B4", "E4", "D3"],
    equivalents=["R0401"],
    needs=["import"],
    bad=[
        Bad("""
-- shop/__init__.py --
-- shop/orders.py --
[|from shop.discounts import discount|]

def total(order):
    return discount(order)

LIMIT = 3
-- shop/discounts.py --
from shop.orders import LIMIT

def discount(order):
    return LIMIT
"""),
        Bad("""
-- shop/__init__.py --
from .models import Order
from .prices import price
-- shop/models.py --
class Order: ...
-- shop/prices.py --
from .lines import line

def price(): ...
-- shop/lines.py --
[|from . import Order|]

def line(): ...
"""),
    ],
    good=[
        """
-- shop/__init__.py --
__version__ = "1"
from .orders import total
-- shop/orders.py --
from typing import TYPE_CHECKING
from shop import __version__, discounts
from shop.lines import Line

if TYPE_CHECKING:
    from shop.customers import Customer

def total(order):
    from shop.late import late
    return discounts.discount(order)
-- shop/lines.py --
class Line: ...

if __name__ == "__main__":
    from shop.orders import total
-- shop/late.py --
from shop.orders import total
late = total
-- shop/redis/__init__.py --
from .lock import Lock
-- shop/redis/lock.py --
from redis import Redis

class Lock: ...
-- shop/customers.py --
from shop.orders import total
class Customer: ...
-- shop/discounts.py --
from shop import orders

def discount(order):
    return orders.total
""",
    ],
)

_Cycle = tuple[str, ...]
"""The files of a cycle, each of which takes a name from the next and the last from the first."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The import that closes a cycle, once for each tangle of modules."""
    if view.reading.unit.kind != "module":
        return
    for cycle in view.project.of_all("import cycles", _cycles).get(view.path, ()):
        for node in view.reading.each(ast.ImportFrom):
            if is_loaded(view.reading, node) and cycle[1] in (_source(view.project, view.path, it) for it in imported(node)):
                steps = zip(cycle[1:], (*cycle[2:], cycle[0]), strict=True)
                way = " -> ".join(_short(it) for it in (*cycle, cycle[0]))
                told = f"Importing goes in a circle ({way}): it works only as long as {_needs(*cycle[:2])}."
                evidence = tuple((Ref(one, "", "module"), f"takes names from `{_short(other)}`") for one, other in steps)
                yield Hit(node, told, evidence=evidence)
                break


def _needs(path: str, other: str) -> str:
    """What a module relies on that takes names from `other`: a package around it always comes first, and half done."""
    folder, _, name = other.rpartition("/")
    is_around = name == "__init__.py" and path.startswith(f"{folder}/")
    return (
        f"`{_short(other)}` has the names taken here before it loads this module"
        if is_around
        else "another of these modules comes first"
    )


def _short(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _cycles(project: Project) -> dict[str, tuple[_Cycle, ...]]:
    """A shortest cycle of each tangle, by the file in which it is shown: best one that takes from a package around it."""
    links = {it: project.kept("loaded files", it, _loaded, project, it) for it in project.paths if not is_test(it)}
    found: dict[str, tuple[_Cycle, ...]] = {}
    for tangle in _tangles(links):
        cycle = min((_shortest(links, it, tangle) for it in sorted(tangle)), key=len)
        turns = [cycle[it:] + cycle[:it] for it in range(len(cycle))]
        shown = max(turns, key=lambda it: (it[1].endswith("__init__.py"), it[0].count("/"), it[0]))
        found[shown[0]] = (*found.get(shown[0], ()), shown)
    return found


def _loaded(project: Project, path: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(it for name in project.loads(path) if (it := _source(project, path, name)) not in ("", path)))


def _source(project: Project, path: str, name: str) -> str:
    """The file that must have run for a name to be taken from it; "" for a module, and for what a package says of itself."""
    module, rest = project.module(path, name)
    if module is None or module.path.endswith("/") or len(rest) != 1:
        return ""
    if not name.startswith("."):  # what lies beside a module of a package is not what its bare name means
        above = module.path.removesuffix(".py").removesuffix("/__init__").split("/")[: -name.count(".")]
        if above and (around := project.module_at("/".join(above))) is not None and not around.path.endswith("/"):
            return ""
    if module.path.endswith("__init__.py") and not isinstance(project.name(module.path, rest[0]), str):
        return ""
    return module.path


def _tangles(links: dict[str, tuple[str, ...]]) -> Iterator[frozenset[str]]:
    """The files of which each leads to each other (Tarjan's components of more than one), without recursion."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    on_way: set[str] = set()
    for start in links:
        todo: list[tuple[str, Iterator[str]]] = [] if start in number else [(start, iter(links[start]))]
        while todo:
            at, others = todo[-1]
            if at not in number:
                number[at] = low[at] = len(number)
                waiting.append(at)
                on_way.add(at)
            fresh = next((it for it in others if it in links and (it not in number or it in on_way)), None)
            if fresh is not None and fresh not in number:
                todo.append((fresh, iter(links[fresh])))
            elif fresh is not None:
                low[at] = min(low[at], number[fresh])
            else:
                todo.pop()
                if todo:
                    low[todo[-1][0]] = min(low[todo[-1][0]], low[at])
                if low[at] == number[at]:
                    found = {waiting.pop()}
                    while at not in found:
                        found.add(waiting.pop())
                    on_way -= found
                    if len(found) > 1:
                        yield frozenset(found)


def _shortest(links: dict[str, tuple[str, ...]], start: str, within: frozenset[str]) -> _Cycle:
    """The shortest way from a file back to itself."""
    before: dict[str, str] = {}
    todo = [start]
    for at in todo:
        for it in links[at]:
            if it == start:
                way = [at]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return tuple(way[::-1])
            if it in within and it not in before:
                before[it] = at
                todo.append(it)
    return (start,)  # can't be: all of a tangle lead back
