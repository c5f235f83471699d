"""Rows that were prefetched are asked for once more, for each row of a loop.

Why: `prefetch_related("books")` keeps what `books.all()` gives. `books.filter(...)` or `books.order_by(...)` is another query, so
each turn asks the database again, and what was prefetched is loaded for nothing.
Instead: prefetch what is needed, or choose among the rows that are there.

    shown = Prefetch("books", queryset=Book.objects.filter(published=True), to_attr="shown")
    for author in Author.objects.prefetch_related(shown):
        print(author.name, author.shown)

Consequences: one query more than without the prefetch for each row.
Tests: count the queries for one row and for ten.
Performance: n + 2 queries become two.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#prefetch-related
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import queries
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "B5", "D3"],
    cwe=1073,
    needs=["prefetch_related("],
    bad=[
        Bad("""
from django.db import models

class Author(models.Model):
    name = models.CharField()
class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    published = models.BooleanField()

def shown():
    for author in Author.objects.prefetch_related("books"):
        yield author.name, list([|author.books.filter(published=True)|])
def newest():
    authors = Author.objects.prefetch_related("books")
    return [[|it.books.order_by("-id")|].first() for it in authors]
"""),
    ],
    good=[
        """
from django.db import models

class Author(models.Model):
    name = models.CharField()
class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    published = models.BooleanField()

def shown():
    for author in Author.objects.prefetch_related("books"):
        yield author.name, [it for it in author.books.all() if it.published], author.books.count()
def closed():
    for author in Author.objects.prefetch_related("books"):
        author.books.filter(published=True).update(published=False)
def others():
    for author in Author.objects.all():
        yield list(author.books.filter(published=True))
""",
    ],
)

_ANEW = (
    "filter",
    "exclude",
    "order_by",
    "values",
    "values_list",
    "annotate",
    "aggregate",
    "get",
    "latest",
    "earliest",
    "distinct",
)
_CHANGES = ("update", "delete", "create", "aupdate", "adelete", "select_for_update")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls of a prefetched relation's manager, other than those that it answers from memory."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _ANEW:
            continue
        relation = call.func.value
        if not isinstance(relation, ast.Attribute) or not isinstance(relation.value, ast.Name):
            continue
        loop = asked.loop_of(relation.value)
        query = asked.query(loop) if loop is not None else None
        if query is None or query.orm != "django" or query.model is None or relation.attr not in (query.loaded or ()):
            continue
        side = asked.models.across(query.model, relation.attr)
        if side is not None and side.many and not _changes(view, call):
            name = ast.unparse(relation)
            yield Hit(call, f"`{name}` was prefetched, but this is another query: it asks the database again for each row.")


def _changes(view: View, call: ast.Call) -> bool:
    """Whether the chain that a call begins writes rows."""
    for up in view.reading.ancestors(call):
        if isinstance(up, ast.Attribute) and up.attr in _CHANGES:
            return True
        if not isinstance(up, ast.Attribute | ast.Call):
            return False
    return False
