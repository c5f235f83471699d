"""A loop asks again and again whether something has happened.

Why: `while not ready: await asyncio.sleep(0.1)` wakes the program for nothing most of the time and notices late when it counts;
one that does not even sleep holds the thread, and on an event loop nothing can ever make the condition true.
Instead: an event, a condition or a queue, which wake the waiter at once.

    ready = asyncio.Event()

    async def use() -> None:
        try:
            async with asyncio.timeout(30):
                await ready.wait()
        except TimeoutError as error:
            raise NotReady from error

Consequences: latency of half the interval, processor time for nothing, a hang where there is no sleep.
Trade-offs: what another process changes (a file, a row) has to be polled; bound it with a deadline.
Tests: with an event a test needs no sleep of its own.
Performance: a thousand waiters at 0.1 s are ten thousand wake-ups a second.
Source: https://docs.astral.sh/ruff/rules/async-busy-wait/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.knowledge.waiting import run_by, suspends
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B3", "B5"],
    equivalents=["ASYNC110"],
    needs=["while "],
    bad=[
        Bad("""
import asyncio

class Service:
    ready = False

    async def use(self):
        [|while not self.ready:|]
            await asyncio.sleep(0.1)
        return 1
"""),
        Bad("""
import asyncio
from collections import deque

class Mailbox:
    def __init__(self):
        self.items = deque()

    async def get(self):
        [|while not self.items:|]
            await asyncio.sleep(0)
        return self.items.popleft()
"""),
        Bad("""
import time

async def ready(device, timeout_s):
    deadline = time.monotonic() + timeout_s
    [|while time.monotonic() < deadline:|]
        if await device.is_ready():
            return True
    return False
"""),
        Bad("""
async def use(task):
    [|while not task.done():|]
        pass
"""),
    ],
    good=[
        """
import asyncio
import time
import uvicorn

async def use(ready, job, path):
    await ready.wait()
    server = uvicorn.Server()
    while not server.started:
        await asyncio.sleep(0.1)
    while not await job.finished():
        await asyncio.sleep(1)
    while not path.exists():
        await asyncio.sleep(1)
    while job.is_running:
        await asyncio.sleep(1)
    while True:
        await asyncio.sleep(60)
        job.sweep()
    while job.running:
        await asyncio.sleep(1)
        job.report()
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        if job.state() == "done":
            break
""",
        """
def plain(flag):
    while not flag.done():
        pass
""",
    ],
)

_ASKS = regex(r"\.(?:is|has)_\w+$|\.(?:ready|exists|alive|healthy|finished|completed|available)$")
_RUNS = regex(r"(?:^|[._])(?:is_)?(?:running|active|alive|started|connected|enabled)$|keep_(?:running|alive)$")
_STATES = ("is_set", "done", "empty", "locked", "cancelled", "is_ready", "is_done", "is_finished", "full", "is_running")
"""Questions about what lives in this process."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Loops in coroutines that do nothing but sleep, or not even that, until a condition holds."""
    reading = view.reading
    for loop in reading.each(ast.While):
        if not isinstance(reading.function(loop), ast.AsyncFunctionDef):
            continue
        if (call := _polled(view, loop)) is not None:
            yield Hit(loop, f"This loop asks `{ast.unparse(call.func)}` again at once, without a pause between.")
        if loop.orelse or not _is_state(loop.test) or _idles(loop):
            continue
        if any(_is_foreign(view, it) for it in run_by([loop.test]) if isinstance(it, ast.Name | ast.Attribute)):
            continue
        if all(isinstance(it, ast.Pass | ast.Continue) for it in loop.body):
            yield Hit(
                loop,
                "This loop never lets another coroutine run, so its condition can't change: it hangs.",
                severity=Severity.ERROR,
            )
        elif len(loop.body) == 1 and isinstance(loop.body[0], ast.Expr) and _sleeps(view, loop.body[0].value):
            asked = ast.unparse(loop.test).removeprefix("not ")
            yield Hit(loop, f"This loop wakes up again and again to ask for `{asked}`; an event wakes it once, at once.")


def _idles(loop: ast.While) -> bool:
    """Whether a service only stays there until it is stopped: once a second it looks whether it still runs."""
    only = loop.body[0]
    call = only.value.value if isinstance(only, ast.Expr) and isinstance(only.value, ast.Await) else None
    pause = constant(call.args[0]) if isinstance(call, ast.Call) and call.args else None
    is_long = isinstance(pause, int | float) and pause >= 1
    return is_long and isinstance(loop.test, ast.Name | ast.Attribute) and bool(_RUNS.search(dotted(loop.test)))


def _polled(view: View, loop: ast.While) -> ast.Call | None:
    """What a loop asks whether something is ready, where it does nothing else; None where it waits meanwhile, or may."""
    only = loop.body[0] if len(loop.body) == 1 else None
    if not isinstance(only, ast.If) or only.orelse or not isinstance(only.body[-1], ast.Return | ast.Break):
        return None
    test = only.test
    call = test.value if isinstance(test, ast.Await) else None
    if not isinstance(call, ast.Call) or suspends([loop.test]) is not None or not _ASKS.search(dotted(call.func)):
        return None
    return None if view.definition(call) is not None else call


def _is_state(test: ast.expr) -> bool:
    """Whether the condition is about names of this process alone."""
    if suspends([test]) is not None:
        return False
    calls = [it for it in run_by([test]) if isinstance(it, ast.Call)]
    if any(not isinstance(it.func, ast.Attribute) or it.func.attr not in _STATES or it.args for it in calls):
        return False
    return any(isinstance(it, ast.Name) for it in run_by([test]))


def _is_foreign(view: View, node: ast.Name | ast.Attribute) -> bool:
    """Whether a library or another thread sets it: neither wakes an event of ours."""
    name = view.name(node)
    return bool(name) and not name.startswith(("?", "asyncio.", "anyio.", "trio.", "collections.", "builtins."))


def _sleeps(view: View, node: ast.expr) -> bool:
    if not isinstance(node, ast.Await) or not isinstance(node.value, ast.Call):
        return False
    return view.callee(node.value) in ("asyncio.sleep", "anyio.sleep", "trio.sleep", "asyncio.tasks.sleep")
