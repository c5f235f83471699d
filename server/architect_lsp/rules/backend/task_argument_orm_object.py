"""A row is handed to a task as an object.

Why: the object is pickled or fails to be written as JSON, and what arrives is the row as it was when it was sent. By the time the
worker has it another request may have changed the row, and saving it writes the old values back.
Instead: hand over the key, and read the row in the task.

    transaction.on_commit(lambda: send_receipt.delay(order.id))

    @shared_task
    def send_receipt(order_id: int) -> None:
        try:
            order = Order.objects.get(pk=order_id)
        except Order.DoesNotExist:
            return                      # taken back meanwhile
        mail(order)

Consequences: lost updates; messages that no worker of the next version can read.
Tests: change the row between sending and running.
Security: to unpickle what comes from a queue runs whatever is in it.
Source: https://docs.celeryq.dev/en/stable/userguide/tasks.html#database-transactions
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import model_classes
from architect_lsp.knowledge.frameworks.celery import handed, sends_its_own_way
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.knowledge.symbols import Instance
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "B2"],
    needs=["delay", "apply_async", "send", "enqueue", ".s("],
    bad=[
        Bad("""
from celery import shared_task
from django.db import models

class Order(models.Model):
    total = models.IntegerField()

@shared_task
def receipt(order): ...

def place(order: Order):
    receipt.delay([|order|])
    receipt.apply_async(args=[[|order|]])
"""),
        Bad("""
from redis import Redis
from rq import Queue
from shop.jobs import print_label
from shop.models import Parcel
from shop.tasks import track

queue = Queue(connection=Redis())

def pack(number):
    parcel = Parcel.objects.create(number=number)
    track.delay([|parcel|])
    queue.enqueue(print_label, [|parcel|])
"""),
    ],
    good=[
        """
from celery import shared_task
from django.db import models

class Order(models.Model):
    total = models.IntegerField()

@shared_task
def receipt(order): ...

def place(order: Order, mailer):
    receipt.delay(order.id)
    receipt.apply_async(args=[order.pk], countdown=3)
    mailer.send(order)
""",
        """
-- app/queue.py --
from celery import Celery
class App(Celery):
    def make_tasks(self):
        class KeyTask(self.Task):
            def apply_async(self, args=None, kwargs=None, **options):
                return super().apply_async([key_of(it) for it in args], kwargs, **options)
        self.Task = KeyTask
-- app/orders.py --
from django.db import models
from app.tasks import receipt
class Order(models.Model):
    total = models.IntegerField()
def place(order: Order):
    receipt.delay(order)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Objects of models among the arguments of a task."""
    reading = view.reading
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute):
            continue
        task = handed(view.project, view.path, reading.target(call.func), reading.owner(call))
        if (task is None and not _is_sent(view, call)) or sends_its_own_way(view.project):
            continue
        for it in _arguments(call):
            symbol = view.symbol(it) if isinstance(it, ast.Name | ast.Attribute) else None
            if isinstance(symbol, Instance) and (symbol.path, symbol.facts.qualname) in model_classes(view.project):
                name = ast.unparse(it)
                told = (
                    f"`{name}` is a row of `{symbol.facts.qualname}`: the task gets it as it was, if at all. Hand over its key."
                )
                yield Hit(it, told)
            elif isinstance(it, ast.Name) and (query := asked.query(it)) is not None and query.gives == "row" and query.name:
                yield Hit(it, f"`{it.id}` is a row of `{query.name}`: the task gets it as it was, if at all. Hand over its key.")


def _is_sent(view: View, call: ast.Call) -> bool:
    """Whether a call hands work to a queue by its look: `send_mail.delay(...)`, `queue.enqueue(work, ...)` of RQ."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr in ("delay", "apply_async"):
        return dotted(call.func.value) != ""
    return call.func.attr == "enqueue" and view.callee(call).startswith("rq.")


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    inside = [keyword(call, "args"), keyword(call, "kwargs")] if isinstance(call.func, ast.Attribute) else []
    if isinstance(call.func, ast.Attribute) and call.func.attr == "apply_async":
        inside += call.args[:2]
    else:
        yield from call.args
        yield from (it.value for it in call.keywords if it.arg not in ("args", "kwargs"))
    for it in inside:
        if isinstance(it, ast.List | ast.Tuple):
            yield from it.elts
        elif isinstance(it, ast.Dict):
            yield from it.values
