"""Positions and excerpts in one text: pure functions, no I/O.

A line ends at `\\r\\n`, `\\n` or `\\r` and nowhere else (LSP 3.17, "Text Documents"): form feed and U+2028 are ordinary
characters here. Offsets are code points from 0; a line's column unit is chosen by the negotiated position encoding.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

from architect_lsp.model import Edit, Span
from architect_lsp.patterns import regex

ENCODINGS = ("utf-16", "utf-8", "utf-32")

_BREAK = regex(r"\r\n?|\n")


class Lines:
    """Where the lines of `text` begin, and the two directions between offsets and (line, column)."""

    __slots__ = ("ascii", "starts", "text")

    def __init__(self, text: str, starts: list[int] | None = None) -> None:
        self.text = text
        self.ascii = text.isascii()
        self.starts = [0, *(it.end() for it in _BREAK.finditer(text))] if starts is None else starts

    def edited(self, text: str, edit: Edit) -> Lines:
        """The lines of `text`, to which `edit` leads from this one's."""
        if "\r" in text or "\r" in self.text:
            return Lines(text)
        start, end = edit.span.start, edit.span.end
        grown = len(edit.text) - (end - start)
        starts = self.starts[: bisect_right(self.starts, start)]
        if "\n" in edit.text:
            starts += (start + it.end() for it in _BREAK.finditer(edit.text))
        rest = self.starts[bisect_right(self.starts, end) :]
        starts += [it + grown for it in rest] if grown else rest
        return Lines(text, starts)

    def __len__(self) -> int:
        return len(self.starts)

    def bounds(self, line: int) -> tuple[int, int]:
        """Offsets of the first character of `line` (from 0) and of its end, the line break left out."""
        start = self.starts[line]
        end = self.starts[line + 1] if line + 1 < len(self.starts) else len(self.text)
        if end > start and self.text[end - 1] == "\n":
            end -= 1
        if end > start and self.text[end - 1] == "\r" and line + 1 < len(self.starts):
            end -= 1
        return start, end

    def line_of(self, offset: int) -> int:
        """The line (from 0) that holds `offset`."""
        return bisect_right(self.starts, offset) - 1

    def position(self, offset: int, encoding: str = "utf-16") -> tuple[int, int]:
        """(line, column) of `offset`, columns in units of `encoding`; offsets past the end give the end."""
        offset = max(0, min(offset, len(self.text)))
        line = self.line_of(offset)
        start = self.starts[line]
        if self.ascii or encoding == "utf-32":
            return line, offset - start
        return line, width(self.text[start:offset], encoding)

    def offset(self, line: int, column: int, encoding: str = "utf-16") -> int:
        """The offset of (line, column); a column past the line's end means its end, a line past the last the text's end."""
        if line < 0:
            return 0
        if line >= len(self.starts):
            return len(self.text)
        start, end = self.bounds(line)
        if self.ascii or encoding == "utf-32":
            return min(start + max(column, 0), end)
        at, units = start, 0
        while at < end and units < column:
            units += width(self.text[at], encoding)
            at += 1
        return at


def width(text: str, encoding: str) -> int:
    """How many units of `encoding` the text takes; lone surrogates count as one UTF-16 unit and three bytes."""
    if encoding == "utf-16":
        return len(text) + sum(1 for it in text if it > "\uffff")
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text)


def locate(text: str, excerpt: str, near: Span | None = None) -> Span | None:
    """The span of `excerpt` in `text`, or None when it is not there or its place is a guess.

    White space may differ, nothing else. Several places are told apart by `near`: the only one inside it, else None.
    """
    words = excerpt.split()
    if not words:
        return None
    pattern = re.compile(r"\s+".join(re.escape(it) for it in words))
    spans = [Span(*it.span()) for it in pattern.finditer(text)]
    if len(spans) == 1:
        return spans[0] if near is None or near.touches(spans[0]) else None
    if near is not None:
        spans = [it for it in spans if near.covers(it)]
    return spans[0] if len(spans) == 1 else None


def apply(text: str, edits: Sequence[Edit]) -> str | None:
    """The text after all edits, or None when two overlap or one lies outside the text."""
    end = len(text)
    for edit in sorted(edits, key=lambda it: (it.span.start, it.span.end), reverse=True):
        if edit.span.end > end or edit.span.start > edit.span.end or edit.span.start < 0:
            return None
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        end = edit.span.start
    return text


def move(span: Span, edits: Sequence[Edit]) -> Span | None:
    """Where `span` lies after `edits` (in the old text's offsets), or None when one of them reached inside it."""
    shift = 0
    for edit in edits:
        if edit.span.end <= span.start:
            shift += len(edit.text) - (edit.span.end - edit.span.start)
        elif edit.span.start < span.end:
            return None
    return Span(span.start + shift, span.end + shift)


def digest(text: str) -> str:
    """Sixteen hex digits that tell this text from every other."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def difference(before: str, after: str) -> Edit:
    """The one edit that leads from `before` to `after`: what is left between their common beginning and their common end."""
    limit = min(len(before), len(after))
    start = _agreeing(limit, lambda n: before.startswith(after[:n]))
    end = _agreeing(limit - start, lambda n: before.endswith(after[len(after) - n :]))
    return Edit(Span(start, len(before) - end), after[start : len(after) - end])


def _agreeing(limit: int, holds: Callable[[int], bool]) -> int:
    """The largest n up to `limit` for which `holds`, which holds for every smaller n too."""
    if holds(limit):
        return limit
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
