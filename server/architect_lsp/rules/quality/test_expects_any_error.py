"""A test expects any exception at all, so it passes for the wrong one too.

Why: `pytest.raises(Exception)` is content with a typo in the test, a missing fixture or an `AttributeError` deep in the code; the
test goes on passing when the behaviour it was written for is gone.
Instead: name the exception, and a part of its message where the class alone does not say which case it was.

    with pytest.raises(OrderClosed, match="order 7"):
        order.add(line)

Trade-offs: where code raises a bare `Exception`, `match` is all there is; give the error a class of its own.
Tests: rename the function under test: a test that still passes expected anything.
Source: https://docs.astral.sh/ruff/rules/assert-raises-exception/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["E1"],
    equivalents=["B017", "PT011"],
    tests_too=True,
    needs=["aises("],
    bad=[
        Bad("""
import pytest

def test_closed(order, line):
    with [|pytest.raises(Exception)|]:
        order.add(line)
"""),
        Bad("""
import unittest

class TestOrder(unittest.TestCase):
    def test_closed(self):
        with [|self.assertRaises(Exception)|]:
            order.add(line)
"""),
    ],
    good=[
        """
import pytest

def test_closed(order, line):
    with pytest.raises(Exception, match="order 7"):
        order.add(line)
    with pytest.raises(OrderClosed):
        order.add(line)
    with pytest.raises(Exception) as raised:
        order.add(line)
    assert raised.value.code == 7

class TestOrder:
    def test_closed(self):
        with self.assertRaises(ValueError):
            order.add(line)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Blocks of tests that expect `Exception` and look at nothing of it."""
    if not is_test(view.path):
        return
    for item in view.reading.each(ast.withitem):
        call = item.context_expr
        if not isinstance(call, ast.Call) or item.optional_vars is not None or keyword(call, "match") is not None:
            continue
        name = dotted(call.func).rpartition(".")[2]
        if name in ("raises", "assertRaises") and len(call.args) == 1 and _is_any(call.args[0]):
            yield Hit(call, f"`{ast.unparse(call)}` passes for every mistake too, a typo in the test included.")


def _is_any(node: ast.expr) -> bool:
    return dotted(node) in ("Exception", "BaseException", "builtins.Exception")
