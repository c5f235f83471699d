"""Rows are cut into pages, but nothing says in which order they come.

Why: without `ORDER BY` a database gives rows in any order it likes, and another one for the next page. Some rows then come twice
and others never, most often after an update moved them on disk.
Instead: order by something that no two rows share, or end the order with the key.

    page = Paginator(Order.objects.order_by("-created", "pk"), 50)
    statement = select(Order).order_by(Order.created.desc(), Order.id).limit(50).offset(start)

Trade-offs: the order needs an index that serves it, or each page sorts the table.
Tests: create rows with equal values, walk all pages, and assert that each row came exactly once.
Source: https://docs.djangoproject.com/en/stable/topics/pagination/#required-arguments
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.chains import Query
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A4", "B5"],
    needs=["offset(", "Paginator(", "[", "slice("],
    bad=[
        Bad("""
from django.core.paginator import Paginator
from django.db import models

class Order(models.Model):
    created = models.DateTimeField()

def page(number):
    return Paginator([|Order.objects.filter(paid=True)|], 20).get_page(number)

def rows(start, size):
    orders = Order.objects.all()
    return [|orders[start : start + size]|]
"""),
        Bad("""
from sqlalchemy import select
from sqlalchemy.orm import Session

def page(session: Session, skip: int, limit: int):
    first = [|session.query(Order).offset(skip)|].limit(limit).all()
    statement = [|select(Order).where(Order.paid).limit(limit).offset(skip)|]
    return first, session.scalars(statement).all()
"""),
    ],
    good=[
        """
from django.core.paginator import Paginator
from django.db import models

class Order(models.Model):
    created = models.DateTimeField()

    class Meta:
        ordering = ["-created"]

class Line(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)

def page(number, start, rows):
    Paginator(Line.objects.order_by("pk"), 20)
    Paginator(rows, 20)
    lines = Line.objects.all()[:10]
    lines = Line.objects.all()[start]
    return Paginator(Order.objects.filter(paid=True), 20).get_page(number), lines
""",
        """
from sqlalchemy import select
from sqlalchemy.orm import Session

def page(session: Session, skip: int, limit: int):
    statement = select(Order).where(Order.paid).limit(limit).offset(skip)
    statement = statement.order_by(Order.id)
    query = session.query(Order)
    query = query.order_by(Order.id)
    return session.scalars(statement).all(), query.offset(skip).all(), session.query(Order).limit(5).all()
""",
        """
from sqlalchemy import select
from sqlalchemy.orm import Session

def page(session: Session, table, sort_by: str, number: int, limit: int):
    statement = select(table)
    if sort_by:
        statement = statement.where(table.c.paid)
    statement = apply_sorting(statement, table, sort_by)
    statement = statement.offset((number - 1) * limit)
    return session.execute(statement).fetchall()
""",
    ],
)

_ORDERS = ("order_by", "latest", "earliest", "reverse", "union", "raw", "from_statement", "select_from", "distinct", "group_by")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Pages of querysets and statements that are in no order."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        if dotted(call.func).rpartition(".")[2] == "Paginator" and call.args:
            query = asked.query(call.args[0])
            if query is not None and query.orm == "django" and _unordered(query):
                yield Hit(call.args[0], _message("these pages"))
        elif (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "offset"
            and constant(call.args[0] if call.args else None) != 0
        ):
            query = asked.query(call)
            if query is not None and query.orm == "sqlalchemy" and _unordered(query) and not _ordered_later(view, call):
                yield Hit(call, _message("this page"))
    for node in reading.each(ast.Subscript):
        part = node.slice
        if isinstance(part, ast.Slice) and part.lower is not None and part.upper is not None and constant(part.lower) != 0:
            query = asked.query(node.value)
            if query is not None and query.orm == "django" and not query.runs and _unordered(query):
                yield Hit(node, _message("this page"))


def _unordered(query: Query) -> bool:
    """Whether neither the query nor its model says an order."""
    if query.gives not in ("rows", "values") or query.has(*_ORDERS):
        return False
    if query.orm == "django":
        return query.model is not None and not query.model.ordering
    return True


def _ordered_later(view: View, call: ast.Call) -> bool:
    """Whether the statement is given an order where it goes on: in the same chain, or under the name it is bound to."""
    reading = view.reading
    for up in reading.ancestors(call):
        if isinstance(up, ast.Attribute) and up.attr in _ORDERS:
            return True
        if isinstance(up, ast.Assign | ast.AnnAssign):
            names = {it.id for it in ast.walk(up) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
            function = reading.function(call)
            return any(
                isinstance(it, ast.Attribute) and it.attr in _ORDERS and isinstance(it.value, ast.Name) and it.value.id in names
                for it in reading.within(function)
            )
        if isinstance(up, ast.stmt):
            return False
    return False


def _message(what: str) -> str:
    return f"Nothing says in which order the rows of {what} come: some may come twice, others never."
