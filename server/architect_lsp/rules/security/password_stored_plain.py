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

from architect_lsp.knowledge.definitions import arguments
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
        Bad("""
import base64
import jwt
from flask import request
from shop.models import Account

def saved():
    account = Account.objects.get(pk=1)
    account.password = [|base64.b64encode(request.form["password"].encode()).decode()|]
    account.save()

def exported(key):
    password = request.form["password"]
    with open("accounts.txt", "a") as out:
        out.write([|f"{request.form['user']}:{password}"|])
    return jwt.encode({"sub": 1, "password": [|password|]}, key)
"""),
        Bad("""
from accounts.models import Member

def join(request):
    member = Member()
    member.password = [|request.POST["password"]|]
    member.save()
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
        """
from flask import request
from shop.security import hashed

def exported():
    password = hashed(request.form["password"])
    with open("accounts.txt", "a") as out:
        out.write(f"{request.form['user']}:{password}")
""",
        """
from django.contrib.auth.hashers import make_password
from accounts.models import Member

def join(request):
    member = Member()
    member.password = make_password(request.POST["password"])
    member.save()
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
    yield from _encoded(view)
    yield from _set_plain(view)
    for call in view.reading.each(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "set_cookie":
            yield from _in_cookie(view, call)
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("write", "writerow") and len(call.args) == 1:
            yield from _in_file(view, call)
        if (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "encode"
            and view.callee(call) in ("jwt.encode", "jose.jwt.encode")
        ):
            yield from _in_token(call)
        given = next((it for it in call.keywords if it.arg and _COLUMN.fullmatch(it.arg) and _is_raw(it.value)), None)
        function = view.reading.function(call)
        if given is None or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        name = dotted(call.func)
        is_kept = name.endswith(".objects.create") or (
            name.rpartition(".")[2][:1].isupper() and not _sets_itself(view, call) and _is_kept(view.reading, function, call)
        )
        if is_kept and not _is_set_anew(view.reading, function) and not _is_hashed_before(view, function, given.value):
            yield Hit(given.value, "The password is stored as it came: store what Argon2, scrypt or bcrypt makes of it.")


_HASHERS = regex(r"hash_?pass|password_?hash|make_password|pwd_?context|bcrypt|argon2|passlib|hashers?$", re.IGNORECASE)


def _is_hashed_before(view: View, function: ast.FunctionDef | ast.AsyncFunctionDef, value: ast.expr) -> bool:
    """Whether a helper is given a dictionary, in a file that knows how to hash: who calls the helper has done so."""
    held = value.value if isinstance(value, ast.Subscript) else None
    is_given = isinstance(held, ast.Name) and held.id in {it.arg for it in arguments(function)} and not function.decorator_list
    return is_given and any(_HASHERS.search(target) for _, target in view.project.imports(view.path))


_UNDONE = regex(r"(?:^|\.)(?:b64encode|urlsafe_b64encode|b32encode|b16encode|hexlify|b85encode)$")
"""What anyone takes back without a key."""


def _encoded(view: View) -> Iterator[Hit]:
    """Columns for a password that are given it in another writing, which is taken back without a key."""
    for node in view.reading.each(ast.Assign):
        target = node.targets[0]
        name = (
            target.attr
            if isinstance(target, ast.Attribute)
            else constant(target.slice)
            if isinstance(target, ast.Subscript)
            else ""
        )
        if not isinstance(name, str) or not _COLUMN.fullmatch(name):
            continue
        for call in ast.walk(node.value):
            if (
                isinstance(call, ast.Call)
                and _UNDONE.search(dotted(call.func))
                and call.args
                and _speaks_of_password(call.args[0])
            ):
                yield Hit(
                    node.value, "Anyone reads the password back from this: store what Argon2, scrypt or bcrypt makes of it."
                )
                break


def _set_plain(view: View) -> Iterator[Hit]:
    """Columns of Django's rows that are set to a field of the form, and saved."""
    if "request.POST" not in view.reading.unit.text:
        return
    for node in view.reading.each(ast.Assign):
        target, function = node.targets[0], view.reading.function(node)
        if not isinstance(target, ast.Attribute) or not _COLUMN.fullmatch(target.attr) or not _is_raw(node.value):
            continue
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or _is_set_anew(view.reading, function):
            continue
        if any(
            isinstance(it, ast.Call) and dotted(it.func) == f"{dotted(target.value)}.save" for it in view.reading.within(function)
        ):
            yield Hit(node.value, "The password is stored as it came: store what Argon2, scrypt or bcrypt makes of it.")


def _speaks_of_password(node: ast.expr) -> bool:
    """Whether a password is in the expression as it came, through no call that hashes."""
    if any(isinstance(it, ast.Call) and re.search(r"hash|digest|crypt|derive", dotted(it.func)) for it in ast.walk(node)):
        return False
    return any(_is_raw(it) or _RAW.fullmatch(dotted(it)) for it in ast.walk(node) if isinstance(it, ast.expr))


def _in_file(view: View, call: ast.Call) -> Iterator[Hit]:
    """A password that is written to a file as someone sent it."""
    local = view.reading.bindings(view.reading.function(call))
    for it in ast.walk(call.args[0]):
        if not isinstance(it, ast.Name | ast.Subscript | ast.Call | ast.Attribute):
            continue
        values = local.get(it.id, []) if isinstance(it, ast.Name) else []
        held = values[0] if len(values) == 1 and values[0] is not None and _RAW.fullmatch(dotted(it)) else it
        if _is_raw(held) and not isinstance(view.reading.parent(it), ast.Call):
            yield Hit(
                call.args[0], "The password is written to a file as it came: store what Argon2, scrypt or bcrypt makes of it."
            )
            return


def _in_token(call: ast.Call) -> Iterator[Hit]:
    """A password that whoever holds the token reads: what is signed is not encrypted."""
    for made in call.args[:1]:
        rows = zip(made.keys, made.values, strict=True) if isinstance(made, ast.Dict) else ()
        yield from (
            Hit(value, "Whoever holds the token reads the password in it: it is signed, not encrypted.")
            for key, value in rows
            if key is not None and isinstance(said := constant(key), str) and _RAW.fullmatch(said)
        )


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
