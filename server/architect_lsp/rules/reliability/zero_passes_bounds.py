"""A check of bounds is skipped for the number that it is there for.

Why: `if limit and not 0 < limit <= 100` is to refuse 0, but 0 is false, so that the check is never made for it. It was meant to
ask whether there is a number at all.
Instead: compare with None.

    if limit is not None and not 0 < limit <= 100:
        raise ValueError("the limit must be between 1 and 100")

Consequences: 0 comes through, and is divided by, or asks for no rows.
Tests: 0 beside the other bounds.
Source: CWE-1284; https://docs.python.org/3/library/stdtypes.html#truth-value-testing
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A5", "E1"],
    cwe=1284,
    needs=[" and "],
    bad=[
        Bad(
            """
def checked(limit):
    if [|limit and not (0 < limit <= 100)|]:
        raise ValueError("the limit must be between 1 and 100")
    return limit
""",
            fixed="""
def checked(limit):
    if limit is not None and not (0 < limit <= 100):
        raise ValueError("the limit must be between 1 and 100")
    return limit
""",
        ),
        Bad("""
class Pager:
    def check(self):
        if [|self.size and self.size < 1|]:
            raise ValueError("too small")
        if [|self.page and self.page <= 0|]:
            raise ValueError("no such page")
"""),
    ],
    good=[
        """
def checked(limit, other, code):
    if limit is not None and not (0 < limit <= 100):
        raise ValueError
    if limit and not (0 <= limit <= 100):
        raise ValueError
    if limit and limit < 0:
        raise ValueError
    if limit and other < 1:
        raise ValueError
    if code and code < 32:
        return 0
    return limit and limit > 1
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Truth tests of a number beside a comparison that 0 fails, where what follows refuses it."""
    for node in view.reading.each(ast.BoolOp):
        if not isinstance(node.op, ast.And) or len(node.values) != 2 or not isinstance(node.values[0], ast.Name | ast.Attribute):
            continue
        asked = ast.unparse(node.values[0])
        if _refuses_zero(node.values[1], asked):
            fix = Draft("Ask for None", (Change(node.values[0], f"{asked} is not None"),))
            yield Hit(node, f"0 is false, so this never refuses `{asked} = 0`.", fixes=(fix,))


def _refuses_zero(test: ast.expr, asked: str) -> bool:
    """Whether a test is there to find 0 among others: `not 0 < n`, `n < 1`, `n <= 0`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and isinstance(test.operand, ast.Compare):
        row = test.operand
        bound = row.left.value if isinstance(row.left, ast.Constant) else None
        if ast.unparse(row.comparators[0]) != asked or type(bound) not in (int, float):
            return False
        return (isinstance(row.ops[0], ast.Lt) and bound == 0) or (isinstance(row.ops[0], ast.LtE) and bound == 1)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or ast.unparse(test.left) != asked:
        return False
    limit = test.comparators[0].value if isinstance(test.comparators[0], ast.Constant) else None
    if type(limit) not in (int, float):
        return False
    return (isinstance(test.ops[0], ast.LtE) and limit == 0) or (isinstance(test.ops[0], ast.Lt) and limit == 1)
