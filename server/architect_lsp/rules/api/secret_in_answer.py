"""An answer that is written out holds a secret of the row it is about, or the environment.

Why: a password's hash, the token of a reset or a one-time code prove who someone is. Whoever is sent them, or reads a log or a
cache of answers, is that person from then on; and the environment holds the keys of every service behind.
Instead: answer with what the client needs; a token goes to its owner alone, by mail.

    return {"id": user.id, "email": user.email}

Tests: assert that the answer's keys are exactly those that are meant.
Security: CWE-200, CWE-640.
Source: OWASP API Security Top 10 2023, API3
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, constant, dotted
from architect_lsp.knowledge.request_handlers import is_handler
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=200,
    needs=["return"],
    bad=[
        Bad("""
import os
from fastapi import Depends, FastAPI
from flask import Flask, jsonify

app = FastAPI()
site = Flask(__name__)

@app.get("/me")
def me(user=Depends(signed_in)):
    return {"id": user.id, "password_hash": [|user.password_hash|]}

@app.post("/forgot")
def forgot(email: str):
    user = found(email)
    return {"sent": True, "reset_token": [|user.reset_token|]}

@site.route("/health")
def health():
    return jsonify(status="ok", environment=[|dict(os.environ)|])
"""),
    ],
    good=[
        """
import os
from fastapi import Depends, FastAPI

app = FastAPI()

@app.get("/me")
def me(user=Depends(signed_in)):
    return {"id": user.id, "has_password": user.has_password, "stage": os.environ["STAGE"]}

@app.post("/two-factor")
def setup_two_factor(user=Depends(signed_in)):
    return {"totp_secret": user.totp_secret}
""",
    ],
)

_PASSWORD = regex(
    r"(hashed_?|encrypted_?|crypted_?|raw_?|plain_?)?(password|passwd|passphrase|pwd)(_?(hash|hashed|digest|salt|encrypted))?"
    r"|(token|secret|api_key)_hash|ssn|social_security_number|cvv|cvc|card_number|credit_card(_number)?"
    r"|(totp|otp|mfa|two_factor)_secret"
)
_ANSWERS = ("jsonify", "JsonResponse", "JSONResponse", "Response", "json_response")
_PROVES = regex(r"(?:password_?|pw_?)?reset_(?:token|code|key)|otp(?:_code)?|verification_code|totp_secret")
"""What is sent to a person by another way, to prove who asks."""
_SETS_UP = regex(r"set_?up|enrol|enable|register|provision", re.IGNORECASE)
"""Handlers whose caller has to learn the secret once."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Answers of handlers, written out, that hold a row's secret or the whole environment."""
    for node in view.reading.each(ast.Return):
        function = view.reading.function(node)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or node.value is None:
            continue
        rows = _rows(node.value)
        if rows and is_handler(view.reading, function):
            for name, value in rows:
                if "os.environ" in (dotted(it) for it in _copied(value)):
                    yield Hit(value, "The answer carries the environment of the process, with all secrets in it.")
                elif _is_row_secret(function, name, value):
                    yield Hit(value, f"The answer carries `{dotted(value)}`, which is no business of who asks.")


def _is_row_secret(function: Function, name: str, value: ast.expr) -> bool:
    """Whether an entry of an answer is a column that proves who someone is, under its own name."""
    if not isinstance(value, ast.Attribute) or value.attr != name or dotted(value).startswith(("request", "self")):
        return False
    if _SETS_UP.search(function.name) and "passw" not in name:
        return False
    return bool(_PASSWORD.fullmatch(name) or _PROVES.fullmatch(name))


def _rows(node: ast.expr, depth: int = 2) -> list[tuple[str, ast.expr]]:
    """(key, value) of what a handler gives back: a dictionary, in a response or not, and dictionaries in it."""
    if isinstance(node, ast.Tuple) and node.elts:
        node = node.elts[0]
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _ANSWERS:
        said = [(it.arg, it.value) for it in node.keywords if it.arg]
        return said + [row for it in node.args[:1] for row in _rows(it, depth)]
    if isinstance(node, ast.Dict):
        found = [(str(constant(key)), value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
        return found + [row for _, value in found if depth and isinstance(value, ast.Dict) for row in _rows(value, depth - 1)]
    return [("", node)] if isinstance(node, ast.Call) and dotted(node.func) == "dict" else []


def _copied(node: ast.expr) -> tuple[ast.expr, ...]:
    """What an expression is a copy of: itself, or what `dict` is given."""
    if isinstance(node, ast.Call) and dotted(node.func) == "dict":
        return tuple(node.args)
    if isinstance(node, ast.Call) and dotted(node.func).endswith(".copy") and isinstance(node.func, ast.Attribute):
        return (node.func.value,)
    return (node,)
