"""A webhook believes whoever calls it.

Why: its address is no secret for long. Without a look at the signature everyone may send "paid" for an order that was not.
Instead: check the signature that the sender puts beside the body, before anything is read of it.

    event = stripe.Webhook.construct_event(request.body, request.headers["Stripe-Signature"], SECRET)

Tests: a body with a wrong signature is refused and changes nothing.
Security: CWE-345, CWE-347.
Source: https://docs.stripe.com/webhooks#verify-official-libraries
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, constant
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=345,
    needs=["hook"],
    bad=[
        Bad("""
import json
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from shop.orders import mark_paid

@csrf_exempt
[|def stripe_webhook(request):|]
    event = json.loads(request.body)
    if event["type"] == "checkout.session.completed":
        mark_paid(event["data"]["object"]["client_reference_id"])
    return HttpResponse(status=200)
"""),
        Bad("""
from flask import Blueprint, request
from shop.orders import mark_paid

pages = Blueprint("events", __name__)

@pages.post("/webhooks/shop")
[|def shop_event():|]
    event = request.get_json()
    if event.get("type") == "order.paid":
        mark_paid(event["order_id"])
    return "", 204
"""),
    ],
    good=[
        """
import stripe
from django.http import HttpResponse
from shop.settings import SECRET
from shop.orders import mark_paid

def stripe_webhook(request):
    event = stripe.Webhook.construct_event(request.body, request.headers["Stripe-Signature"], SECRET)
    if event["type"] == "checkout.session.completed":
        mark_paid(event["data"]["object"]["client_reference_id"])
    return HttpResponse(status=200)

def webhook_log(request):
    return HttpResponse(request.body)
""",
    ],
)

_NAME = regex(r"(?:^|_)web_?hooks?(?:_|$)", re.IGNORECASE)
_PATH = regex(r"(?:^|/)(?:[\w-]+-)?web-?hooks?(?:[/-]|$)", re.IGNORECASE)
_BODY = regex(r"\brequest\.(?:body|data|json|get_json|get_data)\b")
_EVENT = ("type", "event", "event_type", "action", "status", "topic")
_PROVES = regex(
    r"sign(?!al|up|out)|hmac|secret|verif|construct_event|token|auth|api_?key|digest|permission|allow|retrieve|remote_addr|login|\bip\b|Depends|current_user",
    re.IGNORECASE,
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers that act on an event of the body, in a function that says no word of a proof."""
    for function in view.reading.functions:
        routed = any(_PATH.search(it) for it in _paths(function))
        named = _NAME.search(function.name) and function.args.args and not function.name.startswith("_")
        if not (routed or named):
            continue
        text = view.reading.source(function) + " ".join(ast.unparse(it) for it in function.decorator_list)
        if not _BODY.search(text) or _PROVES.search(text) or _PROVES.search(view.reading.qualname(function)):
            continue
        if _asks_event(function):
            yield Hit(
                function, f"`{function.name}` believes whoever calls it: check the sender's signature before the body is read."
            )


def _paths(function: Function) -> Iterator[str]:
    """The paths that the decorators of a handler give."""
    for it in function.decorator_list:
        said = constant(it.args[0]) if isinstance(it, ast.Call) and it.args else None
        if isinstance(said, str):
            yield said


def _asks_event(function: Function) -> bool:
    """Whether the function compares what the body says of the event."""
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Compare)
            and isinstance(node.comparators[0], ast.Constant)
            and isinstance(node.comparators[0].value, str)
        ):
            left = node.left
            key = constant(left.slice) if isinstance(left, ast.Subscript) else None
            if isinstance(left, ast.Call) and isinstance(left.func, ast.Attribute) and left.func.attr == "get" and left.args:
                key = constant(left.args[0])
            if key in _EVENT:
                return True
    return False
