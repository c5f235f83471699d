"""The objects of the first array of objects in a text that arrives in pieces.

Each character is looked at once and let go with the object it belongs to, so a long answer costs linear time and the memory of
one object. Prose or a code fence around the array does no harm: what comes before `[ {` is passed over. Pure; no object is
parsed here.
"""

from __future__ import annotations

from collections.abc import Iterator

from architect_lsp.patterns import regex

MAX_CHARS = 64_000
"""An object longer than this is given as None."""

MAX_DEPTH = 16
"""An object nested deeper than this is given as None."""

_OUTSIDE = regex(r'["{}\[\]]')
_INSIDE = regex(r'["\\]')
_INK = regex(r"\S")


class Items:
    """A scanner for one answer. `found` says an array was there, empty ones included; `closed` that it ended."""

    __slots__ = ("_bracket", "_depth", "_escaped", "_over", "_parts", "_size", "_string", "closed", "found")

    def __init__(self) -> None:
        self.found = False
        self.closed = False
        self._depth = 0  # 0 seeks the array, 1 is inside it, 2 and more inside one of its elements
        self._bracket = False  # while seeking: the last ink was "["
        self._string = self._escaped = False
        self._parts: list[str] | None = None  # the text so far of the object that is open
        self._size = 0
        self._over = False

    @property
    def open(self) -> bool:
        """Whether an object has begun and not ended."""
        return self._parts is not None

    def feed(self, text: str) -> Iterator[str | None]:
        """The text of each object that ends in this piece, in order; None stands for one too long or too deep."""
        at, start = 0, 0
        while at < len(text) and not self.closed:
            if not self._depth:
                at = start = self._sought(text, at)
                continue
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            match = (_INSIDE if self._string else _OUTSIDE).search(text, at)
            if match is None:
                break
            at, mark = match.end(), match.group()
            if mark == "\\":
                self._escaped = True
            elif mark == '"':
                self._string = not self._string
            elif mark in "{[":
                self._depth += 1
                self._over = self._over or self._depth > MAX_DEPTH + 1
                if self._depth == 2 and mark == "{":
                    self._parts, start = [], at - 1
            else:
                self._depth -= 1
                if self._depth == 1 and self._parts is not None:
                    self._keep(text[start:at])
                    yield self._taken()
                self.closed = not self._depth
        if self._parts is not None:
            self._keep(text[start:])

    def _sought(self, text: str, at: int) -> int:
        if not self._bracket:
            at = text.find("[", at)
            if at < 0:
                return len(text)
            self._bracket = True
            return at + 1
        ink = _INK.search(text, at)
        if ink is None:
            return len(text)
        if ink.group() == "{":
            self.found = True
            self._depth = 1
            return ink.start()
        if ink.group() == "]":
            self.found = True
        self._bracket = ink.group() == "["
        return ink.end()

    def _keep(self, text: str) -> None:
        assert self._parts is not None
        self._size += len(text)
        if self._size > MAX_CHARS or self._over:
            self._over = True
            self._parts.clear()
        else:
            self._parts.append(text)

    def _taken(self) -> str | None:
        item = None if self._over else "".join(self._parts or ())
        self._parts, self._size, self._over = None, 0, False
        return item
