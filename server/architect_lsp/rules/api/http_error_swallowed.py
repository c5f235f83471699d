"""An answer that a handler raises is caught by its own `except Exception`, and becomes another one.

Why: `HTTPException` is an exception like all others. Raised inside of the `try`, it reaches the handler that was written for
what nobody expects, and the 404 that was meant for the client leaves the service as 500.
Instead: let it pass, or raise it after the `try`.

    except HTTPException:
        raise
    except Exception as error: ...

Consequences: clients retry what will never work, and alarms ring for their mistakes.
Tests: ask for what is not there, and assert 404.
Source: https://fastapi.tiangolo.com/tutorial/handling-errors/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.answers import status_of
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A3", "A1"],
    cwe=755,
    needs=["HTTPException", "abort"],
    bad=[
        Bad("""
from fastapi import FastAPI, HTTPException
from app.store import fetch

app = FastAPI()

@app.get("/items/{key}")
async def read(key: str):
    try:
        item = await fetch(key)
        if item is None:
            [|raise HTTPException(status_code=404, detail="Item not found")|]
        return item
    except Exception:
        raise HTTPException(status_code=500, detail="Could not read the item")
"""),
    ],
    good=[
        """
from fastapi import FastAPI, HTTPException
from app.store import fetch

app = FastAPI()

@app.get("/items/{key}")
async def read(key: str):
    try:
        item = await fetch(key)
        if item is None:
            raise HTTPException(status_code=404, detail="Item not found")
        return item
    except HTTPException:
        raise
    except Exception:
        raise HTTPException(status_code=500, detail="Could not read the item")

@app.get("/others/{key}")
async def other(key: str):
    try:
        if not key:
            raise HTTPException(400)
        return await fetch(key)
    except Exception as error:
        if isinstance(error, HTTPException):
            raise
        raise HTTPException(500) from error

@app.get("/again/{key}")
async def again(key: str):
    try:
        if not key:
            raise HTTPException(400)
        return await fetch(key)
    except Exception:
        print("failed")
        raise

@app.get("/same/{key}")
async def same(key: str):
    try:
        if not key:
            raise HTTPException(400)
        return await fetch(key)
    except Exception as error:
        raise HTTPException(getattr(error, "status_code", 500))

@app.get("/outer/{key}")
async def outer(key: str):
    try:
        raise HTTPException(500, "gone")
    except Exception as error:
        raise HTTPException(500, "gone") from error
"""
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Errors of clients raised inside of a `try` of their handler whose first handler to take them answers 500."""
    for node in view.reading.each(ast.Raise):
        function = view.reading.function(node)
        if not isinstance(node.exc, ast.Call) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if dotted(node.exc.func).rpartition(".")[2] != "HTTPException":
            continue
        status = status_of(node.exc) or (400 if not node.exc.args and not node.exc.keywords else None)
        handler = _taking(view.reading, node) if status is not None and 400 <= status < 500 else None
        if handler is None or not _answers_500(handler):
            continue
        routes = routes_of(view.project, view.path, view.reading.qualname(function))
        if any(it.framework == "fastapi" for it in routes):
            yield Hit(node, f"This {status} never leaves `{function.name}`: the `except` below takes it and answers 500.")


def _taking(reading: Reading, node: ast.Raise) -> ast.ExceptHandler | None:
    """The handler that takes what is raised, where it takes everything."""
    below: ast.AST = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return None
        if isinstance(up, ast.Try) and any(it is below for it in up.body):
            for handler in up.handlers:
                types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
                names = {dotted(it).rpartition(".")[2] for it in types}
                if any("HTTP" in it or "Http" in it for it in names):
                    return None
                if not types or names & {"Exception", "BaseException"}:
                    return handler
        below = up
    return None


def _answers_500(handler: ast.ExceptHandler) -> bool:
    """Whether the handler's last word is another answer, whatever it caught."""
    names = {it.id for it in ast.walk(handler) if isinstance(it, ast.Name)}
    tests = any(isinstance(it, ast.If | ast.IfExp | ast.Match) for it in ast.walk(handler))
    if tests or names & {"isinstance", "getattr", "hasattr"} or not handler.body:
        return False
    if any(isinstance(it, ast.Attribute) and it.attr == "status_code" for it in ast.walk(handler)):
        return False
    last = handler.body[-1]
    if not isinstance(last, ast.Raise) or not isinstance(last.exc, ast.Call):
        return False
    return dotted(last.exc.func).rpartition(".")[2] == "HTTPException" and (status_of(last.exc) or 0) >= 500
