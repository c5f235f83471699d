"""What is written to the database is never committed.

Why: a session or a connection that is closed without a commit rolls back. The code runs, the tests that look at the same session
see the row, and after the request it is gone.
Instead: let the block commit.

    with SessionLocal.begin() as session:          # commits at the end, rolls back on an error
        session.add(AuditEntry(text=text))

    with psycopg.connect(DSN) as connection:       # psycopg 3 commits as well
        connection.execute("UPDATE users SET active = false WHERE id = %s", (user_id,))

Consequences: writes that are lost without an error.
Tests: read the row back through another session.
Source: https://docs.sqlalchemy.org/en/20/orm/session_basics.html#framing-out-a-begin-commit-rollback-block; PEP 249
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.extraction import writes_rows
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.knowledge.symbols import External
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2"],
    needs=["Session", "session", "connect("],
    bad=[
        Bad("""
from sqlalchemy.orm import Session

def log(engine, entry):
    with Session(engine) as session:
        [|session.add(entry)|]
"""),
        Bad("""
import sqlite3

def keep(path, key, value):
    connection = sqlite3.connect(path)
    cursor = connection.cursor()
    [|cursor.execute("INSERT INTO pairs VALUES (?, ?)", (key, value))|]
    cursor.close()
    connection.close()
"""),
        Bad("""
from sqlalchemy import update
from sqlalchemy.ext.asyncio import async_sessionmaker

async def close(make: async_sessionmaker, orders):
    async with make() as session:
        [|await session.execute(update(orders).values(open=False))|]
"""),
        Bad("""
import sqlite3
from contextlib import closing

def note(path, text):
    with closing(sqlite3.connect(path)) as db:
        [|db.execute("INSERT INTO notes (text) VALUES (?)", (text,))|]
"""),
    ],
    good=[
        """
import sqlite3
from contextlib import contextmanager
from sqlalchemy.orm import Session, sessionmaker

def log(engine, entry):
    with Session(engine) as session:
        session.add(entry)
        session.commit()

def begun(make: sessionmaker, entry):
    with make.begin() as session:
        session.add(entry)
    with make() as session, session.begin():
        session.add(entry)

def handed(engine, entry, save):
    with Session(engine) as session:
        session.add(entry)
        save(session)

def made(engine, entry):
    session = Session(engine)
    session.add(entry)
    return session

def given(session, entry):
    session.add(entry)

def kept(path, key):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("DELETE FROM pairs WHERE key = ?", (key,))
    connection.close()

def own(path, key):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM pairs WHERE key = ?", (key,))

def read(path):
    connection = sqlite3.connect(path)
    return connection.execute("SELECT value FROM pairs").fetchall()

@contextmanager
def opened(engine):
    with Session(engine) as session, session.begin():
        yield session

def through(engine, entry):
    with opened(engine) as session:
        session.add(entry)

def whole(path, key):
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM pairs WHERE key = ?", (key,))
""",
    ],
)

_SESSION = regex(r"(?:sqlalchemy|sqlmodel)(?:\.\w+)*\.(?:Async)?Session(?:\(\))?|(?:\w+\.)*(?:Async)?SessionLocal\(\)")
_FACTORY = regex(r"sqlalchemy(?:\.\w+)*\.(?:async_)?sessionmaker\(\)(?:\(\))?")
_CONNECTION = regex(
    r"(?:sqlite3|psycopg2|pymysql|MySQLdb|mysql\.connector|cx_Oracle|oracledb|pyodbc|psycopg)\."
    r"(?:\w+\.)*(?:[Cc]onnect(?:ion)?|Connection\.connect)(?:\(\))?"
)
"""Drivers that begin a transaction by themselves, as PEP 249 asks."""
_KEEPS = regex(r"commit|begin|transaction|autocommit|isolation_level|AUTOCOMMIT|atomic|:memory:")
_ADDS = ("add", "add_all", "delete")
_EXECUTES = ("execute", "exec", "executemany", "scalar", "scalars")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first write through a session or connection that the function makes, ends and never commits."""
    reading = view.reading
    if is_script(view.path):
        return
    for function in reading.functions:
        for name, is_session in _made(view, function):
            if _KEEPS.search(reading.source(function)) or not _stays(reading, function, name):
                continue
            names = {name, *_cursors(reading, function, name)}
            write = next((it for it in reading.within(function) if _writes(reading, it, names, is_session=is_session)), None)
            if write is not None:
                parent = reading.parent(write)
                shown = parent if isinstance(parent, ast.Await) else write
                yield Hit(shown, f"This is never committed: when `{name}` is closed, it is rolled back.")


def _made(view: View, function: Function) -> Iterator[tuple[str, bool]]:
    """(name, whether it is a session) of what the function opens for itself; a driver's connection in `with` mostly commits."""
    for node in view.reading.within(function):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.With | ast.AsyncWith):
            pairs = [(it.optional_vars, it.context_expr) for it in node.items]
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            pairs = [(node.targets[0], node.value)]
        for target, value in pairs:
            value = value.value if isinstance(value, ast.Await) else value
            closed = isinstance(value, ast.Call) and len(value.args) == 1 and view.callee(value) == "contextlib.closing"
            value = value.args[0] if closed and isinstance(value, ast.Call) else value
            if not isinstance(target, ast.Name) or not isinstance(value, ast.Call):
                continue
            if not isinstance(view.symbol(value.func), External):
                continue  # the project's own way to open one may commit
            name = view.name(value)
            if _SESSION.fullmatch(name) or _FACTORY.fullmatch(name):
                yield target.id, True
            elif _CONNECTION.fullmatch(name) and (closed or isinstance(node, ast.Assign)):
                yield target.id, False


def _stays(reading: Reading, function: Function, name: str) -> bool:
    """Whether nothing else gets it: all that is done with the name is to call its methods."""
    for it in reading.each(ast.Name):
        if it.id != name or not isinstance(it.ctx, ast.Load):
            continue
        if reading.function(it) is not function or not isinstance(reading.parent(it), ast.Attribute):
            return False
    return True


def _cursors(reading: Reading, function: Function, name: str) -> Iterator[str]:
    for node in reading.within(function):
        value: ast.expr | None = None
        target: ast.expr | None = None
        if isinstance(node, ast.Assign):
            value, target = node.value, node.targets[0]
        elif isinstance(node, ast.withitem):
            value, target = node.context_expr, node.optional_vars
        if isinstance(value, ast.Call) and dotted(value.func) == f"{name}.cursor" and isinstance(target, ast.Name):
            yield target.id


def _writes(reading: Reading, node: ast.AST, names: set[str], *, is_session: bool) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or dotted(node.func.value) not in names:
        return False
    if is_session and node.func.attr in _ADDS:
        return True
    return node.func.attr in _EXECUTES and writes_rows(reading, node)
