"""A secret is written in the source.

Why: source is copied to every laptop, build and backup, and history keeps what a later commit takes out. Whoever can read the
repository has the key.
Instead: read it from the environment or a store of secrets, and fail at the start where it is missing.

    def api_key() -> str:
        try:
            return os.environ["PAYMENTS_API_KEY"]
        except KeyError as error:
            raise SettingsMissing("set PAYMENTS_API_KEY") from error

Consequences: changing the secret means a release; all environments share it.
Trade-offs: values of local development and tests that open nothing may stay; say so in their name.
Tests: start without the variable and assert that the message names it.
Security: withdraw a secret that was committed; taking it out of the file is not enough.
Source: CWE-798; https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html
"""

import ast
import math
import re
from collections import Counter
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=798,
    equivalents=["S105", "S106", "S107", "B105", "B106", "B107"],
    bad=[
        Bad("""
import requests

API_KEY = [|"q7Zx0TnB4mLw9RkV2yHd"|]

def charge(client):
    client.connect(user="shop", password=[|"Tr0ub4dor&3x"|])
    return {"aws_secret": [|"AKIA" "Q7ZX0TNB4MLW9RKV"|]}

def login(name, password):
    return name == "admin" and password == [|"s3cr3t-Adm1n"|]
"""),
        Bad("""
from flask import Flask

app = Flask(__name__)
app.config["SECRET_KEY"] = [|"dev-9f8a7b6c5d4e3f2a"|]
app.secret_key = [|"my very secret key"|]
"""),
    ],
    good=[
        """
import os

API_KEY = os.environ["API_KEY"]
PASSWORD_FIELD = "password"
TOKEN_URL = "https://example.com/oauth/token"
SECRET_NAME = "projects/shop/secrets/stripe"
password = "changeme"
token = "<your token here>"
password_label = "Enter your passw0rd, at least 8 characters"
api_key = "${API_KEY}"
token = "access_token"
secret = ""
next_token = "abc123def456"
PASSWORD_RESET_TIMEOUT = "3600s"

def login(name, password=None):
    return password != "password" and connect(password="{{ password }}", token="token_1")
""",
    ],
)

_KNOWN = regex(
    r"^(?:AKIA|ASIA)[0-9A-Z]{16}$|^gh[pousr]_[0-9A-Za-z]{36}|^github_pat_\w{60,}|^sk_live_[0-9A-Za-z]{16,}|^rk_live_\w{16,}|^xox[bpars]-[\w-]{20,}"
    r"|^AIza[\w-]{35}$|^sk-(?:ant-|proj-)?[\w-]{32,}$|^glpat-[\w-]{20}|^SG\.[\w-]{20,}\.[\w-]{20,}|^npm_\w{36}$|^pypi-\w{50,}"
    r"|-----BEGIN (?:RSA |EC |OPENSSH |DSA )?PRIVATE KEY-----"
)
_NAME = regex(
    r"(?:^|[_.-])(?:passwords?|passwd|pwd|passphrase|secret|secret_?key|api_?key|apikey|access_?key|private_?key|auth_?token|access_?token"
    r"|api_?token|bearer_?token|client_?secret|jwt_?secret(?:_?key)?|signing_?key|encryption_?key|token|db_?pass|credentials?|aws_secret\w*)$",
    re.IGNORECASE,
)
_OTHER = regex(
    r"(?:next|continuation|page|sync|eos|bos|pad|unk|start|end|sep|mask|cls|stop|special|csrf|public)_?(?:page_?)?token|public",
    re.I,
)
_PLACEHOLDER = regex(
    r"^(?:\W*|x+|\*+|\.+)$|change_?me|your|example|placeholder|dummy|sample|test|fake|mock|todo|redacted|hidden|insert|replace|xxx|none|null"
    r"|[<>{}$]|%\(|%s|\.\.\.|^(?:https?|file|s3|env|vault|ssm|arn|projects|secret|op|ref)[:/]"
    r"|password|passwd|token|api[-_ ]?key|credential",
    re.IGNORECASE,
)
_GENERATED = regex(r"^#.*(?:generated.*do not edit|@generated)", re.IGNORECASE | re.MULTILINE)
"""What a build writes is no source."""
_SIGNING = regex(r"(?:^|[_.])secret_?key$", re.IGNORECASE)
_LABEL = regex(r"(?:[a-z]+\d*-)+(?:key|token|secret)")
"""The name of a kind of secret: `ed25519-key`."""
_SAMPLES = regex(r"placeholder|sample|example|demo|dummy|fake|preview", re.IGNORECASE)
"""What a place that shows a form, not a secret, is called."""
_IDENTIFIER = regex(r"[A-Za-z]+(?:[_.:/ -][A-Za-z]+)*\d?")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Literals that are, or are named like, secrets."""
    if _GENERATED.search(view.reading.unit.text):
        return
    told: set[ast.AST] = set()
    for node in view.reading.each(ast.Constant):
        if (
            isinstance(node.value, str)
            and 16 <= len(node.value) < 5_000
            and _KNOWN.search(node.value)
            and not _is_fake(node.value)
        ):
            told.add(node)
            yield Hit(node, "This is a secret in the form its service gives out; withdraw it and read it from the environment.")
    for name, value in _named(view):
        if value in told or not isinstance(value, ast.Constant) or not isinstance(value.value, str):
            continue
        last = name.rpartition(".")[2]
        if _SAMPLES.search(view.path):
            continue
        if _NAME.search(last) and not _OTHER.search(last) and _is_secret(value.value, is_key=bool(_SIGNING.search(last))):
            told.add(value)
            yield Hit(value, f"`{last}` is written in the source, for all who can read it; take it from the environment.")


def _named(view: View) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of everything that is set, passed or compared."""
    reading = view.reading
    for node in reading.each(ast.Assign):
        for target in node.targets:
            key = constant(target.slice) if isinstance(target, ast.Subscript) else dotted(target)
            if isinstance(key, str) and key:
                yield key, node.value
    for it in reading.each(ast.AnnAssign):
        if it.value is not None and dotted(it.target):
            yield dotted(it.target), it.value
    yield from ((it.arg, it.value) for it in reading.each(ast.keyword) if it.arg)
    for made in reading.each(ast.Dict):
        for name, value in zip(made.keys, made.values, strict=True):
            said = constant(name)
            if isinstance(said, str):
                yield said, value
    for test in reading.each(ast.Compare):
        if len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq) and dotted(test.left):
            yield dotted(test.left), test.comparators[0]
    for function in reading.functions:
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        rows = [*zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)]
        rows += [(it, value) for it, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is not None]
        yield from ((it.arg, value) for it, value in rows)


def _is_secret(text: str, *, is_key: bool) -> bool:
    if not 8 <= len(text) <= 300 or (_PLACEHOLDER.search(text) and not is_key):
        return False
    if is_key:
        is_meant = re.search(r"[<>{}$]|%s|change_?me|your|replace|placeholder|environ|build-?time", text, re.IGNORECASE)
        return not is_meant and not re.fullmatch(r"secret[-_]key", text, re.IGNORECASE)
    if _IDENTIFIER.fullmatch(text) or _LABEL.fullmatch(text) or re.search(r"\s\w+\s", text):
        return False
    kinds = sum(bool(re.search(it, text)) for it in (r"[a-z]", r"[A-Z]", r"\d", r"[^\w\s]"))
    return kinds >= 2 and bool(re.search(r"\d", text)) and _entropy(text) > 2.5


def _is_fake(text: str) -> bool:
    return bool(re.search(r"example|xxxx|0000000|1234567890abcdef|your|dummy|fake|\.\.\.|\{", text, re.IGNORECASE))


def _entropy(text: str) -> float:
    """Bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
