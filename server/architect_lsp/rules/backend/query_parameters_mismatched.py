"""The parameters of a statement don't fit its placeholders.

Why: `(name)` is no tuple, so a driver takes each letter for a parameter. A placeholder in quotes is quoted twice. One that is
missing or left over is an error, as soon as the line runs.
Instead: one parameter for each placeholder, in a tuple, and no quotes: the driver adds them.

    cursor.execute("SELECT id FROM users WHERE name = %s", (name,))

Consequences: a 500, or no rows where there are some, on a path that no test has run.
Tests: run the statement once, against a real database.
Security: who "mends" it by formatting the text himself has made an injection of it.
Source: https://www.psycopg.org/psycopg3/docs/basic/params.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2"],
    cwe=628,
    needs=["execute(", "fetch"],
    bad=[
        Bad(
            """
def find(cursor, name):
    cursor.execute("SELECT id FROM users WHERE name = %s", ([|name|]))
""",
            fixed="""
def find(cursor, name):
    cursor.execute("SELECT id FROM users WHERE name = %s", (name,))
""",
        ),
        Bad("""
def find(cursor, name, age, db):
    cursor.execute([|"SELECT id FROM users WHERE name = '%s'"|], (name,))
    cursor.execute("SELECT id FROM users WHERE name = %s AND age > %s", [|(name,)|])
    cursor.execute("SELECT id FROM users WHERE name = %(name)s AND age > %(age)s", [|{"name": name}|])
"""),
        Bad("""
from sqlalchemy import text

def find(session, name, age):
    session.execute(text("SELECT id FROM users WHERE name = :name AND age > :age"), [|{"name": name}|])
"""),
        Bad("""
import asyncpg

async def find(connection, name):
    return await connection.fetch([|"SELECT id FROM users WHERE name = $1 AND age > $2"|], name)
"""),
        Bad("""
import sqlite3

def find(db: sqlite3.Connection, name, age):
    db.execute("SELECT id FROM users WHERE name = ? AND age > ?", [|(name,)|])
"""),
    ],
    good=[
        """
import asyncpg
from sqlalchemy import text

def find(cursor, name, params, session, query, more):
    cursor.execute("SELECT id FROM users WHERE name = %s AND kind LIKE 'a%%'", (name,))
    cursor.execute("SELECT id FROM users WHERE name = %s", (params))
    session.execute("UPDATE users SET kind = %s WHERE name = %s", [(query, name)])
    cursor.execute("SELECT id FROM users WHERE name = '%s'" % name)
    cursor.execute("SELECT id FROM users WHERE kind LIKE '%s'")
    cursor.execute("SELECT id FROM users WHERE name = %s", (*params, name))
    cursor.execute("SELECT id FROM users WHERE name = %(name)s", {**more})
    cursor.execute(f"SELECT {query} FROM users WHERE name = %s", (name,))
    session.execute(text("SELECT '10:30'::time, :name"), {"name": name})
    session.execute(text("SELECT id FROM users WHERE name = :name").bindparams(name=name), {"age": 3})
    session.execute(query, {"name": name})

async def fetched(connection, name):
    return await connection.fetch("SELECT id FROM users WHERE name = $1 OR nick = $1", name)
""",
    ],
)

_FORMAT = regex(r"%%|%\((\w+)\)s|%[sbt]")
_QUOTED = regex(r"'%s'|\"%s\"")
_NAMED = regex(r"(?<![:\w\\]):([A-Za-z_]\w*)")
_NUMBERED = regex(r"\$(\d+)")
_LITERAL = regex(r"'(?:[^']|'')*'")
_SQL = regex(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE|MERGE|CALL)\b", re.IGNORECASE)
_MANY = regex(r"param|args|values|row|data|tuple|binds?|items?|list|key|ids|names")
"""Names that may hold all parameters."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Statements that are written out, executed with parameters that are written out."""
    is_asyncpg = view.project.uses(view.path, "asyncpg")
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or not call.args or any(isinstance(it, ast.Starred) for it in call.args):
            continue
        first = call.args[0]
        if call.func.attr in ("fetch", "fetchrow", "fetchval", "execute") and is_asyncpg:
            yield from _numbered(call, first)
        if call.func.attr != "execute" or len(call.args) != 2 or call.keywords:
            continue
        given = call.args[1]
        if isinstance(first, ast.Call) and dotted(first.func).rpartition(".")[2] == "text" and first.args:
            yield from _named(first.args[0], given)
        elif isinstance(first, ast.Constant) and isinstance(first.value, str) and _SQL.match(first.value):
            yield from _formatted(view, call, first, given, marks=view.project.uses(view.path, "sqlite3", "aiosqlite"))


def _formatted(view: View, call: ast.Call, first: ast.Constant, given: ast.expr, *, marks: bool) -> Iterator[Hit]:
    """`%s` and `%(name)s` of psycopg and its like, `?` of SQLite."""
    text = str(first.value)
    found = [it for it in _FORMAT.finditer(text) if it[0] != "%%"]
    names = {it[1] for it in found if it[1]}
    n = len(found)
    if marks and not n:
        n = _LITERAL.sub("", text).count("?")
    elif _QUOTED.search(text):
        yield Hit(first, "The driver quotes what it puts in: with quotes around its placeholder it is quoted twice.")
        return
    if isinstance(given, ast.Dict):
        keys = {it.value for it in given.keys if isinstance(it, ast.Constant)}
        missing = sorted(names - keys)
        if names and missing and None not in given.keys:
            yield Hit(given, f"`{missing[0]}` has a placeholder and no value.")
    elif isinstance(given, ast.Tuple | ast.List) and not names and n:
        if not any(isinstance(it, ast.Starred | ast.Tuple | ast.List) for it in given.elts) and len(given.elts) != n:
            yield Hit(given, f"The statement has {n} placeholder{'s' * (n > 1)}, and gets {len(given.elts)}.")
    elif n == 1 and not names and _stands_alone(view, call, given):
        draft = Draft("Make it a tuple", (Change(given, ",", insert="after"),))
        yield Hit(given, "Parentheses alone make no tuple: `(x,)` does. Each letter is taken for a parameter.", (draft,))


def _stands_alone(view: View, call: ast.Call, given: ast.expr) -> bool:
    """Whether one value that is no sequence of parameters stands in parentheses of its own."""
    if not isinstance(given, ast.Name | ast.Attribute | ast.Subscript) or _MANY.search(dotted(given).rpartition(".")[2] or "row"):
        return False
    return bool(re.search(rf",\s*\(\s*{re.escape(ast.unparse(given))}\s*\)\s*\)$", view.reading.source(call)))


def _named(first: ast.expr, given: ast.expr) -> Iterator[Hit]:
    """`:name` of SQLAlchemy's `text`."""
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str) or not isinstance(given, ast.Dict):
        return
    keys = {it.value for it in given.keys if isinstance(it, ast.Constant)}
    missing = [it for it in _NAMED.findall(_LITERAL.sub("", first.value)) if it not in keys]
    if missing and len(keys) == len(given.keys):
        yield Hit(given, f"`:{missing[0]}` has no value.")


def _numbered(call: ast.Call, first: ast.expr) -> Iterator[Hit]:
    """`$1` of asyncpg, whose parameters follow the statement."""
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and _SQL.match(first.value):
        n = max((int(it) for it in _NUMBERED.findall(_LITERAL.sub("", first.value))), default=0)
        if n and len(call.args) - 1 != n:
            yield Hit(first, f"The statement has {n} placeholder{'s' * (n > 1)}, and gets {len(call.args) - 1}.")
