"""An error is raised with the status of a success.

Why: clients, proxies, retries and monitoring read the status, not the text. An exception that carries 200 is a failure that
everything between the handler and the user takes for an answer.
Instead: a status of the 400s when the request was at fault, of the 500s when the service was.

    raise HTTPException(status_code=404, detail="No such order")

Consequences: the client parses an error as data; the failure is cached; the error rate stays flat.
Tests: assert on the status of every refusal.
Observability: alerts count statuses; what is a 200 is never counted.
Source: RFC 9110 section 15
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.answers import number
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A4", "A5"],
    needs=["HTTPException", "abort", "500"],
    bad=[
        Bad("""
from flask import Flask, jsonify
from fastapi import HTTPException

app = Flask(__name__)

@app.get("/invoices/<int:number>")
def invoice(number):
    row = find(number)
    if row is None:
        return jsonify(error="Invoice does not exist"), [|500|]
    return jsonify(row)

def window(start):
    try:
        return parse(start)
    except ValueError:
        raise HTTPException(status_code=[|500|], detail="Invalid date range")
"""),
        Bad("""
from fastapi import FastAPI, HTTPException, status

app = FastAPI()

@app.get("/orders/{order_id}")
def read(order_id: int):
    raise HTTPException(status_code=[|200|], detail="No such order")

@app.delete("/orders/{order_id}")
def remove(order_id: int):
    raise HTTPException([|status.HTTP_204_NO_CONTENT|])
"""),
        Bad("""
from fastapi import FastAPI, HTTPException
from flask import abort

app = FastAPI()

@app.get("/orders/{order_id}")
def read(order_id: int):
    raise HTTPException(status_code=[|500|], detail="Order already exists")

def other():
    abort([|500|], "missing parameter: name")
"""),
        Bad(
            """

from fastapi import HTTPException

def weigh(grams: int):
    if grams <= 0:
        raise HTTPException(status_code=[|500|], detail="weight must be positive")
""",
        ),
    ],
    good=[
        """
import json
from fastapi import HTTPException

def servers(stored):
    try:
        return json.loads(stored)
    except json.JSONDecodeError:
        raise HTTPException(status_code=500, detail="Invalid server configuration file")
""",
        """
from fastapi import FastAPI, HTTPException, status

app = FastAPI()

@app.get("/old")
def old():
    raise HTTPException(status_code=307, headers={"Location": "/new"})

@app.get("/a")
def a():
    raise HTTPException(status.HTTP_404_NOT_FOUND, "No such thing")

@app.get("/b")
def b():
    raise HTTPException(500, "Superuser not found")
""",
        """
from werkzeug.exceptions import abort

def read(condition):
    abort(condition)
""",
    ],
)

_RAISES = frozenset(("HTTPException", "abort"))
_FAULT = regex(
    r"^(?:missing|invalid|unknown|unsupported) (?:parameter|argument|field|request|input|id|value|body|query|header|token)"
    r"|^(?:the )?(?:[\w-]+ ){1,3}already exists\b|^[\w-]+ must (?:not )?(?:be|have)\b|^[\w-]+ (?:is|are) required\b"
    r"|^(?!.*(?:superuser|admin|default|file|config|setting|module|template|directory|folder|driver|binary|service|server|router|system|database|index|table|environment|model|key))"
    r"(?:the |no such )?(?:[\w-]+ ){1,3}(?:was )?(?:not found|does not exist)\b",
    re.IGNORECASE,
)
"""What is said of a client's fault."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Exceptions of HTTP below 400, and 500 for what the client did."""
    yield from _of_flask(view)
    for call in view.reading.each(ast.Call):
        name = dotted(call.func).rpartition(".")[2]
        if name not in _RAISES:
            continue
        node = keyword(call, "status_code") or (call.args[0] if call.args else None)
        status = number(node) if node is not None else None
        if node is None or status is None or status < 200:
            continue
        if name == "abort" and not view.callee(call).endswith("abort"):
            continue
        if status < 300 or (status < 400 and keyword(call, "headers") is None and name == "HTTPException"):
            yield Hit(node, f"An error is raised with status {status}, which says that all went well.")
        elif status == 500:
            text = _text(keyword(call, "detail") or (call.args[1] if len(call.args) > 1 else None))
            if _FAULT.search(text) or (_INVALID.search(text) and _of_value(view, call)):
                yield Hit(node, f'Status 500 blames the service for what the client asked: "{text[:60]}".')


_INVALID = regex(
    r"^(?!.*(?:config|setting|file|server|stor|cache|response|database|model))(?:invalid|malformed|bad|wrong)\b", re.IGNORECASE
)
_NOT_FOUND = regex(r"(?:not found|does not exist|no such)\b", re.IGNORECASE)


def _of_value(view: View, call: ast.Call) -> bool:
    """Whether it stands in a handler of what a wrong value raises."""
    for up in view.reading.ancestors(call):
        if isinstance(up, ast.ExceptHandler):
            types = up.type.elts if isinstance(up.type, ast.Tuple) else [up.type]
            return {dotted(it).rpartition(".")[2] for it in types} <= {
                "ValueError",
                "ValidationError",
                "KeyError",
                "JSONDecodeError",
            }
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
    return False


def _of_flask(view: View) -> Iterator[Hit]:
    """500 beside words that say that something was not found, after a question whether it was."""
    for node in view.reading.each(ast.Return):
        if not isinstance(node.value, ast.Tuple) or len(node.value.elts) != 2 or number(node.value.elts[1]) != 500:
            continue
        above = view.reading.parent(node)
        if not isinstance(above, ast.If) or not _is_missing(above.test) or node not in above.body:
            continue
        texts = [_text(it) for it in ast.walk(node.value.elts[0]) if isinstance(it, ast.Constant | ast.JoinedStr)]
        said = next((it for it in texts if _NOT_FOUND.search(it)), "")
        if said:
            yield Hit(node.value.elts[1], f'Status 500 blames the service for what the client asked: "{said[:60]}".')


def _is_missing(test: ast.expr) -> bool:
    """`x is None` or `not x`."""
    if isinstance(test, ast.UnaryOp):
        return isinstance(test.op, ast.Not)
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is) and constant(test.comparators[0]) is None


def _text(node: ast.expr | None) -> str:
    """The words of a string, of an f-string those that stand in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(it.value) if isinstance(it, ast.Constant) else "x" for it in node.values)
    return ""
