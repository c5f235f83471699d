"""An async generator hands out a value from inside a task group or a timeout.

Why: between two values a generator is asleep, and whoever runs it does something else, in another task perhaps, or never comes
back. The scope stays open meanwhile: its timeout ends code that is not the generator's, its tasks' errors reach nobody, and when
the generator is dropped, the scope is left in the wrong task.
Instead: leave the scope before a value is handed out, or hand values through a channel that a task of the caller's reads.

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.get(it)) for it in urls]
    for it in tasks:
        yield it.result()

Consequences: "cancel scope in a different task" errors, cancellations that hit the caller, tasks that outlive their group.
Trade-offs: all values are there before the first is handed out; a channel keeps them flowing and costs a task.
Tests: break out of the loop over the generator early, and assert that nothing of it runs on.
Source: https://peps.python.org/pep-0789/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    equivalents=["ASYNC101"],
    needs=["yield"],
    bad=[
        Bad("""
import asyncio

async def pages(client, urls):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.get(it)) for it in urls]
        for it in tasks:
            [|yield await it|]
"""),
        Bad("""
import anyio

async def ticks(source):
    with anyio.fail_after(30):
        async for tick in source:
            [|yield tick|]
"""),
    ],
    good=[
        """
import asyncio
import contextlib
import anyio
import pytest

@contextlib.asynccontextmanager
async def group():
    async with asyncio.TaskGroup() as tasks:
        yield tasks

@pytest.fixture
async def server():
    async with anyio.create_task_group() as group:
        yield group

async def pages(client, urls):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.get(it)) for it in urls]
    for it in tasks:
        yield it.result()
""",
        """
import asyncio

class Service:
    async def __aenter__(self):
        async with asyncio.timeout(3):
            await self.start()

async def lifespan(app):
    async with asyncio.TaskGroup() as group:
        group.create_task(app.sweep())
        yield

async def rows(cursor):
    async with cursor:
        async for it in cursor:
            yield it
""",
    ],
)

_SCOPES = regex(
    r"(?:trio|anyio)\.(?:fail_after|fail_at|move_on_after|move_on_at|open_nursery|create_task_group|CancelScope)"
    r"|asyncio\.(?:(?:timeouts|taskgroups)\.)?(?:timeout|timeout_at|TaskGroup)|async_timeout\.timeout(?:_at)?"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`yield` in an async generator of values, under a scope that belongs to one task."""
    reading = view.reading
    for node in reading.each(ast.Yield):
        function = reading.function(node)
        if not isinstance(function, ast.AsyncFunctionDef) or function.decorator_list or node.value is None:
            continue  # a decorator mostly makes a context manager or a fixture of it, and so does a framework of a bare `yield`
        for up in reading.ancestors(node):
            if up is function:
                break
            if isinstance(up, ast.With | ast.AsyncWith) and (scope := _scope(view, up)):
                yield Hit(node, f"This value is handed out inside `{scope}`, which then stays open in whatever the caller does.")
                break


def _scope(view: View, block: ast.With | ast.AsyncWith) -> str:
    """The scope that a block opens, as written; "" for others."""
    for it in block.items:
        call = it.context_expr
        if isinstance(call, ast.Call) and _SCOPES.fullmatch(view.callee(call)):
            return dotted(call.func)
    return ""
