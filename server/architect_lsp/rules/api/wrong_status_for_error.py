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
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A4", "A5"],
    needs=["HTTPException", "abort"],
    bad=[
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
            if _FAULT.search(text):
                yield Hit(node, f'Status 500 blames the service for what the client asked: "{text[:60]}".')


def _text(node: ast.expr | None) -> str:
    """The words of a string, of an f-string those that stand in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(it.value) if isinstance(it, ast.Constant) else "x" for it in node.values)
    return ""
