"""A password is changed, and the old one is not asked for.

Why: a session may be someone else's for a moment: a machine left open, a cookie that leaked, a forged request. A change that
asks for no proof turns the moment into the account.
Instead: ask for the old password, or a second factor, in the request that sets the new one.

    if not check_password_hash(current_user.password_hash, request.form["old_password"]):
        abort(403)

Trade-offs: who has forgotten the password goes another way, with a token that was sent to them.
Tests: with a valid session and a wrong old password nothing is changed.
Security: CWE-620.
Source: https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html#change-password-feature
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=620,
    needs=["assword"],
    bad=[
        Bad("""
from flask import request
from flask_login import current_user, login_required
from werkzeug.security import generate_password_hash

@login_required
def change_password():
    [|current_user.password_hash = generate_password_hash(request.form["new_password"])|]

def change(request):
    user = request.user
    [|user.set_password(request.POST["password"])|]
    user.save()
"""),
    ],
    good=[
        """
from flask import abort, request
from flask_login import current_user, login_required
from werkzeug.security import check_password_hash, generate_password_hash

@login_required
def change_password():
    if not check_password_hash(current_user.password_hash, request.form["old_password"]):
        abort(403)
    current_user.password_hash = generate_password_hash(request.form["new_password"])

def reset(request, token):
    user = found(token)
    user.set_password(request.POST["password"])

def by_admin(request, pk):
    user = one(pk)
    user.set_password(request.POST["password"])
""",
    ],
)

_COLUMN = regex(r"(?:hashed_?)?password(?:_?hash|_?digest)?")
_ASKER = regex(r"(?:self\.)?(?:current_user|request\.user|g\.user)(?:\._get_current_object\(\))?")
_SENT = regex(r"\b(?:new_?)?passw(?:or)?d\d?\b|new_pass", re.IGNORECASE)
_PROOF = regex(
    r"(?:old|current|existing|previous|original)_?pass|oldpass|check_password|verify|authenticate\(|token|fresh|otp|totp|factor|confirm_log"
    r"|reauth|sudo|temporary|must_change|first_log|PasswordChangeForm|has_usable|serializer|validated_data|compare|is_valid\(",
    re.IGNORECASE,
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Functions that give who asks a new password from the request, and ask for nothing else."""
    for function in view.reading.functions:
        text = view.reading.source(function)
        if "assword" not in text or not _SENT.search(text) or _PROOF.search(text):
            continue
        users = _askers(view, function)
        for node in view.reading.within(function):
            owner, given = _set(node)
            if owner is not None and given is not None and dotted(owner) in users and "request" in ast.unparse(given):
                yield Hit(node, "Whoever has the session for a moment takes the account: ask for the old password, too.")
                break


def _askers(view: View, function: Function) -> set[str]:
    """The names of who asks in a function."""
    rows = view.reading.bindings(function).items()
    named = {name for name, values in rows if len(values) == 1 and _ASKER.fullmatch(_written(values[0]))}
    return named | {"current_user", "request.user", "self.request.user", "g.user"}


def _written(node: ast.expr | None) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute | ast.Call) else ""


def _set(node: ast.AST) -> tuple[ast.expr | None, ast.expr | None]:
    """(whose, what) of a password that is set."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute) and _COLUMN.fullmatch(node.targets[0].attr):
        return node.targets[0].value, node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "set_password" and node.args:
        return node.func.value, node.args[0]
    return None, None
