"""What the client sends is written to a stored record, field by field, whatever the fields are.

Why: a record has fields the client must not set: the owner, the role, the balance, whether it is approved. `Model(**body)` and a
loop of `setattr` take them all from the request, those that are added next year too.
Instead: name what a client may set, in a model of its own, and write only that.

    class OrderChange(BaseModel):
        note: str | None = None

    for name, value in change.model_dump(exclude_unset=True).items():
        setattr(order, name, value)

Consequences: a user makes himself an administrator with one extra line of JSON.
Tests: send each field that must stay, and assert that it stays.
Security: CWE-915. Refuse fields nobody asked for: `extra="forbid"`.
Source: OWASP API Security Top 10 2023, API3: Broken Object Property Level Authorization
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=915,
    needs=["**", "setattr", ".update("],
    bad=[
        Bad("""
-- app/models.py --
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    is_admin = db.Column(db.Boolean)
-- app/views.py --
from flask import Flask, request
from app.models import User

app = Flask(__name__)

@app.post("/users")
def create():
    user = User([|**request.get_json()|])

@app.put("/users/<int:user_id>")
def change(user_id):
    user = User.query.get(user_id)
    data = request.json
    for key, value in data.items():
        [|setattr(user, key, value)|]
"""),
        Bad(
            """

import json
from shop.models import Parcel

def change(request, pk):
    fields = json.loads(request.body)
    Parcel.objects.filter(pk=pk).update([|**fields|])
""",
        ),
        Bad("""
from typing import Any
from fastapi import FastAPI
from shop.models import Account, Session

app = FastAPI()

@app.patch("/accounts/{key}")
def edit(key: int, changes: dict[str, Any]):
    with Session.begin() as session:
        account = session.get(Account, key)
        for name, value in changes.items():
            [|setattr(account, name, value)|]
"""),
        Bad("""
from flask import request
from tables import Customer
from models import db

def create():
    customer = Customer([|**request.get_json()|])
    db.session.add(customer)
"""),
    ],
    good=[
        """
from shop.models import Entry

def removed(request):
    request.GET = {"email": request.user.email}
    return Entry.objects.create(kind="removal", **request.GET)
""",
        """
-- app/models.py --
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
-- app/views.py --
from flask import Flask, request
from pydantic import BaseModel
from app.models import User

app = Flask(__name__)
ALLOWED = {"name"}

class Change(BaseModel):
    name: str

@app.post("/users")
def create():
    change = Change(**request.get_json())
    user = User(**change.model_dump())

@app.put("/users/<int:user_id>")
def change(user_id):
    user = User.query.get(user_id)
    for key, value in request.json.items():
        if key in ALLOWED:
            setattr(user, key, value)
""",
    ],
)

_BODY = regex(
    r"(?:\w+\.)*request\.(?:json|body|form|values|args|data|POST|GET|get_json|query_params|params)(?:\(\))?"
    r"(?:\.(?:to_dict|dict|copy)\(\))?"
)


_ROWS = regex(r"\.(?:objects|query)(?:\(\))?\.")
_MODULE = regex(r"^(?:(?:\.+|\w+\.)(?:\w+\.)*(?:models?|db|database|entities|orm|tables)|models?|tables|entities)\.\w+$")
_UNTYPED = regex(r"(?:dict|Dict|typing\.Dict)(?:\[str, (?:Any|object|str)\])?")
Bodies = dict[ast.AST, set[str]]


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Models made from a request's fields, and loops that set them."""
    reading = view.reading
    models: set[tuple[str, str]] | None = None
    bodies = _bodies(view)
    for call in reading.each(ast.Call):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        stars = [it for it in call.keywords if it.arg is None and _is_body(reading, it.value, bodies)]
        if stars:
            models = _models(view.project) if models is None else models
            symbol = view.symbol(call.func)
            if isinstance(symbol, ClassSymbol) and (symbol.path, symbol.facts.qualname) in models:
                yield Hit(stars[0], f"`{symbol.facts.qualname}` takes every field that the client sends.")
            elif (name in ("create", "update", "update_or_create") and _ROWS.search(_plain(call.func))) or _is_elsewhere(
                view, call.func
            ):
                yield Hit(stars[0], f"`{name}` takes every field that the client sends.")
        elif (
            name == "update"
            and len(call.args) == 1
            and _ROWS.search(_plain(call.func))
            and _is_body(reading, call.args[0], bodies)
        ):
            yield Hit(call.args[0], "`update` takes every field that the client sends.")
        elif name == "setattr" and len(call.args) == 3 and _is_loop_over_body(reading, call, bodies):
            yield Hit(call, f"Every field that the client sends is set on `{reading.source(call.args[0])}`.")


def _bodies(view: View) -> Bodies:
    """The parameters of each handler of FastAPI's that hold any JSON: a dictionary, in a route whose requests have a body."""
    found: Bodies = {}
    for function in view.reading.functions:
        names = {
            it.arg
            for it in (*function.args.args, *function.args.kwonlyargs)
            if it.annotation is not None and _UNTYPED.fullmatch(ast.unparse(it.annotation))
        }
        routes = routes_of(view.project, view.path, view.reading.qualname(function)) if names and function.decorator_list else ()
        if routes and all(it.framework == "fastapi" and it.methods <= {"POST", "PUT", "PATCH"} for it in routes):
            found[function] = names
    return found


def _is_elsewhere(view: View, node: ast.expr) -> bool:
    """Whether a class comes from a module of models of the package that is not at hand."""
    target = view.project.imported(view.path, dotted(node).partition(".")[0])
    return bool(_MODULE.search(target)) and dotted(node).rpartition(".")[2][:1].isupper() and view.instance(node) is None


def _models(project: Project) -> set[tuple[str, str]]:
    return {(it.ref.path, it.ref.qualname) for it in catalogue(project).models}


def _is_body(reading: Reading, node: ast.expr, bodies: Bodies, depth: int = 3) -> bool:
    """Whether an expression is what the client sent, as it came."""
    if isinstance(node, ast.Await):
        return _is_body(reading, node.value, bodies, depth)
    if isinstance(node, ast.Call) and dotted(node.func) in ("json.loads", "loads") and node.args:
        return _is_body(reading, node.args[0], bodies, depth)
    if isinstance(node, ast.Name) and depth > 0:
        function = reading.function(node)
        if function is not None and node.id in bodies.get(function, ()):
            return True
        values = reading.bindings(function).get(node.id, [])
        return len(values) == 1 and values[0] is not None and _is_body(reading, values[0], bodies, depth - 1)
    return bool(_BODY.fullmatch(_plain(node))) and dotted(node) not in definitions(reading, reading.function(node))


def _plain(node: ast.expr) -> str:
    """`request.get_json()` of a call with any arguments."""
    if isinstance(node, ast.Call):
        inner = _plain(node.func)
        return f"{inner}()" if inner else ""
    if isinstance(node, ast.Attribute):
        inner = _plain(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return node.id if isinstance(node, ast.Name) else ""


def _is_loop_over_body(reading: Reading, call: ast.Call, bodies: Bodies) -> bool:
    key = dotted(call.args[1])
    for up in reading.ancestors(call):
        if isinstance(up, ast.If):
            return False  # something decides which
        if isinstance(up, ast.For):
            names = {it.id for it in ast.walk(up.target) if isinstance(it, ast.Name)}
            if not key or key not in names or any(isinstance(it, ast.If) for row in up.body for it in ast.walk(row)):
                return False
            over = up.iter.func if isinstance(up.iter, ast.Call) else None
            return isinstance(over, ast.Attribute) and over.attr == "items" and _is_body(reading, over.value, bodies)
    return False
