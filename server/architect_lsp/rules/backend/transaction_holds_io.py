"""A database transaction stays open while the program waits for someone else.

Why: an open transaction holds its locks and its connection of the pool. A request to another service, a model or a mail server
takes as long as that other side likes, and all that time whoever needs the same rows, or any connection, waits as well.
Instead: write what must be remembered, commit, then talk to the others; write their answer in a transaction of its own.

    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=pk)
        order.state = "charging"
        order.save(update_fields=["state"])
    try:
        receipt = payments.charge(order.total, idempotency_key=str(order.pk))
    except payments.Error as error:
        Order.objects.filter(pk=pk).update(state="failed")
        raise PaymentFailed(pk) from error
    Order.objects.filter(pk=pk).update(state="paid", receipt=receipt.id)

Consequences: one slow upstream empties the pool; and a rollback after the call does not take the call back.
Trade-offs: the steps can now fail one by one, so each state between them needs a name, and someone who takes it up again.
Tests: let the other side answer slowly, and assert that a second request for the same row does not wait.
Observability: the age of the oldest open transaction, as a gauge.
Source: https://docs.djangoproject.com/en/stable/topics/db/transactions/#performing-actions-after-commit
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.summaries import Effect, described
from architect_lsp.knowledge.transactions import transaction_around
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "B5", "D3"],
    cwe=667,
    needs=["atomic", "begin", "flush", "for_update"],
    bad=[
        Bad("""
-- shop/views.py --
from django.db import transaction
from shop import carrier
from shop.models import Order

def ship(request, pk):
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=pk)
        order.label = [|carrier.label(order)|]
        order.save()
-- shop/carrier.py --
import requests

def label(order):
    return requests.post("https://carrier.example/labels", json={"order": order.pk}, timeout=10).json()
"""),
        Bad("""
import time
import httpx
from django.db.transaction import atomic

@atomic
def charge(order):
    order.save()
    [|time.sleep(2)|]
    [|httpx.post("https://pay.example", json={"order": order.pk})|]
"""),
        Bad("""
import httpx
from sqlalchemy.ext.asyncio import AsyncSession

async def place(session: AsyncSession, client: httpx.AsyncClient, order):
    async with session.begin():
        session.add(order)
        await [|client.post("https://pay.example", json={"order": order.id})|]

def locked(db, pk):
    order = db.query(Order).filter(Order.id == pk).with_for_update().one()
    order.answer = [|httpx.post("https://pay.example", timeout=5)|].json()
    db.commit()

async def again(session: AsyncSession, client: httpx.AsyncClient, order):
    session.add(order)
    await session.flush()
    await [|client.post("https://pay.example", json={"order": order.id})|]
    await session.commit()
"""),
    ],
    good=[
        """
import requests
from django.db import transaction

def ship(order):
    with transaction.atomic():
        order.save()
        transaction.on_commit(lambda: requests.post("https://carrier.example", timeout=5))
        def later():
            requests.post("https://carrier.example", timeout=5)
        transaction.on_commit(later)
    requests.post("https://carrier.example", timeout=5)
""",
        """
import httpx
from sqlalchemy.ext.asyncio import AsyncSession

async def place(session: AsyncSession, client: httpx.AsyncClient, order):
    session.add(order)
    await session.commit()
    await client.post("https://pay.example", json={"order": order.id})
    session.add(order)
    await session.flush()
    await session.commit()
""",
    ],
)

_WAITS = {
    "http": "waits for another service",
    "llm": "waits for a model",
    "mail": "waits for a mail server",
    "sleep": "sleeps",
    "subprocess": "waits for another process",
}


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that wait for others between the beginning and the end of a transaction."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        if reading.function(call) is None:
            continue
        effects = view.effects(call)
        kind = next((it for it in _WAITS if it in effects), "")
        if not kind or (effects[kind].path and "commit" in effects) or len(effects[kind].path) > 3:
            continue
        if kind == "sleep" and not _is_sure(view, call, effects[kind]):
            continue
        opened = transaction_around(asked, call)
        if opened is None:
            line = _between(asked, call)
            if line is None:
                continue
            what = f"the rows written in line {line} are locked"
        else:
            what = f"the transaction of `{reading.source(opened).splitlines()[0]}` is open"
        yield Hit(
            call,
            f"`{ast.unparse(call.func)}` {_WAITS[kind]} while {what}.",
            evidence=tuple(described(effects[kind], view.project)),
        )


def _is_sure(view: View, call: ast.Call, effect: Effect) -> bool:
    """Whether no branch on the way decides if there is a pause, as those for debugging do."""
    below: ast.AST = call
    for up in view.reading.ancestors(call):
        if isinstance(up, ast.If | ast.ExceptHandler) and below is not getattr(up, "test", None):
            return False
        if isinstance(up, ast.With | ast.FunctionDef | ast.AsyncWith | ast.AsyncFunctionDef):
            break
        below = up
    for ref in effect.path:
        definition = view.project.definition(ref.path, ref.qualname)
        if definition is None or ref.index >= len(definition.calls) or not definition.calls[ref.index].certain:
            return False
    return True


def _between(asked: Queries, call: ast.Call) -> int | None:
    """The line of a flush or a locking read that comes before, where the commit comes after, both on the way of the call."""
    reading = asked.reading
    function = reading.function(call)
    before: ast.Call | None = None
    for it in reading.within(function):
        if not isinstance(it, ast.Call) or not isinstance(it.func, ast.Attribute):
            continue
        if it.lineno < call.lineno and _locks(asked, it):
            before = it
        if it.func.attr in ("commit", "rollback") and asked.is_session(it.func.value):
            if it.lineno < call.lineno:
                before = None
            elif before is not None and it.func.attr == "commit" and _straight(asked, before, call, it):
                return reading.unit.file_line(reading.place(before).line) + 1
    return None


def _locks(asked: Queries, call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr == "flush":
        return asked.is_session(call.func.value)
    return call.func.attr == "with_for_update"


def _straight(asked: Queries, *calls: ast.Call) -> bool:
    """Whether the calls stand in one list of statements, or in blocks of its statements that all are run."""
    blocks = []
    for call in calls:
        rows = [up for up in asked.reading.ancestors(call) if isinstance(up, ast.If | ast.ExceptHandler | ast.For | ast.While)]
        blocks.append(rows)
    first = blocks[0]
    return all([id(it) for it in rows] == [id(it) for it in first] for rows in blocks[1:])
