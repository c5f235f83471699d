"""The least client that can drive any language server over stdio: it blocks, and so its clock sees nothing but the server."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Message = dict[str, Any]


class Server:
    """One server process. `started_s` is the time from its start to the answer of `initialize`; the rest are moments."""

    def __init__(self, command: Sequence[str], root: Path, settings: Message | None = None) -> None:
        self.name = Path(command[0]).name
        self._ids = 0
        self._versions: dict[str, int] = {}
        self.opened_at = self.published_at = 0.0
        before = time.perf_counter()
        self._process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": root.as_uri(),
                "workspaceFolders": [{"uri": root.as_uri(), "name": root.name}],
                "capabilities": {
                    "general": {"positionEncodings": ["utf-16"]},
                    "textDocument": {
                        "synchronization": {},
                        "publishDiagnostics": {"relatedInformation": True, "versionSupport": True},
                        "hover": {"contentFormat": ["markdown"]},
                        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}}},
                    },
                },
                "initializationOptions": {"settings": settings or {}},
            },
        )
        self.started_s = time.perf_counter() - before
        self.notify("initialized", {})

    def open(self, path: Path, text: str) -> float:
        """Seconds from didOpen to the first diagnostics."""
        uri = path.as_uri()
        self._versions[uri] = 1
        self.opened_at = time.perf_counter()
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        return self._timed(uri, "textDocument/didOpen", {"textDocument": document})

    def type(self, path: Path, line: int, column: int, old: int, new: str) -> float:
        """Seconds from replacing `old` characters at a place by `new` to the diagnostics of that version."""
        uri = path.as_uri()
        self._versions[uri] += 1
        start, end = {"line": line, "character": column}, {"line": line, "character": column + old}
        params = {
            "textDocument": {"uri": uri, "version": self._versions[uri]},
            "contentChanges": [{"range": {"start": start, "end": end}, "text": new}],
        }
        return self._timed(uri, "textDocument/didChange", params)

    def burst(self, path: Path, line: int, column: int, n_keys: int, gap_s: float) -> tuple[float, float]:
        """(seconds from the last of some keystrokes to its diagnostics, seconds of processor time they took)."""
        uri = path.as_uri()
        before = self.cpu_s
        for number in range(n_keys):
            start = {"line": line, "character": column + number}
            self._versions[uri] += 1
            change = {"range": {"start": start, "end": start}, "text": "1"}
            params = {"textDocument": {"uri": uri, "version": self._versions[uri]}, "contentChanges": [change]}
            if number == n_keys - 1:
                took = self._timed(uri, "textDocument/didChange", params)
            else:
                self.notify("textDocument/didChange", params)
                time.sleep(gap_s)
        time.sleep(0.6)  # what is done after a pause is part of the work
        return took, self.cpu_s - before

    def spread(self, path: Path, line: int, old: int, new: str, others: Sequence[Path]) -> float:
        """Seconds from replacing a line's first `old` characters to the diagnostics of this file and of all the others."""
        uri = path.as_uri()
        self._versions[uri] += 1
        change = {"range": {"start": {"line": line, "character": 0}, "end": {"line": line, "character": old}}, "text": new}
        left = {uri, *(it.as_uri() for it in others)}
        before = time.perf_counter()
        self.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": uri, "version": self._versions[uri]}, "contentChanges": [change]},
        )

        def published(it: Message) -> bool:
            if it.get("method") == "textDocument/publishDiagnostics":
                left.discard(it["params"]["uri"])
            return not left

        self._until(published)
        return time.perf_counter() - before

    def review(self, path: Path, release: Callable[[], None]) -> float:
        """Seconds from the bytes of a review's second remark, which `release` sends, to the diagnostics that show it.

        The first remark is held to be on the screen before, so the connection is up and the reviewer is awake.
        """
        uri = path.as_uri()
        self.request("workspace/executeCommand", {"command": "architect.review", "arguments": [{"uri": uri}]})

        def shown(n: int) -> Callable[[Message], bool]:
            def met(it: Message) -> bool:
                if it.get("method") != "textDocument/publishDiagnostics" or it["params"]["uri"] != uri:
                    return False
                return sum("claude" in row.get("source", "") for row in it["params"]["diagnostics"]) >= n

            return met

        self._until(shown(1))
        before = time.perf_counter()
        release()
        self._until(shown(2))
        return time.perf_counter() - before

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time the server has taken so far; 0.0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, method: str, path: Path, line: int, column: int) -> float:
        """Seconds a request about a place takes."""
        before = time.perf_counter()
        place = {"line": line, "character": column}
        params: Message = {"textDocument": {"uri": path.as_uri()}, "position": place}
        if method == "textDocument/codeAction":
            params = {
                "textDocument": {"uri": path.as_uri()},
                "range": {"start": place, "end": place},
                "context": {"diagnostics": []},
            }
        self.request(method, params)
        return time.perf_counter() - before

    def stop(self) -> None:
        """Shut the server down as an editor does."""
        self.request("shutdown", None)
        self.notify("exit", None)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def request(self, method: str, params: object) -> Any:
        """The answer's result."""
        self._ids += 1
        number = self._ids
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        answer = self._until(lambda it: it.get("id") == number and "method" not in it)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer.get("result")

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def settle(self, quiet_s: float = 1.0) -> None:
        """Wait until the server has had time to read its project, and take what it says meanwhile."""
        self._ids += 1
        number = self._ids
        threading.Timer(quiet_s, self._send, [{"jsonrpc": "2.0", "id": number, "method": "bench/settled", "params": {}}]).start()
        self._until(lambda it: it.get("id") == number and "method" not in it)  # that it does not know it will do

    def _timed(self, uri: str, method: str, params: Message) -> float:
        version = self._versions[uri]
        before = time.perf_counter()
        self.notify(method, params)

        def published(it: Message) -> bool:
            told = it.get("params") or {}
            return (
                it.get("method") == "textDocument/publishDiagnostics"
                and told["uri"] == uri
                and told.get("version") in (version, None)
            )

        self._until(published)
        return time.perf_counter() - before

    def _until(self, met: Callable[[Message], bool]) -> Message:
        while True:
            message = self._read()
            if met(message):
                return message
            if "id" in message and "method" in message:  # what servers ask of editors
                items = (message.get("params") or {}).get("items", ())
                result = [None] * len(items) if message["method"] == "workspace/configuration" else None
                self._send({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _send(self, message: Message) -> None:
        body = json.dumps(message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> Message:
        stream = self._process.stdout
        assert stream is not None
        length = 0
        while (header := stream.readline()) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            raise RuntimeError(f"{self.name} ended")
        found: Message = json.loads(stream.read(length))
        if found.get("method") == "textDocument/publishDiagnostics":
            self.published_at = time.perf_counter()
        return found
