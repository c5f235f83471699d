"""Celery's tasks wait for others, and nowhere is said how long one may run.

Why: Celery has no limit of its own. A task that waits for a host which never answers, or loops over more rows than anyone
thought of, holds its worker process until someone restarts it. Enough of them and the queue stands still, while every worker
looks alive.
Instead: a limit for all, and a larger one where a task says why.

    app.conf.update(task_soft_time_limit=300, task_time_limit=330)

    @app.task(soft_time_limit=1800, time_limit=1830)     # reads the month's orders
    def report(month: str) -> None:
        try:
            write(month)
        except SoftTimeLimitExceeded:
            discard(month)
            raise

Consequences: one slow partner stops mails, invoices and everything else that shares the queue.
Trade-offs: the hard limit kills the process where it stands; the soft one comes first, and lets the task tidy up. Both need a
pool of processes.
Tests: run a task that sleeps longer than a limit of one second, and assert that it ends.
Observability: alert on the age of the oldest message of a queue; count `SoftTimeLimitExceeded` by task.
Source: https://docs.celeryq.dev/en/stable/userguide/workers.html#time-limits
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.steps import TIME_LIMIT
from architect_lsp.knowledge.summaries import Effect, described, effects
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B3", "D3", "C4"],
    cwe=400,
    bad=[
        Bad("""
-- shop/worker.py --
from celery import Celery

app = Celery("shop")
-- shop/carrier.py --
import requests

def label(order):
    return requests.post("https://carrier.example", json=order, timeout=(3, 30))
-- shop/tasks.py --
from shop.carrier import label
from shop.worker import app

@app.task
def count(a, b):
    return a + b

@app.task
[|def ship(order):|]
    label(order)

@app.task
def ship_all(orders):
    for it in orders:
        label(it)
"""),
    ],
    good=[
        """
-- shop/worker.py --
from celery import Celery

app = Celery("shop")
app.conf.update(task_time_limit=300)
-- shop/tasks.py --
import requests
from shop.worker import app

@app.task
def ship(order):
    requests.post("https://carrier.example", json=order, timeout=(3, 30))
""",
        """
-- shop/settings.py --
CELERY_TASK_SOFT_TIME_LIMIT = 300
-- shop/tasks.py --
import requests
from celery import shared_task

@shared_task
def ship(order):
    requests.post("https://carrier.example", json=order, timeout=(3, 30))
""",
        """
-- shop/tasks.py --
from celery import shared_task

@shared_task
def count(a, b):
    return a + b
""",
        """
-- shop/tasks.py --
import requests
from celery import shared_task

@shared_task
def ship(order):
    requests.post("https://carrier.example", json=order, timeout=(3, 30))
""",
    ],
)

_WAITS = ("http", "llm", "subprocess", "mail")
"""What may take as long as others like."""


def _is_limited(facts: Facts) -> bool:
    return TIME_LIMIT in facts.mentions


def _is_configured(facts: Facts) -> bool:
    return any(name in ("celery.Celery", "celery.app.Celery") for _, name in facts.imports) or any(
        it.name.startswith("CELERY") for it in facts.variables
    )


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """The first task that waits for others, in a project that speaks of no time limit at all."""
    tasks = [it for it in catalogue(project).tasks if it.framework == "celery" and not is_test(it.ref.path)]
    if not tasks or any(project.of_file(path, _is_limited) for path in project.paths):
        return
    if not any(project.of_file(path, _is_configured) for path in project.paths):
        return  # what sets Celery up is elsewhere, and may say it
    for it in tasks:
        found = _waits(project, it.ref.path, it.ref.qualname)
        if found is not None:
            all_tasks = f"None of the {len(tasks)} tasks here has" if len(tasks) > 1 else "This task does not have"
            told = f"{all_tasks} a time limit, and `{it.ref.qualname}` waits for `{found.call}`."
            yield ProjectHit(it.ref, told, tuple(described(found, project)))
            return


def _waits(project: Project, path: str, qualname: str) -> Effect | None:
    """How a function comes to wait for others, by the shortest way."""
    definition = project.definition(path, qualname)
    known = effects(project, path, definition) if definition is not None else {}
    return min((known[it] for it in _WAITS if it in known), key=lambda it: len(it.path), default=None)
