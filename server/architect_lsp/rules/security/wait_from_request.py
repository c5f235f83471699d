"""A client says how long the server waits.

Why: each such request holds a worker, or a connection, for as long as its sender likes; a few end the service for all others.
Instead: wait for what you decide, or cap what is asked.

    time.sleep(min(seconds, 2))

Tests: ask for a day, and expect an answer at once.
Security: CWE-400.
Source: https://cwe.mitre.org/data/definitions/400.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.request_handlers import is_of_handler
from architect_lsp.knowledge.sources import is_terminal
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=400,
    needs=["sleep"],
    bad=[
        Bad("""
import time
from flask import request

def wait():
    seconds = float(request.args["seconds"])
    time.sleep([|seconds|])
"""),
        Bad("""
import asyncio
from fastapi import FastAPI

app = FastAPI()

@app.get("/wait")
async def wait(seconds: float):
    await asyncio.sleep([|seconds|])
"""),
    ],
    good=[
        """
import time
from flask import request

def wait():
    seconds = min(float(request.args["seconds"]), 2)
    time.sleep(seconds)
    time.sleep(1)

def late():
    pause = float(request.args["pause"])
    if pause > 2:
        raise ValueError("too long")
    time.sleep(pause)
""",
    ],
)

_NUMBERS = ("int", "float")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Pauses whose length a request says, as it came."""
    reading = view.reading
    for call in reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last != "sleep" or len(call.args) != 1 or view.callee(call) not in ("time.sleep", "asyncio.sleep", "anyio.sleep"):
            continue
        given = call.args[0]
        if isinstance(given, ast.Name) and _is_looked_at(reading, call, given.id):
            continue
        if _is_asked(view, given) or (
            isinstance(given, ast.Name) and is_of_handler(reading, Origin("parameter", given.id, given))
        ):
            yield Hit(given, "The client says how long this worker waits: a few such requests hold up all others; cap it.")


def _is_asked(view: View, node: ast.expr) -> bool:
    """Whether an expression is a number that a request holds."""
    if isinstance(node, ast.Name):
        values = view.reading.bindings(view.reading.function(node)).get(node.id, [])
        return len(values) == 1 and values[0] is not None and not isinstance(values[0], ast.Name) and _is_asked(view, values[0])
    if isinstance(node, ast.Call) and dotted(node.func) in _NUMBERS and len(node.args) == 1:
        origin = view.untrusted(node.args[0], "wait")
        return origin is not None and not is_terminal(origin)
    return False


def _is_looked_at(reading: Reading, call: ast.Call, name: str) -> bool:
    """Whether something else in the function compares it, or is given it."""
    for node in reading.within(reading.function(call)):
        if isinstance(node, ast.Compare) and any(dotted(it) == name for it in (node.left, *node.comparators)):
            return True
        if isinstance(node, ast.Call) and dotted(node.func) in ("min", "max") and any(dotted(it) == name for it in node.args):
            return True
    return False
