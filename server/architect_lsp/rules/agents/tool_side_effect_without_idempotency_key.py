"""A tool pays or orders again when the model calls it again.

Why: models repeat a tool call when its answer was slow, unclear or an error, and runs are resumed from an earlier turn. The
other side can't tell the second call from a second order.
Instead: make a key from what is to be done, not from the call, and let the other side drop what it has seen.

    @function_tool(needs_approval=True)
    def pay(ctx: RunContextWrapper[Run], invoice: str) -> str:
        key = f"{ctx.context.run_id}:{invoice}"
        return stripe.PaymentIntent.create(amount=amount_of(invoice), currency="eur", idempotency_key=key).id

Consequences: a customer pays twice after a timeout.
Trade-offs: a key that lives too long refuses an honest second order; add the day, or the run.
Tests: call the tool twice with the same arguments and assert one payment.
Observability: log the key with the run and the payment's id.
Source: https://docs.stripe.com/api/idempotent_requests
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.sources import is_tool
from architect_lsp.knowledge.wording import code
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4", "B5"],
    needs=["create(", "create_async(", "post("],
    bad=[
        Bad("""
import stripe
from pydantic_ai import Agent

agent = Agent("m")

@agent.tool_plain(requires_approval=True)
def pay(amount: int) -> str:
    return [|stripe.PaymentIntent.create(amount=amount, currency="eur")|].id
"""),
        Bad("""
import httpx
from agents import function_tool

@function_tool
async def book_flight(flight: str) -> str:
    async with httpx.AsyncClient(timeout=10) as client:
        response = await [|client.post("https://air.example/bookings", json={"flight": flight})|]
    return response.text
"""),
    ],
    good=[
        """
import httpx
import stripe
from agents import function_tool

@function_tool
def pay(amount: int, order: str) -> str:
    return stripe.PaymentIntent.create(amount=amount, currency="eur", idempotency_key=order).id

@function_tool
def book(flight: str, run: str) -> str:
    return httpx.post("https://air.example/bookings", json={}, headers={"Idempotency-Key": run + flight}, timeout=5).text

@function_tool
def search_orders(text: str) -> str:
    return httpx.post("https://shop.example/search", json={"text": text}, timeout=5).text

def charge(amount):
    return httpx.post("https://pay.example/charges", json={"amount": amount}, timeout=5)
""",
    ],
)

_PAYS = regex(
    r"(?:^|\.)(?:Refund|Charge|PaymentIntent|Transfer|Payout|refunds|charges|payment_intents|transfers|payouts|subscriptions)"
    r"\.create(?:_async)?$"
)
_DEED = regex(r"(?:^|_)(?:pay|charge|refund|transfer|purchase|buy|book|order|checkout|place_order|send_money|invoice)(?:_|$)")
_READS = regex(r"(?:^|_)(?:search|find|get|list|lookup|look_up|check|status|read|fetch|quote|estimate|track)(?:_|$)")
_ADDRESS = regex(r"/(?:payments?|charges?|refunds?|transfers?|orders?|bookings?|purchases?|checkout|payouts?)/?(?:$|\?)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tools that pay, book or order by a request that carries no key."""
    reading = view.reading
    for function in reading.functions:
        if not is_tool(view.project, view.path, reading, function) or re.search(
            r"idempot|dedup|already_", code(reading, function), re.IGNORECASE
        ):
            continue
        for call in reading.within(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            written = dotted(call.func)
            if _PAYS.search(written) or (call.func.attr == "post" and _is_deed(call, function.name)):
                yield Hit(
                    call, f"The tool `{function.name}` does this again whenever the model repeats its call: no idempotency key."
                )


def _is_deed(call: ast.Call, name: str) -> bool:
    address = constant(call.args[0] if call.args else keyword(call, "url"))
    if isinstance(address, str) and _ADDRESS.search(address):
        return not _READS.search(name)
    url = call.args[0] if call.args else keyword(call, "url")
    shown = isinstance(url, ast.JoinedStr) and _ADDRESS.search(ast.unparse(url).strip("f'\""))
    return bool(shown or _DEED.search(name)) and not _READS.search(name)
