"""A task is handed to the queue before the rows it needs are committed.

Why: a worker may take the task at once, look for the row and not find it, or see it as it was. And when the transaction is rolled
back, the task runs all the same.
Instead: hand it over when the transaction is committed.

    with transaction.atomic():
        order = Order.objects.create(...)
        transaction.on_commit(lambda: send_receipt.delay(order.pk))   # or send_receipt.delay_on_commit(order.pk)

    session.add(order)
    session.commit()                                                   # SQLAlchemy: commit first
    send_receipt.delay(order.id)

Consequences: it works on a developer's machine and fails now and then under load, where the worker is faster than the commit.
Trade-offs: the program may stop between the commit and the hand-over. Where the task must not be lost, write it into a table in
the same transaction (an outbox), and send from there.
Tests: run the task eagerly inside a test that rolls back, and assert that it was not sent.
Source: https://docs.celeryq.dev/en/stable/userguide/tasks.html#database-transactions
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.frameworks.celery import handed, waits_for_commit
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.knowledge.transactions import transaction_around
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "D3"],
    cwe=362,
    needs=[".delay(", ".apply_async(", ".send(", ".enqueue("],
    bad=[
        Bad(
            """
from django.db import transaction
from shop.models import Order
from shop.tasks import send_receipt

def place(data):
    with transaction.atomic():
        order = Order.objects.create(**data)
        [|send_receipt.delay(order.pk)|]
    return order
""",
            fixed="""
from django.db import transaction
from shop.models import Order
from shop.tasks import send_receipt

def place(data):
    with transaction.atomic():
        order = Order.objects.create(**data)
        transaction.on_commit(lambda: send_receipt.delay(order.pk))
    return order
""",
        ),
        Bad("""
-- shop/tasks.py --
from celery import shared_task

@shared_task
def send_receipt(pk): ...
-- shop/views.py --
from django.db.transaction import atomic
from shop.tasks import send_receipt

@atomic
def place(order):
    order.save()
    [|send_receipt.apply_async(args=[order.pk])|]
"""),
        Bad("""
from sqlalchemy.orm import Session
from shop.tasks import send_receipt

def place(session: Session, order):
    session.add(order)
    session.flush()
    [|send_receipt.delay(order.id)|]
    session.commit()
"""),
    ],
    good=[
        """
from functools import partial
from django.db import transaction
from shop.models import Order
from shop.tasks import send_receipt

def place(data):
    with transaction.atomic():
        order = Order.objects.create(**data)
        transaction.on_commit(lambda: send_receipt.delay(order.pk))
        transaction.on_commit(partial(send_receipt.delay, order.pk))
        send_receipt.delay_on_commit(order.pk)
    send_receipt.delay(order.pk)
    signal.send(order)
""",
        """
from sqlalchemy.orm import Session
from shop.tasks import send_receipt

def place(session: Session, order):
    session.add(order)
    session.commit()
    send_receipt.delay(order.id)
    session.add(order.log("sent"))
    session.commit()
""",
        """
-- app/tasks.py --
from celery import Celery, Task
from django.db import transaction

app = Celery("shop")

class AfterCommit(Task):
    def apply_async(self, *args, **kwargs):
        transaction.on_commit(lambda: super(AfterCommit, self).apply_async(*args, **kwargs))

@app.task(base=AfterCommit)
def send_receipt(order):
    deliver(order)

@app.task(bind=True)
def call(self, hook, tries=0):
    with transaction.atomic():
        if post(hook):
            hook.calls.create()
        else:
            call.apply_async(args=(hook.pk, tries + 1), countdown=60)
-- app/orders.py --
from django.db import transaction
from app.tasks import send_receipt
from shop.models import Order

def place(data):
    with transaction.atomic():
        order = Order.objects.create(**data)
        send_receipt.apply_async(args=(order.pk,))
""",
    ],
)

_SENT = regex(r"delay|apply_async")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tasks handed over inside a transaction, or between what is written and its commit."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or reading.function(call) is None or not _hands(view, call, call.func):
            continue
        opened = transaction_around(asked, call)
        name = ast.unparse(call.func.value)
        if opened is not None:
            fixes = tuple(_fix(view, call, opened))
            yield Hit(call, f"`{name}` is handed to the queue before this transaction is committed.", fixes)
        elif _before_commit(asked, call):
            yield Hit(call, f"`{name}` is handed to the queue before what it needs is committed.")


def _hands(view: View, call: ast.Call, function: ast.Attribute) -> bool:
    """Whether a call hands a task to a queue: one of the project's, or what is called like Celery's."""
    target = view.reading.target(function)
    task = handed(view.project, view.path, target, view.reading.owner(call)) if target else None
    if task is not None:
        if waits_for_commit(view.project, task) or _is_retry(view, call, task):
            return False
        return function.attr not in ("s", "si", "signature", "subtask", "message", "map", "starmap", "chunks", "call_local")
    return bool(_SENT.fullmatch(function.attr)) and bool(dotted(function.value))


def _is_retry(view: View, call: ast.Call, task: FunctionSymbol) -> bool:
    """Whether a task puts itself off: nothing that the later turn needs is new."""
    function = view.reading.function(call)
    name = function.name if isinstance(function, Function) else ""
    return task.path == view.path and task.facts.qualname == name and any(it.arg in ("countdown", "eta") for it in call.keywords)


def _before_commit(asked: Queries, call: ast.Call) -> bool:
    """Whether rows were written before and are committed after, in the same list of statements."""
    reading = asked.reading
    statement: ast.AST = call
    block: list[ast.stmt] = []
    for up in reading.ancestors(call):
        for name in ("body", "orelse", "finalbody"):
            rows = getattr(up, name, None)
            if isinstance(rows, list) and any(it is statement for it in rows):
                block = rows
        if block:
            break
        statement = up
    at = next((n for n, it in enumerate(block) if it is statement), -1)
    if at < 0:
        return False
    state = ""
    for it in block[:at]:
        for name in _session_calls(asked, it):
            state = (
                ""
                if name in ("commit", "rollback")
                else name
                if name in ("add", "add_all", "flush", "merge", "delete")
                else state
            )
    return bool(state) and any("commit" in _session_calls(asked, it) for it in block[at + 1 :])


def _session_calls(asked: Queries, statement: ast.stmt) -> list[str]:
    """What a statement calls of a session, where it does nothing but that."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    value = value.value if isinstance(value, ast.Await) else value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and asked.is_session(value.func.value):
        return [value.func.attr]
    return []


def _fix(view: View, call: ast.Call, opened: ast.expr | ast.AST) -> Iterator[Draft]:
    """Django: wrap the call, where the module's own name for transactions is at hand and nothing is made of the result."""
    written = dotted(opened.func if isinstance(opened, ast.Call) else opened)
    host = written.rpartition(".")[0]
    function = view.reading.function(call)
    alone = isinstance(view.reading.parent(call), ast.Expr) and isinstance(function, Function)
    if (
        host
        and written.endswith(".atomic")
        and alone
        and view.reading.loop(call) is None
        and "\n" not in view.reading.source(call)
    ):
        text = f"{host}.on_commit(lambda: {view.reading.source(call)})"
        yield Draft("Hand it over when the transaction is committed", (Change(call, text),))
