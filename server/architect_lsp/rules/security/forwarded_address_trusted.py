"""An address that the client writes itself decides whether it is let in.

Why: `X-Forwarded-For` and its like are headers: whoever sends the request writes what they like, and a proxy only adds to it. A
check of such a header lets everyone in who knows which address passes.
Instead: the address of the connection, or what a middleware left of the header that knows your proxies (`ProxyFix`,
`--forwarded-allow-ips`).

    if request.remote_addr not in INTERNAL:
        abort(403)

Tests: send the header with an address that passes, from one that must not.
Security: CWE-348, CWE-290.
Source: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For#security_and_privacy_concerns
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=348,
    needs=["orwarded", "FORWARDED", "eal-I", "EAL_I", "lient-I", "LIENT_I"],
    bad=[
        Bad("""
from flask import abort, request

def internal():
    client = request.headers.get("X-Forwarded-For")
    if [|client != "127.0.0.1"|]:
        abort(403)

def figures(request):
    client = request.META.get("HTTP_X_REAL_IP", "").split(",")[0].strip()
    return [|client.startswith("10.")|]

def panel(request):
    return [|request.META["HTTP_X_FORWARDED_FOR"] in ALLOWED_ADDRESSES|]
"""),
        Bad("""
OFFICE = ("10.1.2.3", "10.1.2.4")

def is_office(request):
    address = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")[0]
    return [|address in OFFICE|]
"""),
    ],
    good=[
        """
from flask import abort, request

def internal():
    if request.remote_addr != "127.0.0.1":
        abort(403)
    client = request.headers.get("X-Forwarded-For")
    if client is None or client == "" or "," in client:
        client = request.remote_addr
    return client

def from_proxy(request):
    if request.META["REMOTE_ADDR"] in TRUSTED_PROXIES:
        return request.META["HTTP_X_FORWARDED_FOR"] in ALLOWED_ADDRESSES
""",
    ],
)

_KEY = regex(
    r"(?:HTTP_)?(?:X[-_]FORWARDED[-_]FOR|X[-_]REAL[-_]IP|X[-_]CLIENT[-_]IP|CLIENT[-_]IP|TRUE[-_]CLIENT[-_]IP)", re.IGNORECASE
)
_CARRIER = regex(r"(?:^|\.)(?:headers|META|environ|request_headers)$")
_ADDRESS = regex(r"^(?:\d{1,3}\.){1,3}(?:\d{1,3})?(?:/\d+)?$|^::1?$|^localhost$|^f[cd][0-9a-f]{2}:")
_LIST = regex(r"ALLOW|TRUST|WHITE|INTERNAL|ADMIN|SAFE|LOCAL|PRIVATE|BLOCK|BANNED|BLACK|DENY", re.IGNORECASE)
_KNOWS_PROXIES = regex(r"remote_addr|client\.host|proxy|proxies|peername", re.IGNORECASE)
_PICKS = ("split", "strip", "partition", "get", "pop")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Comparisons of such a header, as it came, with addresses."""
    reading = view.reading
    for function in reading.functions:
        if _KNOWS_PROXIES.search(reading.source(function)):
            continue
        for it in reading.within(function):
            given = _compared(view, it)
            if given is not None and _is_header(reading, function, given):
                yield Hit(it, "The client writes this header: anyone passes who sends the right address in it.")


def _compared(view: View, node: ast.AST) -> ast.expr | None:
    """What a test compares with addresses, None when it does not."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        other = node.comparators[0]
        texts = [constant(it) for it in getattr(other, "elts", [other])]
        if all(isinstance(it, str) and _ADDRESS.match(it) for it in texts):
            return node.left
        is_list = isinstance(node.ops[0], ast.In | ast.NotIn) and bool(dotted(other))
        if is_list and (_LIST.search(dotted(other).rpartition(".")[2]) or _holds_addresses(view, dotted(other))):
            return node.left
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "startswith" and node.args:
        texts = [constant(it) for it in getattr(node.args[0], "elts", [node.args[0]])]
        return node.func.value if all(isinstance(it, str) and _ADDRESS.match(it) for it in texts) else None
    return None


def _holds_addresses(view: View, name: str) -> bool:
    """Whether a constant of the project is a list of addresses."""
    found = behind(view.project, view.path, name)
    items = found[1].items if found is not None and found[1].kind == "list" else ()
    return bool(items) and all(it.kind == "text" and _ADDRESS.match(it.text) for it in items)


def _is_header(reading: Reading, function: ast.AST, node: ast.expr, depth: int = 3) -> bool:
    """Whether an expression is the header, or a part that is picked of it."""
    if isinstance(node, ast.Name):
        values = reading.bindings(function).get(node.id, [])
        return depth > 0 and any(it is not None and _is_header(reading, function, it, depth - 1) for it in values)
    if isinstance(node, ast.Subscript):
        if _KEY.fullmatch(str(constant(node.slice))):
            return bool(_CARRIER.search(dotted(node.value)))
        return _is_header(reading, function, node.value, depth)
    if isinstance(node, ast.BoolOp):
        return _is_header(reading, function, node.values[0], depth)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PICKS:
        if node.args and _KEY.fullmatch(str(constant(node.args[0]))):
            return bool(_CARRIER.search(dotted(node.func.value)))
        return _is_header(reading, function, node.func.value, depth)
    return isinstance(node, ast.Call) and len(node.args) == 1 and _is_header(reading, function, node.args[0], depth)
