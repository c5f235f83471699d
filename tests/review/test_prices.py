"""A review's price is an estimate from a dated table, or none."""

from __future__ import annotations

from datetime import date

import pytest

from architect_lsp.review.agents import MODELS
from architect_lsp.review.prices import Usage, cost_usd, dated
from architect_lsp.settings import Settings


def test_the_table_is_dated():
    assert date.fromisoformat(dated()) >= date(2026, 11, 1)


@pytest.mark.parametrize("model", [*MODELS.values(), Settings().model])
def test_every_model_we_name_has_a_price(model):
    assert cost_usd(model, Usage(fresh=1_000_000)) is not None


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        ("claude-opus-5-5", Usage(fresh=1_000_000), 4.0),
        ("claude-opus-5-5", Usage(output=1_000_000), 20.0),
        ("claude-opus-5-5", Usage(written_5m=1_000_000, written_1h=1_000_000), 13.0),
        ("claude-opus-5-5", Usage(read=1_000_000), 0.2),
        ("claude-sonnet-4-5-20250929", Usage(fresh=1_000, output=100), 0.0045),
        ("claude-haiku-5-5", Usage(fresh=100_000), 0.01),
        ("claude-haiku-5-5", Usage(fresh=100_001), 0.0500005),
        ("qwen3-coder:30b", Usage(fresh=1), None),
        ("dated", Usage(fresh=1), None),
    ],
)
def test_costs(model, usage, usd):
    assert cost_usd(model, usage) == (pytest.approx(usd) if usd is not None else None)
