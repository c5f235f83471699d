"""Checks that stand between a value and its use, such as `if name not in ALLOWED: return`. A pure function of a reading."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from architect_lsp.knowledge.definitions import (
    BLOCKS,
    COMPREHENSIONS,
    argument_of,
    definitions,
    end_of,
    last_name,
    leaves,
    position,
)
from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.knowledge.shapes import ANYTHING, BEGINS, BEGINS_RAW, WITHOUT, begun, matched, texts
from architect_lsp.knowledge.transfers import STRING_METHODS
from architect_lsp.patterns import regex

_CHECKS = regex(r"^(?:isdigit|isdecimal|isnumeric|isalnum|isalpha|isidentifier|isascii_alnum|match|fullmatch)$")
_MATCHES = regex(r"^(?:match|fullmatch|search|findall)$")
_NORMAL = regex(r"realpath|abspath|normpath|\.resolve\(|safe_join|secure_filename|basename|\.\.")
_HOSTS = regex(r"(?:^|[._])(?:host(?:name)?|netloc|domain)(?:_?name)?$", re.IGNORECASE)
_CONFINES = regex(r"^(?:is_relative_to|startswith|relative_to|samefile)$")
_COMMON = regex(r"^(?:commonpath|commonprefix)$")
_CHECKERS = regex(
    r"(?:^|_)(?:valid\w*|public|trusted|check\w*|ensure\w*|verif\w+|assert\w*|allow\w*|is_safe\w*|safe|permit\w*|authori[sz]e\w*"
    r"|guard|reject\w*|refuse\w*|inside|within|contained|confined|subpath"
    r"|url_has_allowed_host_and_scheme)(?:_|$)"
    r"|^is_(?!file$|dir$|abs|link|symlink|mount|none|null|empty|blank|str|text|bytes|list|dict|https?$|ajax|json|html)"
)
_CONVERSIONS = regex(r"^(?:int|float|UUID|Decimal|ip_address|ip_network|fromisoformat|strptime)$")
_PARTS = regex(
    r"^(?:urlparse|urljoin|urlsplit|parse_url|make_url|URL|Path|PurePath|PurePosixPath|splitext|getfqdn|gethostbyname|getaddrinfo"
    r"|ip_address|basename|realpath|abspath|normpath|resolve|lower|join|str|strip)$"
)
"""Calls whose result a check may look at in place of the value."""
_DECIDING = ("netloc", "hostname", "host", "domain", "parents", "query")
"""Parts of a parsed value that decide where it leads, so that a check of one vouches for the whole."""
_ADDRESSES = ("is_private", "is_loopback", "is_link_local", "is_reserved")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_STEPS = 2
"""How many of those calls may lie between the value and what is checked."""


def guards(reading: Reading, use: ast.AST, name: str) -> frozenset[str]:
    """What checks of `name` stand between its value and `use`: `if name in ALLOWED` around it, or one that left before."""
    if not _is_checked(reading, use, name):
        return frozenset()
    found: set[str] = set()
    names = _spoken_of(reading, use, name)
    below = use
    for up in reading.ancestors(use):
        if isinstance(up, ast.If | ast.IfExp | ast.While) and below is not up.test:
            inside = below is up.body if isinstance(up, ast.IfExp) else any(below is it for it in up.body)
            test = _said(reading, up.test)
            found |= _still(reading, name, test, use, _vouched(test, names, positive=inside))
        if isinstance(up, COMPREHENSIONS):
            for generator in up.generators:
                for it in generator.ifs:
                    found |= _vouched(it, names, positive=True)
        if isinstance(below, ast.stmt | ast.ExceptHandler | ast.match_case):
            block, index = _home(reading, up, below)
            for number, statement, vouched in _vouching(reading, block, names):
                if number >= index:
                    break
                found |= _still(reading, name, statement, use, vouched)
        if isinstance(up, _SCOPES):
            return _as_path(reading, use, name, found)
        below = up
    if reading.unit.kind == "module":
        body = reading.parsed.body
        index = next((number for number, it in enumerate(body) if it is below), 0)
        for number, statement, vouched in _vouching(reading, body, names):
            if number >= index:
                break
            found |= _still(reading, name, statement, use, vouched)
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


def _said(reading: Reading, test: ast.expr) -> ast.expr:
    """The check that a test stands for, where it was made before and given a name: `is_safe = allowed(url)`."""
    if not isinstance(test, ast.Name):
        return test
    rows = definitions(reading, reading.function(test)).get(test.id, ())
    value = rows[0].value if len(rows) == 1 and rows[0].how == "set" else None
    return value if isinstance(value, ast.Call | ast.Compare | ast.BoolOp | ast.UnaryOp) else test


def _mentioned(reading: Reading) -> frozenset[str]:
    """The names that any check of the unit mentions, so that most are told at once to be in none."""
    known: dict[str, frozenset[str]] = reading.memo.setdefault("mentioned in checks", {})
    if "all" not in known:
        tests = [it.test for it in reading.each(ast.If)] + [it.test for it in reading.each(ast.While)]
        tests += [*(it.test for it in reading.each(ast.IfExp)), *(it.test for it in reading.each(ast.Assert))]
        tests += [each for it in reading.each(ast.comprehension) for each in it.ifs]
        for given in (*(it.value for it in reading.each(ast.Expr)), *(it.value for it in reading.each(ast.Assign))):
            value = given.value if isinstance(given, ast.Await) else given
            if isinstance(value, ast.Call):
                last = last_name(value.func)
                if last == "relative_to" or _CHECKERS.search(last) or _CONVERSIONS.match(last):
                    tests.append(value)
        found: set[str] = set()
        for test in (_said(reading, it) for it in tests):
            for each in ast.walk(test):
                if isinstance(each, ast.Name):
                    found.add(each.id)
                elif isinstance(each, ast.Attribute):
                    found.add(dotted(each))
        known["all"] = frozenset(found)
    return known["all"]


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
    while isinstance(node, ast.Attribute) and node.attr in _DECIDING:
        node = node.value
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and (_PARTS.match(node.func.attr) or node.func.attr in STRING_METHODS):
        inner = node.func.value
        if dotted(inner) in names or _is_part(inner, names):
            return True
    return bool(_PARTS.match(last_name(node.func))) and any(dotted(it) in names or _is_part(it, names) for it in node.args)


def _still(reading: Reading, name: str, check: ast.AST, use: ast.AST, found: frozenset[str]) -> frozenset[str]:
    """What was found, unless the name was set anew since."""
    if not found:
        return found
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
        rows = ((index, it, _checked(it, names)) for index, it in enumerate(block) if isinstance(it, ast.stmt))
        known[key] = [row for row in rows if row[2]]
    return known[key]


def _checked(statement: ast.stmt, names: frozenset[str]) -> frozenset[str]:
    """What a statement that was passed vouches for."""
    if isinstance(statement, ast.If):
        ends = _replaces(statement.body, names) or leaves(statement.body)
        return _vouched(statement.test, names, positive=False) if ends else frozenset()
    if isinstance(statement, ast.Assert):
        return _vouched(statement.test, names, positive=True)
    if isinstance(statement, ast.Expr | ast.Assign):
        value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if not isinstance(value, ast.Call):
            return frozenset()
        last = last_name(value.func)
        if last == "relative_to" and isinstance(value.func, ast.Attribute) and _speaks_of(value.func.value, names):
            return frozenset([BEGINS])
        said = any(_speaks_of(it, names) for it in value.args)
        is_check = (isinstance(statement, ast.Expr) and _CHECKERS.search(last)) or _CONVERSIONS.match(last)
        return frozenset([ANYTHING]) if said and is_check else frozenset()
    if isinstance(statement, ast.Try) and statement.handlers and all(leaves(it.body) for it in statement.handlers):
        return frozenset().union(*(_checked(it, names) for it in statement.body))
    if isinstance(statement, ast.For):  # for bad in ("..", "/"): if bad in name: return
        inner = [it for it in statement.body if isinstance(it, ast.If) and leaves(it.body)]
        found: frozenset[str] = frozenset().union(*(_vouched(it.test, names, positive=False) for it in inner))
        return found & {WITHOUT}
    return frozenset()


def _replaces(block: Sequence[ast.stmt], names: frozenset[str]) -> bool:
    """Whether a block sets one of the names, whichever way it goes."""
    return any(
        (isinstance(it, ast.Assign) and any(dotted(target) in names for target in it.targets))
        or (isinstance(it, ast.If) and _replaces(it.body, names) and _replaces(it.orelse, names))
        for it in block
    )


def _vouched(test: ast.expr, names: frozenset[str], *, positive: bool) -> frozenset[str]:
    """What `test` being true (positive) or false says of the value that goes by `names`."""
    nothing: frozenset[str] = frozenset()
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _vouched(test.operand, names, positive=not positive)
    if isinstance(test, ast.BoolOp):
        rows = [_vouched(it, names, positive=positive) for it in test.values]
        if isinstance(test.op, ast.And) == positive:
            return nothing.union(*rows)
        return rows[0].intersection(*rows[1:])
    if isinstance(test, ast.NamedExpr):
        return _vouched(test.value, names, positive=positive)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(test.ops[0], test.left, test.comparators[0], names, positive=positive)
    if isinstance(test, ast.Attribute) and (test.attr == "is_global" if positive else test.attr in _ADDRESSES):
        return frozenset([ANYTHING]) if _speaks_of(test.value, names) else nothing
    if isinstance(test, ast.Attribute) and test.attr in ("netloc", "hostname") and not positive:  # it leads nowhere else
        return frozenset([BEGINS]) if _speaks_of(test.value, names) else nothing
    if not isinstance(test, ast.Call):
        return nothing
    last = last_name(test.func)
    receiver = test.func.value if isinstance(test.func, ast.Attribute) else None
    speaks = any(_speaks_of(it, names) for it in (*test.args, *(it.value for it in test.keywords)))
    if last == "any" and not positive and test.args and isinstance(test.args[0], ast.GeneratorExp):
        return _vouched(test.args[0].elt, names, positive=False)
    if _MATCHES.match(last) and len(test.args) > 1 and dotted(receiver) in ("re", "regex"):
        pattern = constant(test.args[0])
        if isinstance(pattern, str):
            return matched(pattern, last, positive=positive) if _speaks_of(test.args[1], names) else nothing
    if last == "startswith" and receiver is not None and test.args and _speaks_of(receiver, names):
        return begun(test.args[0], positive=positive)
    if not positive:
        return nothing
    if last == "endswith" and receiver is not None and test.args and _speaks_of(receiver, names):
        ends = texts(test.args[0])
        is_host = bool(ends) and all(it.startswith(".") for it in ends) and _HOSTS.search(dotted(receiver))
        return frozenset([ANYTHING]) if is_host else nothing
    if receiver is not None and _CONFINES.match(last) and (_speaks_of(receiver, names) or (last == "samefile" and speaks)):
        return frozenset([BEGINS])
    if receiver is not None and _CHECKS.match(last) and (speaks or _speaks_of(receiver, names)):
        return frozenset([ANYTHING])
    if last == "isinstance" and speaks and len(test.args) > 1:
        said = test.args[1].elts if isinstance(test.args[1], ast.Tuple) else [test.args[1]]
        return frozenset([ANYTHING]) if all(dotted(it) in ("int", "float", "bool") for it in said) else nothing
    if last in ("all", "any") and test.args and isinstance(test.args[0], ast.GeneratorExp):
        inner = test.args[0]
        if last == "all" and any(_speaks_of(it.iter, names) for it in inner.generators):
            return frozenset([ANYTHING])
        return _vouched(inner.elt, names, positive=True)
    return frozenset([ANYTHING]) if _CHECKERS.search(last) and speaks else nothing


def _compared(op: ast.cmpop, left: ast.expr, right: ast.expr, names: frozenset[str], *, positive: bool) -> frozenset[str]:
    anything = frozenset([ANYTHING])
    if isinstance(op, ast.In if positive else ast.NotIn):
        if isinstance(right, ast.Attribute) and right.attr == "parents" and _speaks_of(right.value, names):
            return frozenset([BEGINS])
        is_set = not isinstance(right, ast.Constant) or (isinstance(right.value, str) and len(right.value) > 3)
        return anything if _speaks_of(left, names) and is_set else frozenset()
    if isinstance(op, ast.NotIn if positive else ast.In) and _speaks_of(right, names):
        return frozenset([WITHOUT])
    if isinstance(op, ast.Eq if positive else ast.NotEq):
        for one, other in ((left, right), (right, left)):
            if isinstance(one, ast.Call) and _COMMON.match(last_name(one.func)):
                return frozenset([BEGINS]) if any(_mentions(it, names) for it in one.args) else frozenset()
            if _speaks_of(one, names):
                fixed = isinstance(other, ast.Constant) and other.value is not None and other.value != ""
                fixed = fixed or (_HOSTS.search(dotted(one)) is not None and bool(dotted(other) or isinstance(other, ast.Call)))
                fixed = fixed or (
                    isinstance(one, ast.Attribute) and one.attr in ("netloc", "hostname") and not isinstance(other, ast.Constant)
                )
                fixed = fixed or dotted(other).rpartition(".")[2].isupper()
                return anything if fixed else frozenset()
        return frozenset()
    if isinstance(op, ast.IsNot if positive else ast.Is) and isinstance(left, ast.Call):
        return _vouched(left, names, positive=True)
    return frozenset()


def _mentions(node: ast.expr, names: frozenset[str]) -> bool:
    return any(dotted(it) in names for it in ast.walk(node) if isinstance(it, ast.Name | ast.Attribute))


def _speaks_of(node: ast.expr, names: frozenset[str]) -> bool:
    """Whether a check of the expression is one of the value: the value itself, a part of what it was parsed to, its text."""
    while True:
        if isinstance(node, ast.Call) and (isinstance(node.func, ast.Attribute) and node.func.attr in STRING_METHODS):
            node = node.func.value
        elif isinstance(node, ast.Call) and _PARTS.match(last_name(node.func)) and node.args:
            node = node.args[-1] if last_name(node.func) in ("join", "urljoin") else node.args[0]
        elif isinstance(node, ast.Call) and last_name(node.func) == "resolve" and isinstance(node.func, ast.Attribute):
            node = node.func.value
        elif isinstance(node, ast.Subscript):
            node = node.value
        else:
            break
    name = dotted(node)
    while name:
        if name in names:
            return True
        head, _, last = name.rpartition(".")
        name = head if last in _DECIDING else ""
    return isinstance(node, ast.Attribute) and node.attr in _DECIDING and _speaks_of(node.value, names)
