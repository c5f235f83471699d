"""A drafted test is run in a copy: what it says is told, what it does stays there, and it ends in time."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from architect_lsp.rehearsal import interpreter, rehearsed

TEST = "from app.total import total\n\n\ndef test_nothing_costs_nothing():\n    {body}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a function that fails on an empty list."""
    root = tmp_path / "shop"
    for name, text in (
        ("app/__init__.py", ""),
        ("app/total.py", "def total(prices):\n    first, *rest = prices\n    return first + sum(rest)\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "--cov=app -n 4"\n'),
        (".env", "PASSWORD=hunter2\n"),
        ("deploy.pem", "-----BEGIN PRIVATE KEY-----\n"),
        (".git/HEAD", "ref: x\n"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("body", "fails_with", "as_claimed", "words"),
    [
        ("assert total([1]) == 2", "AssertionError", True, "fails as claimed: assert 1 == 2"),
        ("assert total([]) == 0", "ValueError", True, "fails as claimed: ValueError: not enough values"),
        ("assert total([]) == 0", "AssertionError", False, "another error than claimed (AssertionError): ValueError"),
        ("assert total([1]) == 1", "AssertionError", False, "passes, so it doesn't show what it claims"),
        ("import nowhere_at_all", "AssertionError", False, "another error than claimed (AssertionError): ModuleNotFoundError"),
    ],
)
async def test_what_became_of_it_is_said(project: Path, body: str, fails_with: str, as_claimed: bool, words: str) -> None:
    outcome = await rehearsed(project, "tests/test_total.py", TEST.format(body=body), fails_with)
    assert words in outcome.line
    assert outcome.as_claimed is as_claimed
    assert not (project / "tests").exists(), "the project itself has no new file"


async def test_one_that_can_t_be_collected_is_no_failing_test(project: Path) -> None:
    outcome = await rehearsed(
        project, "tests/test_total.py", "from app.total import sums\n\n\ndef test_it(): ...\n", "ImportError"
    )
    assert not outcome.as_claimed
    assert outcome.line.startswith("The test could not be run")


async def test_it_sees_neither_keys_nor_the_person_s_variables_and_writes_to_the_copy(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-made-up")
    look = (
        "import os, pathlib; root = pathlib.Path.cwd(); "
        "found = [str(it.relative_to(root)) for it in root.rglob('*') if it.is_file()]; "
        "(root / 'app' / 'total.py').write_text('gone'); "
        "assert found == [] and os.environ.get('ANTHROPIC_API_KEY'), (sorted(found), os.environ.get('ANTHROPIC_API_KEY'))"
    )
    outcome = await rehearsed(project, "tests/test_total.py", TEST.format(body=look), "AssertionError")
    assert outcome.as_claimed, outcome
    assert "['app/__init__.py', 'app/total.py', 'pyproject.toml', 'tests/test_total.py'], None" in outcome.output
    assert "sk-made-up" not in outcome.output
    assert "first, *rest" in (project / "app" / "total.py").read_text()


async def test_one_that_doesn_t_end_is_stopped_with_all_it_has_started(project: Path, tmp_path: Path) -> None:
    mark = tmp_path / "child"
    child = (
        "import subprocess, sys, time; it = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        f"open({str(mark)!r}, 'w').write(str(it.pid)); time.sleep(60)"
    )
    started = time.monotonic()
    outcome = await rehearsed(project, "tests/test_total.py", TEST.format(body=child), "AssertionError", limit_s=15)
    assert outcome.line == "The test was stopped after 15 seconds."
    assert time.monotonic() - started < 55
    assert mark.exists(), "it had begun"
    assert _is_gone(int(mark.read_text()))


async def test_cancelling_ends_it(project: Path, tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    body = f"open({str(mark)!r}, 'w').write(str(__import__('os').getpid())); __import__('time').sleep(60)"
    task = asyncio.create_task(rehearsed(project, "tests/test_total.py", TEST.format(body=body), "AssertionError"))
    for _ in range(600):
        if mark.exists() and mark.read_text():
            break
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _is_gone(int(mark.read_text()))


def test_the_project_s_own_environment_is_used(project: Path) -> None:
    assert interpreter(project) == sys.executable
    inside = project / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    inside.mkdir(parents=True)
    own = inside / ("python.exe" if os.name == "nt" else "python")
    own.write_text("")
    assert interpreter(project) == str(own)


def _is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False
