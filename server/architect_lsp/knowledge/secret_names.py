"""Values that are secrets by their names: passwords, keys and tokens of settings, of the environment, of a user."""

from __future__ import annotations

import ast
import re

from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import Reading, constant
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_SECRET = regex(
    r"(?:^|[._'\"])(?:\w*_)?(?:password|passwd|secret(?:_?key)?|api_?key|access_token|auth_token|private_key|client_secret|ssn"
    r"|social_security_number|card_number|cvv|credentials?|password_hash|hashed_password)$",
    re.IGNORECASE,
)
_ENVIRONMENT = regex(r"^(?:os\.)?(?:environ|getenv)")
PASSWORDS = regex(
    r"(hashed_?|encrypted_?|crypted_?|raw_?|plain_?)?(password|passwd|passphrase|pwd)(_?(hash|hashed|digest|salt|encrypted))?"
    r"|(token|secret|api_key)_hash|ssn|social_security_number|cvv|cvc|card_number|credit_card(_number)?"
    r"|(totp|otp|mfa|two_factor)_secret"
)
"""What no answer needs to hold."""
KEYS = regex(r"(client_|app_|webhook_|signing_)?secret|secret_key|private_key|api_?key|secret_access_key|encryption_key")
"""What an answer may hold once: where it is made."""
ISSUED = regex(
    r"key|secret|token|credential|creds|rotate|regenerate|reveal|webhook|auth|login|signup|register|create|session|enroll|setup|exchange|connect",
    re.IGNORECASE,
)
STORES = regex(r"credential|connection|secret|vault", re.IGNORECASE)
"""Things that are asked for because of the password in them."""


def secret_name(reading: Reading, origin: Origin) -> str:
    """The name of the secret that a value is, "" where it is none."""
    name = origin.name.replace("()", "")
    if isinstance(origin.node, ast.Name) and _SECRET.search(origin.node.id) and "()" not in origin.name.removesuffix("()"):
        return origin.node.id
    if _ENVIRONMENT.match(name):
        for up in (origin.node, *reading.ancestors(origin.node)):
            key = constant(up.slice) if isinstance(up, ast.Subscript) else None
            if isinstance(up, ast.Call) and up.args:
                key = constant(up.args[0])
            if isinstance(key, str):
                return key if _SECRET.search(key) else ""
        return ""
    given = origin.name.rpartition("()")[2]
    return given.lstrip(".") if given and _SECRET.search(given) else ""


def is_kept_secret(field: str, names: str) -> bool:
    """Whether no answer holds the field, or only one of `names` (its class, who answers) that makes the thing just now."""
    field = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field).lower()
    if field in ("password", "passphrase") and (STORES.search(names) or re.search(r"generate", names, re.IGNORECASE)):
        return False
    return bool(PASSWORDS.fullmatch(field)) or (bool(KEYS.fullmatch(field)) and not ISSUED.search(names))


def secret_read(value: Value) -> str:
    """The name of the secret that a value reads from the environment or from settings, "" where it reads none."""
    if (value.kind == "index" and _ENVIRONMENT.match(value.text)) or (value.kind == "call" and _ENVIRONMENT.match(value.text)):
        key = value.items[0].text if value.items and value.items[0].kind == "text" else ""
        return key if _SECRET.search(key) else ""
    return value.text if value.kind == "name" and "." in value.text and _SECRET.search(value.text) else ""
