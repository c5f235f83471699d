"""A token is read without a check of who signed it.

Why: without the signature a JWT is what the caller typed: a name, a role, an expiry of their choice.
Instead: decode with the key and the one algorithm that you sign with.

    def user_of(token: str) -> str:
        try:
            claims = jwt.decode(token, KEY, algorithms=["HS256"], audience="shop", options={"require": ["exp", "sub"]})
        except jwt.InvalidTokenError as error:
            raise HTTPException(401, "please log in again") from error
        return claims["sub"]

Trade-offs: to choose the key, read the header (`jwt.get_unverified_header`), and believe nothing else of it.
Tests: a token signed with another key, one with `alg: none`, and an old one are all answered with 401.
Security: logging in as anyone.
Source: CWE-347; https://cheatsheetseries.owasp.org/cheatsheets/JSON_Web_Token_for_Java_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.comments import comments
from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=347,
    needs=["jwt", "jose"],
    bad=[
        Bad("""
import jwt

def user_of(token):
    claims = [|jwt.decode(token, options={"verify_signature": False})|]
    return claims["sub"]
"""),
        Bad("""
import jwt
from jose import jwt as jose

def both(token, key):
    one = [|jwt.decode(token, key, algorithms=["HS256", "none"])|]
    return one, [|jwt.encode({"sub": "x", "exp": 1}, None, algorithm="none")|]

def subject(token):
    return [|jose.get_unverified_claims(token)|]["sub"]
"""),
        Bad(
            """

import jwt

def subject(token, key):
    header = jwt.get_unverified_header(token)
    return jwt.decode(token, key, algorithms=[|[header["alg"]]|])["sub"]
""",
        ),
        Bad("""
import jwt

def user(token):
    return [|jwt.decode(token, options=dict(verify_signature=False))|]["sub"]

def login(body):
    return [|jwt.decode(body.id_token, options={"verify_signature": False})|]["sub"]
"""),
        Bad("""
import jwt

HOW = {"verify_signature": False, "verify_exp": True}

def user(token):
    return [|jwt.decode(token, options=HOW)|]["sub"]
"""),
    ],
    good=[
        """
import jwt

def claims(response):
    # It came over TLS from whoever wrote it: the signature may be skipped, says OpenID Connect.
    return jwt.decode(response["id_token"], options={"verify_signature": False})

def checked(token, providers):
    unverified = jwt.decode(token, options={"verify_signature": False})
    return providers[unverified["iss"]].verify(token)
""",
        """
from jose import jwt
from shop.tokens import verify_token

def left_of(token):
    if verify_token(token) is None:
        return None
    return jwt.get_unverified_claims(token).get("exp")
""",
        """
import jwt

def expires_at(session):
    return jwt.decode(session.id_token, options={"verify_signature": False}).get("exp")

def mail_of(credentials):
    claims = jwt.decode(credentials.id_token, options={"verify_signature": False})
    return claims.get("email")
""",
        """
import jwt

def user_of(token, keys):
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["RS256"])["sub"]

def with_issuer(token, keys):
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    return jwt.decode(token, keys[issuer], algorithms=["RS256"])

def text(token):
    return token.decode("utf-8", options={"verify_signature": False})

HOW = {"verify_signature": True, "verify_aud": False}

def audience(token, key):
    return jwt.decode(token, key, algorithms=["RS256"], options=HOW)["aud"]
""",
        """

import jwt

def lifetime(token):
    # it has been verified when it was refreshed
    return jwt.decode(token, options={"verify_signature": False})["aud"]

def subject(token, keys):
    header = jwt.get_unverified_header(token)
    return jwt.decode(token, keys[header["kid"]], algorithms=["RS256"])["sub"]
""",
    ],
)

_OF_PROVIDERS = regex(r"sso|oidc|openid|oauth", re.IGNORECASE)
"""Files that fetch tokens from who issues them, over TLS: OpenID Connect Core 3.1.3.7 lets them be read so."""
_FETCHED = regex(
    r"(?:^|[_.])(?:cred\w*|tokens?(?:_data|_info|_response|_set)?|response|resp|oauth\w*|flow|session)(?:\.id_token"
    r"|\[['\"]id_token['\"]\]|\.get\(['\"]id_token['\"].*\))$"
)
"""An ID token of what the provider answered: it came over TLS from who wrote it."""
_DECODERS = regex(
    r"^(?:jwt|jose\.jwt|authlib\.jose\.jwt|flask_jwt_extended)\.(?:api_jwt\.|PyJWT\.)?decode(?:_complete|_token)?$|^jwt\.PyJWT\.decode$"
)
_UNVERIFIED = regex(r"^(?:jose\.jwt|jwt|jose\.jws)\.get_unverified_claims$|^jwt\.process_jwt$|^python_jwt\.process_jwt$")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tokens that are believed, or made, without a signature."""
    calls = [
        it
        for it in view.reading.each(ast.Call)
        if last_name(it.func) in ("decode", "decode_complete", "encode", "get_unverified_claims", "process_jwt")
    ]
    checked = {view.reading.function(it) for it in calls if _DECODERS.match(view.callee(it)) and not _is_off(view, it)}
    for call in calls:
        name = view.callee(call)
        if _DECODERS.match(name):
            if _is_off(view, call) and view.reading.function(call) not in checked and not _is_known_so(view, call):
                yield Hit(call, "This token is read without a check of its signature: whoever sends it writes what it says.")
            elif _is_none(keyword(call, "algorithms")):
                yield Hit(call, "`none` among the algorithms accepts tokens that nobody signed.")
            elif (said := keyword(call, "algorithms")) is not None and _is_of_header(view, said):
                yield Hit(said, "The token itself says how it is checked: name the algorithm that you sign with.")
        elif _is_assertion(view, call):
            continue
        elif (
            last_name(call.func) == "encode"
            and name in ("jwt.encode", "jose.jwt.encode")
            and _is_none(keyword(call, "algorithm"))
        ):
            yield Hit(call, "A token with the algorithm `none` is signed by nobody: anyone can write one.")
        elif _UNVERIFIED.match(name) and view.reading.function(call) not in checked and not _is_verified(view, call):
            yield Hit(call, "These claims are read without a check of the signature: whoever sends them writes what they say.")


def _is_known_so(view: View, call: ast.Call) -> bool:
    """Whether it is meant so: the function or a comment says it, only a time is read, or the token is of the service itself."""
    return (
        "unverified" in view.reading.qualname(call).lower()
        or _is_named_so(view, call)
        or bool(_OF_PROVIDERS.search(view.path.rpartition("/")[2]))
        or bool(call.args and _FETCHED.search(ast.unparse(call.args[0])))
        or _is_of_times(view, call)
        or any(re.search(r"verif|signature", it, re.IGNORECASE) for it in comments(view.reading, call))
    )


def _is_named_so(view: View, call: ast.Call) -> bool:
    """Whether the claims go by a name that says so: `unverified = jwt.decode(...)`, to see whose key they are checked with."""
    up = view.reading.parent(call)
    targets = up.targets if isinstance(up, ast.Assign) else []
    return any("unverified" in dotted(it) or "unsafe" in dotted(it) for it in targets)


def _is_of_times(view: View, call: ast.Call) -> bool:
    """Whether nothing but a time is read of the claims: when the holder of a token must get another."""
    above = view.reading.parent(call)
    if isinstance(above, ast.Attribute) and above.attr == "get":
        asked = view.reading.parent(above)
        return isinstance(asked, ast.Call) and bool(asked.args) and constant(asked.args[0]) in ("exp", "iat", "nbf")
    return isinstance(above, ast.Subscript) and constant(above.slice) in ("exp", "iat", "nbf")


def _is_of_header(view: View, node: ast.expr) -> bool:
    """Whether an algorithm is taken from the header of the token."""
    values = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    found = (it for value in values if not isinstance(value, ast.Constant) for it in view.parts(value, "jwt"))
    return any(isinstance(it, Origin) and "get_unverified_header" in it.name for it in found)


def _is_assertion(view: View, call: ast.Call) -> bool:
    """Whether a claim is written down for a service that knows its client otherwise, and wants it unsigned: `auth_assertion`."""
    function = view.reading.function(call)
    return isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and "assert" in function.name.lower()


def _is_off(view: View, call: ast.Call) -> bool:
    options = keyword(call, "options")
    if isinstance(options, ast.Name):
        values = view.reading.bindings(view.reading.function(call)).get(options.id, [])
        if not values and (held := behind(view.project, view.path, options.id)) is not None:
            said = held[1].keyword("verify_signature")
            return said is not None and said.text == "False"
        options = values[0] if len(values) == 1 else None
    if isinstance(options, ast.Call) and dotted(options.func) == "dict":
        return constant(keyword(options, "verify_signature")) is False
    if isinstance(options, ast.Dict):
        for key, value in zip(options.keys, options.values, strict=True):
            if constant(key) == "verify_signature" and constant(value) is False:
                return True
    return constant(keyword(call, "verify")) is False or constant(keyword(call, "verify_signature")) is False


def _is_none(node: ast.expr | None) -> bool:
    values = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else [node]
    return any(str(constant(it)).lower() == "none" and constant(it) is not None for it in values)


def _is_verified(view: View, call: ast.Call) -> bool:
    """Whether a function of the project's own was asked before whether the same token is genuine."""
    token = dotted(call.args[0]) if call.args else ""
    before = (
        it
        for it in view.reading.within(view.reading.function(call))
        if isinstance(it, ast.Call) and it.lineno < call.lineno and it.args and dotted(it.args[0]) == token
    )
    names = (dotted(it.func) for it in before)
    return bool(token) and any(re.search(r"verify|validate", it) and "unverified" not in it for it in names)
