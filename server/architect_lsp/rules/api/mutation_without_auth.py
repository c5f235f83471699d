"""A GraphQL mutation asks nobody who they are, though nearly all other mutations of the schema do.

Why: all fields of a schema answer under one path, so no router, gateway or middleware tells an open one from a closed one.
What is forgotten on one field is open to everybody who can reach the endpoint, and introspection lists it.
Instead: the guard that the others have.

    @strawberry.mutation(permission_classes=[IsAuthenticated])
    def cancel_order(self, info: Info, id: strawberry.ID) -> Order:
        ...

Consequences: anybody may change what only users should.
Trade-offs: signing in, or asking for a new password, must stay open: then say so in the field's name or beside it.
Tests: send every mutation of the schema without credentials, and assert that each is refused but those of a short list.
Security: an attacker reads the schema and tries each mutation without a token; it takes a minute.
Source: https://strawberry.rocks/docs/guides/permissions;
https://owasp.org/API-Security/editions/2023/en/0xa5-broken-function-level-authorization/
"""

import ast
import re
from collections.abc import Iterable, Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.frameworks.dependencies import guarding, guards
from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import FunctionSymbol, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, Hit, Rule, SdlView, View

_SHOP = """
import strawberry
from strawberry.permission import BasePermission

class IsAuthenticated(BasePermission):
    def has_permission(self, source, info):
        return info.context.user is not None

@strawberry.type
class Query:
    ok: bool

@strawberry.type
class Mutation:
""" + "".join(
    f"    @strawberry.mutation(permission_classes=[IsAuthenticated])\n    def {it}(self, id: int) -> bool: ...\n\n"
    for it in ("cancel", "ship", "refund", "rename", "archive", "restore")
)
_SCHEMA = "\nschema = strawberry.Schema(query=Query, mutation=Mutation)\n"

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A1", "A2", "D4"],
    cwe=862,
    needs=["mutat", "Mutat"],
    bad=[
        Bad(
            _SHOP
            + """
    @strawberry.mutation
    [|def erase(self, id: int) -> bool:|]
        return delete(id)
"""
            + _SCHEMA
        ),
        Bad("""
-- schema.graphql --
type Mutation {
  createOrder(item: ID!): Order! @authenticated
  cancelOrder(id: ID!): Order! @authenticated
  createLabel(text: String!): Label! @authenticated
  removeLabel(id: ID!): Label! @hasRole(role: ADMIN)
  moveLabel(id: ID!, to: ID!): Label! @authenticated
  [|renameLabel|](id: ID!, text: String!): Label!
  signIn(name: String!, word: String!): Token!
}
"""),
    ],
    good=[
        _SHOP
        + """
    @strawberry.mutation
    def login(self, name: str, password: str) -> str: ...

    @strawberry.mutation
    def erase(self, info, id: int) -> bool:
        if not info.context.user.is_staff:
            raise Refused
        return delete(id)
"""
        + _SCHEMA,
        """
-- schema.graphql --
type Mutation {
  createOrder(item: ID!): Order!
  cancelOrder(id: ID!): Order! @authenticated
  createLabel(text: String!): Label! @authenticated
  removeLabel(id: ID!): Label! @deprecated
  moveLabel(id: ID!, to: ID!): Label! @authenticated
  renameLabel(id: ID!, text: String!): Label! @authenticated
}
""",
        """
-- schema.graphql --
type Mutation @authenticated {
  createOrder(item: ID!): Order! @authenticated
  cancelOrder(id: ID!): Order! @authenticated
  createLabel(text: String!): Label! @authenticated
  removeLabel(id: ID!): Label! @authenticated
  moveLabel(id: ID!, to: ID!): Label! @authenticated
  renameLabel(id: ID!, text: String!): Label!
}
""",
    ],
)

_GUARDS = ("permission_classes", "extensions", "permissions")
_OPEN = regex(
    r"log_?in|log_?out|sign_?(?:in|up|out)|regist|token|auth|oauth|verify|confirm|activat|invit|refresh|password|reset|contact|subscri",
    re.IGNORECASE,
)
"""What is open by its nature, in a mutation's name."""
_ROLES = regex(r"roles?|scopes?|policy|policies|rbac|allow|owner", re.IGNORECASE)
"""What a directive of a schema that guards may be about, beside what names of code say."""
_ASKS = regex(r"user|auth|permi|viewer|tenant|account|identity|session|token|credential|\bcan_|allowed|owner", re.IGNORECASE)
"""Words of a body that may well ask who it is."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Mutations without a guard in a schema of which nine of ten have one."""
    odd = view.project.of_all("mutations without auth", _odd)
    for function in view.reading.functions:
        found = odd.get((view.path, view.reading.qualname(function)))
        if found is None:
            continue
        body = " ".join(ast.unparse(it) for it in (function.args, *function.decorator_list, *function.body))
        if not _ASKS.search(body):
            counts, example = found
            told = f"The mutation `{function.name}` asks nobody who they are; {counts} mutations of this schema do."
            yield Hit(function, told, evidence=((example, f"`{example.qualname}` is guarded"),))


_FEW = 2
"""Neighbours of a mutation that make a habit: what is guarded one by one is guarded on purpose."""


def _odd(project: Project) -> dict[tuple[str, str], tuple[str, Ref]]:
    """(file, qualified name) of each mutation that differs -> (counts, one that is guarded)."""
    rows = [it.ref for it in catalogue(project).resolvers if it.type == "Mutation" and not is_test(it.ref.path)]
    odd = odd_ones({"mutations": rows}, lambda it: _is_guarded(project, it), _FEW)
    return {(it.member.path, it.member.qualname): (it.counts, it.example) for it in odd}


def _is_guarded(project: Project, ref: Ref) -> bool | None:
    """Whether a guard stands before a mutation; None for one that is open by its nature, or unknown."""
    definition = project.definition(ref.path, ref.qualname)
    if definition is None or _OPEN.search(ref.qualname.rpartition(".")[2]):
        return None
    if any(_guards(project, ref.path, definition, it.value) for it in definition.decorators):
        return True
    return guards(project, FunctionSymbol(ref.path, definition), "")


def _guards(project: Project, path: str, definition: Def, decorator: Value) -> bool:
    """Whether a decorator asks who it is, or is given what does."""
    if guarding(decorator.last):
        return True
    given = [it for name in _GUARDS if (it := decorator.keyword(name)) is not None]
    named = [it for value in given for it in value.each() if it.kind in ("name", "call") and it.text]
    return any(guarding(it.last) or guards(project, project.resolve(path, it.text, definition.owner), "") for it in named)


@rule.check_sdl
def find_in_schema(view: SdlView) -> Iterator[FileHit]:
    """Mutations of a GraphQL schema without a directive that guards, where nine of ten have one."""
    rows = [it for it in view.schema.fields if view.schema.roots.get(it.owner) == "Mutation" and not _OPEN.search(it.name)]
    closed = {it.owner for it in rows if _guarded(view.schema.directives(it.owner))}
    for it in odd_ones({"": [row for row in rows if row.owner not in closed]}, lambda each: _guarded(each.directives)):
        words = f"{it.counts} mutations of this schema do, `{it.example.name}` for one."
        yield FileHit(it.member.at, f"`{it.member.name}` asks nobody who they are; {words}", symbol=it.member.spoken)


def _guarded(directives: Iterable[str]) -> bool:
    return any(guarding(it) or _ROLES.search(it) for it in directives)
