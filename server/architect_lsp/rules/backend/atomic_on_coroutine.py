"""`transaction.atomic` stands around a coroutine function.

Why: the decorator calls the function, gets a coroutine and commits the empty transaction; the body runs later, outside of it. No
error tells so.
Instead: put what belongs together in an ordinary function, and run that in a thread.

    @sync_to_async
    @transaction.atomic
    def place(customer_id, sku):
        order = Order.objects.create(customer_id=customer_id)
        Line.objects.create(order=order, sku=sku)

Consequences: half of the rows are written when the second write fails.
Tests: let the second write fail, and assert that the first is gone.
Source: https://docs.djangoproject.com/en/stable/topics/async/#queries-the-orm
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B1", "B2"],
    cwe=662,
    needs=["atomic"],
    bad=[
        Bad("""
from django.db import transaction
from shop.models import Line, Order

@[|transaction.atomic|]
async def place(customer_id, sku):
    order = await Order.objects.acreate(customer_id=customer_id)
    await Line.objects.acreate(order=order, sku=sku)
"""),
        Bad("""
from django.db import transaction
from shop.models import Line, Order

async def place(customer_id, sku):
    with [|transaction.atomic()|]:
        order = await Order.objects.acreate(customer_id=customer_id)
        await Line.objects.acreate(order=order, sku=sku)
"""),
    ],
    good=[
        """
from asgiref.sync import sync_to_async
from django.db import transaction
from shop.models import Line, Order

@sync_to_async
@transaction.atomic
def place(customer_id, sku):
    order = Order.objects.create(customer_id=customer_id)
    Line.objects.create(order=order, sku=sku)

async def both(customer_id):
    def inside():
        with transaction.atomic():
            Order.objects.create(customer_id=customer_id)
    await sync_to_async(inside)()
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Django's `atomic` as a decorator of an `async def`, or in a `with` of one."""
    for function in view.reading.functions:
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        for it in function.decorator_list:
            if _is_atomic(view, it):
                yield Hit(it, f"`{function.name}` only gives a coroutine here: it runs after the transaction, and outside of it.")
    for node in view.reading.each(ast.With):
        if isinstance(view.reading.function(node), ast.AsyncFunctionDef):
            for row in node.items:
                if _is_atomic(view, row.context_expr):
                    yield Hit(row.context_expr, "Django's transactions belong to a thread: in a coroutine this raises.")


def _is_atomic(view: View, node: ast.expr) -> bool:
    return view.name(node.func if isinstance(node, ast.Call) else node) in ("django.db.transaction.atomic", "django.db.atomic")
