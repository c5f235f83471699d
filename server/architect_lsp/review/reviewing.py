"""One review from its brief to its last finding, and the nouns a reviewer speaks in.

Nothing here talks to a network: a `Reviewer` does, or replays. Findings are given the moment their remark is complete. What was
not kept is given too, as `Dropped`, so that silence is never the answer to a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.model import Finding, Provenance, Snapshot, Span
from architect_lsp.review.items import Items
from architect_lsp.review.remarks import Dropped, Remark, RemarkEdit, file_of, located, parsed

if TYPE_CHECKING:
    from architect_lsp.review.brief import Brief
    from architect_lsp.review.redact import Redaction

MAX_REMARKS = 100
"""Remarks looked at in one answer; the rest is dropped."""


class ReviewError(Exception):
    """A review that could not be had; its one line says what happened and what to do, and may be shown as it is."""


class Piece(Struct, frozen=True):
    """The next part of the answer's text, cut anywhere."""

    text: str


class Notice(Struct, frozen=True):
    """One line about the review's course: thinking, waiting, partial."""

    text: str


class Receipt(Struct, frozen=True):
    """What left the machine and what came of it.

    `input_tokens` is the whole prompt, the `cached_tokens` read from the service's cache included. `cost_usd` is an estimate,
    None where no price is known. `bytes_sent` counts the bodies of all attempts, `sha256` is the last one's. `to` is a host.
    `complete` is False when the answer ended early. `dropped` counts remarks that did not become findings.
    """

    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: float | None
    bytes_sent: int
    sha256: str
    to: str
    redacted: tuple[str, ...]
    complete: bool
    dropped: int = 0

    @property
    def line(self) -> str:
        """All of it as one line for a log."""
        cost = "unknown cost" if self.cost_usd is None else f"about ${self.cost_usd:.4f}"
        return (
            f"sent {self.bytes_sent:,} bytes (sha256 {self.sha256[:12]}) to {self.to}: {self.input_tokens:,} tokens in, "
            f"{self.cached_tokens:,} of them cached, {self.output_tokens:,} out, {cost}; "
            f"redacted: {', '.join(self.redacted) or 'nothing'}; dropped remarks: {self.dropped}"
        )


Event = Piece | Notice | Receipt


class Reviewer(Protocol):
    """Answers a brief. Gives a Receipt whenever anything was sent, then raises ReviewError if the answer ended early."""

    def review(self, brief: Brief) -> AsyncGenerator[Event, None]:
        """The answer's text in pieces, with notices between and one receipt after."""
        ...


async def review(
    snapshot: Snapshot,
    span: Span,
    brief: Brief,
    reviewer: Reviewer,
    keep: Callable[[str, Finding], None] | None = None,
    others: Mapping[str, str] | None = None,
) -> AsyncGenerator[Finding | Dropped | Notice | Receipt, None]:
    """The findings of one review in the order the model gives them, each as soon as it is complete; the receipt comes last.

    Raises ReviewError, after the receipt, when nothing could be had. An answer that ends early keeps what is complete, gives a
    notice that says so and a receipt that is not `complete`. To stop a review, cancel the task: the connection is closed.
    `keep` is called with each remark that became a finding, as the model wrote it. `others` are the texts of the other files that
    the brief shows, by path.
    """
    reading = _Reading(snapshot, span, brief, keep, others or {})
    receipt: Receipt | None = None
    failure: ReviewError | None = None
    async with aclosing(reviewer.review(brief)) as events:
        try:
            async for event in events:
                if isinstance(event, Piece):
                    for it in reading.feed(event.text):
                        yield it
                        await asyncio.sleep(0)  # a long answer in one piece must not hold the loop
                elif isinstance(event, Receipt):
                    receipt = event
                else:
                    yield event
        except ReviewError as error:
            failure = error
    if failure is None and not reading.found:
        failure = ReviewError(f"{brief.model} didn't answer with a list of remarks: ask again, or choose another model.")
    if failure and reading.n_remarks:
        yield Notice(f"The review is partial ({_counted(reading.n_findings)} kept): {failure}")
    if receipt:
        yield replace(receipt, dropped=reading.n_dropped, complete=receipt.complete and failure is None)
    if failure and not reading.n_remarks:
        raise failure


class _Reading:
    """Turns the text of one answer into findings; counts as it goes."""

    def __init__(
        self,
        snapshot: Snapshot,
        span: Span,
        brief: Brief,
        keep: Callable[[str, Finding], None] | None,
        others: Mapping[str, str],
    ) -> None:
        self.n_remarks = self.n_findings = self.n_dropped = 0
        self._snapshot, self._span, self._brief = snapshot, span, brief
        self._keep, self._others = keep, others
        self._items = Items()
        self._seen: set[tuple[str, Span]] = set()
        self._provenance = Provenance("model", brief.version, model=brief.model, agent=brief.agent, origin="live")

    @property
    def found(self) -> bool:
        """Whether the answer held a list, be it empty."""
        return self._items.found

    def feed(self, text: str) -> Iterator[Finding | Dropped]:
        for item in self._items.feed(text):
            outcome = self._outcome(item)
            if isinstance(outcome, Dropped):
                self.n_dropped += 1
            else:
                self.n_findings += 1
                if self._keep and item is not None:
                    self._keep(item, outcome)
            yield outcome

    def _outcome(self, item: str | None) -> Finding | Dropped:
        self.n_remarks += 1
        if self.n_remarks > MAX_REMARKS:
            return Dropped(f"beyond the first {MAX_REMARKS} remarks")
        remark = parsed(item)
        if isinstance(remark, Dropped):
            return remark
        back = restored(remark, self._brief.redaction, self._snapshot, self._others)
        outcome = located(back, self._snapshot, self._span, self._provenance, self._others)
        if isinstance(outcome, Finding):
            if (outcome.rule, outcome.span) in self._seen:
                return Dropped("said twice", outcome.message)
            self._seen.add((outcome.rule, outcome.span))
        return outcome


def restored(remark: Remark, redaction: Redaction, snapshot: Snapshot, others: Mapping[str, str]) -> Remark:
    """The remark with secrets back in quotes and code, each in a file that holds it; its prose keeps placeholders."""
    if not redaction.secrets:
        return remark

    def back(text: str, path: str | None) -> str:
        return redaction.restored(text, snapshot.text if path == snapshot.path else others.get(path or "", ""))

    edits: list[RemarkEdit] = []
    for it in remark.fix.edits:
        path = file_of(it, snapshot.path, others)
        edits.append(it.model_copy(update={"quote": back(it.quote, path), "replacement": back(it.replacement, path)}))
    fix = remark.fix.model_copy(update={"edits": tuple(edits)})
    return remark.model_copy(update={"quote": back(remark.quote, snapshot.path), "fix": fix})


def _counted(n_findings: int) -> str:
    return f"{n_findings} finding{'' if n_findings == 1 else 's'}"
