"""Why a turn of a loop has to ask a database by itself: it looks for the first answer, asks another table, or for many rows at
once, or writes with the other hand. Functions of a reading.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.loops import turn_names
from architect_lsp.knowledge.queries import Queries
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.patterns import regex

_MAKES = regex(r"_*a?(?:create|add|insert|generate|make|ensure)(?:_|$)")
_ANY_TABLE = regex(r"\bFROM\s+\W{0,2}{", re.IGNORECASE)
_TOLD = regex(
    r"\s*(?:SET|CREATE|DROP|ALTER|TRUNCATE|PRAGMA|LOCK|VACUUM|ANALYZE|GRANT|REVOKE|BEGIN|ROLLBACK|SAVEPOINT|RELEASE|NOTIFY)\b"
)
"""What a database is told, and does not answer with rows."""
_MANY = regex(r"\bANY\s*\(|\bBETWEEN\b|\bUNNEST\b", re.IGNORECASE)
_DJANGO_WRITES = regex(r"a?(?:create|save|delete|update|add|remove|set|select_for_update)")
_PUTS = regex(r"(?:upsert|replace|put|update_one|replace_one|put_item)")
_LOCKS = ("select_for_update", "with_for_update")
_EXECUTES = ("execute", "fetch", "fetchrow", "fetchval", "fetch_one", "fetch_all")
_SELECT = regex(r"\s*SELECT\s.+\sFROM\s.+\sWHERE\s", re.IGNORECASE | re.DOTALL)
_ON_LOCK = regex(r"FOR\s+UPDATE|information_schema|pg_|sqlite_", re.IGNORECASE)
"""What is asked of the database about itself, or to lock a row."""
_STEPS = 3
"""How many names a statement is followed through."""


def stands_apart(reading: Reading, loop: ast.AST, call: ast.Call) -> bool:
    """Whether a turn's own query can't be one with those of the others, by what it asks."""
    if writes_back(loop, call) or locks(reading, call) or is_told(reading, call):
        return True
    return for_many(reading, loop, call) or names_table(reading, call)


def asks_alone(asked: Queries, loop: ast.AST, call: ast.Call) -> bool:
    """Whether the turns have to ask one after the other, by what they do besides."""
    if was_made(loop, call) or from_constant(loop, call) or is_shown(loop):
        return True
    return is_search(asked.reading, loop, call) or writes_too(asked, loop)


def is_search(reading: Reading, loop: ast.AST, call: ast.Call) -> bool:
    """Whether the loop ends with the first turn that is answered, or makes what is missing."""
    last = loop
    while isinstance(last, ast.For | ast.If):
        last = last.body[-1]
    if isinstance(last, ast.Return | ast.Break):
        return True
    up = next((it for it in reading.ancestors(call) if isinstance(it, ast.stmt)), None)
    if isinstance(up, ast.Return) and isinstance(loop, ast.For):
        return True
    if isinstance(up, ast.If):
        skips = isinstance(up.body[-1], ast.Continue) and isinstance(loop, ast.For)
        made = loop.body if skips and isinstance(loop, ast.For) else up.body
        if _makes(made):
            return True
    names = {it.id for it in up.targets if isinstance(it, ast.Name)} if isinstance(up, ast.Assign) else set()
    for it in ast.walk(loop) if names else ():
        if (
            isinstance(it, ast.If)
            and _is_found(it.test, names)
            and isinstance(it.body[-1], ast.Return | ast.Break | ast.Continue)
        ):
            return True
        if isinstance(it, ast.If) and _is_missing(it.test, names) and _makes(it.body):
            return True
    return False


def selects(call: ast.Call) -> bool:
    """Whether a call runs a SELECT with a condition that is written out, by the look of it."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _EXECUTES or not call.args:
        return False
    said = _text(call.args[0])
    return said is not None and bool(_SELECT.match(said)) and not _ON_LOCK.search(said)


def names_table(reading: Reading, call: ast.Call) -> bool:
    """Whether the turns ask different tables: `f"SELECT id FROM {name}"`, or the table that the turn is about."""
    for it in _said(reading, call):
        if isinstance(it, ast.JoinedStr) and _ANY_TABLE.search(ast.unparse(it)):
            return True
        if isinstance(it, ast.Constant) and isinstance(it.value, str) and _ANY_TABLE.search(it.value):
            return True
    return False


def locks(reading: Reading, call: ast.Call) -> bool:
    """Whether the rows that are asked for are locked, one by one on purpose."""
    return any(
        isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and it.func.attr in _LOCKS for it in _said(reading, call)
    )


def is_told(reading: Reading, call: ast.Call) -> bool:
    """Whether a statement asks for no rows: `SET search_path = ...`."""
    texts = (it.value for it in _said(reading, call) if isinstance(it, ast.Constant) and isinstance(it.value, str))
    return any(_TOLD.match(it) for it in texts)


def for_many(reading: Reading, loop: ast.AST, call: ast.Call) -> bool:
    """Whether a turn asks for a group or a stretch of rows: `Order.id.in_(ids)`, `pk__in=ids`, `at__gte=..., at__lt=...`."""
    names = turn_names(loop)
    for it in _said(reading, call):
        if isinstance(it, ast.Constant) and isinstance(it.value, str) and _MANY.search(it.value):
            return True
        if not isinstance(it, ast.Call):
            continue
        if isinstance(it.func, ast.Attribute) and it.func.attr == "in_" and it.args and _changes(it.args[0], names):
            return True
        ends = {(each.arg or "").rpartition("__")[2]: each.value for each in it.keywords}
        if any(end in ends and _changes(ends[end], names) for end in ("in", "range")):
            return True
        if ends.keys() & {"gte", "gt"} and ends.keys() & {"lte", "lt"}:
            return True  # a stretch of time
    return False


def was_made(loop: ast.AST, call: ast.Call) -> bool:
    """Whether a turn asks for what it has just made: `key = generate(order)`, `Ticket.objects.get(pk=key)`."""
    names = {it.id for each in (*call.args, *call.keywords) for it in ast.walk(each) if isinstance(it, ast.Name)}
    for it in ast.walk(loop):
        if isinstance(it, ast.Assign) and any(isinstance(each, ast.Name) and each.id in names for each in it.targets):
            made = it.value.value if isinstance(it.value, ast.Await) else it.value
            if isinstance(made, ast.Call) and _MAKES.match(last_name(made.func)):
                return True
    return False


def from_constant(loop: ast.AST, call: ast.Call) -> bool:
    """Whether what is asked for is looked up in a constant: `GROUPS[name]`, of which there are as many as are written."""
    names = turn_names(loop)
    return any(
        isinstance(it, ast.Subscript)
        and dotted(it.value).rpartition(".")[2].isupper()
        and any(getattr(each, "id", "") in names for each in ast.walk(it.slice))
        for it in ast.walk(call)
    )


def is_shown(loop: ast.AST) -> bool:
    """Whether the turns print what they find, for a person who asked for it at a terminal."""
    return any(isinstance(it, ast.Call) and isinstance(it.func, ast.Name) and it.func.id == "print" for it in ast.walk(loop))


def writes_back(loop: ast.AST, call: ast.Call) -> bool:
    """Whether the turn puts into a store what it has taken out of it: `rows.get(key)`, `rows.upsert(key, row)`."""
    store = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    for it in ast.walk(loop):
        if not isinstance(it, ast.Call) or not isinstance(it.func, ast.Attribute) or not _PUTS.match(it.func.attr):
            continue
        if ast.unparse(it.func.value) == store:
            return True
    return False


def writes_too(asked: Queries, loop: ast.AST) -> bool:
    """Whether each turn writes to the database at once, as Django does: its reading is the smaller half of its work, and may need
    what the turns before wrote."""
    for it in ast.walk(loop):
        if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and _DJANGO_WRITES.fullmatch(it.func.attr):
            query, row = asked.query(it.func.value), asked.model_of(it.func.value)
            if (query is not None and query.orm == "django") or (row is not None and row[0].framework == "django"):
                return True
            is_row = it.func.attr in ("save", "delete") and not it.args and isinstance(it.func.value, ast.Name)
            if is_row and ".objects." in ast.unparse(loop):
                return True  # of a model that can't be told
    return False


def _is_found(test: ast.expr, names: set[str]) -> bool:
    """Whether a test says that there is an answer: `if row`, `if row is not None`."""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot | ast.NotEq):
        test = test.left
    return isinstance(test, ast.Name) and test.id in names


def _is_missing(test: ast.expr, names: set[str]) -> bool:
    """Whether a test says that there is no answer: `if not row`, `if row is None`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Name) and test.operand.id in names
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is) and getattr(test.left, "id", "") in names


def _makes(body: list[ast.stmt]) -> bool:
    """Whether statements make something: `create_shop(...)`, `session.add(...)`."""
    return any(isinstance(it, ast.Call) and bool(_MAKES.match(last_name(it.func))) for row in body for it in ast.walk(row))


def _said(reading: Reading, call: ast.Call) -> Iterator[ast.AST]:
    """The nodes of the statement that a call runs, the values of names that it is put together over among them."""
    todo: list[ast.AST] = [call.func, *call.args[:1]]
    bindings = reading.bindings(reading.function(call))
    known: set[str] = set()
    for _ in range(_STEPS):
        below: list[ast.AST] = []
        for root in todo:
            yield from ast.walk(root)
            name = _root(root)
            if name and name not in known:
                known.add(name)
                below += [it for it in bindings.get(name, []) if isinstance(it, ast.Call | ast.JoinedStr | ast.Constant)]
        todo = below


def _root(node: ast.AST) -> str:
    """The name that a chain of calls begins with: `query` of `query.where(...).limit(3)`."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Await):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr) -> str | None:
    """What a string, or a formatted one, begins with; None for others."""
    if isinstance(node, ast.JoinedStr) and node.values:
        return _text(node.values[0]) if isinstance(node.values[0], ast.Constant) else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _changes(node: ast.expr, names: set[str]) -> bool:
    """Whether a value is all that the turn is about, and no list that is written out, nor the keys of the turn's one thing."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Constant):
        return False
    parts = {it.value for it in ast.walk(node) if isinstance(it, ast.Attribute | ast.Subscript)}
    return any(isinstance(it, ast.Name) and it.id in names and it not in parts for it in ast.walk(node))
