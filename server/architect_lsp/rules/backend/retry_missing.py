"""One task gives up at the first passing error of another service, where the other tasks try again.

Why: connections drop and services restart; a second later all is well. Where the neighbours retry and one task does not, nobody
decided that: its work is lost whenever the other side blinks, and somebody has to find out what is missing.
Instead: the retries that the others have, bounded and with a growing pause, for the errors that pass.

    @shared_task(
        autoretry_for=(requests.ConnectionError, requests.Timeout),
        retry_backoff=True, retry_jitter=True, max_retries=5, time_limit=60,
    )
    def book(order_id: int) -> None:
        answer = requests.post(URL, json={"order": order_id}, headers={"Idempotency-Key": f"book-{order_id}"}, timeout=10)
        if answer.status_code == 409:
            raise AlreadyBooked(order_id)
        answer.raise_for_status()

Consequences: work that is done most of the time.
Trade-offs: what must not happen twice needs a key by which the other side knows the second call, before it is retried.
Off by default: a task may be left without on purpose, as one that a schedule starts again in a minute anyway.
Tests: fail once and then answer; assert that the task ends well. Fail always; assert that it ends at all.
Observability: count retries by task, and alert on those that were given up.
Source: https://docs.celeryq.dev/en/stable/userguide/tasks.html#automatic-retry-for-known-exceptions
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.nouns import Task
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.summaries import described, effects
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_TASK = """
@shared_task(autoretry_for=(requests.ConnectionError,), max_retries=5)
def {0}(number):
    requests.post("https://carrier.example/{0}", json={{"order": number}}, timeout=5)
"""
_TASKS = "import requests\nfrom celery import shared_task\n" + "".join(
    map(_TASK.format, ("bill", "pack", "ship", "close", "archive"))
)

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C4", "B3", "D3"],
    bad=[
        Bad(
            _TASKS
            + """
@shared_task
[|def refund(number):|]
    requests.post("https://carrier.example/refund", json={"order": number}, timeout=5)
"""
        ),
    ],
    good=[
        _TASKS
        + """
from tenacity import retry, stop_after_attempt

@shared_task(bind=True)
def refund(self, number):
    try:
        requests.post("https://carrier.example/refund", json={"order": number}, timeout=5)
    except requests.ConnectionError as error:
        raise self.retry(exc=error)

@shared_task
def print_label(number):
    ask(number)

@retry(stop=stop_after_attempt(3))
def ask(number):
    return requests.get("https://carrier.example/labels", timeout=5)

@shared_task
def count(number):
    return number + 1
""",
        _TASKS.replace("(autoretry_for=(requests.ConnectionError,), max_retries=5)", "", 3)
        + """
@shared_task
def refund(number):
    requests.post("https://carrier.example/refund", json={"order": number}, timeout=5)
""",
    ],
)

_OPTIONS = regex(r"autoretry_for|retry\w*|max_retries|retries|throws_retry")
_RETRIES = regex(
    r"(?:^|\.|_)(?:retry|retries|retrying|backoff|on_exception|tenacity|stamina)(?:$|\.|_|\()|Retrying|AsyncRetrying"
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Tasks that ask another service once, among tasks that ask one and of which nine tenths retry."""
    tasks = [it for it in catalogue(project).tasks if not is_test(it.ref.path) and not is_script(it.ref.path)]
    if len(tasks) <= 5:
        return
    for odd in odd_ones({"": tasks}, lambda it: _retries(project, it)):
        ref = odd.member.ref
        definition = project.definition(ref.path, ref.qualname)
        steps = described(effects(project, ref.path, definition)["http"], project) if definition is not None else []
        yield ProjectHit(
            ref,
            f"`{ref.qualname}` asks another service once and gives up; {odd.counts} tasks that ask one try again.",
            (*steps, (odd.example.ref, f"`{odd.example.ref.qualname}` does")),
        )


def _retries(project: Project, task: Task) -> bool | None:
    """Whether a task tries again; None where it asks nobody, or can't be read."""
    definition = project.definition(task.ref.path, task.ref.qualname)
    effect = effects(project, task.ref.path, definition).get("http") if definition is not None else None
    if definition is None or effect is None:
        return None
    if any(_OPTIONS.fullmatch(key) and value not in ("0", "None", "False") for key, value in task.options):
        return True
    ways = [definition, *(it for ref in effect.path if (it := project.definition(ref.path, ref.qualname)) is not None)]
    return any(
        _RETRIES.search(name)
        for it in ways
        for name in (*(mark.target for mark in it.decorators), *(call.target for call in it.calls))
    )
