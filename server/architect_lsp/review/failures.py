"""What can go wrong on the way to a model, in one line each: what happened, what to do. Pure; knows status codes, no SDK."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from msgspec import Struct

from architect_lsp.review import markdown
from architect_lsp.review.reviewing import ReviewError

MAX_WAIT_S = 20.0
"""A server that asks for a longer wait is reported instead of waited for."""

RETRIED = frozenset((408, 409, 429, 500, 502, 503, 504, 529))
"""Statuses of a service that may do better a moment later."""
_SPEND_LIMIT = "enforced_spend_limit_reached"
_TYPES = {"overloaded_error": 529, "rate_limit_error": 429, "api_error": 500, "timeout_error": 504}
_UNSUPPORTED = ("output_config", "effort", "cache_control", "json_schema", "structured", "format", "schema", "extra inputs")


class Refused(Struct, frozen=True):
    """An error answer of the service; header names are in lower case. `status` 200 is an error in mid-stream."""

    status: int
    type: str
    code: str
    message: str
    headers: Mapping[str, str]

    @property
    def meant(self) -> int:
        """The status it would have had before the stream began."""
        return _TYPES.get(self.type, 500) if self.status == 200 else self.status

    @property
    def retry_after_s(self) -> float | None:
        """Seconds the server asks to wait; None when it doesn't say."""
        return _seconds(self.headers.get("retry-after-ms"), 0.001) or _seconds(self.headers.get("retry-after"), 1.0)

    @property
    def spend_limit(self) -> bool:
        """Whether a cap on spending was reached, which no wait lifts."""
        return self.code == _SPEND_LIMIT and self.retry_after_s is None

    @property
    def unsupported(self) -> bool:
        """Whether it reads like a compatible server that doesn't know one of our fields.

        Source: there is no code for it; servers name the field in their own words.
        """
        text = self.message.lower()
        return self.status in (400, 422) and any(it in text for it in _UNSUPPORTED)


def wait_s(refused: Refused, attempt: int, backoff_s: float) -> float | None:
    """Seconds to wait before attempt number `attempt` + 1; None when another attempt is of no use or too far off."""
    if refused.meant not in RETRIED or refused.spend_limit or refused.headers.get("x-should-retry") == "false":
        return None
    asked = refused.retry_after_s
    if asked is not None:
        return asked if asked <= MAX_WAIT_S else None
    return pause_s(attempt, backoff_s)


def pause_s(attempt: int, backoff_s: float) -> float:
    """Seconds to wait when nobody asked for a time: doubled each time, a little random so that clients don't march in step."""
    return float(min(backoff_s * 2 ** (attempt - 1), 8.0)) * random.uniform(0.75, 1.0)  # noqa: S311


def error(refused: Refused, who: str, model: str) -> ReviewError:
    """The one line for an error answer of `who`."""
    said = markdown.line(refused.message, 200).rstrip(".")
    status = refused.meant
    if refused.spend_limit:
        text = f"The spending limit of your account at {who} is reached: raise it there, or wait for the next period."
    elif status == 401:
        text = f"{who} doesn't accept the API key (401): check that it is whole and not revoked."
    elif status == 403:
        text = f"The API key may not use {model} at {who} (403: {said}): use another key or another model."
    elif status == 402:
        text = f"{who} asks for payment (402: {said}): check the account's billing."
    elif status == 404 and refused.type != "not_found_error":
        text = f"{who} has no Messages API at this address (404): check `architect.baseUrl`."
    elif status == 404:
        text = f"{who} doesn't know the model {model} (404): set `architect.model` to one it serves."
    elif status == 400 and "prompt is too long" in refused.message:
        text = f"The request is longer than what {model} can read: select less, or lower `architect.maxInputTokens`."
    elif status == 413:
        text = f"The request is too large for {who} (413): select less, or lower `architect.maxInputTokens`."
    elif status == 429:
        text = f"{who} limits your requests (429): try again{_in(refused.retry_after_s)}."
    elif status in (503, 529):
        text = f"{who} is overloaded ({status}): try again{_in(refused.retry_after_s)}."
    elif 300 <= status < 400:
        text = (
            f"{who} redirects elsewhere ({status}); your code is not sent after it: set `architect.baseUrl` to the final address."
        )
    elif status < 500:
        text = f"{who} rejects the request ({status}: {said}): check the settings `architect.model` and `architect.effort`."
    else:
        text = f"{who} failed ({status}): try again{_in(refused.retry_after_s)}."
    return ReviewError(text)


def declined(model: str, explanation: str) -> ReviewError:
    """The one line for a model that refused; code that looks like an attack is a known cause."""
    reason = markdown.line(explanation, 200).rstrip(".") or "no reason given"
    return ReviewError(f"{model} declined to review this code ({reason}): select less, or ask another model.")


def _in(seconds: float | None) -> str:
    if seconds is None:
        return " later"
    return f" in {math.ceil(seconds)} s" if seconds < 120 else f" in {math.ceil(seconds / 60)} min"


def _seconds(value: str | None, unit: float) -> float | None:
    if not value:
        return None
    try:
        seconds = float(value) * unit
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
