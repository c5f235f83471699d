"""A coroutine that is cancelled goes on as if it were not.

Why: cancelling raises `CancelledError` where the coroutine waits. A handler that catches it (by name, by `BaseException` or with
a bare `except:`) and does not raise it again tells everyone who waits that the task ended well, or goes on for ever.
Instead: clean up, then raise.

    async def consume(queue: asyncio.Queue[Job]) -> None:
        try:
            while True:
                await handle(await queue.get())
        except asyncio.CancelledError:
            await flush()
            raise

Consequences: shutdown hangs until it is killed; `asyncio.timeout` and task groups lose the cancellation they count on.
Trade-offs: who has cancelled a task of their own and awaits its end may well swallow the error there; a worker that ends right
after it does little harm.
Tests: cancel the task, await it, and assert that it raises CancelledError.
Observability: log how long shutdown takes.
Source: https://docs.python.org/3/library/asyncio-task.html#task-cancellation
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.comments import comments
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.waiting import cleans_up, run_by, suspends
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    equivalents=["ASYNC103", "ASYNC104"],
    needs=["CancelledError", "BaseException", "except:", "get_cancelled_exc_class", "Cancelled"],
    bad=[
        Bad(
            """
import asyncio

async def consume(queue):
    while True:
        try:
            await queue.get()
        [|except asyncio.CancelledError:|]
            print("cancelled")
""",
            fixed="""
import asyncio

async def consume(queue):
    while True:
        try:
            await queue.get()
        except asyncio.CancelledError:
            print("cancelled")
            raise
""",
        ),
        Bad(
            """
async def poll(client):
    while True:
        try:
            await client.ping()
        [|except:|]
            pass
""",
            fixed="""
async def poll(client):
    while True:
        try:
            await client.ping()
        except:
            raise
""",
        ),
        Bad("""
async def fetch(client):
    try:
        return await client.get()
    [|except BaseException as error:|]
        print(error)
        return None
"""),
        Bad("""
import asyncio
from contextlib import suppress

async def close(session, pool):
    try:
        await session.flush()
    [|except asyncio.CancelledError:|]
        print("cancelled while flushing")
    await pool.close()

async def drain(pipe):
    while pipe.open:
        with [|suppress(asyncio.CancelledError)|]:
            await pipe.send_all()
"""),
        Bad("""
import trio

async def sync(client, store):
    try:
        await store.save(await client.fetch())
    [|except trio.Cancelled:|]
        print("cancelled")
"""),
    ],
    good=[
        """
import anyio

async def serve(server, scope):
    try:
        await server.serve()
    except anyio.get_cancelled_exc_class():
        pass  # already cancelled, do not cancel again
    await scope.closed()

async def run(item, seats):
    try:
        await item.execute()
    except anyio.get_cancelled_exc_class():
        print("cancelled", item)
    finally:
        seats.release()
""",
        """
import asyncio
import logging

async def serve(streams, send):
    try:
        await send(streams)
    finally:
        for stream in streams:
            try:
                await stream.flush()
            except BaseException:
                logging.exception("not flushed")

async def finish(work, tell):
    cancelled = False
    try:
        await work()
    except asyncio.CancelledError:
        cancelled = True
    await tell(cancelled)

async def close(streams):
    for stream in streams:
        try:
            await stream.finish()
        except BaseException:  # noqa: BLE001  # teardown must not hide why it ended
            logging.exception("not finished")
""",
        """
import asyncio

class Worker:
    async def stop(self):
        self.task.cancel()
        try:
            await self.task
        except asyncio.CancelledError:
            pass

    async def run(self):
        try:
            await self.step()
        except asyncio.CancelledError:
            await self.flush()
            raise
        except Exception:
            print("failed")
        try:
            await self.step()
        except BaseException as error:
            self.future.set_exception(error)

    async def work(self):
        try:
            while True:
                await self.step()
        except asyncio.CancelledError:
            print("stopped")

    async def each(self, tasks):
        for task in tasks:
            task.cancel()
        results = []
        for task in tasks:
            try:
                results.append(await task)
            except asyncio.CancelledError:
                pass
""",
        """
import asyncio

async def fetch(client):
    try:
        await client.get()
    except asyncio.CancelledError:
        raise
    except BaseException:
        pass
    try:
        client.close()
    except:
        pass
    try:
        await client.get()
    except BaseException as error:
        failure = error
    if failure:
        raise failure
""",
        """
import asyncio
from contextlib import suppress

async def flush_now_and_then(queue, state):
    while True:
        try:
            await asyncio.sleep(5)
            await queue.flush()
        except asyncio.CancelledError:
            if state.stopping:
                return
            print("the driver's own")

async def begin(sources):
    try:
        await sources.start()
    except BaseException:
        for source in sources:
            try:
                await source.shutdown()
            except BaseException:
                pass
        raise

async def stop(task):
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
""",
    ],
)

_EVERYTHING = ("BaseException", "CancelledError", "Cancelled", "get_cancelled_exc_class")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers in coroutines that end a cancellation and let the coroutine work on."""
    reading = view.reading
    must_raise = view.project.uses(view.path, "trio") and not view.project.uses(view.path, "asyncio")
    for block in reading.each(ast.Try):
        function = reading.function(block)
        if not isinstance(function, ast.AsyncFunctionDef) or suspends(block.body) is None:
            continue
        for handler in () if cleans_up(reading, block, handlers=False) else block.handlers:  # one on its way goes on after it
            names = _caught(handler)
            if not any(it in _EVERYTHING for it in names):
                continue
            by_name = "BaseException" not in names
            if (
                not _goes_on(handler)
                and not _explained(reading, handler)
                and not _noted(handler)
                and not _CLOSES.search(ast.unparse(block))
                and not _cancels(function, block.body)
                and (must_raise or _works_on(reading, block, handler.body) or (not by_name and _answers(handler)))
            ):
                what = "`CancelledError`" if by_name else ast.unparse(handler.type) if handler.type else "`except:`"
                yield Hit(handler, f"{what} ends here: whoever cancels this coroutine is not obeyed.", tuple(_fix(handler)))
            break  # what comes after never sees the cancellation
    for scope in reading.each(ast.With):
        function = reading.function(scope)
        if not isinstance(function, ast.AsyncFunctionDef) or suspends(scope.body) is None:
            continue
        for it in scope.items:
            call = it.context_expr
            if (
                isinstance(call, ast.Call)
                and dotted(call.func).rpartition(".")[2] == "suppress"
                and any(dotted(each).endswith(("CancelledError", "BaseException")) for each in call.args)
                and not _cancels(function, scope.body)
                and _works_on(reading, scope, [])
            ):
                yield Hit(call, "`CancelledError` ends here: whoever cancels this coroutine is not obeyed.")


_CLOSES = regex(r"shield|\baclose\(|get_loop\(\)\.close|_close_\w+\(")
"""What only ends something: the cancellation goes on after it."""


def _noted(handler: ast.ExceptHandler) -> bool:
    """Whether the handler keeps that it was cancelled, in a name or an attribute that says so, or as such a state."""
    kept = (part for it in run_by(handler.body) if isinstance(it, ast.Assign) for part in (*it.targets, it.value))
    return any(_ENDED.search(dotted(it)) for it in kept)


_ENDED = regex(r"cancel|interrupt|abort|stopp", re.IGNORECASE)


def _explained(reading: Reading, handler: ast.ExceptHandler) -> bool:
    """Whether a comment says why."""
    return any(len(it.split()) > 2 for it in comments(reading, handler))


def _caught(handler: ast.ExceptHandler) -> list[str]:
    if handler.type is None:
        return ["BaseException"]
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] for it in types]


def _goes_on(handler: ast.ExceptHandler) -> bool:
    """Whether the error is raised again, handed to someone, or kept."""
    for it in run_by(handler.body):
        if isinstance(it, ast.Raise):
            return True
        if handler.name and isinstance(it, ast.Name) and it.id == handler.name and not _is_only_said(handler, it):
            return True
    return False


def _answers(handler: ast.ExceptHandler) -> bool:
    """Whether the handler gives the caller an answer in place of the cancellation."""
    return any(isinstance(it, ast.Return) for it in run_by(handler.body))


def _works_on(reading: Reading, block: ast.stmt, handler: list[ast.stmt]) -> bool:
    """Whether the coroutine waits for something again after the handler, in a next turn or further down."""
    if any(isinstance(it, ast.Return | ast.Break) for it in run_by(handler)):
        return False
    below: ast.AST = block
    for up in reading.ancestors(block):
        if isinstance(up, ast.While | ast.For | ast.AsyncFor) and any(below is it for it in up.body):
            return True
        for name in ("body", "orelse", "finalbody"):
            held = getattr(up, name, None)
            if isinstance(held, list) and any(below is it for it in held):
                rest = held[next(index for index, it in enumerate(held) if it is below) + 1 :]
                if suspends(rest) is not None:
                    return True
                if any(isinstance(it, ast.Return | ast.Raise | ast.Break) for it in rest):
                    return False
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return False
        below = up
    return False


def _is_only_said(handler: ast.ExceptHandler, name: ast.Name) -> bool:
    """Whether all that happens to the error is that it is logged or printed."""
    for statement in handler.body:
        inside = [*ast.walk(statement)]
        if name in inside:
            call = statement.value if isinstance(statement, ast.Expr) else None
            said = dotted(call.func).rpartition(".")[2] if isinstance(call, ast.Call) else ""
            return said in ("print", "debug", "info", "warning", "warn", "error", "exception", "critical", "log", "echo")
    return False


def _cancels(function: ast.AsyncFunctionDef, body: list[ast.stmt]) -> bool:
    """Whether the body awaits the end of a task: one that this function cancels, or one by its name alone."""
    waits = [it.value for it in run_by(body) if isinstance(it, ast.Await)]
    if waits and all(isinstance(it, ast.Name | ast.Attribute | ast.Subscript) or _joins(it) for it in waits):
        return True
    cancelled = any(
        isinstance(it, ast.Attribute) and it.attr in ("cancel", "cancelled", "cancelling", "uncancel")
        for it in ast.walk(function)
    )
    return cancelled and any(isinstance(it, ast.Name | ast.Attribute | ast.Subscript) or _joins(it) for it in waits)


def _joins(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("gather", "wait", "wait_for", "shield")


def _fix(handler: ast.ExceptHandler) -> Iterator[Draft]:
    last = handler.body[-1]
    if isinstance(last, ast.Pass) and len(handler.body) == 1:
        yield Draft("Raise it again", (Change(last, "raise"),))
    elif isinstance(last, ast.Expr) and last.lineno > handler.lineno:
        yield Draft("Raise it again", (Change(last, f"\n{' ' * last.col_offset}raise", insert="after"),))
