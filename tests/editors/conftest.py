"""What scenes in real editors share: the editors, the extension, the installed server, a fresh world for each test.

Nothing here is skipped silently: what a machine lacks is installed by setup.sh, or the test fails with its reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from editors.world import EXTENSION, HERE, REPOSITORY, World, code_server, environment, tools

VSIX_MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata><Identity Language="en-US" Id="python" Version="0.0.1" Publisher="ms-python"/></Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Assets><Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/></Assets>
</PackageManifest>
"""


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
def vsix(editors: Path, wheel: Path) -> Path:
    """The extension as it is published, with the wheel in it; built by the editor's own Node, as Debian's may be too old."""
    env = {**os.environ, "PATH": f"{editors}:{os.environ['PATH']}"}
    lock, installed = EXTENSION / "package-lock.json", EXTENSION / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=EXTENSION, env=env)
    _run("npm", "run", "package", "--", wheel, cwd=EXTENSION, env=env)
    version = json.loads((EXTENSION / "package.json").read_text())["version"]
    return EXTENSION / f"architect-{version}.vsix"


@pytest.fixture(scope="session")
def extensions(editors: Path, vsix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extensions folder of every world: ours, installed from its .vsix."""
    return _extensions(editors, tmp_path_factory, vsix)


@pytest.fixture(scope="session")
def python_extension(editors: Path, vsix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `extensions`, with one more under the Python extension's name, whose chosen interpreter is $CHOSEN_INTERPRETER."""
    package = tmp_path_factory.mktemp("python") / "python.vsix"
    with zipfile.ZipFile(package, "w") as archive:
        for file in (HERE / "vscode" / "python-extension").iterdir():
            archive.write(file, f"extension/{file.name}")
        archive.writestr("extension.vsixmanifest", VSIX_MANIFEST)
    return _extensions(editors, tmp_path_factory, vsix, package)


@pytest.fixture
def world(editors: Path, extensions: Path, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes a world (arguments as World's, without the folders); ended with the test, and no server may be left."""
    worlds: list[World] = []

    def make(**choices: Any) -> World:
        folder = tmp_path / f"world-{len(worlds)}"
        folder.mkdir()
        worlds.append(World(editors, **{"extensions": extensions, "folder": folder, **choices}))
        return worlds[-1]

    yield make
    for it in worlds:
        it.end()


def _extensions(editors: Path, folders: pytest.TempPathFactory, *packages: Path) -> Path:
    folder, home = folders.mktemp("extensions"), folders.mktemp("home")
    command = code_server(editors, home / "data", folder)
    for it in packages:
        command += ["--install-extension", str(it)]
    _run(*command, "--force", env=environment(home, "install", EXTENSIONS_GALLERY="{}"))
    return folder


def _run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command[:4]))} failed:\n{(done.stdout + done.stderr)[-3000:]}"
