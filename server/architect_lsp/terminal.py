"""What a terminal can take, and the one line on it that says how far a long run is."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

_AFTER_S = 0.6
_EVERY_S = 0.1


def colour(output: str | None) -> bool:
    """Whether stdout is a terminal that shows colours and nobody asked for none (https://no-color.org)."""
    if output or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty():
        return False
    return os.name == "posix" or bool(os.environ.get("WT_SESSION") or os.environ.get("TERM"))


class Progress:
    """One line on a terminal's stderr that says how far a long run is; nothing elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None
        self._began = time.monotonic()
        self._last = 0.0
        self._width = 0

    def of(self, what: str) -> Callable[[int, int], None]:
        """The callback for one stage of the work."""

        def show(done: int, total: int) -> None:
            now = time.monotonic()
            if self._stream and now - self._began > _AFTER_S and now - self._last > _EVERY_S:
                self._last = now
                self._write(f"{what} {done:,} of {total:,} files")

        return show

    def clear(self) -> None:
        """Take the line away."""
        if self._width:
            self._write("")

    def _write(self, text: str) -> None:
        assert self._stream is not None
        self._stream.write(f"\r{text:<{self._width}}" + ("" if text else "\r"))
        self._stream.flush()
        self._width = len(text)
