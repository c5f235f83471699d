"""A structure from outside becomes a query.

Why: a parsed body can hold more than text: where a name was expected comes `{"$ne": null}`, which matches everyone, and
`{"$where": ...}` runs code in the database.
Instead: check the shape of the value before it is part of a query.

    class Login(BaseModel):
        name: str
        password: str

    def user_of(body: bytes) -> User:
        try:
            login = Login.model_validate_json(body)
        except ValidationError as error:
            raise HTTPException(422, "name and password, please") from error
        return checked(users.find_one({"name": login.name}), login.password)

Trade-offs: `str(value)` is enough where only text is meant.
Tests: log in with `{"name": {"$ne": null}}` and assert that it is refused.
Security: logging in as anyone; reading every document.
Source: CWE-943; https://owasp.org/www-project-web-security-testing-guide/ (testing for NoSQL injection)
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=943,
    bad=[
        Bad("""
from flask import request

def login(users):
    body = request.get_json()
    return users.find_one([|{"name": body["name"], "password": body["password"]}|])
"""),
        Bad("""
import json
from flask import request

def search(db):
    return db.orders.find([|json.loads(request.args["filter"])|])
"""),
        Bad(
            """

from flask import request

def cheap(db):
    most = request.args["most"]
    return list(db.items.find({"$where": [|"this.price < " + most|]}))
""",
        ),
        Bad("""
from flask import request
from shop.models import User

def count():
    return User.objects(__raw__=[|request.get_json()|]).count()
"""),
        Bad("""
import json
from flask import request
from pymongo import MongoClient

users = MongoClient().shop.users

def found():
    wanted = json.loads(request.args["search"])
    return users.find_one([|{"name": wanted}|])
"""),
    ],
    good=[
        """
from flask import request

def login(users, text):
    body = request.get_json()
    users.find_one({"name": str(body["name"])})
    users.find_one({"name": request.args["name"]})
    users.find_one({"age": int(body["age"])})
    serial = body.get("serial")
    if not isinstance(serial, str):
        abort(400, "serial must be text")
    users.find_one({"serial": serial})
    "some text".find(body["word"])
    return text.find(request.args["word"])
""",
        """

from flask import request

def cheap(db):
    return list(db.items.find({"$where": "this.price < this.limit", "price": {"$lt": request.args.get("most", type=int)}}))
""",
        """
import json
from flask import request
from pymongo import MongoClient

users = MongoClient().shop.users

def found():
    wanted = str(json.loads(request.args["search"]))
    return users.find_one({"name": wanted})
""",
    ],
)

_STRUCTURES = regex(r"\.(?:json|get_json|json_body|media)\b|\.data$")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Queries that hold a structure which someone outside made."""
    yield from _scripts(view)
    for it in view.exposures("nosql"):
        made = _is_parsed(view, it.argument)
        whole = isinstance(it.argument, ast.Dict) or made or isinstance(it.argument, ast.Name | ast.Attribute | ast.Call)
        if it.used_by.endswith("find") and not isinstance(it.argument, ast.Dict) and not made:
            continue  # the `find` of text
        if not it.steps and whole and (made or _STRUCTURES.search(it.origin.name)) and not _is_text(it.argument):
            message = f"`{it.source}` may hold operators such as `$ne` and becomes part of the query; check that it is text."
            yield Hit(it.argument, message, (), it.steps)


def _is_parsed(view: View, node: ast.expr) -> bool:
    """Whether JSON was parsed to get the value, so that it may be a structure."""
    local = view.reading.bindings(view.reading.function(node))
    held = [each for it in ast.walk(node) if isinstance(it, ast.Name) for each in local.get(it.id, []) if each is not None]
    calls = (each for it in (node, *held) for each in ast.walk(it) if isinstance(each, ast.Call))
    values = [it for it in held if isinstance(it, ast.Call) and dotted(it.func) == "str"]
    return not values and any(dotted(it.func).endswith("loads") for it in calls)


def _scripts(view: View) -> Iterator[Hit]:
    """Code for the database's own interpreter with a part that someone outside writes."""
    for made in view.reading.each(ast.Dict):
        for key, value in zip(made.keys, made.values, strict=True):
            if (
                key is not None
                and constant(key) in ("$where", "$function", "$accumulator")
                and not isinstance(value, ast.Constant)
            ):
                origin = view.untrusted(value, "nosql")
                if origin is not None:
                    yield Hit(value, f"`{origin.name}` becomes part of a script that the database runs; compare fields instead.")


def _is_text(node: ast.expr) -> bool:
    """Whether every value of the query is made text first."""
    values = node.values if isinstance(node, ast.Dict) else [node]
    return all(
        isinstance(it, ast.Constant | ast.JoinedStr) or (isinstance(it, ast.Call) and dotted(it.func) == "str") for it in values
    )
