"""A lock that each call makes for itself keeps nobody out.

Why: a lock works because everyone who may not be inside together holds the same one. One that is made in the function, or in the
`with` itself, is new at every call: no other call can ever wait for it.
Instead: make it once, where all callers find it.

    class Limits:
        def __init__(self) -> None:
            self._slots = asyncio.Semaphore(5)

        async def fetch(self, url: str) -> bytes:
            async with self._slots:
                return await self._client.get(url)

Consequences: the race or the overload it was put there against, and the belief that it is dealt with.
Tests: start ten calls at once and assert how many are inside together.
Performance: a semaphore of one's own limits nothing; the other side sees all calls at once.
Source: https://docs.python.org/3/library/asyncio-sync.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.waiting import is_async_lock, is_lock
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=413,
    needs=["Lock(", "Semaphore(", "Condition("],
    bad=[
        Bad("""
import asyncio

async def add(totals, name):
    async with [|asyncio.Lock()|]:
        totals[name] = await totals.read(name) + 1

async def fetch(client, url):
    slots = [|asyncio.Semaphore(5)|]
    async with slots:
        return await client.get(url)
"""),
        Bad("""
import threading

def add(totals, name):
    lock = [|threading.Lock()|]
    with lock:
        totals[name] += 1
"""),
        Bad("""
import threading

def sized(task, text):
    lock = [|threading.Lock()|]
    lock.acquire()
    task.size = len(text)
    lock.release()
"""),
    ],
    good=[
        """
import asyncio
import threading

lock = asyncio.Lock()

async def fetch_all(client, urls):
    slots = asyncio.Semaphore(5)

    async def fetch(url):
        async with slots:
            return await client.get(url)

    return await asyncio.gather(*map(fetch, urls))

async def start(totals, name):
    async with lock:
        totals[name] += 1
    mine = asyncio.Lock()
    totals.locks[name] = mine
    async with mine:
        totals[name] += 1

def work(pool):
    gate = threading.Lock()
    pool.submit(step, gate)
    with gate:
        return 1

def step(gate): ...
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Locks that are made and held in one function and never leave it."""
    reading = view.reading
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if last not in ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "CapacityLimiter"):
            continue
        name = view.callee(call)
        if not (is_lock(name) or is_async_lock(name)):
            continue
        parent = reading.parent(call)
        if isinstance(parent, ast.withitem) or _only_held_here(function, parent):
            yield Hit(call, f"Each call makes this `{last}` for itself, so it keeps nobody out.")


def _only_held_here(function: ast.FunctionDef | ast.AsyncFunctionDef, statement: ast.AST | None) -> bool:
    """Whether a local name alone is assigned, and all its uses are to hold and leave it in the function itself."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
        return False
    name = statement.targets[0].id
    held = 0
    stack: list[ast.AST] = [*function.body]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.With | ast.AsyncWith):
            mine = [it for it in node.items if isinstance(it.context_expr, ast.Name) and it.context_expr.id == name]
            held += len(mine)
            stack += [*(it for it in node.items if it not in mine), *node.body]
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            if node.attr not in ("acquire", "release", "locked"):
                return False
            held += node.attr == "acquire"
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            if any(isinstance(it, ast.Name) and it.id == name for it in ast.walk(node)):
                return False
            continue
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Store):
            return False
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return False
        stack += ast.iter_child_nodes(node)
    return held > 0
