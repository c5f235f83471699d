"""GraphQL schemas of three libraries: the resolvers we see are those that the executable schema calls."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from architect_lsp.knowledge.catalogue import catalogue
from support.examples import files_of
from support.truth import environment, project_of, said

pytestmark = pytest.mark.realworld

PINS = ["strawberry-graphql==0.327.7", "graphene==3.4.3", "ariadne==1.1.1"]
STRAWBERRY = """
-- shop/__init__.py --
-- shop/schema.py --
import strawberry
from strawberry.tools import merge_types
from shop.orders import OrderMutation, OrderQuery
from shop.people import People, events

@strawberry.type
class RootQuery(People, OrderQuery):
    @strawberry.field
    def version(self) -> str:
        return "1"
    plain: int = 3

@strawberry.type
class Other:
    @strawberry.mutation(name="wipe")
    async def wipe_all(self) -> bool:
        return True

@strawberry.type
class Subscription:
    ticks: int = strawberry.subscription(resolver=events)

Mutation = merge_types("Mutation", (OrderMutation, Other))
schema = strawberry.Schema(query=RootQuery, mutation=Mutation, subscription=Subscription)
-- shop/people.py --
from typing import AsyncGenerator
import strawberry

@strawberry.type(name="Human")
class Person:
    name: str

    @strawberry.field(description="of a person")
    def full_name(self) -> str:
        return self.name

def everybody() -> list[Person]:
    return []

async def events() -> AsyncGenerator[int, None]:
    yield 1

@strawberry.type
class People:
    all_people: list[Person] = strawberry.field(resolver=everybody)
-- shop/orders.py --
import strawberry
from shop.people import Person

@strawberry.interface
class Priced:
    @strawberry.field
    def price(self) -> int:
        return 1

@strawberry.type
class Order(Priced):
    number: int

    @strawberry.field
    def owner(self) -> Person | None:
        return None

@strawberry.type
class OrderQuery:
    @strawberry.field
    def order(self, number: int) -> Order:
        return Order(number=number)

@strawberry.type
class OrderMutation:
    @strawberry.mutation
    def place_order(self) -> Order:
        return Order(number=1)
"""
STRAWBERRY_SAYS = """
    import json, os, sys
    sys.path.insert(0, os.getcwd())
    from shop.schema import schema

    roots = {schema.query.__strawberry_definition__.name: "Query", schema.mutation.__strawberry_definition__.name: "Mutation"}
    found = []
    for name, kind in schema._schema.type_map.items():
        definition = getattr(kind, "extensions", {}).get("strawberry-definition")
        for it in getattr(definition, "fields", ()):
            if it.base_resolver:
                function = it.base_resolver.wrapped_func
                field = schema.config.name_converter.get_graphql_name(it)
                found.append([roots.get(name, name), field, f"{function.__module__}:{function.__qualname__}"])
    print(json.dumps(found))
"""
GRAPHENE = """
-- shop/__init__.py --
-- shop/schema.py --
import graphene
from shop.orders import OrderMutations, OrderQuery

class Query(OrderQuery, graphene.ObjectType):
    version = graphene.String(name="release")
    def resolve_version(root, info):
        return "1"

class Mutation(OrderMutations, graphene.ObjectType): ...

schema = graphene.Schema(query=Query, mutation=Mutation)
-- shop/orders.py --
import graphene
from graphene import relay

def find_owner(root, info):
    return None

class Person(graphene.ObjectType):
    class Meta:
        name = "Human"
    full_name = graphene.String(required=True)
    plain = graphene.Int()
    def resolve_full_name(self, info):
        return ""

class Order(graphene.ObjectType):
    owner = graphene.Field(Person, resolver=find_owner)

class OrderQuery(graphene.ObjectType):
    one_order = graphene.Field(Order, number=graphene.Int())
    @staticmethod
    def resolve_one_order(root, info, number):
        return Order()

class PlaceOrder(graphene.Mutation):
    class Arguments:
        number = graphene.Int()
    order = graphene.Field(Order)
    def mutate(root, info, number):
        return PlaceOrder(order=None)

class PayOrder(relay.ClientIDMutation):
    paid = graphene.Boolean()
    @classmethod
    def mutate_and_get_payload(cls, root, info, **given):
        return PayOrder(paid=True)

class OrderMutations(graphene.ObjectType):
    place_order = PlaceOrder.Field()
    pay = PayOrder.Field()
"""
GRAPHENE_SAYS = """
    import functools, inspect, json, os, sys
    sys.path.insert(0, os.getcwd())
    from shop.schema import schema

    found = []
    for name, kind in schema.graphql_schema.type_map.items():
        for field, it in (getattr(kind, "fields", None) or {}).items():
            function = getattr(it, "resolve", None)
            while isinstance(function, functools.partial):
                function = function.func
            function = inspect.unwrap(getattr(function, "__func__", function)) if function else None
            if getattr(function, "__qualname__", "").endswith("ClientIDMutation.mutate"):
                function = kind.graphene_type._meta.fields[field].resolver.__self__.mutate_and_get_payload
            if function and function.__module__.startswith("shop"):
                found.append([name, field, f"{function.__module__}:{function.__qualname__}"])
    print(json.dumps(found))
"""
ARIADNE = """
-- shop/__init__.py --
-- shop/schema.py --
from ariadne import MutationType, ObjectType, QueryType, SubscriptionType, gql, make_executable_schema
from shop.people import full_name, human

types = gql('''
type Query { order(number: Int): Human  version: String }
type Mutation { placeOrder: Boolean }
type Subscription { ticks: Int }
type Human { fullName: String  age: Int  plain: String }
''')
query, mutation, subscription = QueryType(), MutationType(), SubscriptionType()
AGE = "age"
query = QueryType()
mutation = MutationType()
subscription = SubscriptionType()

@query.field("order")
async def resolve_order(_, info, number): ...

def version(*_): ...
query.set_field("version", version)

@mutation.field("placeOrder")
def place(_, info): ...

@subscription.source("ticks")
async def ticks(_, info):
    yield 1

@subscription.field("ticks")
def tick(value, info): ...

@human.field(AGE)
def age(person, info): ...

human.set_field("fullName", full_name)
schema = make_executable_schema(types, query, mutation, subscription, human)
-- shop/people.py --
from ariadne import ObjectType
human = ObjectType("Human")
def full_name(person, info): ...
"""
ARIADNE_SAYS = """
    import json, os, sys
    sys.path.insert(0, os.getcwd())
    from shop.schema import schema

    found = []
    for name, kind in schema.type_map.items():
        for field, it in (getattr(kind, "fields", None) or {}).items():
            for function in (getattr(it, "resolve", None), getattr(it, "subscribe", None)):
                if function and function.__module__.startswith("shop"):
                    found.append([name, field, f"{function.__module__}:{function.__qualname__}"])
    print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("framework", "program", "script"),
    [
        ("strawberry", STRAWBERRY, STRAWBERRY_SAYS),
        ("graphene", GRAPHENE, GRAPHENE_SAYS),
        ("ariadne", ARIADNE, ARIADNE_SAYS),
    ],
)
def test_the_schema_calls_the_same_resolvers(tmp_path: Path, framework: str, program: str, script: str) -> None:
    for path, code in files_of(textwrap.dedent(program)).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(code)
    (tmp_path / "pyproject.toml").touch()
    expected = sorted(tuple(it) for it in said(environment("graphql", PINS), script, cwd=tmp_path))
    found = catalogue(project_of(tmp_path)).resolvers
    assert len(expected) >= 6
    assert {it.framework for it in found} == {framework}
    modules = {it.ref.path: it.ref.path.removesuffix(".py").replace("/", ".") for it in found}
    assert sorted((it.type, it.name, f"{modules[it.ref.path]}:{it.ref.qualname}") for it in found) == expected
