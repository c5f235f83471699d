"""A test computes a result and never looks at it.

Why: the test passes whatever the result is. It looks like cover for the code it runs, in reviews and in coverage figures, and
would not notice if the answer were wrong.
Instead: assert what the caller relies on; if the point is that nothing is raised, say so in the test's name.

    def test_total_adds_the_tax():
        order = Order(net=100)
        assert order.total(tax=0.19) == 119

    def test_total_refuses_a_negative_tax():
        with pytest.raises(ValueError, match="tax"):
            Order(net=100).total(tax=-1)

Consequences: a refactoring that breaks the result is merged with all tests green.
Tests: break the code under test on purpose; a test that stays green does not test it.
Source: Gerard Meszaros, "xUnit Test Patterns", Assertion-Free Test; https://docs.astral.sh/ruff/rules/useless-comparison/
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["E1"],
    equivalents=["B015"],
    tests_too=True,
    needs=["def test"],
    bad=[
        Bad("""
from app.orders import Order

def test_total():
    order = Order(net=100)
    [|total = order.total(tax=0.19)|]

def test_net():
    order = Order(net=100)
    [|order.net == 100|]

def test_shown():
    text = Order(net=100).shown()
    [|print(text)|]
"""),
        Bad("""
-- tests/test_orders.py --
from tests.making import filled

def test_fill():
    [|result = filled(3)|]
-- tests/making.py --
def filled(n):
    return list(range(n))
"""),
    ],
    good=[
        """
import pytest
from app.orders import Order, load

def test_total():
    order = Order(net=100)
    total = order.total(tax=0.19)
    assert total == 119

def test_refuses():
    with pytest.raises(ValueError):
        order = Order(net=-1)

def test_loads_without_error():
    result = load("order.json")

def test_saves(order, snapshot):
    result = order.save()

def test_gets_empty():
    # smoke: an empty order must not raise
    result = Order(net=0).total()

def test_mock(mocker):
    send = mocker.patch("app.send")
    order = Order(net=100)
    send.assert_called_once()

@pytest.mark.skip
def test_later():
    order = Order(net=100)

class TestOrder:
    def test_total(self):
        total = Order(net=100).total()
        self.assertEqual(total, 119)
""",
        """
-- tests/test_orders.py --
from app.orders import Order
from tests.comparing import same

def test_total():
    order = Order(net=100)
    outcome = same(order.total(), 119)
-- tests/comparing.py --
def same(left, right):
    assert left == right
""",
    ],
)

_ASSERTS = regex(
    r"(?:^|_)(?:assert\w*|check\w*|verif\w+|expect\w*|validate\w*|ensure\w*|should\w*|fail\w*|skip\w*|raises|warns|match\w*|must\w*|compare\w*"
    r"|deprecated_call|approx|benchmark|eq_|ok_|test\w*|run_test\w*|error|exit|_exit|wait_for\w*|wait_until\w*|importorskip|xfail)$|[aA]ssert|[eE]xpect|[vV]erif",
)
_MEANT = regex(
    r"smoke|no_?(?:error|exception|crash|raise|warn|fail|op)|(?:not|n.t|never)_?(?:\w+_)?(?:raise|fail|crash|throw|error|warn|break|hang|leak)|import|works|runs?(?:_|$)|instantiat|without|succe|init"
    r"|construct|creat|compil|valid|accept|allow|support|can_|ok(?:_|$)|pass|safe|build|load|pars|example|demo|perf|bench|leak|memory|deadlock|warning",
    re.IGNORECASE,
)
_SAID = regex(
    r"(?:not|n't|no|without|never)\s+(?:\w+\s+){0,3}(?:rais|error|exception|fail|crash|throw|warn|break)|smoke|make sure|ensure"
    r"|should (?:work|run|pass|be able)|doesn't|does not|just|simply|regression|succeed|reproduc|\bgh-?\d|#\d+|issue",
    re.IGNORECASE,
)
_FIXTURES = regex(
    r"assert|check|verify|expect|snapshot|regression|benchmark|mypy|recwarn|approval|golden|data_regression", re.IGNORECASE
)
_RESULT = regex(r"(?:^|_)(?:results?|res|actual|output|out|got|ret|rv|answer|outcome|expected|response|resp|total)(?:_|\d*$)")
_DEPTH = 3


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tests whose last statement is a result that nobody reads, compares or only prints."""
    if not is_test(view.path) or view.reading.unit.kind != "function":
        return
    for function in view.reading.functions:
        if (
            view.reading.parent(function) is not None
            or not function.name.startswith("test")
            or _is_excused(view.reading.unit.text, function)
        ):
            continue
        last = function.body[-1]
        how = _unread(function, last)
        if how and not any(_looks(view, it) for it in ast.walk(function)):
            yield Hit(last, f"`{function.name}` {how}: it passes whatever the code under test gives.")


def _is_excused(text: str, function: Function) -> bool:
    marks = " ".join(ast.unparse(it) for it in function.decorator_list)
    if (
        _MEANT.search(function.name.removeprefix("test_"))
        or _SAID.search(text)
        or re.search(r"skip|xfail|benchmark|raises|expected|fixture|overload|abstract|property|image_comparison|given", marks)
    ):
        return True
    return any(_FIXTURES.search(it.arg) for it in (*function.args.args, *function.args.kwonlyargs))


def _unread(function: Function, last: ast.stmt) -> str:
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Compare):
        return "compares and throws the answer away"
    if (
        isinstance(last, ast.Expr)
        and isinstance(last.value, ast.Call)
        and dotted(last.value.func) in ("print", "pprint", "pprint.pprint")
    ):
        return "prints its result and asserts nothing"
    if isinstance(last, ast.Assign) and len(last.targets) == 1 and isinstance(last.targets[0], ast.Name) and _is_call(last.value):
        name = last.targets[0].id
        if not _RESULT.search(name):
            return ""  # most others are tests that something does not raise
        reads = any(isinstance(it, ast.Name) and it.id == name and isinstance(it.ctx, ast.Load) for it in ast.walk(function))
        return "" if reads else f"never looks at `{name}` and asserts nothing"
    return ""


def _is_call(node: ast.expr) -> bool:
    return isinstance(node.value if isinstance(node, ast.Await) else node, ast.Call)


def _looks(view: View, node: ast.AST) -> bool:
    """Whether a node of the test can make it fail on purpose."""
    if isinstance(node, ast.Assert | ast.Raise):
        return True
    if isinstance(node, ast.With | ast.AsyncWith):
        return any(_ASSERTS.search(_last(it.context_expr)) for it in node.items)
    if not isinstance(node, ast.Call):
        return False
    if _ASSERTS.search(_last(node)) and dotted(node.func) != "print":
        return True
    found = view.definition(node)
    return found is not None and _asserts(view.project, *found, _DEPTH)


def _asserts(project: Project, path: str, definition: Def, depth: int) -> bool:
    if definition.asserts:
        return True
    for call in definition.calls if depth > 0 else ():
        if _ASSERTS.search(call.target.rpartition(".")[2]):
            return True
        symbol = project.resolve(path, call.target, definition.owner)
        if isinstance(symbol, FunctionSymbol) and _asserts(project, symbol.path, symbol.facts, depth - 1):
            return True
    return False


def _last(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
