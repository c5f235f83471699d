"""Two counts or sums over different relations in one query multiply each other.

Why: each relation is joined, so a row with three books and two awards is six rows to the database: it counts six books and six
awards, and sums each amount twice or thrice.
Instead: count what is different, and take sums from queries of their own.

    Author.objects.annotate(
        n_books=Count("books", distinct=True),
        n_awards=Count("awards", distinct=True),
    )

Consequences: numbers that are right for most rows, and too large for those with much of both.
Trade-offs: `distinct=True` mends counts only; a sum needs a `Subquery`.
Tests: one row with two of each.
Source: https://docs.djangoproject.com/en/stable/topics/db/aggregation/#combining-multiple-aggregations
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.models import Models
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2"],
    cwe=682,
    needs=["annotate("],
    bad=[
        Bad("""
from django.db import models
from django.db.models import Count, Sum

class Author(models.Model):
    name = models.CharField()
class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
class Award(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE)
    amount = models.IntegerField()

def numbers():
    return Author.objects.annotate(n_books=[|Count("books")|], n_awards=Count("award", distinct=True))

def sums():
    return Author.objects.annotate(n_books=Count("books", distinct=True)).annotate(total=[|Sum("award__amount")|])
"""),
    ],
    good=[
        """
from django.db import models
from django.db.models import Count, Max, Sum

class Author(models.Model):
    name = models.CharField()
    weight = models.IntegerField()
class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    pages = models.IntegerField()
class Award(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE)

def numbers():
    return Author.objects.annotate(n_books=Count("books", distinct=True), n_awards=Count("award", distinct=True))

def one():
    return Author.objects.annotate(n_books=Count("books"), pages=Sum("books__pages"), weights=Max("weight"))

def idle():
    return Author.objects.annotate(n_books=Count("books"), n_awards=Count("award")).filter(n_books=0, n_awards=0)

def latest():
    return Author.objects.annotate(last_book=Max("books__id"), last_award=Max("award__id"))
""",
    ],
)

_MULTIPLIED = ("Count", "Sum", "StringAgg", "ArrayAgg", "JSONBAgg")
_JOINS = (*_MULTIPLIED, "Max", "Min", "Avg", "BoolOr", "BoolAnd")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first aggregate that counts a row more than once, because another of its query joins a relation too."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "annotate":
            continue
        query = queries(view.project, view.path, reading).query(call)
        if query is None or query.orm != "django" or query.model is None or query.steps[-1].call is not call:
            continue
        joined: list[tuple[str, ast.Call]] = []
        for step in query.steps:
            if step.name == "annotate":
                joined += _joined(Models.of(view.project), query.model, step.call)
        mine = {it for it in ast.walk(call) if isinstance(it, ast.Call)} - set(ast.walk(call.func))
        if len({name for name, _ in joined}) < 2 or not any(it in mine for _, it in joined):
            continue
        if "Count(" in ast.unparse(call) and _asks_for_none(reading, call):
            continue
        found = [(name, it) for name, it in joined if _counts_twice(it)]
        if found:
            name, shown = found[0]
            other = next(it for it, _ in joined if it != name)
            yield Hit(shown, f"`{other}` is joined too: each row of `{name}` is counted once for every row of `{other}`.")


def _joined(models: Models, model: OrmModel, call: ast.Call) -> Iterator[tuple[str, ast.Call]]:
    """(relation to many rows, aggregate) of what `annotate` is given."""
    for it in (*call.args, *(row.value for row in call.keywords)):
        for each in ast.walk(it):
            if isinstance(each, ast.Call) and each.args and dotted(each.func).rpartition(".")[2] in _JOINS:
                path = constant(each.args[0])
                first = path.partition("__")[0] if isinstance(path, str) else ""
                side = models.across(model, first) or models.across(model, f"{first}_set")
                if first and side is not None and side.many:
                    yield first, each


def _asks_for_none(reading: Reading, call: ast.Call) -> bool:
    """Whether each number is only compared to 0, which no row multiplies: `.filter(n_books=0, n_awards__gt=0)`."""
    up = reading.parent(call)
    then = reading.parent(up) if up is not None else None
    if not isinstance(up, ast.Attribute) or up.attr not in ("filter", "exclude") or not isinstance(then, ast.Call):
        return False
    asked = {(it.arg or "").partition("__")[0] for it in then.keywords if constant(it.value) == 0}
    return {it.arg for it in call.keywords} <= asked


def _counts_twice(call: ast.Call) -> bool:
    return dotted(call.func).rpartition(".")[2] in _MULTIPLIED and constant(keyword(call, "distinct")) is not True
