"""When another attempt makes sense, and how long a person would have to wait for it."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from architect_lsp.review.failures import MAX_WAIT_S, Refused, declined, error, wait_s


def refused(
    status: int, headers: dict[str, str] | None = None, kind: str = "", code: str = "", message: str = "made up"
) -> Refused:
    """An error answer."""
    return Refused(status, kind, code, message, headers or {})


@pytest.mark.parametrize(
    ("it", "expected"),
    [
        (refused(429, {"retry-after": "3"}), 3),
        (refused(429, {"retry-after": "1.5"}), 1.5),
        (refused(429, {"retry-after-ms": "250", "retry-after": "9"}), 0.25),
        (refused(429, {"retry-after": "-3"}), 0),
        (refused(429, {"retry-after": str(MAX_WAIT_S + 1)}), None),
        (refused(429, {"retry-after": "inf"}), "some"),
        (refused(429, {"retry-after": "soon"}), "some"),
        (refused(429), "some"),
        (refused(529), "some"),
        (refused(500), "some"),
        (refused(200, kind="overloaded_error"), "some"),
        (refused(200, kind="invalid_request_error"), "some"),
        (refused(500, {"x-should-retry": "false"}), None),
        (refused(429, code="enforced_spend_limit_reached"), None),
        (refused(400), None),
        (refused(401), None),
        (refused(413), None),
    ],
)
def test_when_to_try_again(it, expected):
    waited = wait_s(it, 1, 1.0)
    if expected == "some":
        assert waited is not None
        assert 0.75 <= waited <= 1.0
    else:
        assert waited == expected


def test_a_date_to_wait_for_is_understood():
    waited = wait_s(refused(503, {"retry-after": formatdate(time.time() + 10, usegmt=True)}), 1, 1.0)
    assert waited is not None
    assert 5 < waited <= 10


def test_waits_grow_and_stay_bearable():
    assert [wait_s(refused(529), n, 0.5) <= 0.5 * 2 ** (n - 1) for n in range(1, 5)] == [True] * 4
    assert wait_s(refused(529), 60, 0.5) <= 8


def test_what_a_server_says_can_not_disturb_the_line():
    text = str(error(refused(400, message="a\n\x1b[31mb\u202e" + "x" * 5_000), "example.com", "a-model"))
    assert text.startswith("example.com rejects the request (400: a bxxx")
    assert len(text) < 400
    assert str(declined("a-model", "")).startswith("a-model declined to review this code (no reason given)")
