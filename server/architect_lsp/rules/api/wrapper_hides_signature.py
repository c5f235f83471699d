"""A decorator under a route gives back a wrapper by another name and signature.

Why: FastAPI reads the parameters of what it registers, and asks clients for `args` and `kwargs`; Flask names the endpoint after
it, and refuses the second one that is called `wrapper`. Both see the wrapper as long as `functools.wraps` does not say whom it
stands for.
Instead:

    @wraps(view)
    def wrapper(*args, **kwargs): ...

Consequences: 422 for every request, or an application that does not start.
Source: https://docs.python.org/3/library/functools.html#functools.wraps;
https://flask.palletsprojects.com/en/stable/patterns/viewdecorators/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A1", "E4"],
    needs=["**"],
    bad=[
        Bad("""
from flask import Flask, abort, session

app = Flask(__name__)

def signed_in(view):
    [|def wrapper(*args, **kwargs):|]
        return view(*args, **kwargs)
    return wrapper

@app.get("/a")
@signed_in
def a(): return "a"

@app.get("/b")
@signed_in
def b(): return "b"
"""),
        Bad("""
from fastapi import FastAPI

app = FastAPI()

def timed(view):
    [|async def wrapper(*args, **kwargs):|]
        return await view(*args, **kwargs)
    return wrapper

@app.get("/a/{key}")
@timed
async def a(key: int): ...
"""),
    ],
    good=[
        """
import functools
from functools import wraps
from flask import Flask

app = Flask(__name__)

def signed_in(view):
    @wraps(view)
    def wrapper(*args, **kwargs):
        return view(*args, **kwargs)
    return wrapper

def updated(view):
    def wrapper(*args, **kwargs):
        return view(*args, **kwargs)
    return functools.update_wrapper(wrapper, view)

def named(view):
    def wrapper(*args, **kwargs):
        return view(*args, **kwargs)
    wrapper.__name__ = view.__name__
    return wrapper

def once(view):
    def wrapper(*args, **kwargs):
        return view(*args, **kwargs)
    return wrapper

@app.get("/a")
@signed_in
@updated
@named
def a(): return "a"

@app.get("/b")
@signed_in
@updated
@named
def b(): return "b"

@app.get("/c")
@once
def c(): return "c"
"""
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Wrappers with `*args, **kwargs` and no `wraps`, made by a decorator that stands under routes."""
    for inner in view.reading.functions:
        outer = view.reading.function(inner)
        if (
            inner.args.kwarg is None
            or inner.args.vararg is None
            or inner.decorator_list
            or not isinstance(outer, ast.FunctionDef)
        ):
            continue
        if not _gives(view, outer, inner):
            continue
        uses = view.project.of_all("decorators of handlers", _of_handlers).get((view.path, view.reading.qualname(outer)), ())
        if "fastapi" in uses:
            yield Hit(inner, f"`{inner.name}` hides what the handler takes: FastAPI asks clients for `args` and `kwargs`.")
        elif uses.count("flask") > 1:
            yield Hit(inner, f"Flask names endpoints after `{inner.name}`, and {uses.count('flask')} of them are called so.")


def _gives(view: View, outer: Function, inner: Function) -> bool:
    """Whether a function gives back its inner one as it is, having called its parameter there."""
    rows = [it for it in view.reading.within(outer) if isinstance(it, ast.Return)]
    plain = len(rows) == 1 and isinstance(rows[0].value, ast.Name) and rows[0].value.id == inner.name
    changed = any(
        isinstance(it, ast.Attribute) and isinstance(it.ctx, ast.Store) and dotted(it.value) == inner.name
        for it in view.reading.within(outer)
    )
    first = outer.args.args[0].arg if outer.args.args else ""
    calls = any(isinstance(it, ast.Call) and dotted(it.func) == first for it in view.reading.within(inner))
    return plain and not changed and bool(first) and calls


def _of_handlers(project: Project) -> dict[tuple[str, str], tuple[str, ...]]:
    """The project's own decorators of handlers, with the framework of each handler below whose route they stand."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for path in project.paths:
        for it in project.decorated(path):
            if len(it.decorators) < 2:
                continue
            routes = routes_of(project, path, it.qualname)
            below = it.decorators[1:] if routes else ()
            for row in below if not any(each.value.keyword("endpoint") for each in it.decorators) else ():
                symbol = project.resolve(path, row.target, it.owner) if row.value.kind == "name" else None
                if isinstance(symbol, FunctionSymbol):
                    key = symbol.path, symbol.facts.qualname
                    found[key] = (*found.get(key, ()), routes[0].framework)
    return found
