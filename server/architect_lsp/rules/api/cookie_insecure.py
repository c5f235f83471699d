"""A cookie that signs a user in is open to scripts or to plain HTTP.

Why: without `HttpOnly` any script on the page can read the cookie, one line of injected JavaScript included; without `Secure`
the browser sends it over plain HTTP to whoever stands between.
Instead: say all three.

    response.set_cookie("session", value, httponly=True, secure=True, samesite="lax")

Consequences: one injected script or one open network, and the session is someone else's.
Trade-offs: a cookie that the page's own script must read, as a CSRF token is, can't be `HttpOnly`.
Tests: assert on the `Set-Cookie` header of the sign-in.
Security: CWE-614, CWE-1004.
Source: RFC 6265bis; OWASP Session Management Cheat Sheet
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    yields_to=["cookie-flags"],
    cwe=614,
    needs=["set_cookie"],
    bad=[
        Bad(
            """
from fastapi import Response

def login(response: Response, token: str):
    [|response.set_cookie("access_token", token)|]
""",
            fixed="""
from fastapi import Response

def login(response: Response, token: str):
    response.set_cookie("access_token", token, httponly=True, secure=True)
""",
        ),
        Bad("""
def login(response, token):
    [|response.set_cookie("access_token", token, secure=True, httponly=False)|]
"""),
        Bad(
            """
SESSION_COOKIE = "shop_session"

def login(response, token):
    [|response.set_cookie(key=SESSION_COOKIE, value=token, httponly=True, secure=False)|]
""",
            fixed="""
SESSION_COOKIE = "shop_session"

def login(response, token):
    response.set_cookie(key=SESSION_COOKIE, value=token, httponly=True, secure=True)
""",
        ),
    ],
    good=[
        """
def login(response, token, settings, options):
    response.set_cookie("session", token, httponly=True, secure=settings.secure)
    response.set_cookie("theme", "dark")
    response.set_cookie("csrf_token", token, secure=True)
    response.set_cookie("access_token", token, **options)
    response.set_cookie("access_token", "", max_age=0)
    response.set_cookie(token, "done", max_age=600)

def signed_in(response, token, is_https):
    \"\"\"Not HttpOnly: the dashboard reads the cookie to make its own headers.\"\"\"
    response.set_cookie("access_token", token, secure=is_https, httponly=False)
""",
    ],
)

_SIGNS_IN = regex(r"session|token|jwt|auth|sid\b|login|remember|credential|api_?key", re.IGNORECASE)
_READ_BY_SCRIPTS = regex(r"csrf|xsrf", re.IGNORECASE)
_EXPLAINS = regex(r"HttpOnly|HTTP-only|[jJ]ava[sS]cript|document\.cookie|\bJS\b|front-?end|\bscripts?\b|client[- ]side")
_STATES = regex(r"state|nonce|verifier|flow|locale|lang|^.?(?:is|has)_|expired|redirect", re.IGNORECASE)
"""Names of what is no secret, or lives for the length of a sign-in."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`set_cookie` with the name of a session or a token, without one of the flags."""
    for call in view.reading.each(ast.Call):
        if (
            not isinstance(call.func, ast.Attribute)
            or call.func.attr != "set_cookie"
            or any(it.arg is None for it in call.keywords)
        ):
            continue
        name = keyword(call, "key") or (call.args[0] if call.args else None)
        text = str(constant(name)) if isinstance(name, ast.Constant) else ast.unparse(name) if name is not None else ""
        value = keyword(call, "value") or (call.args[1] if len(call.args) > 1 else None)
        plain = isinstance(value, ast.Constant)  # a word that stands in the source is no secret
        if isinstance(name, ast.Name) and not name.id.isupper():
            continue  # whatever it holds
        if not _SIGNS_IN.search(text) or _READ_BY_SCRIPTS.search(text) or _STATES.search(text) or plain:
            continue
        missing = [it for it in ("httponly", "secure") if _is_off(keyword(call, it))]
        if keyword(call, "httponly") is not None and _EXPLAINS.search(_around(view, call)):
            missing = [it for it in missing if it != "httponly"]  # `False` is said, and why
        if missing and len(call.args) < 7:
            words = " and ".join({"httponly": "`HttpOnly`", "secure": "`Secure`"}[it] for it in missing)
            yield Hit(
                call, f"The cookie {text if text.isupper() else repr(text)} is set without {words}.", (_fix(call, missing),)
            )


def _around(view: View, call: ast.Call) -> str:
    """The text of the function around a call, where it may explain itself."""
    function = view.reading.function(call)
    return view.reading.source(function) if function is not None else view.reading.unit.text


def _is_off(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and not node.value)


def _fix(call: ast.Call, missing: list[str]) -> Draft:
    changes = [Change(it.value, "True") for it in call.keywords if it.arg in missing]
    new = [f"{it}=True" for it in missing if keyword(call, it) is None]
    last: ast.AST = call.keywords[-1].value if call.keywords else call.args[-1]
    if new:
        changes.append(Change(last, ", " + ", ".join(new), insert="after"))
    return Draft("Keep the cookie from scripts and from plain HTTP", tuple(changes))
