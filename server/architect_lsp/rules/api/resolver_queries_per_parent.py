"""A GraphQL field asks the database once for each object it belongs to.

Why: the client asks for fifty orders and the customer of each, and the server calls the resolver of `customer` fifty times, one
query each. The client decides how deep that goes.
Instead: collect the keys of one level, and ask once for all of them, with a data loader made for each request.

    async def load_customers(keys: list[int]) -> list[Customer | None]:
        rows = await session.scalars(select(Customer).where(Customer.id.in_(keys)))
        found = {it.id: it for it in rows}
        return [found.get(it) for it in keys]

    @strawberry.field
    async def customer(self, info: Info) -> Customer | None:
        return await info.context.customers.load(self.customer_id)

Consequences: the time of an answer grows with the rows, and with each level of nesting.
Trade-offs: a loader keeps what it has read; it must not outlive the request.
Tests: count the queries for one parent and for ten.
Security: whoever writes the query decides how many queries the database gets.
Performance: n queries for each level become one.
Source: https://strawberry.rocks/docs/guides/dataloaders
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.frameworks.graphql import resolvers
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.summaries import described, effects
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A4", "B2", "B5"],
    cwe=1073,
    bad=[
        Bad("""
import strawberry
from sqlalchemy import select
from app.models import AuthorRow

@strawberry.type
class Author:
    id: int

@strawberry.type
class Book:
    id: int

    @strawberry.field
    [|async def author(self, info: strawberry.Info) -> Author:|]
        return await info.context.session.scalar(select(AuthorRow).where(AuthorRow.id == self.id))

@strawberry.type
class Query:
    @strawberry.field
    async def books(self, info: strawberry.Info) -> list[Book]:
        return []
"""),
        Bad("""
import strawberry
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

def session() -> AsyncSession: ...

@strawberry.type
class Customer:
    name: str

@strawberry.type
class Order:
    customer_id: int

    @strawberry.field
    [|async def customer(self) -> Customer:|]
        return await session().scalar(select(CustomerRow).where(CustomerRow.id == self.customer_id))

@strawberry.type
class Query:
    @strawberry.field
    async def orders(self) -> list[Order]:
        return (await session().scalars(select(OrderRow))).all()

schema = strawberry.Schema(query=Query)
"""),
        Bad("""
import strawberry
from sqlalchemy import select
from strawberry.types import Info
from app.models import ReviewRow

@strawberry.type
class Review:
    text: str

@strawberry.type
class Book:
    id: int

    @strawberry.field
    [|async def reviews(self, info: Info) -> list[Review]:|]
        session = info.context["session"]
        rows = await session.scalars(select(ReviewRow).where(ReviewRow.book_id == self.id))
        return [Review(text=row.text) for row in rows]
"""),
        Bad("""
-- shop/models.py --
from django.db import models

class Person(models.Model):
    name = models.CharField(max_length=80)
-- shop/schema.py --
import graphene
from shop.models import Person

class PersonType(graphene.ObjectType):
    name = graphene.String()

class OrderType(graphene.ObjectType):
    owner = graphene.Field(PersonType)

    [|def resolve_owner(self, info):|]
        return Person.objects.get(pk=self.owner_id)

class Query(graphene.ObjectType):
    orders = graphene.List(OrderType)

schema = graphene.Schema(query=Query)
"""),
    ],
    good=[
        """
import strawberry
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

def session() -> AsyncSession: ...

@strawberry.type
class Order:
    customer_id: int

    @strawberry.field
    async def customer(self, info) -> str:
        return await info.context.customers.load(self.customer_id)

@strawberry.type
class Query:
    @strawberry.field
    async def orders(self) -> list[Order]:
        return (await session().scalars(select(OrderRow))).all()

schema = strawberry.Schema(query=Query)
""",
    ],
)

_ROOTS = ("Query", "Mutation", "Subscription")
_ROOT_NAMES = regex(r"\w*(?:Query|Queries|Mutation|Mutations|Subscription|Subscriptions|Payload)")
_LOADS = regex(r"load(?:er|_many)?s?(?:\(\))?", re.IGNORECASE)


_ASKS = regex(
    r"\.objects\.(?:\w+(?:\(\))?\.)*(?:get|first|count|exists|last)$|(?:session|db|conn\w*|info(?:\(\))?\.context)\.(?:scalar|scalars|execute|scalar_one)$",
    re.IGNORECASE,
)
"""Calls that read a row, where what they are of can't be told."""


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Resolvers of other types than the roots that read the database, through whatever calls."""
    for it in resolvers(project):
        if it.type in _ROOTS or _ROOT_NAMES.fullmatch(it.type):
            continue
        definition = project.definition(it.ref.path, it.ref.qualname)
        if definition is None or any(_LOADS.fullmatch(row.target.rpartition(".")[2]) for row in definition.calls):
            continue
        if any("strawberry_django" in row.target for row in definition.decorators):
            continue
        found = effects(project, it.ref.path, definition).get("db-read")
        asked = next((row.target for row in definition.calls if _ASKS.search(row.target)), "") if found is None else ""
        selects = any(row.target.rpartition(".")[2] == "select" for row in definition.calls)
        if asked and (selects or ".objects." in asked):
            shown = asked.replace("()", "")
            yield ProjectHit(
                it.ref, f"`{it.type}.{it.name}` asks the database once for each `{it.type}` of an answer: by `{shown}`."
            )
            continue
        if found is None or any("loader" in step.qualname.lower() for step in found.path):
            continue
        yield ProjectHit(
            it.ref,
            f"`{it.type}.{it.name}` asks the database once for each `{it.type}` of an answer: it reaches `{found.call}`.",
            tuple(described(found, project)),
        )
