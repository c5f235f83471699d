"""A handler waits for a method that its route does not take.

Why: Flask's `route` answers GET alone unless it is told more. A request by another method is refused with 405 before the handler
runs, so the branch that waits for it is dead.
Instead: say which methods are taken.

    @app.route("/comments/new", methods=["GET", "POST"])

Consequences: the form can be seen and never sent.
Tests: send the form, and assert the redirect.
Source: https://flask.palletsprojects.com/en/stable/quickstart/#http-methods
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A1"],
    needs=[".method", "methods="],
    bad=[
        Bad("""
from flask import Flask, request

app = Flask(__name__)

@app.route("/comments/new")
def new():
    if [|request.method == "POST"|]:
        return "saved"
    return "form"

@app.route("/ping", methods=[|"POST"|])
def ping():
    return "pong"
"""),
    ],
    good=[
        """
from flask import Flask, request

app = Flask(__name__)

@app.route("/comments/new", methods=["GET", "POST"])
def new():
    if request.method == "POST":
        return "saved"
    return "form"

@app.route("/any")
def any_method():
    return "HEAD" if request.method == "HEAD" else "GET" if request.method != "POST" else ""

def helper():
    return request.method == "DELETE"
"""
    ],
)

_METHOD = regex(r"(?:flask\.)?request\.method")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Comparisons with methods that none of the handler's routes takes, and lists of methods that are a text."""
    for function in view.reading.functions:
        if not function.decorator_list:
            continue
        for it in function.decorator_list:
            said = keyword(it, "methods") if isinstance(it, ast.Call) else None
            if said is not None and isinstance(constant(said), str) and dotted(it.func).endswith(".route"):  # type: ignore[attr-defined]
                yield Hit(said, "Methods are a list: of a text each letter would be one.")
        tests = [it for it in view.reading.within(function) if isinstance(it, ast.Compare) and _METHOD.fullmatch(dotted(it.left))]
        routes = routes_of(view.project, view.path, view.reading.qualname(function)) if tests else ()
        if not routes or any(it.framework != "flask" or not it.methods for it in routes):
            continue
        taken = {name for it in routes for name in it.methods} | {"HEAD", "OPTIONS"}
        for it in tests:
            wanted = constant(it.comparators[0])
            if len(it.ops) == 1 and isinstance(it.ops[0], ast.Eq) and isinstance(wanted, str) and wanted.upper() not in taken:
                yield Hit(
                    it, f"The route takes {', '.join(sorted(taken - {'HEAD', 'OPTIONS'}))} alone: {wanted} is answered 405."
                )
