"""Requests that don't need each other are made one after the other.

Why: each `await` in turn adds its latency to the others'. Ten calls of a tenth of a second are a second, during which this
coroutine does nothing but wait.
Instead: start them together, with a limit.

    gate = asyncio.Semaphore(10)

    async def one(user_id: int) -> bytes:
        async with gate:
            response = await client.get(f"/{user_id}.png")
            response.raise_for_status()
            return response.content

    avatars = dict(zip(user_ids, await asyncio.gather(*(one(it) for it in user_ids)), strict=True))

Consequences: the latency of a page grows with its length.
Trade-offs: the other side sees ten requests at once; where it limits their rate, one after the other may be what is wanted.
Tests: a fake server that takes a tenth of a second, and a limit on the whole.
Performance: the sum of the latencies becomes the largest of them.
Source: https://docs.python.org/3/library/asyncio-task.html#running-tasks-concurrently
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.loops import over_data
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.turns import is_independent, uses
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B3", "B5"],
    needs=["await "],
    bad=[
        Bad("""
import httpx

async def avatars(user_ids):
    found = {}
    async with httpx.AsyncClient(timeout=10) as client:
        for user_id in user_ids:
            response = [|await client.get(f"https://avatars.example/{user_id}.png")|]
            response.raise_for_status()
            found[user_id] = response.content
    return found

async def price(client: httpx.AsyncClient, sku):
    return (await client.get(f"https://prices.example/{sku}")).json()

async def prices(client: httpx.AsyncClient, skus):
    return [[|await price(client, it)|] for it in skus]
"""),
    ],
    good=[
        """
import asyncio
import httpx

async def price(client: httpx.AsyncClient, sku):
    return (await client.get(f"https://prices.example/{sku}")).json()

async def prices(client: httpx.AsyncClient, skus):
    return await asyncio.gather(*(price(client, it) for it in skus))

async def first(client: httpx.AsyncClient, hosts):
    for it in hosts:
        response = await client.get(it)
        if response.is_success:
            return response

async def pages(client: httpx.AsyncClient, url):
    while url:
        page = (await client.get(url)).json()
        url = page["next"]

async def politely(client: httpx.AsyncClient, skus):
    for it in skus:
        print(await price(client, it))
        await asyncio.sleep(1)

async def converted(client: httpx.AsyncClient, parts):
    found = []
    for it in parts:
        if it.url:
            found.append(await client.get(it.url))
        for inner in it.parts:
            found.extend(await converted(client, inner.parts))
    return found

async def change(client: httpx.AsyncClient, rows):
    for it in rows:
        await client.post("https://rows.example", json=it)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Requests that only read, one for each item of data, of which none needs another's answer."""
    reading = view.reading
    if is_script(view.path):
        return
    for node in reading.each(ast.Await):
        call = node.value
        loop = reading.loop(node)
        if not isinstance(call, ast.Call) or loop is None or not over_data(reading, loop):
            continue
        if isinstance(loop, ast.For):
            apart = is_independent(loop, call)
        else:
            apart = isinstance(loop, ast.ListComp) and loop.elt is node and uses(call, loop.generators[0].target)
        if apart and _reads(view, call) and not _is_itself(view, call):
            over = loop.iter if isinstance(loop, ast.For) else loop.generators[0].iter  # type: ignore[attr-defined]
            yield Hit(node, f"`{ast.unparse(call.func)}` is asked for one of `{ast.unparse(over)}` after the other.")


def _is_itself(view: View, call: ast.Call) -> bool:
    """Whether the function asks itself about the parts of what it was given, which mostly ask nobody."""
    found, function = view.definition(call), view.reading.function(call)
    here = view.reading.qualname(function) if function is not None else ""
    return found is not None and (found[0], found[1].qualname) == (view.path, here)


def _reads(view: View, call: ast.Call) -> bool:
    """Whether the call comes to a request that only reads, at most one call away, and to nothing that changes something."""
    effects = view.effects(call)
    http = effects.get("http")
    if http is None or len(http.path) > 1 or effects.keys() & {"llm", "db-write", "sleep", "filesystem", "queue", "commit"}:
        return False
    return http.call.rpartition(".")[2] in ("get", "head") and "sleep" not in dotted(call.func)
