"""A path names the action that its method names already.

Why: `GET /getUsers` says *get* twice, and leaves open what `POST /getUsers` would be. Where all other paths name things,
clients guess `POST /orders` and `DELETE /orders/7`, and miss the one that is called `/create_order`.
Instead: name the thing in the path and the action by the method.

    @router.post("/orders", status_code=201)
    async def create_order(order: OrderIn) -> OrderOut: ...

Consequences: two addresses for one thing, and caches, permissions and clients that treat them as two.
Trade-offs: an action that is no create, read, update or delete (`/orders/7/cancel`) may well be a verb.
Source: RFC 9110 section 9; Zalando RESTful API Guidelines, "MUST keep URLs verb-free"
"""

import re
from collections import Counter
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.habits import MIN_NEIGHBOURS, odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, ProjectHit, Rule

_SHOP = """
from fastapi import APIRouter

router = APIRouter()

@router.get("/orders")
def orders(): ...

@router.get("/orders/{key}")
def order(key: int): ...

@router.post("/orders/{key}/cancel")
def cancel(key: int): ...

@router.get("/users")
def users(): ...

@router.get("/users/{key}")
def user(key: int): ...

@router.get("/settings")
def settings(): ...
"""

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["A1"],
    bad=[
        Bad(
            _SHOP
            + """
@[|router.post("/create_user")|]
def create_user(): ...
"""
        ),
        Bad(
            """

from flask import Flask

app = Flask(__name__)

@[|app.delete("/api/v2/delete_parcel/<int:number>")|]
def drop(number): ...

@app.post("/api/v2/parcels/<int:number>/cancel")
def cancel(number): ...
""",
        ),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /parcels:
    get: {}
  /parcels/{id}:
    get: {}
    put: {}
  /parcels/{id}/cancel:
    post: {}
  /createParcel:
    [|post|]: {}
  /offers:
    get: {}
    post: {}
  /offers/{id}:
    get: {}
    delete: {}
  /labels:
    get: {}
    post: {}
"""),
    ],
    good=[
        """
from fastapi import APIRouter

router = APIRouter()

@router.post("/orders/list")
def list_orders(): ...

@router.post("/orders/get")
def get_order(): ...

@router.post("/users/list")
def list_users(): ...

@router.post("/users/get")
def get_user(): ...

@router.post("/orders/create_or_update")
def put_order(): ...
""",
        _SHOP,
        """
from fastapi import APIRouter

router = APIRouter()

@router.post("/getUser")
def get_user(): ...

@router.post("/createUser")
def create_user(): ...

@router.post("/listUsers")
def list_users(): ...

@router.post("/createOrder")
def create_order(): ...

@router.post("/addItem")
def add_item(): ...

@router.post("/insertLine")
def insert_line(): ...

@router.post("/createBill")
def create_bill(): ...
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /getParcel:
    get: {}
  /createParcel:
    post: {}
  /deleteParcel:
    delete: {}
  /getOffers:
    get: {}
  /createOffer:
    post: {}
  /getLabels:
    get: {}
  /createLabel:
    post: {}
""",
    ],
)

_VERB = regex(r"(?:get|fetch|create|add|insert|update|edit|delete|remove)(?:[-_][a-z]\w*|[A-Z]\w*)")
_API = regex(r"(?:^|/)(?:api|v\d+)(?:/|$)")
_ENDS = ("delete", "remove", "update", "edit")
"""Verbs at the end of a path that is only posted to."""
_PROCEDURES = ("get", "list")
"""What is read by a POST, where each path is a procedure."""
_FEW = 3
"""Paths with the same verb at their end; more are the way of the house."""
_ACTION = regex(r"}/[^/{}]+/?$")
"""What is done with one thing, or a part of it."""
_FITS = {
    "GET": ("get", "fetch"),
    "POST": ("create", "add", "insert"),
    "PUT": ("update", "edit"),
    "PATCH": ("update", "edit"),
    "DELETE": ("delete", "remove"),
}


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Routes of an API with a verb for create, read, update or delete, where nine of ten have none."""
    rows = {it.at: it for it in catalogue(project).routes if _counts(it)}
    ends = Counter(_end(it.path) for it in rows.values() if it.methods == {"POST"})
    if sum(ends[it] for it in _PROCEDURES) > _FEW:
        return  # the house calls procedures: each path ends with one
    rows = {
        at: it for at, it in rows.items() if it.methods != {"POST"} or _end(it.path) not in _ENDS or ends[_end(it.path)] <= _FEW
    }
    told: set[Ref | None] = set()
    for it in odd_ones({"": list(rows.values())}, lambda route: not _verb(route.methods, route.path)):
        if it.member.handler is not None and it.member.handler in told:
            continue  # the action of a view that two paths have
        told.add(it.member.handler)
        yield ProjectHit(it.member.at, f"`{spoken(it.member)}` names the action; {it.counts} paths here name things.")
    if len(rows) <= MIN_NEIGHBOURS:  # too few for a habit, and for a style of calling procedures
        for route in (it for it in rows.values() if _verb(it.methods, it.path)):
            yield ProjectHit(
                route.at, f"`{spoken(route)}` names the action, which `{', '.join(sorted(route.methods))}` says already."
            )


def _end(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _counts(route: Route) -> bool:
    is_api = (
        (route.framework in ("fastapi", "litestar") or _API.search(route.path) is not None)
        and bool(route.methods)
        and "WEBSOCKET" not in route.methods
    )
    return is_api and not is_test(route.at.path) and not is_script(route.at.path)


def _verb(methods: frozenset[str], path: str) -> bool:
    if methods == {"POST"} and _end(path) in _ENDS:
        return path.rstrip("/").rpartition("/")[0].endswith("}")
    for part in path.split("/"):
        found = _VERB.fullmatch(part)
        if found is not None:
            verb = re.match(r"[a-z]+?(?=[-_A-Z]|$)", part)
            return verb is not None and any(verb[0] in _FITS.get(it, ()) for it in methods)
    return False


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """The same of a document's operations."""
    rows = [it for it in view.api.operations if not _ACTION.search(it.path)]
    for it in odd_ones({"": rows}, lambda each: not _verb(frozenset([each.method]), each.path)):
        words = f"`{it.member.spoken}` names the action; {it.counts} paths here name things."
        yield FileHit(it.member.at, words, symbol=it.member.spoken)
