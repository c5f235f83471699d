"""What a type checker's go-to-definition says of many names of a project: basedpyright's language server, in an environment."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlparse

from support.truth import CACHE, environment

PINS = ("basedpyright==1.40.2", "pydantic==2.14.4", "django==5.2.19", "sqlalchemy==2.1.9")
"""The checker, and the libraries whose base classes and decorators it must know to see through them."""
_SETTINGS = {
    "basedpyright.analysis": {
        "diagnosticMode": "openFilesOnly",
        "typeCheckingMode": "off",
        "autoSearchPaths": True,
        "useLibraryCodeForTypes": True,
        "extraPaths": [],
    },
}


class Spot(NamedTuple):
    """A place in a file below the root: line and UTF-16 column from 0."""

    path: str
    line: int
    column: int


def definitions(root: Path, spots: Iterable[Spot]) -> dict[Spot, list[Spot]]:
    """Where the names at these spots are defined, as the checker says; what lies outside the root has an absolute path.

    Effect: keeps the answers in the cache, under the folder's name (of a release) and the versions of the checker.
    """
    digest = hashlib.sha256("\n".join(PINS).encode()).hexdigest()[:12]
    kept = CACHE / f"definitions-{root.name}-{digest}.json"
    rows = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
    known = {Spot(*spot): [Spot(*it) for it in found] for spot, found in rows}
    wanted = sorted(set(spots))
    if fresh := [it for it in wanted if it not in known]:
        known.update(_asked(root, fresh))
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(list(known.items())), encoding="utf-8")
        part.replace(kept)
    return {it: known[it] for it in wanted}


def _asked(root: Path, spots: list[Spot]) -> Iterator[tuple[Spot, list[Spot]]]:
    python = environment("calls", PINS)
    server = python.parent / "basedpyright-langserver"
    with subprocess.Popen([str(server), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        wire = _Wire(process, {**_SETTINGS, "python": {"pythonPath": str(python)}})
        wire.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": root.as_uri(),
                "workspaceFolders": [{"uri": root.as_uri(), "name": "root"}],
                "capabilities": {"workspace": {"configuration": True, "workspaceFolders": True}},
            },
        )
        wire.tell("initialized", {})
        wire.wait_for("source file")  # before it knows its files it answers with nothing
        for spot in spots:
            document = {"uri": (root / spot.path).as_uri()}
            position = {"line": spot.line, "character": spot.column}
            found = wire.ask("textDocument/definition", {"textDocument": document, "position": position}) or []
            yield spot, [_spot(root, it) for it in (found if isinstance(found, list) else [found])]
        wire.ask("shutdown", None)
        wire.tell("exit", None)


def _spot(root: Path, location: dict[str, Any]) -> Spot:
    path = Path(unquote(urlparse(location["uri"]).path))
    start = location["range"]["start"]
    inside = path.is_relative_to(root)
    return Spot(path.relative_to(root).as_posix() if inside else str(path), start["line"], start["character"])


class _Wire:
    """JSON-RPC over the pipes of a language server; its requests are answered while ours wait."""

    def __init__(self, process: subprocess.Popen[bytes], settings: dict[str, Any]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdout, process.stdin
        self._settings = settings
        self._number = 0

    def wait_for(self, words: str) -> None:
        """Answer requests until the server logs a line with these words."""
        while True:
            message = self._received()
            if "method" in message and "id" in message:
                self._answer(message)
            elif words in str(message.get("params", {}).get("message", "")):
                return

    def tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: Any) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._received()
            if message.get("id") == self._number and "method" not in message:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
            if "id" in message and "method" in message:
                self._answer(message)

    def _answer(self, message: dict[str, Any]) -> None:
        result: Any = None
        if message["method"] == "workspace/configuration":
            result = [self._settings.get(it.get("section", ""), {}) for it in message["params"]["items"]]
        self._send({"id": message["id"], "result": result})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._out.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._out.flush()

    def _received(self) -> dict[str, Any]:
        length = 0
        while (line := self._in.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            raise AssertionError("the language server is gone")
        return json.loads(self._in.read(length))
