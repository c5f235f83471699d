"""A plain function takes an event loop for granted.

Why: where no loop runs and none was set, `asyncio.get_event_loop()` raises a RuntimeError from Python 3.14 on, and did so
before in every thread but the main one: in a worker's thread, in a web server's, in a test that ran after `asyncio.run`.
Instead: `asyncio.run`, which makes a loop, runs the coroutine and closes it.

    @shared_task
    def sync_account(account_id: int) -> None:
        asyncio.run(sync_contacts(account_id))

Consequences: it works on the developer's machine, in the main thread, and fails in production.
Trade-offs: `asyncio.run` raises where a loop runs already; there, await the coroutine.
Tests: call it from a thread.
Source: https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.get_event_loop
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.handlers import caught
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3"],
    needs=["get_event_loop"],
    bad=[
        Bad("""
import asyncio
from celery import shared_task

async def sync_contacts(account): ...

@shared_task
def sync_account(account):
    loop = [|asyncio.get_event_loop()|]
    loop.run_until_complete(sync_contacts(account))

def sync_now(account):
    return [|asyncio.get_event_loop()|].run_until_complete(sync_contacts(account))
"""),
    ],
    good=[
        """
import asyncio

async def sync_contacts(account): ...

def sync_account(account):
    try:
        loop = asyncio.get_event_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
    loop.run_until_complete(sync_contacts(account))

def in_a_loop(callback):
    asyncio.get_event_loop().call_soon(callback)

async def inside():
    return asyncio.get_event_loop()

def own(account):
    asyncio.set_event_loop(asyncio.new_event_loop())
    asyncio.get_event_loop().run_until_complete(sync_contacts(account))

def careful(account):
    loop = asyncio.get_event_loop()
    if loop.is_running():
        return asyncio.ensure_future(sync_contacts(account))
    return loop.run_until_complete(sync_contacts(account))
""",
    ],
)

_ASKS = regex(r"is_running|is_closed|new_event_loop|set_event_loop|nest_asyncio|get_running_loop")
"""What a function says that looks at the loop first, or sets one."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Loops that a plain function takes as they are, to run a coroutine to its end."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if not isinstance(function, ast.FunctionDef) or function.name == "main" or call.args:
            continue
        if view.callee(call) not in ("asyncio.get_event_loop", "asyncio.events.get_event_loop"):
            continue
        text = reading.source(function)
        handled = caught(reading, call) & {"RuntimeError", "Exception", ""}
        if "run_until_complete" in text and not _ASKS.search(text) and not handled:
            yield Hit(call, "No loop runs here, and there may be none to get: `asyncio.run` makes one and closes it.")
