"""An asynchronous client of the module is used by one event loop after the other.

Why: a task of a queue that calls `asyncio.run` has an event loop for each run. An engine, a Redis or an HTTP client that the
module keeps holds connections of the first of them; the next run takes one from the pool and finds its loop closed.
Instead: make what belongs to the loop inside of it, or keep no connections between runs (`NullPool`).

    async def refresh(account_id: int) -> None:
        async with httpx.AsyncClient(timeout=5) as client:
            await load(client, account_id)

    @shared_task
    def refresh_account(account_id: int) -> None:
        asyncio.run(refresh(account_id))

Consequences: the first task of a worker works, the second fails with "Event loop is closed" or "attached to a different loop".
Trade-offs: a connection for each run; one loop that lives as long as the worker keeps them.
Tests: run the task twice in one process.
Source: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-multiple-asyncio-event-loops
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import thread_functions
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.facts import Variable
from architect_lsp.knowledge.frameworks.celery import tasks
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "D3"],
    needs=["asyncio.run(", "async_to_sync", "run_until_complete("],
    bad=[
        Bad("""
-- app/db.py --
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://app@db/app")
Session = async_sessionmaker(engine)
-- app/tasks.py --
import asyncio
from celery import shared_task
from app.db import Session

async def refresh(account_id):
    async with Session() as session:
        await session.execute("select 1")

@shared_task
def refresh_account(account_id):
    [|asyncio.run(refresh(account_id))|]
"""),
        Bad("""
import asyncio
import threading
import redis.asyncio as redis

cache = redis.Redis()

async def store(key):
    await cache.set(key, 1)

def work(key):
    [|asyncio.run(store(key))|]

def start(keys):
    for key in keys:
        threading.Thread(target=work, args=(key,)).start()
"""),
    ],
    good=[
        """
import asyncio
import httpx
from celery import shared_task
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

engine = create_async_engine("postgresql+asyncpg://app@db/app", poolclass=NullPool)

async def refresh(account_id):
    async with httpx.AsyncClient() as client, engine.begin() as connection:
        await connection.execute("select 1")
        await client.get("https://accounts.example")

@shared_task
def refresh_account(account_id):
    asyncio.run(refresh(account_id))
""",
        """
import asyncio
import httpx

client = httpx.AsyncClient()

async def main():
    await client.get("https://accounts.example")

if __name__ == "__main__":
    asyncio.run(main())
""",
    ],
)

_RUNS = regex(r"asyncio\.(?:runners\.)?run|asgiref\.sync\.async_to_sync\(\)|.*\.run_until_complete")
_BOUND = regex(
    r"sqlalchemy\.ext\.asyncio\.(?:create_async_engine|AsyncEngine|async_sessionmaker|async_scoped_session)"
    r"|redis\.asyncio\.(?:client\.)?(?:Redis|from_url|StrictRedis)|httpx\.AsyncClient|aiohttp\.(?:client\.)?ClientSession"
    r"|motor\.motor_asyncio\.AsyncIOMotorClient|openai\.AsyncOpenAI|anthropic\.AsyncAnthropic"
)
"""What keeps connections of the loop that it was first used in."""
_STEPS = 2


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Coroutines that a task or a thread runs in a loop of its own, and that use a client of the module."""
    reading = view.reading
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if not isinstance(function, ast.FunctionDef) or not _RUNS.fullmatch(view.callee(call)):
            continue
        name = reading.qualname(function)
        if not any((it.ref.path, it.ref.qualname) == (view.path, name) for it in tasks(view.project)) and (
            (view.path, name) not in thread_functions(view.project)
        ):
            continue
        run = call.args[0] if call.args else None
        symbol = view.symbol(run.func) if isinstance(run, ast.Call) else None
        if isinstance(symbol, FunctionSymbol) and (path := _uses(view.project, symbol, _STEPS)):
            yield Hit(
                call, "Each run has an event loop of its own, and all of them share a client of the module.", evidence=tuple(path)
            )


def _uses(project: Project, symbol: FunctionSymbol, steps: int) -> list[tuple[Ref, str]]:
    """The calls from a coroutine function to one that uses a client which its module keeps; [] when there are none."""
    definition = symbol.facts
    for index, call in enumerate(definition.calls):
        ref = Ref(symbol.path, definition.qualname, "call", index)
        head = call.target.partition(".")[0]
        if _is_bound(project, symbol.path, head):
            return [(ref, f"`{definition.qualname}` uses `{head}`, which lives as long as its module")]
        inner = project.resolve(symbol.path, call.target, definition.owner) if steps > 1 else None
        if isinstance(inner, FunctionSymbol) and (rest := _uses(project, inner, steps - 1)):
            return [(ref, f"`{definition.qualname}` calls `{inner.facts.qualname}`"), *rest]
    return []


def _is_bound(project: Project, path: str, name: str, depth: int = 3) -> bool:
    """Whether the name is of a variable of the project that holds such a client."""
    found = project.name(path, name.removesuffix("()"))
    if isinstance(found, str) and depth:
        module, rest = project.module(path, found)
        return module is not None and len(rest) == 1 and _is_bound(project, module.path, rest[0], depth - 1)
    if not isinstance(found, Variable) or (found.value is not None and found.value.keyword("poolclass") is not None):
        return False
    symbol = project.resolve(path, found.target)
    if not isinstance(symbol, External) or not _BOUND.fullmatch(made := canonical(symbol.name)):
        return False
    engine = found.value.argument(0, "bind") if found.value is not None and made.endswith("sessionmaker") else None
    return engine is None or not depth or _is_bound(project, path, engine.text, depth - 1)
