"""A task of a queue waits for another one.

Why: the waiting task holds its worker. When all workers wait so, none is left to run what they wait for, and the queue stands
still.
Instead: say what comes after what, and let the queue do the waiting.

    chain(render.s(report_id), send.s(address)).apply_async()

Consequences: a deadlock that depends on the load; Celery raises a RuntimeError where it sees it.
Trade-offs: a chain passes results through the backend; a group with a callback (a chord) needs one.
Tests: run both tasks on a worker with one process, under a timeout.
Observability: alert on tasks that run far longer than their work.
Source: https://docs.celeryq.dev/en/stable/userguide/tasks.html#avoid-launching-synchronous-subtasks
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import task_functions
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.model import Confidence, Severity
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

_SENT = re.compile(
    r"(?:^|\.)(?:delay|apply_async|send_task|send|send_with_options)\(\)$|(?:^|\.)AsyncResult\(\)$|(?:^|\.)(?:group|chord)\(\)"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Waits for the result of a task in a task's own function."""
    reading = view.reading
    tasks = task_functions(view.project)
    if not tasks:
        return
    for function in reading.functions:
        if (view.path, reading.qualname(function)) not in tasks:
            continue
        for call in reading.within(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr not in ("get", "join", "wait", "wait_for_results"):
                continue
            if keyword(call, "disable_sync_subtasks") is not None or not _SENT.search(reading.target(call.func.value)):
                continue
            name = dotted(call.func.value) or ast.unparse(call.func.value)[:60]
            told = f"The task `{function.name}` waits for `{name}` and holds its worker; when all of them wait, none is left."
            yield Hit(call, told)
