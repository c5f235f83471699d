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

import re
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.habits import MIN_NEIGHBOURS, odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.openapi import Operation, snake
from architect_lsp.knowledge.operations import spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, ProjectHit, Rule

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
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /parcels:
    post:
      operationId: createParcel
      responses:
        [|"200"|]: {description: it}
        "422": {description: refused}
"""),
    ],
    good=[
        _SHOP,
        """
from fastapi import FastAPI

app = FastAPI()

@app.post("/reports/{report_id}/chat")
def add_report_chat_message(report_id: str): ...
""",
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
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /parcels:
    post:
      operationId: createParcel
      responses: {"201": {description: it}}
  /parcels/{id}/labels:
    post:
      operationId: createLabels
      responses: {"202": {description: later}}
  /parcels/search:
    post:
      operationId: searchParcels
      responses: {"200": {description: some}}
  /parcels/import:
    post:
      operationId: createParcelsInBulk
      responses: {"200": {description: each with its own status}}
""",
    ],
)

_CREATES = regex(r"_*(?:create|add|new|insert|register)(?:_\w+)?")

_FEW = 2
"""Routes that are no way of the house yet."""
_ANSWERS = regex(r"token|auth|log_?in|session|register|slug|sign", re.IGNORECASE)
"""Paths of what is made to be answered with, and is nowhere then."""
_MANY = regex(r"bulk|batch|_or_", re.IGNORECASE)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """POST routes of FastAPI that create and answer the default 200, where nine of ten answer 201."""
    rows = {it.at: it for it in catalogue(project).routes if _creates(it)}
    if len(rows) <= MIN_NEIGHBOURS:
        found = [it for it in rows.values() if it.status in (None, 200) and not _is_part(it)]
        for route in found if len(found) <= _FEW else ():
            yield ProjectHit(route.at, f"`{spoken(route)}` creates and answers 200; say 201.")
        return
    for it in odd_ones({"": list(rows.values())}, _says):
        yield ProjectHit(it.member.at, f"`{spoken(it.member)}` creates and answers 200; {it.counts} such routes answer 201.")


def _says(route: Route) -> bool | None:
    """Whether a route answers 201; None for one that answers something else than 200 on purpose."""
    return route.status == 201 if route.status in (None, 200, 201) else None


def _creates(route: Route) -> bool:
    if route.methods != {"POST"} or route.framework != "fastapi" or route.handler is None:
        return False
    if is_test(route.at.path) or is_script(route.at.path) or route.path.rstrip("/").endswith("}"):
        return False
    if _MANY.search(f"{route.path} {route.handler.qualname if route.handler else ''}"):
        return False  # each of them has a status of its own
    return bool(_CREATES.fullmatch(route.handler.qualname.rpartition(".")[2]))


def _is_part(route: Route) -> bool:
    """Whether what is added becomes part of a thing that is there already, and may have no address of its own."""
    return route.handler is not None and "add" in route.handler.qualname.split("_") and "{" in route.path


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """The same of operations that a document describes: those that create, by their id."""
    rows = [it for it in view.api.operations if it.method == "POST" and it.success is not None and _is_creation(it)]
    found = [it for it in rows if _status(it) == "200"]
    if len(rows) > MIN_NEIGHBOURS:
        odd = odd_ones({"": rows}, lambda it: _status(it) == "201" if _status(it) in ("200", "201") else None)
        others = [(it.member, f"{it.counts} such operations answer 201") for it in odd]
    else:
        others = [(it, "say 201") for it in found if len(found) <= _FEW]
    for it, words in others:
        if it.success is not None:
            yield FileHit(it.success.at, f"`{it.spoken}` creates and answers 200; {words}.", symbol=it.spoken)


def _is_creation(operation: Operation) -> bool:
    name = snake(operation.node["operationId"].text)
    is_one = not operation.path.rstrip("/").endswith("}") and not _MANY.search(f"{operation.path} {name}")
    return is_one and not _ANSWERS.search(operation.path) and _CREATES.fullmatch(name) is not None


def _status(operation: Operation) -> str:
    """The only status that says it went well, "" where there are several."""
    found = {it.status for it in operation.responses if it.status[0] in "23d"}
    return found.pop() if len(found) == 1 else ""
