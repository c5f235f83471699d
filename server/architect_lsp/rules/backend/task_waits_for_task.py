"""A task, or a request, waits for a task of a queue.

Why: the waiting task holds its worker. When all workers wait so, none is left to run what they wait for, and the queue stands
still. A request that waits holds its own worker for as long as the queue is long, and gains nothing by the queue.
Instead: say what comes after what, and let the queue do the waiting.

    chain(render.s(report_id), send.s(address)).apply_async()

Consequences: a deadlock that depends on the load; Celery raises a RuntimeError where it sees it.
Trade-offs: a chain passes results through the backend; a group with a callback (a chord) needs one.
Tests: run both tasks on a worker with one process, under a timeout.
Observability: alert on tasks that run far longer than their work.
Source: https://docs.celeryq.dev/en/stable/userguide/tasks.html#avoid-launching-synchronous-subtasks
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import handlers, task_functions
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.knowledge.request_handlers import is_handler
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=833,
    needs=[".get(", ".join(", ".wait("],
    bad=[
        Bad("""
from celery import Celery

app = Celery("shop")

@app.task
def render(report): ...

@app.task
def send(report):
    page = [|render.delay(report).get()|]
    return page
"""),
        Bad("""
from celery import group, shared_task

@shared_task
def part(n): ...

@shared_task
def whole(n):
    result = group(part.s(i) for i in range(n)).apply_async()
    return [|result.get(timeout=10)|]
"""),
        Bad("""
from celery import shared_task
from fastapi import FastAPI

app = FastAPI()

@shared_task
def render(report): ...

@app.post("/reports/{report}/pdf")
def pdf(report: int):
    job = render.apply_async((report,))
    return {"url": [|job.get(timeout=30)|]}
"""),
    ],
    good=[
        """
from celery import chain, shared_task

@shared_task
def render(report): ...

@shared_task
def send(report, options):
    options.get("a")
    chain(render.s(report)).apply_async()
    result = render.delay(report)
    return result.id

def view(report):
    return render.delay(report).get(timeout=3)
""",
    ],
)

_SENT = regex(
    r"(?:^|\.)(?:delay|apply_async|send_task|send|send_with_options)\(\)$|(?:^|\.)AsyncResult\(\)$|(?:^|\.)(?:group|chord)\(\)"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Waits for the result of a task, in a task's own function or in a request's handler."""
    reading = view.reading
    tasks, routes = task_functions(view.project), handlers(view.project)
    for function in reading.functions:
        key = view.path, reading.qualname(function)
        of_request = key in routes or (not key[0].endswith("tasks.py") and is_handler(reading, function))
        if key not in tasks and not of_request:
            continue
        for call in reading.within(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr not in ("get", "join", "wait", "wait_for_results"):
                continue
            sent = _SENT.search(reading.target(call.func.value))
            if (
                keyword(call, "disable_sync_subtasks") is not None
                or sent is None
                or (key not in tasks and not _of_queue(view, call))
            ):
                continue
            name = dotted(call.func.value) or ast.unparse(call.func.value)[:60]
            if key in tasks:
                told = f"The task `{function.name}` waits for `{name}` and holds its worker; when all of them wait, none is left."
            else:
                told = f"The request waits for the task `{name}`, however long the queue is: give its id, or do the work here."
            yield Hit(call, told)


def _of_queue(view: View, call: ast.Call) -> bool:
    """Whether what is waited for was sent to a queue for certain: by `delay` or `apply_async`."""
    target = view.reading.target(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    return target.endswith((".delay()", ".apply_async()"))
