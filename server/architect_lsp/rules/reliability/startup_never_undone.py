"""The application starts work or opens pools when it starts, and has nothing that ends them.

Why: a server that is told to stop (a deployment, a scale-down) gives the application a moment to finish. Without a handler the
tasks it started are cut off in the middle of what they do, and connections are dropped instead of closed.
Instead: one `lifespan` that undoes after `yield` what it did before.

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        consumer = asyncio.create_task(consume())
        try:
            yield
        finally:
            consumer.cancel()
            await asyncio.gather(consumer, return_exceptions=True)

Consequences: messages handled twice or not at all after each deployment; the database counts dead connections until its timeout.
Tests: enter and leave the lifespan (`with TestClient(app)`) and assert that the task has ended.
Observability: log the end too, so that a stop without one is seen.
Source: https://fastapi.tiangolo.com/advanced/events/
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["E2", "B2"],
    needs=["lifespan", "on_event", "on_startup", "yield"],
    bad=[
        Bad("""
import asyncio
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.consumer = [|asyncio.create_task(consume())|]
    yield

app = FastAPI(lifespan=lifespan)
"""),
        Bad("""
import asyncio
from fastapi import FastAPI

app = FastAPI()

@app.on_event("startup")
async def begin():
    [|asyncio.create_task(consume())|]
"""),
    ],
    good=[
        """
import asyncio
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app: FastAPI):
    consumer = asyncio.create_task(consume())
    yield
    consumer.cancel()

@asynccontextmanager
async def other_lifespan(app: FastAPI):
    async with open_pool() as pool:
        yield

@asynccontextmanager
async def warm_lifespan(app: FastAPI):
    await asyncio.wait_for(asyncio.create_task(warm_up()), 5)
    yield
""",
        """
import asyncio
from fastapi import FastAPI

app = FastAPI()

@app.on_event("startup")
async def begin():
    app.state.consumer = asyncio.create_task(consume())

@app.on_event("shutdown")
async def end():
    app.state.consumer.cancel()
""",
    ],
)

_STARTED = (
    *("asyncio.create_task", "asyncio.ensure_future"),
    *("asyncio.get_event_loop.create_task", "asyncio.get_running_loop.create_task", "asyncio.AbstractEventLoop.create_task"),
)
_LIFESPAN = regex(r"lifespan|life_?span|app_?context", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tasks that a lifespan starts before a `yield` with nothing behind it, or a startup handler without one for shutdown."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if not isinstance(function, ast.AsyncFunctionDef) or not (_is_start(view, function) or _is_open_ended(reading, function)):
            continue
        if reading.awaited(call) or not dotted(call.func).endswith(("create_task", "ensure_future")):
            continue
        if not _is_waited_for(reading, call) and view.callee(call).replace("()", "") in _STARTED:
            yield Hit(call, f"`{function.name}` starts this and nothing ends it: a server that stops cuts it off where it is.")


def _is_open_ended(reading: Reading, function: Function) -> bool:
    """Whether it is a lifespan whose last statement is its `yield`."""
    marks = [dotted(it) for it in function.decorator_list]
    if not _LIFESPAN.search(function.name) or not any(it.endswith("contextmanager") for it in marks):
        return False
    last = function.body[-1]
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Yield) and reading.parent(last) is function


def _is_start(view: View, function: Function) -> bool:
    """Whether it is a handler of startup, in a file where nothing handles shutdown."""
    for it in function.decorator_list:
        if isinstance(it, ast.Call) and dotted(it.func).endswith(".on_event") and it.args and constant(it.args[0]) == "startup":
            return not any(each == "shutdown" for each in _events(view))
    return False


def _events(view: View) -> Iterator[str]:
    """The events that the file handles."""
    for it in view.project.facts(view.path).defs:
        for mark in it.decorators:
            event = mark.value.argument(0) if mark.target.endswith("on_event") else None
            if event is not None:
                yield event.text


def _is_waited_for(reading: Reading, call: ast.Call) -> bool:
    """Whether another call takes the task, which may well look after it."""
    up = reading.parent(call)
    return isinstance(up, ast.Call | ast.List | ast.Tuple | ast.Starred | ast.withitem)
