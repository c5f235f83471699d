"""A task asks to be run again, and its own handler takes the request for an error.

Why: `self.retry()` puts the task into the queue again and then raises `Retry`, so that the worker knows. A handler of every
exception around it catches that: the task goes on, and ends as if it had succeeded.
Instead: keep the call out of the `try`, or name the exceptions that are handled.

    except requests.RequestException as error:
        raise self.retry(exc=error, countdown=30)

Consequences: the log shows an error that is none, the result says success, and what follows the task starts too early.
Tests: make the service answer 503, and assert that the task raises `Retry`.
Observability: retries that are swallowed are counted as successes.
Source: https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    cwe=396,
    needs=["retry("],
    bad=[
        Bad("""
import logging
import requests
from celery import shared_task

log = logging.getLogger(__name__)

@shared_task(bind=True, max_retries=5)
def refresh(self, sku):
    try:
        reply = requests.get(f"https://stock.example/{sku}", timeout=5)
        if reply.status_code == 503:
            [|self.retry(countdown=30)|]
        reply.raise_for_status()
    except Exception:
        log.exception("stock of %s not refreshed", sku)

@shared_task(bind=True)
def load(self, key):
    try:
        if not key.ready:
            raise [|self.retry(countdown=5)|]
    except:
        log.error("not loaded")
"""),
    ],
    good=[
        """
import logging
import requests
from celery import shared_task
from celery.exceptions import Retry

log = logging.getLogger(__name__)

@shared_task(bind=True, max_retries=5)
def refresh(self, sku):
    try:
        reply = requests.get(f"https://stock.example/{sku}", timeout=5)
        if reply.status_code == 503:
            raise self.retry(countdown=30)
    except requests.RequestException as error:
        raise self.retry(exc=error)

@shared_task(bind=True)
def careful(self, key):
    try:
        if not key.ready:
            raise self.retry(countdown=5)
    except Retry:
        raise
    except Exception:
        log.exception("not done")

@shared_task(bind=True)
def again(self, key):
    try:
        if not key.ready:
            self.retry(countdown=5, throw=False)
    except Exception:
        log.exception("not done")

@shared_task(bind=True)
def told(self, key):
    try:
        if not key.ready:
            raise self.retry(countdown=5)
    except Exception:
        log.exception("not done")
        raise
""",
    ],
)

_ALL = frozenset(("Exception", "BaseException"))
_OWN = frozenset(("Retry", "TaskPredicate", "CeleryError"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Retries inside of a `try` whose handler of everything ends without raising again."""
    for function in view.reading.functions:
        if not _is_task(function):
            continue
        for call in view.reading.within(function):
            if not isinstance(call, ast.Call) or dotted(call.func) not in ("self.retry", "current_task.retry"):
                continue
            said = keyword(call, "throw")
            if said is not None and constant(said) is False:
                continue
            if any(_swallows(it) for it in _around(view, call)):
                yield Hit(
                    call,
                    "This raises `Retry`, which the handler around it takes for an error: the task ends as if it had succeeded.",
                )


def _is_task(function: Function) -> bool:
    names = (dotted(it.func if isinstance(it, ast.Call) else it) for it in function.decorator_list)
    return any(it.rpartition(".")[2].endswith("task") for it in names)


def _around(view: View, call: ast.Call) -> Iterator[ast.Try]:
    """The `try` statements whose body holds a call."""
    below: ast.AST = call
    for up in view.reading.ancestors(call):
        if isinstance(up, ast.Try) and below in up.body:
            yield up
        below = up


def _swallows(block: ast.Try) -> bool:
    """Whether the first handler that takes `Retry` takes everything, and raises nothing."""
    for it in block.handlers:
        rows = it.type.elts if isinstance(it.type, ast.Tuple) else [it.type] if it.type is not None else []
        names = {dotted(each).rpartition(".")[2] for each in rows}
        if names & _OWN:
            return False
        if it.type is None or names & _ALL:
            calls = (each for row in it.body for each in ast.walk(row))
            return not any(
                isinstance(each, ast.Raise) or (isinstance(each, ast.Attribute) and each.attr == "retry") for each in calls
            )
    return False
