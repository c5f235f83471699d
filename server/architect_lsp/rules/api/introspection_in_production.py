"""A GraphQL schema tells every client all its types, fields and arguments.

Why: introspection is how tools complete queries, and how an attacker reads which mutations exist that no page of yours uses.
Servers leave it on unless they are told otherwise.
Instead: switch it off where the schema is not meant for the public, but for those who develop with it.

    extensions: list[type[SchemaExtension]] = [QueryDepthLimiter]
    if not settings.debug:
        extensions.append(DisableIntrospection)
    schema = strawberry.Schema(query=Query, mutation=Mutation, extensions=extensions)

A query that asks for it then gets an error of the GraphQL kind, which clients show as any other.
Consequences: forgotten fields (`isAdmin`, `debugUser`) are found in a minute instead of never.
Trade-offs: it hides, it does not protect: each resolver needs its own guard all the same. Of a public API the schema is the
documentation.
Off by default: whether a schema is public can't be read from the code.
Tests: ask for `__schema` with the settings of production and assert the error.
Security: CWE-200; suggestions in errors ("Did you mean ...") tell the same, name by name.
Observability: count queries for `__schema` by client.
Source: https://cheatsheetseries.owasp.org/cheatsheets/GraphQL_Cheat_Sheet.html#introspection-graphiql
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.lineage import dotted
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=200,
    bad=[
        Bad("""
import strawberry
from strawberry.extensions import QueryDepthLimiter

@strawberry.type
class Query:
    number: int

[|schema = strawberry.Schema(query=Query, extensions=[QueryDepthLimiter(max_depth=8)])|]
"""),
        Bad("""
from ariadne import make_executable_schema
from ariadne.asgi import GraphQL
from shop.types import query

schema = make_executable_schema("type Query { number: Int }", query)
[|app = GraphQL(schema)|]
"""),
    ],
    good=[
        """
import strawberry
from strawberry.extensions import DisableIntrospection

@strawberry.type
class Query:
    number: int

schema = strawberry.Schema(query=Query, extensions=[DisableIntrospection()])
""",
        """
-- schema.py --
import graphene

class Query(graphene.ObjectType):
    number = graphene.Int()

schema = graphene.Schema(query=Query)
-- urls.py --
from django.urls import path
from graphene.validation import DisableIntrospection
from graphene_django.views import GraphQLView
from schema import schema

urlpatterns = [path("graphql", GraphQLView.as_view(schema=schema, validation_rules=[DisableIntrospection]))]
""",
        """
from ariadne import make_executable_schema
from ariadne.asgi import GraphQL
from shop.types import query

schema = make_executable_schema("type Query { number: Int }", query)
app = GraphQL(schema, introspection=False)
""",
    ],
)

_SCHEMA = regex(
    r"(?:strawberry|graphene)(?:\.\w+)*\.(?:Schema|FederationSchema)\(\)|ariadne(?:\.\w+)*\.(?:GraphQL|GraphQLView)\(\)"
)
_LASTS = ("Schema", "FederationSchema", "GraphQL", "GraphQLView")
_OFF = regex(r"\w*introspection\w*", re.IGNORECASE)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Schemas that nothing in the project keeps from answering about themselves."""
    found: list[Ref] = []
    for path in project.paths:
        if any(_OFF.fullmatch(name) or _OFF.search(full) for name, full in project.imports(path)):
            return
        for it in project.variables(path) if not is_test(path) and not is_script(path) else ():
            if it.value is None or it.value.kind != "call" or it.value.last not in _LASTS or _switched(it.value):
                continue
            if _SCHEMA.fullmatch(dotted(project.resolve(path, it.target))):
                found.append(Ref(path, it.name, "variable"))
    for ref in found:
        yield ProjectHit(
            ref, f"`{ref.qualname}` tells every client all its types and fields; nothing switches introspection off."
        )


def _switched(value: Value) -> bool:
    return any(_OFF.fullmatch(key) for key, _ in value.keywords)
