"""A handler ends without an answer on one of its ways.

Why: Flask, Django and aiohttp take None for a mistake and answer 500; a middleware that returns none does the same to every
request that passes through it. The way is often the one for what was not found.
Instead: answer on every way.

    if found is None:
        abort(404)
    return jsonify(found)

Consequences: 500 where 404 was meant, and an alarm for what no one did wrong.
Tests: take the other way, and assert its status.
Source: https://flask.palletsprojects.com/en/stable/quickstart/#about-responses;
https://docs.djangoproject.com/en/stable/topics/http/views/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.endings import gives_nothing, returns
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A1"],
    bad=[
        Bad("""
from aiohttp import web
from app.store import touch

routes = web.RouteTableDef()

@routes.post("/rows/{key}")
[|async def touched(request: web.Request):|]
    await touch(request.match_info["key"])
"""),
        Bad("""
from flask import Flask, jsonify
from app.store import find

app = Flask(__name__)

@app.get("/things/<int:number>")
[|def thing(number):|]
    found = find(number)
    if found:
        return jsonify(found)
"""),
        Bad("""
-- crm/views.py --
from django.shortcuts import redirect, render

[|def lead(request):|]
    if request.method == "POST":
        if request.POST:
            return redirect("thanks")
    else:
        return render(request, "lead.html")
-- crm/urls.py --
from django.urls import path
from crm.views import lead

urlpatterns = [path("lead/", lead)]
"""),
        Bad("""
from fastapi import FastAPI

app = FastAPI()

@app.middleware("http")
[|async def count(request, call_next):|]
    await call_next(request)
"""),
    ],
    good=[
        """
from flask import Flask, request

app = Flask(__name__)

@app.route("/orders/<int:pk>", methods=["GET", "DELETE"])
def order(pk):
    if request.method == "GET":
        return {"pk": pk}
    elif request.method == "DELETE":
        return {"gone": pk}
""",
        """
from flask import Flask, abort, jsonify
from fastapi import FastAPI
from app.store import find

app = Flask(__name__)
api = FastAPI()

@app.get("/things/<int:number>")
def thing(number):
    found = find(number)
    if found:
        return jsonify(found)
    abort(404)

@api.get("/others")
def other():
    find(1)

@app.get("/stub")
def stub():
    ...

@api.middleware("http")
async def count(request, call_next):
    return await call_next(request)

@app.get("/each")
def each():
    for it in find(2):
        return jsonify(it)
    raise LookupError

@app.get("/locked")
def locked():
    with find(3) as it:
        return jsonify(it)

@app.before_request
def before():
    if find(4):
        return "no"
""",
    ],
)

_FRAMEWORKS = frozenset(("flask", "django", "aiohttp"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers and middlewares that may end without a value."""
    reading = view.reading
    for function in reading.functions:
        if _is_middleware(function):
            if gives_nothing(reading, function):
                yield Hit(function, f"`{function.name}` does not give the answer back: every request through it fails.")
            continue
        if _is_aiohttp(view, function):
            if gives_nothing(reading, function):
                yield Hit(function, f"A way through `{function.name}` ends without an answer, and the client gets 500.")
            continue
        if reading.owner(function) or not (function.decorator_list or function.args.args) or not gives_nothing(reading, function):
            continue
        routes = routes_of(view.project, view.path, reading.qualname(function))
        if not routes or any(it.framework not in _FRAMEWORKS or "WEBSOCKET" in it.methods for it in routes):
            continue
        if routes[0].framework != "flask" and not any(it.value is not None for it in returns(reading, function)):
            continue  # what wraps it may answer in its place
        if _is_wrapped(function) or _asks_for_each(function, frozenset().union(*(it.methods for it in routes))):
            continue
        yield Hit(function, f"A way through `{function.name}` ends without an answer, and the client gets 500.")


def _asks_for_each(function: Function, methods: frozenset[str]) -> bool:
    """Whether a chain of `if request.method == ...` has a branch for every method that the routes take."""
    asked = {
        constant(it.comparators[0])
        for it in ast.walk(function)
        if isinstance(it, ast.Compare) and isinstance(it.left, ast.Attribute) and it.left.attr == "method"
    }
    return bool(methods) and methods <= asked


def _is_aiohttp(view: View, function: Function) -> bool:
    """Whether a table of routes of aiohttp takes it."""
    calls = [it.func for it in function.decorator_list if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute)]
    verbs = [it for it in calls if it.attr in ("get", "post", "put", "patch", "delete")]
    return len(verbs) == len(function.decorator_list) == 1 and view.name(verbs[0]).startswith("aiohttp.web")


def _is_middleware(function: Function) -> bool:
    names = [dotted(it.func) for it in function.decorator_list if isinstance(it, ast.Call)]
    return any(it.endswith(".middleware") for it in names) and [it.arg for it in function.args.args][1:] == ["call_next"]


def _is_wrapped(function: Function) -> bool:
    """Whether a decorator that is no registration stands over it, which may make an answer of None."""
    names = [dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] for it in function.decorator_list]
    known = (
        "route",
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "login_required",
        "csrf_exempt",
        "never_cache",
        "permission_required",
    )
    return any(it not in known and not it.startswith("require") for it in names)
