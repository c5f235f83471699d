"""A signature or secret is compared in a time that tells how much of it was right.

Why: `==` stops at the first character that differs. Over many requests the time of the answer tells how many characters of a
guess were right, and a signature or key is found one character at a time.
Instead: `hmac.compare_digest`, which takes as long for a wrong guess as for a right one.

    def checked(body: bytes, signature: str) -> None:
        expected = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise HTTPException(401, "signature does not match")

Trade-offs: `compare_digest` wants two str (ASCII only) or two bytes: encode both when one comes from a request, and treat a
missing header before the comparison.
Tests: a right signature passes; a wrong one, an empty one, a missing one and one with `é` in it are all answered with 401.
Security: forging a webhook or a session without ever learning the key.
Observability: count refused signatures by client; a timing attack needs thousands.
Source: CWE-208; https://docs.python.org/3/library/hmac.html#hmac.compare_digest
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import arguments, definitions, last_name
from architect_lsp.knowledge.flows import origins
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.request_handlers import is_of_handler
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=208,
    needs=["==", "!="],
    bad=[
        Bad(
            """
import hashlib
import hmac

def verify(secret: bytes, body: bytes, signature: str) -> bool:
    expected = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return [|expected == signature|]
""",
            fixed="""
import hashlib
import hmac

def verify(secret: bytes, body: bytes, signature: str) -> bool:
    expected = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature)
""",
        ),
        Bad(
            """
from flask import abort, request

from app.settings import API_KEY

def guard():
    if [|request.headers.get("X-API-Key") != API_KEY|]:
        abort(401)
""",
            fixed="""
import hmac
from flask import abort, request

from app.settings import API_KEY

def guard():
    if not hmac.compare_digest(request.headers.get("X-API-Key"), API_KEY):
        abort(401)
""",
        ),
        Bad(
            """

from fastapi import Cookie, HTTPException
from shop.settings import settings

def known(access_token: str = Cookie()):
    if [|access_token != settings.access_token|]:
        raise HTTPException(status_code=401)
""",
        ),
    ],
    good=[
        """
import hashlib
import hmac

def verify(secret, body, signature):
    return hmac.compare_digest(hmac.new(secret, body, hashlib.sha256).hexdigest(), signature)

def is_end(token, kinds):
    return token == kinds.END or token.type == "STRING" or token != ""

def more(page, next_token):
    return page.next_token != next_token

def same(path, checksum):
    return hashlib.sha256(path.read_bytes()).hexdigest() == checksum
""",
        """
import httpx

def is_same(target, wire: httpx.Request):
    return wire.headers.get("x-api-key") == target.api_key
""",
        """
from flask import request

def renew(session, made):
    secret = request.cookies.get("secret")
    if secret != made.secret:
        session["secret"] = made.secret

def guard():
    return request.headers.get("Authorization") == "" or request.headers.get("X-Token") is None
""",
        """
from flask import request

from app import models

def verified(session):
    token = request.form["token"]
    return session.query(models.AuthToken).filter(models.AuthToken.auth_token == token).first()
""",
    ],
)

_SECRET = regex(
    r"(?:^|[_\-. ])(?:signature|sig|hmac|api[_\-]?key|apikey|secret|password|passwd|access[_\-]?token|auth[_\-]?token|bearer"
    r"|csrf[_\-]?token|webhook[_\-]?(?:secret|token)|admin[_\-]?token|secret[_\-]?token|internal[_\-]?(?:key|token)|token"
    r"|authorization|x[_\-]token)(?:$|[_\-. ](?:header|value|hash|256|sha256)$)",
    re.IGNORECASE,
)
_CARRIERS = (
    "headers",
    "cookies",
    "META",
    "query_params",
    ".args",
    ".form",
    "COOKIES",
    ".GET",
    ".POST",
    "@",
    "Header(",
    "Cookie(",
    "APIKey",
)
_PLAIN = (ast.Constant, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Lambda)
_DIGEST = regex(r"^hmac\.(?:new\(\)\.(?:hex)?digest\(\)|digest\(\))|\bhmac\.new\(\)\.(?:hex)?digest\(\)")
_CONDITIONS = ("filter", "where", "having", "and_", "or_", "not_")
_HELD = regex(
    r"(?:^|[_.])(?:\w*secret\w*|\w*api_?key\w*|\w*token|\w*password|expected\w*|\w*signature|environ|getenv)(?:$|[.(])",
    re.IGNORECASE,
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Comparisons of a computed signature, or of a secret that a request carries."""
    text = view.reading.unit.text
    if "hmac" not in text and not any(it in text for it in _CARRIERS):
        return
    for node in view.reading.each(ast.Compare):
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        left, right = node.left, node.comparators[0]
        if not all(
            isinstance(it, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.JoinedStr | ast.BinOp)
            for it in (left, right)
        ):
            continue
        if _is_condition(view, node) or _refuses_nobody(view, node):
            continue
        sides = [(it, origins(view.reading, it)) for it in (left, right)]
        digest = next(
            (it for it, found in sides if any(_is_digest(view, each) for each in found) or _is_local_digest(view, it)), None
        )
        if digest is None and not _carries_secret(view, left, right) and not _carries_secret(view, right, left):
            continue
        what = "a signature" if digest is not None else "a secret"
        sign = "==" if isinstance(node.ops[0], ast.Eq) else "!="
        message = f"`{sign}` tells by its time how much of {what} was right; compare in constant time."
        yield Hit(node, message, tuple(_fix(view, node, left, right, sure=digest is not None)))


def _is_condition(view: View, node: ast.Compare) -> bool:
    """Whether the comparison is a condition of a query, which the database decides."""
    up = view.reading.parent(node)
    return isinstance(up, ast.Call) and node in up.args and last_name(up.func) in _CONDITIONS


def _refuses_nobody(view: View, node: ast.Compare) -> bool:
    """Whether the session is only brought up to date where the two differ."""
    up = view.reading.parent(node)
    up = view.reading.parent(up) if isinstance(up, ast.BoolOp) else up
    if not isinstance(node.ops[0], ast.NotEq) or not isinstance(up, ast.If) or up.orelse:
        return False
    return all(isinstance(it, ast.Assign) and ast.unparse(it.targets[0]).startswith("session[") for it in up.body)


def _is_digest(view: View, origin: Origin) -> bool:
    return bool(_DIGEST.search(origin.name)) and "hmac" in view.name(_root(origin.node))


def _root(node: ast.AST) -> ast.expr:
    return node if isinstance(node, ast.expr) else ast.Constant("")


def _is_local_digest(view: View, node: ast.expr) -> bool:
    """Whether the expression is, or a local name for it holds, what `hmac` computes."""
    seen: list[ast.expr] = [node]
    name = dotted(node)
    if name:
        rows = definitions(view.reading, view.reading.function(node)).get(name, ())
        seen += [it.value for it in rows if it.value is not None and it.how == "set"]
    for it in seen:
        for each in ast.walk(it):
            if isinstance(each, ast.Call) and view.callee(each) in ("hmac.new", "hmac.digest", "hmac.HMAC"):
                return not (
                    isinstance(it, ast.Call) and it.func is not each and dotted(it.func).endswith(("compare_digest", "len"))
                )
    return False


def _carries_secret(view: View, given: ast.expr, held: ast.expr) -> bool:
    """Whether `given` is a secret from a request, and `held` one that the program keeps."""
    if not _is_given(view, given):
        return False
    name = ast.unparse(held)
    return bool(_HELD.search(name)) or dotted(held).rpartition(".")[2].isupper()


_OUTGOING = regex(r"(?:httpx|requests|niquests|urllib3)\.(?:\w+\.)*(?:Prepared)?Request|urllib\.request\.Request")
"""Types of requests that the program sends itself."""


def _is_sent(view: View, node: ast.expr) -> bool:
    """Whether what is compared is of a request that the program itself sends, by the type of a parameter."""
    function = view.reading.function(node)
    roots = {it.id for it in ast.walk(node) if isinstance(it, ast.Name)}
    typed = (it for it in arguments(function) if it.arg in roots and it.annotation is not None) if function is not None else ()
    return any(_OUTGOING.fullmatch(view.name(it.annotation)) for it in typed if it.annotation is not None)


def _is_given(view: View, node: ast.expr) -> bool:
    reading = view.reading
    if _is_sent(view, node):
        return False
    values: list[ast.expr] = [node]
    name = dotted(node)
    rows = definitions(reading, reading.function(node)).get(name, ()) if name else ()
    values += [it.value for it in rows if it.value is not None]
    for value in values:
        for each in ast.walk(value):
            if isinstance(each, ast.Subscript | ast.Call):
                key = each.slice if isinstance(each, ast.Subscript) else (each.args[0] if each.args else None)
                source = dotted(each.value if isinstance(each, ast.Subscript) else each.func)
                is_carrier = re.search(
                    r"(?:^|\.)(?:headers|cookies|META|query_params|args|form|COOKIES|GET|POST)(?:\.get)?$", source
                )
                if is_carrier and isinstance(key, ast.Constant) and isinstance(key.value, str) and _SECRET.search(key.value):
                    return True
    if name and _SECRET.search(name.rpartition(".")[2]):
        if _is_injected(reading, node, name):
            return True
        return any(it.kind == "parameter" and is_of_handler(reading, it) for it in origins(reading, node))
    return False


def _is_injected(reading: Reading, node: ast.expr, name: str) -> bool:
    """Whether a name is a parameter of a dependency that FastAPI fills from a header or a cookie."""
    function = reading.function(node)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    rows = [*zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)]
    rows += [(it, value) for it, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is not None]
    said = [*(value for it, value in rows if it.arg == name)]
    said += [it.annotation for it in (*positional, *arguments.kwonlyargs) if it.arg == name and it.annotation is not None]
    calls = (each for it in said for each in ast.walk(it) if isinstance(each, ast.Call))
    return any(dotted(it.func).rpartition(".")[2] in ("Header", "Cookie", "Security") for it in calls)


def _fix(view: View, node: ast.Compare, left: ast.expr, right: ast.expr, *, sure: bool) -> Iterator[Draft]:
    first, second = view.reading.source(left), view.reading.source(right)
    if first and second:
        negation = "not " if isinstance(node.ops[0], ast.NotEq) else ""
        parent = view.reading.parent(node)
        text = f"{negation}hmac.compare_digest({first}, {second})"
        if negation and isinstance(parent, ast.Compare | ast.BinOp | ast.Attribute):
            text = f"({text})"
        typed = all(_is_text(view, it) for it in (left, right))
        yield Draft("Compare in constant time", (Change(node, text),), imports=("hmac",), safe=sure and typed)


def _is_text(view: View, node: ast.expr) -> bool:
    """Whether the value can't be None: a parameter annotated `str` or `bytes`, or a digest."""
    if _is_local_digest(view, node):
        return True
    function = view.reading.function(node)
    if not isinstance(node, ast.Name) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    rows = (*function.args.args, *function.args.kwonlyargs)
    return any(it.arg == node.id and it.annotation is not None and dotted(it.annotation) in ("str", "bytes") for it in rows)
