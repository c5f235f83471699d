"""What a review may still cost: caps per run, day and workspace, asked before a request leaves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from architect_lsp.review import prices
from architect_lsp.review.ledger import Ledger
from architect_lsp.review.reviewing import ReviewError

if TYPE_CHECKING:
    from architect_lsp.review.brief import Brief
    from architect_lsp.settings import Settings

DAY_S = 86_400.0
MIN_OUTPUT = 1_024
"""Tokens an answer must be allowed at least; a request that can't have them isn't sent."""


@dataclass(slots=True)
class Run:
    """One run: a review that was asked for, or one command. `usd` is what it has cost so far."""

    usd: float = 0.0


def spent(ledger: Ledger, settings: Settings) -> str:
    """What the last 24 hours have cost of what they may, for a status bar: money where a price is known, else tokens."""
    day = ledger.sends(time.time() - DAY_S)
    usd, n_tokens = sum(it.usd or 0.0 for it in day), sum(it.tokens for it in day)
    if any(it.usd is None for it in day):
        return (
            f"{n_tokens:,} of {settings.max_tokens_per_day:,} tokens" if settings.max_tokens_per_day else f"{n_tokens:,} tokens"
        )
    return f"${usd:.2f} of ${settings.max_usd_per_day:.2f}" if settings.max_usd_per_day else f"${usd:.2f}"


def within(brief: Brief, settings: Settings, ledger: Ledger, workspace: str, run: Run, *, now: float | None = None) -> Brief:
    """The brief, its answer cut so short that no cap can be passed. Raises ReviewError when that leaves no room for an answer.

    What an answer costs isn't known before, so its longest is counted. A day is the last 24 hours.
    """
    now = time.time() if now is None else now
    month = ledger.sends(now - 30 * DAY_S)
    day = [it for it in month if it.at >= now - DAY_S]
    n_day = sum(it.tokens for it in day)
    n_output = brief.max_output_tokens
    if settings.max_tokens_per_day:
        left = settings.max_tokens_per_day - n_day - brief.tokens
        if left < MIN_OUTPUT:
            raise ReviewError(
                f"`architect.maxTokensPerDay` is reached ({n_day:,} of {settings.max_tokens_per_day:,}): the rules go on; "
                "raise it, or go on tomorrow."
            )
        n_output = min(n_output, left)
    price = None if settings.base_url else prices.longest(brief.model, brief.tokens)
    if price is None:
        return replace(brief, max_output_tokens=n_output)
    caps = (
        ("maxUsdPerRun", settings.max_usd_per_run, run.usd),
        ("maxUsdPerDay", settings.max_usd_per_day, sum(it.usd or 0 for it in day)),
        ("maxUsdPerWorkspace", settings.max_usd_per_workspace, sum(it.usd or 0 for it in month if it.workspace == workspace)),
    )
    for name, cap, spent in caps:
        if not cap:
            continue
        room = int((cap - spent - price.input_usd) / price.usd_per_output_token)
        if room < MIN_OUTPUT:
            raise ReviewError(
                f"`architect.{name}` is reached (about ${spent:.2f} of ${cap:.2f}): the rules go on; raise it, or wait."
            )
        n_output = min(n_output, room)
    return replace(brief, max_output_tokens=n_output)
