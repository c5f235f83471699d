"""A secret is drawn from a generator that can be predicted.

Why: `random` repeats itself from its state, which some hundred outputs give away, and starts from the clock where it is seeded
so. `uuid1` holds the time and the machine. Whoever got a few tokens computes the next.
Instead: `secrets`, which asks the operating system.

    def reset_link(user: User) -> str:
        token = secrets.token_urlsafe(32)
        try:
            resets.add(user.id, hashlib.sha256(token.encode()).hexdigest(), expires=in_an_hour())
        except StorageError as error:
            raise Unavailable("no link can be sent now") from error
        return f"{SITE}/reset/{token}"

Trade-offs: `random` is right for samples, games, jitter and tests, where the same seed must give the same numbers.
Tests: patch `secrets.token_urlsafe` and assert that the link uses it; the store holds no plain token.
Security: taking over accounts by guessed reset links, sessions and codes.
Source: CWE-338; https://docs.python.org/3/library/secrets.html
"""

import ast
import re
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=338,
    equivalents=["S311", "B311"],
    needs=["random", "uuid1", "randint", "choice", "sample(", "getrandbits", "shuffle", "hashlib"],
    bad=[
        Bad(
            """
import random
import string

def reset(user):
    token = "".join([|random.choice(string.ascii_letters)|] for _ in range(32))
    return token
""",
            fixed="""
import secrets
import random
import string

def reset(user):
    token = "".join(secrets.choice(string.ascii_letters) for _ in range(32))
    return token
""",
        ),
        Bad("""
from random import randint

def generate_otp():
    return [|randint(100000, 999999)|]
"""),
        Bad("""
import random

def remember(response):
    number = [|random.random()|]
    text = str(number)[2:]
    response.set_cookie("remember", text)
"""),
        Bad("""
import hashlib
import time

def opened(response):
    session_id = hashlib.sha256(str([|time.time()|]).encode()).hexdigest()
    response.set_cookie("sid", session_id)
"""),
    ],
    good=[
        """
import random
import secrets

def token():
    return secrets.token_urlsafe(32)

def otp():
    rng = random.SystemRandom()
    code = rng.randint(100000, 999999)
    return code

def pause(tokens):
    delay = random.random()
    sample = random.choice(tokens)
    next_token_index = random.randint(0, 3)
    max_tokens = random.randint(10, 20)
    return delay, sample, next_token_index, max_tokens
""",
        """
import hashlib
import time

def signed(key):
    token = hashlib.sha256((key + str(time.time())).encode()).hexdigest()
    token_time = time.time()
    return token, token_time
""",
    ],
)

_WEAK = regex(
    r"^random\.(?:random|randint|randrange|choice|choices|sample|getrandbits|uniform|randbytes|shuffle|triangular|gauss|normalvariate)$"
    r"|^random\.Random\.\w+$|^uuid\.uuid1$|^numpy\.random\.(?:rand|randint|random|choice|bytes)$"
)
_SECRET = regex(
    r"(?:^|_)(?:(?:access|auth|api|reset|session|csrf|xsrf|refresh|bearer|invite|verification|activation|confirm\w*|security|login|secret)_?)?"
    r"(?:token|secret|passwords?|passwd|passphrase|otp|pin_?code|totp|nonce|salt|api_?key|secret_?key|session_?(?:id|key)|csrf|captcha"
    r"|remember_?me\w*|activation_?(?:code|key)|verification_?code|reset_?code|auth_?code|invite_?code|access_?key|private_?key"
    r"|encryption_?key|signing_?key|login_?code|security_?code|iv|cookie_?value)$"
    r"|(?:^|_)(?:registration|activation|confirmation|verification|invitation|reset)_(?:hash|uuid|slug)$"
    r"|(?:[Tt]oken|[Pp]assword|[Ss]ecret|rememberMe\w*|sessionId|apiKey|[Oo]tp|OTP)$",
)
_CLOCKS = ("time.time", "time.time_ns", "datetime.datetime.now", "django.utils.timezone.now")
_HARMLESS = ("str", "time", "datetime", "hashlib", "timezone", "repr", "bytes", "int")
_MADE = regex(r"^(?:make|generate|create|new|get|gen|build|random|_)*_?", re.IGNORECASE)
_NOT = regex(
    r"(?:^|_)(?:max|min|num|n|count|next|prev|eos|bos|pad|unk|input|output|fake|mock|test|sample|dummy|page|continuation)_\w*(?:token|id)s?$|tokens$",
    re.I,
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Secrets that come from `random` or from the clock."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if last not in _LAST or not (_WEAK.match(view.callee(call)) or _is_hashed_time(view, call)):
            continue
        what = _secret(view, call)
        if what:
            message = f"`{what}` is drawn from `{dotted(call.func) or last}`, which can be predicted; use `secrets`."
            yield Hit(call, message, tuple(_fix(call)))


def _is_hashed_time(view: View, call: ast.Call) -> bool:
    """Whether the clock is all that a digest is made of."""
    if view.callee(call) not in _CLOCKS:
        return False
    for up in view.reading.ancestors(call):
        if isinstance(up, ast.Call) and up is not call and view.callee(up).startswith("hashlib."):
            return not any(isinstance(it, ast.Name) and it.id not in _HARMLESS for arg in up.args for it in ast.walk(arg))
        if isinstance(up, ast.stmt):
            break
    return False


def _secret(view: View, call: ast.Call) -> str:
    """The name of the secret that the call's value becomes, "" for none."""
    reading = view.reading
    function = reading.function(call)
    named: set[str] = set()
    for up in reading.ancestors(call):
        if isinstance(up, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = up.targets if isinstance(up, ast.Assign) else [up.target]
            named.update(name for it in targets if (name := dotted(it)))
            for it in targets:
                if isinstance(it, ast.Subscript) and isinstance(it.slice, ast.Constant) and _is_secret(str(it.slice.value)):
                    return str(it.slice.value)
        elif isinstance(up, ast.keyword) and up.arg and _is_secret(up.arg):
            return up.arg
        elif isinstance(up, ast.Call) and _is_secret_call(up, call):
            return "cookie"
        elif isinstance(up, ast.Return):
            return _maker(function)
        elif isinstance(up, ast.stmt):
            break
    for _ in range(3):
        found = next((it for it in sorted(named) if _is_secret(it.rpartition(".")[2])), "")
        if found:
            return found
        rows = definitions(reading, function)
        named |= {name for name, all_rows in rows.items() if _names([it.value for it in all_rows if it.value is not None], named)}
    for node in reading.within(function):
        if isinstance(node, ast.Call) and _is_secret_call(node, None) and _names(node.args[1:], named):
            return "cookie"
        if isinstance(node, ast.Return) and node.value is not None and _names([node.value], named):
            return _maker(function)
    return ""


def _names(nodes: Sequence[ast.expr], named: set[str]) -> bool:
    return any(dotted(each) in named for node in nodes for each in ast.walk(node))


def _maker(function: ast.AST | None) -> str:
    name = getattr(function, "name", "")
    return name if _is_secret(_MADE.sub("", name)) else ""


def _is_secret(name: str) -> bool:
    return bool(_SECRET.search(name)) and not _NOT.search(name)


def _is_secret_call(call: ast.Call, inside: ast.AST | None) -> bool:
    is_cookie = isinstance(call.func, ast.Attribute) and call.func.attr in ("set_cookie", "set_signed_cookie", "set_password")
    return is_cookie and (inside is None or any(it is inside for argument in call.args for it in ast.walk(argument)))


def _fix(call: ast.Call) -> Iterator[Draft]:
    if dotted(call.func) == "random.choice" and len(call.args) == 1 and not call.keywords:
        yield Draft("Draw from `secrets`", (Change(call.func, "secrets.choice"),), imports=("secrets",))


_LAST = frozenset(
    (
        *("random", "randint", "randrange", "choice", "choices", "sample", "getrandbits", "uniform", "randbytes", "shuffle"),
        *("triangular", "gauss", "normalvariate", "uuid1", "rand", "bytes", "time", "time_ns", "now"),
    )
)
