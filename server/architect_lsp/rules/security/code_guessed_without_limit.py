"""A short code may be tried as often as one likes.

Why: a PIN of four digits has ten thousand values, a code of six a million. Without a count of the tries a program finds it in
minutes.
Instead: count the tries of each account, and end the code after a few.

    if cache.incr(key) > 5:
        return JsonResponse({}, status=429)

Tests: six wrong codes, then the right one: it is refused.
Security: CWE-307.
Source: https://cheatsheetseries.owasp.org/cheatsheets/Multifactor_Authentication_Cheat_Sheet.html
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
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=307,
    needs=["pin", "otp", "code"],
    bad=[
        Bad("""
from django.contrib.auth import login

def sign_in(request):
    pin = request.POST["pin"]
    user = found(request.POST["phone"])
    if [|user.pin == pin|]:
        login(request, user)

def confirm(request):
    return [|request.session["otp"] == request.POST.get("otp")|]
"""),
    ],
    good=[
        """
from django.contrib.auth import login
from django.core.cache import cache

def sign_in(request):
    pin = request.POST["pin"]
    user = found(request.POST["phone"])
    if cache.incr("tries") > 5:
        return None
    if user.pin == pin:
        login(request, user)

def shown(request, item):
    return item.code == request.GET["code"]
""",
    ],
)

_CODE = regex(
    r"(?:\w+_)?(?:pin|pin_code|otp|otp_code|one_time_(?:code|password)|verification_code|sms_code|two_factor_code|passcode)",
    re.IGNORECASE,
)
_LIMITS = regex(r"limit|throttl|attempt|tries|retr|lock|brute|captcha|axes|incr|count|delete|pop\(|expire", re.IGNORECASE)
_CARRIER = regex(r"(?:^|\.)request\.(?:args|form|json|values|GET|POST|data|get_json)$")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Comparisons of a code that is kept with one of the request, in a file without a word of a limit."""
    if _LIMITS.search(view.reading.unit.text):
        return
    for test in view.reading.each(ast.Compare):
        if len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq | ast.NotEq):
            continue
        for kept, given in ((test.left, test.comparators[0]), (test.comparators[0], test.left)):
            if _is_kept(kept) and _is_sent(view.reading, given):
                yield Hit(test, "Nothing counts the tries: a program finds the code in minutes; end it after a few.")


def _is_kept(node: ast.expr) -> bool:
    """Whether an expression is a code of a row or of a session."""
    if isinstance(node, ast.Attribute):
        return bool(_CODE.fullmatch(node.attr)) and not dotted(node).startswith("request.")
    return bool(_CODE.fullmatch(_key(node))) and "session" in ast.unparse(node)


def _is_sent(reading: Reading, node: ast.expr, depth: int = 2) -> bool:
    """Whether an expression is a field of a request."""
    if isinstance(node, ast.Name) and depth > 0:
        values = reading.bindings(reading.function(node)).get(node.id, [])
        return len(values) == 1 and values[0] is not None and _is_sent(reading, values[0], depth - 1)
    if isinstance(node, ast.Call) and dotted(node.func) in ("int", "str") and len(node.args) == 1:
        return _is_sent(reading, node.args[0], depth)
    held = (
        node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else getattr(node, "value", node)
    )
    return bool(_CODE.fullmatch(_key(node))) and isinstance(held, ast.expr) and bool(_CARRIER.search(dotted(held)))


def _key(node: ast.expr) -> str:
    """The literal that a container is asked for."""
    if isinstance(node, ast.Subscript):
        return str(constant(node.slice) or "")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        return str(constant(node.args[0]) or "")
    return ""
