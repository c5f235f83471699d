"""A lock that an error leaves held is held for ever.

Why: between `acquire()` and `release()` anything may raise, a cancellation at every `await` among it. The release is then skipped
and whoever wants the lock next waits without end.
Instead: `with` (or `async with`), or `try` and `finally`.

    async with lock:
        stock = await read(sku)
        if stock < 1:
            raise SoldOut(sku)
        await save(sku, stock - 1)

Consequences: one failed request stops all later ones; only a restart helps.
Tests: let the work inside raise, then take the lock under a timeout.
Source: https://docs.python.org/3/library/threading.html#using-locks-conditions-and-semaphores-in-the-with-statement
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.waiting import is_async_lock, is_lock
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    cwe=667,
    equivalents=["R1732"],
    needs=[".acquire("],
    bad=[
        Bad("""
import asyncio

lock = asyncio.Lock()

async def take(stock, sku):
    [|await lock.acquire()|]
    await stock.take(sku)
    lock.release()
"""),
        Bad("""
import threading

class Stock:
    def __init__(self):
        self.lock = threading.Lock()

    def take(self, sku):
        [|self.lock.acquire()|]
        left = self.left(sku)
        if left:
            self.save(sku, left - 1)
        self.lock.release()
"""),
    ],
    good=[
        """
import asyncio
import threading

lock = asyncio.Lock()
other = threading.Lock()

async def take(stock, sku):
    await lock.acquire()
    try:
        await stock.take(sku)
    finally:
        lock.release()
    async with lock:
        await stock.take(sku)

async def take_later(stock, sku):
    await lock.acquire()
    def let_go():
        lock.release()
    try:
        await stock.take(sku)
    finally:
        let_go()

def hold():
    other.acquire()

def let_go():
    other.release()

def progressed(task, count):
    other.acquire()
    task.progress = count
    other.release()

def sized(task, text):
    lock = threading.Lock()
    lock.acquire()
    task.size = len(text)
    lock.release()

def first(stock):
    try:
        other.acquire()
        stock.take()
    finally:
        other.release()
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Acquires whose release, in the same function, an error can skip."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "acquire":
            continue
        function, name = reading.function(call), dotted(call.func.value)
        statement = reading.parent(call)
        while statement is not None and not isinstance(statement, ast.stmt):
            statement = reading.parent(statement)
        if not name or not isinstance(statement, ast.Expr) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        released = [it for it in ast.walk(function) if isinstance(it, ast.Call) and dotted(it.func) == f"{name}.release"]
        if (
            not released
            or any(reading.function(it) is not function or _is_sure(reading, it) for it in released)
            or _is_at_once(reading, statement, released)
        ):
            continue
        if isinstance(call.func.value, ast.Name) and any(it.how == "set" for it in definitions(reading, function).get(name, ())):
            continue  # made by this very call, or chosen by it: nobody else waits for a lock of one's own
        kind = view.name(call.func.value)
        if is_lock(kind) or is_async_lock(kind):
            yield Hit(statement, f"An error before `{name}.release()` leaves `{name}` held for ever; `with` lets go of it.")


def _is_sure(reading: Reading, release: ast.Call) -> bool:
    """Whether the release stands in a `finally` or a handler."""
    below: ast.AST = release
    for up in reading.ancestors(release):
        if isinstance(up, ast.ExceptHandler) or (isinstance(up, ast.Try) and any(below is it for it in up.finalbody)):
            return True
        below = up
    return False


def _is_at_once(reading: Reading, statement: ast.Expr, released: list[ast.Call]) -> bool:
    """Whether nothing that may fail stands between the two: the lock is waited for, or held while a name is set."""
    holder = reading.parent(statement)
    body = getattr(holder, "body", [])
    at = next((index for index, it in enumerate(body) if it is statement), len(body))
    for it in body[at + 1 :]:
        if isinstance(it, ast.Expr) and any(it.value is each for each in released):
            return True
        if not isinstance(it, ast.Assign) or not isinstance(it.value, ast.Constant | ast.Name):
            return False
    return False
