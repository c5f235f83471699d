"""What a review costs, estimated from a dated table (`prices.toml`) and the usage the service reports."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Usage(Struct, frozen=True):
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


class Longest(Struct, frozen=True):
    """What a request costs at most: its prompt when nothing of it is cached, and each token of the answer."""

    input_usd: float
    usd_per_output_token: float


def longest(model: str, n_input: int) -> Longest | None:
    """The most that a prompt of so many tokens may cost; None for a model without a known price."""
    price = _price(model, n_input)
    if price is None:
        return None
    dearest = max(price["input"], price["write_5m"], price["write_1h"])
    return Longest(n_input * dearest / 1_000_000, price["output"] / 1_000_000)


def cost_usd(model: str, usage: Usage) -> float | None:
    """The estimate in US dollars; None for a model without a known price. A date at the id's end doesn't matter."""
    price = _price(model, usage.prompt)
    if price is None:
        return None
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


def _price(model: str, n_prompt: int) -> dict[str, Any] | None:
    table = _table()
    price = table.get(model) or table.get(re.sub(r"-20\d{6}$", "", model))
    if not isinstance(price, dict):
        return None
    long: dict[str, Any] | None = price.get("long")
    return long if long is not None and long["above"] < n_prompt else price


@cache
def _table() -> dict[str, Any]:
    text = resources.files("architect_lsp.review").joinpath("prices.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    return table
