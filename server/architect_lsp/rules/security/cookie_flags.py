"""A cookie that opens an account is sent where others can read it.

Why: without `secure` it goes over plain HTTP; without `httponly` any script of the page reads it; with `samesite="None"` other
sites send it along.
Instead: all three, and a name that says so (`__Host-session`).

    def log_in(response: Response, token: str) -> None:
        response.set_cookie("session", token, max_age=900, secure=True, httponly=True, samesite="lax")

Trade-offs: on a machine without TLS, let the environment switch `secure` off.
Tests: log in and assert the attributes of `Set-Cookie`.
Security: taking over sessions from the same network, or by one injected script.
Source: CWE-614; CWE-1004; https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=614,
    needs=["cookie", "COOKIE"],
    bad=[
        Bad(
            """
def log_in(response, token):
    response.set_cookie("theme", "dark", secure=[|False|], httponly=True)
    [|response.set_cookie("session", token)|]
""",
            fixed="""
def log_in(response, token):
    response.set_cookie("theme", "dark", secure=True, httponly=True)
    response.set_cookie("session", token)
""",
        ),
        Bad("""
from flask import Flask

app = Flask(__name__)
app.config["SESSION_COOKIE_SECURE"] = [|False|]
app.config.update(SESSION_COOKIE_HTTPONLY=[|False|])
"""),
        Bad("""
from fastapi import FastAPI, Response

app = FastAPI()

@app.post("/login")
def login(response: Response, token: str):
    response.set_cookie("session", token, secure=True, httponly=True, samesite=[|"none"|])
"""),
    ],
    good=[
        """
import os

if os.environ.get("SHOP_NO_HTTPS"):
    SESSION_COOKIE_SECURE = False
else:
    SESSION_COOKIE_SECURE = True
""",
        """
def log_in(response, token, debug, **options):
    response.set_cookie("session", token, secure=True, httponly=True, samesite="Lax")
    response.set_cookie("session", token, secure=not debug, httponly=True)
    response.set_cookie("session", token, **options)
    response.set_cookie("theme", "dark")
    response.set_cookie("csrf_token", token, secure=True, httponly=False)
    response.set_cookie(key=ADMIN_CSRF_COOKIE_NAME, value=csrf_token, secure=True, httponly=False, samesite="strict")
    response.set_cookie("token_hint", "", max_age=0)
""",
    ],
)

_FLAGS = ("secure", "httponly")
_SETTINGS = (
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "CSRF_COOKIE_SECURE",
    "REMEMBER_COOKIE_SECURE",
    "REMEMBER_COOKIE_HTTPONLY",
)
_SENSITIVE = regex(
    r"^(?:\w+[-_])?(?:session|sessionid|session_id|sid|token|access_token|refresh_token|auth|auth_token|jwt|remember_me)$", re.I
)
_READ_BY_SCRIPTS = regex(r"csrf|xsrf", re.IGNORECASE)
"""A cookie that the page's own scripts send back in a header, as proof that they are the page's."""
_WITHOUT_TLS = regex(r"https?\b|_https?|https?_|ssl|tls|debug|dev|local|test", re.IGNORECASE)
_DEVELOPMENT = regex(r"(?:^|/)(?:\w*dev\w*|local\w*|test\w*|debug|(?:global|default)_?\w*)\.py$")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Cookies whose protection is switched off, and sessions that never had it."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if last in ("set_cookie", "set_signed_cookie", "set_secure_cookie"):
            yield from _cookie(call, last)
        for it in call.keywords:
            if it.arg in _SETTINGS and constant(it.value) is False and not _DEVELOPMENT.search(view.path):
                yield _off(it.value, it.arg)
    if _DEVELOPMENT.search(view.path):
        return
    for node in view.reading.each(ast.Assign):
        for target in node.targets:
            name = constant(target.slice) if isinstance(target, ast.Subscript) else dotted(target)
            if name in _SETTINGS and constant(node.value) is False and not _is_switched(view, node):
                yield _off(node.value, str(name))


def _is_switched(view: View, node: ast.AST) -> bool:
    """Whether a condition about HTTPS or development decides, and its other half says something else."""
    return any(
        isinstance(it, ast.If) and (it.orelse or _WITHOUT_TLS.search(ast.unparse(it.test))) for it in view.reading.ancestors(node)
    )


def _cookie(call: ast.Call, last: str) -> Iterator[Hit]:
    key = constant(keyword(call, "key") or (call.args[0] if call.args else None))
    named = keyword(call, "key") or (call.args[0] if call.args else None)
    is_read = bool(_READ_BY_SCRIPTS.search(key if isinstance(key, str) else f"{dotted(named)} {dotted(keyword(call, 'value'))}"))
    off = [it for it in call.keywords if it.arg in _FLAGS and constant(it.value) is False]
    for it in off:
        if it.arg == "secure" or not is_read:
            yield _off(it.value, it.arg or "")
    if off or is_read or last != "set_cookie" or any(it.arg is None for it in call.keywords):
        return
    value = keyword(call, "value") or (call.args[1] if len(call.args) > 1 else None)
    given = {it.arg for it in call.keywords}
    site = keyword(call, "samesite")
    is_open = isinstance(said := constant(site), str) and said.lower() == "none"
    if is_open and site is not None and isinstance(key, str) and _SENSITIVE.match(key):
        yield Hit(site, f"The cookie `{key}` opens an account and goes along with what any other site sends; use `Lax`.")
        return
    missing = [it for it in _FLAGS if it not in given]
    if isinstance(key, str) and _SENSITIVE.match(key) and missing and not isinstance(value, ast.Constant) and len(call.args) < 5:
        yield Hit(call, f"The cookie `{key}` opens an account and goes out without {' and '.join(f'`{it}`' for it in missing)}.")


def _off(node: ast.expr, name: str) -> Hit:
    what = "any script of the page reads" if "httponly" in name.lower() else "plain HTTP carries"
    return Hit(node, f"`{name}` is off: {what} the cookie.", (Draft("Switch it on", (Change(node, "True"),)),))
