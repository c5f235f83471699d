"""What one request says is kept in a name of the module, where all requests see it.

Why: a process answers many requests, in threads or tasks that take turns. The name holds what the last one set: the next reader
may be another user's request. It seems to work as long as one person tries it.
Instead: what belongs to the request: `g`, `request.state`, a context variable, a parameter.

    g.user = request.headers.get("X-User")

Consequences: users see and change what belongs to others, now and then.
Tests: send two requests at once, as two users.
Security: CWE-488, data of one session in another.
Source: https://flask.palletsprojects.com/en/stable/appcontext/#storing-data
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B1", "B4", "D4"],
    cwe=488,
    needs=["global "],
    bad=[
        Bad("""
from flask import Flask, request

app = Flask(__name__)
current_user = None

@app.before_request
def remember():
    global current_user
    [|current_user = request.headers.get("X-User")|]
"""),
    ],
    good=[
        """
from flask import Flask, g, request

app = Flask(__name__)
started = None
count = 0

@app.before_request
def remember():
    global started, count
    g.user = request.headers.get("X-User")
    started = started or now()
    count = count + len(request.data)

def configure(request):
    global started
    started = request
"""
    ],
)

_REQUEST = regex(
    r"(?:flask\.)?request\.(?:args|form|json|headers|cookies|GET|POST|user|query_params|values|data|remote_addr|state)\b.*"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Names that a function says are global, set to what the request says."""
    for node in view.reading.each(ast.Global):
        function = view.reading.function(node)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for it in view.reading.within(function):
            if isinstance(it, ast.Assign) and dotted(it.targets[0]) in node.names and _is_asked(view.reading, function, it.value):
                yield Hit(it, f"`{dotted(it.targets[0])}` is one for all requests: the next one may be another user's.")


def _is_asked(reading: Reading, function: Function, node: ast.expr) -> bool:
    """Whether an expression is what a request says: a field of it, or what its own `get` gives."""
    if isinstance(node, ast.Name):
        rows = [it.value for it in reading.within(function) if isinstance(it, ast.Assign) and dotted(it.targets[0]) == node.id]
        return len(rows) == 1 and not isinstance(rows[0], ast.Name) and _is_asked(reading, function, rows[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "get_json"):
        return bool(_REQUEST.fullmatch(dotted(node.func.value) + ".")) or dotted(node.func).endswith("request.get_json")
    if isinstance(node, ast.Subscript):
        return bool(_REQUEST.fullmatch(dotted(node.value) + "."))
    return isinstance(node, ast.Attribute) and bool(_REQUEST.fullmatch(dotted(node) + "."))
