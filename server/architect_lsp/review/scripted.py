"""Reviewers that need no network: one says what it was told to, one keeps what another says, one says that again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from architect_lsp.review.reviewing import Event, Notice, Piece, Receipt, Reviewer, ReviewError

if TYPE_CHECKING:
    from architect_lsp.review.brief import Brief


class Scripted:
    """Replays remarks, given as the mappings a model would write. Nothing leaves the machine, which its receipt says."""

    available = True
    model = "scripted"

    def __init__(self, remarks: Sequence[Mapping[str, Any]], chunk: int = 200) -> None:
        self.remarks = remarks
        self.chunk = chunk
        self.briefs: list[Brief] = []

    async def review(self, brief: Brief) -> AsyncGenerator[Event, None]:
        """The remarks in pieces of `chunk` characters, then a receipt of nothing sent."""
        self.briefs.append(brief)
        text = json.dumps({"remarks": list(self.remarks)}, ensure_ascii=False)
        for at in range(0, len(text), self.chunk):
            yield Piece(text[at : at + self.chunk])
        sha256 = hashlib.sha256(brief.as_json().encode()).hexdigest()
        yield Receipt(self.model, 0, 0, 0, 0.0, 0, sha256, "this machine", brief.redacted, complete=True)

    async def close(self) -> None:
        """Nothing to close."""


class Recorder:
    """Hands on what another reviewer says, and keeps it: a line of JSON for each exchange, as it was sent, secrets taken out."""

    def __init__(self, reviewer: Reviewer, file: Path) -> None:
        self._reviewer, self._file = reviewer, file

    async def review(self, brief: Brief) -> AsyncGenerator[Event, None]:
        """The other's events. Effect: appends to the file when the exchange has ended, however it did."""
        text, notices, receipt, error = [], [], None, ""
        try:
            async with aclosing(self._reviewer.review(brief)) as events:
                async for event in events:
                    if isinstance(event, Piece):
                        text.append(event.text)
                    elif isinstance(event, Notice):
                        notices.append(event.text)
                    else:
                        receipt = event
                    yield event
        except ReviewError as failure:
            error = str(failure)
            raise
        finally:
            said = {"text": "".join(text), "notices": notices, "receipt": asdict(receipt) if receipt else None, "error": error}
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"request": brief.body(), **said}, ensure_ascii=False) + "\n")


class Replayer:
    """Says again what a `Recorder` kept, for the same request; another request fails."""

    def __init__(self, file: Path) -> None:
        """Raises ReviewError when the file can't be read. Effect: reads it."""
        try:
            rows = [json.loads(it) for it in file.read_text(encoding="utf-8").splitlines() if it]
            self._known = {json.dumps(it["request"], sort_keys=True): it for it in rows}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReviewError(f"{file} holds no recorded review ({error}): record one with --record.") from error
        self._file = file

    async def review(self, brief: Brief) -> AsyncGenerator[Event, None]:
        """The recorded events; its receipt says that nothing was sent now. Raises ReviewError as it was raised then."""
        row = self._known.get(json.dumps(brief.body(), sort_keys=True))
        if row is None:
            raise ReviewError(
                f"{self._file} has no answer to this request: the code, the facts or the prompts have changed since."
            )
        for it in row["notices"]:
            yield Notice(it)
        yield Piece(row["text"])
        if row["receipt"]:
            values = {**row["receipt"], "redacted": tuple(row["receipt"]["redacted"]), "bytes_sent": 0, "cost_usd": 0.0}
            yield Receipt(**values)
        if row["error"]:
            raise ReviewError(row["error"])
