"""A test holds an assertion that can't fail, so what it looks as if it tests is not tested.

Why: an assertion on a tuple is true because the tuple is not empty; `mock.called_once_with(...)` is an attribute that the mock
makes up, and a mock is true; nothing after the statement that raises inside `pytest.raises` is run; an `assert` whose error is
caught by an `except Exception: pass` around it never fails anything.
Instead: write the assertion where it runs and about the value itself.

    with pytest.raises(OrderClosed) as raised:
        order.add(line)
    assert raised.value.order is order  # below the block

    send.assert_called_once_with(order.id)

Consequences: the behaviour may break, or be broken already, with all tests green.
Tests: break the code under test on purpose and see the test fail; a mock made with `autospec=True` refuses made-up names.
Source: https://docs.python.org/3/library/unittest.mock.html#autospeccing and
https://docs.pytest.org/en/stable/how-to/assert.html#assertions-about-expected-exceptions
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["E1"],
    equivalents=["F631", "PGH005", "B015"],
    tests_too=True,
    needs=["assert", "called_"],
    bad=[
        Bad("""
import pytest
from app.orders import Order

def test_total():
    assert [|(Order(3).total() == 3, "no tax on three")|]

def test_refuses(order, line):
    with pytest.raises(ValueError) as raised:
        order.add(line)
        [|assert raised.value.args == ("closed",)|]

def test_swallows(order):
    try:
        order.close()
        assert order.closed
    [|except Exception:|]
        pass

def test_leaves(order):
    return
    [|assert order.closed|]
"""),
        Bad(
            """
def test_mail(mocker, order):
    send = mocker.patch("app.mail.send")
    order.close()
    [|send.called_once_with(order.id)|]
""",
            fixed="""
def test_mail(mocker, order):
    send = mocker.patch("app.mail.send")
    order.close()
    send.assert_called_once_with(order.id)
""",
        ),
        Bad(
            """
def test_mail(send, order):
    order.close()
    [|send.assert_called_once|]
""",
            fixed="""
def test_mail(send, order):
    order.close()
    send.assert_called_once()
""",
        ),
        Bad("""
def test_mail(send, order):
    order.close()
    assert [|send.called_with(order.id)|]
"""),
    ],
    good=[
        """
import pytest
from app.orders import Order

def test_total():
    assert Order(3).total() == 3, "no tax on three"
    assert (Order(3).total(), Order(4).total()) == (3, 4)

def test_refuses(order, line):
    with pytest.raises(ValueError) as raised:
        order.add(line)
    assert raised.value.args == ("closed",)

def test_refuses_late(order):
    with pytest.raises(AssertionError):
        order.close()
        assert order.is_valid()

def test_swallows(order):
    try:
        order.close()
        assert order.closed
    except OSError:
        pass

def test_reports(order):
    try:
        assert order.close()
    except Exception as error:
        pytest.fail(str(error))

def test_mail(send, order):
    order.close()
    send.assert_called_once_with(order.id)
    assert send.called

def test_leaves(order):
    if order is None:
        return
    assert order.closed
""",
    ],
)

_MADE_UP = regex(r"not_called|called_once|called_with|called_once_with|any_call|has_calls|awaited_once|awaited_with")
_UNCALLED = regex(r"assert_(?:called|not_called|called_once|awaited|awaited_once|not_awaited)")
_BROAD = ("Exception", "BaseException", "AssertionError", "builtins.Exception")
_PLAIN = ("str", "len", "repr", "isinstance", "type", "list", "set", "sorted", "int", "any", "all")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Assertions of tests that are true, or are not run, whatever the code under test does."""
    reading = view.reading
    if not is_test(view.path) or reading.unit.kind != "function":
        return
    for it in reading.each(ast.Assert):
        if isinstance(it.test, ast.Tuple) and it.test.elts:
            yield Hit(
                it.test, "This asserts a tuple that is not empty, which is always true: the comma ends the assertion's test."
            )
        elif isinstance(it.test, ast.Call) and _is_made_up(it.test):
            yield Hit(it.test, f"`{dotted(it.test.func)}` is made up by the mock and always true: nothing is asserted.")
    for statement in reading.each(ast.Expr):
        value = statement.value
        if isinstance(value, ast.Call) and _is_made_up(value):
            name = f"{ast.unparse(value.func.value)}.assert_{value.func.attr}" if isinstance(value.func, ast.Attribute) else ""
            fix = Draft(f"Call `assert_{name.rpartition('assert_')[2]}`", (Change(value.func, name),))
            yield Hit(value, f"`{dotted(value.func)}` is made up by the mock: nothing is asserted.", (fix,))
        elif isinstance(value, ast.Attribute) and _UNCALLED.fullmatch(value.attr):
            fix = Draft("Call it", (Change(value, "()", insert="after"),))
            yield Hit(value, f"`{value.attr}` is named and not called: nothing is asserted.", (fix,))
    for function in reading.functions:
        if function.name.startswith("test"):
            yield from _unreached(reading, function)
    for block in reading.each(ast.Try):
        yield from _swallowed(block)


def _is_made_up(call: ast.Call) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and bool(_MADE_UP.fullmatch(function.attr))


def _unreached(reading: Reading, function: Function) -> Iterator[Hit]:
    for index, it in enumerate(function.body[:-1]):
        if isinstance(it, ast.Return | ast.Raise):
            late = next((each for each in function.body[index + 1 :] if isinstance(each, ast.Assert)), None)
            if late is not None:
                yield Hit(late, f"This is never run: `{function.name}` has left before it.")
            break
    for block in reading.each(ast.With):
        if reading.function(block) is not function or not _expects(block):
            continue
        name = block.items[0].optional_vars
        for it in block.body[1:]:
            if isinstance(it, ast.Assert) and isinstance(name, ast.Name) and _speaks_of(it.test, name.id):
                yield Hit(it, f"This is never run: what is expected to raise stands above it, in the same block as `{name.id}`.")
                break


def _expects(block: ast.With) -> bool:
    """Whether a block ends at the error it expects; an expected AssertionError may come from its last line."""
    call = block.items[0].context_expr
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr not in ("raises", "assertRaises", "assertRaisesRegex", "assertRaisesMessage") or not call.args:
        return False
    return "AssertionError" not in ast.unparse(call.args[0])


def _speaks_of(node: ast.expr, name: str) -> bool:
    """Whether an expression looks at a name through no call but those that only look."""
    calls = [it for it in ast.walk(node) if isinstance(it, ast.Call)]
    if any(dotted(it.func) not in _PLAIN for it in calls):
        return False
    return any(isinstance(it, ast.Name) and it.id == name for it in ast.walk(node))


def _swallowed(block: ast.Try) -> Iterator[Hit]:
    last = block.body[-1]
    if not isinstance(last, ast.Assert):
        return
    for handler in block.handlers:
        named = handler.type is None or dotted(handler.type) in _BROAD
        if named and all(isinstance(it, ast.Pass) for it in handler.body):
            yield Hit(handler, "This handler swallows the assertion's own error: the test passes whatever the assertion finds.")
            return
        if named:
            return
