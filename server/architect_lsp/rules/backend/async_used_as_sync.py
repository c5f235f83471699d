"""What only works with `async` is used without it.

Why: `for` over an async generator, `with` on an asynchronous context manager and `await` of a plain function's result each raise
a TypeError when the line runs; only a test that runs it tells.
Instead: `async for`, `async with`, and no `await` where there is nothing to wait for.

    async def export(orders: Orders) -> None:
        async with lock:
            async for row in orders.stream():
                write(row)

Consequences: the branch fails the first time it is taken, in production where tests did not take it.
Tests: one that takes the branch.
Source: https://peps.python.org/pep-0492/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Instance, Symbol
from architect_lsp.knowledge.waiting import is_async_lock, is_plain
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    needs=["async", "await"],
    bad=[
        Bad(
            """
async def rows():
    yield 1

async def export():
    for row in [|rows()|]:
        print(row)
""",
            fixed="""
async def rows():
    yield 1

async def export():
    async for row in rows():
        print(row)
""",
        ),
        Bad(
            """
import asyncio

lock = asyncio.Lock()

async def add(total):
    with [|lock|]:
        return total + 1
""",
            fixed="""
import asyncio

lock = asyncio.Lock()

async def add(total):
    async with lock:
        return total + 1
""",
        ),
        Bad(
            """
def total(order) -> int:
    return sum(order)

async def show(order):
    print([|await total(order)|])
""",
            fixed="""
def total(order) -> int:
    return sum(order)

async def show(order):
    print(total(order))
""",
        ),
        Bad("""
import httpx

async def fetch(url):
    with [|httpx.AsyncClient()|] as client:
        return await client.get(url)
"""),
        Bad("""
import aiohttp

async def fetch(session: aiohttp.ClientSession, url):
    with [|session.get(url)|] as response:
        return await response.text()
"""),
    ],
    good=[
        """
import inspect

class Price:
    def of(self, order) -> int: ...

    async def shown(self, order):
        if inspect.iscoroutinefunction(self.of):
            return await self.of(order)
        return self.of(order)
""",
        """
import asyncio

lock = asyncio.Lock()

async def rows():
    yield 1

async def run(total):
    async with lock:
        async for row in rows():
            print(row)
    found = [row async for row in rows()]
    for row in found:
        print(row)
""",
        """
import asyncio
from contextlib import contextmanager
from typing import Awaitable, Generator

import httpx

@contextmanager
def client(app) -> Generator[httpx.AsyncClient]:
    yield app.client

async def ask(app):
    with client(app) as http:
        return await http.get("/")

def later() -> asyncio.Future: ...

def twice(coroutine) -> Awaitable[int]: ...

class Both:
    def __enter__(self): ...
    def __exit__(self, *args): ...
    def __aenter__(self): ...
    def __aexit__(self, *args): ...

async def run():
    await later()
    await twice(later())
    with Both():
        pass
""",
    ],
)

_MANAGERS = regex(
    r"httpx\.AsyncClient|aiohttp\.(?:client\.)?ClientSession|asyncio\.(?:TaskGroup|timeout|timeout_at)|anyio\.create_task_group"
    r"|sqlalchemy\.ext\.asyncio\.(?:AsyncSession|AsyncConnection)|aiofiles\.open|asyncpg\.(?:pool\.)?Pool\.acquire"
    r"|aiohttp\.(?:client\.)?ClientSession\.(?:get|post|put|patch|delete|head|options|request|ws_connect)|httpx\.AsyncClient\.stream"
    r"|anyio\.connect_tcp|trio\.open_nursery|asyncpg\.(?:connection\.)?Connection\.transaction"
)
_ASKS = regex(r"iscoroutine|isawaitable|Awaitable|is_async|Coroutine")
_NEVER_AWAITABLE = {"int", "str", "bool", "float", "bytes", "None", "list", "dict", "set", "tuple"}


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Loops, with-blocks and awaits that can't work on what they are given."""
    reading = view.reading
    for loop in reading.each(ast.For):
        if isinstance(loop.iter, ast.Call) and _is_async_generator(view.symbol(loop.iter.func)):
            told = f"`{ast.unparse(loop.iter.func)}()` is an async generator: `for` raises a TypeError."
            yield Hit(loop.iter, told, tuple(_fix(reading, loop)))
    for block in reading.each(ast.With):
        for item in block.items:
            if _is_async_manager(view, item.context_expr):
                told = f"`{ast.unparse(item.context_expr)}` needs `async with`; `with` raises."
                yield Hit(item.context_expr, told, tuple(_fix(reading, block)) if len(block.items) == 1 else ())
    for node in reading.each(ast.Await):
        if isinstance(node.value, ast.Call) and _gives_a_value(view.symbol(node.value.func)) and not _is_asked(reading, node):
            name = ast.unparse(node.value.func)
            fix = Draft("Do not await it", (Change(node, reading.source(node.value)),))
            yield Hit(node, f"`{name}()` is a plain function: `await` of what it gives raises a TypeError.", (fix,))


def _is_asked(reading: Reading, node: ast.Await) -> bool:
    """Whether a branch asks first if there is something to await: a subclass may have made it so."""
    return any(isinstance(it, ast.If | ast.IfExp) and _ASKS.search(ast.unparse(it.test)) for it in reading.ancestors(node))


def _fix(reading: Reading, statement: ast.For | ast.With) -> Iterator[Draft]:
    if isinstance(reading.function(statement), ast.AsyncFunctionDef):
        word = "for" if isinstance(statement, ast.For) else "with"
        yield Draft(f"Use `async {word}`", (Change(statement, "async ", insert="before"),))


def _is_async_generator(symbol: Symbol | None) -> bool:
    if not isinstance(symbol, FunctionSymbol):
        return False
    return symbol.facts.is_async and symbol.facts.is_generator and is_plain(symbol.facts) and not symbol.facts.optional


def _is_async_manager(view: View, node: ast.expr) -> bool:
    made = view.symbol(node.func) if isinstance(node, ast.Call) else None
    if isinstance(made, FunctionSymbol) and (made.facts.is_generator or not is_plain(made.facts)):
        return False  # a context manager, whose annotation says what it hands out
    symbol = view.symbol(node)
    if isinstance(symbol, External):
        name = view.name(node)
        return (is_async_lock(name) and "anyio" not in name) or (isinstance(node, ast.Call) and bool(_MANAGERS.fullmatch(name)))
    if not isinstance(symbol, Instance) or any(isinstance(it, External) for it in view.project.bases(symbol)):
        return False
    has = {name: view.project.resolve(symbol.path, f"{symbol.facts.qualname}.{name}") for name in ("__enter__", "__aenter__")}
    return isinstance(has["__aenter__"], FunctionSymbol) and has["__enter__"] is None


def _gives_a_value(symbol: Symbol | None) -> bool:
    """Whether a plain function says that it gives what can't be awaited."""
    if not isinstance(symbol, FunctionSymbol):
        return False
    facts = symbol.facts
    if facts.is_async or facts.is_generator or facts.optional or not is_plain(facts) or facts.gives is None:
        return False
    said = facts.gives
    name = said.text if said.kind in ("name", "text", "index") else said.text if said.kind == "constant" else ""
    return name in _NEVER_AWAITABLE
