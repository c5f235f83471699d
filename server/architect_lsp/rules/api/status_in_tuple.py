"""A handler of FastAPI returns its status beside its body, as Flask would have it.

Why: FastAPI serialises all that a handler returns. `return {"error": ...}, 404` is answered with status 200 and a list of two
things.
Instead: raise the error, or answer with a response that has a status.

    raise HTTPException(404, "unknown key")
    return JSONResponse(body, status_code=202)

Consequences: clients take failures for successes, and find a list where the object should be.
Tests: assert the status of each of the handler's answers.
Source: https://fastapi.tiangolo.com/tutorial/handling-errors/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.answers import number
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A5"],
    cwe=393,
    bad=[
        Bad("""
from flask import Flask, jsonify

app = Flask(__name__)

@app.get("/things")
def things():
    return [|404, jsonify(error="missing")|]
"""),
        Bad("""
from fastapi import FastAPI, status

app = FastAPI()

@app.delete("/keys/{name}")
def drop(name: str):
    if name == "root":
        return [|{"error": "not this one"}, status.HTTP_403_FORBIDDEN|]
    return [|{"error": "unknown key"}, 404|]
"""),
    ],
    good=[
        """
from fastapi import FastAPI

app = FastAPI()

@app.get("/sizes")
def sizes() -> tuple[int, int]:
    return 200, 404

@app.get("/points")
def point():
    return {"x": 1}, 7
""",
        """
from flask import Flask

app = Flask(__name__)

@app.get("/sizes")
def sizes():
    return {"error": "none"}, 404
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Pairs of a body and a status that handlers of FastAPI return."""
    reading = view.reading
    for node in reading.each(ast.Return):
        function = reading.function(node)
        if not isinstance(node.value, ast.Tuple) or len(node.value.elts) != 2:
            continue
        body, code = node.value.elts
        if isinstance(body, ast.Constant) and number(body) is not None and isinstance(code, ast.Call | ast.Dict):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _is_of_flask(view, function):
                yield Hit(node.value, f"Flask takes the body first: this answers 200 with {number(body)} as its text, or fails.")
            continue
        if (
            number(code) is None
            or isinstance(body, ast.Constant)
            or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        ):
            continue
        routes = routes_of(view.project, view.path, reading.qualname(function)) if function.decorator_list else ()
        if routes and all(it.framework == "fastapi" for it in routes):
            yield Hit(node.value, f"`{function.name}` answers 200 with a list of the body and {number(code)}.")


def _is_of_flask(view: View, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    routes = routes_of(view.project, view.path, view.reading.qualname(function)) if function.decorator_list else ()
    return bool(routes) and all(it.framework == "flask" for it in routes)
