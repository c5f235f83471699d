"""A resolver of a root field gives back every row of a table.

Why: a schema is asked by anyone who can write a query. A list without an argument that bounds it grows with the table, and each
row brings the fields that were asked of it.
Instead: let the list be asked for in pages.

    books = graphene.List(BookNode, first=graphene.Int(default_value=20))

    def resolve_books(root, info, first):
        return Book.objects.order_by("id")[: min(first, 100)]

Consequences: one query reads the table, and the memory of the process with it.
Tests: ask for the list with more rows than a page has.
Source: https://graphql.org/learn/pagination/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A1", "B4"],
    cwe=770,
    needs=["resolve_"],
    bad=[
        Bad("""
import graphene
from library.models import Book

class Query(graphene.ObjectType):
    books = graphene.List(graphene.String)

    def resolve_books(root, info):
        return [|Book.objects.all()|]
"""),
    ],
    good=[
        """
import graphene
from library.models import Book, Category

class Query(graphene.ObjectType):
    books = graphene.List(graphene.String, first=graphene.Int())
    categories = graphene.List(graphene.String)

    def resolve_books(root, info, first):
        return Book.objects.all()[:first]

    def resolve_categories(root, info):
        return Category.objects.all()

    def resolve_mine(root, info):
        return Book.objects.filter(owner=info.context.user)
"""
    ],
)

_FEW = regex(
    r"(?i)setting|config|option|role|permission|currenc|countr|language|locale|tag|categor|type|status|template|plan|choice|group"
)
"""Things of which a service has a few dozen at most."""
_WHOLE = ("all", "order_by", "select_related", "prefetch_related")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Resolvers of graphene's root that give back all rows of a model, and are asked nothing but that."""
    for function in view.reading.functions:
        if not function.name.startswith("resolve_") or len(function.args.args) != 2 or function.args.kwarg is not None:
            continue
        if not view.reading.owner(function).endswith("Query") or _FEW.search(function.name):
            continue
        for node in view.reading.within(function):
            if (
                isinstance(node, ast.Return)
                and node.value is not None
                and (table := _table(node.value))
                and not _FEW.search(table)
            ):
                yield Hit(node.value, f"`{function.name}` answers with every row there is.")


def _table(node: ast.expr) -> str:
    """The model of `Model.objects.all().order_by(...)`, "" when something narrows it."""
    up = node
    while isinstance(up, ast.Call) and isinstance(up.func, ast.Attribute) and up.func.attr in _WHOLE:
        up = up.func.value
    return dotted(up.value) if up is not node and isinstance(up, ast.Attribute) and up.attr == "objects" else ""
