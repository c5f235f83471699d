"""A function is called where it should be handed over.

Why: `on_commit(send(order))` runs `send` now and hands on what it gives, which is None. What was to wait for the commit, the
thread or the response has already happened, and later there is nothing to call.
Instead: hand over the function, with its arguments apart or in a lambda.

    transaction.on_commit(lambda: send.delay(order.pk))
    background.add_task(send, order.pk)

Consequences: the caller waits for the work it meant to leave to others; then a `TypeError`: 'NoneType' is not callable.
Tests: assert that nothing was sent before the transaction or the request was over.
Source: https://docs.djangoproject.com/en/stable/topics/db/transactions/#performing-actions-after-commit
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.knowledge.symbols import External, FunctionSymbol
from architect_lsp.knowledge.waiting import is_plain
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=685,
    needs=["on_commit", "add_task", "Thread(", "Timer(", "submit(", "to_thread", "run_in_executor", "call_", "register("],
    bad=[
        Bad("""
from fastapi import BackgroundTasks
from app.mail import send_welcome

async def invite(email: str, background_tasks: BackgroundTasks):
    background_tasks.add_task([|send_welcome(email)|])
"""),
        Bad("""
from fastapi import BackgroundTasks

def send(address: str) -> None:
    print(address)

def invite(address: str, tasks: BackgroundTasks):
    tasks.add_task([|send(address)|])
"""),
        Bad(
            """
from celery import shared_task
from django.db import transaction

@shared_task
def export(key): ...

def start(row):
    transaction.on_commit([|export.delay(row.pk)|])
""",
            fixed="""
from celery import shared_task
from django.db import transaction

@shared_task
def export(key): ...

def start(row):
    transaction.on_commit(lambda: export.delay(row.pk))
""",
        ),
        Bad("""
import asyncio
import shutil
import threading

def sweep(folder):
    shutil.rmtree(folder)

async def run(folder):
    threading.Thread(target=[|sweep(folder)|]).start()
    await asyncio.to_thread([|sweep(folder)|])
"""),
    ],
    good=[
        """
class Statistics:
    def _publish(self, channel, message):
        self._publish_tasks.add_task(self._endpoint.publish([channel], message))
""",
        """
from rich.progress import Progress
from app.words import label

def refresh(records):
    progress = Progress()
    progress.add_task(label(len(records)), total=len(records))
-- app/words.py --
def label(n) -> str:
    return f"{n} clusters"
""",
        """
import threading
from functools import partial
from django.db import transaction
from fastapi import BackgroundTasks

def send(address: str) -> None:
    print(address)

def sender(address):
    def run():
        print(address)
    return run

def later(function):
    return partial(function, 1)

def invite(address: str, tasks: BackgroundTasks, pool):
    tasks.add_task(send, address)
    tasks.add_task(sender(address))
    tasks.add_task(later(send))
    threading.Thread(target=sender(address)).start()
    transaction.on_commit(partial(send, address))
    transaction.on_commit(lambda: send(address))
    pool.submit(unknown(address))
""",
    ],
)

_TAKES = {
    "add_task": (0, "func"),
    "on_commit": (0, "func"),
    "Thread": (1, "target"),
    "Process": (1, "target"),
    "Timer": (1, "function"),
    "submit": (0, "fn"),
    "to_thread": (0, "func"),
    "run_in_executor": (1, "func"),
    "call_soon": (0, "callback"),
    "call_later": (1, "callback"),
    "call_at": (1, "callback"),
    "call_soon_threadsafe": (0, "callback"),
    "add_done_callback": (0, "fn"),
}
"""What calls a function later: where it is given, by position and by keyword."""
_BACKGROUND = regex(r"background|(?:^|\.)tasks?\.add_task|bg\w*\.add_task", re.IGNORECASE)
"""What belongs to FastAPI's tasks: progress bars have an `add_task` too, which takes a text."""
_PLAIN = ("Thread", "Process", "Timer", "on_commit", "to_thread", "run_in_executor", "call_soon", "call_later", "call_at")
"""What takes plain functions alone, so that a coroutine is wrong too."""
_WORK = frozenset(("mail", "http", "queue", "db-write", "commit", "subprocess", "filesystem"))
"""What a function does that was to be done later, and no maker of functions does."""
_WORKS = regex(
    r"(?:send|notify|email|log|write|save|delete|process|update|index|sync|publish|record|store|upload|cleanup)(?:_|$)"
)
"""How functions are called that work, and give back no function."""
_QUEUES = ("delay", "apply_async", "send", "enqueue")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that give nothing to call, in the place of a function."""
    reading = view.reading
    for call in reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if last not in _TAKES or (last == "add_task" and not _BACKGROUND.search(dotted(call.func))):
            continue
        index, name = _TAKES[last]
        given = call.args[index] if len(call.args) > index else keyword(call, name)
        if not isinstance(given, ast.Call) or any(isinstance(it, ast.Starred) for it in call.args):
            continue
        if _gives_nothing(view, given, last):
            told = f"`{ast.unparse(given.func)}` runs here and now; `{last}` is handed what it gives, which can't be called."
            fixes = () if last == "add_task" else (Draft("Hand over a function", (Change(given, "lambda: ", insert="before"),)),)
            yield Hit(given, told, fixes)


def _gives_nothing(view: View, call: ast.Call, last: str) -> bool:
    """Whether a call is sure to give something that can't be called."""
    found = view.symbol(call.func)
    if isinstance(found, FunctionSymbol):
        facts = found.facts
        if facts.is_async:
            return last in _PLAIN and not facts.is_generator and is_plain(facts)
        if not is_plain(facts) or facts.is_generator:
            return False
        if facts.gives is not None:
            return facts.gives.text in ("None", "str", "int", "bool", "float", "dict", "list")
        return not facts.returns and not facts.results and not facts.hands and bool(view.effects(call).keys() & _WORK)
    if (
        last == "add_task"
        and (found is None or isinstance(found, External))
        and _WORKS.match(dotted(call.func).rpartition(".")[2])
    ):
        return True
    if isinstance(call.func, ast.Attribute) and call.func.attr in _QUEUES:
        task = view.symbol(call.func.value)
        told = task.facts.decorators if isinstance(task, FunctionSymbol) else ()
        return any("task" in it.target.rpartition(".")[2] or "actor" in it.target for it in told)
    return False
