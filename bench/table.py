"""The table: each figure beside its peer of the same run, with the target it is held to and whether it is met."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

_HEAD = f"{'figure':<64} {'ours':>10} {'peer':>10} {'ratio':>7} {'target':>8}      peer"


class Table:
    """Prints rows as they come, and counts the targets."""

    def __init__(self) -> None:
        self.met = 0
        self.missed: list[str] = []
        print(_HEAD, flush=True)

    def row(self, what: str, ours: float, peer: float, name: str, target: float | None = None, unit: str = "s") -> None:
        """One figure as a ratio; `target` is the most that the ratio may be, None where none is set."""
        ratio = ours / peer if peer else float("inf")
        said, verdict = "", ""
        if target is not None:
            said, verdict = f"<= {target:g}", "met" if ratio <= target else "MISSED"
            if ratio <= target:
                self.met += 1
            else:
                self.missed.append(what)
        figures = f"{_shown(ours, unit):>10} {_shown(peer, unit):>10} {ratio:>7.2f}"
        print(f"{what:<64} {figures} {said:>8} {verdict:<6} {name}", flush=True)

    def most(self, what: str, value: float, limit: float, unit: str = "s") -> None:
        """A figure without a peer, and the most it may be."""
        self.row(what, value, limit, "the limit", 1.0, unit)

    def end(self) -> None:
        """What was met, and what was not."""
        print(f"{self.met} targets met, {len(self.missed)} missed" + "".join(f"\n  {it}" for it in self.missed))


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """The values of each measure; each round takes all of them in turn."""
    found: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(found, measures, strict=True):
            values.append(measure())
    return found


def medians(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure, taken in turn."""
    return [statistics.median(it) for it in interleaved(rounds, *measures)]


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return sorted(values)[int(len(values) * 0.95)]


def _shown(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value * 1000:,.1f} ms" if value < 10 else f"{value:,.1f} s"
    return f"{value:,.0f} {unit}" if value >= 10 else f"{value:,.2f} {unit}"
