"""A `return`, `break` or `continue` leaves a `finally` block, and whatever was being raised is lost.

Why: a `finally` block runs while an exception is on its way up. Leaving it by other means throws that exception away, of
whatever kind: a failed write, a `KeyboardInterrupt`, the cancellation of a task. Nothing is logged and the caller is told that
all went well.
Instead: return after the block, and catch by name what is expected.

    try:
        rows = load(path)
    except FileNotFoundError:
        rows = []
    finally:
        lock.release()
    return rows

Consequences: a cancelled task runs on, a shutdown hangs, and a fault has no trace to be found by.
Tests: make the body raise, and assert that the caller sees it.
Observability: an error that is thrown away here is in no log, no metric and no trace.
Source: https://peps.python.org/pep-0765/ (a `SyntaxWarning` from Python 3.14 on)
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["E3", "C4", "B3"],
    cwe=584,
    equivalents=["B012", "W0134", "W0150", "SIM107"],
    needs=["finally"],
    bad=[
        Bad("""
def load(path, lock):
    rows = []
    try:
        rows = read(path)
    finally:
        lock.release()
        [|return rows|]
"""),
        Bad("""
async def work(queue):
    while True:
        try:
            await queue.get()
        finally:
            if queue.empty():
                [|break|]
            for it in range(3):
                continue
            with open("log"):
                [|continue|]
"""),
    ],
    good=[
        """
def load(path, lock):
    try:
        rows = read(path)
    finally:
        for it in lock:
            if it.done:
                break
            continue
        def free():
            return lock
        lock.release()
    return rows

def careful(path):
    try:
        return read(path)
    except Exception:
        log(path)
    return None
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Statements that leave a `finally` block."""
    reading = view.reading
    leaving: list[ast.Return | ast.Break | ast.Continue] = [
        *reading.each(ast.Return),
        *reading.each(ast.Break),
        *reading.each(ast.Continue),
    ]
    for node in leaving:
        if _leaves_finally(reading, node):
            word = type(node).__name__.lower()
            yield Hit(node, f"This `{word}` leaves a `finally` block and throws away the exception that was on its way.")


def _leaves_finally(reading: Reading, node: ast.stmt) -> bool:
    """Whether a `finally` block stands between the statement and what it goes to."""
    below: ast.AST = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            return False
        if isinstance(up, ast.Try) and any(below is it for it in up.finalbody):
            return True
        if isinstance(up, ast.For | ast.AsyncFor | ast.While) and not isinstance(node, ast.Return):
            return False
        below = up
    return False
