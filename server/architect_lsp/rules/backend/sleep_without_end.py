"""A coroutine sleeps for a very long time where it means to wait for ever.

Why: a sleep of a year is a magic number for "until somebody cancels me". It reads as a schedule, it ends one day when nobody
thinks of it any more, and what comes after it then runs.
Instead: say that it waits, and for what.

    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()

Consequences: a server that was up for long enough ends by itself.
Trade-offs: none; `trio.sleep_forever()` and `anyio.sleep_forever()` are shorter too.
Source: https://flake8-async.readthedocs.io/en/latest/rules.html (ASYNC116)
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["B3"],
    equivalents=["ASYNC116"],
    needs=["sleep("],
    bad=[
        Bad(
            """
import trio

async def serve(nursery, listener):
    nursery.start_soon(listener.run)
    await [|trio.sleep(365 * 24 * 3600)|]
""",
            fixed="""
import trio

async def serve(nursery, listener):
    nursery.start_soon(listener.run)
    await trio.sleep_forever()
""",
        ),
        Bad("""
import asyncio

async def serve(listener):
    await listener.start()
    await [|asyncio.sleep(99999999)|]
"""),
    ],
    good=[
        """
import asyncio
import trio

DAY_S = 24 * 3600

async def sweep(store):
    while True:
        await store.sweep()
        await asyncio.sleep(7 * 24 * 3600)

async def serve(listener):
    await trio.sleep(60)
    await asyncio.sleep(DAY_S)
    await trio.sleep_forever()
""",
    ],
)

_DAY_S = 24 * 3600


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Sleeps of more than a day, outside of a loop that does something then."""
    for call in view.reading.each(ast.Call):
        if not call.args or _seconds(call.args[0]) <= _DAY_S or _then_works(view, call):
            continue
        name = view.callee(call)
        if name in ("asyncio.sleep", "asyncio.tasks.sleep", "trio.sleep", "anyio.sleep"):
            library = name.partition(".")[0]
            fix = (Draft("Sleep for ever", (Change(call, f"{library}.sleep_forever()"),)),) if library != "asyncio" else ()
            yield Hit(call, "This sleeps for more than a day: to wait for ever, wait for an event that ends it.", fix)


def _seconds(node: ast.expr) -> float:
    """The number that is written here, 0 where that can't be told."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _seconds(node.left) * _seconds(node.right)
    value = constant(node)
    return value if isinstance(value, int | float) else 0


def _then_works(view: View, call: ast.Call) -> bool:
    """Whether a loop around it does something else in each turn."""
    loop = view.reading.loop(call)
    return isinstance(loop, ast.While | ast.For | ast.AsyncFor) and len(loop.body) > 1
