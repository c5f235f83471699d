"""A `with` around a database connection ends its transaction, and leaves the connection open.

Why: `with sqlite3.connect(...)` and `with psycopg2.connect(...)` commit or roll back at the end of the block. Unlike a file's,
their `with` closes nothing: the connection lives until it is collected, which an exception's traceback or a cycle puts off.
Instead: close it as well.

    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM pairs WHERE key = ?", (key,))

Consequences: locks and file handles that stay; a server that runs out of connections. Python 3.13 warns of it.
Trade-offs: off by default: a short program ends before it matters.
Tests: run with `-W error::ResourceWarning`.
Source: https://docs.python.org/3/library/sqlite3.html#how-to-use-the-connection-context-manager
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "B4"],
    cwe=772,
    needs=["connect("],
    bad=[
        Bad("""
import sqlite3
import psycopg2

def put(path, key):
    with [|sqlite3.connect(path)|] as connection:
        connection.execute("DELETE FROM pairs WHERE key = ?", (key,))

def count(dsn):
    with [|psycopg2.connect(dsn)|] as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders")
        return cursor.fetchone()
"""),
    ],
    good=[
        """
import sqlite3
import psycopg
import aiosqlite
from contextlib import closing

def put(path, key, other):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM pairs WHERE key = ?", (key,))
    with psycopg.connect(path) as connection:
        connection.execute("DELETE FROM pairs")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM pairs")
    connection.close()
    with sqlite3.connect(path) as connection:
        return other(connection)

async def later(path):
    async with aiosqlite.connect(path) as connection:
        await connection.execute("DELETE FROM pairs")
""",
    ],
)

_OPENS = ("sqlite3.connect", "psycopg2.connect", "psycopg2.pool.connect")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`connect` of such a driver as what a `with` is given, where nothing else gets or closes the connection."""
    reading = view.reading
    if is_script(view.path):
        return
    for node in reading.each(ast.With):
        for it in node.items:
            if not isinstance(it.context_expr, ast.Call) or not isinstance(it.optional_vars, ast.Name | None):
                continue
            name = view.callee(it.context_expr).replace("()", "")
            if name in _OPENS and (it.optional_vars is None or _stays(reading, node, it.optional_vars.id)):
                yield Hit(
                    it.context_expr,
                    "`with` ends the transaction here and does not close the connection: put `closing` around it.",
                )


def _stays(reading: Reading, block: ast.With, name: str) -> bool:
    """Whether the connection is only used, and not closed, kept or handed on."""
    function = reading.function(block)
    for it in reading.each(ast.Name):
        if it.id != name or not isinstance(it.ctx, ast.Load) or reading.function(it) is not function:
            continue
        parent = reading.parent(it)
        if not isinstance(parent, ast.Attribute) or parent.attr == "close":
            return False
    return True
