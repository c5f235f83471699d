"""One module of the domain or its services imports the web framework, where the others do without.

Why: the others can be called by a task, a command, a test or another service. This one answers in HTTP: it raises
`HTTPException` or reads the request, so whoever calls it from elsewhere gets an error that means nothing there, and the rule
it holds can't be used without a web application.
Instead: raise an error of the domain and translate it where HTTP is spoken.

    class OutOfStock(Exception): ...                     # services/orders.py

    @app.exception_handler(OutOfStock)                   # api/errors.py
    def out_of_stock(request: Request, error: OutOfStock) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_code=409)

Consequences: statuses are decided in two layers, and changing the framework means reading every rule.
Trade-offs: one more class for each error that clients are to tell apart. A module may translate errors to HTTP on purpose, and
only its words say so: three of four findings on real code were worth it, so this rule speaks only when it is enabled.
Tests: call the service without an application and assert on the domain's own error.
Source: https://alistair.cockburn.us/hexagonal-architecture/; Robert C. Martin, "The Clean Architecture"
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.extraction import imported, is_loaded
from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_NAMES = ("carts", "customers", "orders", "parcels", "prices", "returns")
_CLEAN = "".join(f"-- shop/services/{it}.py --\nclass {it.title()}: ...\n" for it in _NAMES)

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B4", "E4", "B1"],
    preview=True,
    needs=["fastapi", "flask", "starlette", "django", "litestar", "aiohttp"],
    bad=[
        Bad(
            _CLEAN
            + """
-- shop/services/stock.py --
import json
[|from fastapi import HTTPException, status|]

def take(sku, n):
    raise HTTPException(status.HTTP_409_CONFLICT)
"""
        ),
    ],
    good=[
        _CLEAN
        + """
-- shop/services/stock.py --
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import Request

class OutOfStock(Exception): ...
-- shop/routers/a.py --
from fastapi import HTTPException
""",
        """
-- shop/services/stock.py --
from fastapi import HTTPException
-- shop/services/orders.py --
class Orders: ...
""",
    ],
)

_INNER = regex(r"domains?|entities|use_?cases|services?|repositor(?:y|ies)")
_EDGE = regex(
    r"(?:^|_)(?:api|routes?|routers?|views?|http|web|dep(?:endencie)?s|middlewares?|errors?|exceptions?|auth\w*)(?:$|_)"
)
"""Words of a file's name that say it speaks HTTP on purpose."""
_FRAMEWORK = regex(
    r"(?:fastapi|starlette|litestar)\.(?:(?!concurrency|encoders|datastructures)[\w.]+)|flask\.[\w.]+|django\.http\.[\w.]+|aiohttp\.web(?:\.[\w.]+)?"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Imports of the web in files whose neighbours have none."""
    counts = view.project.of_all("domain without web", _odd).get(view.path)
    if counts is None:
        return
    for node in view.reading.each(ast.ImportFrom):
        name = next((it for it in imported(node) if _FRAMEWORK.fullmatch(it)), "")
        if name and is_loaded(view.reading, node):
            where = view.path.rpartition("/")[0]
            yield Hit(node, f"This module speaks HTTP (`{name}`); {counts} modules of `{where}` do without the web framework.")
            return


def _odd(project: Project) -> dict[str, str]:
    """The files that import the web's framework where their neighbours don't, with the counts."""
    groups: dict[str, list[str]] = {}
    for path in project.paths:
        folder, _, name = path.rpartition("/")
        if name != "__init__.py" and not is_test(path) and not is_script(path) and _INNER.fullmatch(folder.rpartition("/")[2]):
            groups.setdefault(folder, []).append(path)
    clean = odd_ones(groups, lambda it: _without_web(project, it))
    return {it.member: it.counts for it in clean}


def _without_web(project: Project, path: str) -> bool | None:
    """Whether a file takes nothing from a web framework; None for one that speaks HTTP by its name."""
    if _EDGE.search(path.rpartition("/")[2].removesuffix(".py")):
        return None
    return not any(_FRAMEWORK.fullmatch(it) for it in project.loads(path))
