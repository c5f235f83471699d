"""A client that holds connections is never closed.

Why: an HTTP session, a pool or an engine keeps sockets open until someone closes it. One that a function makes, uses and forgets
leaves them to the garbage collector, which for asynchronous clients can't close them at all.
Instead: `with`, or one client for the program that is closed when it ends.

    async def rates() -> Rates:
        async with aiohttp.ClientSession(timeout=ClientTimeout(5)) as session:
            async with session.get(RATES) as answer:
                answer.raise_for_status()
                return Rates.model_validate(await answer.json())

Consequences: `Unclosed client session` in the log, then no more sockets or file descriptors.
Trade-offs: a client per call is closed for sure and connects anew each time; see client-per-request.
Tests: run it a thousand times and count the open descriptors.
Observability: graph the process's open file descriptors.
Source: https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B1", "C4", "D3"],
    cwe=772,
    needs=["Client(", "Session(", "create_pool(", "Pool("],
    bad=[
        Bad("""
import aiohttp

async def rates():
    session = [|aiohttp.ClientSession()|]
    answer = await session.get("https://rates.example")
    return await answer.json()
"""),
        Bad("""
import httpx

async def rates():
    return await [|httpx.AsyncClient()|].get("https://rates.example")
"""),
    ],
    good=[
        """
import aiohttp
import httpx

async def rates(pool):
    async with aiohttp.ClientSession() as session:
        await session.get("https://rates.example")
    other = httpx.AsyncClient()
    try:
        await other.get("https://rates.example")
    finally:
        await other.aclose()
    third = httpx.AsyncClient()
    async with third:
        await third.get("https://rates.example")
    fourth = httpx.AsyncClient()
    pool.add(fourth)
    return httpx.AsyncClient()

class Rates:
    def __init__(self):
        self.client = httpx.AsyncClient()
        client = httpx.AsyncClient()
        self.other = client
""",
    ],
)

_CLIENTS = regex(r"httpx\.(?:Async)?Client|aiohttp\.(?:client\.)?ClientSession|asyncpg\.create_pool|aiomysql\.create_pool")
_CLOSES = ("close", "aclose", "__aexit__", "__exit__", "terminate", "__aenter__", "__enter__")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Clients that a function makes, keeps to itself and does not close."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        function = reading.function(call)
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if last not in ("AsyncClient", "Client", "ClientSession", "create_pool") or not isinstance(
            function, ast.FunctionDef | ast.AsyncFunctionDef
        ):
            continue
        if not _CLIENTS.fullmatch(name := view.callee(call)):
            continue
        parent = reading.parent(call)
        parent = reading.parent(parent) if isinstance(parent, ast.Await) else parent
        used_once = isinstance(parent, ast.Attribute) and parent.attr not in _CLOSES
        if used_once or (isinstance(parent, ast.Assign) and _is_forgotten(function, parent)):
            yield Hit(call, f"This `{name}` is never closed, and its connections stay open.")


def _is_forgotten(function: ast.FunctionDef | ast.AsyncFunctionDef, statement: ast.Assign) -> bool:
    """Whether a local name alone is assigned, of which only methods are called, none of them one that closes it."""
    if len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
        return False
    name = statement.targets[0].id
    called: set[int] = set()
    for it in ast.walk(function):
        if isinstance(it, ast.Attribute) and isinstance(it.value, ast.Name) and it.value.id == name:
            if it.attr in _CLOSES:
                return False
            called.add(id(it.value))
        elif isinstance(it, ast.Global | ast.Nonlocal) and name in it.names:
            return False
    uses = [it for it in ast.walk(function) if isinstance(it, ast.Name) and it.id == name and isinstance(it.ctx, ast.Load)]
    return bool(uses) and all(id(it) in called for it in uses)
