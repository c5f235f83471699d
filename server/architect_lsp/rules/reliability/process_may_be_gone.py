"""A process is looked up by its number as if it were sure to run.

Why: `psutil.Process(pid)` raises `NoSuchProcess` when the process has ended, and a number that was kept in a file or a row is
mostly older than the process.
Instead: say what happens when it is gone.

    try:
        psutil.Process(pid).terminate()
    except psutil.NoSuchProcess:
        logger.info("%s has ended already", pid)

Consequences: what was to stop, or tidy up after, a dead process fails, and leaves its file behind.
Tests: the number of a process that has ended.
Source: CWE-754; https://psutil.readthedocs.io/en/latest/#psutil.NoSuchProcess
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.handlers import is_caught
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4", "E1"],
    cwe=754,
    needs=["psutil"],
    bad=[
        Bad("""
import psutil

def stop(pid, path):
    if pid:
        worker = [|psutil.Process(pid)|]
        worker.terminate()
    path.unlink()
"""),
    ],
    good=[
        """
import os
import psutil

def stop(pid, path):
    try:
        psutil.Process(pid).terminate()
    except psutil.NoSuchProcess:
        pass
    if psutil.pid_exists(pid):
        psutil.Process(pid).kill()

def size():
    pid = os.getpid()
    return psutil.Process(os.getpid()).memory_info().rss + psutil.Process().num_threads() + psutil.Process(pid).num_fds()
""",
    ],
)

_GONE = ("NoSuchProcess", "Error", "OSError", "ProcessLookupError")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Processes of a given number, looked up where nothing takes the error."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if view.callee(call) != "psutil.Process" or len(call.args) != 1 or is_caught(reading, call, _GONE):
            continue
        if not _is_own(reading, call.args[0]) and not _is_asked(reading, call):
            yield Hit(call, "This raises `NoSuchProcess` when the process has ended, and nothing here takes it.")


def _is_own(reading: Reading, pid: ast.expr) -> bool:
    made = reading.bindings(reading.function(pid)).get(pid.id, []) if isinstance(pid, ast.Name) else []
    return any(isinstance(it, ast.Call) and dotted(it.func) in ("os.getpid", "os.getppid") for it in (pid, *made))


def _is_asked(reading: Reading, call: ast.Call) -> bool:
    """Whether the function looks first, or is itself a small helper whose callers do."""
    function = reading.function(call)
    rows = reading.within(function) if function is not None else []
    return any(isinstance(it, ast.Attribute) and it.attr in ("pid_exists", "pids", "process_iter") for it in rows)
