"""The commands about a model, as processes: what would be sent, what was answered, what it has cost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.messages_api import MessagesApi, Status, Stream, remark

REPOSITORY = Path(__file__).resolve().parent.parent
ORDERS = "app/routers/orders.py"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the example, so that what is written lands in a folder of the test."""
    return Path(shutil.copytree(REPOSITORY / "examples" / "shop", tmp_path / "shop"))


def run(shop: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: it for key, it in os.environ.items() if not key.startswith(("ANTHROPIC", "ARCHITECT"))}
    env = {**kept, "PYTHONPATH": str(REPOSITORY / "server"), "ARCHITECT_CACHE": str(shop.parent / "cache"), **environment}
    command = [sys.executable, "-m", "architect_lsp", *arguments]
    return subprocess.run(command, cwd=shop, env=env, capture_output=True, encoding="utf-8", timeout=120, check=False)


def test_a_brief_shows_what_matters_under_the_budget(shop: Path) -> None:
    shown = run(shop, "brief", f"{ORDERS}:14-40")
    assert shown.returncode == 0, shown.stderr
    assert "place_order: Answers POST /orders" in shown.stdout
    assert "place_order calls pricing.exchange_rate, exchange_rate calls _rates, _rates calls requests.get" in shown.stdout
    assert 'kind="related" path="app/services/pricing.py"' in shown.stdout
    assert "Order is stored in orders: id key indexed, user_id indexed" in shown.stdout
    last = shown.stdout.strip().splitlines()
    assert "tokens of 12,000; about $" in last[-3]
    body = json.loads(run(shop, "brief", f"{ORDERS}:14-40", "--format", "json").stdout)
    assert sum(len(it["text"]) for it in (*body["system"], *body["messages"][0]["content"])) < 3 * 12_000
    assert str(shop) not in json.dumps(body)


def test_a_review_is_recorded_frozen_replayed_and_counted(shop: Path) -> None:
    said = remark("rate = pricing.exchange_rate(body.currency)", "A rate that is a day old may be charged.", rule="stale-rate")
    with MessagesApi(Stream([said], input_tokens=5_000, output_tokens=300)) as api:
        server = ("--base-url", api.url, "--model", "claude-test")
        first = run(shop, "review", ORDERS, *server, "--record", "exchange.jsonl", "--format", "json")
        n_requests = len(api.requests)
        again = run(shop, "review", ORDERS, *server, "--frozen", "--format", "json")
        assert len(api.requests) == n_requests == 1
    found = [it for it in json.loads(first.stdout)["findings"] if it["rule"] == "stale-rate"]
    assert first.returncode == 1
    assert [(it["line"], it["message"]) for it in found] == [(17, "A rate that is a day old may be charged.")]
    replayed = next(it for it in json.loads(again.stdout)["findings"] if it["rule"] == "stale-rate")
    assert replayed["fingerprint"] == found[0]["fingerprint"]
    assert "parts were answered before" in again.stderr
    text = run(shop, "review", ORDERS, *server, "--frozen").stdout
    assert text.endswith("in 1 file (rules and model).\n"), "not the rules alone"
    assert "sent " in first.stderr
    assert "to 127.0.0.1" in first.stderr
    elsewhere = run(shop, "review", ORDERS, *server, "--replay", "exchange.jsonl", "--format", "json", ARCHITECT_CACHE="off")
    assert [it["rule"] for it in json.loads(elsewhere.stdout)["findings"] if it["rule"] == "stale-rate"] == ["stale-rate"]
    usage = json.loads(run(shop, "usage", "--format", "json").stdout)
    assert [(it["model"], it["requests"], it["inputTokens"], it["outputTokens"]) for it in usage["days"]] == [
        ("claude-test", 1, 5_000, 300)
    ]
    assert "1 requests" in run(shop, "usage").stdout


def test_what_can_t_be_had_is_one_line_and_exit_code_2(shop: Path) -> None:
    with MessagesApi(Status(401, "authentication_error")) as api:
        for arguments, words in (
            (("review", ORDERS), "No API key is set: set ANTHROPIC_API_KEY"),
            (("review", ORDERS, "--base-url", api.url), "doesn't accept the API key (401)"),
            (("review", ORDERS, "--frozen"), "has no recorded answer, and nobody may be asked (--frozen)"),
            (("review", ORDERS, "--replay", "missing.jsonl"), "missing.jsonl holds no recorded review"),
            (("brief", "nowhere.py"), "there is no file `nowhere.py`"),
            (("brief", f"{ORDERS}:900"), f"{ORDERS} has lines 1 to"),
            (("brief", ORDERS, "--agent", "nobody"), "No agent is called `nobody`"),
        ):
            done = run(shop, *arguments)
            assert done.returncode == 2, done.stdout
            assert words in done.stderr
            assert len(done.stderr.strip().splitlines()) == 1, done.stderr
            assert done.stdout == ""


def test_nothing_sent_is_said_too(shop: Path) -> None:
    assert run(shop, "usage", "--days", "7").stdout == "Nothing was sent in the last 7 days.\n"
