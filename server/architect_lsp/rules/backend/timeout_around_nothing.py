"""A timeout stands around code that never waits, so it can never fire.

Why: a timeout of an event loop ends a coroutine where it waits. Code between two awaits runs on until it is done, whatever the
clock says, and so does a block without any.
Instead: put the timeout around what waits, or hand the work to a thread or a process and put the timeout around that.

    async with asyncio.timeout(2):
        report = await asyncio.to_thread(render, rows)

Consequences: the limit that a reader sees is not there; a slow turn holds the loop for as long as it likes.
Trade-offs: a thread goes on when its awaiter has given up; a process can be ended.
Tests: give it an input that takes longer than the limit and assert that it is stopped.
Performance: nothing bounds how long other coroutines wait.
Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.timeout
"""

import ast
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.waiting import run_by, suspends
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3"],
    equivalents=["ASYNC100"],
    needs=["timeout", "fail_a", "move_on_a", "CancelScope"],
    bad=[
        Bad("""
import asyncio

async def checksum(chunks):
    async with [|asyncio.timeout(2)|]:
        return sum(map(sum, chunks)) % 65521
"""),
        Bad("""
import trio
import anyio

async def read(cache, key):
    with [|trio.fail_after(1)|]:
        found = cache.get(key)
    with [|anyio.move_on_after(1)|] as scope, open(key) as file:
        found = file.read()
    return None if scope.cancelled_caught else found
"""),
    ],
    good=[
        """
import asyncio
import trio

async def fetch(client, tasks):
    async with asyncio.timeout(2):
        return await client.get()
    with trio.move_on_after(1):
        async for it in tasks:
            print(it)
    with trio.fail_after(1) as scope:
        yield scope
    with trio.CancelScope(shield=True):
        tasks.close()
    async with asyncio.timeout(3), client.session():
        pass
    with trio.CancelScope() as scope:
        tasks.start(scope)
""",
        """
import anyio
import pytest

async def test_ends_at_once():
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0):
            raise TimeoutError
    with anyio.move_on_after(1):
        pages = [await it async for it in pages()]
""",
        """
import asyncio

async def bounded(queue):
    async with asyncio.timeout(None) as limit:
        limit.reschedule(queue.deadline)
        return [it async for it in queue]
""",
    ],
)

_TIMEOUTS = regex(
    r"(?:trio|anyio)\.(?:fail_after|fail_at|move_on_after|move_on_at)|asyncio\.(?:timeouts\.)?timeout(?:_at)?"
    r"|async_timeout\.timeout(?:_at)?"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Blocks under a timeout of the event loop that hold no place where a coroutine may wait."""
    reading = view.reading
    blocks: list[ast.With | ast.AsyncWith] = [*reading.each(ast.With), *reading.each(ast.AsyncWith)]
    for block in blocks:
        if not isinstance(reading.function(block), ast.AsyncFunctionDef):
            continue
        for index, it in enumerate(block.items):
            call = it.context_expr
            if not isinstance(call, ast.Call) or not _TIMEOUTS.fullmatch(view.callee(call)):
                continue
            others = block.items[index + 1 :]
            if isinstance(block, ast.AsyncWith) and others:
                break  # the next one may wait when it is entered
            if not _waits(block.body) and not _may_raise(it, block.body):
                yield Hit(call, "Nothing waits under this timeout, so it can't end what runs here.")
            break


def _waits(body: Sequence[ast.stmt]) -> bool:
    """Whether a coroutine may be suspended in these statements, or hands its turn to whoever runs it."""
    if suspends(body) is not None:
        return True
    return any(isinstance(it, ast.Yield | ast.YieldFrom) or getattr(it, "is_async", 0) for it in run_by(body))


def _may_raise(item: ast.withitem, body: Sequence[ast.stmt]) -> bool:
    """Whether the block is handed its own scope, or does nothing but raise."""
    name = item.optional_vars.id if isinstance(item.optional_vars, ast.Name) else ""
    used = any(isinstance(it, ast.Name) and it.id == name for it in run_by(body)) if name else False
    return used or all(isinstance(it, ast.Raise | ast.Pass) for it in body)
