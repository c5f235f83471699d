"""What one check says of a value, and what a statement vouches for once it was passed. A pure function of a unit's nodes.

`names` are what the value goes by: a name, those of what was taken from it, or the text of an expression.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from architect_lsp.knowledge.definitions import definitions, last_name, leaves
from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.knowledge.shapes import ANYTHING, BEGINS, IS_TEXT, WITHOUT, begun, matched, texts
from architect_lsp.knowledge.transfers import STRING_METHODS
from architect_lsp.patterns import regex

_CHECKS = regex(r"^(?:isdigit|isdecimal|isnumeric|isalnum|isalpha|isidentifier|isascii_alnum|match|fullmatch)$")
_MATCHES = regex(r"^(?:match|fullmatch|search|findall)$")
_HOSTS = regex(r"(?:^|[._])(?:host(?:name)?|netloc|domain)(?:_?name)?$", re.IGNORECASE)
_CONFINES = regex(r"^(?:is_relative_to|startswith|relative_to|samefile)$")
_COMMON = regex(r"^(?:commonpath|commonprefix)$")
CHECKERS = regex(
    r"(?:^|_)(?:valid\w*|public|trusted|check\w*|ensure\w*|verif\w+|assert\w*|allow\w*|is_safe\w*|safe|permit\w*|authori[sz]e\w*"
    r"|guard|reject\w*|refuse\w*|inside|within|contained|confined|subpath"
    r"|url_has_allowed_host_and_scheme)(?:_|$)"
    r"|^is_(?!file$|dir$|abs|link|symlink|mount|none|null|empty|blank|str|text|bytes|list|dict|https?$|ajax|json|html)"
)
_PROBLEM = regex(
    r"(?:^|_)(?:err(?:or)?s?|problems?|reject\w*|invalid|refus\w*|denied|violations?|failures?|complaints?"
    r"|illegal|malformed|forbidden|unsafe)(?:$|_)"
)
"""Names of what a check finds wrong."""
_WRONG = regex(
    r"(?:^|_)(?:invalid|illegal|malformed|forbidden|unsafe|disallow\w*|malicious|suspicious|dangerous|denied|blocked|banned|untrusted)(?:$|_)"
)
"""Questions that are answered with yes about what must not be used."""
CONVERSIONS = regex(r"^(?:int|float|UUID|Decimal|ip_address|ip_network|fromisoformat|strptime)$")
PARTS = regex(
    r"^(?:urlparse|urljoin|urlsplit|parse_url|make_url|URL|Path|PurePath|PurePosixPath|splitext|getfqdn|gethostbyname|getaddrinfo"
    r"|ip_address|basename|realpath|abspath|normpath|resolve|lower|join|str|strip|unquote|remove_?prefix|remove_?suffix)$"
)
"""Calls whose result a check may look at in place of the value."""
DECIDING = ("netloc", "hostname", "host", "domain", "parents", "query")
"""Parts of a parsed value that decide where it leads, so that a check of one vouches for the whole."""
_NUMBERS = frozenset(("int", "float", "bool"))
_ADDRESSES = ("is_private", "is_loopback", "is_link_local", "is_reserved")


def vouched_by(statement: ast.stmt, names: frozenset[str], test: ast.expr | None = None) -> frozenset[str]:
    """What a statement that was passed vouches for."""
    if isinstance(statement, ast.If):
        test = test or statement.test
        if _replaces(statement.body, names) or leaves(statement.body):
            return told(test, names, positive=False) | _of_block(statement.orelse, names)
        if not statement.orelse:
            return frozenset()
        held = told(test, names, positive=True) | _of_block(statement.body, names)
        is_end = leaves(statement.orelse)
        return held if is_end else held & (told(test, names, positive=False) | _of_block(statement.orelse, names))
    if isinstance(statement, ast.Assert):
        return told(test or statement.test, names, positive=True)
    if isinstance(statement, ast.Expr | ast.Assign):
        value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if not isinstance(value, ast.Call):
            return frozenset()
        value = _run_elsewhere(value)
        last = last_name(value.func)
        if last == "relative_to" and isinstance(value.func, ast.Attribute) and speaks_of(value.func.value, names):
            return frozenset([BEGINS])
        said = any(speaks_of(it, names) for it in value.args)
        is_check = (isinstance(statement, ast.Expr) and CHECKERS.search(last)) or CONVERSIONS.match(last)
        return frozenset([ANYTHING]) if said and is_check else frozenset()
    if isinstance(statement, ast.Try) and statement.handlers and all(leaves(it.body) for it in statement.handlers):
        return frozenset().union(*(vouched_by(it, names) for it in statement.body))
    if isinstance(statement, ast.For):  # for bad in ("..", "/"): if bad in name: return
        inner = [it for it in statement.body if isinstance(it, ast.If) and leaves(it.body)]
        found: frozenset[str] = frozenset().union(*(told(it.test, names, positive=False) for it in inner))
        return found & {WITHOUT}
    return frozenset()


def vouched_within(statement: ast.stmt, since: ast.AST, names: frozenset[str]) -> frozenset[str]:
    """What the branch of an `if` that sets the value at `since` vouches for, after that."""
    blocks = (statement.body, statement.orelse) if isinstance(statement, ast.If) else ()
    own = next((block for block in blocks if any(it is since for row in block for it in ast.walk(row))), ())
    return _of_block(own, names)


def _of_block(block: Sequence[ast.stmt], names: frozenset[str]) -> frozenset[str]:
    """What the statements of a branch vouch for; nothing of what the value was before it was set anew."""
    found: frozenset[str] = frozenset()
    for it in block:
        is_set = isinstance(it, ast.Assign) and any(dotted(target) in names for target in it.targets)
        found = frozenset() if is_set else found | vouched_by(it, names)
    return found


def _run_elsewhere(call: ast.Call) -> ast.Call:
    """The call that a call has done by a thread: `to_thread(check, url)`, `sync_to_async(check)(url)`."""
    if last_name(call.func) in ("to_thread", "run_sync", "run_in_threadpool") and call.args:
        return ast.Call(call.args[0], call.args[1:], call.keywords)
    if last_name(call.func) == "run_in_executor" and len(call.args) > 1:
        return ast.Call(call.args[1], call.args[2:], call.keywords)
    if isinstance(call.func, ast.Call) and last_name(call.func.func) == "sync_to_async" and call.func.args:
        return ast.Call(call.func.args[0], call.args, call.keywords)
    return call


def refused_by(reading: Reading, statement: ast.stmt, names: frozenset[str]) -> frozenset[str]:
    """The same where what a check found wrong ends the function: `if (problem := check(url)): return problem`."""
    value = refusal(reading, statement.test) if isinstance(statement, ast.If) and leaves(statement.body) else None
    given = (*value.args, *(it.value for it in value.keywords)) if value is not None else ()
    return frozenset([ANYTHING]) if any(speaks_of(it, names) for it in given) else frozenset()


def refusal(reading: Reading, test: ast.expr) -> ast.Call | None:
    """The call that a test asks for what is wrong, at once or by the name of what it gave."""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot) and constant(test.comparators[0]) is None:
        test = test.left
    value = test.value if isinstance(test, ast.NamedExpr) else None
    name = dotted(test.target if isinstance(test, ast.NamedExpr) else test)
    if name and value is None:
        rows = definitions(reading, reading.function(test)).get(name, ())
        value = rows[0].value if len(rows) == 1 and rows[0].how == "set" else None
    value = value.value if isinstance(value, ast.Await) else value
    if isinstance(value, ast.Call) and (_PROBLEM.search(name) or _PROBLEM.search(last_name(value.func))):
        return value
    return None


def _replaces(block: Sequence[ast.stmt], names: frozenset[str]) -> bool:
    """Whether a block sets one of the names, whichever way it goes."""
    return any(
        (isinstance(it, ast.Assign) and any(dotted(target) in names for target in it.targets))
        or (isinstance(it, ast.If) and _replaces(it.body, names) and _replaces(it.orelse, names))
        for it in block
    )


def told(test: ast.expr, names: frozenset[str], *, positive: bool) -> frozenset[str]:
    """What `test` being true (positive) or false says of the value that goes by `names`."""
    nothing: frozenset[str] = frozenset()
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return told(test.operand, names, positive=not positive)
    if isinstance(test, ast.BoolOp):
        rows = [told(it, names, positive=positive) for it in test.values]
        if isinstance(test.op, ast.And) == positive:
            return nothing.union(*rows)
        return rows[0].intersection(*rows[1:])
    if isinstance(test, ast.NamedExpr):
        return told(test.value, names, positive=positive)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(test.ops[0], test.left, test.comparators[0], names, positive=positive)
    if isinstance(test, ast.Attribute) and (test.attr == "is_global" if positive else test.attr in _ADDRESSES):
        return frozenset([ANYTHING]) if speaks_of(test.value, names) else nothing
    if isinstance(test, ast.Attribute) and test.attr in ("netloc", "hostname") and not positive:  # it leads nowhere else
        return frozenset([BEGINS]) if speaks_of(test.value, names) else nothing
    if not isinstance(test, ast.Call):
        return nothing
    last = last_name(test.func)
    if last == "len" and len(test.args) == 1:
        return told(test.args[0], names, positive=positive)
    receiver = test.func.value if isinstance(test.func, ast.Attribute) else None
    speaks = any(speaks_of(it, names) for it in (*test.args, *(it.value for it in test.keywords)))
    if last == "any" and not positive and test.args and isinstance(test.args[0], ast.GeneratorExp):
        return told(test.args[0].elt, names, positive=False)
    if _MATCHES.match(last) and len(test.args) > 1 and dotted(receiver) in ("re", "regex"):
        pattern = constant(test.args[0])
        if isinstance(pattern, str):
            return matched(pattern, last, positive=positive) if speaks_of(test.args[1], names) else nothing
    if last == "startswith" and receiver is not None and test.args and speaks_of(receiver, names):
        return begun(test.args[0], positive=positive)
    if not positive:  # `if is_unsafe(name): return`
        return frozenset([ANYTHING]) if _WRONG.search(last) and speaks else nothing
    if last == "endswith" and receiver is not None and test.args and speaks_of(receiver, names):
        ends = texts(test.args[0])
        is_host = bool(ends) and all(it.startswith(".") for it in ends) and _HOSTS.search(dotted(receiver))
        return frozenset([ANYTHING]) if is_host else nothing
    if receiver is not None and _CONFINES.match(last) and (speaks_of(receiver, names) or (last == "samefile" and speaks)):
        return frozenset([BEGINS])
    if receiver is not None and _CHECKS.match(last) and (speaks or speaks_of(receiver, names)):
        return frozenset([ANYTHING])
    if last == "isinstance" and speaks and len(test.args) > 1:
        said = test.args[1].elts if isinstance(test.args[1], ast.Tuple) else [test.args[1]]
        types = {dotted(it) for it in said}
        return frozenset([ANYTHING if types <= _NUMBERS else IS_TEXT]) if types <= {*_NUMBERS, "str"} else nothing
    if last in ("all", "any") and test.args and isinstance(test.args[0], ast.GeneratorExp):
        inner = test.args[0]
        if last == "all" and any(speaks_of(it.iter, names) for it in inner.generators):
            return frozenset([ANYTHING])
        return told(inner.elt, names, positive=True)
    return frozenset([ANYTHING]) if CHECKERS.search(last) and speaks else nothing


def _compared(op: ast.cmpop, left: ast.expr, right: ast.expr, names: frozenset[str], *, positive: bool) -> frozenset[str]:
    anything = frozenset([ANYTHING])
    if isinstance(op, ast.In if positive else ast.NotIn):
        if isinstance(right, ast.Attribute) and right.attr == "parents" and speaks_of(right.value, names):
            return frozenset([BEGINS])
        is_set = not isinstance(right, ast.Constant) or (isinstance(right.value, str) and len(right.value) > 3)
        return anything if speaks_of(left, names) and is_set else frozenset()
    if isinstance(op, ast.NotIn if positive else ast.In) and speaks_of(right, names):
        return frozenset([WITHOUT])
    if isinstance(op, ast.Eq if positive else ast.NotEq):
        for one, other in ((left, right), (right, left)):
            if isinstance(one, ast.Call) and _COMMON.match(last_name(one.func)):
                return frozenset([BEGINS]) if any(_mentions(it, names) for it in one.args) else frozenset()
            if speaks_of(one, names):
                fixed = isinstance(other, ast.Constant) and other.value is not None and other.value != ""
                fixed = fixed or (_HOSTS.search(dotted(one)) is not None and bool(dotted(other) or isinstance(other, ast.Call)))
                fixed = fixed or (
                    isinstance(one, ast.Attribute) and one.attr in ("netloc", "hostname") and not isinstance(other, ast.Constant)
                )
                fixed = fixed or dotted(other).rpartition(".")[2].isupper()
                return anything if fixed else frozenset()
        return frozenset()
    if isinstance(op, ast.IsNot if positive else ast.Is) and isinstance(left, ast.Call):
        return told(left, names, positive=True)
    return frozenset()


def _mentions(node: ast.expr, names: frozenset[str]) -> bool:
    return any(dotted(it) in names for it in ast.walk(node) if isinstance(it, ast.Name | ast.Attribute))


def speaks_of(node: ast.expr, names: frozenset[str]) -> bool:
    """Whether a check of the expression is one of the value: the value itself, a part of what it was parsed to, its text."""
    is_text = any(it.endswith((")", "]")) for it in names)  # see `guards_of_text`
    while True:
        if is_text and isinstance(node, ast.Call | ast.Subscript) and ast.unparse(node) in names:
            return True
        if isinstance(node, ast.Call) and (isinstance(node.func, ast.Attribute) and node.func.attr in STRING_METHODS):
            node = node.func.value
        elif isinstance(node, ast.Call) and PARTS.match(last_name(node.func)) and node.args:
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
        name = head if last in DECIDING else ""
    return isinstance(node, ast.Attribute) and node.attr in DECIDING and speaks_of(node.value, names)
