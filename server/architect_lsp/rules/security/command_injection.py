"""A value from outside becomes part of a command.

Why: a shell reads the whole line anew: `;`, `|`, `$(...)` and a newline in the value begin another command. Without a shell the
danger is who chooses the program, or the script that an interpreter such as `sh -c` is given.
Instead: start the program with a list of arguments and no shell, and choose the program yourself.

    def ping(host: str) -> str:
        try:
            address = ipaddress.ip_address(host)
            done = subprocess.run(["ping", "-c", "1", str(address)], capture_output=True, timeout=5, check=True, text=True)
        except ValueError as error:
            raise HTTPException(422, "that is no address") from error
        except subprocess.SubprocessError as error:
            raise HTTPException(504, "no answer") from error
        return done.stdout

Consequences: the command runs with everything the service may read, write and reach.
Trade-offs: `shlex.quote` makes one argument safe for a POSIX shell, where a pipeline is really needed; put `--` before values
that may begin with `-`.
Tests: send `x; touch /tmp/canary`, `$(id)` and a value with a newline; assert that the request fails and nothing was started.
Security: the attacker runs commands as the service's account.
Observability: log the program and its arguments as a list, before it starts; alert on shells below the service's process.
Source: CWE-78; https://cheatsheetseries.owasp.org/cheatsheets/OS_Command_Injection_Defense_Cheat_Sheet.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.exposures import Exposure
from architect_lsp.knowledge.narrowed import is_one_of_few
from architect_lsp.knowledge.origins import Origin, is_own
from architect_lsp.knowledge.reading import constant, keyword
from architect_lsp.knowledge.sources import is_terminal
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=78,
    equivalents=["S602", "S604", "S605", "B602", "B604", "B605"],
    bad=[
        Bad("""
import os
from flask import request

def run():
    os.execl("/bin/sh", "sh", "-c", [|request.form["line"]|])

def show():
    os.execvp("sh", [|["sh", "-c", request.form["line"]]|])
"""),
        Bad("""
import os
from flask import request

def ping():
    host = request.args.get("host", "")
    return os.popen([|f"ping -c 1 {host}"|]).read()
"""),
        Bad("""
import os
from fastapi import FastAPI, WebSocket

app = FastAPI()

@app.websocket("/log")
async def log(websocket: WebSocket):
    await websocket.accept()
    async for branch in websocket.iter_text():
        await websocket.send_text(os.popen([|f"git log --oneline {branch}"|]).read())
"""),
        Bad("""
import subprocess
from fastapi import APIRouter

router = APIRouter()

@router.get("/logs/{name}")
def logs(name: str):
    steps = ["bash", "-c"]
    steps.append("tail /var/log/" + name)
    return subprocess.run([|steps|], capture_output=True).stdout
"""),
        Bad("""
-- app/views.py --
from app.tools import Archive

def pack(request):
    return Archive("/srv").pack([|request.POST["folder"]|])
-- app/tools.py --
import subprocess

class Archive:
    def __init__(self, root):
        self.root = root

    def pack(self, folder):
        return self._run(f"tar -C {self.root} -c {folder}")

    def _run(self, line):
        return subprocess.check_output(line, shell=True)
"""),
        Bad("""
import subprocess

def convert(source: str, target: str):
    subprocess.run([|f"convert {source} {target}"|], shell=True, check=True)
"""),
        Bad(
            """

import subprocess
from flask import request

def history():
    branch = request.args["branch"]
    subprocess.run([|["git", "log", branch]|], check=True)

def pack(folder):
    subprocess.run(["sh", "-c", [|"zip -r out.zip " + folder|]], check=True)
""",
        ),
        Bad("""
import asyncssh
import os
import sys
from fastapi import APIRouter

router = APIRouter()

@router.get("/logs")
async def logs(unit: str):
    async with asyncssh.connect("build.example.com") as connection:
        return await connection.run([|f"journalctl -u {unit}"|])

def main():
    os.system([|f"tar czf backup.tgz {sys.argv[1]}"|])
"""),
        Bad("""
import argparse
import functools
import os
import subprocess
from subprocess import Popen as launch
from flask import request

shell = functools.partial(subprocess.check_output, shell=True, text=True)

def looked_up():
    asked = request.args.to_dict()
    launch([|"nslookup " + asked["domain"]|], shell=True)
    return shell([|f"traceroute {asked['domain']}"|])

def main():
    options = argparse.ArgumentParser().parse_args()
    os.popen([|"tar czf backup.tgz %s" % options.folder|]).read()
"""),
    ],
    good=[
        """
import os
from flask import request

def show():
    os.execl("/bin/ls", "ls", "--", request.form["folder"])
""",
        """
import subprocess

def requirements(command):
    return subprocess.check_output(
        f"env {command}",
        shell=True,  # nosec
    )
""",
        """
import shlex
import subprocess
from flask import abort, request

ALLOWED = {"status", "version"}

def run():
    name = request.args["name"]
    subprocess.run(["git", "log", "--", name])
    subprocess.run(f"git log -- {shlex.quote(name)}", shell=True)
    subprocess.run("git gc && git fsck", shell=True)
    action = request.args["action"]
    if action not in ALLOWED:
        abort(400)
    return subprocess.check_output(f"git {action}", shell=True)

def count(number: int):
    return subprocess.run(f"head -n {number} /var/log/app", shell=True)
""",
        """
import subprocess
from flask import request

def echo():
    words = []
    words.append("hello")
    words.append(request.args["word"])
    words.pop()
    steps = {"first": request.args["word"], "second": "date"}
    subprocess.run(words[0], shell=True)
    return subprocess.run(steps["second"], shell=True)
""",
        """

import asyncio
import subprocess
from flask import request

def history():
    branch = request.args["branch"]
    subprocess.run(["git", "log", "--", branch], check=True)
    subprocess.run(["git", "log", f"refs/heads/{branch}"], check=True)
    subprocess.run(["git", "commit", "-am", request.args["message"]], check=True)

async def pack():
    await asyncio.create_subprocess_exec("wc", "-l", request.args["folder"])
""",
        """
import subprocess
from flask import abort, request

def history():
    branch = request.args["branch"]
    if branch.startswith("-"):
        abort(400)
    return subprocess.check_output(["git", "log", branch])
""",
    ],
)

_PROCESSES = ("subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.Popen")
_SHELLS = ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell")
_INTERPRETERS = regex(r"(?:^|/)(?:(?:ba|z|da|k)?sh|cmd(?:\.exe)?|powershell(?:\.exe)?|python[\d.]*|node|perl|ruby|php)$")
_SHELL = regex(r"(?:^|/)(?:ba|z|da|k)?sh$")
_OPTIONS_RUN = ("git", "hg", "svn", "ssh", "scp", "rsync", "tar", "curl", "wget", "find", "zip", "sort", "man", "mysql", "psql")
"""Programs with options that start other programs, or that name files to be written."""
_TAKE_VALUE = ("-m", "-am", "--message", "-F", "--author", "-e", "--regexp")
"""Options that take the next word as it is, whatever it begins with."""
_SCRIPTS = ("-c", "/c", "/C", "-e", "-Command", "-r")
_FIXED = regex(
    r"(?:^|[_.])(?:executable|exe|binary|bin|program|python|interpreter|cmd|command|commands|args|argv|options|flags|opts|cwd|root"
    r"|script|prefix|env|home|tmp\w*|temp\w*|shell)(?:_?(?:path|dir|line|name))?$|^self\.|[A-Z]",
)
"""Names of what the author of a command mostly chooses."""

_NOSEC = regex(r"#\s*nosec\b|#\s*noqa:.*\bS60[0-9]\b")
"""By which someone said of this call that its shell is meant; a request in it is told all the same."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Commands that a request decides, and shell lines that a caller may break out of."""
    told = set()
    for it in view.exposures("command"):
        told.add(it.call)
        what = (
            f"`{it.source}` becomes part of a command line that `{it.used_by}` runs; start the program with a list and no shell."
        )
        yield Hit(it.argument, what, (), it.steps)
    for it in view.exposures("argv"):
        if it.call not in told and not it.steps and _is_chosen(it):
            told.add(it.call)
            message = f"`{it.source}` chooses what `{it.used_by}` starts; choose the program yourself."
            yield Hit(it.argument, message, (), it.steps)
        elif it.call not in told and not it.steps and _is_option(view, it):
            told.add(it.call)
            message = f"`{it.source}` may begin with `-`, which is an option to `{it.used_by}`; put `--` before it."
            yield Hit(it.argument, message, (), it.steps)
    for call in view.reading.each(ast.Call):
        if call not in told and call.args and not _NOSEC.search(view.reading.source(call)):
            yield from _of_caller(view, call)


def _is_option(view: View, exposure: Exposure) -> bool:
    """Whether the value is a whole word of a program some of whose options run commands or write files."""
    words = exposure.argument.elts if isinstance(exposure.argument, ast.List) else exposure.call.args
    if not words or constant(words[0]) not in _OPTIONS_RUN:
        return False
    before: object = None
    for it in words:
        if constant(it) == "--" or (before in _TAKE_VALUE and not isinstance(it, ast.Constant)):
            return False
        before = constant(it)
        if not isinstance(it, ast.Constant) and view.untrusted(it, "argv") is not None:
            return not isinstance(view.parts(it, "argv")[0], str)
    return False


def _is_chosen(exposure: Exposure) -> bool:
    """Whether the value is the program, or the script of an interpreter."""
    before: list[str] = []
    if exposure.argument in exposure.call.args:  # the words of a program may be arguments of their own
        index = exposure.call.args.index(exposure.argument)
        before += [str(constant(it) or "?") for it in exposure.call.args[:index]]
    for it in exposure.parts:
        if it is exposure.origin:
            break
        if isinstance(it, str):
            before.append(it.strip())
        else:
            return False
    words = [it for it in before if it not in ("", ";")]
    if not words:
        return not isinstance(exposure.argument, ast.List) or exposure.argument.elts[:1] != []
    return any(_INTERPRETERS.search(it) for it in words) and any(it in _SCRIPTS for it in words)


def _of_caller(view: View, call: ast.Call) -> Iterator[Hit]:
    """A shell line with a parameter written into it, where a quote or a space in it changes the command."""
    last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if last not in _LAST or isinstance(call.args[0], ast.Constant):
        return
    name = view.callee(call)
    line = call.args[0]
    if isinstance(line, ast.List | ast.Tuple):
        script = _script(line) if name in _PROCESSES else None
        if script is None:
            return
        line = script
    elif name not in _SHELLS and not (name in _PROCESSES and constant(keyword(call, "shell")) is True):
        return
    found = view.parts(line, "command")
    if not any(isinstance(it, str) and it.strip() for it in found):
        return
    for it in found:
        if isinstance(it, Origin) and (
            is_terminal(it)
            or (is_own(it) and not _FIXED.search(it.name) and not is_one_of_few(view.project, view.path, view.reading, it))
        ):
            message = f"`{it.name}` becomes part of a shell line: a space or `;` in it changes the command; pass a list."
            yield Hit(line, message)
            return


def _script(words: ast.List | ast.Tuple) -> ast.expr | None:
    """The shell's line in `["sh", "-c", line]`, None for any other program."""
    program, flag, *rest = [*words.elts, None, None][: max(3, len(words.elts))]
    is_shell = isinstance(constant(program), str) and _SHELL.search(str(constant(program)))
    return rest[0] if is_shell and constant(flag) in ("-c", "-lc") and rest else None


_LAST = frozenset(it.rpartition(".")[2] for it in (*_PROCESSES, *_SHELLS))
