"""Every website may send requests with the user's cookies and read the answers.

Why: browsers refuse `*` together with credentials, so the CORS middlewares of Starlette, Flask and Django answer with the
caller's own origin instead. Whatever page a signed-in user visits can then act in their name and read what comes back.
Instead: name the origins that are yours.

    app.add_middleware(
        CORSMiddleware,
        allow_origins=["https://shop.example", "https://admin.shop.example"],
        allow_credentials=True,
    )

Consequences: the same-origin policy, which every other protection of the session builds on, is switched off.
Trade-offs: a public API without cookies may keep `*`; leave `allow_credentials` out and take a token in a header.
Tests: send `Origin: https://evil.example` with a cookie and assert that no `Access-Control-Allow-Origin` comes back.
Security: an attacker's page reads private data and changes it, with nothing but a visit.
Observability: log the origins that are refused; a new one of yours shows up there.
Source: https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CORS#credentialed_requests_and_wildcards
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Variable
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=942,
    needs=["CORS", "Access-Control-Allow-Credentials"],
    bad=[
        Bad("""
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
app.add_middleware(CORSMiddleware, [|allow_origins=["*"]|], allow_credentials=True)
"""),
        Bad("""
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

app = Starlette(middleware=[Middleware(CORSMiddleware, [|allow_origin_regex="https?://.*"|], allow_credentials=True)])
"""),
        Bad("""
from fastapi.middleware.cors import CORSMiddleware

ORIGINS = ["*"]

def create_app(app):
    app.add_middleware(
        CORSMiddleware,
        [|allow_origins=ORIGINS|],
        allow_credentials=True,
    )
"""),
        Bad("""
from flask_cors import CORS

def create_app(app):
    CORS(app, [|supports_credentials=True|], origins="*")
"""),
        Bad("""
CORS_ALLOW_ALL_ORIGINS = True
[|CORS_ALLOW_CREDENTIALS = True|]
"""),
        Bad(
            """

from flask import Blueprint, request

site = Blueprint("site", __name__)

@site.after_request
def allow(response):
    response.headers["Access-Control-Allow-Origin"] = [|request.headers.get("Origin", "")|]
    response.headers["Access-Control-Allow-Credentials"] = "true"
    return response
""",
        ),
    ],
    good=[
        """
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=["*"])
app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"], allow_credentials=True)
app.add_middleware(CORSMiddleware, allow_origin_regex=r"https://.*\\.shop\\.example", allow_credentials=True)
""",
        """
from flask_cors import CORS

def create_app(app):
    CORS(app)
    CORS(app, supports_credentials=True, origins=["https://shop.example"])
""",
        """
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOWED_ORIGINS = ["https://shop.example"]
""",
        """

from flask import Blueprint, request

site = Blueprint("site", __name__)
KNOWN = {"https://shop.example.org"}

@site.after_request
def allow(response):
    origin = request.headers.get("Origin", "")
    if origin in KNOWN:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
    return response
""",
    ],
)

_ANYTHING = regex(r"\^?(?:https\?://|http://|https://|\(https\?://\))?\(?\.[*+]\)?\$?")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """CORS set up for any origin and for credentials at once."""
    for call in view.reading.each(ast.Call):
        if call.args and dotted(call.args[0]).endswith("CORSMiddleware") and _is(call, "allow_credentials"):
            for it in call.keywords:
                if (it.arg == "allow_origins" and _any_origin(view, it.value)) or (
                    it.arg == "allow_origin_regex" and _regex(it.value)
                ):
                    yield Hit(it, "Any site may send requests with the user's credentials and read the answers.")
        elif view.callee(call) in ("flask_cors.CORS", "flask_cors.cross_origin") and _is(call, "supports_credentials"):
            origins = keyword(call, "origins")
            resources = keyword(call, "resources")
            if (origins is None and resources is None) or (origins is not None and _any_origin(view, origins)):
                at = next(it for it in call.keywords if it.arg == "supports_credentials")
                yield Hit(at, "Any site may send requests with the user's cookies: with credentials, `*` echoes every origin.")
    yield from _django(view)
    yield from _echoed(view)


def _echoed(view: View) -> Iterator[Hit]:
    """The header set by hand to whatever origin asks."""
    if "Access-Control-Allow-Credentials" not in view.reading.unit.text:
        return
    for node in view.reading.each(ast.Assign):
        for it in node.targets:
            is_header = isinstance(it, ast.Subscript) and constant(it.slice) == "Access-Control-Allow-Origin"
            if is_header and view.untrusted(node.value, "origin") is not None:
                message = "Whatever site asks is allowed to, with the user's cookies: look its origin up in a list."
                yield Hit(node.value, message)


def _django(view: View) -> Iterator[Hit]:
    true = {
        target.id: it
        for it in view.reading.each(ast.Assign)
        if constant(it.value) is True and view.reading.function(it) is None
        for target in it.targets
        if isinstance(target, ast.Name)
    }
    if "CORS_ALLOW_CREDENTIALS" in true and ("CORS_ALLOW_ALL_ORIGINS" in true or "CORS_ORIGIN_ALLOW_ALL" in true):
        yield Hit(true["CORS_ALLOW_CREDENTIALS"], "All origins are allowed, and with credentials: any site may act as the user.")


def _is(call: ast.Call, name: str) -> bool:
    return constant(keyword(call, name)) is True


def _regex(node: ast.expr) -> bool:
    text = constant(node)
    return isinstance(text, str) and _ANYTHING.fullmatch(text) is not None


def _any_origin(view: View, node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        values = view.reading.bindings(view.reading.function(node)).get(node.id)
        if values is not None:
            return (
                len(values) == 1
                and values[0] is not None
                and not isinstance(values[0], ast.Name)
                and _any_origin(view, values[0])
            )
        found = view.project.name(view.path, node.id)
        return isinstance(found, Variable) and found.value is not None and Value("text", "*") in found.value.items
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return any(constant(it) == "*" for it in node.elts)
    return constant(node) == "*"
