"""Runs a drafted test in a temporary copy of the project, because a person asked for it in a folder they trust; nothing else here
runs code of a project.

The copy has no repository, no environment, no links and no file that may hold keys; the test gets none of the person's variables,
and a limited time. What it does to files, it does to the copy.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from architect_lsp.knowledge.files import may_hold_keys
from architect_lsp.patterns import regex

LIMIT_S = 60.0
_MAX_BYTES = 300_000_000
"""What a copy may take in all."""
_MAX_FILE = 20_000_000
"""Larger files are left out: data, not code."""
_KEPT = 20_000
"""Characters of the output that are kept, the last ones."""
_NEVER = frozenset(("node_modules", "__pycache__", "site-packages", "__pypackages__"))
_SUMMARY = regex(r"^(?P<kind>FAILED|ERROR)\s+\S+(?:\s+-\s+(?P<reason>.*))?$", re.MULTILINE)
_RAISED = regex(r"^E   (\S.*)$", re.MULTILINE)
"""What pytest says was raised, where it ended before a summary: in a `conftest.py`, say."""
_AS_ASSERTED = ("assert ", "Failed:", "AssertionError")
"""How pytest's summary begins where an assertion failed, or `pytest.raises` and `pytest.fail` did."""


class Outcome(Struct, frozen=True):
    """What came of a test: whether it failed as was claimed, in one line, and the end of what it printed."""

    as_claimed: bool
    line: str
    output: str = ""


async def rehearsed(root: Path, path: str, text: str, fails_with: str, *, limit_s: float = LIMIT_S) -> Outcome:
    """Run the test `text` as the file `path` of a copy of `root`; `fails_with` names the exception it is to fail with.

    Effect: copies the project, starts its interpreter, else this one; both are gone at the end, and when the task is cancelled.
    """
    with tempfile.TemporaryDirectory(prefix="architect-test-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder, "project")
        refused = await asyncio.to_thread(_copied, root, copy)
        if refused:
            return Outcome(False, refused)
        file = copy / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
        python = interpreter(root)
        code, output = await _run(python, path, copy, Path(folder), limit_s)
    if code is None:
        return Outcome(False, f"The test was stopped after {limit_s:g} seconds.", output)
    return _outcome(code, output, fails_with, python)


def interpreter(root: Path) -> str:
    """The Python of the project's own environment, else the one that runs this."""
    inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    own = (root / it / Path(*inside) for it in (".venv", "venv"))
    return next((str(it) for it in own if it.is_file()), sys.executable)


def _copied(root: Path, copy: Path) -> str:
    """Copy what a test may need; why it can't be, or "". Effect: writes below `copy`."""
    left = _MAX_BYTES
    try:
        for folder, name in _files(root):
            size = (folder / name).stat().st_size
            if size > _MAX_FILE:
                continue
            left -= size
            if left < 0:
                return f"The project is larger than {_MAX_BYTES // 1_000_000} MB, so it is not copied to run a test."
            target = copy / folder.relative_to(root)
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, target / name)
    except OSError as error:
        return f"The project could not be copied: {error.strerror} ({error.filename})."
    return ""


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = [
            it
            for it in folders
            if it not in _NEVER
            and not it.startswith(".")
            and not (here / it / "pyvenv.cfg").exists()
            and not (here / it).is_symlink()
        ]
        yield from (
            (here, it) for it in names if not may_hold_keys(it) and (here / it).is_file() and not (here / it).is_symlink()
        )


async def _run(python: str, path: str, copy: Path, folder: Path, limit_s: float) -> tuple[int | None, str]:
    """(exit code, None when the time was up, the end of the output)."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "COLUMNS": "400",  # the summary's reasons are cut at the terminal's edge
        "PYTHONDONTWRITEBYTECODE": "1",
        # before what an editable installation names: that is the original
        "PYTHONPATH": os.pathsep.join((str(copy), str(copy / "src"))),
        **({"SYSTEMROOT": os.environ["SYSTEMROOT"]} if "SYSTEMROOT" in os.environ else {}),
    }
    # the project's own options are left out: they may start workers, or measure coverage
    command = ("-m", "pytest", path, "-q", "-x", "-rfE", "--tb=short", "--color=no", "-p", "no:cacheprovider", "-o", "addopts=")
    process = await asyncio.create_subprocess_exec(
        python,
        *command,
        cwd=copy,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    said = bytearray()

    async def read() -> int:
        assert process.stdout is not None
        while piece := await process.stdout.read(65_536):
            said.extend(piece)
            del said[: -4 * _KEPT]
        return await process.wait()

    code: int | None = None
    try:
        code = await asyncio.wait_for(read(), limit_s)
    except asyncio.TimeoutError:
        code = None
    finally:
        _end(process)
        await process.wait()
    return code, said.decode("utf-8", "replace")[-_KEPT:]


def _end(process: asyncio.subprocess.Process) -> None:
    """End a process and all it has started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _outcome(code: int, output: str, fails_with: str, python: str) -> Outcome:
    if "No module named pytest" in output:
        return Outcome(False, f"The test was not run: pytest is not installed for {python}.", output)
    rows = [(it["kind"], (it["reason"] or "").strip()) for it in _SUMMARY.finditer(output)]
    errors = [reason for kind, reason in rows if kind == "ERROR"]
    if code == 0:
        return Outcome(False, "The test passes, so it doesn't show what it claims.", output)
    if code != 1 or errors or not rows:
        said = [it for it in (*errors, *_RAISED.findall(output)[-1:]) if it]
        return Outcome(False, f"The test could not be run: {said[0] if said else 'see the output'}", output)
    reason = rows[0][1] or "no reason is given"
    expected = fails_with.rpartition(".")[2] or "AssertionError"
    asserted = expected in ("AssertionError", "Failed") and reason.startswith(_AS_ASSERTED)
    if asserted or re.match(rf"(?:[\w.]+\.)?{re.escape(expected)}\b", reason):
        return Outcome(True, f"The test fails as claimed: {reason}", output)
    return Outcome(False, f"The test fails with another error than claimed ({expected}): {reason}", output)
