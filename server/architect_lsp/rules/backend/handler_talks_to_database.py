"""One route's handler asks the database itself, where all others leave that to the project's services.

Why: the others go through functions that know the tenant, the cache, the rules and the transactions of this project. What a
handler does beside them is done without these, and is found by nobody who looks for it there.
Instead: give the service or repository what is missing, and call it.

    @router.get("/orders/{pk}")
    def order(pk: int, orders: OrderService = Depends(order_service)) -> OrderOut:
        return orders.one(pk)       # not: session.get(Order, pk)

Trade-offs: a project of one file needs no layer for it; this speaks only where nine of ten handlers have one.
Off by default: how many layers there are is a team's own choice.
Tests: the handler's test can then use a service that keeps its rows in memory.
Source: Martin Fowler, "Service Layer", Patterns of Enterprise Application Architecture
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.summaries import Effect, described, effects
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_SERVICE = """
-- shop/service.py --
from sqlalchemy.orm import Session

class Service:
    def __init__(self, session: Session):
        self.session = session

    def find(self, pk):
        return self.session.get(Order, pk)

def service() -> Service: ...
-- shop/api.py --
from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session
from shop.service import Service, service

router = APIRouter()
"""
_HANDLER = """
@router.get("/{name}")
def {name}(pk: int, orders: Service = Depends(service)):
    return orders.find(pk)
"""

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B2", "B4"],
    preview=True,
    bad=[
        Bad(
            _SERVICE
            + "".join(_HANDLER.replace("{name}", it) for it in ("one", "two", "three", "four", "five"))
            + """
@router.get("/six")
[|def six(pk: int, session: Session):|]
    return session.get(Order, pk)
"""
        ),
    ],
    good=[
        _SERVICE
        + "".join(_HANDLER.replace("{name}", it) for it in ("one", "two", "three"))
        + """
@router.get("/six")
def six(pk: int, session: Session):
    return session.get(Order, pk)
""",
    ],
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Handlers that reach the database in one step, where nine tenths of those that reach it take more."""
    handlers: dict[Ref, None] = {}
    for it in catalogue(project).routes:
        if (
            it.handler is not None
            and it.handler.kind == "def"
            and not is_test(it.handler.path)
            and not is_script(it.handler.path)
        ):
            handlers[it.handler] = None
    for odd in odd_ones({"handlers": handlers}, lambda it: _through_others(project, it)):
        found = _asks(project, odd.member)
        name = odd.member.qualname
        if found is not None:
            yield ProjectHit(
                odd.member,
                f"`{name}` asks the database itself: {odd.counts} handlers that need it leave that to other functions.",
                (*described(found, project), (odd.example, f"`{odd.example.qualname}` is one that does")),
            )


def _asks(project: Project, ref: Ref) -> Effect | None:
    """How a handler comes to the database, by the shortest way."""
    definition = project.definition(ref.path, ref.qualname)
    found = effects(project, ref.path, definition) if definition is not None else {}
    ways = [found[it] for it in ("db-read", "db-write", "commit") if it in found]
    return min(ways, key=lambda it: len(it.path), default=None)


def _through_others(project: Project, ref: Ref) -> bool | None:
    """Whether a handler comes to the database through other functions; None when it does not come to it."""
    found = _asks(project, ref)
    return None if found is None else len(found.path) > 1
