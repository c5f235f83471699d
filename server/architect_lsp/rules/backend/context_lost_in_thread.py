"""A function that reads a context variable is handed to a thread that doesn't know it.

Why: `run_in_executor`, `submit` and `Thread` begin with an empty context: a context variable has its default there, or raises a
LookupError. `asyncio.to_thread` and Starlette's `run_in_threadpool` take the caller's context along.
Instead: `asyncio.to_thread`, or run the function in a copy of the context.

    html = await asyncio.to_thread(render, template, data)

    context = contextvars.copy_context()
    future = pool.submit(context.run, render, template, data)

Consequences: the wrong tenant, no request id in the log, or a LookupError that tests in one thread never see.
Trade-offs: what the thread sets in a copy is not seen by the caller; give it back as a result.
Tests: set the variable, call through the pool, and assert on what the function saw.
Security: a tenant or a user that falls back to its default is somebody else's.
Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Ref
from architect_lsp.knowledge.waiting import given_to_thread
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=662,
    needs=["run_in_executor", "submit(", "Thread("],
    bad=[
        Bad("""
import asyncio
from contextvars import ContextVar

tenant: ContextVar[str] = ContextVar("tenant")

def render(template, data):
    return template.render(tenant=tenant.get(), **data)

async def page(template, data):
    loop = asyncio.get_running_loop()
    return await [|loop.run_in_executor(None, render, template, data)|]
"""),
        Bad("""
-- app/context.py --
from contextvars import ContextVar

user = ContextVar("user")

def current():
    return user.get()
-- app/reports.py --
from concurrent.futures import ThreadPoolExecutor
from app.context import current

pool = ThreadPoolExecutor()

def write(report):
    report.author = current()

def start(report):
    return [|pool.submit(write, report)|]
"""),
    ],
    good=[
        """
import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

tenant: ContextVar[str] = ContextVar("tenant")
pool = ThreadPoolExecutor()

def render(template, data):
    return template.render(tenant=tenant.get(), **data)

def plain(template, data):
    return template.render(**data)

def own(template, name):
    tenant.set(name)
    return template.render(tenant=tenant.get())

async def page(template, data):
    context = contextvars.copy_context()
    await asyncio.get_running_loop().run_in_executor(None, context.run, render, template, data)
    await asyncio.get_running_loop().run_in_executor(None, plain, template, data)
    await asyncio.get_running_loop().run_in_executor(None, own, template, "a")
    return await asyncio.to_thread(render, template, data)
""",
    ],
)

_READS = regex(r"contextvars\.ContextVar\(\)\.get")
_SETS = regex(r"contextvars\.ContextVar\(\)\.set|contextvars\.copy_context(?:\(\)\.run)?")
_STEPS = 2


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Functions given to pools and threads that read a context variable, at once or one call away."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        work = given_to_thread(call)
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if work is None or last == "to_thread":
            continue
        symbol = view.symbol(work)
        if isinstance(symbol, FunctionSymbol) and (path := _reads(view, symbol, _STEPS)):
            told = f"`{ast.unparse(work)}` reads a context variable, and a thread that is started so has none of the caller's."
            yield Hit(call, told, evidence=tuple(path))


def _reads(view: View, symbol: FunctionSymbol, steps: int) -> list[tuple[Ref, str]]:
    """The calls from a function to one that reads a context variable which nothing on the way sets; [] when there are none."""
    definition = symbol.facts
    found = [view.project.resolve(symbol.path, it.target, definition.owner) for it in definition.calls]
    names = [it.name if isinstance(it, External) else "" for it in found]
    if any(map(_SETS.fullmatch, names)) or definition.is_async:
        return []
    for index, (name, inner) in enumerate(zip(names, found, strict=True)):
        ref = Ref(symbol.path, definition.qualname, "call", index)
        if _READS.fullmatch(name):
            return [(ref, f"`{definition.qualname}` reads `{definition.calls[index].target.removesuffix('.get')}`")]
        if isinstance(inner, FunctionSymbol) and steps > 1 and (rest := _reads(view, inner, steps - 1)):
            return [(ref, f"`{definition.qualname}` calls `{inner.facts.qualname}`"), *rest]
    return []
