"""A lock that coroutines share is held while one of them waits for another service.

Why: whoever wants the lock waits for the other side as well, one after the other. With a lock of the module, or of an object
that all requests share, a service that takes a second turns the whole process into one that answers once a second.
Instead: talk to the other side first, and hold the lock only for the moment in which the shared state changes.

    async def rate(self, currency: str) -> Decimal:
        try:
            answer = await self._client.get(f"/rates/{currency}", timeout=2)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise RateUnknown(currency) from error
        async with self._lock:
            self._rates[currency] = Decimal(answer.text)
            return self._rates[currency]

Consequences: throughput is one call at a time, and a timeout of the other side is multiplied by the number of those who wait.
Trade-offs: a lock that makes sure that something is fetched once (a token, a first connection) is meant to be held meanwhile:
look again under the lock whether it is there. A semaphore bounds how many ask at once without making it one.
Off by default: where requests must go out one by one, as to a device or under a strict quota, the lock is the design.
Tests: let the other side answer slowly, start ten at once, and assert that it takes as long as one.
Observability: the time that is spent waiting for the lock, as a histogram of its own.
Source: https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.summaries import described
from architect_lsp.knowledge.waiting import is_async_lock, run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B3", "B5", "D3"],
    cwe=667,
    needs=["async with"],
    bad=[
        Bad("""
import asyncio
import httpx

client = httpx.AsyncClient(timeout=5)
lock = asyncio.Lock()
rates = {}

async def price(currency):
    async with lock:
        answer = await [|client.get(f"https://rates.example/{currency}")|]
        rates[currency] = answer.json()
    return rates[currency]
"""),
        Bad("""
-- shop/stock.py --
import asyncio
from shop import carrier

class Stock:
    def __init__(self):
        self._lock = asyncio.Lock()
        self._left = {}

    async def take(self, sku):
        async with self._lock:
            self._left[sku] -= 1
            return await [|carrier.label(sku)|]
-- shop/carrier.py --
import httpx

client = httpx.AsyncClient(timeout=5)

async def label(sku):
    answer = await client.post("https://carrier.example/labels", json={"sku": sku})
    return answer.json()
"""),
    ],
    good=[
        """
import asyncio
import httpx

client = httpx.AsyncClient(timeout=5)
lock = asyncio.Lock()
few = asyncio.Semaphore(4)
locks = {}
rates = {}
seen = None

async def price(currency):
    answer = await client.get(f"https://rates.example/{currency}")
    async with lock:
        rates[currency] = answer.json()

async def bounded(currency):
    async with few:
        return await client.get(f"https://rates.example/{currency}")

async def once(currency):
    async with lock:
        if currency not in rates:
            rates[currency] = await client.get(f"https://rates.example/{currency}")
    return rates[currency]

async def refresh_token():
    async with lock:
        return await client.post("https://login.example/token")

async def own(currency):
    async with locks[currency]:
        return await client.get(f"https://rates.example/{currency}")

async def later(currency):
    async with lock:
        async def ask():
            return await client.get(f"https://rates.example/{currency}")
        rates[currency] = ask
""",
    ],
)

_WAITS = {"http": "another service", "llm": "a model", "mail": "a mail server"}
_ONCE = regex(
    r"token|refresh|login|auth|init|connect|setup|ensure|lazy|once|warm|cache|close|stop|reload",
    re.IGNORECASE,
)
"""What is meant to be done by one at a time."""
_SHARED = regex(r"[A-Za-z_]\w*|(?:self|cls)\.\w+")
_DEPTH = 3


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Awaited calls of other services inside `async with` of a lock that all share."""
    reading = view.reading
    if is_script(view.path):
        return
    for block in reading.each(ast.AsyncWith):
        lock = next((it.context_expr for it in block.items if _is_shared_lock(view, it.context_expr)), None)
        function = reading.function(block)
        if lock is None or not isinstance(function, ast.AsyncFunctionDef) or _ONCE.search(f"{function.name} {ast.unparse(lock)}"):
            continue
        for call in run_by(block.body):
            if isinstance(call, ast.If | ast.IfExp | ast.While):
                break  # it looks again whether there is anything to do
            if not isinstance(call, ast.Call) or not reading.awaited(call):
                continue
            effects = view.effects(call)
            kind = next((it for it in _WAITS if it in effects and len(effects[it].path) <= _DEPTH), "")
            if kind:
                told = f"All who want `{ast.unparse(lock)}` wait while `{ast.unparse(call.func)}` waits for {_WAITS[kind]}."
                yield Hit(call, told, evidence=tuple(described(effects[kind], view.project)))
                break


def _is_shared_lock(view: View, node: ast.expr) -> bool:
    """Whether it is a lock of the module or of an object, not one of many that are found by a key."""
    name = ast.unparse(node)
    if not _SHARED.fullmatch(name) or not is_async_lock(view.name(node).replace("()", "")):
        return False
    return view.name(node).replace("()", "").endswith(".Lock") and name not in view.reading.bindings(view.reading.function(node))
