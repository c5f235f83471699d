"""Checks that stand between a value and its use, such as `if name not in ALLOWED: return`. A pure function of a reading."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from architect_lsp.knowledge.definitions import (
    BLOCKS,
    COMPREHENSIONS,
    argument_of,
    definitions,
    end_of,
    last_name,
    position,
)
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.shapes import BEGINS, BEGINS_RAW
from architect_lsp.knowledge.transfers import STRING_METHODS
from architect_lsp.knowledge.vouching import (
    CHECKERS,
    CONVERSIONS,
    DECIDING,
    PARTS,
    refusal,
    refused_by,
    told,
    vouched_by,
    vouched_within,
)
from architect_lsp.patterns import regex

_NORMAL = regex(r"realpath|abspath|normpath|\.resolve\(|safe_join|secure_filename|basename|\.\.")
_READS = regex(r"^(?:get\w*|pop|next\w*)$")
"""Calls that a check and a use may both write, and mean the same value."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_STEPS = 2
"""How many of those calls may lie between the value and what is checked."""


def guards(reading: Reading, use: ast.AST, name: str, since: ast.AST | None = None) -> frozenset[str]:
    """What checks of `name` stand between its value and `use`: `if name in ALLOWED` around it, or one that left before.

    `since` is what set one of several values that the name may have: then it is checks of that one.
    """
    if not _is_checked(reading, use, name):
        return frozenset()
    return _standing(reading, use, name, _spoken_of(reading, use, name), since)


def guards_of_text(reading: Reading, use: ast.Call | ast.Subscript) -> frozenset[str]:
    """The same of an expression that a check wrote out once more: `if safe(request.GET["next"]): go(request.GET["next"])`."""
    known: dict[str, set[str]] = reading.memo.setdefault("written in checks", {})
    if "all" not in known:
        each = (it for test in _tests(reading) for it in ast.walk(test) if isinstance(it, ast.Call | ast.Subscript))
        known["all"] = {ast.unparse(it) for it in each if isinstance(it, ast.Subscript) or _READS.match(last_name(it.func))}
    written = ast.unparse(use) if known["all"] else ""
    return _standing(reading, use, written, frozenset([written])) if written in known["all"] else frozenset()


def _standing(reading: Reading, use: ast.AST, name: str, names: frozenset[str], since: ast.AST | None = None) -> frozenset[str]:
    found: set[str] = set()
    below = use
    for up in reading.ancestors(use):
        if isinstance(up, ast.If | ast.IfExp | ast.While) and below is not up.test:
            inside = below is up.body if isinstance(up, ast.IfExp) else any(below is it for it in up.body)
            test = _said(reading, up.test)
            found |= _still(reading, name, test, use, since, told(test, names, positive=inside))
        if isinstance(up, COMPREHENSIONS):
            for generator in up.generators:
                for it in generator.ifs:
                    found |= told(it, names, positive=True)
        if isinstance(below, ast.stmt | ast.ExceptHandler | ast.match_case):
            block, index = _home(reading, up, below)
            for number, statement, vouched in _vouching(reading, block, names):
                if number >= index:
                    break
                found |= _still(reading, name, statement, use, since, vouched)
        if isinstance(up, _SCOPES):
            return _as_path(reading, use, name, found)
        below = up
    if reading.unit.kind == "module":
        body = reading.parsed.body
        index = next((number for number, it in enumerate(body) if it is below), 0)
        for number, statement, vouched in _vouching(reading, body, names):
            if number >= index:
                break
            found |= _still(reading, name, statement, use, since, vouched)
    return _as_path(reading, use, name, found)


def _as_path(reading: Reading, use: ast.AST, name: str, found: set[str]) -> frozenset[str]:
    """The checks, weaker where the value is put together before one of its begin, and nothing takes `..` out of it."""
    if BEGINS not in found:
        return frozenset(found)
    function = reading.function(use)
    values = [it.value for it in definitions(reading, function).get(name, ()) if it.how == "set"]
    is_built = any(
        isinstance(it, ast.JoinedStr | ast.BinOp) or (isinstance(it, ast.Call) and last_name(it.func) in ("join", "joinpath"))
        for it in values
    )
    text = reading.source(function) if function is not None else reading.unit.text
    return frozenset(found - {BEGINS} | {BEGINS_RAW}) if is_built and not _NORMAL.search(text) else frozenset(found)


def untouched(reading: Reading, node: ast.AST, name: str) -> ast.arg | bool:
    """Most names are no work: the argument that a name is all over its function, True for a name from outside of it, False for
    one that is set, checked or bound again in it.
    """
    known: dict[tuple[ast.AST | None, str], ast.arg | bool] = reading.memo.setdefault("untouched", {})
    function = reading.function(node)
    key = (function, name)
    if key not in known:
        own, around = argument_of(function, name), [function]
        while around[-1] is not None:
            around.append(reading.function(around[-1]))
        outside = own is None and not any(argument_of(it, name) for it in around)
        is_set = any(name in definitions(reading, it) for it in around)
        sure = not is_set and not _is_checked(reading, node, name) and name not in _turning(reading)
        known[key] = (own or outside) if sure else False
    return known[key]


def _turning(reading: Reading) -> frozenset[str]:
    """The names that comprehensions bind."""
    known: dict[str, frozenset[str]] = reading.memo.setdefault("names of comprehensions", {})
    if "all" not in known:
        targets = (each for it in reading.each(ast.comprehension) for each in ast.walk(it.target))
        known["all"] = frozenset(it.id for it in targets if isinstance(it, ast.Name))
    return known["all"]


def _is_checked(reading: Reading, use: ast.AST, name: str) -> bool:
    """Whether any check of the unit is about the name, or about what was taken from it."""
    mentioned = _mentioned(reading)
    return bool(mentioned) and bool(mentioned & _spoken_of(reading, use, name))


def _test(reading: Reading, statement: ast.stmt) -> ast.expr | None:
    return _said(reading, statement.test) if isinstance(statement, ast.If | ast.Assert) else None


def _said(reading: Reading, test: ast.expr) -> ast.expr:
    """The check that a test stands for, where it was made before and given a name: `is_safe = allowed(url)`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        said = _said(reading, test.operand)
        return test if said is test.operand else ast.copy_location(ast.UnaryOp(test.op, said), said)
    if not isinstance(test, ast.Name):
        return test
    rows = definitions(reading, reading.function(test)).get(test.id, ())
    value = rows[0].value if len(rows) == 1 and rows[0].how == "set" else None
    return value if isinstance(value, ast.Call | ast.Compare | ast.BoolOp | ast.UnaryOp) else test


def _mentioned(reading: Reading) -> frozenset[str]:
    """The names that any check of the unit mentions, so that most are told at once to be in none."""
    known: dict[str, frozenset[str]] = reading.memo.setdefault("mentioned in checks", {})
    if "all" not in known:
        tests = _tests(reading)
        for given in (*(it.value for it in reading.each(ast.Expr)), *(it.value for it in reading.each(ast.Assign))):
            value = given.value if isinstance(given, ast.Await) else given
            if isinstance(value, ast.Call):
                last = last_name(value.func)
                if (
                    last in ("to_thread", "run_sync", "run_in_threadpool", "run_in_executor")
                    or last == "relative_to"
                    or CHECKERS.search(last)
                    or CONVERSIONS.match(last)
                ):
                    tests.append(value)
        tests += [it for it in (refusal(reading, each) for each in tests) if it is not None]
        found: set[str] = set()
        for test in (_said(reading, it) for it in tests):
            for each in ast.walk(test):
                if isinstance(each, ast.Name):
                    found.add(each.id)
                elif isinstance(each, ast.Attribute):
                    found.add(dotted(each))
        known["all"] = frozenset(found)
    return known["all"]


def _tests(reading: Reading) -> list[ast.expr]:
    """The conditions of the unit."""
    found = [it.test for it in reading.each(ast.If)] + [it.test for it in reading.each(ast.While)]
    found += [*(it.test for it in reading.each(ast.IfExp)), *(it.test for it in reading.each(ast.Assert))]
    return found + [each for it in reading.each(ast.comprehension) for each in it.ifs]


def _spoken_of(reading: Reading, use: ast.AST, name: str) -> frozenset[str]:
    """The name itself, and the names of what was taken from it to be looked at: `host` of `host = urlparse(name).hostname`."""
    known: dict[object, frozenset[str]] = reading.memo.setdefault("spoken of", {})
    function = reading.function(use)
    key = (function, name)
    if key not in known:
        names = {name}
        rows = _taken(reading, function)
        for _ in range(_STEPS if rows else 0):
            more = {other for other, found in rows if other not in names and any(_is_part(it, names) for it in found)}
            if not more:
                break
            names |= more
        known[key] = frozenset(names)
    return known[key]


def _taken(reading: Reading, function: ast.AST | None) -> list[tuple[str, list[ast.expr]]]:
    """The names of a function that are set to what a call gives, or to a part of it, with those calls' expressions."""
    known: dict[object, list[tuple[str, list[ast.expr]]]] = reading.memo.setdefault("taken from calls", {})
    if function not in known:
        known[function] = []
        for name, found in definitions(reading, function).items():
            said = (it.value.values[0] if isinstance(it.value, ast.BoolOp) else it.value for it in found if it.how == "set")
            values: list[ast.expr] = [it for it in said if isinstance(it, ast.Call | ast.Attribute)]
            if values:
                known[function].append((name, values))
    return known[function]


def _is_part(node: ast.expr | None, names: Iterable[str]) -> bool:
    while isinstance(node, ast.Attribute) and node.attr in DECIDING:
        node = node.value
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and (PARTS.match(node.func.attr) or node.func.attr in STRING_METHODS):
        inner = node.func.value
        if dotted(inner) in names or _is_part(inner, names):
            return True
    return bool(PARTS.match(last_name(node.func))) and any(dotted(it) in names or _is_part(it, names) for it in node.args)


def _still(
    reading: Reading, name: str, check: ast.AST, use: ast.AST, since: ast.AST | None, found: frozenset[str]
) -> frozenset[str]:
    """What was found, unless the name was set anew since; of one value of the name, set by `since`, if that was set before."""
    if not found:
        return found
    if since is not None:
        if isinstance(since, ast.arg) or position(since) < position(check):
            return found
        return found & vouched_within(check, since, frozenset([name])) if isinstance(check, ast.If) else frozenset()
    after = (getattr(check, "end_lineno", 0), getattr(check, "end_col_offset", 0))
    rows = definitions(reading, reading.function(use)).get(name, ())
    is_new = any(after <= position(it.node) and end_of(it) <= position(use) for it in rows if it.how in ("set", "each"))
    return frozenset() if is_new else found


def _home(reading: Reading, up: ast.AST, below: ast.AST) -> tuple[Sequence[ast.AST], int]:
    """The block of `up` that `below` stands in, and where; an empty one where it stands in none."""
    known: dict[ast.AST, dict[ast.AST, tuple[Sequence[ast.AST], int]]] = reading.memo.setdefault("homes", {})
    if up not in known:
        blocks = [it for it in (getattr(up, field, None) for field in BLOCKS) if isinstance(it, list)]
        known[up] = {it: (block, index) for block in blocks for index, it in enumerate(block)}
    return known[up].get(below, ((), 0))


def _vouching(reading: Reading, block: Sequence[ast.AST], names: frozenset[str]) -> list[tuple[int, ast.stmt, frozenset[str]]]:
    """The statements of a block that vouch for what goes by `names` once they were passed, with their places in it."""
    known: dict[object, list[tuple[int, ast.stmt, frozenset[str]]]] = reading.memo.setdefault("vouching", {})
    key = (id(block), names)  # the tree keeps its lists as long as the reading lives
    if key not in known:
        rows = (
            (index, it, vouched_by(it, names, _test(reading, it)) | refused_by(reading, it, names))
            for index, it in enumerate(block)
            if isinstance(it, ast.stmt)
        )
        known[key] = [row for row in rows if row[2]]
    return known[key]
