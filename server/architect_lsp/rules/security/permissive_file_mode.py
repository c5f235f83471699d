"""A file may be changed by every user of the machine.

Why: `0o777` lets any process write the file: a script is replaced, a configuration changed, a socket opened by others.
Instead: the rights that the owner needs.

    def save_key(path: Path, key: bytes) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise KeyExists(path) from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)

Trade-offs: where two accounts share a file, a group and `0o660`.
Tests: assert `stat(path).st_mode & 0o022 == 0`.
Security: other accounts, and whatever runs as them, change what this one trusts.
Source: CWE-732; https://docs.python.org/3/library/os.html#os.chmod
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.comments import comments
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=732,
    equivalents=["S103", "B103"],
    needs=["chmod", "umask", "O_CREAT"],
    bad=[
        Bad("""
import os
import stat

def publish(path):
    [|os.chmod(path, 0o777)|]
    [|path.chmod(stat.S_IRWXU | stat.S_IWOTH)|]
    [|os.umask(0)|]
"""),
        Bad("""
import os

def keep(key):
    handle = [|os.open("/etc/node/key.pem", os.O_WRONLY | os.O_CREAT, 0o666)|]
    os.write(handle, key)
"""),
    ],
    good=[
        """
def made(folder):
    folder.mkdir(parents=True)
    # The user of the container must write here, too.
    folder.chmod(0o777)
""",
        """
import os
import stat

def publish(path, mode):
    os.chmod(path, 0o755)
    os.chmod(path, 0o640)
    os.chmod(path, mode | stat.S_IXUSR)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    os.umask(0o077)
    os.open(path, os.O_CREAT, 0o666)
    os.mkdir(path, 0o777)
    before = os.umask(0)
    os.umask(before)
""",
        """
import os

def keep(key, text):
    handle = os.open("/etc/node/key.pem", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(handle, key)
    os.write(os.open("/srv/public.html", os.O_WRONLY | os.O_CREAT, 0o644), text)
""",
    ],
)

_SETTERS = {"chmod": 1, "fchmod": 1, "lchmod": 1}
"""Calls that set a mode as it is: from what a file is made with, the process's umask takes away."""
_OTHERS_WRITE = 0o002
_OTHERS_READ = 0o004
_SECRETS = regex(r"private|secret|passw|credential|(?:^|[/_.])(?:api_?)?(?:key|token)s?(?:$|[_.])|\.pem\b", re.IGNORECASE)
_STICKY = 0o1000
_BITS = {
    "S_IRWXU": 0o700, "S_IRUSR": 0o400, "S_IWUSR": 0o200, "S_IXUSR": 0o100, "S_IRWXG": 0o70, "S_IRGRP": 0o40,
    "S_IWGRP": 0o20, "S_IXGRP": 0o10, "S_IRWXO": 0o7, "S_IROTH": 0o4, "S_IWOTH": 0o2, "S_IXOTH": 0o1,
}  # fmt: skip
_REASONS = regex(r"container|docker|mount|shared|uid\b|gid\b|other users?|every user|all users", re.IGNORECASE)
"""Words of comments that say who else must write."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Modes that let everyone write."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if last == "umask" and call.args and constant(call.args[0]) == 0 and isinstance(view.reading.parent(call), ast.Expr):
            if view.callee(call) == "os.umask":
                yield Hit(call, "With `umask(0)` every file made from here on may be written by everyone.")
            continue
        if last == "open" and len(call.args) > 2 and "O_CREAT" in ast.unparse(call.args[1]) and view.callee(call) == "os.open":
            mode = _mode(call.args[2])
            if mode is not None and mode & _OTHERS_READ and _SECRETS.search(_around(view, call)):
                yield Hit(call, f"`{mode:#o}` lets every user of the machine read this secret; make it with `0o600`.")
        if last not in _SETTERS:
            continue
        index = _SETTERS[last] if view.callee(call).startswith("os.") else _SETTERS[last] - 1
        node = keyword(call, "mode") or (call.args[index] if len(call.args) > index else None)
        mode = _mode(node) if node is not None else None
        is_told = any(_REASONS.search(it) for it in comments(view.reading, call))
        if mode is not None and mode & _OTHERS_WRITE and not mode & _STICKY and not is_told:
            yield Hit(
                call, f"`{mode:#o}` lets every user of the machine change it; give the owner what is needed, and others less."
            )


def _around(view: View, call: ast.Call) -> str:
    """What is opened, as it is written, and the function that does it."""
    text = str(constant(call.args[0]) or dotted(call.args[0]))
    return f"{text} {view.reading.qualname(call)}"


def _mode(node: ast.expr) -> int | None:
    """The bits of a mode that is written out, None where a part is not."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        left, right = _mode(node.left), _mode(node.right)
        known = [it for it in (left, right) if it is not None]
        return sum(it & ~(known[0] if index else 0) for index, it in enumerate(known)) if known else None
    value = constant(node)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _BITS.get(dotted(node).rpartition(".")[2])
