"""A task that may run twice does what must happen once.

Why: with `acks_late` a message is acknowledged when the task is done, so a worker that dies after the charge and before the
acknowledgement leaves the message for another worker. Retries after a timeout do the same.
Instead: give the other side a key by which it knows the second call.

    @shared_task(acks_late=True, time_limit=60)
    def charge(order_id: int) -> None:
        order = Order.objects.get(pk=order_id)
        try:
            stripe.PaymentIntent.create(amount=order.total, currency="eur", idempotency_key=f"order-{order.pk}")
        except stripe.StripeError:
            logger.exception("charge of order %s failed", order.pk)
            raise

Consequences: customers who pay or are written to twice, after each deploy that kills workers.
Trade-offs: where no key can be given, write down before that it is done, or leave `acks_late` away and lose one instead.
Tests: run the task twice with one id and count the charges of a fake.
Source: https://docs.celeryq.dev/en/stable/faq.html#should-i-use-retry-or-acks-late
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.frameworks.celery import tasks
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "C4"],
    cwe=837,
    needs=["acks_late", "autoretry_for", "max_retries", ".retry("],
    bad=[
        Bad("""
import smtplib
from celery import shared_task

@shared_task(acks_late=True)
def remind(address, text):
    with smtplib.SMTP("mail.example", timeout=5) as server:
        [|server.sendmail("shop@example.org", address, text)|]
"""),
        Bad("""
import stripe
from celery import Celery

app = Celery("shop")

@app.task(bind=True, acks_late=True, max_retries=3)
def refund(self, charge):
    [|stripe.Refund.create(charge=charge)|]
"""),
    ],
    good=[
        """
import stripe
from celery import shared_task
from shop.models import Order

@shared_task(acks_late=True)
def refund(charge):
    stripe.Refund.create(charge=charge, idempotency_key=charge)

@shared_task
def once(charge):
    stripe.Refund.create(charge=charge)

@shared_task(acks_late=True)
def checked(order_id):
    order = Order.objects.get(pk=order_id)
    if order.refunded_at is not None:
        return
    stripe.Refund.create(charge=order.charge)
""",
    ],
)

_ONCE = regex(
    r"(?:stripe\.)?(?:\w+\.)*(?:PaymentIntent|Charge|Refund|Transfer|Payout|payment_intents|charges|refunds|transfers|payouts)\.create"
    r"|(?:\w+\.)*(?:sendmail|send_message|send_mail|send_mass_mail|send_sms|messages\.create)"
)
"""What sends money or a message."""
_KEYS = regex(r"idempoten|client_token|dedup|reference_id", re.IGNORECASE)
_KNOWS = regex(
    r"exists\(|get_or_create|already|is_sent|sent_at|\w+_at is|status|state|cache\.add|setnx|nx=|lock|unique|processed|done"
    r"|if not \w+\.|if .+\.update\(",
    re.IGNORECASE,
)
"""What a task says that looks whether it was done before."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Payments and messages of tasks that are acknowledged late, with nothing that would know them the second time."""
    late = {
        it.ref.qualname
        for it in tasks(view.project)
        if it.ref.path == view.path and any(key == "acks_late" and value == "True" for key, value in it.options)
    }
    if not late:
        return
    reading = view.reading
    for function in reading.functions:
        if reading.qualname(function) not in late or _knows(reading.source(function)):
            continue
        for call in _sent(view, function):
            told = f"`{function.name}` may run twice (`acks_late`), and `{dotted(call.func)}` has no key that tells it."
            yield Hit(call, told)
            break


def _knows(text: str) -> bool:
    return bool(_KEYS.search(text) or _KNOWS.search(text))


def _sent(view: View, function: Function) -> Iterator[ast.Call]:
    for it in view.reading.within(function):
        if isinstance(it, ast.Call) and _ONCE.fullmatch(dotted(it.func)):
            yield it
