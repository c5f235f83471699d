"""The client itself says who it is, or what it may do.

Why: cookies, parameters and fields of a form are whatever the client sends. Who compares an owner with a number from the query,
reads the role from a cookie, or keeps in the session what a link says, lets everyone be anyone.
Instead: what the server kept when the user signed in: the session, `request.user`, a token whose signature was checked.

    if note.owner_id != current_user.id:
        abort(403)

Tests: sign in as one user, send the number or the role of another, and expect 403.
Security: CWE-287, CWE-639, CWE-384, CWE-565.
Source: https://owasp.org/Top10/A01_2021-Broken_Access_Control/
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=287,
    needs=["cookies", "COOKIES", "session", "request"],
    bad=[
        Bad("""
from flask import abort, request, session
from shop.models import Note

def panel():
    if [|request.cookies.get("is_admin")|] == "1":
        return "panel"

def note(number):
    found = Note.query.get_or_404(number)
    if [|found.owner_id != int(request.args["user_id"])|]:
        abort(403)
    return found.text

def enter():
    session["sid"] = [|request.args["sid"]|]
"""),
        Bad("""
import base64
import json
from flask import request

def me():
    data = json.loads(base64.b64decode(request.cookies["user"]))
    if [|data["admin"]|]:
        return "panel"
"""),
    ],
    good=[
        """
from flask import abort, request, session
from flask_login import current_user
from itsdangerous import URLSafeSerializer
from shop.models import Note

def panel():
    if session.get("is_admin") and request.cookies.get("theme") == "dark":
        return "panel"

def note(number):
    found = Note.query.get_or_404(number)
    if found.owner_id != current_user.id:
        abort(403)
    return found.text

def me(key):
    data = URLSafeSerializer(key).loads(request.cookies["user"])
    if data["admin"]:
        return "panel"

def listed():
    if request.args.get("user_id") == "me":
        session["page"] = request.args["page"]
""",
    ],
)

_PRIVILEGE = regex(
    r"(?:is_?)?(?:admin|staff|superuser|authenticated|logged_?in|moderator)|(?:user_?)?role|privileges?|access_?level",
    re.IGNORECASE,
)
_COOKIES = regex(r"(?:^|\.)(?:cookies|COOKIES)$")
_CARRIER = regex(r"(?:^|\.)request\.(?:args|form|json|values|GET|POST|cookies|COOKIES|headers|query_params|get_json)$")
_OWNER = regex(r"(?:owner|user|author|creator|customer|account|created_by)(?:_?id|_pk)?$", re.IGNORECASE)
_SESSION_KEY = regex(
    r"sid|session_?id|session_?key|(?:is_?)?admin|is_?staff|(?:user_?)?role|is_authenticated|logged_?in", re.IGNORECASE
)
_CHECKED = regex(r"serializer|signer|unsign|decrypt|verify|jwt|signed|compare_digest|hmac|loads_secure|fernet", re.IGNORECASE)
_LEAVES = (ast.Raise, ast.Return)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tests of roles that a cookie says, of owners that the query says, and sessions made of what was sent."""
    reading = view.reading
    asked: tuple[ast.Call | ast.Subscript, ...] = (*reading.each(ast.Call), *reading.each(ast.Subscript))
    for node in asked:
        if _PRIVILEGE.fullmatch(_key(node)) and _is_tested(reading, node) and _is_of_cookie(reading, node):
            yield Hit(node, f"A cookie says `{_key(node)}`, and the client writes its cookies: keep it in the session.")
    for test in reading.each(ast.Compare):
        if len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.NotEq) and _is_guard(reading, test):
            for owner, given in ((test.left, test.comparators[0]), (test.comparators[0], test.left)):
                is_owner = isinstance(owner, ast.Attribute) and _OWNER.fullmatch(owner.attr)
                if is_owner and _is_sent(reading, given) and not dotted(owner).startswith(("request", "self.request")):
                    yield Hit(test, "The client says whose this is and passes its own check: compare with who signed in.")
    for kept in reading.each(ast.Assign):
        target = kept.targets[0]
        if isinstance(target, ast.Subscript) and dotted(target.value).rpartition(".")[2] == "session":
            key = constant(target.slice)
            if isinstance(key, str) and _SESSION_KEY.fullmatch(key) and _carried(kept.value):
                yield Hit(kept.value, f"The client chooses `{key}` of its session: make it, or look it up, on the server.")


def _key(node: ast.AST) -> str:
    """The literal that a container is asked for."""
    if isinstance(node, ast.Subscript):
        return str(constant(node.slice) or "")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        return str(constant(node.args[0]) or "")
    return ""


def _held(node: ast.AST) -> ast.expr:
    """The container that is asked."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value
    return node.value if isinstance(node, ast.Subscript) else ast.Constant(None)


def _is_tested(reading: Reading, node: ast.AST) -> bool:
    """Whether a condition depends on it."""
    below = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.If | ast.IfExp | ast.While):
            return up.test is below
        if not isinstance(up, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Call | ast.Attribute):
            return False
        below = up
    return False


def _is_of_cookie(reading: Reading, node: ast.AST) -> bool:
    """Whether the container is the cookies, or was read from one without a signature."""
    held = _held(node)
    if _COOKIES.search(dotted(held)):
        return True
    if not isinstance(held, ast.Name):
        return False
    values = reading.bindings(reading.function(node)).get(held.id, [])
    said = ast.unparse(values[0]) if len(values) == 1 and isinstance(values[0], ast.Call) else ""
    return bool(re.search(r"\.(?:cookies|COOKIES)\b", said)) and "loads" in said and not _CHECKED.search(said)


def _is_guard(reading: Reading, test: ast.Compare) -> bool:
    """Whether a condition with this test refuses: it raises, aborts or answers with a status of refusal."""
    up = reading.parent(test)
    while isinstance(up, ast.BoolOp | ast.UnaryOp):
        up = reading.parent(up)
    if not isinstance(up, ast.If):
        return False
    said = " ".join(ast.unparse(it) for it in up.body)
    return bool(re.search(r"\b(?:40[134]|abort|Forbidden|PermissionDenied|Unauthorized|PermissionError|NotFound|Http404)", said))


def _is_sent(reading: Reading, node: ast.expr, depth: int = 2) -> bool:
    """Whether an expression is an id of a user that the client sent."""
    if isinstance(node, ast.Call) and dotted(node.func) in ("int", "str", "UUID", "uuid.UUID") and len(node.args) == 1:
        return _is_sent(reading, node.args[0], depth)
    if isinstance(node, ast.Name) and depth > 0:
        values = reading.bindings(reading.function(node)).get(node.id, [])
        return len(values) == 1 and values[0] is not None and _is_sent(reading, values[0], depth - 1)
    return bool(_OWNER.fullmatch(_key(node))) and _carried(node)


def _carried(node: ast.expr) -> bool:
    """Whether an expression is a field of the request, as it came."""
    held = _held(node)
    return bool(_key(node)) and bool(_CARRIER.search(dotted(held.func) if isinstance(held, ast.Call) else dotted(held)))
