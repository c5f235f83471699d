"""A task is cancelled, and what it uses is closed before it has ended.

Why: `cancel()` only asks. The task runs on until its next `await` and through its `finally` blocks; a client, a pool or a file
that is closed meanwhile fails in its hands, and what it raises then is lost.
Instead: wait for its end, then close.

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._client.close()

Consequences: "client has been closed" in the log of every shutdown, and work that is neither done nor given back.
Trade-offs: a task that doesn't end holds up the shutdown; give it a limit.
Tests: stop while the task is in the middle of a call, and assert on what it did last.
Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.Task.cancel
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Def, Facts
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B3", "C4"],
    needs=[".cancel()"],
    bad=[
        Bad("""
import asyncio

class Poller:
    def __init__(self, client):
        self.client = client

    async def start(self):
        self._task = asyncio.create_task(self._run())

    async def stop(self):
        [|self._task.cancel()|]
        await self.client.close()

    async def _run(self):
        while True:
            await self.client.poll()
            await asyncio.sleep(5)
"""),
    ],
    good=[
        """
import asyncio
import contextlib

class Poller:
    def __init__(self, client, log):
        self.client = client
        self.log = log

    async def start(self):
        self._task = asyncio.create_task(self._run())

    async def stop(self):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self.client.close()

    async def halt(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.client.close()

    async def end(self):
        self._task.cancel()
        await self.log.close()

    async def _run(self):
        while True:
            await self.client.poll()
            await asyncio.sleep(5)
""",
    ],
)

_CLOSES = regex(r"a?close|disconnect|shutdown|stop|dispose|terminate")
_MAKES = ("create_task()", "ensure_future()")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Cancelled tasks of `self` that their function never waits for, and then closes what they work with."""
    reading = view.reading
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if not isinstance(function, ast.AsyncFunctionDef) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr != "cancel":
            continue
        task = dotted(call.func.value)
        if not task.startswith("self.") or task.count(".") > 1 or _is_awaited(reading, function, task):
            continue
        owner = reading.owner(call)
        if not any(it.endswith(_MAKES) for it in view.project.attribute(view.path, f"{owner}.{task.removeprefix('self.')}")):
            continue
        used = _used_by_tasks(view, owner)
        for it in _closed(reading, function):
            held = dotted(it.func).rpartition(".")[0]
            if it.lineno > call.lineno and held in used:
                yield Hit(call, f"`{task}` may still run when `{held}` is closed: wait for its end first.")
                break


def _is_awaited(reading: Reading, function: ast.AsyncFunctionDef, task: str) -> bool:
    """Whether the function waits for the task after all, or hands it to something that may."""
    for it in reading.within(function):
        if isinstance(it, ast.Await) and task in ast.unparse(it):
            return True
        if isinstance(it, ast.Call) and any(task in ast.unparse(each) for each in it.args):
            return True
    return False


def _closed(reading: Reading, function: ast.AsyncFunctionDef) -> Iterator[ast.Call]:
    """The calls of a function that close something of `self`."""
    for it in reading.within(function):
        if not isinstance(it, ast.Call) or not isinstance(it.func, ast.Attribute) or not reading.awaited(it):
            continue
        if _CLOSES.fullmatch(it.func.attr) and dotted(it.func.value).startswith("self."):
            yield it


def _used_by_tasks(view: View, owner: str) -> set[str]:
    """What of `self` is called by the methods that run as tasks: their coroutines are made beside a `create_task`."""
    used: set[str] = set()
    for definition in view.project.of_file(view.path, _starters):
        for it in definition.calls if definition.owner == owner else ():
            work = view.project.resolve(view.path, it.target, owner) if not it.awaited else None
            if isinstance(work, FunctionSymbol) and work.facts.is_async and work.facts.owner == owner:
                used |= {each.target.rpartition(".")[0] for each in work.facts.calls}
    return used


def _starters(facts: Facts) -> tuple[Def, ...]:
    return tuple(it for it in facts.defs if any(f"{call.target}()".endswith(_MAKES) for call in it.calls))
