"""Every item of an input starts a request of its own, all at once.

Why: `gather` over a list starts all of it together. Ten are quick; ten thousand open ten thousand connections or files, the other
side answers with errors, and this process runs out of memory or of descriptors.
Instead: let a semaphore, or a few workers on a queue, say how many run at a time.

    gate = asyncio.Semaphore(20)

    async def one(url: str) -> int:
        async with gate:
            return (await client.get(url)).status_code

    statuses = await asyncio.gather(*(one(it) for it in urls))

Consequences: one long list takes the pool, the upstream's limit or the memory from everyone else.
Trade-offs: a client with a bounded pool queues by itself, yet all coroutines and their timeouts begin at once.
Off by default: how long the list may be is often known where it comes from, and nowhere in the code.
Tests: count concurrent calls of a fake server with a thousand items.
Security: who decides the length of the list decides the load.
Observability: graph requests in flight to each upstream.
Source: https://docs.python.org/3/library/asyncio-sync.html#asyncio.Semaphore; CWE-770
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.fan_outs import FEW, GATES, GATHERS, is_few, is_group, started
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.summaries import Effect, described
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "D3"],
    cwe=770,
    needs=["gather(", "TaskGroup", "as_completed(", "wait("],
    bad=[
        Bad("""
import asyncio
import httpx

async def status(client: httpx.AsyncClient, url):
    return (await client.get(url)).status_code

async def statuses(client: httpx.AsyncClient, urls):
    return await [|asyncio.gather(*[status(client, it) for it in urls])|]
"""),
        Bad("""
import asyncio

async def convert(path):
    process = await asyncio.create_subprocess_exec("convert", path)
    await process.wait()

async def convert_all(paths):
    async with asyncio.TaskGroup() as group:
        for path in paths:
            [|group.create_task(convert(path))|]
"""),
    ],
    good=[
        """
import asyncio
import aiohttp
from app import config

async def versions():
    async with aiohttp.ClientSession() as session:
        return await asyncio.gather(*(session.get(url) for url in config.base_urls))
""",
        """
import asyncio
import httpx

HOSTS = ["a.example", "b.example"]

async def status(client: httpx.AsyncClient, url):
    return (await client.get(url)).status_code

async def quiet(url):
    return url.lower()

async def statuses(client: httpx.AsyncClient, urls):
    await asyncio.gather(*[status(client, it) for it in HOSTS])
    await asyncio.gather(*[status(client, it) for it in urls[:20]])
    await asyncio.gather(*[quiet(it) for it in urls])

async def check_response(client: httpx.AsyncClient, texts):
    return await asyncio.gather(*[status(client, it) for it in texts])

async def by_server(client: httpx.AsyncClient, base_urls, urls):
    await asyncio.gather(*[status(client, it) for it in base_urls])
    for batch in batched(urls, 20):
        await asyncio.gather(*[status(client, it) for it in batch])
""",
        """
import asyncio
import httpx

async def status(client: httpx.AsyncClient, gate: asyncio.Semaphore, url):
    async with gate:
        return (await client.get(url)).status_code

async def statuses(client: httpx.AsyncClient, gate, urls):
    return await asyncio.gather(*[status(client, gate, it) for it in urls])
""",
    ],
)

_KINDS = ("http", "subprocess", "db-read", "db-write")
_STEPS = 3
"""How many calls away the request may be; what is farther mostly waits for its turn somewhere."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Requests to other services, processes and queries that are started once for each item of something of unknown length."""
    reading = view.reading
    if is_script(view.path) or GATES.search(reading.unit.text):
        return
    for call in reading.each(ast.Call):
        last = dotted(call.func).rpartition(".")[2]
        pairs: list[tuple[ast.expr, ast.Call]] = []
        if last in GATHERS:
            pairs = list(started(reading, call))
        elif last == "create_task" and call.args and is_group(reading, call):
            loop, made = reading.loop(call), call.args[0]
            if isinstance(loop, ast.For | ast.AsyncFor) and isinstance(made, ast.Call):
                pairs = [(loop.iter, made)]
        for over, made in pairs:
            effect = _reached(view, made)
            if effect is not None and not is_few(reading, over):
                what = f"`{ast.unparse(made.func)}` is started for all of `{ast.unparse(over)}` at once"
                yield Hit(call, f"{what}; nothing limits how many run.", evidence=tuple(described(effect, view.project)))
                break


def _reached(view: View, call: ast.Call) -> Effect | None:
    """What a coroutine asks of others, None where it asks nothing, a model, or waits for its turn."""
    effects = view.effects(call)
    if "llm" in effects:
        return None
    effect = next((effects[it] for it in _KINDS if it in effects), None)
    found = view.definition(call)
    if effect is None or len(effect.path) > _STEPS or (found is not None and found[1].gated):
        return None
    if found is not None and any(FEW.search(name) for name, _ in found[1].parameters[:1]):
        return None
    for it in effect.path:
        definition = view.project.definition(it.path, it.qualname)
        if definition is not None and definition.gated:
            return None
    return effect
