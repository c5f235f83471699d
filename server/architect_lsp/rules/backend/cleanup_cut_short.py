"""A clean-up waits where a cancellation ends it at its first step.

Why: in trio and anyio a cancelled scope cancels every wait inside of it, again and again. A `finally` or a handler of a
cancellation that awaits is therefore over at its first `await`: what it was to close stays open.
Instead: shield the clean-up from the cancellation, with a limit of its own.

    finally:
        with anyio.move_on_after(5, shield=True):
            await target.end()

Consequences: half-written files, open transactions and sessions that nobody ended, only when something was cancelled.
Trade-offs: a shield without a limit can hang a shutdown.
Tests: cancel the task while it works and assert that the clean-up was done.
Source: https://anyio.readthedocs.io/en/stable/cancellation.html#finalization
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "C4"],
    cwe=460,
    equivalents=["ASYNC102"],
    needs=["finally", "BaseException", "cancelled", "Cancelled"],
    bad=[
        Bad("""
import trio

async def transfer(source, target):
    try:
        async for chunk in source:
            await target.write(chunk)
    finally:
        [|await target.end()|]
"""),
        Bad("""
import anyio

async def serve(connection):
    try:
        await connection.run()
    except anyio.get_cancelled_exc_class():
        [|await connection.say("good bye")|]
        raise

async def talk(stream, run):
    try:
        await run(stream)
    finally:
        [|await stream.send_all(b"QUIT")|]
        await stream.aclose()
"""),
    ],
    good=[
        """
import anyio

async def transfer(source, target):
    try:
        await target.write(source)
    finally:
        with anyio.move_on_after(5, shield=True):
            await target.end()

async def close(target):
    try:
        await target.write(b"")
    finally:
        await target.aclose()
        target.forget()

async def ended(target):
    try:
        await target.write(b"")
    finally:
        scope = anyio.CancelScope()
        scope.shield = True
        with scope:
            await target.end()
""",
        """
import anyio

async def lifespan(app, stream):
    try:
        await app(stream)
    finally:
        await stream.send(None)
""",
        """
import asyncio

async def transfer(source, target):
    try:
        await target.write(source)
    finally:
        await target.end()
""",
    ],
)

_ENDS = regex(
    r"(?:close|end|finish|rollback|commit|abort|release|unlock|stop|shut_?down|disconnect|terminate|unsubscribe|logout|cancel|say|notify|send|write|flush)"
    r"(?:_\w+)?"
)
"""Verbs of a clean-up. `aclose` is not among them: it closes even when it is cancelled."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first wait of an unshielded clean-up, in modules of trio or anyio that leave asyncio alone."""
    if not view.project.uses(view.path, "trio", "anyio") or view.project.uses(view.path, "asyncio"):
        return
    reading = view.reading
    for block in reading.each(ast.Try):
        if not isinstance(reading.function(block), ast.AsyncFunctionDef):
            continue
        bodies = [block.finalbody, *(it.body for it in block.handlers if _is_cancelled(it))]
        for body in bodies:
            first = next((it for it in run_by(body) if isinstance(it, ast.Await) and _is_cut(view, it, block)), None)
            if first is not None:
                yield Hit(first, "A cancellation ends this wait at once, and the clean-up with it: shield it, with a limit.")


def _is_cancelled(handler: ast.ExceptHandler) -> bool:
    """Whether a handler runs when the task is cancelled."""
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = [dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] for it in types]
    return any(it in ("BaseException", "Cancelled", "get_cancelled_exc_class") for it in names)


def _is_cut(view: View, node: ast.Await, block: ast.Try) -> bool:
    """Whether a wait asks something outside of the project to end, and stands under no shield."""
    call = node.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not _ENDS.fullmatch(call.func.attr):
        return False
    if [it.value for it in call.args if isinstance(it, ast.Constant)] == [None]:
        return False  # a sentinel says no more than that it is over
    if view.definition(call) is not None:
        return False  # it may shield itself
    for up in view.reading.ancestors(node):
        if up is block:
            return True
        if isinstance(up, ast.With) and any(_shields(it.context_expr) for it in up.items):
            return False
    return True


def _shields(node: ast.expr) -> bool:
    """Whether a scope keeps a cancellation out; one that is made elsewhere may."""
    if not isinstance(node, ast.Call):
        return True
    said = keyword(node, "shield")
    return said is not None and constant(said) is not False
