"""A column that the query left out is read for each row.

Why: `only("sku")` leaves every other column in the database. The first use of one asks for it, with a query for that one row, so
a loop over a thousand rows makes a thousand and one.
Instead: name each column that the loop uses.

    for product in Product.objects.only("sku", "description"):
        write(product.sku, product.description)

Consequences: what was meant to be faster is slower by as many round trips as there are rows.
Tests: count the queries for one row and for ten.
Off by default: rows of a loop inside another one are taken for its own, where both are named alike.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#only
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.chains import Query
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import Reading, constant
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "B5", "D3"],
    cwe=1073,
    needs=[".only(", ".defer("],
    bad=[
        Bad("""
from django.db import models

class Product(models.Model):
    sku = models.CharField()
    description = models.TextField()

def lines():
    for product in Product.objects.only("id", "sku").iterator():
        yield product.sku, [|product.description|]
def more():
    return [[|it.description|] for it in Product.objects.defer("description")]
"""),
    ],
    good=[
        """
from django.db import models

class Product(models.Model):
    sku = models.CharField()
    description = models.TextField()
    shop = models.ForeignKey("Shop", on_delete=models.CASCADE)
class Shop(models.Model):
    name = models.CharField()

def lines():
    for product in Product.objects.only("sku", "description", "shop"):
        yield product.pk, product.id, product.sku, product.description, product.shop_id, product.lines
def more():
    for it in Product.objects.defer("description"):
        it.description = "gone"
        yield it.sku
def locked():
    for it in Product.objects.only("sku"):
        it = Product.objects.select_for_update().get(pk=it.pk)
        yield it.description
def both():
    return [it.description for it in Product.objects.only("sku").only("description")]
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first read of each column that `only` or `defer` left out of a loop's rows."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    told: set[tuple[int, str]] = set()
    for node in reading.each(ast.Attribute):
        if not isinstance(node.value, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        loop = asked.loop_of(node.value)
        query = asked.query(loop) if loop is not None else None
        if loop is None or query is None or query.orm != "django" or query.gives != "rows" or (id(loop), node.attr) in told:
            continue
        if node.attr in _left_out(query) and not _is_bound_anew(reading, node.value):
            told.add((id(loop), node.attr))
            yield Hit(node, f"The query leaves `{node.attr}` out: each row asks for it with a query of its own.")


def _is_bound_anew(reading: Reading, name: ast.Name) -> bool:
    """Whether a turn gives the loop's name another row: `order = Order.objects.get(pk=order.pk)`."""
    loop = reading.loop(name)
    body = loop.body if isinstance(loop, ast.For) else []
    inside = (it for row in body for it in ast.walk(row))
    return any(isinstance(it, ast.Name) and it.id == name.id and isinstance(it.ctx, ast.Store) for it in inside)


def _left_out(query: Query) -> set[str]:
    """The columns that the last `only`, and each `defer`, leave in the database."""
    if query.model is None:
        return set()
    every = {it.name for it in query.model.columns if not it.primary}
    found: set[str] = set()
    for step in query.steps:
        said = [constant(it) for it in step.call.args]
        names = {str(it).removesuffix("_id") for it in said} | {str(it) for it in said}
        if step.name == "only" and said and all(isinstance(it, str) for it in said):
            found = every - names
        elif step.name == "only":
            return set()
        elif step.name == "defer":
            found = found | (every & names) if all(isinstance(it, str) for it in said) else set()
    return found
