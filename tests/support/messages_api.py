"""A Messages API on the loopback interface: scripted answers, and every fault a real one has.

    with MessagesApi(Stream([remark("db.commit()", "One commit an item.")])) as api:
        claude = Claude(Settings(base_url=api.url), "key")

Answers are given in order, the last one again and again. The server runs in a thread with a loop of its own, so that a
test's loop is never the one that serves. Nothing here waits for a time unless `pace_s` asks for it: `reached`, `release` and
`closed` are events.

From a shell, for tests that drive an editor: `python -m support.messages_api --port 8787 --script script.json`. The script
is a list of remarks, or an object with the fields of `Stream` (`remarks`, `pace_s`, `chunk`, ...) or of `Status`, or
`{"answers": [...]}` with several of those. Fields of a remark that are left out are filled in.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FAULTS = ("", "cut", "reset", "error", "early-end", "garbage", "silence", "pings", "bad-event")
"""What befalls a stream after its text: "" ends well, "cut" closes without an end, "reset" resets the connection, "error"
sends `event: error`, "early-end" ends the response properly but without `message_stop`, "garbage" sends text that is no JSON
in place of the remarks, "silence" and "pings" never go on, "bad-event" sends an event whose data is no JSON."""


def remark(quote: str, message: str = "This could be better.", **fields: Any) -> dict[str, Any]:
    """A whole remark as the model writes it, with the given fields and quiet defaults for the others."""
    parts = ("consequences", "instead", "why", "trade_offs", "tests", "security", "observability", "performance")
    defaults: dict[str, Any] = {
        "quote": quote,
        "symbol": "",
        "rule": "made-up",
        "domain": "backend",
        "severity": "warning",
        "confidence": "high",
        "message": message,
        **dict.fromkeys(parts, ""),
        "fix": {"title": "", "edits": []},
    }
    unknown = fields.keys() - defaults.keys()
    if unknown:
        raise TypeError(f"a remark has no {sorted(unknown)}")
    return {**defaults, **fields}


def fix(title: str, *edits: tuple[str, str]) -> dict[str, Any]:
    """The `fix` of a remark: pairs of quote and replacement."""
    return {"title": title, "edits": [{"quote": quote, "replacement": text} for quote, text in edits]}


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer streamed as server-sent events: text in pieces of `chunk` characters, `pace_s` seconds apart.

    `hold_after` stops after so many whole remarks until `release()`; the client then has exactly these. `text` replaces the
    JSON of the remarks. `fault` (of FAULTS) happens after `fault_after` characters of the text, None means after all of it.
    """

    remarks: Sequence[Mapping[str, Any]] = ()
    pace_s: float = 0.0
    chunk: int = 24
    hold_after: int | None = None
    text: str | None = None
    fault: str = ""
    fault_after: int | None = None
    stop_reason: str | None = "end_turn"
    explanation: str | None = None
    input_tokens: int = 1_000
    cached_tokens: int = 0
    written_tokens: int = 0
    output_tokens: int = 200
    thinking: bool = True

    def pieces(self) -> list[str | None]:
        """The text in pieces; None stands where the stream is held."""
        if self.fault == "garbage":
            return list(_split("I looked at it } ] and { it is fine. [1]", self.chunk))
        if self.text is not None:
            return list(_split(self.text, self.chunk))
        remarks = [json.dumps(it, ensure_ascii=False) for it in self.remarks]
        if self.hold_after is None:
            return list(_split('{"remarks": [' + ", ".join(remarks) + "]}", self.chunk))
        before, after = remarks[: self.hold_after], remarks[self.hold_after :]
        head = '{"remarks": [' + ", ".join(before)
        tail = (", " if before and after else "") + ", ".join(after) + "]}"
        return [*_split(head, self.chunk), None, *_split(tail, self.chunk)]


@dataclass(frozen=True, slots=True)
class Status:
    """An answer with an HTTP status; `body` None gives the error document of the API, with `type` and `message`."""

    status: int
    type: str = "api_error"
    message: str = "made up"
    error_code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is not None:
            return self.body.encode()
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.error_code:
            error["details"] = {"error_code": self.error_code}
        return json.dumps({"type": "error", "error": error, "request_id": "req_made_up"}).encode()


@dataclass(frozen=True, slots=True)
class Silence:
    """No byte of an answer, ever."""


Answer = Stream | Status | Silence


def html(status: int = 200) -> Status:
    """A page of a proxy in place of an answer."""
    return Status(status, headers={"content-type": "text/html"}, body="<html><body>Please sign in</body></html>")


def redirect(to: str) -> Status:
    """307 to another place, which would take the source code there."""
    return Status(307, headers={"location": to}, body="")


def unsupported(name: str = "output_config") -> Status:
    """What a compatible server answers that doesn't know the field `name`."""
    return Status(400, "invalid_request_error", f"{name}: Extra inputs are not permitted")


def faults(quote: str) -> dict[str, tuple[Answer, ...]]:
    """Words that a person is to read -> what the API answers, attempt by attempt. `quote` is a line of the code under review.

    In this order no three failures in a row are the service's, so that it is asked each time.
    """
    whole = [remark(quote)]
    busy, broken = (Status(it, headers={"retry-after": "0.01"}) for it in (529, 500))
    return {
        "doesn't accept the API key (401)": (Status(401),),
        "is overloaded (529)": (busy,) * 3,
        "may not use": (Status(403, "permission_error"),),
        "asks for payment (402": (Status(402, "billing_error"),),
        "failed (500)": (broken,) * 3,
        "has no Messages API at this address (404)": (Status(404),),
        "doesn't know the model": (Status(404, "not_found_error"),),
        "too large for": (Status(413, "request_too_large"),),
        "limits your requests (429): try again in 60 min": (Status(429, "rate_limit_error", headers={"retry-after": "3600"}),),
        "is longer than what": (Status(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),),
        "with a web page": (html(),),
        "partial (1 finding kept): The connection": (Stream(whole, fault="cut"),),
        "redirects elsewhere (307)": (redirect("https://example.com/"),),
        "partial (1 finding kept): 127.0.0.1": (Stream(whole, fault="early-end"),),
        "reached its cap": (Stream(whole, stop_reason="max_tokens"),),
        "filled the context": (Stream(whole, stop_reason="model_context_window_exceeded"),),
        "list of remarks": (Stream([], fault="garbage"),),
        "declined to review": (Stream([], stop_reason="refusal"),),
    }


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The content as JSON."""
        return json.loads(self.content)


class MessagesApi:
    """The server; a context manager. Answers are scripted by position, requests are recorded."""

    def __init__(self, *answers: Answer, port: int = 0, record: Path | None = None) -> None:
        self.answers = answers or (Stream(),)
        self.requests: list[Request] = []
        self.reached = threading.Event()
        """Set when a stream came to its hold."""
        self.closed = threading.Event()
        """Set when a client closed its connection before the answer's end."""
        self.closed_at: float | None = None
        """`time.monotonic()` of that moment."""
        self.arrived = threading.Event()
        """Set when a request came in."""
        self._port = port
        self._record = record
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="messages-api", daemon=True)

    def __enter__(self) -> MessagesApi:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the Messages API didn't start")
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """The base URL to give to a client."""
        return f"http://127.0.0.1:{self._port}"

    def release(self) -> None:
        """Let held streams go on, those that come later included."""
        self._loop.call_soon_threadsafe(self._released.set)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop, self._released = asyncio.Event(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, limit=2**26)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            request = await _request(reader)
            answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
            self.requests.append(request)
            self.arrived.set()
            if self._record:
                with self._record.open("ab") as file:
                    file.write(request.content + b"\n")
            await self._answer_until_closed(answer, request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the server is being stopped
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def _answer_until_closed(
        self, answer: Answer, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        answering = asyncio.ensure_future(self._answer(answer, request, writer))
        gone = asyncio.ensure_future(_gone(reader))
        try:
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() or isinstance(answering.exception(), ConnectionError):
                self._note_closed()
        finally:
            answering.cancel()
            gone.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)

    def _note_closed(self) -> None:
        self.closed_at = time.monotonic()
        self.closed.set()

    async def _answer(self, answer: Answer, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.method != "POST" or not request.path.startswith("/v1/messages") or "count_tokens" in request.path:
            answer = Status(404, "not_found_error", "no such place")
        if isinstance(answer, Silence):
            await asyncio.Event().wait()
        elif isinstance(answer, Status):
            content = answer.content()
            headers = {"content-type": "application/json", "request-id": "req_made_up", **answer.headers}
            await _send_head(writer, answer.status, {**headers, "content-length": str(len(content)), "connection": "close"})
            writer.write(content)
            await writer.drain()
        else:
            await self._stream(answer, request, writer)

    async def _stream(self, answer: Stream, request: Request, writer: asyncio.StreamWriter) -> None:
        headers = {"content-type": "text/event-stream", "transfer-encoding": "chunked", "connection": "close"}
        await _send_head(writer, 200, {**headers, "request-id": "req_made_up"})
        async for event in self._events(answer, request.body.get("model", "")):
            await _send_chunk(writer, event)
        if answer.fault == "cut":
            return
        if answer.fault == "reset":
            writer.transport.abort()
            return
        if answer.fault == "pings":
            while True:
                await _send_chunk(writer, _event("ping", {}))
                await asyncio.sleep(0.01)
        if answer.fault == "silence":
            await asyncio.Event().wait()
        if answer.fault == "error":
            await _send_chunk(writer, _event("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}}))
        if answer.fault == "bad-event":
            await _send_chunk(writer, b"event: content_block_delta\ndata: {broken\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _events(self, answer: Stream, model: str) -> AsyncIterator[bytes]:
        usage = {
            "input_tokens": answer.input_tokens,
            "cache_read_input_tokens": answer.cached_tokens,
            "cache_creation_input_tokens": answer.written_tokens,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": answer.written_tokens},
            "output_tokens": 1,
        }
        head = {"id": "msg_made_up", "type": "message", "role": "assistant", "model": model, "content": []}
        yield _event("message_start", {"message": {**head, "stop_reason": None, "stop_sequence": None, "usage": usage}})
        yield _event("ping", {})
        at = 0
        if answer.thinking:
            yield _event(
                "content_block_start", {"index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}
            )
            yield _event("content_block_delta", {"index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}})
            yield _event("content_block_stop", {"index": 0})
            at = 1
        yield _event("content_block_start", {"index": at, "content_block": {"type": "text", "text": ""}})
        sent = 0
        for piece in answer.pieces():
            if answer.fault_after is not None and answer.fault_after <= sent:
                return
            if piece is None:
                self.reached.set()
                await self._released.wait()
                continue
            yield _event("content_block_delta", {"index": at, "delta": {"type": "text_delta", "text": piece}})
            sent += len(piece)
            if answer.pace_s:
                await asyncio.sleep(answer.pace_s)
        if answer.fault not in ("", "garbage"):
            return
        yield _event("content_block_stop", {"index": at})
        details = None
        if answer.stop_reason == "refusal":
            details = {"type": "refusal", "category": "cyber", "explanation": answer.explanation}
        delta = {"stop_reason": answer.stop_reason, "stop_sequence": None, "stop_details": details}
        yield _event("message_delta", {"delta": delta, "usage": {**usage, "output_tokens": answer.output_tokens}})
        yield _event("message_stop", {})


def script(document: Any) -> list[Answer]:
    """The answers that a script file asks for."""
    if isinstance(document, dict) and "answers" in document:
        return [answer for it in document["answers"] for answer in script(it)]
    if isinstance(document, list):
        document = {"remarks": document}
    if "status" in document:
        return [Status(**document)]
    remarks = [remark(**it) for it in document.get("remarks", ())]
    return [Stream(**{**document, "remarks": remarks})]


def main() -> None:
    """Serve a script until the process is ended; prints the URL as its first line."""
    parser = argparse.ArgumentParser(description="A scripted Messages API on 127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--script", type=Path, required=True, help="JSON: a list of remarks, or see this module's docstring")
    parser.add_argument("--record", type=Path, help="append each request's body to this file, one a line")
    arguments = parser.parse_args()
    answers = script(json.loads(arguments.script.read_text(encoding="utf-8")))
    with MessagesApi(*answers, port=arguments.port, record=arguments.record) as api:
        api.release()
        print(api.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def _split(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (it.partition(":") for it in head[1:] if it)}
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _gone(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(1024):
            pass


async def _send_head(writer: asyncio.StreamWriter, status: int, headers: Mapping[str, str]) -> None:
    lines = [f"HTTP/1.1 {status} Made-up", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    await writer.drain()


async def _send_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


if __name__ == "__main__":
    main()
