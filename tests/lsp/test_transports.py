"""Remote editors reach the same server over TCP and WebSocket, and no process stays behind when they leave."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from websockets.asyncio.client import ClientConnection, connect

SLEEPY = "import time\n\n\nasync def poll():\n    time.sleep(1)\n"
INITIALIZE = {"processId": None, "rootUri": None, "capabilities": {}}
DOCUMENT = {"uri": "untitled:one.py", "languageId": "python", "version": 1, "text": SLEEPY}

T = TypeVar("T")
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


def free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        port: int = it.getsockname()[1]
        return port


async def connected(attempt: Callable[[], Awaitable[T]], left: int = 200) -> T:
    """What `attempt` gives once the server listens; asked again every tenth of a second, as its start has no message."""
    try:
        return await attempt()
    except OSError:
        assert left, "the server does not listen"
    await asyncio.sleep(0.1)
    return await connected(attempt, left - 1)


async def conversation(send: Send, receive: Receive) -> list[str]:
    """Open a text, and give the rules of the first diagnostics that are not empty."""
    await send({"id": 1, "method": "initialize", "params": INITIALIZE})
    while (await receive()).get("id") != 1:
        pass
    await send({"method": "initialized", "params": {}})
    await send({"method": "textDocument/didOpen", "params": {"textDocument": DOCUMENT}})
    while True:
        message = await receive()
        if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["diagnostics"]:
            return [it["code"] for it in message["params"]["diagnostics"]]


@pytest.mark.parametrize("transport", ["tcp", "ws"])
async def test_a_remote_editor_gets_findings_and_leaves_no_process(transport: str) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "architect_lsp", "serve", f"--{transport}", f"127.0.0.1:{port}", stderr=asyncio.subprocess.PIPE
    )
    try:
        found = await asyncio.wait_for((_over_tcp if transport == "tcp" else _over_ws)(port), 60)
        assert found == ["blocking-call-in-async"]
        await asyncio.wait_for(process.wait(), 20)
    finally:
        if process.returncode is None:
            process.kill()
        assert process.stderr is not None
        assert b"Traceback" not in await process.stderr.read()
        await process.wait()


async def _over_tcp(port: int) -> list[str]:
    reader, writer = await connected(lambda: asyncio.open_connection("127.0.0.1", port))

    async def send(message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async def receive() -> dict[str, Any]:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(it.split(b":")[1]) for it in head.split(b"\r\n") if it.lower().startswith(b"content-length"))
        found: dict[str, Any] = json.loads(await reader.readexactly(length))
        return found

    found = await conversation(send, receive)
    await send({"id": 2, "method": "shutdown"})
    while (await receive()).get("id") != 2:
        pass
    await send({"method": "exit"})
    writer.close()
    return found


async def _over_ws(port: int) -> list[str]:
    async def attempt() -> ClientConnection:
        return await connect(f"ws://127.0.0.1:{port}", proxy=None)

    ws = await connected(attempt)

    async def send(message: dict[str, Any]) -> None:
        await ws.send(json.dumps({"jsonrpc": "2.0", **message}))

    async def receive() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await ws.recv())
        return found

    found = await conversation(send, receive)
    await send({"id": 2, "method": "shutdown"})
    while (await receive()).get("id") != 2:
        pass
    await send({"method": "exit"})
    await ws.close()
    return found
