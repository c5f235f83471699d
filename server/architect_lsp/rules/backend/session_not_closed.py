"""A database session is opened and not closed on every way out.

Why: an open session keeps a connection of the pool, and its transaction. When the code between raises, nobody gives it back
until the garbage collector happens to come by.
Instead: let a `with` close it.

    with SessionLocal() as session:
        order = session.get(Order, pk)
        ...
        session.commit()

Consequences: after as many failures as the pool has connections, every request waits and then fails with `TimeoutError: QueuePool
limit`.
Tests: let the code inside fail more often than the pool has connections, and assert that the next request is answered.
Observability: connections checked out of the pool, as a gauge.
Source: https://docs.sqlalchemy.org/en/20/orm/session_basics.html#opening-and-closing-a-session
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.symbols import External
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "D3"],
    cwe=772,
    needs=["ession", "connect(", "acquire(", "getconn(", "_connection("],
    bad=[
        Bad("""
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine(URL)
SessionLocal = sessionmaker(bind=engine)

def first(pk):
    session = [|SessionLocal()|]
    order = session.get(Order, pk)
    return order.total

def second(pk):
    db = [|Session(engine)|]
    db.add(Order(id=pk))
    db.commit()
    db.close()
"""),
        Bad("""
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("sqlite://"))

def get_session():
    session = [|SessionLocal()|]
    yield session
    session.close()
"""),
        Bad("""
import psycopg2

def count(dsn):
    connection = [|psycopg2.connect(dsn)|]
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM orders")
    return cursor.fetchone()[0]
"""),
        Bad("""
import asyncpg
from psycopg_pool import ConnectionPool

async def lookup(pool: asyncpg.Pool, code):
    connection = [|await pool.acquire()|]
    row = await connection.fetchrow("SELECT name FROM ports WHERE code = $1", code)
    await pool.release(connection)
    return row

def count(pool: ConnectionPool):
    connection = [|pool.getconn()|]
    return connection.execute("SELECT count(*) FROM ports").fetchone()
"""),
    ],
    good=[
        """
import asyncpg

async def lookup(pool: asyncpg.Pool, code):
    connection = await pool.acquire()
    try:
        return await connection.fetchrow("SELECT name FROM ports WHERE code = $1", code)
    finally:
        await pool.release(connection)

async def lend(pool: asyncpg.Pool):
    connection = await pool.acquire()
    return connection

async def within(pool: asyncpg.Pool):
    async with pool.acquire() as connection:
        return await connection.fetch("SELECT 1")
""",
        """
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

engine = create_engine(URL)
SessionLocal = sessionmaker(bind=engine)
registry = scoped_session(SessionLocal)

def first(pk):
    with SessionLocal() as session:
        return session.get(Order, pk).total

def second(pk):
    db = Session(engine)
    try:
        db.add(Order(id=pk))
        db.commit()
    finally:
        db.close()

def third():
    session = SessionLocal()
    return session

def fourth(self):
    self.session = SessionLocal()
    session = SessionLocal()
    self.held = session
    other = SessionLocal()
    with other:
        other.get(Order, 1)
    given = SessionLocal()
    work(given)
    scoped = registry()
    scoped.get(Order, 1)

def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()
""",
        """
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("sqlite://"))

def get_session():
    session = SessionLocal()
    try:
        yield session
        session.commit()
    finally:
        session.close()
""",
        """
from flask import g
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

engine = create_engine("sqlite://")

def get_log_session():
    session = g.get("session")
    if session is None:
        session = Session(bind=engine)
        g.session = session
    return session

def forget(pk):
    session = get_log_session()
    session.delete(session.get(Entry, pk))
""",
        """
import psycopg2
from contextlib import closing

def count(dsn):
    connection = psycopg2.connect(dsn)
    try:
        return connection.cursor().fetchone()
    finally:
        connection.close()

def is_up(dsn):
    try:
        connection = psycopg2.connect(dsn)
        connection.close()
    except psycopg2.OperationalError:
        return False
    return True

def closed(dsn):
    with closing(psycopg2.connect(dsn)) as connection:
        return connection.cursor().fetchone()

class Store:
    def __init__(self, dsn):
        self.connection = psycopg2.connect(dsn)
""",
    ],
)

_SESSION = regex(r"(?:sqlalchemy|sqlmodel)(?:\.\w+)*\.(?:Async)?Session(?:\(\))?")

_CONNECTION = regex(
    r"(?:psycopg2|pymysql|MySQLdb|mysql\.connector|pyodbc|oracledb|cx_Oracle)\.(?:\w+\.)*[Cc]onnect(?:ion)?(?:\(\))?"
)
"""Connections to a server, which `with` does not close."""
_BORROWED = regex(
    r"(?:asyncpg|psycopg_pool|psycopg2\.pool|aiomysql|asyncmy|aiopg|aioodbc|aioredis|mysql\.connector\.pooling|dbutils)"
    r"\.(?:\w+\.)*(?:acquire|getconn|get_connection)"
    r"|sqlalchemy\.(?:\w+\.)*(?:create_engine|Engine)\.(?:connect|raw_connection)"
)
"""Connections that a pool lends, and wants back."""
_GIVES_BACK = ("release", "putconn", "put_conn", "push")
_FACTORY = regex(r"(?:\w+\.)*(?:Async)?SessionLocal\(\)")
"""What most projects call the factory that their database module makes."""
_MAKES = regex(r"new|make|create|open|build|connect")
"""Names of helpers that give a session to nobody else."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Sessions with a name that stay in their function, and that no `with` or `finally` closes."""
    reading = view.reading
    if is_script(view.path):
        return
    for node in reading.each(ast.Assign):
        function = reading.function(node)
        target = node.targets[0]
        made = node.value.value if isinstance(node.value, ast.Await) else node.value
        if function is None or not isinstance(made, ast.Call) or not isinstance(target, ast.Name):
            continue
        found = view.symbol(made)
        if not isinstance(found, External) or "scoped" in found.name:
            continue
        helper = view.definition(made)
        if helper is not None and not _MAKES.search(helper[1].qualname):
            continue  # `get_session()` gives the one that somebody keeps
        name = canonical(found.name)
        borrowed = bool(_BORROWED.fullmatch(view.callee(made).replace("()", "")))
        if not borrowed and (isinstance(node.value, ast.Await) or not _is_own(name, found.name)):
            continue
        if len(reading.bindings(function).get(target.id, [])) != 1:
            continue
        state = _closed(reading, function, target.id)
        if state == "":
            what = "its connection to the server" if _CONNECTION.fullmatch(name) else "its connection of the pool"
            how = "given back" if borrowed else "closed"
            yield Hit(node.value, f"`{target.id}` is never {how}: it keeps {what}.")
        elif state == "unsafe" and not _is_closed_at_once(reading, node, target.id):
            how = "lost to the pool" if borrowed else "open"
            way = "it is given back" if borrowed else "its `close()`"
            yield Hit(node.value, f"`{target.id}` stays {how} when what comes before {way} raises: use `with`.")


def _is_closed_at_once(reading: Reading, made: ast.Assign, name: str) -> bool:
    """Whether the very next statement closes it: it was opened to see that this works."""
    body = next((it for _, it in ast.iter_fields(reading.parent(made) or made) if isinstance(it, list) and made in it), [made])
    then = body[body.index(made) + 1 :][:1]
    return any(isinstance(it, ast.Expr) and ast.unparse(it.value).startswith(f"{name}.close(") for it in then)


def _is_own(name: str, written: str) -> bool:
    """Whether it is a session, or a connection to a server of its own."""
    return bool(_SESSION.fullmatch(name) or _FACTORY.fullmatch(written) or _CONNECTION.fullmatch(name))


def _closed(reading: Reading, function: ast.AST, name: str) -> str:
    """How a session is closed: "" not at all, "unsafe" on the good way alone, "safe" on all ways or by someone else."""
    state = ""
    for it in reading.within(function):
        if not isinstance(it, ast.Name) or it.id != name or not isinstance(it.ctx, ast.Load):
            continue
        parent = reading.parent(it)
        if isinstance(parent, ast.Yield):
            continue  # lent: whoever gets it gives it back, or raises here
        back = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr in _GIVES_BACK
        if not isinstance(parent, ast.Attribute) and not back:
            return "safe"  # handed on, returned, kept
        if back or (isinstance(parent, ast.Attribute) and parent.attr in ("close", "aclose")):
            if any(
                isinstance(up, ast.Try) and any(_is_below(it, row, reading) for row in up.finalbody)
                for up in reading.ancestors(it)
            ):
                return "safe"
            state = "unsafe"
    nested = (it for it in reading.each(ast.Name) if it.id == name and reading.function(it) is not function)
    return "safe" if next(nested, None) is not None else state


def _is_below(node: ast.AST, statement: ast.AST, reading: Reading) -> bool:
    return any(it is statement for it in reading.ancestors(node))
