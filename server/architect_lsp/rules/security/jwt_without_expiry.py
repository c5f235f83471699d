"""A token never ends.

Why: a token that leaks from a log, a browser or a backup opens the account for good, and there is no list to take it off.
Instead: give it a short life, and refresh it.

    def token_for(user: User) -> str:
        now = datetime.now(UTC)
        return jwt.encode({"sub": str(user.id), "iat": now, "exp": now + timedelta(minutes=15)}, KEY, algorithm="HS256")

    def claims_of(token: str) -> dict[str, str]:
        try:
            return jwt.decode(token, KEY, algorithms=["HS256"], options={"require": ["exp"]})
        except jwt.ExpiredSignatureError as error:
            raise HTTPException(401, "please log in again") from error

Trade-offs: tokens of machines live longer; keep an id in them (`jti`) and a list of those that are withdrawn.
Tests: with the clock an hour on, the token is answered with 401.
Security: bounds what a leaked token is worth.
Source: CWE-613; RFC 8725
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=613,
    needs=["jwt"],
    bad=[
        Bad("""
import jwt

def token_for(user, key):
    claims = {"sub": user.id, "role": user.role}
    return [|jwt.encode(claims, key, algorithm="HS256")|]
"""),
        Bad("""
import jwt

def claims_of(token, key):
    return [|jwt.decode(token, key, algorithms=["HS256"], options={"verify_exp": False})|]
"""),
    ],
    good=[
        """
import jwt

def token_for(user, key, expires, payload):
    jwt.encode(payload, key, algorithm="HS256")
    jwt.encode({"sub": user.id, **payload}, key)
    jwt.encode({"sub": user.id, "exp": expires}, key)
    claims = {"sub": user.id}
    claims["exp"] = expires
    return jwt.encode(claims, key, algorithm="HS256")

def is_ours(token, key):
    jwt.decode(token, key, algorithms=["HS256"], options={"verify_exp": False, "verify_nbf": False, "verify_aud": False})
    return True

def updated(user, key, expires):
    claims = {"sub": user.id}
    claims.update({"exp": expires})
    return jwt.encode(claims, key)
""",
    ],
)


_CLAIMS = 2
"""With more claims unread than these, and the result unused, a token is asked for its signature alone."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tokens made without an end, or read past it."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last == "encode" and view.callee(call) in ("jwt.encode", "jose.jwt.encode") and call.args:
            if _ends_never(view, call) and constant(keyword(call, "algorithm")) != "none":  # one that nobody signs is worse
                yield Hit(call, "This token has no `exp`: once leaked, it opens the account for good.")
        elif last == "decode" and view.callee(call) in ("jwt.decode", "jose.jwt.decode"):
            options = keyword(call, "options")
            rows = zip(options.keys, options.values, strict=True) if isinstance(options, ast.Dict) else ()
            said = {constant(key): constant(value) for key, value in rows}
            is_read = '"exp"' in view.reading.unit.text or "'exp'" in view.reading.unit.text  # by hand, against another clock
            off = [key for key, value in said.items() if value is False]
            of_signature = len(off) > _CLAIMS and isinstance(view.reading.parent(call), ast.Expr)  # who signed it, and no more
            if "verify_exp" in off and "verify_signature" not in off and not is_read and not of_signature:
                yield Hit(call, "`verify_exp` is off: a token from years ago still opens the account.")


def _ends_never(view: View, call: ast.Call) -> bool:
    """Whether the claims are all written out here, and `exp` is none of them."""
    claims = call.args[0]
    if isinstance(claims, ast.Name):
        values = view.reading.bindings(view.reading.function(call)).get(claims.id, [])
        if len(values) != 1 or not isinstance(values[0], ast.Dict):
            return False
        for it in view.reading.within(view.reading.function(call)):
            if isinstance(it, ast.Call) and dotted(it.func).startswith(f"{claims.id}."):
                return False
            if isinstance(it, ast.Subscript) and dotted(it.value) == claims.id and isinstance(it.ctx, ast.Store):
                return False
        claims = values[0]
    return (
        isinstance(claims, ast.Dict)
        and all(isinstance(it, ast.Constant) for it in claims.keys)
        and "exp" not in map(constant, claims.keys)
    )
