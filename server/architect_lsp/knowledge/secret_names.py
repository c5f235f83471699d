"""Values that are secrets by their names: passwords, keys and tokens of settings, of the environment, of a user."""

from __future__ import annotations

import ast
import re

from architect_lsp.knowledge.flows import Origin
from architect_lsp.knowledge.reading import Reading, constant
from architect_lsp.patterns import regex

_SECRET = regex(
    r"(?:^|[._'\"])(?:\w*_)?(?:password|passwd|secret(?:_?key)?|api_?key|access_token|auth_token|private_key|client_secret|ssn"
    r"|social_security_number|card_number|cvv|credentials?|password_hash|hashed_password)$",
    re.IGNORECASE,
)
_ENVIRONMENT = regex(r"^(?:os\.)?(?:environ|getenv)")


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
