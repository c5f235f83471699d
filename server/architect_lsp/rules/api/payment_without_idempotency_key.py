"""A payment is asked for without an idempotency key.

Why: when the answer is lost, nobody knows whether the money moved. Whoever asks again without a key that says "this is the same
payment" pays twice: the client, a proxy or a worker that repeats.
Instead: take a key from the client, or make one of the order, and hand it on.

    stripe.PaymentIntent.create(amount=order.cents, currency="eur", idempotency_key=f"order-{order.id}")

Consequences: customers are charged twice, at the moments when the network is worst.
Trade-offs: the key must be kept with the order, so that a repetition finds it.
Tests: ask twice with one key, and expect one payment.
Source: Stripe API reference, "Idempotent requests"
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A5"],
    yields_to=["tool-side-effect-without-idempotency-key", "task-repeats-side-effect"],
    needs=[".create(", ".create_async("],
    bad=[
        Bad(
            """
import stripe

def refund(order):
    return [|stripe.Refund.create(payment_intent=order.payment)|]
"""
        ),
    ],
    good=[
        """
import stripe

def refund(order):
    return stripe.Refund.create(payment_intent=order.payment, idempotency_key=f"refund-{order.id}")

def customer(user):
    return stripe.Customer.create(email=user.mail)

def pay(options):
    return stripe.PaymentIntent.create(**options)
""",
    ],
)

_MOVES = regex(r"^stripe\.(?:PaymentIntent|Charge|Refund|Transfer|Payout|Invoice|Subscription)\.create(?:_async)?$")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that move money, and name no key."""
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or not call.func.attr.startswith("create"):
            continue
        named = {it.arg for it in call.keywords}
        if not named & {"idempotency_key", None} and _MOVES.match(view.callee(call)):
            yield Hit(call, f"`{view.callee(call)}` moves money twice when it is repeated: pass an `idempotency_key`.")
