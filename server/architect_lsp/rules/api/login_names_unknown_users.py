"""A sign-in tells who has an account.

Why: two answers, one for an unknown address and one for a wrong password, let anyone try a list of addresses and keep those that
are known here, to guess their passwords or to write to them.
Instead: one answer for both.

    if user is None or not check(user, body.password):
        raise HTTPException(status_code=401, detail="Address or password is wrong")

Consequences: the list of customers can be read out, one request at a time.
Trade-offs: a person who mistyped the address is not told so; registering and resetting must keep quiet as well.
Tests: assert that both failures have the same status and the same body.
Security: CWE-204. Compare against a made-up hash for unknown users too, so that the time tells nothing.
Source: OWASP Authentication Cheat Sheet, "Authentication and Error Messages"
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=204,
    needs=["password"],
    bad=[
        Bad(
            """
from flask import Blueprint, jsonify, request
from shop.accounts import find

site = Blueprint("site", __name__)

@site.post("/login")
def login():
    user = find(request.json["mail"])
    if user is None:
        return jsonify(error=[|"Unknown user"|]), 404
    if not user.check_password(request.json["password"]):
        return jsonify(error="Wrong password"), 401
    return jsonify(token=user.token())
"""
        ),
    ],
    good=[
        """
from flask import Blueprint, jsonify, request
from shop.accounts import find

site = Blueprint("site", __name__)

@site.post("/login")
def login():
    user = find(request.json["mail"])
    if user is None or not user.check_password(request.json["password"]):
        return jsonify(error="Wrong address or password"), 401
    return jsonify(token=user.token())

@site.get("/users/<name>")
def profile(name):
    user = find(name)
    return jsonify(user.public()) if user else (jsonify(error="User not found"), 404)
""",
    ],
)

_UNKNOWN = regex(
    r"\b(?:no such|unknown|invalid) (?:user(?:name)?|e-?mail|account|address)\b"
    r"|\b(?:user(?:name)?|e-?mail|account|address)\b.{0,12}"
    r"\b(?:not (?:found|exist|registered|known)|does(?:n't| not) exist|is unknown|isn't registered|unknown)",
    re.IGNORECASE,
)
_EITHER = regex(r"\bor\b|\band\b|password", re.IGNORECASE)
_LOGIN = regex(r"log_?in|sign_?in|authenticate|auth|token|session", re.IGNORECASE)
_CHECKS = regex(
    r"(?:verify|check|compare|validate)\w*(?:password|pwd|hash)\w*|^check$|checkpw|compare_digest|(?:password|pwd)_(?:matches|verify)",
    re.IGNORECASE,
)
_ANSWERS = ("HTTPException", "jsonify", "JSONResponse", "JsonResponse", "Response", "abort", "flash")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Answers of a sign-in that say the user is unknown."""
    for function in view.reading.functions:
        if not _LOGIN.search(function.name) or not _checks_password(view.reading, function):
            continue
        for node in view.reading.within(function):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or not _UNKNOWN.search(node.value):
                continue
            if not _EITHER.search(node.value) and _is_answered(view.reading, node):
                yield Hit(node, f"`{function.name}` tells who has an account: answer a wrong password in the same words.")


def _checks_password(reading: Reading, function: Function) -> bool:
    for node in reading.within(function):
        if isinstance(node, ast.Call) and _CHECKS.search(dotted(node.func).rpartition(".")[2]):
            return any("password" in ast.unparse(it).lower() for it in (*node.args, *(row.value for row in node.keywords)))
    return False


def _is_answered(reading: Reading, node: ast.AST) -> bool:
    for up in reading.ancestors(node):
        if isinstance(up, ast.Call) and dotted(up.func).rpartition(".")[2] in _ANSWERS:
            return True
        if isinstance(up, ast.Return):
            return True
        if isinstance(up, ast.stmt):
            return False
    return False
