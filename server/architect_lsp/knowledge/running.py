"""Calls that run what they are given, by their names: interpreters, shells, processes, and what reads or removes files."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.patterns import regex

CODE = ("builtins.eval", "builtins.exec", "builtins.compile", "eval", "exec")
SHELLS = ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell")
PROCESSES = ("subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.Popen")
REMOVERS = ("os.remove", "os.unlink", "shutil.rmtree", "os.rmdir", "os.rename", "shutil.move")
_INTERPRETERS = regex(r"(?:^|/)(?:ba|z|da)?sh$|^python\d?|^node$|^perl$|^ruby$|^powershell|^cmd")
_READERS = frozenset(
    (
        *(
            "grep",
            "egrep",
            "fgrep",
            "ls",
            "cat",
            "head",
            "tail",
            "wc",
            "stat",
            "file",
            "du",
            "df",
            "ps",
            "uptime",
            "uname",
            "date",
        ),
        *("cal", "ping", "dig", "nslookup", "host", "whois", "traceroute", "jq", "diff", "cmp", "md5sum", "sha256sum", "which"),
    )
)
"""Programs that only look, whatever they are given; not `find`, `rg` or `sort`, which can run or write."""
_GIT = frozenset(("log", "status", "diff", "show", "blame", "rev-parse", "rev-list", "ls-files", "ls-tree", "describe"))
"""Commands of git that only look, when what they are given can't be an option: `--output` writes a file."""


def is_reader(call: ast.Call) -> bool:
    """Whether a call starts, without a shell, a program that only looks: `run(["grep", "-rF", "--", pattern, folder])`."""
    first = call.args[0] if call.args else keyword(call, "args")
    if isinstance(first, ast.List | ast.Tuple):
        program = constant(first.elts[0]) if first.elts else None
    else:  # asyncio.create_subprocess_exec("grep", pattern)
        program = constant(first) if len(call.args) > 1 else None
    shell = keyword(call, "shell")
    reads = program in _READERS or (program == "git" and _looks(call, first))
    return reads and (shell is None or constant(shell) is False)


def _looks(call: ast.Call, first: ast.expr | None) -> bool:
    """Whether git is told to look, and all else that it is given is a number or stands where no option can."""
    rows = first.elts if isinstance(first, ast.List | ast.Tuple) else call.args
    if len(rows) < 2 or constant(rows[1]) not in _GIT:
        return False
    for it in rows[2:]:
        if constant(it) in ("--", "--end-of-options"):
            return True
        is_number = isinstance(it, ast.Call) and dotted(it.func) == "str"
        begins = it.values[0] if isinstance(it, ast.JoinedStr) and it.values else it
        if not is_number and not isinstance(constant(begins), str):
            return False
    return True


def is_writing(call: ast.Call) -> bool:
    """Whether a call of `open` says that it writes."""
    mode = constant(keyword(call, "mode") or (call.args[1] if len(call.args) > 1 else None))
    return isinstance(mode, str) and mode[:1] in ("w", "a", "x")


def is_interpreter(command: ast.List | ast.Tuple) -> bool:
    """`["bash", "-c", text]` and the like."""
    head = [constant(it) for it in command.elts[:2]]
    if not head:
        return False
    program = head[0] if isinstance(head[0], str) else ast.unparse(command.elts[0])
    runs = len(command.elts) > 2 and head[1] in ("-c", "-e", "-Command", "/c")
    return runs and bool(_INTERPRETERS.search(program) or program == "sys.executable")


def names_of_path(project: Project, path: str, reading: Reading, node: ast.expr, steps: int = 4) -> Iterator[ast.expr]:
    """The names that a path is put together of, through at most `steps` variables and joins."""
    if isinstance(node, ast.Call):
        target = reading.target(node.func)
        if target and project.external(path, target, reading.owner(node)) in ("pathlib.Path", "anyio.Path"):
            yield from node.args
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        yield from names_of_path(project, path, reading, node.left, steps - 1)
        yield node.right
    elif isinstance(node, ast.Name) and steps > 0:
        rows = definitions(reading, reading.function(node)).get(node.id, ())
        values = [it.value for it in rows if it.value is not None]
        if len(values) == 1:
            yield from names_of_path(project, path, reading, values[0], steps - 1)
