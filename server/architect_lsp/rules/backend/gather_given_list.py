"""`asyncio.gather` is given one list instead of what the list holds.

Why: `gather` takes awaitables one by one. A list is none: it raises `TypeError` before anything has begun, and the coroutines in
the list are never awaited.
Instead: unpack the list.

    return await asyncio.gather(*jobs)

Consequences: the call fails every time.
Tests: any test that runs the line.
Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.gather
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=628,
    needs=["gather("],
    bad=[
        Bad(
            """
import asyncio

async def totals(shops):
    jobs = [shop.total() for shop in shops]
    return await asyncio.gather([|jobs|])
""",
            fixed="""
import asyncio

async def totals(shops):
    jobs = [shop.total() for shop in shops]
    return await asyncio.gather(*jobs)
""",
        ),
        Bad(
            """
import asyncio

async def totals(shops):
    jobs = []
    for shop in shops:
        jobs.append(shop.total())
    await asyncio.gather([|(shop.check() for shop in shops)|])
    return await asyncio.gather([|jobs|], return_exceptions=True)
""",
            fixed=None,
        ),
    ],
    good=[
        """
import asyncio

async def totals(shops, task, jobs, given=None):
    if given is None:
        given = [it.total() for it in shops]
    else:
        given = asyncio.ensure_future(given)
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.gather(given)
    await asyncio.gather(jobs)
    return await asyncio.gather(*[it.total() for it in shops])
""",
    ],
)

_LISTS = (ast.List, ast.ListComp, ast.GeneratorExp, ast.Set, ast.SetComp, ast.Tuple)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls of `gather` whose one argument is surely a list."""
    for call in view.reading.each(ast.Call):
        if len(call.args) != 1 or not isinstance(call.func, ast.Name | ast.Attribute):
            continue
        given = call.args[0]
        if (call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id) != "gather" or not _is_list(view, given):
            continue
        if view.callee(call) in ("asyncio.gather", "asyncio.tasks.gather"):
            yield Hit(given, "`gather` takes awaitables one by one, and this is a list of them: unpack it.", tuple(_fix(given)))


def _is_list(view: View, given: ast.expr) -> bool:
    if isinstance(given, ast.Name):
        function = view.reading.function(given)
        values = view.reading.bindings(function).get(given.id, []) if function is not None else []
        return bool(values) and all(isinstance(it, _LISTS) for it in values)
    return isinstance(given, _LISTS)


def _fix(given: ast.expr) -> Iterator[Draft]:
    if isinstance(given, ast.Name):
        yield Draft("Unpack the list", (Change(given, "*", insert="before"),))
