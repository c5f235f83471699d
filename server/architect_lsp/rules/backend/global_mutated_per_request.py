"""A request changes what the whole process shares.

Why: a module's variable lives as long as the process and is one for all requests. Two requests at once overwrite each other,
another worker has another value, and a restart forgets it.
Instead: keep it where all workers see it (a database, Redis), or hand it through the request.

    @app.post("/visits")
    async def visit(redis: Redis = Depends(get_redis)) -> int:
        try:
            return await redis.incr("visits")
        except RedisError as error:
            raise HTTPException(503) from error

Consequences: counters that differ by worker, one user's data in another's answer, a list that only grows.
Trade-offs: a cache of what never changes may live in a module; it needs a bound.
Tests: run the application with two workers and assert that both see the change.
Security: what one user leaves in a variable the next may read.
Source: https://12factor.net/processes
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import handlers
from architect_lsp.knowledge.facts import Variable
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B1", "D3", "C3"],
    cwe=362,
    needs=["@"],
    preview=True,  # not read on enough real code yet
    bad=[
        Bad("""
from fastapi import FastAPI

app = FastAPI()
visits = 0
orders = []

@app.post("/visits")
def visit():
    global visits
    [|visits += 1|]
    return visits

@app.post("/orders")
def order(item: str):
    [|orders.append(item)|]
"""),
    ],
    good=[
        """
from fastapi import FastAPI

app = FastAPI()
_engine = None
_cache = {}

@app.get("/rows")
def rows():
    global _engine
    if _engine is None:
        _engine = connect()
    found = []
    found.append(_engine)
    _cache["rows"] = found
    return found

def plain(item):
    orders.append(item)

orders = []

def connect(): ...
""",
    ],
)

_CHANGES = ("append", "extend", "insert", "add", "update", "setdefault", "pop", "remove", "popitem")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """What handlers of routes write into variables of their module."""
    reading = view.reading
    for function in reading.functions:
        if not function.decorator_list or (view.path, reading.qualname(function)) not in handlers(view.project):
            continue
        shared = {name for it in reading.within(function) if isinstance(it, ast.Global) for name in it.names}
        for node in reading.within(function):
            name = _changed(node, shared)
            if not name or "cache" in name.lower() or _is_first_use(view, node, name):
                continue
            found = view.project.name(view.path, name)
            if reading.bindings(function).get(name) is not None and name not in shared:
                continue
            if isinstance(found, Variable) and (
                name in shared or (found.value is not None and found.value.kind in ("list", "dict"))
            ):
                yield Hit(node, f"Each request of `{function.name}` changes `{name}`, which all requests of this process share.")


def _changed(node: ast.AST, shared: set[str]) -> str:
    """The name of what a statement changes, "" when it is none of the module's."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id in shared:
        return node.target.id
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in shared:
            return target.id
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            return target.value.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
        return node.func.value.id if isinstance(node.func.value, ast.Name) else ""
    return ""


def _is_first_use(view: View, node: ast.AST, name: str) -> bool:
    """Whether the write stands under a question for the same name: it is made once."""
    for it in view.reading.ancestors(node):
        if isinstance(it, ast.If) and any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(it.test)):
            return True
    return False
