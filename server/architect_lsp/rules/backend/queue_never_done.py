"""A queue is joined, and nobody says of an item that it is done.

Why: `join` waits until `task_done` was called for every item that was put. Where a worker takes items and never calls it,
`join` waits for ever, however empty the queue is.
Instead: say that the item is done when it is, whatever happened to it.

    async def work(queue: asyncio.Queue[Job]) -> None:
        while True:
            job = await queue.get()
            try:
                await run(job)
            except JobError:
                logger.exception("job %s failed", job.id)
            finally:
                queue.task_done()

Consequences: the program hangs at the end of its work, with all of it done.
Trade-offs: where only the workers' end counts, a task group and a sentinel need no `join`.
Tests: put one item, and join with a timeout.
Source: https://docs.python.org/3/library/asyncio-queue.html#asyncio.Queue.join
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=833,
    needs=[".join()"],
    bad=[
        Bad("""
import asyncio

async def work(queue: asyncio.Queue, send):
    while True:
        message = await queue.get()
        await send(message)

async def broadcast(messages, send):
    queue = asyncio.Queue(maxsize=100)
    worker = asyncio.create_task(work(queue, send))
    for it in messages:
        await queue.put(it)
    await [|queue.join()|]
    worker.cancel()
"""),
    ],
    good=[
        """
import asyncio

async def work(queue: asyncio.Queue, send):
    while True:
        message = await queue.get()
        try:
            await send(message)
        finally:
            queue.task_done()

async def broadcast(messages, send):
    queue = asyncio.Queue(maxsize=100)
    worker = asyncio.create_task(work(queue, send))
    for it in messages:
        await queue.put(it)
    await queue.join()
    worker.cancel()
""",
        """
-- app/feed.py --
import asyncio
from app.workers import work

async def broadcast(messages):
    queue = asyncio.Queue()
    worker = asyncio.create_task(work(queue))
    await queue.join()
    worker.cancel()
-- app/workers.py --
async def work(queue):
    while True:
        print(await queue.get())
        queue.task_done()
""",
    ],
)

_JOINS = regex(r"(?:asyncio\.(?:queues\.)?|queue\.|multiprocessing\.)(?:Lifo|Priority|Joinable)?Queue\.join")


def _calls(facts: Facts) -> frozenset[str]:
    called = (call.target.rpartition(".")[2] for it in facts.defs for call in it.calls)
    return frozenset(called) & {"get", "get_nowait", "task_done"}


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Joins of queues in a file that takes items itself and never says that one is done, nor does one of the project."""
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "join" or call.args or call.keywords:
            continue
        if not _JOINS.fullmatch(view.callee(call)):
            continue
        here = view.project.of_file(view.path, _calls)
        if here and "task_done" not in here and not view.project.of_all("task_done", _anywhere):
            yield Hit(call, "This waits for ever: nobody calls `task_done` for what is taken from the queue.")


def _anywhere(project: Project) -> bool:
    return any("task_done" in project.of_file(it, _calls) for it in project.paths)
