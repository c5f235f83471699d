"""One item whose work fails stops the worker, and its queue is never done.

Why: `task_done()` stands behind the work. When the work raises it is not reached: its task ends with the exception, nobody
takes the next item, and `queue.join()` waits for ever.
Instead: say that the item is done whatever happened to it, and handle what may happen.

    while True:
        job = await queue.get()
        try:
            await run(job)
        except JobError:
            logger.exception("job %s failed", job.id)
        finally:
            queue.task_done()

Consequences: the first bad item takes all that come behind it with it, silently.
Tests: put an item whose work raises, then a good one, and join with a timeout.
Observability: watch the queue's length; log what a worker's task ends with.
Source: https://docs.python.org/3/library/asyncio-queue.html#asyncio.Queue.task_done
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "C4"],
    cwe=755,
    needs=["task_done()"],
    bad=[
        Bad("""
import asyncio

class Pipeline:
    async def run(self):
        while True:
            chunk = await self.inbox.get()
            await self.sink.write(chunk)
            [|self.inbox.task_done()|]

    async def drain(self):
        await self.inbox.join()
"""),
    ],
    good=[
        """
import asyncio

async def run(queue, sink):
    while True:
        chunk = await queue.get()
        try:
            await sink.write(chunk)
        finally:
            queue.task_done()

async def careful(queue, sink):
    while True:
        chunk = await queue.get()
        try:
            await sink.write(chunk)
        except OSError:
            print("lost")
        queue.task_done()

async def early(queue, sink):
    while True:
        chunk = await queue.get()
        queue.task_done()
        await sink.write(chunk)

async def example(queue):
    while True:
        seconds = await queue.get()
        await asyncio.sleep(seconds)
        queue.task_done()
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Endless loops that take an item, await its work unguarded, and then say that it is done."""
    for loop in view.reading.each(ast.While):
        if not constant(loop.test) or not isinstance(view.reading.function(loop), ast.AsyncFunctionDef):
            continue
        taken, works = "", False
        for row in loop.body:
            call = row.value if isinstance(row, ast.Expr | ast.Assign) else None
            inner = call.value if isinstance(call, ast.Await) else call
            name = dotted(inner.func) if isinstance(inner, ast.Call) else ""
            if name.endswith(".get") and isinstance(call, ast.Await):
                taken, works = name.removesuffix(".get"), False
            elif taken and name == f"{taken}.task_done" and works:
                yield Hit(row, f"When the work before it raises, `{taken}` is never told, and this worker ends: use `finally`.")
            elif isinstance(row, ast.Try):
                taken = ""
            elif taken and isinstance(call, ast.Await) and not name.endswith("sleep"):
                works = True
