"""A handler of `signal.signal` touches the event loop.

Why: Python runs it between two instructions of whatever the main thread does, outside of the loop's turn: a task that is made
or an event that is set there doesn't wake a loop which sleeps in its selector, so nothing happens until something else does.
Instead: let the loop call the handler.

    stop = asyncio.Event()
    for it in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(it, stop.set)
    await stop.wait()

Consequences: SIGTERM is ignored while the service is idle, and the orchestrator kills it.
Trade-offs: `add_signal_handler` doesn't exist on Windows; there, `loop.call_soon_threadsafe` from `signal.signal`.
Tests: send the signal to an idle process and measure the time to its end.
Source: https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.add_signal_handler
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    cwe=479,
    needs=["signal.signal(", "signal("],
    bad=[
        Bad("""
import asyncio
import signal

class Server:
    async def stop(self): ...

    async def serve(self):
        signal.signal(signal.SIGTERM, [|lambda *_: asyncio.create_task(self.stop())|])
        await asyncio.Event().wait()

async def main():
    stop = asyncio.Event()

    def ended(number, frame):
        stop.set()

    signal.signal(signal.SIGINT, [|ended|])
    signal.signal(signal.SIGTERM, ended)
    await stop.wait()
"""),
    ],
    good=[
        """
import asyncio
import os
import signal
import threading

async def main():
    stop = asyncio.Event()
    ended = threading.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(stop.set))
    signal.signal(signal.SIGHUP, lambda *_: ended.set())
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)

    def at_once(number, frame):
        stop.set()
        os._exit(0)

    signal.signal(signal.SIGQUIT, at_once)
    await stop.wait()
""",
    ],
)

_TOUCHES = regex(
    r"asyncio\.(?:(?:tasks\.)?(?:create_task|ensure_future)|(?:queues\.)?(?:Queue|LifoQueue|PriorityQueue)\.put_nowait"
    r"|(?:locks\.)?Event\.set|(?:AbstractEventLoop|BaseEventLoop)\.(?:create_task|call_soon|call_later)|Task\.cancel)"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers that are defined where they are installed and call what is for the loop's own turn."""
    reading = view.reading
    told: set[str] = set()
    for call in reading.each(ast.Call):
        if len(call.args) < 2 or view.callee(call) != "signal.signal" or dotted(call.args[1]) in told:
            continue
        handler = call.args[1]
        called = [view.callee(it) for it in _calls(reading, handler)]
        if any(map(_TOUCHES.fullmatch, called)) and not any(it in ("os._exit", "sys.exit", "builtins.exit") for it in called):
            told |= {dotted(handler)} - {""}  # one handler of several signals is one mistake
            yield Hit(handler, "This runs outside of the loop's turn and doesn't wake it: use the loop's `add_signal_handler`.")


def _calls(reading: Reading, handler: ast.expr) -> Iterator[ast.Call]:
    """The calls of a handler that is a lambda, or a function of this unit."""
    bodies: list[ast.AST] = [handler] if isinstance(handler, ast.Lambda) else []
    if isinstance(handler, ast.Name):
        bodies += [it for it in reading.functions if it.name == handler.id]
    yield from (it for body in bodies for it in ast.walk(body) if isinstance(it, ast.Call))
