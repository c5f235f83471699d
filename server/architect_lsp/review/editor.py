"""The editor's own models: the editor is asked, it asks its model, so no key is needed where it has one.

The editor sends code to whomever its person chose there; the receipt says that it went through the editor. Structured answers and
caches are not to be had this way, so the answer's shape is asked for in words.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING

from architect_lsp.review.brief import encoded
from architect_lsp.review.packing import estimated
from architect_lsp.review.reviewing import Event, Notice, Piece, Receipt, ReviewError

if TYPE_CHECKING:
    from architect_lsp.review.brief import Brief

Ask = Callable[[str, str, Callable[[str], None]], Awaitable[str]]
"""(what stays the same, what is asked, where each piece of the answer goes) -> the model's name.

Raises ReviewError when the editor has no model or the model fails. Cancelled, it stops the model.
"""


class EditorModel:
    """A reviewer behind the editor."""

    available = True
    host = "the editor's model"

    def __init__(self, ask: Ask, timeout_s: float) -> None:
        self._ask, self._timeout_s = ask, timeout_s
        self.model = "the editor's model"

    async def close(self) -> None:
        """Nothing is kept open."""

    async def review(self, brief: Brief) -> AsyncGenerator[Event, None]:
        """The answer's text as it arrives, then the receipt. Raises ReviewError when the answer is missing or came too late."""
        body = brief.plain_body()
        system = "\n\n".join(it["text"] for it in body["system"])
        asked = "\n\n".join(it["text"] for it in body["messages"][0]["content"])
        content = encoded(body)
        yield Notice(f"Asking the editor's model: {len(content):,} bytes, {len(brief.redacted)} secrets taken out.")
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        asking = asyncio.ensure_future(self._ask(system, asked, pieces.put_nowait))
        asking.add_done_callback(lambda _: pieces.put_nowait(None))
        deadline = time.monotonic() + self._timeout_s
        n_chars, failure = 0, None
        try:
            while (text := await asyncio.wait_for(pieces.get(), max(0.0, deadline - time.monotonic()))) is not None:
                n_chars += len(text)
                yield Piece(text)
            self.model = await asking
        except ReviewError as error:
            failure = error
        except asyncio.TimeoutError:
            failure = ReviewError(f"The editor's model didn't finish within {self._timeout_s:g} s: select less, or try again.")
        finally:
            asking.cancel()
        yield self._receipt(brief, content, n_chars, complete=failure is None)
        if failure:
            raise failure

    def _receipt(self, brief: Brief, content: bytes, n_chars: int, *, complete: bool) -> Receipt:
        return Receipt(
            model=self.model,
            input_tokens=brief.tokens,
            output_tokens=estimated("x" * n_chars),
            cached_tokens=0,
            cost_usd=None,
            bytes_sent=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            to=self.host,
            redacted=brief.redacted,
            complete=complete,
        )
