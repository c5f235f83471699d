"""`asyncio.wait` comes back before all tasks are done, and nobody ends the others.

Why: with a timeout or `FIRST_COMPLETED`, `asyncio.wait` cancels nothing: what is not done by then runs on. It also wants tasks:
since Python 3.11 it refuses coroutines.
Instead: cancel the pending ones and wait for them, or use a task group under a timeout, which does both.

    done, pending = await asyncio.wait(tasks, timeout=2)
    for it in pending:
        it.cancel()
    await asyncio.gather(*pending, return_exceptions=True)

Consequences: each slow request leaves a task behind, with its connection; their errors come out as warnings at shutdown.
Tests: let one of two tasks hang and assert that it is cancelled when the function returns.
Observability: count the pending tasks of the loop.
Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.wait
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted, keyword
from architect_lsp.knowledge.waiting import gives_coroutine
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "C4"],
    yields_to=["coroutine-not-awaited"],
    cwe=772,
    needs=[".wait(", "import wait"],
    bad=[
        Bad("""
import asyncio

async def first(fetchers):
    tasks = [asyncio.create_task(it()) for it in fetchers]
    done, pending = [|await asyncio.wait(tasks, timeout=2)|]
    return [it.result() for it in done]
"""),
        Bad("""
import asyncio

async def fastest(mirrors, path):
    async def fetch(mirror): ...
    jobs = {asyncio.ensure_future(fetch(it)) for it in mirrors}
    done, _ = [|await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)|]
    return done.pop().result()
"""),
        Bad("""
import asyncio

async def load(key): ...

async def all_of(keys):
    await asyncio.wait([|[load(it) for it in keys]|])
    await asyncio.wait([|{load("a"), load("b")}|])
"""),
    ],
    good=[
        """
import asyncio

async def first(fetchers):
    tasks = [asyncio.create_task(it()) for it in fetchers]
    done, pending = await asyncio.wait(tasks, timeout=2)
    for it in pending:
        it.cancel()
    return [it.result() for it in done]

async def turns(tasks):
    while tasks:
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for it in done:
            print(it.result())

async def handed(jobs):
    tasks = [asyncio.create_task(it()) for it in jobs]
    done, _ = await asyncio.wait(tasks, timeout=1)
    for it in tasks:
        if it not in done:
            it.cancel()

async def watched(task):
    done, _ = await asyncio.wait([task], timeout=1)
    return bool(done)

async def all_of(jobs):
    tasks = [asyncio.create_task(it()) for it in jobs]
    done, _ = await asyncio.wait(tasks)
    return done
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Waits that may end early, for tasks that this function made and does not look at again."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if dotted(call.func).rpartition(".")[2] != "wait" or view.callee(call) not in ("asyncio.wait", "asyncio.tasks.wait"):
            continue
        given = call.args[0] if call.args else keyword(call, "fs")
        function = reading.function(call)
        if given is None or function is None:
            continue
        if _is_coroutines(view, given):
            yield Hit(given, "`asyncio.wait` wants tasks: since Python 3.11 it refuses coroutines.")
            continue
        if not _may_end_early(call) or not isinstance(given, ast.Name):
            continue
        waited = reading.parent(call)
        assigned = reading.parent(waited) if isinstance(waited, ast.Await) else None
        if isinstance(assigned, ast.Assign) and _makes_tasks(reading, function, given.id) and isinstance(waited, ast.Await):
            names = {given.id} | _second(assigned.targets[0])
            if reading.loop(call) is None and not _seen_again(function, names, call):
                yield Hit(waited, "The tasks that are not done by then run on, and nobody cancels them.")


def _is_coroutines(view: View, given: ast.expr) -> bool:
    """Whether a display or comprehension holds calls of coroutine functions of the project."""
    rows = given.elts if isinstance(given, ast.List | ast.Set | ast.Tuple) else []
    rows = [given.elt] if isinstance(given, ast.ListComp | ast.SetComp | ast.GeneratorExp) else rows
    return any(isinstance(it, ast.Call) and gives_coroutine(view.symbol(it.func)) for it in rows)


def _may_end_early(call: ast.Call) -> bool:
    limit, until = keyword(call, "timeout"), keyword(call, "return_when")
    if limit is not None and not (isinstance(limit, ast.Constant) and limit.value is None):
        return True
    return until is not None and not dotted(until).endswith("ALL_COMPLETED")


def _makes_tasks(reading: Reading, function: ast.AST, name: str) -> bool:
    """Whether the name is bound once, to tasks that are started there."""
    values = reading.bindings(function).get(name, [])
    value = values[0] if len(values) == 1 else None
    rows = value.elts if isinstance(value, ast.List | ast.Set | ast.Tuple) else []
    rows = [value.elt] if isinstance(value, ast.ListComp | ast.SetComp) else rows
    starts = ("create_task", "ensure_future")
    return bool(rows) and all(isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2] in starts for it in rows)


def _second(target: ast.expr) -> set[str]:
    """The name of the tasks that are not done."""
    last = target.elts[1] if isinstance(target, ast.Tuple) and len(target.elts) == 2 else None
    return {last.id} if isinstance(last, ast.Name) else set()


def _seen_again(function: ast.AST, names: set[str], call: ast.Call) -> bool:
    """Whether any of these names is read besides in the call itself."""
    inside = {*ast.walk(call)}
    return any(
        isinstance(it, ast.Name) and it.id in names and isinstance(it.ctx, ast.Load) and it not in inside
        for it in ast.walk(function)
    )
