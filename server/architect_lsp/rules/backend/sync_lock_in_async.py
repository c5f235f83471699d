"""A lock of threads is held while a coroutine waits, or waited for on the event loop.

Why: a `threading.Lock` belongs to a thread, and all coroutines share one. A coroutine that holds it across an `await` lets
another run that may want it too; that one then holds the very thread on which the first would go on. Neither ever does.
Instead: an `asyncio.Lock`, made once and shared; or no `await` while the lock is held.

    class Stock:
        def __init__(self) -> None:
            self._lock = asyncio.Lock()

        async def take(self, sku: str) -> None:
            async with self._lock:
                left = await self._left(sku)
                if left < 1:
                    raise SoldOut(sku)
                await self._save(sku, left - 1)

Consequences: a deadlock of the whole process, first seen under load.
Trade-offs: an `asyncio.Lock` knows nothing of threads; what threads share needs a lock of theirs for the moment of the write.
Tests: run two of them at once with `asyncio.gather` under `asyncio.timeout`.
Observability: a watchdog in a thread of its own that notices when the loop stands still.
Source: https://docs.python.org/3/library/asyncio-sync.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import keyword
from architect_lsp.knowledge.waiting import is_lock, suspends
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3", "D3"],
    cwe=833,
    needs=["async def"],
    bad=[
        Bad("""
import threading

lock = threading.Lock()

async def take(stock, sku):
    with [|lock|]:
        left = await stock.left(sku)
        await stock.save(sku, left - 1)
"""),
        Bad("""
import threading

class Stock:
    def __init__(self):
        self._lock = threading.RLock()

    async def take(self, sku):
        [|self._lock.acquire()|]
        try:
            await self.save(sku)
        finally:
            self._lock.release()

    async def save(self, sku): ...
"""),
    ],
    good=[
        """
import asyncio
import threading

lock = threading.Lock()
turn = asyncio.Lock()
counts = {}

async def take(stock, sku):
    with lock:
        counts[sku] = counts.get(sku, 0) + 1
    async with turn:
        await stock.save(sku)
    if lock.acquire(blocking=False):
        lock.release()
    await turn.acquire()
    turn.release()
""",
        """
import threading

lock = threading.Lock()

async def run(pool):
    def work():
        with lock:
            return 1
    with lock:
        async def later():
            await pool.ready()
    return await pool.run(work)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Locks of threads in coroutines, where they are held across an await or waited for."""
    reading = view.reading
    for block in reading.each(ast.With):
        if not isinstance(reading.function(block), ast.AsyncFunctionDef):
            continue
        for item in block.items:
            if suspends(block.body) is not None and is_lock(view.name(item.context_expr)):
                name = ast.unparse(item.context_expr)
                told = f"`{name}` is a lock of threads, held while this coroutine waits: whoever wants it next stops the loop."
                yield Hit(item.context_expr, told)
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "acquire" or reading.awaited(call):
            continue
        at_once = call.args or keyword(call, "blocking") is not None or keyword(call, "timeout") is not None
        if reading.target(call.func.value).endswith("()"):
            continue  # made in this very function: nobody else can hold it yet
        if not at_once and isinstance(reading.function(call), ast.AsyncFunctionDef) and is_lock(view.name(call.func.value)):
            yield Hit(
                call, f"`{ast.unparse(call.func)}()` waits for a lock of threads on the event loop; nothing else runs meanwhile."
            )
