"""A field of the request is read by its key, and a request without it is answered 500.

Why: `request.json["email"]` is a `KeyError` where the field is missing, and `get_json(silent=True)` gives None for what is no
JSON. Both are the client's mistake, and look like the service's.
Instead: ask for it, and answer 400; or let a schema do that.

    email = request.json.get("email")
    if not email:
        abort(400, "email is required")

Consequences: clients can't tell what is wrong, and alarms ring for their mistakes.
Trade-offs: off by default: what a missing key is answered with may be settled in one place, which the code does not show.
Tests: send a body without the field, and assert 400 or 422.
Source: https://docs.djangoproject.com/en/stable/ref/request-response/#querydict-objects; https://flask.palletsprojects.com/en/stable/api/#flask.Request.get_json
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.handlers import is_caught
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A4", "A1"],
    cwe=20,
    needs=["request"],
    bad=[
        Bad("""
from flask import Flask, request

app = Flask(__name__)

@app.post("/subscriptions")
def add():
    return [|request.json["email"]|]

@app.post("/others")
def other():
    data = request.get_json(silent=True)
    return [|data["email"]|]
"""),
        Bad("""
from flask import Flask, request

app = Flask(__name__)

@app.post("/transfers")
def create():
    body = request.get_json()
    return transfer([|body["source"]|], body["target"])
"""),
        Bad("""
from rest_framework.views import APIView

class Orders(APIView):
    def post(self, request):
        return place(sku=[|request.data["sku"]|], count=request.data["count"])
"""),
        Bad("""
import json
from django.contrib.auth.decorators import login_required
from django.views.decorators.http import require_POST

@login_required
@require_POST
def rename(request, pk):
    data = [|json.loads(request.body)|]
    return data.get("name")

def other(request, pk):
    return [|request.GET["name"]|]
"""),
    ],
    good=[
        """
import json
from flask import abort, request

def add():
    data = request.get_json(silent=True)
    if not isinstance(data, dict) or "email" not in data:
        abort(400)
    return data["email"]

def tried():
    try:
        return request.json["email"]
    except KeyError:
        abort(400)

def formed():
    return request.form["email"]

def rename(request, pk):
    try:
        return json.loads(request.body)
    except ValueError:
        return None

def posted(request):
    if "name" in request.GET:
        return request.GET["name"]
    return request.POST["name"]  # of a form that the project itself shows

def saved(request, form):
    if form.is_valid():
        return request.GET["name"]

def helper(body):
    return json.loads(body)

class Page:
    def change_status(self, request, order):
        return request.GET["status"]
"""
    ],
)

_KEYED = regex(r"(?:flask\.)?request\.json|(?:self\.)?request\.(?:data|GET|query_params)")
_KNOWN = regex(r"hook|callback|notif|ipn|receive|test")
"""Handlers of what one known service sends."""
_BODY = regex(r"(?:self\.)?request\.(?:body|data|get_data)")
_CHECKS = regex(r"valid|schema|check|require|ensure|verify|parse")
_ERRORS = (
    "KeyError",
    "ValueError",
    "TypeError",
    "JSONDecodeError",
    "MultiValueDictKeyError",
    "LookupError",
    "BadRequestKeyError",
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Keys of bodies, and bodies parsed by hand, that nothing asks about or catches; the first of each handler."""
    for function in view.reading.functions:
        if not _is_handler(function, view.reading.owner(function)) or _KNOWN.search(function.name.lower()):
            continue
        for node in view.reading.within(function):
            words = _unguarded(view.reading, function, node)
            if words:
                yield Hit(node, words)
                break


def _is_handler(function: Function, owner: str) -> bool:
    """Whether it answers requests: it has a route, or takes the request first and is no helper of a view."""
    names = [it.arg for it in function.args.args]
    if any(isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2] in _ROUTES for it in function.decorator_list):
        return True
    return names[:2] == ["self", "request"] and function.name in _VERBS if owner else names[:1] == ["request"]


_VERBS = frozenset(("get", "post", "put", "patch", "delete", "create", "update", "partial_update", "list", "retrieve", "destroy"))
_METHODS = frozenset(("require_POST", "require_GET", "require_safe", "require_http_methods"))
_ROUTES = frozenset(("route", "action", "get", "post", "put", "patch", "delete"))


def _unguarded(reading: Reading, function: Function, node: ast.AST) -> str:
    """What a request would break, "" for what is guarded or is something else."""
    if isinstance(node, ast.Subscript) and isinstance(constant(node.slice), str) and isinstance(node.ctx, ast.Load):
        source = dotted(node.value)
        if _KEYED.fullmatch(source) and not _is_guarded(reading, function, node, source):
            return f"A request without `{constant(node.slice)}` is answered 500."
        if (
            isinstance(node.value, ast.Name)
            and _is_silent(reading, function, source)
            and not _is_guarded(reading, function, node, source)
        ):
            return f"`{source}` is None where the request holds no JSON, and the answer is 500."
        if (
            isinstance(node.value, ast.Name)
            and _is_json(reading, function, source)
            and not _is_guarded(reading, function, node, source)
        ):
            return f"A request without `{constant(node.slice)}` is answered 500."
    if isinstance(node, ast.Call) and dotted(node.func) in ("json.loads", "loads") and len(node.args) == 1:
        given = node.args[0]
        while isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute) and given.func.attr in ("decode", "get_data"):
            given = given.func.value if given.func.attr == "decode" else given.func
        if _BODY.fullmatch(dotted(given)) and not is_caught(reading, node, _ERRORS) and not _is_checked(reading, function):
            return "A body that is no JSON is answered 500."
    return ""


def _is_silent(reading: Reading, function: Function, name: str) -> bool:
    rows = [it.value for it in reading.within(function) if isinstance(it, ast.Assign) and dotted(it.targets[0]) == name]
    return (
        len(rows) == 1
        and isinstance(rows[0], ast.Call)
        and dotted(rows[0].func).endswith("request.get_json")
        and (constant(keyword(rows[0], "silent")) is True)
    )


def _is_json(reading: Reading, function: Function, name: str) -> bool:
    """Whether a name holds the body that Flask or Django REST framework read, as it came."""
    rows = [it.value for it in reading.within(function) if isinstance(it, ast.Assign) and dotted(it.targets[0]) == name]
    if len(rows) != 1:
        return False
    made = rows[0].func if isinstance(rows[0], ast.Call) and not rows[0].args and not rows[0].keywords else rows[0]
    return dotted(made) in ("request.get_json", "request.json", "request.data") and not isinstance(rows[0], ast.Await)


def _is_guarded(reading: Reading, function: Function, node: ast.AST, source: str) -> bool:
    """Whether an error is caught, or anything in the function asks about what is read."""
    if is_caught(reading, node, _ERRORS) or _is_checked(reading, function):
        return True
    for it in reading.within(function):
        if isinstance(it, ast.Compare) and any(dotted(each) == source for each in (it.left, *it.comparators)):
            return True
        if isinstance(it, ast.If | ast.IfExp | ast.While | ast.Assert) and any(
            dotted(each).startswith(source) for each in ast.walk(it.test) if isinstance(each, ast.Name | ast.Attribute)
        ):
            return True
        if isinstance(it, ast.For | ast.comprehension) and dotted(it.iter).startswith(source):
            return True
    return False


def _is_checked(reading: Reading, function: Function) -> bool:
    """Whether something in the function, or above it, checks requests as a whole."""
    names = [dotted(it.func) for it in reading.within(function) if isinstance(it, ast.Call)]
    above = [dotted(it.func if isinstance(it, ast.Call) else it) for it in function.decorator_list]
    above = [it for it in above if it.rpartition(".")[2] not in _METHODS and not it.endswith("_required")]
    return any(_CHECKS.search(it.rpartition(".")[2].lower()) for it in (*names, *above))
