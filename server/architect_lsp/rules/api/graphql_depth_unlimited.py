"""A GraphQL schema whose types lead back to themselves answers queries of any depth.

Why: a client that asks for the orders of the customer of the orders of the customer ... decides how much work the server does.
Each level multiplies the rows of the one before.
Instead: limit the depth, and the number of aliases and tokens.

    schema = strawberry.Schema(
        query=Query,
        extensions=[QueryDepthLimiter(max_depth=8), MaxAliasesLimiter(max_alias_count=15)],
    )

Trade-offs: a limit too low breaks the clients there are: log the depths they use first. A list of known queries (persisted
ones) is the stricter way where all clients are your own.
Tests: ask one level too deep, and assert the error.
Security: one request of a few hundred bytes keeps the database busy for minutes.
Observability: the depth and the cost of each query, as a histogram.
Source: https://cheatsheetseries.owasp.org/cheatsheets/GraphQL_Cheat_Sheet.html#query-limiting-depth-amount
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.facts import ClassDef
from architect_lsp.knowledge.lineage import classes, decorator, dotted, lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_TYPES = """
import strawberry

@strawberry.type
class Customer:
    name: str

    @strawberry.field
    def orders(self) -> list["Order"]:
        return []

@strawberry.type
class Order:
    customer: Customer

@strawberry.type
class Query:
    orders: list[Order]
"""

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "A4", "D4"],
    cwe=770,
    bad=[
        Bad(f"{_TYPES}\n[|schema = strawberry.Schema(query=Query)|]\n"),
        Bad("""
import graphene

class Customer(graphene.ObjectType):
    orders = graphene.List(lambda: Order)

class Order(graphene.ObjectType):
    customer = graphene.Field(Customer)

class Query(graphene.ObjectType):
    orders = graphene.List(Order)

[|schema = graphene.Schema(query=Query)|]
"""),
    ],
    good=[
        f"""
from strawberry.extensions import QueryDepthLimiter
{_TYPES}
schema = strawberry.Schema(query=Query, extensions=[QueryDepthLimiter(max_depth=8)])
""",
        """
import strawberry

@strawberry.type
class Order:
    number: int

@strawberry.type
class Query:
    orders: list[Order]

schema = strawberry.Schema(query=Query)
""",
        """
-- schema.py --
import graphene

class Order(graphene.ObjectType):
    parent = graphene.Field(lambda: Order)

class Query(graphene.ObjectType):
    orders = graphene.List(Order)

schema = graphene.Schema(query=Query)
-- urls.py --
from django.urls import path
from graphene.validation import depth_limit_validator
from graphene_django.views import GraphQLView
from schema import schema

urlpatterns = [path("graphql", GraphQLView.as_view(schema=schema, validation_rules=[depth_limit_validator(max_depth=9)]))]
""",
    ],
)

_LIMITS = regex(r"\w*(?:depth|cost|complexity|MaxTokens|persisted)\w*", re.IGNORECASE)
_SCHEMA = regex(r"(?:strawberry|graphene)(?:\.\w+)*\.Schema\(\)")
_TYPE = regex(r"strawberry(?:_django|\.\w+)*\.(?:type|interface)|graphene(?:_\w+|\.\w+)*\.(?:\w*ObjectType|Interface)")
_NAME = regex(r"[A-Za-z_][\w.]*")


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Schemas without a limit, in projects that set none anywhere and whose types lead back to themselves."""
    found: list[Ref] = []
    for path in project.paths:
        for it in project.variables(path):
            if it.value is None or it.value.kind != "call" or it.value.last != "Schema":
                continue
            if _SCHEMA.fullmatch(dotted(project.resolve(path, it.target))):
                found.append(Ref(path, it.name, "variable"))
        if any(
            _LIMITS.fullmatch(name) for name, dotted_ in project.imports(path) if "graph" in dotted_ or "strawberry" in dotted_
        ):
            return
    cycle = _cycle(project) if found else ""
    if cycle:
        for ref in found:
            yield ProjectHit(ref, f"Queries of this schema may be of any depth: its type `{cycle}` leads back to itself.")


def _cycle(project: Project) -> str:
    """A type from which fields lead back to it, "" when there is none."""
    kinds = [it for it in classes(project) if _is_type(project, it)]
    known = {(it.path, it.facts.qualname) for it in kinds}
    links: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for it in kinds:
        for name in _mentioned(project, it):
            symbol = project.resolve(it.path, name)
            if isinstance(symbol, ClassSymbol) and (symbol.path, symbol.facts.qualname) in known:
                links.setdefault((it.path, it.facts.qualname), set()).add((symbol.path, symbol.facts.qualname))
    for start in links:
        seen: set[tuple[str, str]] = set()
        todo = [*links[start]]
        while todo:
            at = todo.pop()
            if at == start:
                return start[1]
            if at not in seen:
                seen.add(at)
                todo += links.get(at, ())
    return ""


def _is_type(project: Project, symbol: ClassSymbol) -> bool:
    decorated = any(_TYPE.fullmatch(decorator(project, symbol.path, "", it)) for it in symbol.facts.decorators)
    return decorated or any(_TYPE.fullmatch(dotted(it)) for it in lineage(project, symbol))


def _mentioned(project: Project, symbol: ClassSymbol) -> Iterator[str]:
    """The names that a type's fields and the methods that answer them speak of."""
    facts: ClassDef = symbol.facts
    for it in facts.fields:
        yield from filter(None, (it.annotation,))
        for value in (it.shape, it.value):
            if value is not None:
                yield from _names(value)
    for row in project.facts(symbol.path).defs:
        if row.owner == facts.qualname and row.decorators:
            yield from filter(None, (row.returns.replace("()", ""),))
            if row.gives is not None:
                yield from _names(row.gives)


def _names(value: Value) -> Iterator[str]:
    for it in value.each():
        if it.text and it.kind in ("name", "text") and _NAME.fullmatch(it.text):
            yield it.text
