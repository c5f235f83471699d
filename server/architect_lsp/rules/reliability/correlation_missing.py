"""A task binds nothing that tells its log lines apart, where the other tasks do.

Why: a worker runs many tasks at a time and their lines are mixed. Where each line carries the id of the order or the message it
speaks of, an incident is one search; the task that binds none is found by its time alone.
Instead: bind the id first, as the others do.

    @app.task(bind=True)
    def ship(self, order_id: int) -> None:
        structlog.contextvars.bind_contextvars(task_id=self.request.id, order_id=order_id)

Consequences: when it matters, the lines of this task can't be told from those of its neighbours.
Trade-offs: done once, in a signal or a base class of the tasks, nobody can forget it.
Tests: run the task and assert on the id in `caplog`'s records.
Observability: the id that a request was given belongs into the message, so that the trace does not end at the queue.
Source: https://www.structlog.org/en/stable/contextvars.html
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.nouns import Task
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_TASKS = """
import structlog
from celery import shared_task

@shared_task
def bill(number):
    structlog.contextvars.bind_contextvars(order=number)

@shared_task
def pack(number):
    structlog.contextvars.bind_contextvars(order=number)

@shared_task
def ship(number):
    structlog.contextvars.bind_contextvars(order=number)

@shared_task
def close(number):
    structlog.contextvars.bind_contextvars(order=number)

@shared_task
def archive(number):
    structlog.contextvars.bind_contextvars(order=number)

"""

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["E2"],
    bad=[
        Bad(
            _TASKS
            + """
@shared_task
[|def refund(number):|]
    give_back(number)
"""
        ),
    ],
    good=[
        _TASKS
        + """
@shared_task
def refund(number):
    prepare(number)

def prepare(number):
    structlog.contextvars.bind_contextvars(order=number)
""",
        _TASKS.replace("structlog.contextvars.bind_contextvars(order=number)", "work(number)", 3)
        + """
@shared_task
def refund(number):
    give_back(number)
""",
    ],
)

_BINDS = regex(
    r"(?:bind_contextvars|bound_contextvars|bind_threadlocal|contextualize|set_tag|set_tags|set_context|new_context|push_context"
    r"|set_correlation_id|set_request_id|start_as_current_span|set_attribute|set_attributes)$"
)
_DEPTH = 2


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Tasks that bind nothing to their log lines, among tasks of which nine tenths do."""
    tasks = [it for it in catalogue(project).tasks if not is_test(it.ref.path)]
    for odd in odd_ones({"tasks": tasks}, lambda task: _binds(project, task)):
        yield ProjectHit(
            odd.member.ref,
            f"`{odd.member.ref.qualname}` binds nothing to its log lines; {odd.counts} tasks bind an id.",
            ((odd.example.ref, f"`{odd.example.ref.qualname}` binds one"),),
        )


def _binds(project: Project, task: Task) -> bool | None:
    return _calls(project, task.ref.path, task.ref.qualname, _DEPTH)


def _calls(project: Project, path: str, qualname: str, depth: int) -> bool | None:
    """Whether a function binds something, itself or through the functions it calls; None where it can't be read."""
    definition = project.definition(path, qualname)
    if definition is None:
        return None
    for call in definition.calls:
        if _BINDS.search(call.target):
            return True
        found = project.resolve(path, call.target, definition.owner) if depth > 0 else None
        if isinstance(found, FunctionSymbol) and _calls(project, found.path, found.facts.qualname, depth - 1):
            return True
    return False
