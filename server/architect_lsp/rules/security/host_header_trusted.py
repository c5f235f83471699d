"""The Host header, which the client writes, decides where a link leads.

Why: the header is a text like any other. A mail that says how to set a new password, with a link made of it, sends the secret in
the link to whatever host the attacker wrote.
Instead: name the host in the settings, and refuse the others.

    ALLOWED_HOSTS = ["shop.example.org"]
    link = f"{settings.PUBLIC_URL}/reset/{token}"

Consequences: accounts are taken over by mails that the service sent itself; caches keep pages with links to elsewhere.
Security: CWE-346.
Source: Django documentation, "Host header validation"; OWASP WSTG-INPV-17
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=346,
    needs=["ALLOWED_HOSTS", "HTTP_HOST", "Host", "host", "get_host"],
    bad=[
        Bad(
            """
-- shop/settings.py --
[|ALLOWED_HOSTS|] = ["*"]
INSTALLED_APPS = ["shop"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware"]
"""
        ),
        Bad(
            """
from flask import Blueprint, request
from shop.mail import send_mail
from shop.tokens import new_token

site = Blueprint("site", __name__)

@site.post("/forgotten")
def forgotten():
    token = new_token(request.form["mail"])
    host = request.headers["Host"]
    send_mail(request.form["mail"], [|f"https://{host}/reset/{token}"|])
    return "", 202
"""
        ),
        Bad("""
from django.core.mail import send_mail

def forgot(request, user):
    link = [|"https://%s/reset/%s" % (request.META["HTTP_HOST"], user.reset_token)|]
    send_mail("Reset", link, None, [user.email])
"""),
    ],
    good=[
        """
-- shop/settings.py --
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["shop"]
MIDDLEWARE = ["shop.middleware.DomainMiddleware"]
-- shop/middleware/__init__.py --
from .domains import DomainMiddleware
-- shop/middleware/domains.py --
from django.core.exceptions import DisallowedHost
from shop.models import Domain

class DomainMiddleware:
    def process_request(self, request):
        if not Domain.objects.filter(name=request.headers["Host"]).exists():
            raise DisallowedHost("unknown")
""",
        """
from flask import Blueprint, current_app, request
from shop.mail import send_mail
from shop.tokens import new_token

site = Blueprint("site", __name__)

@site.post("/forgotten")
def forgotten():
    token = new_token(request.form["mail"])
    send_mail(request.form["mail"], f"{current_app.config['PUBLIC_URL']}/reset/{token}")
    return "", 202

@site.get("/here")
def here():
    return {"self": f"https://{request.headers['Host']}/here"}
""",
        """
-- shop/settings/local.py --
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["shop"]
-- shop/settings.py --
import os

ALLOWED_HOSTS = os.environ.get("HOSTS", "localhost").split(",")
INSTALLED_APPS = ["shop"]
""",
    ],
)

_HOST = regex(r"(?:HTTP_HOST|[hH]ost|HTTP_X_FORWARDED_HOST|X-Forwarded-Host)$")
_SECRET = regex(r"reset|token|invite|confirm|activat|verif|magic|mail", re.IGNORECASE)
_DEVELOPS = regex(r"test|local|dev|debug|ci\b|example|docker", re.IGNORECASE)
_MIDDLEWARE = regex(r"[\w.]+\.\w*Middleware")
_SETTINGS = regex(r"^(?:INSTALLED_APPS|ROOT_URLCONF)\s*[:=]", re.MULTILINE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Links with secrets that are made of the header, and settings that let any host in."""
    reading = view.reading
    for node in reading.each(ast.Assign):
        if dotted(node.targets[0]) == "ALLOWED_HOSTS" and reading.function(node) is None and not _DEVELOPS.search(view.path):
            values = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else []
            if [constant(it) for it in values] == ["*"] and _SETTINGS.search(reading.unit.text) and not _is_answered(view, node):
                message = "Any `Host` is let in, and links are made of it: name the hosts of this service."
                yield Hit(node.targets[0], message)
    for text in (*reading.each(ast.JoinedStr), *reading.each(ast.BinOp), *_formatted(reading)):
        begin, host = _first_two(text)
        if host is None or not re.fullmatch(r"https?://", str(constant(begin))):
            continue
        function = reading.function(text)
        is_secret = isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _SECRET.search(
            ast.unparse(text) + function.name
        )
        if is_secret and _is_host(view, host):
            yield Hit(text, "Whoever asks writes the `Host` that this link leads to: take it from the settings.")


def _formatted(reading: Reading) -> Iterator[ast.Call]:
    """The calls of `str.format` on a literal."""
    for it in reading.each(ast.Call):
        if isinstance(it.func, ast.Attribute) and it.func.attr == "format" and isinstance(it.func.value, ast.Constant):
            yield it


def _first_two(text: ast.expr) -> tuple[ast.expr | None, ast.expr | None]:
    """The first two pieces of an f-string or of a sum of texts."""
    if isinstance(text, ast.JoinedStr):
        second = text.values[1] if len(text.values) > 1 else None
        return (text.values[0], second.value) if isinstance(second, ast.FormattedValue) else (None, None)
    is_percent = isinstance(text, ast.BinOp) and isinstance(text.op, ast.Mod)
    if isinstance(text, ast.Call) or is_percent:
        given = text.args if isinstance(text, ast.Call) else getattr(text, "right", text)
        given = given if isinstance(given, list) else getattr(given, "elts", [given])
        words = constant(getattr(text.func, "value", None) if isinstance(text, ast.Call) else getattr(text, "left", None))
        begin = regex(r"https?://(?=%s|\{\}|\{0\})").match(str(words))
        return (ast.Constant(begin[0]), given[0]) if begin and given else (None, None)
    pieces: list[ast.expr] = []
    while isinstance(text, ast.BinOp) and isinstance(text.op, ast.Add):
        pieces.insert(0, text.right)
        text = text.left
    return (text, pieces[0]) if len(pieces) > 1 else (None, None)


def _is_answered(view: View, node: ast.AST) -> bool:
    """Whether a condition decides, or a middleware of the project's own refuses hosts."""
    return any(isinstance(it, ast.If) for it in view.reading.ancestors(node)) or any(_refuses_hosts(view))


def _refuses_hosts(view: View) -> Iterator[bool]:
    """Of each file of the project that the settings take a middleware from: whether it knows what a wrong host is."""
    for it in view.reading.each(ast.Constant):
        if isinstance(it.value, str) and _MIDDLEWARE.fullmatch(it.value):
            module, _ = view.project.module(view.path, it.value)
            if module is not None:
                found = view.project.resolve(module.path, it.value.rpartition(".")[2])  # a package hands on what a file of it has
                imports = view.project.imports(found.path if isinstance(found, ClassSymbol) else module.path)
                yield any(target.rpartition(".")[2] in ("DisallowedHost", "validate_host") for _, target in imports)


def _is_host(view: View, node: ast.expr) -> bool:
    """Whether an expression is what the request says of its host."""
    if isinstance(node, ast.Name):
        values = view.reading.bindings(view.reading.function(node)).get(node.id, [])
        return len(values) == 1 and values[0] is not None and not isinstance(values[0], ast.Name) and _is_host(view, values[0])
    if isinstance(node, ast.Subscript):
        return _of_request(node.value) and bool(_HOST.search(str(constant(node.slice))))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "get" and node.args:
            return _of_request(node.func.value) and bool(_HOST.search(str(constant(node.args[0]))))
        return False  # Django's `get_host` compares with ALLOWED_HOSTS
    return dotted(node) in ("request.host", "self.request.host")


def _of_request(node: ast.expr) -> bool:
    return bool(re.fullmatch(r"(?:self\.)?(?:request|req)\.(?:headers|META|environ)", dotted(node)))
