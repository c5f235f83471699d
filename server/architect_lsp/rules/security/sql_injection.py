"""A value is written into SQL text, where it can rewrite the statement.

Why: a statement built with an f-string, `%`, `+` or `.format` does not know where the value ends. A value that holds a quote, or
that stands where a table or a sort order is expected, becomes part of the command.
Instead: hand values over separately and let the driver bind them; choose names of tables and columns from a fixed set.

    def find_user(session: Session, email: str) -> User | None:
        try:
            return session.execute(text("SELECT * FROM users WHERE email = :email"), {"email": email}).one_or_none()
        except MultipleResultsFound as error:
            raise Conflict("that address is used twice") from error

Consequences: every new caller of the function must remember to escape, and one day one does not.
Trade-offs: placeholders stand for values only; a name of a column or a sort order needs a dictionary of allowed ones.
Tests: call it with `x' OR '1'='1` and assert that nothing is found and nothing fails.
Security: whoever sets the value reads or changes any row the account may, and on some servers runs commands.
Observability: alert on syntax errors from the database; probing shows there first.
Performance: bound statements share one plan in the server's cache; text that differs each time is planned each time.
Source: CWE-89; https://cheatsheetseries.owasp.org/cheatsheets/SQL_Injection_Prevention_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.narrowed import is_one_of_few
from architect_lsp.knowledge.origins import Origin, is_own
from architect_lsp.knowledge.reading import keyword
from architect_lsp.knowledge.sources import is_model_output, is_request, parts
from architect_lsp.knowledge.statements import COMPARES, SQL, takes_value
from architect_lsp.knowledge.streams import described
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "B2", "D4"],
    cwe=89,
    equivalents=["S608", "B608"],
    bad=[
        Bad(
            """
from sqlalchemy import text
from sqlalchemy.orm import Session

def find_user(session: Session, email: str):
    return session.execute(text([|f"SELECT * FROM users WHERE email = '{email}'"|])).first()
""",
            fixed="""
from sqlalchemy import text
from sqlalchemy.orm import Session

def find_user(session: Session, email: str):
    return session.execute(text("SELECT * FROM users WHERE email = :email"), {"email": email}).first()
""",
        ),
        Bad("""
from fastapi import Depends, FastAPI
from rest_framework import serializers
from sqlalchemy import text
from sqlalchemy.orm import Session

app = FastAPI()

class Ask(serializers.Serializer):
    order = serializers.CharField()
    limit = serializers.IntegerField()

class Paging:
    def __init__(self, sort: str = "id", page: int = 1):
        self.sort = sort
        self.page = page

@app.get("/customers")
def customers(session: Session, paging: Paging = Depends()):
    session.execute(text([|f"SELECT * FROM customer ORDER BY {paging.sort}"|]))
    return session.execute(text(f"SELECT * FROM customer OFFSET {paging.page}")).all()

def sales(request, session: Session):
    asked = Ask(data=request.data)
    asked.is_valid(raise_exception=True)
    session.execute(text(f"SELECT * FROM sale LIMIT {asked.validated_data['limit']}"))
    return session.execute(text([|f"SELECT * FROM sale ORDER BY {asked.validated_data['order']}"|]))
"""),
        Bad(
            """
import sqlite3

def rename(connection: sqlite3.Connection, user_id, name):
    cursor = connection.cursor()
    cursor.execute([|f"UPDATE users SET name = '{name}' WHERE id = {user_id}"|])
""",
            fixed="""
import sqlite3

def rename(connection: sqlite3.Connection, user_id, name):
    cursor = connection.cursor()
    cursor.execute("UPDATE users SET name = ? WHERE id = ?", (name, user_id))
""",
        ),
        Bad("""
from flask import Flask, request

app = Flask(__name__)

@app.get("/users")
def users():
    order = request.args.get("order", "name")
    query = "SELECT * FROM users ORDER BY " + order
    cursor = db.cursor()
    cursor.execute([|query|])
    return cursor.fetchall()
"""),
        Bad("""
from django.db import connection
from app.models import User

def search(request):
    name = request.GET["name"].strip()
    conditions = []
    conditions.append("name = '%s'" % name)
    sql = "SELECT * FROM users WHERE {}".format(" AND ".join(conditions))
    return User.objects.raw([|sql|])
"""),
        Bad("""
-- app/views.py --
from app.database import run_query

def by_name(name):
    return run_query([|"SELECT * FROM users WHERE name = '" + name + "'"|])
-- app/database.py --
import psycopg2

def run_query(sql):
    with psycopg2.connect("dbname=app") as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()
"""),
        Bad("""
from fastapi import APIRouter
from peewee import SQL
from sqlalchemy import select, text
from shop.models import Item, User

router = APIRouter()

@router.get("/items")
def items(sort: str, session):
    return session.scalars(select(Item).order_by(text([|sort|])).limit(20)).all()

@router.get("/users")
def users(name: str):
    return list(User.select().where(SQL([|"name LIKE '%" + name + "%'"|])).limit(20))
"""),
        Bad("""
-- shop/rows.py --
def statement(where):
    return "SELECT id FROM documents WHERE " + where

def rows(db, where):
    return db.execute(statement(where)).fetchall()
-- shop/views.py --
import sqlite3
from flask import request
from shop.rows import rows

def documents():
    with sqlite3.connect("shop.db") as db:
        return rows(db, [|"owner = '" + request.args["owner"] + "'"|])
"""),
    ],
    good=[
        """
def rows(connection, statuses):
    wanted = ",".join(repr(status.value) for status in statuses)
    return connection.execute(f"SELECT * FROM jobs WHERE status IN ({wanted})").fetchall()

def chosen(connection, id_values: str, admission):
    connection.execute(f"SELECT * FROM jobs WHERE id IN ({id_values})")
    return connection.execute(f"SELECT * FROM jobs WHERE rowid IN (SELECT id FROM chosen WHERE {admission.predicate})").fetchall()
""",
        """
import sqlite3
from enum import Enum
from typing import Literal
from fastapi import FastAPI

app = FastAPI()
Step = Literal["hour", "day"]

class Order(str, Enum):
    UP = "ASC"

@app.get("/history")
def history(step: Step, order: Order):
    return sqlite3.connect("x").execute(f"SELECT sum(n) FROM sales GROUP BY {step} ORDER BY n {order}")
""",
        """
from sqlalchemy import text

TABLE = "users"
COLUMNS = {"name": "display_name", "age": "age"}

class Store:
    table = "orders"

    def find(self, session, name, order, ids, limit: int):
        marks = ",".join("?" * len(ids))
        session.execute(text(f"SELECT * FROM {TABLE} WHERE name = :name"), {"name": name})
        session.execute(f"SELECT * FROM {self.table} WHERE id IN ({marks}) LIMIT {limit}", ids)
        session.execute(f"SELECT * FROM users ORDER BY {COLUMNS[order]}")
        session.execute("SELECT * FROM users WHERE id = %s" % int(name))

def main(command):
    import sys
    command.execute(sys.argv)
""",
        """
from flask import abort, request

def users(cursor):
    column = request.args["sort"]
    if column not in ("name", "age"):
        abort(400)
    cursor.execute(f"SELECT * FROM users ORDER BY {column}")

def drop(cursor, table_name):
    cursor.execute(f"DROP TABLE {table_name}")

def run(cursor, sql):
    cursor.execute(sql)
""",
        """
-- app/migrations/0002_fill.py --
def forwards(cursor, name):
    cursor.execute(f"UPDATE users SET name = '{name}'")
""",
        """
from fastapi import APIRouter
from peewee import SQL
from shop.models import User

router = APIRouter()

@router.get("/users")
def users(name: str):
    return list(User.select().where(SQL("name LIKE ?", f"%{name}%")).limit(20))
""",
    ],
)

_WORDS = regex(r"execute|raw\(|column|text\(|extra\(|sql|select|insert|update|delete", re.IGNORECASE)
"""A unit without one of these builds no statement; it may still hand on what a request gave."""
_SINKS = (
    "execute", "executemany", "executescript", "exec_driver_sql", "text", "raw", "RawSQL", "read_sql", "read_sql_query",
    "execute_sql", "fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "fetchall", "fetchone", "exec", "scalar", "scalars",
    "async_execute", "execute_query", "execute_query_dict", "execute_insert", "execute_script", "execute_fetchall",
    "SQL", "RawQuery", "literal_column",
)  # fmt: skip
_FRAGMENTS = ("text", "RawSQL", "SQL", "RawQuery", "literal_column")  # given a part, which need not look like a statement
_ASK_MORE = ("fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "fetchall", "fetchone", "exec", "scalar", "scalars")
_MIGRATIONS = regex(r"(?:^|/)(?:migrations?|alembic|versions|upgrades?)/")
_WITH_PERCENT = ("psycopg2", "psycopg", "pymysql", "MySQLdb", "mysql", "django")
_PLACEHOLDERS = (("sqlite3", "?"), ("aiosqlite", "?"), *((it, "%s") for it in _WITH_PERCENT))
_HOLE = regex(r"'?\{[^{}]+\}'?")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Statements with a part that a caller or a request decides."""
    if is_script(view.path) or _MIGRATIONS.search(view.path):
        return  # whoever runs it by hand chooses what it is given
    told: set[ast.AST] = set()
    if not _WORDS.search(view.reading.unit.text):
        for it in view.exposures("sql"):
            yield Hit(it.argument, _message(view, it.origin), (), it.steps)
        return
    own = view.project.threats
    for call in sorted(view.reading.each(ast.Call), key=lambda it: (it.lineno, -it.col_offset)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if name in _SINKS or name == "extra" or own.is_own_sink(view.callee(call)):
            arguments: list[tuple[ast.expr, tuple[tuple[Ref, str], ...]]] = [(it, ()) for it in _statements(call, name)]
        else:
            arguments = list(_through_helper(view, call))
        for argument, steps in arguments:
            if isinstance(argument, ast.Call) and argument.args and argument.args[0] in told:
                continue
            is_part = name in _FRAGMENTS and any(it.kind == "sql" for it in own.sinks(view.callee(call)))
            before = "where " if name == "extra" or (steps and _is_condition(view, argument)) else ""
            is_direct = not steps and (is_part or name not in ("text", "exec", "SQL"))
            origin = _danger(view, argument, before, asks_more=name in _ASK_MORE, direct=is_direct, is_part=is_part)
            if origin is not None and argument not in told and not is_one_of_few(view.project, view.path, view.reading, origin):
                told.add(argument)
                yield Hit(argument, _message(view, origin), tuple(_fix(view, call, argument)) if not steps else (), steps)


def _statements(call: ast.Call, name: str) -> Iterator[ast.expr]:
    if name == "extra":
        yield from (it for it in (keyword(call, "where"), keyword(call, "select"), keyword(call, "order_by")) if it is not None)
        return
    first = (
        call.args[0] if call.args else next((it.value for it in call.keywords if it.arg in ("query", "sql", "statement")), None)
    )
    if first is not None and not isinstance(first, ast.Constant):
        yield first


def _through_helper(view: View, call: ast.Call) -> Iterator[tuple[ast.expr, tuple[tuple[Ref, str], ...]]]:
    for argument, it in view.handed(call, "sql"):
        if it.call.rpartition(".")[2] not in ("exec", "fetch"):
            yield argument, described(it, view.project)


def _danger(view: View, node: ast.expr, before: str, *, asks_more: bool, direct: bool, is_part: bool) -> Origin | None:
    """The first part that someone else decides, None when the statement is sound."""
    found = parts(view.project, view.path, view.reading, node, "sql")
    if not any(isinstance(it, Origin) for it in found):
        return None
    text = before + "".join(it if isinstance(it, str) else "?" for it in found)
    is_sql = bool(SQL.search(text))
    for it in found:
        if isinstance(it, str):
            before = it if it == "\n;\n" else before + it
            continue
        if it.kind != "checked":
            whole = direct and not asks_more and not text.strip("?\n; ") and it.name != "sys.argv"  # a list, not a text
            if (is_sql or is_part or whole) and is_request(view.project, view.reading, it):
                return it
            if is_sql and is_model_output(view.project, view.path, view.reading, it):
                return it
            if is_sql and is_own(it) and takes_value(view.reading, before, it):
                return it
        before += "x"
    return None


def _is_condition(view: View, node: ast.expr) -> bool:
    """Whether a value is a comparison with something in it, of a statement that a helper puts together."""
    return any(isinstance(it, str) and COMPARES.search(it) for it in view.parts(node, "sql"))


def _message(view: View, origin: Origin) -> str:
    what = origin.name.replace("builtins.", "") or "A value"
    if is_model_output(view.project, view.path, view.reading, origin):
        return f"`{what}`, which a model wrote, becomes part of the SQL text; bind it as a parameter."
    if is_request(view.project, view.reading, origin):
        return f"`{what}` comes from outside and becomes part of the SQL text; bind it as a parameter."
    return f"`{what}` becomes part of the SQL text: a quote in it rewrites the statement; bind it as a parameter."


def _fix(view: View, call: ast.Call, node: ast.expr) -> Iterator[Draft]:
    """Bound parameters for an f-string whose every hole is a whole value."""
    reading = view.reading
    named = view.callee(call) in ("sqlalchemy.text", "sqlalchemy.sql.text", "sqlalchemy.sql.expression.text")
    runs = reading.parent(call) if named else call
    if not isinstance(node, ast.JoinedStr) or not isinstance(runs, ast.Call) or len(runs.args) != 1 or runs.keywords:
        return
    source = reading.source(node)
    holes = [it for it in node.values if isinstance(it, ast.FormattedValue)]
    if any(it.format_spec is not None or it.conversion != -1 for it in holes) or not re.match(
        r"[fF](?:\"(?!\")|'(?!')|\"\"\"|''')", source
    ):
        return
    matches = list(_HOLE.finditer(source))
    if "{{" in source or len(matches) != len(holes) or not all(_is_whole(source, it) for it in matches):
        return
    mark = ":" if named else next((mark for name, mark in _PLACEHOLDERS if view.project.uses(view.path, name)), "")
    if not mark or (mark == "%s" and "%" in source):
        return
    names = [_label(it.value, number) for number, it in enumerate(holes, 1)]
    labels = iter(names)
    text = _HOLE.sub(lambda _: f":{next(labels)}" if named else mark, source)[1:]
    values = [reading.source(it.value) if not isinstance(it.value, ast.Name) else it.value.id for it in holes]
    values = [ast.unparse(it.value) for it in holes] if any(not it for it in values) else values
    if named:
        pairs = dict(zip(names, values, strict=True))
        given = ", {" + ", ".join(f'"{key}": {value}' for key, value in pairs.items()) + "}"
    else:
        given = f", ({', '.join(values)}{',' if len(values) == 1 else ''})"
    outer = runs.args[0]
    yield Draft(
        "Bind the values as parameters",
        (Change(node, text), Change(outer, given, insert="after")) if named else (Change(node, text + given),),
    )


def _is_whole(source: str, hole: re.Match[str]) -> bool:
    """Whether a hole is one whole value: `= {x}` or `= '{x}'`."""
    ends = hole[0].startswith("'") == hole[0].endswith("'")
    return ends and bool(re.search(r"(?:=|<|>)\s*$", source[: hole.start()]))


def _label(node: ast.expr, number: int) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else f"value{number}"
