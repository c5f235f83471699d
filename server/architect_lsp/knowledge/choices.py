"""Conditions that are decided before the program runs, and the branches that therefore never run. Pure functions of a reading."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from architect_lsp.knowledge.reading import Reading

_UNKNOWN = object()
_DEPTH = 12
_OPERATIONS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def decided(reading: Reading, test: ast.expr) -> bool | None:
    """The truth of a condition made of literals and names bound once to literals; None for any other."""
    value = _value(reading, test, 0)
    return None if value is _UNKNOWN else bool(value)


def known(reading: Reading, node: ast.AST | None) -> bool:
    """Whether a `match` has a subject that is known beforehand."""
    return isinstance(node, ast.Match) and _value(reading, node.subject, 0) is not _UNKNOWN


def dead(reading: Reading, node: ast.AST) -> bool:
    """Whether `node` stands in a branch that never runs."""
    known: dict[ast.AST, bool] = reading.memo.setdefault("dead", {})
    if node not in known:
        known[node] = _dead(reading, node)
    return known[node]


def _dead(reading: Reading, node: ast.AST) -> bool:
    below = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.If) and below is not up.test:
            truth = decided(reading, up.test)
            if truth is not None and truth != any(below is it for it in up.body):
                return True
        if isinstance(up, ast.match_case):
            match = reading.parent(up)
            if isinstance(match, ast.Match) and known(reading, match) and _taken(reading, match) is not up:
                return True
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return False
        below = up
    return False


def _taken(reading: Reading, match: ast.Match) -> ast.match_case | None:
    subject = _value(reading, match.subject, 0)
    return next((it for it in match.cases if it.guard is None and _matches(it.pattern, subject)), None)


def _matches(pattern: ast.pattern, subject: object) -> bool:
    if isinstance(pattern, ast.MatchValue):
        return isinstance(pattern.value, ast.Constant) and pattern.value.value == subject
    if isinstance(pattern, ast.MatchOr):
        return any(_matches(it, subject) for it in pattern.patterns)
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def _value(reading: Reading, node: ast.expr, depth: int) -> Any:
    if depth > _DEPTH:
        return _UNKNOWN
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        values = reading.bindings(reading.function(node)).get(node.id)
        if (
            values is None
            or len(values) != 1
            or values[0] is None
            or not isinstance(values[0], ast.Constant | ast.BinOp | ast.Subscript)
        ):
            return _UNKNOWN
        return _value(reading, values[0], depth + 1)
    if isinstance(node, ast.BinOp):
        return _joined(type(node.op), _value(reading, node.left, depth + 1), _value(reading, node.right, depth + 1))
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = _value(reading, node.left, depth + 1), _value(reading, node.comparators[0], depth + 1)
        return _joined(type(node.ops[0]), left, right)
    if isinstance(node, ast.Subscript):
        return _joined(None, _value(reading, node.value, depth + 1), _value(reading, node.slice, depth + 1))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        value = _value(reading, node.operand, depth + 1)
        return _UNKNOWN if value is _UNKNOWN else not value
    return _UNKNOWN


def _joined(kind: type[ast.AST] | None, left: Any, right: Any) -> Any:
    if left is _UNKNOWN or right is _UNKNOWN:
        return _UNKNOWN
    function = operator.getitem if kind is None else _OPERATIONS.get(kind)
    if function is None or (function is operator.mul and not all(isinstance(it, int | float) for it in (left, right))):
        return _UNKNOWN
    try:
        return function(left, right)
    except (TypeError, ValueError, ArithmeticError, LookupError):
        return _UNKNOWN
