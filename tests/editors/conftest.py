"""What scenes in real editors share: the editors, the extension, the installed server, a fresh world for each test.

Nothing here is skipped silently: what a machine lacks is installed by setup.sh, or the test fails with its reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from editors.world import EXTENSION, REPOSITORY, World, code_server, environment, tools


@pytest.fixture(scope="session")
def editors() -> Path:
    """The folder with the editors."""
    return tools()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server as it is published, built from this repository; a ready one is named by ARCHITECT_TEST_WHEEL."""
    if ready := os.environ.get("ARCHITECT_TEST_WHEEL"):
        return Path(ready)
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, REPOSITORY)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the server in it; its interpreter is `bin/python`, its command `bin/architect-lsp`.

    What the server needs is taken from the environment of these tests: to install it anew takes half a minute, and the
    extension's own environment, made in a scene, proves that it can be.
    """
    folder = tmp_path_factory.mktemp("installed") / "env"
    _run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (packages / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


@pytest.fixture(scope="session")
def vsix(wheel: Path) -> Path:
    """The extension as it is published, with the wheel in it."""
    if not (EXTENSION / "node_modules" / ".package-lock.json").exists():
        _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=EXTENSION)
    _run("npm", "run", "package", "--", wheel, cwd=EXTENSION)
    version = json.loads((EXTENSION / "package.json").read_text())["version"]
    return EXTENSION / f"architect-{version}.vsix"


@pytest.fixture(scope="session")
def extensions(editors: Path, vsix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extensions folder of every world: ours, installed from its .vsix."""
    folder = tmp_path_factory.mktemp("extensions")
    home = tmp_path_factory.mktemp("home")
    command = [*code_server(editors, home / "data", folder), "--install-extension", str(vsix), "--force"]
    _run(*command, env=environment(home, "install", EXTENSIONS_GALLERY="{}"))
    return folder


@pytest.fixture
def world(editors: Path, extensions: Path, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes a world (arguments as World's, without the folders); ended with the test, and no server may be left."""
    worlds: list[World] = []

    def make(**choices: Any) -> World:
        folder = tmp_path / f"world-{len(worlds)}"
        folder.mkdir()
        worlds.append(World(editors, extensions, folder, **choices))
        return worlds[-1]

    yield make
    for it in worlds:
        it.end()


def _run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command[:4]))} failed:\n{(done.stdout + done.stderr)[-3000:]}"
