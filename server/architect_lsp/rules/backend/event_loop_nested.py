"""An event loop is started inside a running one.

Why: a thread runs one loop at a time. `asyncio.run` and `run_until_complete` raise a RuntimeError when a loop is running already,
whether they stand in the coroutine or in a plain function that it calls.
Instead: await the coroutine; from a plain function that may run under a loop, hand it to that loop from another thread.

    async def quote(sku: str) -> Price:
        return await prices.fetch(sku)      # not asyncio.run(prices.fetch(sku))

Consequences: the call fails every time it is reached from async code; in a script it works, so tests of the helper pass.
Trade-offs: `nest_asyncio` patches the loop to allow it, and makes the order of callbacks impossible to reason about.
Tests: call the function from a coroutine.
Source: https://docs.python.org/3/library/asyncio-runner.html#asyncio.run
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    needs=["async def"],
    bad=[
        Bad(
            """
import asyncio

async def fetch(sku): ...

async def quote(sku):
    return [|asyncio.run(fetch(sku))|]
""",
            fixed="""
import asyncio

async def fetch(sku): ...

async def quote(sku):
    return await fetch(sku)
""",
        ),
        Bad("""
-- app/api.py --
from app.prices import price

async def quote(sku):
    return [|price(sku)|]
-- app/prices.py --
import asyncio

async def fetch(sku): ...

def price(sku):
    loop = asyncio.get_event_loop()
    return loop.run_until_complete(fetch(sku))
"""),
    ],
    good=[
        """
import asyncio

async def fetch(sku): ...

async def quote(sku):
    return await fetch(sku)

async def in_thread(sku):
    return await asyncio.to_thread(lambda: asyncio.run(fetch(sku)))

def main():
    asyncio.run(quote("a"))
""",
        """
import asyncio

async def fetch(sku): ...

def price(sku):
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(fetch(sku))
    return asyncio.run_coroutine_threadsafe(fetch(sku), loop).result()

def other(sku, wait):
    if wait:
        return asyncio.run(fetch(sku))

async def quote(sku):
    return price(sku), other(sku, False)
""",
    ],
)

_RUNS = regex(
    r"asyncio\.(?:run|runners\.run|Runner\.run|(?:AbstractEventLoop|BaseEventLoop)\.run_(?:until_complete|forever))"
    r"|anyio\.run|trio\.run|uvloop\.run|asgiref\.sync\.AsyncToSync"
)
_ASKS = ("get_running_loop", "is_running", "nest_asyncio", "apply")
"""Calls of a function that looks before it starts a loop."""
_STEPS = 3


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls in a coroutine that start a loop, at once or through plain functions."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if not isinstance(reading.function(call), ast.AsyncFunctionDef) or reading.awaited(call):
            continue
        symbol = view.symbol(call.func)
        if isinstance(symbol, External) and _RUNS.fullmatch(name := view.callee(call)):
            if not _looks(reading, call):
                yield Hit(call, f"`{name}` raises here: a loop is running already.", tuple(_fix(reading, call)))
        elif isinstance(symbol, FunctionSymbol) and not symbol.facts.is_async and (path := _path(view, symbol, _STEPS)):
            told = f"`{ast.unparse(call.func)}` starts an event loop, and one is running already: it raises a RuntimeError."
            yield Hit(call, told, evidence=tuple(path))


def _looks(reading: Reading, call: ast.Call) -> bool:
    function = reading.function(call)
    return function is not None and any(
        isinstance(it, ast.Attribute | ast.Name) and _named(it) in _ASKS for it in ast.walk(function)
    )


def _named(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def _path(view: View, symbol: FunctionSymbol, steps: int) -> list[tuple[Ref, str]]:
    """The calls from a plain function, none in a branch, to one that starts a loop; [] when there are none."""
    definition = symbol.facts
    if steps == 0 or definition.is_generator or any(it.target.rpartition(".")[2].strip("()") in _ASKS for it in definition.calls):
        return []
    for index, call in enumerate(definition.calls):
        inner = view.project.resolve(symbol.path, call.target, definition.owner) if call.certain else None
        ref = Ref(symbol.path, definition.qualname, "call", index)
        if isinstance(inner, External) and _RUNS.fullmatch(name := canonical(inner.name)):
            return [(ref, f"`{definition.qualname}` calls `{name}`")]
        if isinstance(inner, FunctionSymbol) and not inner.facts.is_async and (rest := _path(view, inner, steps - 1)):
            return [(ref, f"`{definition.qualname}` calls `{inner.facts.qualname}`"), *rest]
    return []


def _fix(reading: Reading, call: ast.Call) -> Iterator[Draft]:
    if len(call.args) == 1 and not call.keywords and isinstance(call.args[0], ast.Call):
        tight = isinstance(reading.parent(call), ast.Attribute | ast.Subscript)
        text = f"await {reading.source(call.args[0])}"
        yield Draft("Await the coroutine", (Change(call, f"({text})" if tight else text),))
