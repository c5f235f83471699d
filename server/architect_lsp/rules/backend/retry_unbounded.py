"""A failing call is tried again without end.

Why: a retry that nothing bounds turns an outage of the other side into a caller that never answers, and, as all callers do it,
into traffic that keeps the other side down.
Instead: a few attempts, a growing and random pause between them, and an error at the end.

    @retry(stop=stop_after_attempt(4), wait=wait_random_exponential(max=10), reraise=True)
    def charge(order: Order) -> Receipt:
        return gateway.charge(order, idempotency_key=order.id)

Consequences: workers hang one by one; a bad input is tried for ever; recovery is followed by a stampede.
Trade-offs: a consumer of a queue may well try to connect for ever, with a pause that grows and a log line that tells.
Tests: let the call always fail and assert that the error comes, after the number of attempts.
Observability: count attempts and final failures apart.
Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.reading import Function, dotted, keyword
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "C4", "D3"],
    cwe=835,
    needs=["retry", "retries", "backoff", "while True", "while 1"],
    bad=[
        Bad(
            """
from tenacity import retry, wait_fixed

@[|retry(wait=wait_fixed(1))|]
def charge(order): ...
""",
            fixed="""
from tenacity import retry, wait_fixed
from tenacity import stop_after_attempt

@retry(wait=wait_fixed(1), stop=stop_after_attempt(4))
def charge(order): ...
""",
        ),
        Bad("""
import time
import requests

def fetch(url):
    [|while True:|]
        try:
            return requests.get(url, timeout=5).json()
        except requests.RequestException:
            time.sleep(1)
"""),
        Bad("""
import backoff

@[|backoff.on_exception(backoff.expo, ConnectionError)|]
def connect(): ...
"""),
        Bad("""
from tenacity import retry

@[|retry|]
def fetch(): ...
"""),
        Bad("""
from celery import shared_task

@shared_task(bind=True, [|max_retries=None|])
def push(self, url):
    try:
        send(url)
    except OSError as error:
        raise self.retry(exc=error, countdown=60)
"""),
    ],
    good=[
        """
import time
import requests
from tenacity import retry, stop_after_attempt
import backoff

@retry(stop=stop_after_attempt(3))
def charge(order): ...

@backoff.on_exception(backoff.expo, ConnectionError, max_tries=5)
def connect(): ...

def fetch(url):
    for attempt in range(5):
        try:
            return requests.get(url, timeout=5).json()
        except requests.RequestException:
            time.sleep(2**attempt)
    raise TimeoutError(url)

def bounded(url):
    attempt = 0
    while True:
        try:
            return requests.get(url, timeout=5)
        except requests.RequestException:
            attempt += 1
            if attempt > 3:
                raise
""",
        """
import time
import requests
from celery import shared_task
from tenacity import retry, stop_after_attempt

again = retry(stop=stop_after_attempt(3))

def consume(queue):
    while True:
        try:
            handle(queue.get())
        except ValueError:
            continue

def handle(it): ...

def ask():
    while True:
        try:
            return int(input())
        except ValueError:
            print("a number, please")

@shared_task(bind=True, max_retries=None, retry_backoff=True)
def index(self, number):
    try:
        add(number)
    except Gone:
        try:
            remove(number)
        except LockError as error:
            raise self.retry(exc=error)
    except LockError as error:
        raise self.retry(exc=error)

@again
def fetched(url):
    return requests.get(url, timeout=5)

def until(deadline, url, get):
    while True:
        try:
            return get(url)
        except OSError:
            if time.monotonic() > deadline:
                raise
""",
    ],
)

_BOUNDS = {
    r"tenacity\.(?:asyncio\.)?retry": ("stop",),
    r"backoff\.on_(?:exception|predicate)": ("max_tries", "max_time"),
    r"retry\.(?:api\.)?retry": ("tries",),
    r"retrying\.retry": ("stop_max_attempt_number", "stop_max_delay", "stop_func"),
}
"""Decorators that try again, with the arguments that bound them."""
_EFFECTS = ("http", "llm", "db-read", "db-write", "queue", "mail", "cache", "subprocess")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Decorators and loops that try again with nothing to stop them."""
    reading = view.reading
    for function in reading.functions:
        for it in function.decorator_list:
            call = it if isinstance(it, ast.Call) else None
            name = view.name(call.func if call else it)
            told = f"`{ast.unparse(call.func if call else it)}` tries again without end: nothing says when to stop."
            bounds = next((it for pattern, it in _BOUNDS.items() if re.fullmatch(pattern, name)), None)
            if call is None and bounds is not None and _is_bounded_there(view, it, bounds):
                continue
            if bounds is not None and not (call and (_has(call, bounds) or (name.startswith("retry.") and call.args))):
                yield Hit(it, told, tuple(_fix(call)) if call and "stop" in bounds else ())
            if (
                call is not None
                and name.rpartition(".")[2] in _TASKS
                and not _says_when(function)
                and not _is_busy(call, function)
            ):
                for row in call.keywords:
                    if row.arg == "max_retries" and isinstance(row.value, ast.Constant) and row.value.value is None:
                        yield Hit(row, f"`{function.name}` is tried again after every error, without end.")
    for loop in reading.each(ast.While):
        if isinstance(loop.test, ast.Constant) and loop.test.value and _tries_for_ever(view, loop):
            yield Hit(loop, "This loop tries again after every error, without end.")


_TAKEN = re.compile(r"Lock|Busy|InUse|OperationalError|Conflict|Contention")
_TASKS = ("task", "shared_task", "actor")


def _is_busy(task: ast.Call, function: Function) -> bool:
    """Whether a task only waits for its turn, later each time: what it tries again after is that something is locked."""
    if keyword(task, "retry_backoff") is None or keyword(task, "autoretry_for") is not None:
        return False
    handlers = [it for it in ast.walk(function) if isinstance(it, ast.ExceptHandler) and ".retry(" in ast.unparse(it)]
    outer = {it for it in handlers for each in it.body for inner in ast.walk(each) if inner in handlers}
    handlers = [it for it in handlers if it not in outer]
    return bool(handlers) and all(it.type is not None and _TAKEN.search(ast.unparse(it.type)) for it in handlers)


def _says_when(function: Function) -> bool:
    """Whether the function looks at how often it was tried."""
    if any(isinstance(it, ast.arg) and it.arg == "max_retries" for it in ast.walk(function.args)):
        return True
    return bool(
        re.search(r"request\.retries|max_retries=\d|max_retries=[A-Za-z]\w+\)", "\n".join(map(ast.unparse, function.body)))
    )


def _is_bounded_there(view: View, decorator: ast.expr, names: tuple[str, ...]) -> bool:
    """Whether the decorator was made elsewhere, with something to stop it: `again = retry(stop=stop_after_attempt(3))`."""
    found = behind(view.project, view.path, dotted(decorator))
    return found is not None and found[1].kind == "call" and any(key in names for key, _ in found[1].keywords)


def _has(call: ast.Call, names: tuple[str, ...]) -> bool:
    return any(keyword(call, it) is not None for it in names) or any(it.arg is None for it in call.keywords)


def _tries_for_ever(view: View, loop: ast.While) -> bool:
    """Whether success leaves the loop, an error does not, and what is tried lies outside of this process."""
    blocks = [it for it in loop.body if isinstance(it, ast.Try)]
    if len(blocks) != 1 or any(not isinstance(it, ast.Try | ast.Expr | ast.Assign) for it in loop.body):
        return False
    block = blocks[0]
    after = [*block.body, *block.orelse]
    if not after or not isinstance(after[-1], ast.Return | ast.Break):
        return False
    leaves = (ast.Raise, ast.Return, ast.Break, ast.If, ast.Yield, ast.YieldFrom)
    if any(isinstance(it, leaves) for handler in block.handlers for it in run_by(handler.body)) or not block.handlers:
        return False
    if any(isinstance(it, ast.If) for it in run_by(block.finalbody)):
        return False
    if any(isinstance(it, ast.Assign) for it in loop.body) or any(_chooses_anew(it) for it in block.handlers):
        return False
    calls = [it for it in run_by(block.body) if isinstance(it, ast.Call)]
    return any(kind in view.effects(it) for it in calls for kind in _EFFECTS)


def _chooses_anew(handler: ast.ExceptHandler) -> bool:
    """Whether the next try is another one: the handler sets a name, or the error says that something is taken."""
    said = ast.unparse(handler.type) if handler.type is not None else ""
    return (
        "Exist" in said or "Integrity" in said or any(isinstance(it, ast.Assign | ast.AugAssign) for it in run_by(handler.body))
    )


def _fix(call: ast.Call) -> Iterator[Draft]:
    arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if arguments:
        last = max(arguments, key=lambda it: (it.end_lineno or 0, it.end_col_offset or 0))
        changes = (Change(last, ", stop=stop_after_attempt(4)", insert="after"),)
        yield Draft("Stop after four attempts", changes, imports=("tenacity.stop_after_attempt",))
