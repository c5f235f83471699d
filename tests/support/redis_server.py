"""A Redis on the loopback interface for the tests of a team's ledger: the real one, and a small one that can fail on purpose."""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator

PROGRAM = shutil.which("redis-check-rdb")
"""Debian's redis-tools: the server's program under another name, which it goes by. None where it is not installed."""


@contextlib.contextmanager
def real() -> Iterator[str]:
    """The URL of a real Redis, which keeps nothing on disk."""
    assert PROGRAM is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        process = subprocess.Popen(command, executable=PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        try:
            assert any("Ready to accept connections" in line for line in process.stdout), "the server did not start"
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


class Small:
    """A server that speaks as much of version 2 of the protocol as a ledger needs.

    `fault`: "" answers, "hang" does not for a while, "garbage" answers in no protocol, "gone" closes the connection.
    """

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.expires_s: dict[bytes, int] = {}
        self.fault = ""
        self.n_commands = 0
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler(), bind_and_activate=True)
        self._server.daemon_threads = True
        self._server.block_on_close = False

    def __enter__(self) -> Small:
        threading.Thread(target=self._server.serve_forever, daemon=True, name="small-redis").start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"redis://:secret-of-the-team@127.0.0.1:{self._server.server_address[1]}/0?protocol=2"

    def stop(self) -> None:
        """Go away: nothing listens any more."""
        self.fault = "gone"
        self._server.shutdown()
        self._server.server_close()

    def answer(self, *words: bytes) -> bytes:
        name = words[0].upper()
        if name == b"GET":
            return _bulk(self.data.get(words[1]))
        if name == b"MGET":
            return b"*%d\r\n" % (len(words) - 1) + b"".join(_bulk(self.data.get(it)) for it in words[1:])
        if name == b"SET":
            options = [it.upper() for it in words[3:]]
            if b"NX" in options and words[1] in self.data:
                return b"$-1\r\n"
            if b"EX" in options:
                self.expires_s[words[1]] = int(words[3 + options.index(b"EX") + 1])
            self.data[words[1]] = words[2]
            return b"+OK\r\n"
        if name in (b"AUTH", b"CLIENT", b"SELECT", b"PING"):
            return b"+OK\r\n"
        return b"-ERR unknown command\r\n"

    def _handler(small: Small) -> type[socketserver.StreamRequestHandler]:  # noqa: N805
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(ConnectionError, ValueError):
                    while head := self.rfile.readline():
                        words = [self._word() for _ in range(int(head[1:]))]
                        small.n_commands += 1
                        if small.fault == "gone":
                            return
                        if small.fault == "hang":
                            time.sleep(10)
                        self.wfile.write(b"what?\r\n" if small.fault == "garbage" else small.answer(*words))

            def _word(self) -> bytes:
                size = int(self.rfile.readline()[1:])
                return self.rfile.read(size + 2)[:-2]

        return Handler


def _bulk(value: bytes | None) -> bytes:
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
