"""What a review costs, estimated from a dated table (`prices.toml`) and the usage the service reports."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request: `fresh` after the last cache mark, written to the cache for 5 minutes or 1 hour, read, put out."""

    fresh: int = 0
    written_5m: int = 0
    written_1h: int = 0
    read: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        """Tokens of the whole prompt."""
        return self.fresh + self.written_5m + self.written_1h + self.read


def cost_usd(model: str, usage: Usage) -> float | None:
    """The estimate in US dollars; None for a model without a known price. A date at the id's end doesn't matter."""
    table = _table()
    price = table.get(model) or table.get(re.sub(r"-20\d{6}$", "", model))
    if not isinstance(price, dict):
        return None
    if "long" in price and price["long"]["above"] < usage.prompt:
        price = price["long"]
    total = (
        usage.fresh * price["input"]
        + usage.written_5m * price["write_5m"]
        + usage.written_1h * price["write_1h"]
        + usage.read * price["read"]
        + usage.output * price["output"]
    )
    return float(total) / 1_000_000


def dated() -> str:
    """The day the table was taken, as YYYY-MM-DD."""
    return str(_table()["dated"])


@cache
def _table() -> dict[str, Any]:
    text = resources.files("architect_lsp.review").joinpath("prices.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    return table
