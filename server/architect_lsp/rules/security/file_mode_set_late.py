"""A file is written first and closed to others afterwards.

Why: `open` makes the file with the rights that the process gives by default, mostly readable by all. Between that and the `chmod`
another account can open it, and keeps what it has opened. Where `chmod` fails, the file stays readable.
Instead: make it with the rights that it is to have.

    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token)

Tests: replace `os.chmod` by one that raises, and assert that others can't read the file.
Security: whoever watches the folder reads the key or token.
Source: CWE-377; CWE-276; https://docs.python.org/3/library/os.html#os.open
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import position
from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=276,
    needs=["chmod("],
    bad=[
        Bad("""
import os

def keep(path, token):
    with open(path, "w") as file:
        file.write(token)
    [|os.chmod(path, 0o600)|]
"""),
        Bad("""
import json

class Store:
    def save(self, credentials):
        self.path.write_text(json.dumps(credentials))
        [|self.path.chmod(0o600)|]
"""),
    ],
    good=[
        """
import os

def keep(path, script, token):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token)
    os.chmod(path, 0o600)
    with open(script, "w") as file:
        file.write("#!/bin/sh")
    os.chmod(script, 0o755)

def first(path, token):
    with open(path, "x") as file:
        os.chmod(path, 0o600)
        file.write(token)

def enable(marker, version):
    marker.write_text(version)
    marker.chmod(0o600)

def read(path):
    os.chmod(path, 0o600)
    with open(path) as file:
        return file.read()

def made(path, token):
    path.touch(mode=0o600)
    path.write_text(token)
    path.chmod(0o600)

def masked(path, token):
    before = os.umask(0o077)
    with open(path, "w") as file:
        file.write(token)
    os.chmod(path, 0o600)
    os.umask(before)
""",
    ],
)

_OWN = (0o600, 0o400)
_PRIVATE = regex(
    r"secret|token|passw|pwd|cred|auth|cookie|session|private|(?:^|[^a-z])(?:api_?)?keys?(?:[^a-z]|$)|cert|ssh|config|env(?:[^a-z]|$)"
    r"|histor|account|wallet|login|vault|backup|dump",
    re.IGNORECASE,
)
"""Words of what others may not read: who closes a file to say that it is there loses nothing meanwhile."""
_MADE = frozenset(("touch", "umask", "mkstemp", "fchmod", "NamedTemporaryFile"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Files that are written and given their rights by one function, in this order."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "chmod":
            continue
        given = [*call.args, *(it.value for it in call.keywords)]
        of_os = dotted(call.func) == "os.chmod"
        if len(given) != (2 if of_os else 1) or not _is_own(given[-1]):
            continue
        path = ast.unparse(given[0] if of_os else call.func.value)
        function = reading.function(call)
        before = [
            it
            for it in (reading.within(function) if function is not None else ())
            if isinstance(it, ast.Call) and position(it) < position(call)
        ]
        if any(dotted(it.func).rpartition(".")[2] in _MADE or dotted(it.func) in ("os.chmod", "os.open") for it in before):
            continue
        if not any(_PRIVATE.search(it) for it in (view.path, reading.qualname(call), reading.source(function or call))):
            continue
        if any(_writes(it, path) for it in before) and not _is_first(reading, call):
            yield Hit(call, f"Others can read `{path}` until this line: it was made with the rights of any file.")


def _is_first(reading: Reading, call: ast.Call) -> bool:
    """Whether nothing was written yet: the file is closed to others as soon as it is open."""
    statement = reading.parent(call)
    block = reading.parent(statement) if statement is not None else None
    return isinstance(block, ast.With | ast.AsyncWith) and block.body[0] is statement


def _is_own(mode: ast.expr) -> bool:
    if isinstance(mode, ast.Constant):
        return mode.value in _OWN
    names = {it.attr for it in ast.walk(mode) if isinstance(it, ast.Attribute)}
    return bool(names) and names <= {"S_IRUSR", "S_IWUSR"}


def _writes(call: ast.Call, path: str) -> bool:
    """Whether a call makes the file anew: `open(path, "w")`, `path.write_text(...)`."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("write_text", "write_bytes", "open"):
        mode = constant(call.args[0]) if call.args else constant(keyword(call, "mode"))
        makes = call.func.attr != "open" or (isinstance(mode, str) and mode[:1] in ("w", "x"))
        return makes and ast.unparse(call.func.value) == path
    if dotted(call.func) != "open" or not call.args or ast.unparse(call.args[0]) != path or keyword(call, "opener") is not None:
        return False
    mode = constant(call.args[1]) if len(call.args) > 1 else constant(keyword(call, "mode"))
    return isinstance(mode, str) and mode[:1] in ("w", "x")
