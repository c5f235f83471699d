"""A task is given what is closed before the task has ended.

Why: a task group waits for its tasks where its own block ends. What a block inside of it opens is closed earlier, while the
tasks that were given it still use it.
Instead: open it outside of the group, so that it is closed after all tasks have ended.

    with path.open("ab") as journal:
        async with anyio.create_task_group() as group:
            group.start_soon(handle, journal)

Consequences: "I/O operation on closed file" or a dead connection, as soon as a task takes longer than a moment.
Tests: let the task wait once before it uses what it was given.
Source: https://trio.readthedocs.io/en/stable/reference-core.html#nurseries-and-spawning
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    cwe=672,
    equivalents=["ASYNC111"],
    needs=["nursery", "task_group", "TaskGroup"],
    bad=[
        Bad("""
import trio

async def serve(path, handle):
    async with trio.open_nursery() as nursery:
        with open(path, "ab") as journal:
            nursery.start_soon(handle, [|journal|])
"""),
        Bad("""
import asyncio
import aiohttp

async def crawl(urls, fetch):
    async with asyncio.TaskGroup() as group:
        async with aiohttp.ClientSession() as session:
            for it in urls:
                group.create_task(fetch([|session|], it))
"""),
    ],
    good=[
        """
import asyncio
import trio

async def serve(path, handle):
    with open(path, "ab") as journal:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(handle, journal)
            with open(path) as old:
                nursery.start_soon(handle, old.read())
            await nursery.start(handle, path)

async def crawl(session, urls, fetch):
    async with asyncio.TaskGroup() as group:
        with session.timer() as timer:
            tasks = [group.create_task(fetch(timer, it)) for it in urls]
            await asyncio.gather(*tasks)
        async with trio.open_nursery() as inner:
            group.create_task(fetch(inner, "x"))
""",
    ],
)

_GROUPS = regex(r"trio\.open_nursery|anyio\.create_task_group|asyncio\.(?:taskgroups\.)?TaskGroup")
_STARTS = ("start_soon", "create_task")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Names of `with` blocks inside of a group's, handed to a task of that group and not waited for there."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _STARTS or not isinstance(call.func.value, ast.Name):
            continue
        group = call.func.value.id
        opened: dict[str, ast.With | ast.AsyncWith] = {}
        for up in reading.ancestors(call):
            if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                break
            if not isinstance(up, ast.With | ast.AsyncWith):
                continue
            names = [(it.optional_vars.id, it.context_expr) for it in up.items if isinstance(it.optional_vars, ast.Name)]
            made = next((it for name, it in names if name == group), None)
            if made is not None:
                given = next((it for it in _handed(call) if it.id in opened), None)
                is_group = isinstance(made, ast.Call) and _GROUPS.fullmatch(view.callee(made))
                if given is not None and is_group and not _waits_there(opened[given.id], call):
                    yield Hit(given, f"`{given.id}` is closed with its block, and `{group}` waits for the task only later.")
                break
            for name, made in names:
                if not (isinstance(made, ast.Call) and _GROUPS.fullmatch(view.callee(made))):
                    opened.setdefault(name, up)


def _handed(call: ast.Call) -> Iterator[ast.Name]:
    """The names that a task is given: as arguments, or as those of the coroutine."""
    for it in (*call.args, *(each.value for each in call.keywords)):
        if isinstance(it, ast.Name):
            yield it
        elif isinstance(it, ast.Call):
            yield from (each for each in (*it.args, *(row.value for row in it.keywords)) if isinstance(each, ast.Name))


def _waits_there(block: ast.With | ast.AsyncWith, call: ast.Call) -> bool:
    """Whether the block itself waits after it has started the task: for that one, as like as not."""
    line = call.lineno
    return any(isinstance(it, ast.Await | ast.AsyncFor) and it.lineno > line for each in block.body for it in ast.walk(each))
