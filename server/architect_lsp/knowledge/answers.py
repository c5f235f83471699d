"""What a function answers besides its result: the statuses it gives or raises, and whether it asks who the user is.

A pure function of a reading; `extraction.py` keeps it in a function's facts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus

from architect_lsp.knowledge.definitions import value_set
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_NAMED = regex(r"HTTP_(\d{3})(?:_\w+)?")
_FIRST = frozenset(("abort", "HTTPException", "HTTPError", "HttpError", "HttpResponse", "send_error"))
"""Last names of the calls whose first argument may be a status."""
_CODES = ("status_code", "status", "code", "http_status")
_ERRORS = {
    **{it.phrase.replace(" ", "").replace("-", "").replace("'", ""): it.value for it in HTTPStatus if it.value >= 400},
    "NotAuthenticated": 401,
    "AuthenticationFailed": 401,
    "NotAuthorizedException": 401,
    "PermissionDenied": 403,
    "PermissionDeniedException": 403,
    "Http404": 404,
}
"""Names of exceptions that stand for a status in werkzeug, Django, Django REST framework, aiohttp, Litestar and Sanic."""
_ERROR = regex(r"(?:HTTP)?(\w+?)(?:Exception|Error)?")
_WORDS = frozenset(
    ("authorization", "x-api-key", "api-key", "x-auth-token", "www-authenticate", "bearer", "user_id", "session_id")
)
_ASKED = frozenset(
    ("session", "user", "auth", "authorization", "cookies", "current_user", "identity", "login_user", "bearer_token")
)
_REQUEST = regex(r"(?:self\.)?(?:request|req|websocket|ws|connection|conn|scope|g|flask\.g)(?:\.state|\.context)?")


def status_of(call: ast.Call) -> int | None:
    """The status that a response or an error is made with, None when the call says none."""
    name = dotted(call.func).rpartition(".")[2]
    for it in call.keywords:
        if it.arg in _CODES:
            return number(it.value)
    if call.args and name in _FIRST:
        return number(call.args[0])
    return _ERRORS.get(name) or (_ERRORS.get(_ERROR.sub(r"\1", name, count=1)) if name.startswith("HTTP") else None)


def number(node: ast.expr) -> int | None:
    """The status that an expression names: `404`, `status.HTTP_404_NOT_FOUND`, `HTTPStatus.NOT_FOUND`; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int and 100 <= node.value < 600 else None
    return named_status(dotted(node))


def named_status(name: str) -> int | None:
    """The same of a dotted name."""
    if name.endswith(".value"):
        name = name.removesuffix(".value")
    head, _, last = name.rpartition(".")
    if head.rpartition(".")[2] == "HTTPStatus" and last in HTTPStatus.__members__:
        return HTTPStatus[last].value
    found = _NAMED.fullmatch(last)
    return int(found[1]) if found else None


def value_status(value: Value) -> int | None:
    """The same of a value."""
    if value.kind == "constant":
        return int(value.text) if value.text.isdecimal() else None
    return named_status(value.text) if value.kind == "name" else None


def asks(reading: Reading, node: ast.AST) -> bool:
    """Whether a node looks at what tells who the user is: the Authorization header, a session, a cookie, the request's user."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.lower() in _WORDS
    if isinstance(node, ast.Attribute):
        return node.attr in _ASKED and bool(_REQUEST.fullmatch(dotted(node.value)))
    if isinstance(node, ast.Name):
        if node.id == "current_user":
            return True
        return node.id == "session" and _is_read_by_key(reading, node)
    return False


def _is_read_by_key(reading: Reading, node: ast.Name) -> bool:
    """Whether a name is used as a dictionary of texts, as a visitor's session is and a database's is not."""
    parent = reading.parent(node)
    if isinstance(parent, ast.Subscript | ast.Compare):
        return True
    call = reading.parent(parent) if isinstance(parent, ast.Attribute) and parent.attr in ("get", "pop") else None
    first = call.args[0] if isinstance(call, ast.Call) and call.args else None
    return isinstance(first, ast.Constant) and isinstance(first.value, str)


_CLEANS = regex(r"(?:sanit|redact|mask|scrub|clean|safe)\w*$", re.IGNORECASE)
"""Calls that take out of a text what is nobody's business."""


def text_shown(node: ast.expr, caught: str) -> ast.expr | None:
    """The part of an argument that gives the exception's text, None when none does."""
    for it in _parts(node):
        if isinstance(it, ast.Call):
            name = dotted(it.func).rpartition(".")[2]
            if name in ("format_exc", "format_exception"):
                return it
            if name in ("str", "repr") and caught and it.args and _is_text_of(it.args[0], caught):
                return it
        if isinstance(it, ast.JoinedStr) and caught:
            inner = (row.value for row in it.values if isinstance(row, ast.FormattedValue))
            if any(_is_text_of(row, caught) or (text_shown(row, caught) is not None) for row in inner):
                return it
    return None


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """The values an answer is put together from: entries of dictionaries and lists, sides of a `+`."""
    yield node
    if isinstance(node, ast.Call) and _CLEANS.search(dotted(node.func)):
        return
    if isinstance(node, ast.Dict):
        for it in node.values:
            yield from _parts(it)
    elif isinstance(node, ast.List | ast.Tuple):
        for it in node.elts:
            yield from _parts(it)
    elif isinstance(node, ast.BinOp):
        yield from _parts(node.left)
        yield from _parts(node.right)
    elif isinstance(node, ast.Call):
        for row in (*node.args, *(it.value for it in node.keywords)):
            if isinstance(row, ast.Dict | ast.Call | ast.JoinedStr):
                yield from _parts(row)


def _is_text_of(node: ast.expr, caught: str) -> bool:
    return dotted(node) in (caught, f"{caught}.args", f"{caught}.orig", f"{caught}.statement")


def meant(reading: Reading, value: ast.expr) -> ast.expr:
    """What a value is, a name opened that was set once: `trace = traceback.format_exc()`, in a sum of texts too."""
    if isinstance(value, ast.BinOp):
        return ast.copy_location(ast.BinOp(meant(reading, value.left), value.op, meant(reading, value.right)), value)
    return value_set(reading, value)
