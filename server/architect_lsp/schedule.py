"""Work of the event loop that waits for a moment: each kind once, however often it is asked for meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable


class Schedule:
    """Timers by name, and a queue of what has time."""

    def __init__(self) -> None:
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._queue: dict[str, Callable[[str], None]] = {}

    def soon(self, key: str, after_s: float, work: Callable[[], object], *, later: bool = True) -> None:
        """Do the work after a while; if it waits already, begin to wait anew, unless `later` is False."""
        if (waiting := self._timers.get(key)) is not None:
            if not later:
                return
            waiting.cancel()

        def run() -> None:
            self._timers.pop(key, None)
            work()

        self._timers[key] = asyncio.get_running_loop().call_later(after_s, run)

    def in_turn(self, keys: Iterable[str], work: Callable[[str], None]) -> None:
        """Do the work for each of these, one at a time, so that whatever comes meanwhile is heard between two of them."""
        self._queue.update(dict.fromkeys(keys, work))
        if self._queue:
            self.soon("", 0, self._next, later=False)

    def drop(self, key: str) -> None:
        """It has been done."""
        self._queue.pop(key, None)
        if (waiting := self._timers.pop(key, None)) is not None:
            waiting.cancel()

    def stop(self) -> None:
        """Do nothing any more."""
        self._queue.clear()
        for it in self._timers.values():
            it.cancel()

    def _next(self) -> None:
        if self._queue:
            key = next(iter(self._queue))
            work = self._queue.pop(key)
            self.in_turn((), work)
            work(key)
