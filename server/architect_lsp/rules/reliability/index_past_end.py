"""A loop counts one further than the list goes.

Why: the last index of a list is one less than its length. The last turn raises `IndexError`, or reads what is not there.
Instead: loop over the list itself, or `range(len(values))`.

    for value in values:
        total += value

Tests: a list of one.
Source: CWE-193
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["E1"],
    cwe=193,
    needs=["len("],
    bad=[
        Bad("""
def summed(values):
    total = 0
    for index in range(0, len(values) + 1):
        total += [|values[index]|]
    at = 0
    while at <= len(values):
        total += [|values[at]|]
        at += 1
    return total
"""),
    ],
    good=[
        """
def summed(values, rows):
    total = 0
    for index in range(len(values) + 1):
        rows.append(values[:index])
        total += values[index - 1] if index else 0
        if index < len(values):
            total += values[index]
        try:
            total += values[index]
        except IndexError:
            break
    for index in range(len(values)):
        total += values[index] + rows[index + 1]
    return total
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Items that are read at a counter which goes one too far."""
    reading = view.reading
    loops: tuple[ast.For | ast.While, ...] = (*reading.each(ast.For), *reading.each(ast.While))
    for loop in loops:
        counter, held = _counted(loop)
        if not counter or not held:
            continue
        for row in loop.body:
            found = next(
                (it for it in ast.walk(row) if _reads(it, counter, held) and not _is_guarded(reading, it, loop, counter)), None
            )
            if found is not None and not _is_set(loop, counter, held, found):
                yield Hit(found, f"The last turn reads `{held}` past its end.")
                break


def _counted(loop: ast.For | ast.While) -> tuple[str, str]:
    """(counter, list) of a loop that counts to the list's length and one more."""
    if isinstance(loop, ast.While):
        test = loop.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.LtE):
            return dotted(test.left), _length(test.comparators[0])
        return "", ""
    if not isinstance(loop.iter, ast.Call) or dotted(loop.iter.func) != "range" or len(loop.iter.args) not in (1, 2):
        return "", ""
    end = loop.iter.args[-1]
    if isinstance(end, ast.BinOp) and isinstance(end.op, ast.Add) and constant(end.right) == 1:
        return dotted(loop.target), _length(end.left)
    return "", ""


def _length(node: ast.expr) -> str:
    """The list of `len(list)`."""
    is_length = isinstance(node, ast.Call) and dotted(node.func) == "len" and len(node.args) == 1
    return dotted(node.args[0]) if isinstance(node, ast.Call) and is_length else ""


def _reads(node: ast.AST, counter: str, held: str) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and dotted(node.value) == held
        and isinstance(node.slice, ast.Name)
        and node.slice.id == counter
    )


def _is_guarded(reading: Reading, node: ast.AST, loop: ast.AST, counter: str) -> bool:
    """Whether a condition on the counter, or a `try`, stands between."""
    for up in reading.ancestors(node):
        if up is loop:
            return False
        if isinstance(up, ast.Try | ast.BoolOp | ast.comprehension):
            return True
        if isinstance(up, ast.If | ast.IfExp) and any(dotted(it) == counter for it in ast.walk(up.test)):
            return True
    return False


def _is_set(loop: ast.For | ast.While, counter: str, held: str, found: ast.AST) -> bool:
    """Whether the body changes the list, or leaves or goes on by a condition on the counter, or counts on before."""
    before = True
    for row in loop.body:
        for it in ast.walk(row):
            if it is found:
                before = False
            leaves = isinstance(it, ast.If) and any(
                isinstance(each, ast.Break | ast.Continue | ast.Return) for each in ast.walk(it)
            )
            if before and leaves and isinstance(it, ast.If) and any(dotted(each) == counter for each in ast.walk(it.test)):
                return True
            if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store) and it.id in (counter, held) and before:
                return True
            if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and dotted(it.func.value) == held and before:
                return True
    return False
