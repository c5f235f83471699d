"""A task that nobody holds may vanish, and its error with it.

Why: the event loop keeps only a weak reference to a task. One whose result is dropped can be collected in the middle of its work,
and an exception in it is shown, at best, when the object dies.
Instead: keep the task until it is done, and look at its result; or run it in a task group.

    background: set[asyncio.Task[None]] = set()

    def start(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        background.add(task)
        task.add_done_callback(finished)

    def finished(task: asyncio.Task[None]) -> None:
        background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("background work failed", exc_info=error)

Consequences: work that stops half-way now and then, under memory pressure, without a trace.
Trade-offs: `asyncio.TaskGroup` holds and awaits its tasks, but the block waits for them.
Tests: start it, run `gc.collect()`, and assert that its effect comes.
Observability: count the tasks that failed.
Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.create_task
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    yields_to=["loop-touched-from-thread"],
    equivalents=["RUF006"],
    needs=["create_task", "ensure_future"],
    bad=[
        Bad("""
import asyncio

async def place(order):
    [|asyncio.create_task(tell(order))|]

async def tell(order): ...
"""),
        Bad("""
import asyncio

def start(order):
    loop = asyncio.get_running_loop()
    task = [|loop.create_task(tell(order))|]
    asyncio.ensure_future(tell(order)).add_done_callback(print)

async def tell(order): ...
"""),
    ],
    good=[
        """
import asyncio

class Worker:
    def start(self):
        self.task = asyncio.create_task(self.run())

    async def run(self):
        async with asyncio.TaskGroup() as group:
            group.create_task(self.step())
        task = asyncio.create_task(self.step())
        try:
            await asyncio.sleep(1)
        finally:
            task.cancel()

    async def step(self): ...
""",
        """
import asyncio

tasks = set()

class Client:
    def __del__(self):
        asyncio.get_running_loop().create_task(self.aclose())

def start(work):
    task = asyncio.create_task(work)
    tasks.add(task)
    tasks.add(asyncio.create_task(work))
    return asyncio.create_task(work)
""",
        """
def plan(board):
    board.create_task("paint the fence")
""",
    ],
)

_STARTS = regex(r"asyncio\.(?:(?:tasks\.)?(?:create_task|ensure_future)|(?:AbstractEventLoop|BaseEventLoop)\.create_task)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tasks that are started and then held by nobody."""
    reading = view.reading
    for call in reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if last not in ("create_task", "ensure_future") or not _STARTS.fullmatch(view.callee(call)):
            continue
        parent = reading.parent(call)
        function = reading.function(call)
        if isinstance(function, ast.FunctionDef) and function.name == "__del__":
            continue  # who could hold it is going
        if isinstance(parent, ast.Expr) or _is_unused(reading, parent):
            yield Hit(call, "Nobody holds this task: it can vanish half-way, and its exception with it.")


def _is_unused(reading: Reading, statement: ast.AST | None) -> bool:
    """Whether a local name alone is assigned that is read nowhere in its function."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
        return False
    name, function = statement.targets[0].id, reading.function(statement)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    for it in ast.walk(function):
        if isinstance(it, ast.Name) and it.id == name and not isinstance(it.ctx, ast.Store):
            return False
        if isinstance(it, ast.Global | ast.Nonlocal) and name in it.names:
            return False
    return True
