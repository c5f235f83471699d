"""A time without a time zone is stored.

Why: `datetime.now()` is the wall clock of the machine, and `utcnow()` looks the same but means another hour. Once stored,
nobody can tell which it was: the hour depends on the server's settings and comes twice when the clocks go back.
Instead: take times with their zone, and keep them in a column that has one.

    created = models.DateTimeField(default=timezone.now)                                       # Django, `USE_TZ = True`
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(timezone.utc))

Consequences: deadlines off by an hour, orders that sort wrongly, comparisons that raise `TypeError: can't compare offset-naive
and offset-aware datetimes`.
Trade-offs: a wall-clock time that belongs to a place (a shop opens at nine) is rightly stored without a zone, beside the place.
Tests: run the tests once with `TZ=Pacific/Auckland`.
Source: https://docs.djangoproject.com/en/stable/topics/i18n/timezones/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "D3"],
    equivalents=["DTZ003", "DTZ005"],
    needs=["utcnow", ".now", "today", "fromtimestamp"],
    bad=[
        Bad(
            """
from datetime import datetime
from django.db import models

class Order(models.Model):
    created = models.DateTimeField(default=[|datetime.now|])
    changed = models.DateTimeField(null=True)

    def touch(self):
        self.changed = [|datetime.utcnow()|]
        self.save()
""",
        ),
        Bad("""
import datetime
from sqlalchemy import Column, DateTime, Integer
from sqlalchemy.orm import DeclarativeBase, Session

class Base(DeclarativeBase): ...

class Order(Base):
    __tablename__ = "order"
    id = Column(Integer, primary_key=True)
    created = Column(DateTime, default=[|datetime.datetime.utcnow|])

def pay(session: Session, pk):
    order = session.get(Order, pk)
    order.created = [|datetime.datetime.now()|]
    session.add(Order(created=[|datetime.datetime.now()|]))
    session.commit()
"""),
        Bad("""
from datetime import datetime
from desk.models import Ticket

def close(pk):
    Ticket.objects.filter(pk=pk).update(closed_at=[|datetime.utcnow()|], day=datetime.now())
"""),
        Bad("""
from datetime import datetime
from sqlalchemy.orm import Mapped, mapped_column

class Event(Base):
    at: Mapped[datetime] = mapped_column(default=[|datetime.utcnow|])
    seen: Mapped[datetime | None] = mapped_column(onupdate=lambda: [|datetime.now()|])
"""),
    ],
    good=[
        """
from datetime import datetime, timezone
from django.db import models
from django.utils import timezone as clock

class Order(models.Model):
    created = models.DateTimeField(default=clock.now)
    day = models.DateField(default=datetime.now)

    def touch(self):
        self.created = datetime.now(timezone.utc)
        self.started = datetime.now()
        started = datetime.now()
        print(datetime.now() - started)
        self.created = clock.now()
""",
    ],
)

_NAIVE = regex(r"datetime\.datetime\.(?:now|utcnow|today|utcfromtimestamp|fromtimestamp)")
_TIMES = regex(r"DateTime\w*|TIMESTAMP|DATETIME|datetime")

_STORES = ("create", "update", "acreate", "aupdate")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Naive times as a column's default, given to a model, or set on a row."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for node in (*reading.each(ast.Call), *reading.each(ast.Attribute)):
        if not _is_naive(view, node) or not _is_stored(asked, node):
            continue
        written = "utcnow" if "utcnow" in ast.unparse(node) else "now"
        says = "has no time zone, although it means UTC" if written == "utcnow" else "is the wall clock of this machine"
        yield Hit(
            node, f"`{ast.unparse(node)}` {says}: what is stored can't be told apart from local times.", tuple(_fix(node, asked))
        )


def _is_naive(view: View, node: ast.expr) -> bool:
    """Whether an expression gives a naive time, or is a function that does."""
    if isinstance(node, ast.Call):
        if any(it.arg == "tz" for it in node.keywords):
            return False
        last = dotted(node.func).rpartition(".")[2]
        if len(node.args) > (1 if last.endswith("fromtimestamp") else 0):
            return False
        return bool(_NAIVE.fullmatch(view.name(node.func))) if last else False
    parent = view.reading.parent(node)
    is_called = isinstance(parent, ast.Call) and parent.func is node
    return not is_called and not isinstance(parent, ast.Attribute) and bool(_NAIVE.fullmatch(view.name(node)))


def _is_stored(asked: Queries, node: ast.expr) -> bool:
    """Whether a time becomes the value of a column that holds one."""
    reading = asked.reading
    parent = reading.parent(node)
    if isinstance(parent, ast.Lambda):
        node, parent = parent, reading.parent(parent)
    if isinstance(parent, ast.keyword):
        call = reading.parent(parent)
        if not isinstance(call, ast.Call) or parent.arg is None:
            return False
        if parent.arg in ("default", "onupdate", "default_factory", "server_default"):
            return _makes_column(call) or _is_mapped(reading.parent(call))
        return _column(asked, call, parent.arg)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Attribute):
        target = parent.targets[0]
        found = asked.model_of(target.value)
        columns = found[0].columns if found is not None else ()
        return any(it.name == target.attr and _TIMES.fullmatch(it.type.rpartition(".")[2]) for it in columns)
    return False


def _makes_column(call: ast.Call) -> bool:
    last = dotted(call.func).rpartition(".")[2]
    if last == "DateTimeField":
        return True
    return last in ("Column", "mapped_column") and any(_TIMES.fullmatch(name) for it in call.args for name in _names(it))


def _is_mapped(row: ast.AST | None) -> bool:
    """Whether a column of SQLAlchemy says by its annotation that it holds a time."""
    if not isinstance(row, ast.AnnAssign) or not isinstance(row.annotation, ast.Subscript):
        return False
    is_time = any(name == "datetime" for name in _names(row.annotation.slice))
    return is_time and dotted(row.annotation.value).rpartition(".")[2] == "Mapped"


def _names(node: ast.expr) -> Iterator[str]:
    yield from (
        it.attr if isinstance(it, ast.Attribute) else it.id for it in ast.walk(node) if isinstance(it, ast.Attribute | ast.Name)
    )


def _column(asked: Queries, call: ast.Call, name: str) -> bool:
    """Whether a call gives a column of a model its value: `Order(created=...)`, `Order.objects.create(created=...)`."""
    query = asked.query(call)
    stores = query is not None and bool(query.steps) and query.steps[-1].name in _STORES
    model = query.model if query is not None and stores else None
    if model is None and query is not None and stores and query.orm == "django":
        return name.endswith("_at")  # of a model that is not at hand
    if model is None:
        found = asked.model_of(call)
        model = found[0] if found is not None and query is None else None
    columns = model.columns if model is not None else ()
    return any(it.name == name and _TIMES.fullmatch(it.type.rpartition(".")[2]) for it in columns)


def _fix(node: ast.expr, asked: Queries) -> Iterator[Draft]:
    """In a file of Django's that has its `timezone` at hand: the time of that."""
    if asked.project.imported(asked.path, "timezone") == "django.utils.timezone":
        text = "timezone.now()" if isinstance(node, ast.Call) else "timezone.now"
        yield Draft("Take the time with its zone", (Change(node, text),))
