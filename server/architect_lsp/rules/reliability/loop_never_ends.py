"""Nothing in a loop changes what it waits for.

Why: the condition compares numbers that no line of the body touches. Once it holds it holds for ever, and the worker with it.
Instead: count, or loop over what there is.

    for page in range(1, 11):
        found.extend(client.page(page))

Tests: call it with a client whose answers are empty, under a timeout.
Source: CWE-835
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["E1"],
    cwe=835,
    needs=["while"],
    bad=[
        Bad("""
def pages(client):
    page = 1
    found = []
    while [|page <= 10|]:
        found.extend(client.page(page))
    return found
"""),
    ],
    good=[
        """
def pages(client, limit):
    page = 1
    while page <= 10:
        client.page(page)
        page += 1
    tries = 0
    while tries < limit:
        if client.ping():
            break
    left = 3
    while left > 0:
        left = client.left()
    done = 0
    def step():
        nonlocal done
        done += 1
    while done < 3:
        step()

def waited(client):
    count = 0
    while count < 10:
        with client.lock() as count:
            pass
""",
    ],
)

_LEAVES = (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Loops on a number that was set to a literal and is set no more."""
    reading = view.reading
    for loop in reading.each(ast.While):
        test = loop.test
        if (
            not isinstance(test, ast.Compare)
            or len(test.ops) != 1
            or not isinstance(test.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        ):
            continue
        sides = (test.left, test.comparators[0])
        names = {it.id for it in sides if isinstance(it, ast.Name)}
        if not names or not all(isinstance(it, ast.Name | ast.Constant) for it in sides):
            continue
        if not any(_is_number(reading, loop, it) for it in names):
            continue
        inside = [it for row in loop.body for it in ast.walk(row)]
        if any(isinstance(it, _LEAVES) for it in inside) or _is_set(reading, loop, names):
            continue
        yield Hit(test, f"Nothing in the loop changes {' or '.join(f'`{it}`' for it in sorted(names))}: it never ends.")


def _is_number(reading: Reading, loop: ast.While, name: str) -> bool:
    """Whether all that the function gives the name are numbers that are written out."""
    values = reading.bindings(reading.function(loop)).get(name, [])
    return bool(values) and all(isinstance(it, ast.Constant) and isinstance(it.value, int | float) for it in values)


def _is_set(reading: Reading, loop: ast.While, names: set[str]) -> bool:
    """Whether the body, or another function that is part of this one, may set one of the names; or the process ends there."""
    function = reading.function(loop)
    for it in ast.walk(function) if function is not None else ():
        if isinstance(it, ast.Nonlocal | ast.Global) and names & set(it.names):
            return True
    for row in loop.body:
        for it in ast.walk(row):
            if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store | ast.Del) and it.id in names:
                return True
            if isinstance(it, ast.Attribute) and it.attr in ("exit", "_exit", "abort", "fail", "skip"):
                return True
            if isinstance(it, ast.Name) and it.id in ("exit", "quit", "next", "abort"):
                return True
    return False
