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

from architect_lsp.knowledge.reading import constant, dotted, keyword
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
        Bad(
            """

import itsdangerous
from sqlalchemy import create_engine

links = itsdangerous.URLSafeSerializer([|"a7-mail-links-2f"|])
database = create_engine([|"mysql://shop:Wq7-kkP2@db.internal/shop"|])
""",
        ),
        Bad("""
from flask import request

def is_admin():
    return request.form["password"] == [|"hunter2-Kp9x"|]
"""),
        Bad("""
import requests

def status():
    return requests.get("https://api.example.com/status", auth=("shop", [|"Kp9x-77-zebra"|]), timeout=5)
"""),
        Bad("""
import hashlib
import hmac
from cryptography.fernet import Fernet

NOTE_KEY = [|b"kq3tWJ0r9Wc3kq7y0yWn5hFz8l2Jp1x6bQvYdT4uR9E="|]

def sealed(note):
    return Fernet(NOTE_KEY).encrypt(note)

def signed(body):
    return hmac.new([|b"our-very-own-key-1"|], body, hashlib.sha256).hexdigest()
"""),
    ],
    good=[
        """
connection_args_example = dict(host="demo", client_secret="5A52C1A1E21DF9012IODC9ISNXXAADDA9")
""",
        """
def as_pem(content):
    if "-----BEGIN RSA PRIVATE KEY-----" in content:
        return content
    return f"-----BEGIN EC PRIVATE KEY-----\\n{content}\\n-----END EC PRIVATE KEY-----"
""",
        """
import os

class Headers:
    store_access_key = "x-store-access-key"

step = add_step(other_store_access_key="STORE_ACCESS_KEY")

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
DEFAULT_SECRET_KEY = "secret-key-missing!"
posthog_project_api_key = "Qm7rT2xVb9KpLw4z"
PASSWORD_RESET_TIMEOUT = "3600s"

def login(name, password=None):
    return password != "password" and connect(password="{{ password }}", token="token_1")
""",
        """

import os
import itsdangerous
from sqlalchemy import create_engine

links = itsdangerous.URLSafeSerializer(os.environ["LINKS_KEY"])
local = create_engine("postgresql://postgres:postgres@localhost/shop")
other = create_engine(f"postgresql://shop:{os.environ['DB_PASSWORD']}@db.internal/shop")
""",
    ],
)

_KNOWN = regex(
    r"^(?:AKIA|ASIA)[0-9A-Z]{16}$|^gh[pousr]_[0-9A-Za-z]{36}|^github_pat_\w{60,}|^sk_live_[0-9A-Za-z]{16,}|^rk_live_\w{16,}|^xox[bpars]-[\w-]{20,}"
    r"|^AIza[\w-]{35}$|^sk-(?:ant-|proj-)?[\w-]{32,}$|^glpat-[\w-]{20}|^SG\.[\w-]{20,}\.[\w-]{20,}|^npm_\w{36}$|^pypi-\w{50,}"
    r"|-----BEGIN (?:RSA |EC |OPENSSH |DSA )?PRIVATE KEY-----\\s*[A-Za-z0-9+/]{12}"
)
_NAME = regex(
    r"(?:^|[_.-])(?:passwords?|passwd|pwd|passphrase|secret|secret_?key|api_?key|apikey|access_?key|private_?key|auth_?token|access_?token"
    r"|api_?token|bearer_?token|client_?secret|jwt_?secret(?:_?key)?|signing_?key|encryption_?key|token|db_?pass|credentials?|aws_secret\w*)$",
    re.IGNORECASE,
)
_LONG_NAME = 10
"""Letters from which a text that a variable is called by is a name, and no poor password."""
_PARTED = regex(r"[A-Za-z0-9][-_][A-Za-z]")
_OTHER = regex(
    r"(?:next|continuation|page|sync|eos|bos|pad|unk|start|end|sep|mask|cls|stop|special|csrf|public)_?(?:page_?)?token|public|publishable"
    r"|(?:mixpanel|posthog|amplitude|segment|rudderstack|analytics)_?\w*(?:token|key)",
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
_SIGNERS = {
    **dict.fromkeys(("encode", "decode"), 1),
    **dict.fromkeys(
        ("URLSafeTimedSerializer", "URLSafeSerializer", "TimestampSigner", "Signer", "Serializer", "TimedSerializer"), 0
    ),
    **dict.fromkeys(("Fernet", "AESGCM", "ChaCha20Poly1305", "new", "AES"), 0),
}
"""Calls that take a key -> its position."""
_SIGNING_MODULES = regex(r"^(?:jwt|jose|itsdangerous|cryptography|hmac|(?:Crypto|Cryptodome)\.Cipher)\b")
_FERNET = regex(r"[A-Za-z0-9_-]{43}=")
"""Thirty-two bytes as Fernet takes them."""
_KEY_NAME = regex(r"(?:^|_)key$", re.IGNORECASE)
_WEAK_KEY = regex(r"^\W*$|change_?me|your|example|placeholder|dummy|sample|\btest|fake|todo|[<>{}$]|BEGIN PUBLIC", re.IGNORECASE)
_URL = regex(r"^[a-z][\w+]*://(?P<user>[^:@/\s{}<>$%]*):(?P<password>[^@/\s{}<>$%]{6,})@(?P<host>[^/\s]+)")
_LOCAL = regex(r"^(?:localhost|127\.|0\.0\.0\.0|\[::1\]|example\.|host\b)|example\.(?:com|org|net)")
_COMMON = regex(r"(?:postgres|guest|root|admin|minio\w*|user\w*|pass\w*|redis|mysql|rabbitmq|mongo\w*|[a-z]+)", re.IGNORECASE)
_HEADERS = ("authorization", "x-api-key", "x-auth-token")
_BEARER = regex(r"^(?:(?:Bearer|Token|ApiKey|Basic) )?(\S{16,})$")
_IDENTIFIER = regex(r"[A-Za-z]+(?:[_.:/ -][A-Za-z]+)*\d?")


def _is_sample(view: View, node: ast.AST) -> bool:
    """Whether it stands in something that is called a sample: `connection_args_example = dict(password="...")`."""
    above = (it for it in view.reading.ancestors(node) if isinstance(it, ast.Assign))
    return any(_SAMPLES.search(dotted(target)) for it in above for target in it.targets)


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
    for value in _keys(view):
        if (
            value not in told
            and isinstance(value, ast.Constant)
            and len(_words(value)) >= 6
            and not _WEAK_KEY.search(_words(value))
        ):
            told.add(value)
            yield Hit(value, "This signs or encrypts for all who can read the source; take it from the environment.")
    for node in view.reading.each(ast.Constant):
        if node not in told and isinstance(node.value, str) and _is_login(node.value) and not _in_docstring(view, node):
            told.add(node)
            yield Hit(node, "This address holds a password, for all who can read the source; take it from the environment.")
    for name, value in _named(view):
        if value in told or not isinstance(value, ast.Constant) or not isinstance(value.value, str):
            continue
        last = name.rpartition(".")[2]
        if _SAMPLES.search(view.path) or _is_sample(view, value):
            continue
        bearer = _BEARER.match(value.value) if last.lower() in _HEADERS else None
        if bearer is not None and _is_secret(bearer[1], is_key=False):
            told.add(value)
            yield Hit(value, f"`{last}` is written in the source, for all who can read it; take it from the environment.")
        if (
            _NAME.search(last)
            and not _OTHER.search(last)
            and not _is_name_of(value.value, last)
            and _is_secret(value.value, is_key=bool(_SIGNING.search(last)))
        ):
            told.add(value)
            yield Hit(value, f"`{last}` is written in the source, for all who can read it; take it from the environment.")


def _is_name_of(text: str, name: str) -> bool:
    """Whether a text is what a variable is called, spelled as a setting or a header: `access_key = "X-Access-Key"`."""
    said, called = (re.sub(r"[\W_]", "", it).lower() for it in (text, name))
    return len(said) >= _LONG_NAME and bool(_PARTED.search(text)) and (said.endswith(called) or called.endswith(said))


def _keys(view: View) -> Iterator[ast.expr]:
    """Literals that are the key of a signature or of a cipher, by the call that takes them."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        index = _SIGNERS.get(last)
        if index is None or not _SIGNING_MODULES.match(view.callee(call)):
            continue
        given = keyword(call, "key") or keyword(call, "secret_key") or (call.args[index] if len(call.args) > index else None)
        if isinstance(given, ast.Constant) and isinstance(given.value, str | bytes):
            yield given
    if "ernet" in view.reading.unit.text or view.project.uses(view.path, "cryptography"):
        for node in view.reading.each(ast.Assign):
            is_key = isinstance(node.value, ast.Constant) and _KEY_NAME.search(dotted(node.targets[0]))
            if is_key and isinstance(node.value, ast.Constant) and _FERNET.fullmatch(_words(node.value)):
                yield node.value


def _words(node: ast.Constant) -> str:
    return node.value.decode("latin-1") if isinstance(node.value, bytes) else str(node.value)


def _is_login(text: str) -> bool:
    """Whether a text is a URL with a password that is no placeholder."""
    found = _URL.match(text) if "://" in text and "@" in text else None
    if found is None or found["user"] == found["password"] or _LOCAL.search(found["host"]):
        return False
    return not _PLACEHOLDER.search(found["password"]) and not _COMMON.fullmatch(found["password"])


def _in_docstring(view: View, node: ast.AST) -> bool:
    return isinstance(view.reading.parent(node), ast.Expr)


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
    for given in reading.each(ast.keyword):
        if given.arg in ("auth", "http_auth", "basic_auth") and isinstance(given.value, ast.Tuple) and len(given.value.elts) == 2:
            yield "password", given.value.elts[1]
        elif given.arg:
            yield given.arg, given.value
    for made in reading.each(ast.Dict):
        for name, value in zip(made.keys, made.values, strict=True):
            said = constant(name)
            if isinstance(said, str):
                yield said, value
    for test in reading.each(ast.Compare):
        if len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.NotEq):
            yield from (
                (_compared(one), other) for one, other in ((test.left, test.comparators[0]), (test.comparators[0], test.left))
            )
    for function in reading.functions:
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        rows = [*zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)]
        rows += [(it, value) for it, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is not None]
        yield from ((it.arg, value) for it, value in rows)


def _compared(node: ast.expr) -> str:
    """What a side of a comparison is called: its dotted name, or the key it is asked for."""
    if isinstance(node, ast.Subscript):
        key = constant(node.slice)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        key = constant(node.args[0])
    else:
        key = dotted(node)
    return key if isinstance(key, str) else ""


def _is_secret(text: str, *, is_key: bool) -> bool:
    if not 8 <= len(text) <= 300 or (_PLACEHOLDER.search(text) and not is_key):
        return False
    if is_key:
        is_meant = re.search(
            r"^[<{$%]|[>}]$|[$#%{]\{|change_?me|your|replace|placeholder|environ|build-?time|missing|not[-_ ]?set",
            text,
            re.IGNORECASE,
        )
        return not is_meant and not re.fullmatch(
            r"secret[-_]key|[A-Z]+(?:_[A-Z]+)+", text, 0 if text.isupper() else re.IGNORECASE
        )
    if _IDENTIFIER.fullmatch(text) or _LABEL.fullmatch(text) or re.search(r"\s\w+\s", text):
        return False
    kinds = sum(bool(re.search(it, text)) for it in (r"[a-z]", r"[A-Z]", r"\d", r"[^\w\s]"))
    return kinds >= 2 and bool(re.search(r"\d", text)) and _entropy(text) > 2.5


def _is_fake(text: str) -> bool:
    return bool(re.search(r"example|xxxx|0000000|1234567890abcdef|your|dummy|fake|\.\.\.|\{", text, re.IGNORECASE))


def _entropy(text: str) -> float:
    """Bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
