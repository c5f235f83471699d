"""A pool that is opened when it is first needed can be opened twice.

Why: between "there is none yet" and "here it is" the coroutine waits for the connection. Whoever comes meanwhile finds none
either and opens another one; the last to arrive is kept, the others stay open and are never closed.
Instead: open it when the application starts, or look again under a lock.

    async def pool(self) -> asyncpg.Pool:
        async with self._lock:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(self._dsn)
            return self._pool

Consequences: after each start under load there are more connections than were configured, and the database runs out of them.
Trade-offs: a lock on each use costs little; opening at the start costs nothing and fails early.
Tests: ask for the pool twice at once with `asyncio.gather`, and count what was opened.
Source: CWE-362; https://magicstack.github.io/asyncpg/current/usage.html#connection-pools
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.starts import runs_once
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "D3"],
    cwe=362,
    needs=["await "],
    bad=[
        Bad("""
import asyncpg

class Database:
    def __init__(self, dsn):
        self._dsn = dsn
        self._pool = None

    async def pool(self):
        if self._pool is None:
            [|self._pool = await asyncpg.create_pool(self._dsn)|]
        return self._pool

_pool = None

async def pool(dsn):
    global _pool
    if not _pool:
        [|_pool = await asyncpg.create_pool(dsn)|]
    return _pool
"""),
    ],
    good=[
        """
import asyncio
import asyncpg

class Database:
    def __init__(self, dsn):
        self._dsn = dsn
        self._pool = None
        self._lock = asyncio.Lock()

    async def pool(self):
        async with self._lock:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(self._dsn)
            return self._pool

    async def connect(self):
        if self._pool is None:
            self._pool = await asyncpg.create_pool(self._dsn)

    async def own(self):
        pool = None
        if pool is None:
            pool = await asyncpg.create_pool(self._dsn)
        return pool
""",
    ],
)

_OPENS = regex(
    r"asyncpg\.(?:pool\.)?(?:create_pool|connect)|aiomysql\.(?:create_pool|connect)|aiopg\.create_pool|aio_pika\.connect(?:_robust)?"
    r"|clickhouse_connect\.(?:driver\.)?(?:get|create)_async_client|psycopg\.AsyncConnection\.connect|aiosqlite\.connect"
    r"|arq\.(?:connections\.)?create_pool|nats\.connect|oracledb\.connect_async"
)
"""What opens connections that stay open until somebody closes them."""
_ONCE = ("__aenter__", "start", "setup", "initialize", "init", "open", "connect", "create", "reconnect")
"""Names of functions that one caller runs, once."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """What is kept for others, opened where it is missing, with no lock around."""
    reading = view.reading
    for node in reading.each(ast.Await):
        opened = reading.parent(node)
        function = reading.function(node)
        if (
            not isinstance(opened, ast.Assign)
            or not isinstance(function, ast.AsyncFunctionDef)
            or function.name.strip("_") in _ONCE
        ):
            continue
        if not isinstance(node.value, ast.Call) or not _OPENS.fullmatch(view.callee(node.value)):
            continue
        kept = next((dotted(it) for it in opened.targets if _is_shared(reading, function, it)), "")
        if kept and _is_missing(reading, opened, kept) and not runs_once(view.project, view.path, reading.qualname(function)):
            yield Hit(opened, f"Two who find no `{kept}` at once both open one, and one of the two is never closed.")


def _is_shared(reading: Reading, function: ast.AsyncFunctionDef, target: ast.expr) -> bool:
    """Whether others see what is kept here: an attribute of `self`, a global."""
    if isinstance(target, ast.Name):
        return any(isinstance(it, ast.Global) and target.id in it.names for it in reading.within(function))
    return isinstance(target, ast.Attribute) and dotted(target.value) in ("self", "cls")


def _is_missing(reading: Reading, node: ast.AST, kept: str) -> bool:
    """Whether it is opened in a branch for where there is none, under no lock."""
    found = False
    for up in reading.ancestors(node):
        if isinstance(up, ast.AsyncWith | ast.With):
            return False
        if isinstance(up, ast.If):
            found = found or ast.unparse(up.test) in (f"not {kept}", f"{kept} is None")
    return found
