"""A node acts and then stops to ask: it acts again when the answer comes.

Why: `interrupt` ends the node by an exception. With the answer LangGraph runs the node again from its first line, and all that
stands before the interrupt is done a second time: the card is charged twice, the mail goes out twice.
Instead: ask first and act after it, or act in a node of its own that follows.

    def approve(state):
        return {"approved": interrupt({"question": f"Charge {state['cents']}?"})}

    def pay(state): ...

Consequences: double payments and rows, once for each time that someone is asked.
Trade-offs: what may be repeated without harm (an upsert, a call with an idempotency key) can stay.
Tests: run to the interrupt, resume; count what was sent.
Source: https://docs.langchain.com/oss/python/langgraph/interrupts ("Side effects called before interrupt must be idempotent")
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C3", "C4"],
    needs=["interrupt("],
    bad=[
        Bad("""
import stripe
from langgraph.types import interrupt

def pay(state):
    charge = [|stripe.Charge.create(amount=state["cents"], currency="eur")|]
    return {"note": interrupt({"question": f"Charged {charge.id}. A note?"})}
"""),
        Bad("""
from langgraph.types import interrupt
from app.payments import charge

def pay(state):
    receipt = [|charge(state["card"], state["amount"])|]
    return {"approved": interrupt({"question": "Was that right?", "receipt": receipt}) == "yes"}
"""),
        Bad("""
import httpx
import smtplib
from langgraph.types import interrupt

def tell(state):
    with smtplib.SMTP("localhost") as smtp:
        [|smtp.send_message(state["mail"])|]
    return {"seen": interrupt("Was it seen?")}

async def order(state):
    async with httpx.AsyncClient() as client:
        await [|client.post("https://shop.example/orders", json=state["order"])|]
    answer = interrupt("Another one?")
    return {"more": answer}
"""),
    ],
    good=[
        """
import httpx
import stripe
from langgraph.types import interrupt

def pay(state):
    if not interrupt({"question": "Charge?"}):
        return {}
    return {"charge": stripe.Charge.create(amount=state["cents"], currency="eur").id}

def keyed(state):
    stripe.Charge.create(amount=state["cents"], currency="eur", idempotency_key=state["order"])
    return {"note": interrupt("A note?")}

def look(state):
    page = httpx.get("https://shop.example/orders", timeout=5).text
    return {"choice": interrupt(page)}
""",
    ],
)

_KINDS = ("mail", "db-write", "commit", "queue")
_PAYS = regex(
    r"(?:^|\.)(?:Refund|Charge|PaymentIntent|Transfer|Payout|refunds|charges|payment_intents|transfers|payouts)\.(?:create|capture)$"
)
_DEEDS = regex(
    r"(?:charge|refund|pay|transfer|wire|purchase|place_order|send_(?:e?mail|sms|message|invoice|payment|money|notification)s?"
    r"|(?:create|cancel|delete)_(?:order|charge|invoice|payment|refund|ticket|account|user|booking|subscription)s?)(?:_\w+)?"
)
"""Names of calls that say what they do, where what is called can't be read."""
_POSTS = ("post", "put", "patch")
_REPEATABLE = regex(r"upsert|idempot|get_or_create|update_or_create|set_|cache")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Payments, mails, writes and posts before an interrupt of LangGraph in the same function."""
    reading = view.reading
    for function in reading.functions:
        calls = [it for it in reading.within(function) if isinstance(it, ast.Call)]
        stops = [it for it in calls if dotted(it.func).rpartition(".")[2] == "interrupt" and _is_langgraphs(view, it)]
        if not stops:
            continue
        first = min((it.lineno, it.col_offset) for it in stops)
        for it in calls:
            if (it.lineno, it.col_offset) < first and it not in stops and _acts(view, it):
                yield Hit(
                    it, "This is done again when the answer to the interrupt comes: the node runs anew from its first line."
                )
                break


def _is_langgraphs(view: View, call: ast.Call) -> bool:
    return view.callee(call).startswith("langgraph.")


def _acts(view: View, call: ast.Call) -> bool:
    written = dotted(call.func) or ast.unparse(call.func)
    if keyword(call, "idempotency_key") is not None or _REPEATABLE.search(written):
        return False
    if _PAYS.search(written):
        return True
    if _DEEDS.fullmatch(written.rpartition(".")[2]) and view.definition(call) is None:
        return True
    kinds = view.effects(call)
    return any(it in kinds for it in _KINDS) or ("http" in kinds and written.rpartition(".")[2] in _POSTS)
