"""Real applications in environments of their own, so that a test can ask the framework itself. All is kept in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from architect_lsp.engine import Workspace
from architect_lsp.knowledge.project import Project
from architect_lsp.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("ARCHITECT_TEST_CACHE", ROOT / ".cache")) / "truth"
TIMEOUT_S = 600


def environment(name: str, pins: Sequence[str]) -> Path:
    """The python of a virtual environment that has these packages. Effect: makes it once; a failure says its last line."""
    digest = hashlib.sha256("\n".join([sys.version, *pins]).encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}"
    python = folder / "bin" / "python"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(folder)])
            _run([str(python), "-m", "pip", "install", "--quiet", "--prefer-binary", "--disable-pip-version-check", *pins])
            (folder / "complete").touch()
    return python


def source(python: Path, *packages: str) -> Path:
    """A folder with a copy of these installed packages alone. Effect: makes it once."""
    folder = python.parent.parent / f"source-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:8]}"
    if not folder.exists():
        site = next((python.parent.parent / "lib").glob("python*/site-packages"))
        fresh = folder.with_suffix(f".{os.getpid()}")
        for it in packages:
            shutil.copytree(site / it, fresh / it, ignore=shutil.ignore_patterns("__pycache__", "*.js", "*.css", "*.map"))
        (fresh / "pyproject.toml").touch()  # else the nearest root is that of this repository
        fresh.rename(folder)
    return folder


def said(python: Path, script: str, *arguments: str, cwd: Path | None = None) -> Any:
    """What a script prints as JSON when it runs in an environment."""
    return json.loads(_run([str(python), "-W", "ignore", "-c", textwrap.dedent(script), *arguments], cwd=cwd).splitlines()[-1])


def project_of(root: Path) -> Project:
    """What we know of the files below a folder."""
    workspace = Workspace(root.resolve(), Settings())
    workspace.scan()
    return workspace.project


def _run(command: list[str], cwd: Path | None = None) -> str:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S)
    if done.returncode:
        raise AssertionError(f"{command[0]} ... failed: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    return done.stdout
