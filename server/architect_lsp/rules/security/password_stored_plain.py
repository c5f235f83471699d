"""A password is stored as it came.

Why: whoever reads the table, a backup of it or a log of its statements has the passwords, and with them the accounts of the same
people elsewhere.
Instead: store what Argon2, scrypt or bcrypt makes of it.

    user = User(email=body.email, password_hash=hasher.hash(body.password))

Consequences: one leak of the database is a leak of every account.
Tests: assert that what is stored is not what was sent.
Security: CWE-256.
Source: OWASP Password Storage Cheat Sheet
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, Reading, constant, dotted, keyword
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=256,
    needs=["password", "passwd"],
    bad=[
        Bad(
            """
from fastapi import APIRouter
from shop.db import Customer

router = APIRouter()

@router.post("/customers")
def join(form, db):
    customer = Customer(name=form.name, password=[|form.password|])
    db.add(customer)
    db.commit()
"""
        ),
        Bad(
            """
from shop.models import Customer

def join(request):
    Customer.objects.create(name=request.POST["name"], password=[|request.POST["password"]|])
"""
        ),
        Bad("""
from flask import request

def login(answer):
    answer.set_cookie("password", [|request.form["password"]|])
    return answer
"""),
    ],
    good=[
        """
from shop.db import Customer
from shop.schemas import Login
from shop.security import hasher

def join(form, db):
    customer = Customer(name=form.name, password=hasher.hash(form.password))
    db.add(customer)

def late(form, db):
    customer = Customer(name=form.name)
    customer.set_password(form.password)
    db.add(customer)

def check(form):
    return Login(password=form.password).check()

def by_manager(request):
    Customer.objects.create_user(name=request.POST["name"], password=request.POST["password"])
""",
        """
from sqlalchemy.orm import DeclarativeBase

class Base(DeclarativeBase): ...

class Customer(Base):
    __tablename__ = "customers"

    @property
    def password(self): ...

    @password.setter
    def password(self, value): ...

def join(form, db):
    customer = Customer(password=form.password)
    db.add(customer)
""",
        """
from flask import request
from shop.sessions import started

def login(answer):
    answer.set_cookie("session", started(request.form["password"]))
    return answer
""",
    ],
)

_COLUMN = regex(r"(?:hashed_?)?(?:password|passwd)(?:_?hash|_?digest)?")
_RAW = regex(r"(?:raw_|plain_|new_|user_)?(?:password|passwd)\d?")
_SENT = regex(
    r"(?:^|[._])(?:body|form|data|payload|request|req|POST|json|schema|dto|create|registration|register|signup"
    r"|sign_up|credentials|user_in|validated_data|cleaned_data)$"
)
_HASHES = regex(r"Password|Hash|Encrypted|Secret")
"""Types of columns that hash what they are set to."""
_KEEPS = ("add", "add_all", "merge")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Rows that are made with a password as it came, and kept."""
    for call in view.reading.each(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "set_cookie":
            yield from _in_cookie(view, call)
        given = next((it for it in call.keywords if it.arg and _COLUMN.fullmatch(it.arg) and _is_raw(it.value)), None)
        function = view.reading.function(call)
        if given is None or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        name = dotted(call.func)
        is_kept = name.endswith(".objects.create") or (
            name.rpartition(".")[2][:1].isupper() and not _sets_itself(view, call) and _is_kept(view.reading, function, call)
        )
        if is_kept and not _is_set_anew(view.reading, function):
            yield Hit(given.value, "The password is stored as it came: store what Argon2, scrypt or bcrypt makes of it.")


def _in_cookie(view: View, call: ast.Call) -> Iterator[Hit]:
    """A password that a browser keeps, and sends with each request."""
    name = constant(keyword(call, "key") or (call.args[0] if call.args else None))
    value = keyword(call, "value") or (call.args[1] if len(call.args) > 1 else None)
    if value is not None and isinstance(name, str) and _RAW.fullmatch(name) and view.untrusted(value, "header") is not None:
        yield Hit(value, "The password is kept in the browser as it came, and goes over the network with each request.")


def _is_raw(node: ast.expr) -> bool:
    """Whether an expression is a password as someone typed it: a field of what a client sent, by its name."""
    inner = node.func if isinstance(node, ast.Call) else node
    owner = inner.value if isinstance(inner, ast.Attribute | ast.Subscript) else inner
    if not _SENT.search(dotted(owner)):
        return False
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and bool(_RAW.fullmatch(str(node.slice.value)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        return isinstance(node.args[0], ast.Constant) and bool(_RAW.fullmatch(str(node.args[0].value)))
    return isinstance(node, ast.Attribute) and bool(_RAW.fullmatch(node.attr))


def _sets_itself(view: View, call: ast.Call) -> bool:
    """Whether the class has code of its own for the password."""
    found = view.symbol(call.func)
    if not isinstance(found, ClassSymbol):
        return False
    for it in found.facts.fields:
        if it.name in _columns(call):
            said = f"{it.annotation} {it.target} {it.value.text if it.value is not None else ''}"
            return bool(_HASHES.search(said + "".join(each.text for each in (it.value.items if it.value is not None else ()))))
    if found.facts.fields:
        return True  # what sets it stands elsewhere, and may hash
    names = (f"{found.facts.qualname}.{it}" for it in ("password", "passwd", "__init__", "set_password", "validate_password"))
    return any(view.project.definition(found.path, it) is not None for it in names)


def _columns(call: ast.Call) -> set[str]:
    """The keywords of the call that are columns for a password."""
    return {it.arg for it in call.keywords if it.arg and _COLUMN.fullmatch(it.arg)}


def _is_kept(reading: Reading, function: Function, call: ast.Call) -> bool:
    """Whether a session is given the object, or it saves itself."""
    up = reading.parent(call)
    names = {dotted(it) for it in up.targets} if isinstance(up, ast.Assign) else set()
    for node in reading.within(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in _KEEPS and any(it is call or dotted(it) in names for it in node.args):
                return True
            if node.func.attr == "save" and dotted(node.func.value) in names:
                return True
    return False


def _is_set_anew(reading: Reading, function: Function) -> bool:
    """Whether the function hashes after all: a call named so, or the attribute set once more."""
    for node in reading.within(function):
        if isinstance(node, ast.Call) and re.search(r"hash|set_password|make_password|encrypt|derive", dotted(node.func)):
            return True
    return False
