"""How a function ends: whether the end of its body is ever reached, and what it gives on its ways."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.patterns import regex

_ENDS = (ast.Return, ast.Raise)
_STOPS = regex(
    r"abort|^fail|raise|exit$|throw|deny|forbid|refuse|reject|die$|error|not_?found|unauthori[sz]ed|unreachable|assert_never"
    r"|bad_request",
)
"""Last names of calls that may well never come back."""


def leaves(body: list[ast.stmt], *, stops: bool = False) -> bool:
    """Whether the end of a block is never reached: all its ways return or raise. With `stops`, calls by telling names do too."""
    last = body[-1] if body else None
    if isinstance(last, _ENDS):
        return True
    if isinstance(last, ast.If):
        return leaves(last.body, stops=stops) and leaves(last.orelse, stops=stops)
    if isinstance(last, ast.With | ast.AsyncWith):
        return leaves(last.body, stops=stops)
    if isinstance(last, ast.Try):
        handled = all(leaves(it.body, stops=stops) for it in last.handlers)
        whole = leaves(last.orelse, stops=stops) or leaves(last.body, stops=stops)
        return leaves(last.finalbody, stops=stops) or (handled and whole)
    if isinstance(last, ast.Match):
        return all(leaves(it.body, stops=stops) for it in last.cases) and any(_takes_all(it) for it in last.cases)
    if isinstance(last, ast.While):
        endless = isinstance(last.test, ast.Constant) and bool(last.test.value)
        return endless and not any(isinstance(it, ast.Break) for it in ast.walk(last))
    if stops and isinstance(last, ast.Expr):
        call = last.value.value if isinstance(last.value, ast.Await) else last.value
        return isinstance(call, ast.Call) and bool(_STOPS.search(dotted(call.func).rpartition(".")[2].lower()))
    if stops and isinstance(last, ast.Assert):
        return isinstance(last.test, ast.Constant) and not last.test.value
    return False


def returns(reading: Reading, function: Function) -> Iterator[ast.Return]:
    """The `return`s of a function's own body."""
    yield from (it for it in reading.within(function) if isinstance(it, ast.Return))


def is_empty(function: Function) -> bool:
    """Whether a body does nothing, as that of an interface or of an overload."""
    return all(
        isinstance(it, ast.Pass | ast.Raise) or (isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant))
        for it in function.body
    )


def gives_nothing(reading: Reading, function: Function, *, may_stay: bool = False) -> bool:
    """Whether a way through the function, one that does not raise, ends without a value; with `may_stay` None may stay None."""
    rows = list(returns(reading, function))
    if any(isinstance(it, ast.Yield | ast.YieldFrom) for it in reading.within(function)) or is_empty(function):
        return False
    return any(it.value is None and not (may_stay and _is_none_already(reading, it)) for it in rows) or not leaves(
        function.body, stops=True
    )


def _is_none_already(reading: Reading, node: ast.Return) -> bool:
    """Whether a bare `return` stands where a name was None: `if value is None: return`."""
    up = reading.parent(node)
    test = up.test if isinstance(up, ast.If) and node in up.body else None
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is) and ast.unparse(test.comparators[0]) == "None"


def _takes_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
