"""A lock is taken by a function that holds it already.

Why: neither `asyncio.Lock` nor `threading.Lock` asks who holds it. A method that holds the lock and calls another one that
takes it waits for itself, for ever.
Instead: take it at the outside, and let the inner functions say by their names that they expect it to be held.

    async def rename(self, old: str, new: str) -> None:
        async with self._lock:
            value = await self._read_locked(old)
            await self._store.write(new, value)

Consequences: the request hangs, and with it everyone who wants the lock after it.
Trade-offs: `threading.RLock` lets its thread in again and hides where it is held; asyncio has no such lock.
Tests: call the outer method once, with a timeout.
Source: https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock; CWE-764
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.holding import locks_of
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=764,
    needs=["lock", "Lock", "mutex", "guard"],
    bad=[
        Bad("""
import asyncio
import threading

class Registry:
    def __init__(self, store):
        self._store = store
        self._lock = asyncio.Lock()

    async def get(self, name):
        async with self._lock:
            return await self._store.read(name)

    async def rename(self, old, new):
        async with self._lock:
            value = await [|self.get(old)|]
            await self._store.write(new, value)

lock = threading.Lock()
counts = {}

def count(name):
    with lock:
        return counts.get(name, 0)

def add(name):
    with lock:
        counts[name] = [|count(name)|] + 1
"""),
    ],
    good=[
        """
import asyncio
import threading

class Registry:
    def __init__(self, store, other):
        self._store = store
        self._other = other
        self._lock = asyncio.Lock()
        self._own = threading.RLock()

    async def get(self, name):
        async with self._lock:
            return await self._store.read(name)

    async def rename(self, old, new):
        value = await self.get(old)
        async with self._lock:
            await self._store.write(new, value)
            self._later(lambda: self.get(new))
            asyncio.create_task(self.get(new))

    async def both(self, name):
        async with self._lock:
            return await self._other.get(name)

    def size(self):
        with self._own:
            return len(self._store)

    def full(self):
        with self._own:
            return self.size() > 10
""",
    ],
)

_LOCKS = regex(r"asyncio\.(?:locks\.)?(?:Lock|Condition)|threading\.Lock|(?:anyio|trio)\.Lock|multiprocessing\.Lock")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls under a lock of functions of the same object, or module, that take it too."""
    reading = view.reading
    blocks: list[ast.With | ast.AsyncWith] = [*reading.each(ast.With), *reading.each(ast.AsyncWith)]
    for block in blocks:
        for name in locks_of(block):
            item = next(it.context_expr for it in block.items if dotted(it.context_expr) == name)
            if not _LOCKS.fullmatch(view.name(item)):
                continue
            for call in run_by(block.body):
                if not isinstance(call, ast.Call) or not _is_of_same(name, call) or _is_later(reading.parent(call)):
                    continue
                symbol = view.symbol(call.func)
                if not isinstance(symbol, FunctionSymbol) or name not in symbol.facts.locks or symbol.path != view.path:
                    continue
                if symbol.facts.is_async == isinstance(reading.parent(call), ast.Await) and not symbol.facts.is_generator:
                    told = f"`{ast.unparse(call.func)}` takes `{name}`, which is held here already: it waits for itself."
                    yield Hit(call, told)


def _is_of_same(lock: str, call: ast.Call) -> bool:
    """Whether what is called belongs to the object that the lock does: `self.get()` under `self._lock`."""
    called = dotted(call.func)
    return called.count(".") == 1 and called.startswith("self.") if lock.startswith("self.") else "." not in called


def _is_later(parent: ast.AST | None) -> bool:
    """Whether the coroutine is only handed to something that runs it in its own time."""
    return isinstance(parent, ast.Call)
