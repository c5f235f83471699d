"""A check of where an address leads also lets through hosts that only look alike.

Why: `evil-example.com` ends with `example.com`, `https://example.com.evil.net` begins with it, `evil.net/?example.com` holds it,
and in a pattern `.` is any character.
Instead: take the address apart and compare its host as a whole, or from a dot on.

    def is_ours(url: str) -> bool:
        host = urlsplit(url).hostname or ""
        return host == "example.com" or host.endswith(".example.com")

Trade-offs: none; the list of hosts is as long as before.
Tests: ask the check about `https://example.com.evil.net`, `https://evil-example.com` and `https://evil.net/?example.com`.
Security: CWE-20. What the check guards (a redirect, a request of the server, cookies for another site) is open to all.
Source: CWE-20; CWE-942; https://cheatsheetseries.owasp.org/cheatsheets/Unvalidated_Redirects_and_Forwards_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=20,
    needs=["origin", "Origin", "url", "uri", "host", "referer", "referrer", "netloc", "domain", "match(", "search("],
    bad=[
        Bad("""
from urllib.parse import urlparse

def is_trusted(url):
    return [|urlparse(url).netloc.endswith("example.com")|]

def is_allowed_url(url):
    if [|"example.com" in url|]:
        return True
    return [|url.startswith("https://shop.example.org")|]

def allowed(url: str) -> bool:
    return [|"images.example.com" in url|]
"""),
        Bad("""
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origin_regex=[|r"https://.*.example\\.com"|], allow_credentials=True)
"""),
        Bad("""
from flask import Flask, abort, request

app = Flask(__name__)

@app.before_request
def only_ours():
    if not [|request.headers["Origin"].endswith("example.com")|]:
        abort(403)
"""),
        Bad("""
import re
from flask import redirect, request

OURS = re.compile("^(www|beta).example.com/")

def go():
    target = request.args["target"]
    if [|OURS.match(target)|]:
        return redirect("https://" + target)

def is_allowed_url(url):
    return [|re.match(r"^https://www\\.example\\.com", url)|] is not None
"""),
    ],
    good=[
        """
from urllib.parse import urlparse
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origin_regex=r"https://([a-z]+\\.)?example\\.com", allow_credentials=True)

def is_trusted(url, mail):
    host = urlparse(url).hostname or ""
    return host == "example.com" or host.endswith(".example.com") or mail.endswith("@example.com")

def is_allowed_url(url):
    return url.startswith("https://shop.example.org/")

def kind(url):
    return "film" if "films.example.com" in url else "page"
""",
        """
import re
from flask import redirect, request

OURS = re.compile(r"^(?:www|beta)\\.example\\.com/")

def go():
    target = request.args["target"]
    if OURS.match(target):
        return redirect("https://" + target)

def is_allowed_url(url):
    return re.match(r"^https://www\\.example\\.com/", url) is not None

def video(url):
    return re.search(r"https://www.example.com/watch", url)
""",
    ],
)

_CHECKS = regex(
    r"(?:^|_)(?:is|has|check|ensure|verify|valid\w*|allow\w*|trust\w*|safe|permit\w*|same)_\w*(?:url|uri|host|origin|domain|redirect|referr?er|target|next)"
    r"|(?:^|_)(?:is|check|valid\w*|verify)_(?:allowed|trusted|safe|internal|ours|valid|permitted)\w*$"
    r"|^_?(?:allowed|trusted|permitted|allows|permits|trusts)$"
    r"|(?:url|uri|host|origin|domain|redirect|referr?er)_\w*(?:allowed|trusted|safe|valid|permitted|ok)",
    re.IGNORECASE,
)
"""Functions that are asked whether an address may be used."""
_ADDRESS = regex(
    r"(?:^|[_.])(?:url|uri|link|origin|referr?er|host(?:name)?|netloc|domain|target|next(?:_?url)?|redirect\w*|callback\w*)$",
    re.I,
)
_HEADER = regex(r"^(?:origin|referr?er|host)$", re.IGNORECASE)
_DOMAIN = r"(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev|co|app|edu|gov|de|uk|eu|fr|nl|ai|cloud|info|example)"
_TELLS_KINDS = regex(r"_?is_\w+_(?:url|uri|blob|bucket|storage)$|_?is_(?:azure|gcs|s3|aws|anthropic|openai)\w*$")
"""Helpers that tell one provider's addresses from another's."""
_BARE = regex(rf"^{_DOMAIN}$", re.IGNORECASE)
_OPEN = regex(rf"^https?://{_DOMAIN}$", re.IGNORECASE)
_ANY_DOT = regex(r"(?<=[\w*+])(?<!\\)\.(?:com|org|net|io|dev|co|app|edu|gov|ai|cloud|\w+\\?\.(?:com|org|net|io|dev|co|app))\b")
"""A dot of a pattern's host that stands for any character."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Checks of an address's beginning, end or text that leave hosts of others in."""
    for call in view.reading.each(ast.Call):
        yield from _patterns(call)
        yield from _matched(view, call)
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if last in ("startswith", "endswith") and isinstance(call.func, ast.Attribute) and len(call.args) == 1:
            given = call.args[0]
            texts = [constant(it) for it in (given.elts if isinstance(given, ast.Tuple) else [given])]
            shape = _OPEN if last == "startswith" else _BARE
            if any(isinstance(it, str) and shape.match(it) for it in texts) and _is_check(view, call, call.func.value):
                like = "https://example.com.evil.net" if last == "startswith" else "evil-example.com"
                yield Hit(
                    call, f"Hosts that only look alike pass, as `{like}` would; compare the host as a whole, or from a dot on."
                )
    for test in view.reading.each(ast.Compare):
        held = constant(test.left)
        if isinstance(view.reading.parent(test), ast.Return) and _TELLS_KINDS.match(
            view.reading.qualname(test).rpartition(".")[2]
        ):
            continue
        is_host = isinstance(held, str) and (_BARE.match(held) or _OPEN.match(held))
        if is_host and isinstance(test.ops[0], ast.In | ast.NotIn) and _is_check(view, test, test.comparators[0]):
            yield Hit(test, "Any address that holds this text passes, `https://evil.net/?example.com` too; compare its host.")


_OPEN_END = regex(
    r"^\^?\(?(?:\?:)?https?\??\)?:(?://|\\/\\/)[^/$]*\\?\.(?:com|org|net|io|dev|co|app|edu|gov|ai|cloud|example)\)*$",
    re.IGNORECASE,
)
"""A pattern of an address that ends where its host may go on."""
_HOSTS = regex(r"^\^?(?:\(?(?:\?:)?https?\??\)?:(?://|\\/\\/)|[\w(])", re.IGNORECASE)


def _matched(view: View, call: ast.Call) -> Iterator[Hit]:
    """Patterns of hosts, here or in a constant of the module, that others match, too."""
    last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if last not in ("match", "search") or not isinstance(call.func, ast.Attribute) or not call.args:
        return
    held = dotted(call.func.value)
    if held in ("re", "regex"):
        pattern, given = constant(call.args[0]), call.args[1:2]
    else:
        found = behind(view.project, view.path, held) if held else None
        made = found[1] if found is not None and found[1].kind == "call" and found[1].last == "compile" else None
        pattern, given = (
            (made.items[0].text if made is not None and made.items and made.items[0].kind == "text" else None),
            call.args[:1],
        )
    if not isinstance(pattern, str) or not given or not _HOSTS.match(pattern):
        return
    if not (_OPEN_END.match(pattern) or (_ANY_DOT.search(pattern) and "/" in pattern)):
        return
    if _is_check(view, call, given[0]) or (_is_asked(view, call) and view.untrusted(given[0], "url") is not None):
        yield Hit(call, r"Hosts that only look alike match, too: write `\.` for a dot, and end the host with `/` or `\Z`.")


def _is_asked(view: View, call: ast.Call) -> bool:
    """Whether a condition depends on the call."""
    up = view.reading.parent(call)
    while isinstance(up, ast.BoolOp | ast.UnaryOp | ast.Compare):
        up = view.reading.parent(up)
    return isinstance(up, ast.If | ast.IfExp)


def _patterns(call: ast.Call) -> Iterator[Hit]:
    """Patterns of origins whose dots are not dots."""
    for it in call.keywords:
        pattern = constant(it.value) if it.arg == "allow_origin_regex" else None
        if isinstance(pattern, str) and _ANY_DOT.search(pattern):
            yield Hit(it.value, r"`.` is any character here, so that hosts that only look alike may pass; write `\.`.")


def _is_check(view: View, node: ast.expr, given: ast.expr) -> bool:
    """Whether the test decides if an address may be used: in a function that is asked so, or of a header."""
    inner = given
    while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in ("lower", "strip"):
        inner = inner.func.value
    key = constant(inner.slice) if isinstance(inner, ast.Subscript) else None
    if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "get" and inner.args:
        key = constant(inner.args[0])
    if isinstance(key, str) and _HEADER.match(key):
        return "headers" in ast.unparse(inner)
    if not _ADDRESS.search(dotted(inner) or (inner.attr if isinstance(inner, ast.Attribute) else "")):
        return False
    function = view.reading.function(node)
    return isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and bool(_CHECKS.search(function.name))
