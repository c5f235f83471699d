"""Real editors and what they need: installed once, started fresh for each test, ended without a trace.

Processes that a world starts carry `ARCHITECT_TEST_WORLD` in their environment, which their children inherit: so a server
that outlives its editor is found, whoever adopted it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
EXTENSION = REPOSITORY / "client-extension"
MARK = "ARCHITECT_TEST_WORLD"
KEYS = ("ARCHITECT_API_KEY", "ANTHROPIC_API_KEY")

_Seen = TypeVar("_Seen")

QUIET: dict[str, Any] = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.tips.enabled": False,
    "workbench.enableExperiments": False,
    "workbench.colorTheme": "Default Dark Modern",
    "workbench.editor.enablePreview": False,
    "workbench.editor.useModal": "off",
    "workbench.layoutControl.enabled": False,
    "window.commandCenter": False,
    "window.menuBarVisibility": "compact",
    "chat.disableAIFeatures": True,
    "editor.autoClosingBrackets": "never",
    "editor.autoClosingQuotes": "never",
    "editor.fontFamily": "'Fira Code', 'DejaVu Sans Mono', monospace",
    "editor.fontSize": 13,
    "editor.occurrencesHighlight": "off",
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.hover.delay": 60_000,  # hovers come when they are asked for, not where the mouse happens to be
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "extensions.ignoreRecommendations": True,
    "files.autoSave": "off",
    "git.enabled": False,
    "remote.autoForwardPorts": False,
    "problems.defaultViewMode": "tree",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
}
"""Settings of the person in a world: nothing that moves by itself, nothing that asks."""


def until(see: Callable[[], _Seen], what: str, timeout_s: float = 20) -> _Seen:
    """The first thing seen that is true. Raises AssertionError, with the last thing seen, when there is none in time."""
    end = time.monotonic() + timeout_s
    while True:
        seen = see()
        if seen:
            return seen
        assert time.monotonic() < end, f"{what}: not within {timeout_s} s; last seen: {seen!r}"
        time.sleep(0.1)


def tools() -> Path:
    """The folder with the editors of this version, installed where they are missing. Raises AssertionError with the reason."""
    done = subprocess.run(["bash", HERE / "setup.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"tests/editors/setup.sh failed:\n{done.stderr[-3000:]}"
    return Path(done.stdout.splitlines()[-1])


def servers(mark: str) -> list[int]:
    """Process ids of the language servers that belong to the world `mark`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended meanwhile, or belongs to somebody else
        if f"{MARK}={mark}".encode() in environment and b"serve" in command:
            found.append(int(process.name))
    return found


def environment(home: Path, mark: str, **more: str) -> dict[str, str]:
    """An environment with a home of its own, no keys, and nothing of an editor this test itself may run in."""
    dropped = (*KEYS, "PYTHONPATH", "VIRTUAL_ENV", "ARCHITECT_CACHE")  # a world has a cache, and so a ledger, of its own
    kept = {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith(("VSCODE_", "XDG_"))}
    kept.setdefault("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
    folders = {f"XDG_{it}_HOME": str(home / it.lower()) for it in ("CONFIG", "CACHE", "DATA", "STATE")}
    return {**kept, **folders, "HOME": str(home), "LANG": "C.UTF-8", MARK: mark, **more}


class Window:
    """A VS Code window. Each method is one request to driver.mjs; a refusal is an AssertionError with a screenshot's path."""

    def __init__(self, tools_folder: Path, shots: Path) -> None:
        arguments = json.dumps({"tools": str(tools_folder), "shots": str(shots)})
        command = [tools_folder / "node", HERE / "vscode" / "driver.mjs", arguments]
        self._driver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request: str, /, **details: Any) -> Any:
        """The answer of driver.mjs to a request."""
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps({"do": request, **details}) + "\n")
        self._driver.stdin.flush()
        line = self._driver.stdout.readline()
        assert line, f"the browser's driver ended during {request!r}"
        answer = json.loads(line)
        assert "error" not in answer, f"{answer['error']}\n(screenshot: {answer['screenshot']})"
        return answer["value"]

    def end(self) -> None:
        """Close the window, then the browser."""
        try:
            self.ask("close")
            self._driver.communicate(timeout=20)
        finally:
            self._driver.kill()
            self._driver.communicate()


@dataclass
class World:
    """One code-server with one person's settings, and windows into it."""

    tools: Path
    extensions: Path
    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    programs: Path | None = None
    """Put before the person's PATH, in the profile of the shell that VS Code asks for it."""
    trust: bool = False
    """Whether VS Code asks for trust; else every folder is trusted."""

    def __post_init__(self) -> None:
        self.mark = f"{os.getpid()}-{time.monotonic_ns()}"
        self.port = _free_port()
        self.data = self.folder / "data"
        self._windows: list[Window] = []
        trust = {"security.workspace.trust.enabled": True, "security.workspace.trust.startupPrompt": "never"}
        person = {**QUIET, **(trust if self.trust else {}), **self.settings}
        for name, settings in (("User", person), ("Machine", self.machine)):
            (self.data / name).mkdir(parents=True)
            (self.data / name / "settings.json").write_text(json.dumps(settings))
        home = self.folder / "home"
        home.mkdir()
        if self.programs:
            for name in (".profile", ".bashrc"):
                (home / name).write_text(f'export PATH="{self.programs}:$PATH"\n')
        variables = {"EXTENSIONS_GALLERY": "{}", **self.variables}
        command = [
            *code_server(self.tools, self.data, self.extensions),
            *("--auth", "none", "--bind-addr", f"127.0.0.1:{self.port}", "--disable-telemetry", "--disable-update-check"),
            *("--disable-getting-started-override", "--disable-proxy", "--ignore-last-opened"),
            *(() if self.trust else ("--disable-workspace-trust",)),
        ]
        self.log = self.folder / "code-server.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=environment(home, self.mark, **variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._healthy, f"code-server answers (log: {self.log})", 60)

    def window(self, folder: Path) -> Window:
        """A new window on the folder."""
        window = Window(self.tools, self.folder)
        self._windows.append(window)
        window.ask("open", url=f"http://127.0.0.1:{self.port}/?folder={folder}")
        return window

    def servers(self) -> list[int]:
        """Process ids of the language servers that run in this world."""
        return servers(self.mark)

    def output(self) -> str:
        """What the extension wrote to its output so far, all windows together."""
        return "\n".join(it.read_text() for it in sorted((self.data / "logs").rglob("*Architect.log")))

    def end(self) -> None:
        """Close everything. Raises AssertionError if a language server outlives its window."""
        try:
            for window in self._windows:
                window.end()
            until(lambda: not self.servers(), "the server ends with its window", 20)
        finally:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def _healthy(self) -> bool:
        assert self._process.poll() is None, f"code-server ended: {self.log.read_text()[-1000:]}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def code_server(tools_folder: Path, data: Path, extensions: Path) -> list[str]:
    """The command that starts code-server, without what it is to do."""
    entry = tools_folder / "node_modules" / "code-server" / "out" / "node" / "entry.js"
    return [str(tools_folder / "node"), str(entry), "--user-data-dir", str(data), "--extensions-dir", str(extensions)]


def copy_of(example: str, to: Path) -> Path:
    """A copy of an example project, without what running it left there."""
    ignore = shutil.ignore_patterns("__pycache__", ".pytest_cache", ".venv", "*.db")
    return Path(shutil.copytree(REPOSITORY / "examples" / example, to / example, ignore=ignore))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
