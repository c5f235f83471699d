"""A dependency of FastAPI is called, or left out of `Depends`.

Why: `Depends` wants the function itself and calls it for each request. `Depends(settings())` calls it once, at import, and then
tries to call what it gave; a function as a bare default is never called, and the handler gets the function.
Instead: `Depends(settings)`.

Consequences: an error at start-up or at the first request; or a check of who asks that never runs.
Tests: override the dependency and assert that the handler gets what the override gives.
Security: a guard that is never called guards nothing.
Source: https://fastapi.tiangolo.com/tutorial/dependencies/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.knowledge.waiting import is_plain
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B1", "A2"],
    cwe=685,
    needs=["Depends", "Security", "def "],
    bad=[
        Bad("""
from fastapi import Depends, FastAPI

app = FastAPI()

def settings() -> dict:
    return {"region": "eu"}

@app.get("/region")
def region(current: dict = Depends([|settings()|])) -> dict:
    return current
"""),
        Bad("""
from fastapi import FastAPI

app = FastAPI()

def current_user(token: str) -> dict:
    return {"name": token}

@app.get("/profile")
def profile(user: dict = [|current_user|]) -> dict:
    return user
"""),
        Bad("""
from fastapi import APIRouter, Depends

async def session():
    yield 1

router = APIRouter(dependencies=[Depends([|session()|])])
"""),
    ],
    good=[
        """
from collections.abc import Callable
from fastapi import APIRouter, Depends, FastAPI

app = FastAPI()

class Limit:
    def __init__(self, times): ...
    def __call__(self, request): ...

def needs(role: str) -> Callable:
    def check(user): ...
    return check

def wants(role):
    def check(user): ...
    return check

def settings() -> dict:
    return {}

@app.get("/region", dependencies=[Depends(Limit(3)), Depends(needs("admin")), Depends(wants("admin"))])
def region(current: dict = Depends(settings)) -> dict:
    return current

def plain(call=settings):
    return call()
""",
    ],
)

_PLAIN = ("None", "str", "int", "bool", "float", "dict", "list", "Session", "AsyncSession", "BaseModel")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Functions that `Depends` is given the result of, and functions as defaults of a handler's parameters."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if dotted(call.func).rpartition(".")[2] not in ("Depends", "Security") or not call.args:
            continue
        given = call.args[0]
        found = view.symbol(given.func) if isinstance(given, ast.Call) else None
        if isinstance(given, ast.Call) and isinstance(found, FunctionSymbol) and _gives_no_function(found):
            yield Hit(given, f"`{ast.unparse(given.func)}` is called here, once: `Depends` wants the function itself.")
    for function in reading.functions:
        if not function.decorator_list or not function.args.defaults:
            continue
        rows = [it for it in _defaults(function) if isinstance(it, ast.Name)]
        if not rows or not any(isinstance(view.symbol(it), FunctionSymbol) for it in rows):
            continue
        routes = routes_of(view.project, view.path, reading.qualname(function))
        if routes and all(it.framework == "fastapi" for it in routes):
            for it in rows:
                if isinstance(view.symbol(it), FunctionSymbol):
                    told = f"Nothing calls `{it.id}`: `{function.name}` gets the function itself. It is missing its `Depends`."
                    yield Hit(it, told)


def _gives_no_function(found: FunctionSymbol) -> bool:
    """Whether a call of the function is sure to give nothing that can be called."""
    facts = found.facts
    if not is_plain(facts):
        return False
    if facts.is_generator or facts.is_async:
        return True
    return facts.gives is not None and facts.gives.text.rpartition(".")[2] in _PLAIN


def _defaults(function: Function) -> list[ast.expr]:
    return [it for it in (*function.args.defaults, *function.args.kw_defaults) if it is not None]
