"""An event loop is made and thrown away for each item of a loop.

Why: `asyncio.run` makes an event loop, runs one coroutine and closes the loop. In a loop over data the coroutines so run one
after the other, which is what they were written to avoid, and a client, a lock or a queue that they share belongs to a loop
that is closed.
Instead: one coroutine that does all of it, and one loop.

    async def all_of(skus: list[str]) -> list[Price]:
        async with httpx.AsyncClient(timeout=5) as client, asyncio.TaskGroup() as group:
            tasks = [group.create_task(price(client, it)) for it in skus]
        return [it.result() for it in tasks]

    prices = asyncio.run(all_of(skus))

Consequences: "Event loop is closed" from the second item on, or n times the latency; connections that are never closed.
Trade-offs: how many run at a time needs a limit then; a semaphore is one.
Tests: two items with one shared client.
Performance: a loop costs two file descriptors and a selector, each time.
Source: https://docs.python.org/3/library/asyncio-runner.html#asyncio.run
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "D3"],
    needs=["asyncio.run("],
    bad=[
        Bad("""
import asyncio

async def load(client, page): ...

def load_all(client, pages):
    items = []
    for page in pages:
        items.append([|asyncio.run(load(client, page))|])
    return items

def totals(client, pages):
    return sum([|asyncio.run(load(client, it))|] for it in pages)
"""),
    ],
    good=[
        """
import asyncio

async def load(client, page): ...

async def load_pages(client, pages):
    return [await load(client, it) for it in pages]

def load_all(client, pages):
    return asyncio.run(load_pages(client, pages))

def ask():
    while True:
        print(asyncio.run(load(None, input())))

def again(client):
    for attempt in range(3):
        try:
            return asyncio.run(load(client, attempt))
        except OSError:
            continue
""",
    ],
)

_TRIES = regex(r"attempt|retr(?:y|ies)|tries|backoff|delay|range\(\d+\)", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Loops over data that run a coroutine in an event loop of its own in each turn."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        if reading.function(call) is None or view.callee(call) not in ("asyncio.run", "asyncio.runners.run"):
            continue
        loop = reading.loop(call)
        if loop is not None and not isinstance(loop, ast.While) and not _TRIES.search(_heads(loop)):
            yield Hit(call, "Each turn makes an event loop and closes it: run one coroutine that does all of it.")


def _heads(loop: ast.AST) -> str:
    """What the loop goes over, and the names of its turn, as written."""
    rows = [loop] if isinstance(loop, ast.For) else getattr(loop, "generators", [])
    return " ".join(f"{ast.unparse(it.target)} {ast.unparse(it.iter)}" for it in rows)
