"""The real SDK against a Messages API on the loopback: what arrives when, and one line for everything that goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
import time
from contextlib import aclosing

import pytest

from architect_lsp.model import Finding
from architect_lsp.review.claude import Claude
from architect_lsp.review.reviewing import Receipt, ReviewError, review
from architect_lsp.settings import Settings
from support.messages_api import Answer, MessagesApi, Silence, Status, Stream, html, redirect, remark, unsupported
from support.reviews import ALL, SNAPSHOT, asked, brief_of, outcome_of

TWO = [remark("db.commit()", "One commit an order."), remark("asyncio.create_task(mail.send(user))", "Nobody awaits it.")]


async def test_findings_come_in_order_with_a_receipt():
    outcome, api = await asked(Stream(TWO, cached_tokens=500, written_tokens=100))
    assert [it.message for it in outcome.findings] == ["One commit an order.", "Nobody awaits it."]
    assert [it.quote for it in outcome.findings] == [it["quote"] for it in TWO]
    assert outcome.findings[0].provenance.kind == "model"
    assert outcome.findings[0].provenance.agent == "architect"
    receipt = outcome.receipt
    assert receipt is not None
    assert receipt.complete
    assert (receipt.input_tokens, receipt.cached_tokens, receipt.output_tokens) == (1_600, 500, 200)
    assert receipt.to == api.url.removeprefix("http://")
    assert receipt.cost_usd is None, "another server's prices are not known"


async def test_at_the_vendors_own_address_a_review_has_a_price(monkeypatch):
    with MessagesApi(Stream(TWO, input_tokens=1_000, written_tokens=1_000, cached_tokens=10_000, output_tokens=500)) as api:
        monkeypatch.setattr("architect_lsp.review.claude.ANTHROPIC_URL", api.url)
        claude = Claude(Settings(), "key-made-up")
        outcome = await outcome_of(claude)
        await claude.close()
    assert outcome.receipt is not None
    assert outcome.receipt.cost_usd == pytest.approx(0.004 + 0.008 + 0.002 + 0.010)
    assert "x-api-key" not in api.requests[0].headers


async def test_the_receipt_and_the_shown_request_are_the_exact_bytes_sent():
    outcome, api = await asked(Stream(TWO))
    (request,) = api.requests
    assert outcome.receipt is not None
    assert outcome.receipt.bytes_sent == len(request.content)
    assert outcome.receipt.sha256 == hashlib.sha256(request.content).hexdigest()
    assert request.content == brief_of(SNAPSHOT, base_url="http://elsewhere").as_json().encode()


async def test_a_finding_is_there_before_the_stream_ends():
    with MessagesApi(Stream(TWO, hold_after=1)) as api:
        settings = Settings(base_url=api.url)
        claude = Claude(settings, "key")
        seen = []
        async with aclosing(review(SNAPSHOT, ALL, brief_of(settings=settings), claude)) as events:
            async for it in events:
                if isinstance(it, Finding):
                    seen.append(it.message)
                    if len(seen) == 1:
                        assert await asyncio.to_thread(api.reached.wait, 5)
                        api.release()
        await claude.close()
    assert seen == ["One commit an order.", "Nobody awaits it."]


@pytest.mark.parametrize("answer", [Stream(TWO, hold_after=1), Silence()])
async def test_cancelling_closes_the_connection_at_once(answer):
    """In mid-answer and before its first byte. A busy machine may be late now and then, never always."""
    assert min([await _closed_after_s(answer) for _ in range(3)]) < 0.1


async def test_whenever_it_is_cancelled_the_connection_closes():
    for n_steps in range(30):
        await _closed_after_s(Stream(TWO, hold_after=1), n_steps)


async def _closed_after_s(answer: Answer, n_steps: int = 0) -> float:
    """Seconds from the cancellation, `n_steps` turns of the loop after the answer came to its hold, to the server's notice."""
    with MessagesApi(answer) as api:
        settings = Settings(base_url=api.url)
        claude = Claude(settings, "key")

        async def reading() -> None:
            async with aclosing(review(SNAPSHOT, ALL, brief_of(settings=settings), claude)) as events:
                async for _ in events:
                    pass

        task = asyncio.ensure_future(reading())
        assert await asyncio.to_thread((api.reached if isinstance(answer, Stream) else api.arrived).wait, 30)
        for _ in range(n_steps):
            await asyncio.sleep(0)
        cancelled_at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(api.closed.wait, 5)
        assert api.closed_at is not None
        await claude.close()
        return api.closed_at - cancelled_at


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Status(401, "authentication_error"), "doesn't accept the API key (401): check"),
        (Status(402, "billing_error", "no credit"), "asks for payment (402: no credit): check"),
        (Status(403, "permission_error", "not yours"), "may not use claude-opus-5-5"),
        (Status(404, "not_found_error"), "doesn't know the model claude-opus-5-5 (404): set `architect.model`"),
        (html(404), "has no Messages API at this address (404): check `architect.baseUrl`"),
        (Status(413, "request_too_large"), "too large for"),
        (Status(400, "invalid_request_error", "messages: odd"), "rejects the request (400: messages: odd)"),
        (Status(429, "rate_limit_error", headers={"retry-after": "300"}), "limits your requests (429): try again in 5 min."),
        (Status(429, "rate_limit_error", error_code="enforced_spend_limit_reached"), "spending limit of your account"),
        (Status(500, headers={"x-should-retry": "false"}), "failed (500): try again later."),
        (html(), "answered with a web page in place of a stream"),
        (html(403), "may not use"),
        (Status(200, headers={"content-type": "application/json"}, body="{broken"), "in place of a stream"),
        (redirect("http://127.0.0.1:1/v1/messages"), "redirects elsewhere (307); your code is not sent after it"),
        (Stream(fault="garbage"), "didn't answer with a list of remarks"),
        (Stream(text=""), "didn't answer with a list of remarks"),
        (
            Stream(text="", stop_reason="refusal", explanation="Looks like an exploit."),
            "declined to review this code (Looks like an exploit)",
        ),
        (Stream(text="", stop_reason="max_tokens"), "reached its cap of 16,000 tokens: select less"),
        (Stream(text="", stop_reason="model_context_window_exceeded"), "filled the context"),
        (Stream(text='{"remarks": [', stop_reason="odd_reason"), "isn't known here (odd_reason)"),
        (Stream(text='{"rem', fault="cut"), "The connection to 127.0.0.1"),
        (Stream(text='{"rem', fault="early-end"), "ended its answer too early: try again."),
        (Stream(text='{"rem', fault="bad-event"), "something that is no answer (JSONDecodeError)"),
    ],
)
async def test_each_failure_is_one_line_that_says_what_to_do(answer, said):
    outcome, api = await asked(answer)
    assert said in outcome.error
    assert "\n" not in outcome.error
    assert not outcome.findings
    assert len(api.requests) == 1
    assert outcome.receipt is not None, "nothing leaves without a receipt"
    assert not outcome.receipt.complete
    assert outcome.receipt.bytes_sent == len(api.requests[0].content)


@pytest.mark.parametrize(
    "busy",
    [
        Status(429, "rate_limit_error", headers={"retry-after": "0.01"}),
        Status(429, "rate_limit_error"),
        Status(503),
        Status(529, "overloaded_error"),
        Stream(text="", fault="error"),
        Stream(text="", fault="cut"),
        Stream(text="", fault="early-end"),
    ],
)
async def test_a_busy_server_is_asked_again_with_a_notice(busy):
    outcome, api = await asked(busy, Stream(TWO))
    assert len(outcome.findings) == 2
    assert not outcome.error
    assert any(f"127.0.0.1:{api.url.rpartition(':')[2]} " in it and "trying again in" in it for it in outcome.notices)
    assert outcome.receipt is not None
    assert outcome.receipt.complete
    assert outcome.receipt.bytes_sent == sum(len(it.content) for it in api.requests)


async def test_asking_again_ends():
    outcome, api = await asked(Status(529, "overloaded_error"))
    assert "is overloaded (529): try again later." in outcome.error
    assert len(api.requests) == 3


@pytest.mark.parametrize("fault", ["cut", "reset", "error", "early-end", "bad-event"])
async def test_what_is_complete_is_kept_when_the_rest_is_lost(fault):
    outcome, api = await asked(Stream(TWO, fault=fault, chunk=10_000))
    assert len(outcome.findings) == 2
    assert not outcome.error
    assert "The review is partial (2 findings kept)" in outcome.notices[-1]
    assert outcome.receipt is not None
    assert not outcome.receipt.complete
    assert len(api.requests) == 1, "what was read is not asked for again"


async def test_a_cap_on_output_in_mid_answer_is_partial():
    text = Stream(TWO[:1]).pieces()
    outcome, _ = await asked(Stream(text="".join(str(it) for it in text)[:-2] + ', {"quote": "un', stop_reason="max_tokens"))
    assert len(outcome.findings) == 1
    assert "partial (1 finding kept): The answer reached its cap" in outcome.notices[-1]


@pytest.mark.parametrize("answer", [Silence(), Stream(text="", fault="pings"), Stream(text="", fault="silence")])
async def test_the_deadline_holds_though_pings_come(answer):
    outcome, _ = await asked(answer, settings={"timeout_s": 0.3})
    assert "didn't finish within 0.3 s" in outcome.error or "was silent for 0.3 s" in outcome.error


@pytest.mark.parametrize("fault", ["pings", "silence"])
async def test_an_answer_that_stands_still_is_given_up(fault):
    outcome, _ = await asked(Stream(TWO, fault=fault), quiet_s=0.2)
    assert len(outcome.findings) == 2
    assert "stood still for 0.2 s" in outcome.notices[-1]


@pytest.mark.parametrize("name", ["output_config", "cache_control", "effort"])
async def test_a_server_without_structured_answers_is_asked_in_words(name):
    text = "Sure! Here [1] is `items[0]`:\n\n```json\n" + "".join(str(it) for it in Stream(TWO).pieces()) + "\n```\nDone [x]."
    outcome, api = await asked(unsupported(name), Stream(text=text))
    assert len(outcome.findings) == 2
    assert outcome.receipt is not None
    assert outcome.receipt.complete
    first, second = (it.body for it in api.requests)
    assert "output_config" in first
    assert "output_config" not in second
    assert "cache_control" not in str(second)
    assert "JSON schema" in second["messages"][0]["content"][-1]["text"]


async def test_a_server_found_plain_is_asked_plainly_at_once():
    with MessagesApi(unsupported(), Stream(TWO)) as api:
        settings = Settings(base_url=api.url)
        claude = Claude(settings, "")
        for _ in range(2):
            async with aclosing(claude.review(brief_of(settings=settings))) as events:
                receipts = [it async for it in events if isinstance(it, Receipt)]
            assert receipts[0].complete
        await claude.close()
    assert ["output_config" in it.body for it in api.requests] == [True, False, False]


async def test_a_server_that_is_not_there_leaves_no_receipt():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        outcome, _ = await asked(settings={"base_url": url})
    assert "can't be reached (ConnectError): check the network" in outcome.error
    assert outcome.receipt is None
    assert len(outcome.notices) == 5, "asked three times, waited twice"
    assert all(it.startswith(("Asking claude-opus-5-5 at 127.0.0.1:", "127.0.0.1:")) for it in outcome.notices)


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://127.0.0.1", "http://", "http://[::1", "http://a b/", "https://name:word@host"]
)
async def test_an_address_that_is_none(url):
    outcome, _ = await asked(settings={"base_url": url})
    assert "architect.baseUrl" in outcome.error


async def test_without_a_key_nothing_is_sent():
    claude = Claude(Settings(), "")
    assert not claude.available
    with pytest.raises(ReviewError, match="No API key is set"):
        _ = [it async for it in claude.review(brief_of())]


async def test_a_key_that_is_none():
    claude = Claude(Settings(), "käy\n1")
    with pytest.raises(ReviewError, match="copy it anew"):
        _ = [it async for it in claude.review(brief_of())]


async def test_the_key_goes_only_into_headers(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    outcome, api = await asked(Stream(TWO))
    (request,) = api.requests
    assert request.headers["authorization"] == "Bearer key-made-up"
    assert request.headers["x-api-key"] == "key-made-up"
    assert b"key-made-up" not in request.content
    assert not outcome.error, "a server on this machine is reached past the proxy"


async def test_reviews_may_run_side_by_side():
    with MessagesApi(Stream(TWO)) as api:
        settings = Settings(base_url=api.url)
        claude = Claude(settings, "key")

        async def n_findings() -> int:
            events = review(SNAPSHOT, ALL, brief_of(settings=settings), claude)
            return len([it async for it in events if isinstance(it, Finding)])

        assert await asyncio.gather(*(n_findings() for _ in range(8))) == [2] * 8
        await claude.close()


async def test_a_flood_is_cut(monkeypatch):
    monkeypatch.setattr("architect_lsp.review.claude.MAX_ANSWER", 5_000)
    outcome, _ = await asked(Stream(TWO * 500, chunk=1_000))
    assert len(outcome.findings) == 2
    assert "is longer than 5,000 characters" in outcome.notices[-1]


def test_no_room_imports_the_sdk_before_a_review():
    code = (
        "import sys\n"
        "from architect_lsp.review import agents, brief, claude, items, markdown, prices, redact, remarks, reviewing, scripted\n"
        "from architect_lsp.settings import Settings\n"
        "it = claude.Claude(Settings(), 'key')\n"
        "assert it.available and it.model and it.host == 'api.anthropic.com'\n"
        "loaded = {'anthropic', 'httpx2', 'httpx'} & sys.modules.keys()\n"
        "assert not loaded, loaded\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
