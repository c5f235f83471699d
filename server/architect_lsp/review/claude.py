"""The one room that talks to a Messages API, through the `anthropic` SDK.

The SDK takes seconds to import, so it is imported in a worker thread when the first review is asked for. Retries, waits and
clocks are ours, because a person is waiting: the SDK would wait without a word, and its read timeout starts anew with every ping.
Everything that can go wrong becomes a ReviewError. Cancelling the task that reads closes the connection at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from architect_lsp.review import failures, prices, providers
from architect_lsp.review.brief import encoded
from architect_lsp.review.providers import ANTHROPIC_URL, CLOUDS
from architect_lsp.review.reviewing import Event, Notice, Piece, Receipt, ReviewError

if TYPE_CHECKING:
    from architect_lsp.review.brief import Brief
    from architect_lsp.review.providers import Client
    from architect_lsp.settings import Settings

MAX_ATTEMPTS = 3

TRUST = 3
"""Reviews in a row that may fail for the service's sake before it is left alone for `PAUSE_S` seconds."""

PAUSE_S = 60.0

AT_ONCE = 2
"""Reviews that are asked at the same time; the others wait for them."""

MAX_ANSWER = 4_000_000
"""Characters of an answer after which it is cut; the longest answer a model can give is far shorter."""

_ENDED_WELL = ("end_turn", "stop_sequence")

_T = TypeVar("_T")


class Claude:
    """A reviewer behind a Messages API: Anthropic's own, or any server that speaks it (`settings.base_url`).

    One for a process, used by one event loop; reviews may run at the same time. `quiet_s` is how long an answer that has begun
    may stand still, `backoff_s` the first wait before another attempt.
    """

    def __init__(self, settings: Settings, api_key: str, *, backoff_s: float = 0.5, quiet_s: float = 60.0) -> None:
        self.settings = settings
        self._api_key = api_key.strip()
        self._url = settings.base_url or ANTHROPIC_URL
        self._backoff_s, self._quiet_s = backoff_s, quiet_s
        self._client: Client | None = None
        self._opening: asyncio.Lock | None = None
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._n_failed, self._paused_until = 0, 0.0
        self._plain: set[str] = set()  # models that answered only when asked without structured outputs

    @property
    def available(self) -> bool:
        """Whether a review can be tried: there is a key, or a server or a cloud account that needs none."""
        return bool(self._api_key or self.settings.base_url or self.settings.provider in CLOUDS)

    @property
    def model(self) -> str:
        """The model of the settings, by its full id; an agent file may name another for its own reviews."""
        return self.settings.model

    @property
    def host(self) -> str:
        """Where code goes: the host, with the port when one is given."""
        if self.settings.provider in CLOUDS and not self.settings.base_url:
            return CLOUDS[self.settings.provider][0]
        try:
            return urlsplit(self._url).netloc.rpartition("@")[2] or self._url
        except ValueError:
            return self._url

    async def close(self) -> None:
        """Close idle connections; a later review opens them anew."""
        client, self._client = self._client, None
        if client:
            await client.close()

    async def review(self, brief: Brief) -> AsyncGenerator[Event, None]:
        """The answer's text as it arrives, notices about waiting, and last the receipt, if anything was sent.

        Raises ReviewError when the answer is missing or ended early.
        """
        if not self.available:
            raise ReviewError("No API key is set: set ANTHROPIC_API_KEY, or give the editor your key.")
        if not (self._api_key.isascii() and self._api_key.isprintable()):
            raise ReviewError("The API key holds characters no key has: copy it anew.")
        if not re.match(r"https?://([\w.-]+|\[[\da-fA-F:.]+\])(:\d+)?(/|$)", self._url):
            raise ReviewError("`architect.baseUrl` is no address of a server: write it like http://localhost:11434.")
        if time.monotonic() < self._paused_until:
            left_s = self._paused_until - time.monotonic()
            raise ReviewError(
                f"{self.host} failed {self._n_failed} times in a row and is left alone for {left_s:.0f} s; the rules go on."
            )
        if self._at_once.locked():
            yield Notice(f"Waiting for {AT_ONCE} other reviews.")
        async with self._at_once, aclosing(self._asked(brief)) as events:
            async for event in events:
                yield event

    async def _asked(self, brief: Brief) -> AsyncGenerator[Event, None]:
        deadline = time.monotonic() + self.settings.timeout_s
        client = await self._opened()
        tally = _Tally(brief.model)
        plain = brief.model in self._plain
        failure: ReviewError | None = None
        for attempt in range(1, MAX_ATTEMPTS + 2):  # one more for a server that knows fewer fields
            answer = _Answer(self, client, brief.plain_body() if plain else brief.body(), tally, deadline)
            n_secrets = len(brief.redacted)
            taken = f", {n_secrets} secret{'' if n_secrets == 1 else 's'} taken out" if n_secrets else ""
            yield Notice(f"Asking {brief.model} at {self.host}: {len(answer.content):,} bytes{taken}.")
            async with aclosing(answer.events()) as events:
                async for event in events:
                    yield event
            failure, wait_s = answer.failure, answer.wait_s(attempt, self._backoff_s)
            if failure is None:
                if plain:
                    self._plain.add(brief.model)
                break
            if answer.unsupported and not plain:
                plain = True
                yield Notice(f"{self.host} doesn't know structured answers; asking in plain words.")
            elif wait_s is None or attempt >= MAX_ATTEMPTS or deadline <= time.monotonic() + wait_s:
                break
            else:
                yield Notice(f"{str(failure).partition(': ')[0]}; trying again in {wait_s:.1f} s.")
                await asyncio.sleep(wait_s)
        if tally.n_bytes:
            yield self._receipt(brief, tally, complete=failure is None)
        self._n_failed = self._n_failed + 1 if failure and answer.serviceless else 0
        if self._n_failed >= TRUST:
            self._paused_until = time.monotonic() + PAUSE_S
        if failure:
            raise failure

    async def _opened(self) -> Client:
        self._opening = self._opening or asyncio.Lock()
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(providers.client, self.settings, self._api_key, self._url)
            return self._client

    def _receipt(self, brief: Brief, tally: _Tally, *, complete: bool) -> Receipt:
        usage = tally.usage()
        priced = not self.settings.base_url
        return Receipt(
            model=tally.model,
            input_tokens=usage.prompt,
            output_tokens=usage.output,
            cached_tokens=usage.read,
            cost_usd=prices.cost_usd(tally.model, usage) if priced else None,
            bytes_sent=tally.n_bytes,
            sha256=tally.sha256,
            to=self.host,
            redacted=brief.redacted,
            complete=complete,
        )


@dataclass(slots=True)
class _Tally:
    """What was sent and used, over all attempts of one review."""

    model: str
    n_bytes: int = 0
    sha256: str = ""
    tokens: dict[str, int] | None = None

    def count(self, usage: Any) -> None:
        """Take over the counts of an event; they are cumulative, absent ones leave the earlier ones."""
        self.tokens = self.tokens or {}
        created = getattr(usage, "cache_creation", None)
        for source, names in (
            (usage, ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")),
            (created, ("ephemeral_1h_input_tokens",)),
        ):
            for name in names:
                value = getattr(source, name, None)
                if isinstance(value, int):
                    self.tokens[name] = value

    def usage(self) -> prices.Usage:
        """The last attempt's tokens."""
        tokens = self.tokens or {}
        written, long = tokens.get("cache_creation_input_tokens", 0), tokens.get("ephemeral_1h_input_tokens", 0)
        return prices.Usage(
            fresh=tokens.get("input_tokens", 0),
            written_5m=max(written - long, 0),
            written_1h=long,
            read=tokens.get("cache_read_input_tokens", 0),
            output=tokens.get("output_tokens", 0),
        )


class _LateError(Exception):
    """A clock of ours ran out."""


class _Answer:
    """One attempt. `content` is what it sends; after `events()` ended, `failure` says how; only cancellation is raised."""

    def __init__(self, claude: Claude, client: Client, body: dict[str, Any], tally: _Tally, deadline: float) -> None:
        self.failure: ReviewError | None = None
        self._refused: failures.Refused | None = None
        self._lost = False  # the connection, before any text came
        self._host, self._timeout_s, self._quiet_s = claude.host, claude.settings.timeout_s, claude._quiet_s
        self._client, self._body, self._tally, self._deadline = client, body, tally, deadline
        self.content = encoded(body)
        self._n_chars = 0
        self._stop_reason: str | None = None
        self._explanation = ""
        self._stopped = False

    @property
    def unsupported(self) -> bool:
        """Whether the server seems not to know one of the fields it was sent."""
        return self._refused is not None and self._refused.unsupported

    @property
    def serviceless(self) -> bool:
        """Whether it failed because the service is not there or overwhelmed, rather than for what was asked."""
        return self._lost or (self._refused is not None and self._refused.meant in failures.RETRIED)

    def wait_s(self, attempt: int, backoff_s: float) -> float | None:
        """Seconds until another attempt makes sense; None when it does not, or text already came."""
        if self._n_chars:
            return None
        if self._refused:
            return failures.wait_s(self._refused, attempt, backoff_s)
        return failures.pause_s(attempt, backoff_s) if self._lost else None

    async def events(self) -> AsyncGenerator[Event, None]:
        import anthropic
        import httpx2

        sent = self.content
        try:
            async with aclosing(self._streamed()) as events:
                async for event in events:
                    yield event
            self.failure = self.failure or self._ending()
        except anthropic.APIStatusError as error:
            kind, code = str(error.type or ""), str(error.error_code or "")
            said = str(error.api_message or "no reason given")
            self._refused = failures.Refused(error.status_code, kind, code, said, dict(error.response.headers))
            self.failure = failures.error(self._refused, self._host, self._body["model"])
        except (anthropic.APIConnectionError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            cause = error.__cause__ or error
            if isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol, httpx2.InvalidURL)):
                sent = b""
            self._lost = not isinstance(cause, (httpx2.UnsupportedProtocol, httpx2.InvalidURL))
            self.failure = self._lost_connection(cause)
        except _LateError as error:
            self.failure = ReviewError(str(error))
        except (anthropic.AnthropicError, ValueError, TypeError, AttributeError, IndexError) as error:
            name = type(error).__name__
            self.failure = ReviewError(
                f"{self._host} answered with something that is no answer ({name}): check `architect.baseUrl`."
            )
        if sent:
            self._tally.n_bytes += len(sent)
            self._tally.sha256 = hashlib.sha256(sent).hexdigest()

    async def _streamed(self) -> AsyncGenerator[Event, None]:
        late = f"{self._host} didn't finish within {self._timeout_s:g} s: select less, or raise `architect.timeoutS`."
        stalled = f"The answer of {self._host} stood still for {self._quiet_s:g} s and was given up: try again."
        queue: asyncio.Queue[Any] = asyncio.Queue()
        # One task owns the connection from its opening to its closing: a cancellation always finds it waiting inside the SDK,
        # never between the two with an open stream that nobody holds.
        pump = asyncio.ensure_future(self._pump(queue))
        try:
            while True:
                left_s = self._deadline - time.monotonic()
                quiet = bool(self._n_chars) and self._quiet_s < left_s
                event = await _within(queue.get(), self._quiet_s if quiet else left_s, stalled if quiet else late)
                if event is None:
                    break
                for it in self._read(event):
                    yield it
                if self._n_chars > MAX_ANSWER:
                    raise _LateError(f"The answer of {self._host} is longer than {MAX_ANSWER:,} characters: try again.")
            await pump
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _pump(self, queue: asyncio.Queue[Any]) -> None:
        """Reads the stream's events into the queue, None after the last."""
        try:
            stream = await self._client.messages.create(**self._body)
            kind = stream.response.headers.get("content-type", "") if hasattr(stream, "response") else "text"
            if not hasattr(stream, "close"):  # the SDK gives the text itself for what is no stream
                self.failure = self._no_stream(kind)
                return
            async with stream:
                if not kind.startswith("text/event-stream"):
                    self.failure = self._no_stream(kind)
                    return
                async for event in stream:
                    queue.put_nowait(event)
        finally:
            queue.put_nowait(None)

    def _no_stream(self, kind: str) -> ReviewError:
        what = "a web page" if "html" in kind else f"`{kind or 'no content type'}`"
        return ReviewError(
            f"{self._host} answered with {what} in place of a stream: check `architect.baseUrl`, a proxy or a sign-in page."
        )

    def _read(self, event: Any) -> list[Event]:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            self._n_chars += len(event.delta.text)
            return [Piece(event.delta.text)]
        if event.type == "content_block_start" and event.content_block.type == "thinking":
            return [Notice(f"{self._body['model']} is thinking.")]
        if event.type == "message_start":
            self._tally.count(event.message.usage)
            self._tally.model = event.message.model or self._tally.model
        elif event.type == "message_delta":
            self._tally.count(event.usage)
            self._stop_reason = event.delta.stop_reason
            self._explanation = getattr(getattr(event.delta, "stop_details", None), "explanation", None) or ""
        elif event.type == "message_stop":
            self._stopped = True
        return []

    def _ending(self) -> ReviewError | None:
        """None when the answer is whole."""
        model, reason = self._body["model"], self._stop_reason
        if reason == "refusal":
            return failures.declined(model, self._explanation)
        if reason == "max_tokens":
            cap = self._body["max_tokens"]
            return ReviewError(
                f"The answer reached its cap of {cap:,} tokens: select less, or raise `architect.maxOutputTokens`."
            )
        if reason == "model_context_window_exceeded":
            return ReviewError(f"The answer filled the context of {model}: select less.")
        if not self._stopped or reason is None:
            self._lost = True
            return ReviewError(f"{self._host} ended its answer too early: try again.")
        if reason not in _ENDED_WELL:
            return ReviewError(f"{model} stopped for a reason that isn't known here ({reason}): the answer may lack something.")
        return None

    def _lost_connection(self, cause: BaseException) -> ReviewError:
        name = type(cause).__name__
        if "Timeout" in name and name != "ConnectTimeout":
            return ReviewError(f"{self._host} was silent for {self._timeout_s:g} s: try again, or raise `architect.timeoutS`.")
        if self._n_chars:
            return ReviewError(f"The connection to {self._host} was cut: try again.")
        return ReviewError(f"{self._host} can't be reached ({name}): check the network, a proxy and `architect.baseUrl`.")


async def _within(awaitable: Awaitable[_T], seconds: float, late: str) -> _T:
    """The result, or _LateError; cancelled, the result is lost. (`asyncio.wait_for` can lose the cancellation before 3.12.)"""
    task = asyncio.ensure_future(awaitable)
    try:
        done, _ = await asyncio.wait({task}, timeout=max(seconds, 0))
        if not done:
            raise _LateError(late)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
