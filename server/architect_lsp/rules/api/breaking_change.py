"""A change takes something from the API that its clients rely on.

Why: clients are deployed by others, at other times. A path, a method or a field that is gone, or one that must be sent from today
on, breaks them the moment the service is released, and the service's own tests, which were changed with it, all pass.
Instead: add beside, announce, and take away when nobody asks for it any more. What is new in a request is optional.

    class OrderIn(BaseModel):
        item: str
        note: str = ""    # new: older clients don't send it

Consequences: mobile applications and partners fail until they are released anew; some never are.
Trade-offs: an API without clients, or one under a version that is not released yet, may change as it likes.
Tests: check the branch against what is released: `architect-lsp check --base origin/main`.
Observability: count requests by route and client, so that you know who still asks for the old.
Source: Zalando RESTful API Guidelines, "MUST not break backward compatibility"
"""

from collections.abc import Callable, Iterator, Sequence

from architect_lsp.knowledge import openapi_changes, route_changes, sdl
from architect_lsp.knowledge.history import operation_key
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Place, Related, Severity, Span
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, ProjectHit, Rule, SdlView

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A1", "A4", "A5"],
    bad=[
        Bad("""
-- base:app/orders.py --
from fastapi import APIRouter

router = APIRouter(prefix="/orders")

@router.get("/{order_id}")
def read(order_id: int): ...

@router.delete("/{order_id}")
def remove(order_id: int): ...
-- app/orders.py --
from fastapi import APIRouter

router = APIRouter(prefix="/orders")

@router.get("/{key}")
def read(key: int): ...

[|def remove(order_id: int): ...|]
"""),
        Bad("""
-- base:openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    get:
      responses:
        "200":
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Order"}
    post:
      parameters:
        - {name: kind, in: query, schema: {type: string, enum: [small, large]}}
      requestBody:
        content:
          application/json:
            schema: {$ref: "#/components/schemas/NewOrder"}
      responses: {"201": {description: made}}
  /orders/{id}:
    get: {}
    delete: {}
  /labels:
    get: {}
components:
  schemas:
    Order:
      type: object
      properties:
        id: {type: integer}
        total: {type: number}
        lines: {type: array, items: {type: object, properties: {item: {type: string}, text: {type: string}}}}
    NewOrder:
      type: object
      required: [item]
      properties:
        item: {type: string}
-- openapi.yaml --
openapi: 3.0.3
[|paths|]:
  /orders:
    get:
      responses:
        "200":
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Order"}
    post:
      parameters:
        - {name: kind, in: query, schema: {type: string, [|enum|]: [small]}}
        - {name: [|key|], in: header, required: true}
      requestBody:
        content:
          application/json:
            schema: {$ref: "#/components/schemas/NewOrder"}
      [|responses|]: {"202": {description: later}}
  [|/orders/{number}|]:
    get: {}
components:
  schemas:
    Order:
      type: object
      [|properties|]:
        id: {[|type|]: string}
        lines: {type: array, items: {type: object, [|properties|]: {item: {type: string}}}}
    NewOrder:
      type: object
      required: [item, [|size|]]
      properties:
        item: {type: string}
        size: {type: string}
        note: {type: string}
"""),
        Bad("""
-- base:schema.graphql --
type Query {
  order(id: ID!): Order
  orders(first: Int): [Order!]!
  label: Label
}
type Order {
  id: ID!
  total: Float!
  size: Size
}
type Label {
  id: ID!
}
enum Size { SMALL LARGE }
-- schema.graphql --
type [|Query|] {
  order(id: ID!): Order
  [|orders|](first: Int!): [Order!]!
}
type Order {
  id: ID!
  [|total|]: Float
  size: Size
}
enum [|Size|] { SMALL }
"""),
        Bad("""
-- base:app/orders.py --
from fastapi import APIRouter, Query
from pydantic import BaseModel

router = APIRouter(prefix="/orders")

class OrderIn(BaseModel):
    item: str
    note: str = ""

@router.post("/")
def create(order: OrderIn): ...

@router.get("/")
def listed(page: int = 0): ...
-- app/orders.py --
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

router = APIRouter(prefix="/orders")

class OrderIn(BaseModel):
    item: str
    [|note: str|]
    [|size: int = Field(..., gt=0)|]
    colour: str = "red"
    weight: int | None = None

@router.post("/")
def create(order: OrderIn): ...

@router.get("/")
[|def listed(shop: int, page: int = 0): ...|]
"""),
    ],
    good=[
        """
-- app/orders.py --
from fastapi import APIRouter

router = APIRouter(prefix="/orders")

@router.get("/{order_id}")
def read(order_id: int): ...
""",
        """
-- base:app/orders.py --
from fastapi import APIRouter

router = APIRouter(prefix="/orders")

@router.get("/{order_id}")
def read(order_id: int): ...

@router.get("/{order_id}/lines")
def lines(order_id: int): ...
-- base:tests/test_orders.py --
from fastapi import FastAPI

app = FastAPI()

@app.get("/only/here")
def only(): ...
-- app/orders.py --
from fastapi import APIRouter
from app import lines

router = APIRouter(prefix="/orders")

@router.get("/{key}")
def read_order(key: int): ...

router.include_router(lines.router)
-- app/lines.py --
from fastapi import APIRouter

router = APIRouter()

@router.get("/{key}/lines")
def lines(key: int): ...

@router.post("/{key}/lines")
def add(key: int): ...
""",
        """
-- base:openapi.yaml --
openapi: 3.0.3
paths:
  /orders/{id}:
    get:
      responses:
        "200":
          content:
            application/json:
              schema: {type: object, properties: {id: {type: integer}, total: {anyOf: [{type: number}, {type: "null"}]}}}
        "404": {description: none}
    put:
      requestBody:
        content:
          application/json:
            schema: {type: object, required: [item], properties: {item: {type: integer}}}
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders/{number}:
    get:
      responses:
        "200":
          content:
            application/json:
              schema:
                allOf:
                  - {type: object, properties: {id: {type: integer}}}
                  - {type: object, properties: {total: {type: integer}, more: {type: string}}}
    put:
      parameters:
        - {name: force, in: query}
      requestBody:
        content:
          application/json:
            schema: {type: object, properties: {item: {type: number}, size: {type: string}}}
  /labels:
    get: {}
""",
        """
-- base:schema.graphql --
type Query {
  order(id: ID!): Order
}
type Order {
  id: ID!
  total: Float
}
extend type Mutation {
  cancelOrder(id: ID!): Order
}
-- schema.graphql --
type Query {
  order(id: ID!, full: Boolean = false): Order
}
extend type Query {
  orders(first: Int): [Order!]!
}
""",
        """
-- base:app/orders.py --
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

router = APIRouter(prefix="/orders")

class OrderIn(BaseModel):
    item: str
    kind: str = Field(..., alias="type")

@router.post("/{shop}")
def create(shop: int, order: OrderIn, limit: int = Query(...)): ...
-- app/orders.py --
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from app.db import session

router = APIRouter(prefix="/orders")

class OrderBase(BaseModel):
    item: str

class OrderCreate(OrderBase):
    category: str = Field(..., alias="type")
    size: int = 1
    notes: list[str] = Field(default_factory=list)

@router.post("/{shop_id}")
def make(shop_id: int, body: OrderCreate, request: Request, most: int = Query(..., alias="limit"), db=Depends(session)): ...
""",
    ],
)


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """What an OpenAPI document promised and promises no more."""
    if view.before is None:
        return
    if not view.api.version:
        lost = [it.spoken for it in view.before.operations if operation_key(it) not in view.kept]
        yield from _gone(view.path, lost, view.before.operations[0].at if lost else None, view.place)
        return
    for it in openapi_changes.changes(view.before, view.api):
        yield FileHit(it.at, it.message, evidence=_stood(view.place, it.was), symbol=it.about)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """What the base's code answered and this code does not, and what this code asks for and the base's did not."""
    if project.base is not None:
        for it in route_changes.changes(project.base, project):
            was = ((project.base.place(it.was), _WAS),) if it.was is not None else ()
            yield ProjectHit(it.at, it.message, was)


@rule.check_sdl
def find_in_schema(view: SdlView) -> Iterator[FileHit]:
    """What a file of a GraphQL schema promised and promises no more."""
    if view.before is None:
        return
    if not view.schema.definitions and not view.schema.refusal:
        lost = sorted(view.before.defined - view.kept)
        yield from _gone(view.path, lost, view.before.places.get(lost[0]) if lost else None, view.place)
        return
    for it in sdl.changes(view.before, view.schema):
        yield FileHit(it.at, it.message, evidence=_stood(view.place, it.was), symbol=it.about)


_WAS = "Clients rely on what stands here in the base."
_NAMED = 6
"""Operations or types that one message names."""


def _gone(path: str, lost: Sequence[str], was: Span | None, place: Callable[[Span], Place] | None) -> Iterator[FileHit]:
    """A description of which nothing is left, for what no other promises now."""
    if lost:
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        named = ", ".join(f"`{it}`" for it in lost[:_NAMED])
        yield FileHit(Span(0, 0), f"`{path}` promises nothing any more: {named}{more} went with it.", evidence=_stood(place, was))


def _stood(place: Callable[[Span], Place] | None, was: Span | None) -> tuple[Related, ...]:
    """Where it stood."""
    return (Related(place(was), _WAS),) if place is not None and was is not None else ()
