"""A guard stands above the route, which is registered without it.

Why: decorators work from the function outwards. A route's decorator registers what it is given: with the guard above
it, that is the function without its guard, and the guarded one is what nobody calls.
Instead: put the route's decorator on top.

    @app.delete("/orders/<int:number>")
    @login_required
    def remove(number): ...

Consequences: the code looks guarded, a review passes it, and the address is open to all.
Tests: for each route, ask without credentials and expect 401 or 403.
Security: CWE-306.
Source: Flask-Login documentation, "login_required"
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.frameworks.dependencies import guarding
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=306,
    needs=[".route(", ".get(", ".post(", ".put(", ".patch(", ".delete("],
    bad=[
        Bad(
            """
from flask import Flask
from flask_jwt_extended import jwt_required

app = Flask(__name__)

@[|jwt_required()|]
@app.route("/orders/<int:number>", methods=["DELETE"])
def remove(number):
    return "", 204
"""
        ),
    ],
    good=[
        """
from flask import Flask
from flask_jwt_extended import jwt_required
from shop.tools import timed

app = Flask(__name__)

@app.route("/orders/<int:number>", methods=["DELETE"])
@jwt_required()
def remove(number):
    return "", 204

@timed
@app.get("/orders")
@jwt_required()
def orders():
    return []
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Guards above the decorator that registers a function of Flask."""
    for function in view.reading.functions:
        names = [dotted(it.func if isinstance(it, ast.Call) else it) for it in function.decorator_list]
        at = next((index for index, it in enumerate(function.decorator_list) if _registers(it)), 0)
        above = next((index for index in range(at) if guarding(names[index])), None)
        if above is None:
            continue
        routes = routes_of(view.project, view.path, view.reading.qualname(function))
        if any(it.framework == "flask" for it in routes):
            guard = names[above].rpartition(".")[2]
            yield Hit(
                function.decorator_list[above],
                f"`{guard}` stands above the route, which is registered without it: `{function.name}` is open to all.",
            )


def _registers(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return node.func.attr in ("route", "get", "post", "put", "patch", "delete")
