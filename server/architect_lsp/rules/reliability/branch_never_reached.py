"""A branch asks what a branch before it has asked already.

Why: of two `elif` with the same test only the first is ever taken. The second was meant to ask something else, or holds what the
first should do.
Instead: ask what was meant, or join the two.

    elif status == "exited":
        state = State.STOPPED
    elif status == "dead":
        state = State.FAILED

Consequences: the case that was meant is handled as if it did not exist.
Tests: one case for each branch.
Source: CWE-561
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
    rows=["E1", "E4"],
    cwe=561,
    needs=["elif ", " or "],
    bad=[
        Bad("""
def state_of(status):
    if status == "exited":
        return "stopped"
    elif status == "running":
        return "running"
    elif [|status == "exited"|]:
        return "failed"
    return "unknown"
"""),
        Bad("""
def name_of(run_name, run_id):
    return run_name or [|run_name|]
"""),
    ],
    good=[
        """
def state_of(status, rows, value, other):
    if status == "exited":
        return "stopped"
    elif rows.pop() == "a":
        return 1
    elif rows.pop() == "a":
        return 2
    elif (status := next(rows)) == "exited":
        return 3
    if value and value.name or other:
        return value or other
    return next(rows) or next(rows)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tests that stand twice in one chain of branches, and values that stand twice in one `or`."""
    reading = view.reading
    for first in reading.each(ast.If):
        if not first.orelse or _is_later(reading, first):
            continue
        asked: set[str] = set()
        branch: ast.stmt | None = first
        while isinstance(branch, ast.If):
            test = ast.unparse(branch.test)
            if test in asked:
                yield Hit(branch.test, "A branch above asks the same, so this one is never taken.")
            if "(" in test or "await" in test:
                asked.clear() if ":=" in test else None
            else:
                asked.add(test)
            branch = branch.orelse[0] if len(branch.orelse) == 1 else None
    for node in reading.each(ast.BoolOp):
        if isinstance(node.op, ast.Or):
            known: set[str] = set()
            for it in node.values:
                text = ast.unparse(it)
                if text in known:
                    yield Hit(it, f"`{text}` stands before this `or` already, so this can't change anything.")
                if isinstance(it, ast.Name | ast.Attribute | ast.Compare) and "(" not in text:
                    known.add(text)


def _is_later(reading: Reading, node: ast.If) -> bool:
    """Whether it is an `elif` of a chain."""
    up = reading.parent(node)
    return isinstance(up, ast.If) and up.orelse == [node]
