"""A password may be short, empty, or anything at all.

Why: passwords of a few characters are guessed, and those of lists that leaked are tried first. Django checks none of this in
`set_password`, only where it is asked to.
Instead: at least eight characters, better twelve, and `validate_password` before `set_password`.

    try:
        validate_password(password, user)
    except ValidationError as error:
        return JsonResponse({"errors": error.messages}, status=400)
    user.set_password(password)

Trade-offs: rules for kinds of characters make passwords worse, not better; length and a list of leaked ones help.
Tests: an account with a password of seven characters is refused.
Security: CWE-521, CWE-258.
Source: NIST SP 800-63B section 5.1.1.2; https://docs.djangoproject.com/en/stable/topics/auth/passwords/#password-validation
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.knowledge.sources import is_terminal
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=521,
    needs=["assw", "ASSW"],
    bad=[
        Bad("""
from flask import request

def signup():
    password = request.form["password"]
    if [|len(password) < 4|]:
        return "too short", 400
"""),
        Bad("""
from django import forms
from django.contrib.auth.models import User
from pydantic import BaseModel, Field

class Registration(BaseModel):
    name: str
    password: str = Field(min_length=[|6|])

class SignUpForm(forms.Form):
    password = forms.CharField(min_length=[|4|])

def register(request):
    user = User(username=request.POST["name"])
    [|user.set_password(request.POST["password"])|]
    user.save()

def invited(user):
    [|user.set_password("")|]
"""),
        Bad("""
-- shop/settings.py --
INSTALLED_APPS = ["django.contrib.auth"]
[|AUTH_PASSWORD_VALIDATORS = []|]
"""),
    ],
    good=[
        """
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from pydantic import BaseModel, Field

class Login(BaseModel):
    password: str = Field(min_length=1)

class Registration(BaseModel):
    password: str = Field(min_length=12)

def register(request):
    user = User(username=request.POST["name"])
    validate_password(request.POST["password"], user)
    user.set_password(request.POST["password"])
    user.set_unusable_password()

def check(password):
    if len(password) < 1 or len(password) < 10:
        raise ValueError("too short")

def strength(password):
    if len(password) < 6:
        return 0
    return 1 if len(password) < 10 else 2
""",
    ],
)

_LEAST = 8
_PASSWORD = regex(r"(?:new_?|raw_?|plain_?|user_?|self\.)*(?:password|passwd|passphrase|pwd)[12]?", re.IGNORECASE)
_FIELD = regex(r"(?:new_?)?(?:password|passwd|passphrase)[12]?", re.IGNORECASE)
_MEASURES = regex(r"strength|score|entropy|rate|estimate|mask|redact|hide", re.IGNORECASE)
_SIGNS_IN = regex(r"log_?in|sign_?in|auth|token|credential|connect|grant|database|config|settings", re.IGNORECASE)
_DEVELOPS = regex(r"(?:^|/)(?:\w*dev\w*|local\w*|test\w*|ci|global_settings)(?:/|\.py$)")
_FIELDS = ("Field", "constr", "StringConstraints", "CharField", "Length", "PasswordField", "StringField")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Least lengths below eight, passwords that are set unchecked, and settings without a check."""
    for test in view.reading.each(ast.Compare):
        least = _least(test)
        if least is not None and 1 < least < _LEAST and _refuses(view.reading, test):
            yield Hit(test, f"Passwords of {least} characters are let through, which are guessed; ask for 12, at least 8.")
    yield from _fields(view)
    for call in view.reading.each(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "set_password" and len(call.args) == 1:
            given = call.args[0]
            if isinstance(given, ast.Constant) and given.value == "" and not isinstance(call.func.value, ast.Call):
                yield Hit(call, "The empty password opens this account; `set_unusable_password()` closes it.")
            elif view.project.uses(view.path, "django") and not _is_validated(view, call):
                origin = view.untrusted(given, "password")
                if origin is not None and not is_terminal(origin):
                    yield Hit(call, "Any password will do here, `1` too: call `validate_password` before.")
    if "INSTALLED_APPS" in view.reading.unit.text and not _DEVELOPS.search(view.path):
        for node in view.reading.each(ast.Assign):
            is_empty = isinstance(node.value, ast.List) and not node.value.elts
            if is_empty and dotted(node.targets[0]) == "AUTH_PASSWORD_VALIDATORS":
                yield Hit(node, "Any password will do, `1` too: name Django's validators.")


def _least(test: ast.Compare) -> int | None:
    """The least length that a comparison of `len(password)` lets through, None where it is no such comparison."""
    if len(test.ops) != 1:
        return None
    left, op, number = test.left, test.ops[0], constant(test.comparators[0])
    is_length = isinstance(left, ast.Call) and dotted(left.func) == "len" and len(left.args) == 1
    if (
        not isinstance(left, ast.Call)
        or not is_length
        or not isinstance(number, int)
        or not _PASSWORD.fullmatch(_name(left.args[0]))
    ):
        return None
    return number if isinstance(op, ast.Lt | ast.GtE) else number + 1 if isinstance(op, ast.LtE | ast.Gt) else None


def _name(node: ast.expr) -> str:
    key = constant(node.slice) if isinstance(node, ast.Subscript) else None
    return key if isinstance(key, str) else dotted(node).rpartition(".")[2]


def _refuses(reading: Reading, test: ast.Compare) -> bool:
    """Whether the comparison decides if the password is taken, and no other in the function asks for more."""
    function = reading.function(test)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or _MEASURES.search(function.name):
        return False
    least = [it for node in reading.within(function) if isinstance(node, ast.Compare) and (it := _least(node)) is not None]
    if max(least) >= _LEAST:
        return False
    up = reading.parent(test)
    while isinstance(up, ast.BoolOp | ast.UnaryOp):
        up = reading.parent(up)
    return isinstance(up, ast.If | ast.Assert | ast.Return)


def _fields(view: View) -> Iterator[Hit]:
    """Fields of forms and schemas, by the least length that they are given."""
    for kind in view.reading.each(ast.ClassDef):
        if _SIGNS_IN.search(kind.name):
            continue
        for it in kind.body:
            name = (
                dotted(it.target)
                if isinstance(it, ast.AnnAssign)
                else dotted(it.targets[0])
                if isinstance(it, ast.Assign)
                else ""
            )
            if not _FIELD.fullmatch(name):
                continue
            for call in ast.walk(it):
                if isinstance(call, ast.Call) and dotted(call.func).rpartition(".")[2] in _FIELDS:
                    given = keyword(call, "min_length") or keyword(call, "min")
                    least = constant(given)
                    if given is not None and isinstance(least, int) and 1 < least < _LEAST:
                        yield Hit(
                            given, f"Passwords of {least} characters are let through, which are guessed; ask for 12, at least 8."
                        )


def _is_validated(view: View, call: ast.Call) -> bool:
    """Whether the function, or a form it asks, looks at the password."""
    function = view.reading.function(call)
    text = view.reading.source(function) if function is not None else ""
    return bool(re.search(r"validat|is_valid|clean|check|strength|form\b|len\(", text))
