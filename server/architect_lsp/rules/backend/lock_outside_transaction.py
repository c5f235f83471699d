"""Rows are locked where no transaction is open to hold the lock.

Why: a row lock lasts until its transaction ends. Outside of one Django refuses `select_for_update()` with
`TransactionManagementError`, on every database that has row locks; SQLite, where tests run, has none and says nothing.
Instead: open the transaction that the lock, the check and the write belong to.

    with transaction.atomic():
        item = Item.objects.select_for_update().get(pk=pk)
        item.on_hand -= n
        item.save(update_fields=["on_hand"])

Consequences: a 500 in production for what passed all tests.
Tests: run it on the production database with `TransactionTestCase`; `TestCase` wraps each test in a transaction of its own.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#select-for-update
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.transactions import each_request, transaction_around
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    preview=True,  # not read on enough real code yet
    rows=["B2", "D3"],
    cwe=662,
    needs=["select_for_update("],
    bad=[
        Bad("""
from stock.models import Item

def reserve(pk, n):
    item = [|Item.objects.select_for_update().get(pk=pk)|]
    item.on_hand -= n
    item.save(update_fields=["on_hand"])
"""),
    ],
    good=[
        """
from django.db import transaction
from stock.models import Item

@transaction.atomic
def reserve(pk, n):
    item = Item.objects.select_for_update().get(pk=pk)
    item.on_hand -= n
    item.save()

def within(pk):
    with transaction.atomic():
        return Item.objects.select_for_update().get(pk=pk)

def rows():
    return Item.objects.select_for_update()
""",
        """
-- stock/services.py --
from stock.models import Item

def locked(pk):
    item = Item.objects.select_for_update().get(pk=pk)
    item.save()
-- stock/views.py --
from django.db import transaction
from stock.services import locked

def reserve(request, pk):
    with transaction.atomic():
        locked(pk)
""",
        """
-- stock/settings.py --
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": True}}
-- stock/services.py --
from stock.models import Item

def locked(pk):
    item = Item.objects.select_for_update().get(pk=pk)
    item.save()
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Locks that are taken at once, in functions without a transaction that nobody in the project calls."""
    reading = view.reading
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        function = reading.function(call)
        query = asked.query(call) if function is not None else None
        if query is None or query.orm != "django" or not query.has("select_for_update") or not query.runs:
            continue
        if not isinstance(function, ast.FunctionDef) or query.steps[-1].call is not call or transaction_around(asked, call):
            continue
        if query.gives not in ("row", "rows") or not _writes_after(function, call) or each_request(view.project):
            continue
        if function.name not in view.project.of_all("names that are called", _called):
            yield Hit(call, "No transaction is open here to hold this lock: Django refuses it, on a database that has row locks.")


def _writes_after(function: ast.FunctionDef, call: ast.Call) -> bool:
    """Whether the function writes the row itself, so that the lock is not for a caller."""
    calls = (it for it in ast.walk(function) if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute))
    return any(it.func.attr in ("save", "update", "delete") and it.lineno > call.lineno for it in calls)  # type: ignore[attr-defined]


def _called(project: Project) -> frozenset[str]:
    """The last names of all that the project's functions call or hand on."""
    return frozenset(name for path in project.paths for name in project.of_file(path, _names))


def _names(facts: Facts) -> tuple[str, ...]:
    calls = (it.target.removesuffix("()").rpartition(".")[2] for row in facts.defs for it in row.calls)
    imported = (name.rpartition(".")[2] for _, name in facts.imports)
    return tuple({*calls, *imported})
