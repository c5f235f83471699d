"""A reviewer that says what it was told to: for demonstrations and tests, without a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from architect_lsp.review.reviewing import Event, Piece, Receipt

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
