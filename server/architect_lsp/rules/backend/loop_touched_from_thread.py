"""A thread touches the event loop of another.

Why: asyncio's tasks, events, queues and futures are not safe for threads. What a worker thread does to them is seen when the loop
next happens to wake up, or corrupts its state; `create_task` there raises, since the thread has no loop.
Instead: hand the call to the loop.

    def on_message(message: Message) -> None:      # called by the driver's thread
        loop.call_soon_threadsafe(queue.put_nowait, message)

    def work() -> None:
        future = asyncio.run_coroutine_threadsafe(save(row), loop)
        future.result(timeout=10)

Consequences: messages that arrive late or never, and only under load.
Tests: call it from a thread while the loop is idle, and wait for the effect under a timeout.
Source: https://docs.python.org/3/library/asyncio-dev.html#concurrency-and-multithreading
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import thread_functions
from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.waiting import given_to_thread
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=662,
    needs=["nowait(", "create_task(", "ensure_future(", ".set()", ".clear()", ".call_", ".cancel()"],
    bad=[
        Bad("""
import asyncio
import threading

async def listen(driver):
    queue = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def pump():
        for message in driver:
            [|queue.put_nowait(message)|]

    threading.Thread(target=pump).start()
    while True:
        print(await queue.get())
"""),
        Bad("""
import asyncio

async def save(row): ...

async def run(rows):
    def work():
        for row in rows:
            [|asyncio.create_task(save(row))|]

    await asyncio.to_thread(work)
"""),
        Bad("""
import asyncio
import threading

class Serial:
    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.lines = asyncio.Queue()

    def open(self, port):
        threading.Thread(target=self._read, args=(port,), daemon=True).start()

    def _read(self, port):
        for line in port:
            [|self.lines.put_nowait(line)|]

def watch(folder, changed: asyncio.Event):
    for _ in folder:
        [|changed.set()|]

async def follow(folder):
    changed = asyncio.Event()
    asyncio.get_running_loop().run_in_executor(None, watch, folder, changed)
    await changed.wait()
"""),
    ],
    good=[
        """
import asyncio
import queue
import threading

async def listen(driver):
    messages = asyncio.Queue()
    other = queue.Queue()
    loop = asyncio.get_running_loop()

    def pump():
        for message in driver:
            loop.call_soon_threadsafe(messages.put_nowait, message)
            other.put_nowait(message)

    def own():
        asyncio.run(main())

    threading.Thread(target=pump).start()
    threading.Thread(target=own).start()
    messages.put_nowait(1)

async def main(): ...
""",
        """
import asyncio
import threading

class Serial:
    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.lines = asyncio.Queue()

    def open(self, port):
        threading.Thread(target=self._read, args=(port,), daemon=True).start()

    def _read(self, port):
        for line in port:
            self.loop.call_soon_threadsafe(self.lines.put_nowait, line)

    def _take(self, line):
        self.lines.put_nowait(line)
""",
    ],
)

_TOUCHES = regex(
    r"asyncio\.(?:(?:tasks\.)?(?:create_task|ensure_future)|(?:queues\.)?(?:Queue|LifoQueue|PriorityQueue)\.(?:put_nowait|get_nowait)"
    r"|(?:locks\.)?Event\.(?:set|clear)|(?:AbstractEventLoop|BaseEventLoop)\.(?:create_task|call_soon|call_later|call_at)"
    r"|Task\.cancel)"
)
_OWN_LOOP = ("run", "new_event_loop", "set_event_loop", "Runner")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """What functions given to a thread do to the loop, where they are defined beside it."""
    reading = view.reading
    names = {it.id for call in reading.each(ast.Call) if isinstance(it := given_to_thread(call), ast.Name)}
    for function in reading.each(ast.FunctionDef):
        nested = reading.function(function) is not None
        if (
            (function.name not in names)
            if nested
            else ((view.path, reading.qualname(function)) not in thread_functions(view.project))
        ):
            continue
        if _has_own_loop(reading, function):
            continue
        for call in reading.within(function):
            if isinstance(call, ast.Call) and _TOUCHES.fullmatch(name := view.callee(call)):
                yield Hit(call, f"`{function.name}` runs in a thread, and `{name}` is for the thread of the event loop alone.")


def _has_own_loop(reading: Reading, function: ast.FunctionDef) -> bool:
    return any(isinstance(it, ast.Attribute) and it.attr in _OWN_LOOP for it in reading.within(function))
