"""A loop over an async generator ends early, and what the generator holds stays open.

Why: when a loop over an asynchronous generator is left by `return`, `break` or an error, nobody closes the generator: its
`finally` and its `async with` run when the garbage collector comes, in another task and perhaps after the loop's end.
Instead: close it where the loop is left.

    async with contextlib.aclosing(changes(dsn)) as events:
        async for event in events:
            if event.kind == kind:
                return event

Consequences: connections and transactions that stay open under load, "Event loop is closed" at the end.
Trade-offs: where the loop runs to the generator's end there is nothing to close.
Tests: leave after the first item, and assert that the connection is back in its pool.
Performance: each loop that was left holds a connection until the collector runs.
Source: https://docs.python.org/3/library/contextlib.html#contextlib.aclosing; https://peps.python.org/pep-0525/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.knowledge.waiting import is_plain, run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "C4"],
    cwe=772,
    needs=["async for"],
    bad=[
        Bad("""
import asyncpg

async def changes(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        async for record in connection.cursor("select * from changes"):
            yield record
    finally:
        await connection.close()

async def first(dsn, kind):
    async for event in [|changes(dsn)|]:
        if event["kind"] == kind:
            return event

async def seen(dsn, kind):
    found = False
    async for event in [|changes(dsn)|]:
        if event["kind"] == kind:
            found = True
            break
    return found
"""),
    ],
    good=[
        """
from contextlib import aclosing
import asyncpg

async def changes(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        async for record in connection.cursor("select * from changes"):
            yield record
    finally:
        await connection.close()

async def numbers():
    for it in range(10):
        yield it

async def first(dsn, kind):
    async with aclosing(changes(dsn)) as events:
        async for event in events:
            if event["kind"] == kind:
                return event

async def total(dsn):
    count = 0
    async for event in changes(dsn):
        for it in event:
            if it is None:
                break
        count += 1
    return count

async def one():
    async for it in numbers():
        return it
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Loops that are left in the middle, over a generator of the project's that keeps something open."""
    for loop in view.reading.each(ast.AsyncFor):
        if not isinstance(loop.iter, ast.Call) or not _leaves(loop):
            continue
        symbol = view.symbol(loop.iter.func)
        if isinstance(symbol, FunctionSymbol) and symbol.facts.keeps_open and is_plain(symbol.facts):
            told = f"This loop may be left early: what `{ast.unparse(loop.iter.func)}` holds is then closed by chance, not here."
            yield Hit(loop.iter, told)


def _leaves(loop: ast.AsyncFor) -> bool:
    """Whether a `return` or a `break` of its own leaves the loop."""
    if any(isinstance(it, ast.Return) for it in run_by(loop.body)):
        return True
    stack: list[ast.AST] = [*loop.body]
    while stack:
        it = stack.pop()
        if isinstance(it, ast.Break):
            return True
        if not isinstance(it, ast.For | ast.AsyncFor | ast.While | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            stack += ast.iter_child_nodes(it)
    return False
