"""A task of Celery or Huey is a coroutine function, which the worker calls and never awaits.

Why: these workers call the task as a plain function. A coroutine function gives a coroutine object, none of its body runs, and
the task is marked as done (or fails when its result can't be serialised).
Instead: a plain function that runs the coroutine.

    @shared_task(time_limit=60)
    def send(message_id: int) -> None:
        asyncio.run(deliver(message_id))

Consequences: nothing happens, and the dashboard is green.
Trade-offs: Dramatiq (AsyncIO middleware), arq, Taskiq and Procrastinate run coroutines themselves.
Tests: run the task eagerly and assert what it did.
Source: https://docs.celeryq.dev/en/stable/userguide/tasks.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.frameworks.celery import tasks
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    needs=["async def"],
    bad=[
        Bad("""
from celery import Celery

app = Celery("shop")

@app.task
[|async def ship(order_id):|]
    await notify(order_id)
"""),
    ],
    good=[
        """
import asyncio
import dramatiq
from celery import shared_task

@shared_task
def ship(order_id):
    asyncio.run(notify(order_id))

@dramatiq.actor
async def greet(name): ...

async def notify(order_id): ...
""",
        """
import celery_aio_pool as aio_pool
from celery import Celery

app = Celery("shop")

@app.task
async def ship(order_id): ...
""",
    ],
)

_PLAIN = ("celery", "huey")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Coroutine functions that are handed to a worker which knows none."""
    names = {it.ref.qualname for it in tasks(view.project) if it.ref.path == view.path and it.framework in _PLAIN}
    if not names or view.project.of_file(view.path, _speaks_aio):
        return
    for function in view.reading.each(ast.AsyncFunctionDef):
        own = all(it.rpartition(".")[2] in _TASKS for it in map(_last, function.decorator_list))
        if view.reading.qualname(function) in names and own:
            yield Hit(function, f"The worker calls `{function.name}` as a plain function: its coroutine is never awaited.")


_TASKS = ("task", "shared_task", "periodic_task", "db_task", "db_periodic_task")


def _last(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _speaks_aio(facts: Facts) -> bool:
    """Whether a file imports something that runs coroutines for a worker: `aiotasks`, `celery_aio_pool`."""
    return any("aio" in name for _, name in facts.imports)
