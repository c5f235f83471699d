"""A password is hashed with something fast.

Why: a graphics card tries billions of SHA-256 a second; a stolen table of such hashes is a list of passwords by the evening. A
password hash is slow on purpose, salted, and its cost grows with the machines.
Instead: Argon2, scrypt or bcrypt by a library that keeps salt and cost in the hash.

    hasher = argon2.PasswordHasher()

    def login(user: User, password: str) -> bool:
        try:
            hasher.verify(user.password_hash, password)
        except argon2.exceptions.VerifyMismatchError:
            return False
        if hasher.check_needs_rehash(user.password_hash):
            user.password_hash = hasher.hash(password)
        return True

Consequences: old hashes are rewritten when their users log in next.
Trade-offs: a slow hash costs time at login; run it outside of the event loop.
Tests: two users with the same password have different hashes.
Security: what leaks opens accounts here and wherever else the password is used.
Performance: aim at a quarter of a second, measured on the server's machine.
Source: CWE-916; https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.comments import comments
from architect_lsp.knowledge.definitions import last_name, value_set
from architect_lsp.knowledge.literals import is_fixed
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=916,
    needs=["passw", "pw", "PASSWORD", "pbkdf2", "PBKDF2", "crypt", "gensalt"],
    bad=[
        Bad("""
import hashlib

def register(name, password):
    digest = [|hashlib.sha256((password + "salt").encode())|].hexdigest()
    return name, digest
"""),
        Bad("""
import hashlib
from werkzeug.security import generate_password_hash

def hashed(password, salt):
    one = [|hashlib.pbkdf2_hmac("sha256", password, salt, 1000)|]
    return one, [|generate_password_hash(password, method="sha1")|]
"""),
        Bad("""
PASSWORD_HASHERS = [[|"django.contrib.auth.hashers.MD5PasswordHasher"|], "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
"""),
        Bad("""
import hashlib

def hashed(password):
    return [|hashlib.pbkdf2_hmac("sha256", password.encode(), b"shop", 600_000)|]
"""),
        Bad("""
import hashlib

SALT = b"pepper"

def derived(password):
    return [|hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, 600_000)|]
"""),
        Bad("""
import hashlib

class Account:
    PEPPER = b"shop"

    def keep(self, password):
        salted = (self.salt + password).encode()
        self.digest = [|hashlib.new("sha256", salted)|].hexdigest()

    def slowly(self, password):
        return [|hashlib.scrypt(password.encode(), salt=self.PEPPER, n=2**14, r=8, p=1)|]
"""),
    ],
    good=[
        """
import hashlib

def is_right(checked, password):
    # The hash is not persisted, it only saves a second check.
    digest = hashlib.sha3_512(password.encode("utf-8")).hexdigest()
    return checked.get(digest)
""",
        """
import hashlib
import bcrypt
from werkzeug.security import generate_password_hash

def hashed(password, salt, body):
    hashlib.sha256(body)
    hashlib.pbkdf2_hmac("sha256", password, salt, 600_000)
    hashlib.scrypt(password, salt=salt, n=2**14, r=8, p=1)
    hashlib.sha1(password.encode()).hexdigest()[:5]
    bcrypt.hashpw(password, bcrypt.gensalt(12))
    return generate_password_hash(password)
""",
        """
import hashlib
import secrets

def verify(password, stored):
    if stored.startswith("scrypt:"):
        made = hashlib.scrypt(password.encode(), salt=stored[7:23], n=16384, r=8, p=1)
        return secrets.compare_digest(made, stored[23:])
    return secrets.compare_digest(hashlib.sha256(password.encode()).hexdigest(), stored)

def client(settings, password):
    known = f"user={settings.user}|password={hashlib.sha256(password.encode()).hexdigest() if password else None}"
    return CLIENTS.get(known)

def cache_key(password):
    return hashlib.sha256(password.encode()).hexdigest()
""",
    ],
)

_FAST = regex(r"^hashlib\.(?:md5|sha\d+|sha3_\d+|blake2[bs]|new)$")
_PASSWORD = regex(r"(?:^|_)(?:password|passwd|passphrase|passcode|pwd|pw)\d?$", re.IGNORECASE)
_LEAST = 100_000
_HASHERS = regex(r"(?:^|\.)(?:Unsalted)?(?:MD5|SHA1|Crypt)PasswordHasher$|\.CryptPasswordHasher$")
_BREACH = regex(r"pwned|breach|hibp|range", re.IGNORECASE)

_SLOW = regex(r"hashpw|bcrypt|argon2|scrypt|pbkdf2|password_hasher|pwd_context", re.IGNORECASE)
_KEY = regex(r"cache|finger_?print|memo|dedup|etag", re.IGNORECASE)
"""Where a digest only tells whether two settings are the same."""
_FAKE = regex(r"fake|dummy|mock", re.IGNORECASE)
_TESTS = regex(r"(?:^|/)(?:\w*tests?\w*|local\w*|dev\w*|\w*(?:profil|bench|dummy|loadtest)\w*)(?:/|\.py$)")
_KEPT_NOWHERE = regex(r"not (?:persisted|stored|saved)|only (?:stored |kept )?in memory", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Passwords under fast hashes, and slow ones told to be quick."""
    for call in view.reading.each(ast.Call):
        name = view.callee(call)
        if _FAST.match(name):
            given = call.args[1:] if name.endswith(".new") else call.args
            held = next((it for it in given if _holds_password(_meant(view, it))), None)
            if held is not None and any(_KEPT_NOWHERE.search(it) for it in comments(view.reading, call)):
                continue
            if held is not None and not (_is_prefix(view, call) or _is_old_or_first(view, call) or _is_key(view, call)):
                yield Hit(call, f"A password under `{name}` is found by trying billions a second; use Argon2, scrypt or bcrypt.")
        elif name == "hashlib.pbkdf2_hmac" or name.endswith("PBKDF2HMAC"):
            rounds = constant(keyword(call, "iterations") or (call.args[3] if len(call.args) > 3 else None))
            if isinstance(rounds, int) and rounds < _LEAST and not _FAKE.search(_function(view, call)):
                yield Hit(call, f"{rounds} rounds of PBKDF2 are too quick for passwords; use 600,000, or Argon2.")
            elif _is_same_for_all(view, call, keyword(call, "salt") or (call.args[2] if len(call.args) > 2 else None)):
                yield Hit(call, "Every password has the same salt: one search finds them all; make one with `secrets` for each.")
        elif name == "hashlib.scrypt" and _is_same_for_all(view, call, keyword(call, "salt")):
            yield Hit(call, "Every password has the same salt: one search finds them all; make one with `secrets` for each.")
        elif name == "werkzeug.security.generate_password_hash":
            method = constant(keyword(call, "method") or (call.args[1] if len(call.args) > 1 else None))
            if isinstance(method, str) and method.split(":")[0] in ("md5", "sha1", "sha256", "sha512", "plain"):
                yield Hit(call, f"`{method}` is too quick for passwords; leave the method to the library.")
        elif name == "bcrypt.gensalt":
            rounds = constant(keyword(call, "rounds") or (call.args[0] if call.args else None))
            if isinstance(rounds, int) and rounds < 10:
                yield Hit(call, f"{rounds} rounds of bcrypt are too quick for passwords; use 12.")
    for node in view.reading.each(ast.Assign):
        names = [it.id for it in node.targets if isinstance(it, ast.Name)]
        if "PASSWORD_HASHERS" in names and isinstance(node.value, ast.List | ast.Tuple) and node.value.elts:
            first = node.value.elts[0]
            if _HASHERS.search(str(constant(first))) and not _TESTS.search(view.path):
                yield Hit(
                    first, f"`{str(constant(first)).rpartition('.')[2]}` is too quick for passwords; put Argon2 or PBKDF2 first."
                )


def _is_same_for_all(view: View, call: ast.Call, salt: ast.expr | None) -> bool:
    """Whether a password is hashed with a salt that is written in the source."""
    at = 1 if view.callee(call).endswith("pbkdf2_hmac") else 0
    password = keyword(call, "password") or (call.args[at] if len(call.args) > at else None)
    if salt is None or password is None or not _holds_password(password):
        return False
    found = view.parts(salt, "")
    if found and all(isinstance(it, str) for it in found):
        return True
    return is_fixed(view.project, view.path, view.reading, salt)


def _meant(view: View, node: ast.expr) -> ast.expr:
    """What a name that is set once holds: `salted = (salt + password).encode()`."""
    value = value_set(view.reading, node)
    return value if isinstance(value, ast.BinOp | ast.JoinedStr) or last_name(getattr(value, "func", value)) == "encode" else node


def _holds_password(node: ast.expr) -> bool:
    return any(
        _PASSWORD.search(it.id if isinstance(it, ast.Name) else it.attr if isinstance(it, ast.Attribute) else "")
        for it in ast.walk(node)
        if isinstance(it, ast.Name | ast.Attribute)
    )


def _function(view: View, call: ast.Call) -> str:
    function = view.reading.function(call)
    return function.name if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else ""


def _is_old_or_first(view: View, call: ast.Call) -> bool:
    """Whether a class called after the hash keeps it for what is stored already, or the function knows a slow hash too."""
    if re.search(r"md5|sha_?1", view.reading.unit.scope, re.IGNORECASE):
        return True
    function = view.reading.function(call)
    others = (it for it in view.reading.each(ast.Call) if view.reading.function(it) is function and it is not call)
    return any(_SLOW.search(ast.unparse(it.func)) for it in others)


def _is_key(view: View, call: ast.Call) -> bool:
    """Whether the digest is part of a key that settings are told apart by: `f"user={user}|password={digest}"`."""
    below: ast.AST = call
    for up in view.reading.ancestors(call):
        if isinstance(up, ast.JoinedStr) and below in up.values:
            before = up.values[up.values.index(below) - 1] if up.values.index(below) else None
            if isinstance(before, ast.Constant) and str(before.value).endswith(("=", ":")):
                return True
        if isinstance(up, ast.Assign) and any(_KEY.search(dotted(it)) for it in up.targets):
            return True
        below = up
    return bool(_KEY.search(_function(view, call)))


def _is_prefix(view: View, call: ast.Call) -> bool:
    """Whether the digest is what a service of leaked passwords is asked with, of which it sees a beginning."""
    for up in view.reading.ancestors(call):
        if isinstance(up, ast.Subscript) and isinstance(up.slice, ast.Slice):
            return True
        if isinstance(up, ast.stmt):
            break
    return bool(_BREACH.search(view.reading.unit.text))
