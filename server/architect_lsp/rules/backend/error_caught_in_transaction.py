"""A database error is caught inside of the transaction that it broke.

Why: PostgreSQL refuses every statement of a transaction after one has failed, and Django raises `TransactionManagementError` for
the next. What was written before is rolled back at the end, though nothing was raised.
Instead: give the statement that may fail a transaction of its own, which is a savepoint here.

    try:
        with transaction.atomic():
            tag = Tag.objects.create(name=name)
    except IntegrityError:
        tag = Tag.objects.get(name=name)

Consequences: it works on SQLite, and fails in production on the one request that meets the error.
Tests: on the production database, make the row beforehand.
Source: https://docs.djangoproject.com/en/stable/topics/db/transactions/#controlling-transactions-explicitly
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.transactions import transaction_around
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "D3"],
    cwe=755,
    needs=["IntegrityError", "DatabaseError", "DataError"],
    bad=[
        Bad("""
from django.db import IntegrityError, transaction
from tags.models import Tag

@transaction.atomic
def tag_named(name):
    try:
        return Tag.objects.create(name=name)
    [|except IntegrityError:|]
        return Tag.objects.get(name=name)
"""),
        Bad("""
from django.db import IntegrityError, transaction
from tags.models import Tag

def add_all(names):
    with transaction.atomic():
        for name in names:
            try:
                Tag(name=name).save()
                tag = Tag.objects.create(name=name)
            [|except IntegrityError:|]
                continue
"""),
    ],
    good=[
        """
from django.db import DatabaseError, IntegrityError, transaction
from tags.models import Tag

@transaction.atomic
def tag_named(name):
    try:
        with transaction.atomic():
            return Tag.objects.create(name=name)
    except IntegrityError:
        return Tag.objects.get(name=name)

def take(names):
    for name in names:
        with transaction.atomic():
            try:
                Tag.objects.create(name=name)
            except DatabaseError:
                continue

@transaction.atomic
def refused(name):
    try:
        return Tag.objects.create(name=name)
    except IntegrityError as error:
        raise ValueError(name) from error

def outside(name):
    try:
        with transaction.atomic():
            Tag.objects.create(name=name)
    except IntegrityError:
        return Tag.objects.get(name=name)
    try:
        return Tag.objects.create(name=name)
    except IntegrityError:
        return Tag.objects.get(name=name)

@transaction.atomic
def renamed(tag):
    tag = Tag.objects.get(pk=tag)
    try:
        tag.save(update_fields=["name"])
    except DatabaseError:
        pass

@transaction.atomic
def marked(name):
    try:
        return Tag.objects.create(name=name)
    except IntegrityError:
        transaction.set_rollback(True)
        return None
""",
    ],
)

_ERRORS = ("IntegrityError", "DatabaseError", "DataError")
_WRITES = ("create", "save", "delete", "update", "bulk_create", "bulk_update")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of Django's database errors that go on, in a transaction that is open since before the `try`."""
    reading = view.reading
    asked = queries(view.project, view.path, reading)
    for node in reading.each(ast.Try):
        handler = next((it for it in node.handlers if _of_database(view, it)), None)
        if handler is None or isinstance(handler.body[-1], ast.Raise) or "set_rollback" in ast.unparse(handler):
            continue
        opened = transaction_around(asked, node)
        if opened is None or "atomic" not in dotted(opened.func if isinstance(opened, ast.Call) else opened):
            continue
        if _ends_with_it(reading, node, handler):
            continue
        if any(_writes(asked, it) and transaction_around(asked, it) is opened for row in node.body for it in ast.walk(row)):
            yield Hit(
                handler, "The transaction is broken here, and stays open: no query works until it ends, and then it is undone."
            )


def _ends_with_it(reading: Reading, node: ast.Try, handler: ast.ExceptHandler) -> bool:
    """Whether the transaction holds nothing before the `try`, and the handler leaves it: nothing else is undone."""
    around = reading.parent(node)
    leaves = isinstance(handler.body[-1], ast.Return | ast.Continue | ast.Break)
    return leaves and isinstance(around, ast.With) and around.body[0] is node


def _of_database(view: View, handler: ast.ExceptHandler) -> bool:
    """Whether it catches an error of Django's databases."""
    given = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type is not None else []
    return any(view.name(it).startswith("django.db.") and dotted(it).rpartition(".")[2] in _ERRORS for it in given)


def _writes(asked: Queries, node: ast.AST) -> bool:
    """Whether a call writes a row by Django."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _WRITES:
        return False
    if any(it.arg in ("force_update", "update_fields") for it in node.keywords):
        return False  # Django itself raises when no row was changed, and the transaction is whole
    query = asked.query(node)
    if query is not None:
        return query.orm == "django"
    found = asked.model_of(node.func.value)
    return found is not None and found[0].framework == "django"
