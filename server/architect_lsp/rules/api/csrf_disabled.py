"""The protection against forged requests is switched off.

Why: a browser sends a site's cookies with every request to it, also with one that another site's form makes. The token in the
form is what tells the two apart; without it any page can act for whoever visits it.
Instead: keep it on, and exempt what is asked with a header instead of a cookie, since browsers don't send that for others.

    csrf = CSRFProtect(app)

    @api.before_request
    def needs_bearer() -> None: ...      # an API without cookies: exempt it, and refuse cookies

Consequences: an order is placed by a picture on a forum.
Trade-offs: `SameSite=Lax` cookies stop most forged posts in new browsers, and none from a neighbouring subdomain.
Tests: post without the token, and assert on a 400.
Security: CWE-352.
Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.comments import comments
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=352,
    needs=["WTF_CSRF", "JWT_COOKIE_CSRF_PROTECT", "csrf", "MIDDLEWARE"],
    bad=[
        Bad(
            """
from flask import Flask

app = Flask(__name__)
app.config["WTF_CSRF_ENABLED"] = [|False|]
""",
            fixed="""
from flask import Flask

app = Flask(__name__)
app.config["WTF_CSRF_ENABLED"] = True
""",
        ),
        Bad("""
class Production:
    WTF_CSRF_ENABLED = [|False|]

app.config.update(JWT_COOKIE_CSRF_PROTECT=[|False|])
"""),
        Bad(
            """

-- shop/settings.py --
[|MIDDLEWARE|] = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
-- shop/views.py --
from django.contrib.auth.decorators import login_required
from django.views.decorators.csrf import csrf_exempt

@login_required
@[|csrf_exempt|]
def close(request):
    request.user.delete()
""",
        ),
        Bad("""
from django.views.decorators.csrf import csrf_exempt

@[|csrf_exempt|]
def transfer(request):
    request.user.account.pay(request.POST["to"], request.POST["cents"])
"""),
        Bad("""
from django.contrib.auth.decorators import login_required
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

@[|method_decorator([login_required, csrf_exempt], name="dispatch")|]
class ChangeAddress(View):
    def post(self, request):
        request.user.change(request.POST["address"])
"""),
        Bad("""
from flask_wtf import FlaskForm
from wtforms import StringField

class TransferForm(FlaskForm):
    class Meta:
        csrf = [|False|]

    account = StringField()
"""),
    ],
    good=[
        """
def made(app):
    app.config.from_mapping({
        # CSRF is off: the app is a local one.
        "WTF_CSRF_ENABLED": False,
    })
""",
        """
class TestConfig:
    WTF_CSRF_ENABLED = False

class Development:
    WTF_CSRF_ENABLED = True
    WTF_CSRF_CHECK_DEFAULT = False  # what needs it asks for it

def make_test_app(app):
    app.config["WTF_CSRF_ENABLED"] = False
""",
        """
def create(app, testing):
    if testing:
        app.config["WTF_CSRF_ENABLED"] = False
""",
        """

-- shop/settings.py --
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
-- shop/views.py --
from django.contrib.auth.decorators import login_required
from django.views.decorators.csrf import csrf_exempt
from shop.hooks import signed

@csrf_exempt
@signed
def hook(request):
    return None
""",
        """
from django.views.decorators.csrf import csrf_exempt
from shop.hooks import authenticate

@csrf_exempt
def hook(request):
    authenticate(request)
    request.user.account.credit(request.POST["cents"])
""",
    ],
)

_SETTINGS = frozenset(("WTF_CSRF_ENABLED", "JWT_COOKIE_CSRF_PROTECT"))
_SESSION_GUARDS = {"login_required", "permission_required", "user_passes_test", "staff_member_required"}
_SESSION_MIXINS = {"LoginRequiredMixin", "PermissionRequiredMixin", "UserPassesTestMixin"}
_FOR_USER = regex(r"\brequest\.user\.(?!is_\w+\b)\w+|=\s*request\.user\b")
_OTHER_PROOF = regex(r"token|signature|hmac|api_?key|authenticate|authorization|oauth|social|saml|webhook", re.IGNORECASE)
_READS = {"require_GET", "require_safe"}
_TESTS = regex(r"test|debug|local|dev(?!ice)|ci\b|mock|fake", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Settings of Flask-WTF and Flask-JWT-Extended that are set to False outside of tests."""
    yield from _exempt(view)
    yield from _exempt_classes(view)
    yield from _without_middleware(view)
    yield from _forms(view)
    for node, value in _set(view):
        is_explained = any("csrf" in it.lower() for it in comments(view.reading, value))
        if constant(value) is False and not is_explained and not _in_tests(view, node):
            yield Hit(value, "Forged requests are let through: the check of the CSRF token is off.", (_fix(value),))


def _exempt(view: View) -> Iterator[Hit]:
    """Views of Django that let go of the check although they know their user by the session's cookie."""
    for function in view.reading.functions:
        exempt = next((it for it in function.decorator_list if dotted(it).rpartition(".")[2] == "csrf_exempt"), None)
        names = {dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] for it in function.decorator_list}
        if any("social" in it or "oauth" in it for it in names):
            continue  # the other side's `state` is the token
        if exempt is not None and not names & _READS and (names & _SESSION_GUARDS or _acts_for_user(view, function)):
            yield Hit(exempt, f"`{function.name}` trusts the session's cookie and lets forged requests through.")


def _acts_for_user(view: View, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it does something with `request.user`, and no token or signature in a header stands for the cookie."""
    text = view.reading.source(function)
    return bool(_FOR_USER.search(text)) and not _OTHER_PROOF.search(text)


def _exempt_classes(view: View) -> Iterator[Hit]:
    """The same of views that are classes."""
    for kind in view.reading.each(ast.ClassDef):
        given = [(it, name) for it in kind.decorator_list for name in _of_methods(it)]
        signs_in = {dotted(it).rpartition(".")[2] for it in kind.bases} & _SESSION_MIXINS
        signs_in |= {name for _, name in given} & _SESSION_GUARDS
        exempt = next((it for it, name in given if name == "csrf_exempt"), None)
        if exempt is not None and signs_in:
            yield Hit(exempt, f"`{kind.name}` trusts the session's cookie and lets forged requests through.")


def _of_methods(decorator: ast.expr) -> Iterator[str]:
    """The last names of what `@method_decorator(...)` is given, one or a list of them."""
    if isinstance(decorator, ast.Call) and decorator.args and dotted(decorator.func).rpartition(".")[2] == "method_decorator":
        given = decorator.args[0]
        for it in given.elts if isinstance(given, ast.List | ast.Tuple) else [given]:
            yield dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2]


def _without_middleware(view: View) -> Iterator[Hit]:
    """Settings of Django with sessions and without the check."""
    for node in view.reading.each(ast.Assign):
        if dotted(node.targets[0]) != "MIDDLEWARE" or not isinstance(node.value, ast.List | ast.Tuple):
            continue
        said = [constant(it) for it in node.value.elts]
        has_sessions = all(isinstance(it, str) for it in said) and any("SessionMiddleware" in str(it) for it in said)
        if has_sessions and not any("csrf" in str(it).lower() for it in said) and not _in_tests(view, node):
            yield Hit(node.targets[0], "There are sessions and no `CsrfViewMiddleware`: forged requests are let through.")


def _forms(view: View) -> Iterator[Hit]:
    """Forms of Flask-WTF that leave the check out, and views of Pyramid that do and act for who is signed in."""
    for node in view.reading.each(ast.Assign):
        held = view.reading.parent(node)
        is_meta = isinstance(held, ast.ClassDef) and held.name == "Meta" and dotted(node.targets[0]) == "csrf"
        if is_meta and constant(node.value) is False and not _in_tests(view, node):
            yield Hit(node.value, "This form takes forged requests: its check of the CSRF token is off.")
    for function in view.reading.functions:
        for it in (each for row in function.decorator_list if isinstance(row, ast.Call) for each in row.keywords):
            if it.arg == "require_csrf" and constant(it.value) is False and _acts_for_user(view, function):
                yield Hit(it.value, f"`{function.name}` trusts the session's cookie and lets forged requests through.")


def _set(view: View) -> Iterator[tuple[ast.AST, ast.expr]]:
    """(place, value) of each of the settings that is set."""
    for node in view.reading.each(ast.Assign):
        for it in node.targets:
            last = constant(it.slice) if isinstance(it, ast.Subscript) else dotted(it).rpartition(".")[2]
            if last in _SETTINGS:
                yield node, node.value
    for call in view.reading.each(ast.Call):
        yield from ((call, it.value) for it in call.keywords if it.arg in _SETTINGS)
    for table in view.reading.each(ast.Dict):
        rows = zip(table.keys, table.values, strict=True)
        yield from ((table, value) for key, value in rows if key is not None and constant(key) in _SETTINGS)


def _in_tests(view: View, node: ast.AST) -> bool:
    """Whether the place is named after tests or development, or hangs on a condition that is."""
    names = [view.path, view.reading.qualname(node)]
    names += [ast.unparse(it.test) for it in view.reading.ancestors(node) if isinstance(it, ast.If)]
    names += [it.name for it in view.reading.ancestors(node) if isinstance(it, ast.ClassDef | ast.FunctionDef)]
    return any(_TESTS.search(it) for it in names)


def _fix(value: ast.expr) -> Draft:
    return Draft("Switch the check on", (Change(value, "True"),))
