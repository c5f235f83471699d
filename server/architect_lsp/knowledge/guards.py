"""Checks that stand between a value and its use, such as `if name not in ALLOWED: return`. A pure function of a reading."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from architect_lsp.knowledge.definitions import (
    BLOCKS,
    COMPREHENSIONS,
    definitions,
    end_of,
    last_name,
    leaves,
    position,
)
from architect_lsp.knowledge.reading import Reading, dotted

STRING_METHODS = frozenset(
    (
        "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "casefold", "swapcase", "encode",
        "decode", "split", "rsplit", "splitlines", "partition", "rpartition", "removeprefix", "removesuffix",
        "expandtabs", "zfill", "center", "ljust", "rjust", "format_map", "translate", "copy", "items", "values",
        "keys", "getvalue", "read_text", "tolist",
    )
)  # fmt: skip
_CHECKS = re.compile(r"^(?:isdigit|isdecimal|isnumeric|isalnum|isalpha|isidentifier|match|fullmatch|is_relative_to)$")
_CHECKERS = re.compile(
    r"(?:^|_)(?:valid\w*|check\w*|ensure\w*|verif\w+|assert\w*|allowed|is_safe\w*|safe|permitted|authori[sz]e\w*|guard)"
)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def is_guarded(reading: Reading, use: ast.AST, name: str) -> bool:
    """Whether a check of `name` stands between its value and `use`: `if name in ALLOWED` around it, or one that left before."""
    below = use
    for up in reading.ancestors(use):
        if isinstance(up, ast.If | ast.IfExp | ast.While) and below is not up.test:
            inside = below is up.body if isinstance(up, ast.IfExp) else any(below is it for it in up.body)
            if _vouches(up.test, name, positive=inside) and not _is_set_between(reading, name, up.test, use):
                return True
        if isinstance(up, COMPREHENSIONS) and any(_vouches(it, name, positive=True) for gen in up.generators for it in gen.ifs):
            return True
        if isinstance(below, ast.stmt | ast.ExceptHandler | ast.match_case):
            for it in _before(up, below):
                if _is_check(it, name) and not _is_set_between(reading, name, it, use):
                    return True
        if isinstance(up, _SCOPES):
            return False
        below = up
    if reading.unit.kind != "module":
        return False
    return any(_is_check(it, name) and not _is_set_between(reading, name, it, use) for it in _earlier(reading.parsed.body, below))


def _is_set_between(reading: Reading, name: str, check: ast.AST, use: ast.AST) -> bool:
    after = (getattr(check, "end_lineno", 0), getattr(check, "end_col_offset", 0))
    rows = definitions(reading, reading.function(use)).get(name, ())
    return any(after <= position(it.node) and end_of(it) <= position(use) for it in rows if it.how in ("set", "each"))


def _before(up: ast.AST, below: ast.AST) -> Sequence[ast.stmt]:
    for field in BLOCKS:
        block = getattr(up, field, None)
        if isinstance(block, list) and any(it is below for it in block):
            return _earlier(block, below)
    return ()


def _earlier(block: Sequence[ast.AST], below: ast.AST) -> Sequence[ast.stmt]:
    index = next((number for number, it in enumerate(block) if it is below), 0)
    return [it for it in block[:index] if isinstance(it, ast.stmt)]


def _is_check(statement: ast.stmt, name: str) -> bool:
    if isinstance(statement, ast.If):
        if not _vouches(statement.test, name, positive=False):
            return False
        return leaves(statement.body) or any(
            isinstance(it, ast.Assign) and any(dotted(target) == name for target in it.targets) for it in statement.body
        )
    if isinstance(statement, ast.Assert):
        return _vouches(statement.test, name, positive=True)
    if isinstance(statement, ast.Expr):
        value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if isinstance(value, ast.Call) and any(dotted(it) == name for it in value.args):
            return bool(_CHECKERS.search(last_name(value.func)))
    if isinstance(statement, ast.Try):
        return leaves([*statement.body[:0], *(it.body[-1] for it in statement.handlers if it.body)]) and any(
            _is_check(it, name) for it in statement.body
        )
    return False


def _vouches(test: ast.expr, name: str, *, positive: bool) -> bool:
    """Whether `test` being true (positive) or false says that `name` is one of a known set or of a plain shape."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _vouches(test.operand, name, positive=not positive)
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) == positive:
            return any(_vouches(it, name, positive=positive) for it in test.values)
        return all(_vouches(it, name, positive=positive) for it in test.values)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        op, left, right = test.ops[0], test.left, test.comparators[0]
        if isinstance(op, ast.In if positive else ast.NotIn):
            return _speaks_of(left, name) and not isinstance(right, ast.Constant)
        if isinstance(op, ast.Eq if positive else ast.NotEq):
            return _speaks_of(left, name) and isinstance(right, ast.Constant) and right.value is not None
        if isinstance(op, ast.Is if not positive else ast.IsNot) and isinstance(left, ast.Call):
            return _vouches(left, name, positive=True)
        return False
    if isinstance(test, ast.Call) and positive:
        last = last_name(test.func)
        receiver = test.func.value if isinstance(test.func, ast.Attribute) else None
        if (
            _CHECKS.match(last)
            and receiver is not None
            and (_speaks_of(receiver, name) or any(_speaks_of(it, name) for it in test.args))
        ):
            return True
        if last == "all" and test.args and isinstance(test.args[0], ast.GeneratorExp):
            return any(_speaks_of(it.iter, name) for it in test.args[0].generators)
        return bool(_CHECKERS.search(last)) and any(_speaks_of(it, name) for it in test.args)
    return False


def _speaks_of(node: ast.expr, name: str) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in STRING_METHODS:
        return _speaks_of(node.func.value, name)
    return dotted(node) == name
