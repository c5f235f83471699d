"""A route that creates something answers 200, where the others answer 201.

Why: 201 tells a client and everything between that something is there now that was not. Where the service says so everywhere
but here, clients that look for 201 take this one for a failure.
Instead: say the status where the route is made.

    @router.post("/orders", status_code=status.HTTP_201_CREATED)
    async def create_order(order: OrderIn) -> OrderOut: ...

Consequences: generated clients know another type of answer for this one.
Trade-offs: what is accepted and done later is a 202.
Tests: assert on the status of each creation.
Source: RFC 9110 section 15.3.2
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.habits import MIN_NEIGHBOURS, odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_SHOP = """
from fastapi import APIRouter, status

router = APIRouter()

@router.post("/a", status_code=201)
def create_a(): ...

@router.post("/b", status_code=status.HTTP_201_CREATED)
def create_b(): ...

@router.post("/c", status_code=201)
def create_c(): ...

@router.post("/d", status_code=201)
def add_d(): ...

@router.post("/e", status_code=201)
def create_e(): ...

@router.post("/e/search")
def search_e(): ...
"""

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["A1", "A5"],
    bad=[
        Bad(
            _SHOP
            + """
@[|router.post("/f")|]
def create_f(): ...
"""
        ),
        Bad(
            """

from fastapi import FastAPI

app = FastAPI()

@[|app.post("/parcels")|]
def create_parcel(): ...
""",
        ),
    ],
    good=[
        _SHOP,
        """
from fastapi import APIRouter

router = APIRouter()

@router.post("/a")
def create_a(): ...

@router.post("/b")
def create_b(): ...

@router.post("/c")
def create_c(): ...

@router.post("/d", status_code=201)
def create_d(): ...
""",
    ],
)

_CREATES = regex(r"_*(?:create|add|new|insert|register)(?:_\w+)?")

_FEW = 2
"""Routes that are no way of the house yet."""
_MANY = regex(r"bulk|batch")


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """POST routes of FastAPI that create and answer the default 200, where nine of ten answer 201."""
    rows = {it.at: it for it in catalogue(project).routes if _creates(it)}
    if len(rows) <= MIN_NEIGHBOURS:
        found = [it for it in rows.values() if it.status in (None, 200)]
        for route in found if len(found) <= _FEW else ():
            yield ProjectHit(route.at, f"`{spoken(route)}` creates and answers 200; say 201.")
        return
    for it in odd_ones(
        {"": list(rows.values())}, lambda route: route.status == 201 if route.status in (None, 200, 201) else None
    ):
        yield ProjectHit(it.member.at, f"`{spoken(it.member)}` creates and answers 200; {it.counts} such routes answer 201.")


def _says(route: Route) -> bool | None:
    """Whether a route answers 201; None for one that answers something else than 200 on purpose."""
    return route.status == 201 if route.status in (None, 200, 201) else None


def _creates(route: Route) -> bool:
    if route.methods != {"POST"} or route.framework != "fastapi" or route.handler is None:
        return False
    if is_test(route.at.path) or is_script(route.at.path) or route.path.rstrip("/").endswith("}"):
        return False
    if _MANY.search(route.path):
        return False  # each of them has a status of its own
    return bool(_CREATES.fullmatch(route.handler.qualname.rpartition(".")[2]))
