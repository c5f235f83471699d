"""What a call is about, as far as its own arguments say: the server it speaks to, or the class or constant it is given."""

from __future__ import annotations

import ast
import re

from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.patterns import regex

_ADDRESS = regex(r"([a-z][a-z0-9+.-]{1,24}://)(?:[^/@\s?#]*@)?([A-Za-z0-9._-]+(?::\d+)?)(?=[/?#]|$)", re.IGNORECASE)
_NAMED = regex(r"^[A-Z]|(?:url|uri|endpoint|dsn)$")
"""Names worth keeping: of a class or constant, or of what is an address."""
_PATH = regex(r"/(?:[\w.~@:{}-]+(?:/[\w.~@:{}-]+)*/?)?(?:\?[^\s]*)?", re.ASCII)
_KEYWORDS = ("url", "base_url", "endpoint_url", "dsn")
_POSITIONS = 2
"""The address stands first, or second after an HTTP method."""


def address(text: str) -> str:
    """The scheme and host that a URL begins with, "" where it has none. A user and a password are left out."""
    found = _ADDRESS.match(text)
    return f"{found[1]}{found[2]}".lower() if found else ""


def about(reading: Reading, call: ast.Call) -> str:
    """The address, path, class or constant that a call's first arguments name; "" for none. A hole in a path is `{}`.

    Of a sleep it is the number of seconds.
    """
    if isinstance(call.func, ast.Attribute | ast.Name) and dotted(call.func).endswith("sleep"):
        seconds = constant(call.args[0]) if call.args else None
        return repr(seconds) if isinstance(seconds, int | float) else ""
    for node in call.args[:_POSITIONS]:
        said = _said(reading, node)
        if said:
            return said
    return next((said for it in call.keywords if it.arg in _KEYWORDS and (said := _said(reading, it.value))), "")


def _said(reading: Reading, node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        bound = reading.bindings(reading.function(node)).get(node.id, ())
        if len(bound) == 1 and isinstance(bound[0], ast.JoinedStr | ast.BinOp | ast.Constant):
            node = bound[0]
    if isinstance(node, ast.Constant):
        return address(node.value) or _path(node.value) if isinstance(node.value, str) else ""
    if isinstance(node, ast.Name | ast.Attribute):
        name = reading.target(node) if _NAMED.search(node.id if isinstance(node, ast.Name) else node.attr) else ""
        return name if "?" not in name else ""
    if isinstance(node, ast.JoinedStr) and len(node.values) > 1:
        first, then = node.values[:2]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            pieces = (it.value if isinstance(it, ast.Constant) else "{}" for it in node.values)
            return _path("".join(map(str, pieces))) or (address(first.value) if first.value.count("/") > len("//") else "")
        return _base(reading, first.value, then) if isinstance(first, ast.FormattedValue) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _base(reading, node.left, node.right)
    return ""


def _path(text: str) -> str:
    """A path on a server, without its query; "" for anything else, such as a sentence."""
    return text.partition("?")[0] if _PATH.fullmatch(text) else ""


def _base(reading: Reading, first: ast.expr, then: ast.expr) -> str:
    """The name before a path: `BASE` of `f"{BASE}/orders"`."""
    text = then.value if isinstance(then, ast.Constant) else ""
    name = reading.target(first) if isinstance(text, str) and text.startswith("/") else ""
    return name if "?" not in name else ""
