"""What belongs to one request is kept in a `threading.local`, in a coroutine.

Why: all coroutines of a process share one thread, so they share what is kept for it: at the next `await` another request writes
its user over yours.
Instead: a `ContextVar`, which every task has for itself.

    current_user: ContextVar[User] = ContextVar("current_user")

    token = current_user.set(user)
    try:
        return await call_next(request)
    finally:
        current_user.reset(token)

Consequences: answers, log lines and permissions of one user in the request of another, under load only.
Trade-offs: a thread of a pool has a context of its own; `asyncio.to_thread` copies it.
Tests: two requests that overlap, and the user that each of them sees.
Security: the permissions of whoever came last.
Source: https://docs.python.org/3/library/contextvars.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=488,
    needs=["async def"],
    bad=[
        Bad("""
-- app/context.py --
import threading

local = threading.local()
-- app/main.py --
from fastapi import FastAPI, Request
from app.context import local

app = FastAPI()

@app.middleware("http")
async def remember(request: Request, call_next):
    [|local.user|] = request.headers.get("x-user")
    return await call_next(request)
"""),
    ],
    good=[
        """
import threading
from contextvars import ContextVar

local = threading.local()
user = ContextVar("user")

def remember(request):
    local.user = request.user

async def handle(request, call_next):
    user.set(request.user)
    return await call_next(request)

async def measure(clock):
    local.started = clock.now()
    return local.started
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Attributes of a `threading.local` that a coroutine sets, before it lets others run."""
    reading = view.reading
    for it in reading.each(ast.Attribute):
        if not isinstance(it.ctx, ast.Store) or not isinstance(it.value, ast.Name | ast.Attribute):
            continue
        function = reading.function(it)
        if not isinstance(function, ast.AsyncFunctionDef) or view.name(it.value) != "threading.local":
            continue
        if any(isinstance(each, ast.Await) and each.lineno > it.lineno for each in reading.within(function)):
            told = f"`{ast.unparse(it)}` is one for all coroutines of this thread: the next request sets it anew."
            yield Hit(it, told)
