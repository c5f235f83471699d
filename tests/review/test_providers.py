"""Who is asked, how many at once, and who is left alone for a while; which files never leave."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.inquiry import brief
from architect_lsp.model import Span
from architect_lsp.review import claude as claudes
from architect_lsp.review.agents import load
from architect_lsp.review.claude import Claude
from architect_lsp.review.reviewing import ReviewError
from architect_lsp.settings import Settings, SettingsError, parse
from support.messages_api import MessagesApi, Status, Stream, remark
from support.reviews import outcome_of


async def test_a_service_that_fails_again_and_again_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claudes, "MAX_ATTEMPTS", 1)
    with MessagesApi(Status(529, "overloaded_error")) as api:
        claude = Claude(Settings(base_url=api.url), "key-made-up", backoff_s=0.01)
        said = [(await outcome_of(claude, settings=claude.settings)).error for _ in range(claudes.TRUST + 2)]
        n_asked = len(api.requests)
        assert [("overloaded" in it, "failed 3 times in a row and is left alone for 60 s" in it) for it in said] == [
            *[(True, False)] * claudes.TRUST,
            *[(False, True)] * 2,
        ]
        assert n_asked == claudes.TRUST
        monkeypatch.setattr(claudes.time, "monotonic", lambda now=claudes.time.monotonic: now() + claudes.PAUSE_S)
        await outcome_of(claude, settings=claude.settings)
        assert len(api.requests) == n_asked + 1, "after the pause it is asked again"
        await claude.close()


async def test_what_is_wrong_with_the_request_is_no_reason_to_leave_a_service_alone() -> None:
    with MessagesApi(Status(401, "authentication_error")) as api:
        claude = Claude(Settings(base_url=api.url), "key-made-up")
        said = [(await outcome_of(claude, settings=claude.settings)).error for _ in range(claudes.TRUST + 1)]
        await claude.close()
    assert all("doesn't accept the API key" in it for it in said)


async def test_several_reviews_share_one_limit() -> None:
    with MessagesApi(Stream([remark("db.commit()")] * 2, hold_after=1)) as api:
        claude = Claude(Settings(base_url=api.url), "key-made-up")
        running = [asyncio.create_task(outcome_of(claude, settings=claude.settings)) for _ in range(4)]
        while len(api.requests) < claudes.AT_ONCE:  # noqa: ASYNC110  (the server counts in a thread of its own)
            await asyncio.sleep(0.01)
        assert len(api.requests) == claudes.AT_ONCE
        api.release()
        found = await asyncio.gather(*running)
        assert len(api.requests) == 4
        await claude.close()
    waited = [it for it in found if any(line.startswith("Waiting for 2 other reviews") for line in it.notices)]
    assert len(waited) == 2
    assert all(len(it.findings) == 1 for it in found)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("bedrock", "Amazon Bedrock needs a library that is not here: install architect-lsp[bedrock]."),
        ("vertex", "Google Vertex AI needs a library that is not here: install architect-lsp[vertex]."),
    ],
)
async def test_a_cloud_without_its_library_says_what_to_install(
    provider: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    claude = Claude(Settings(provider=provider), "")
    assert claude.available
    assert (await outcome_of(claude, settings=claude.settings)).error == words


async def test_vertex_without_a_project_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    for name in ("CLOUD_ML_REGION", "ANTHROPIC_VERTEX_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    claude = Claude(Settings(provider="vertex"), "")
    assert "set CLOUD_ML_REGION and ANTHROPIC_VERTEX_PROJECT_ID" in (await outcome_of(claude, settings=claude.settings)).error


async def test_bedrock_is_asked_through_the_sdk_s_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its signing library is an extra; what can be seen without it is that the client is made and named."""
    from architect_lsp.review import providers

    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ReviewError, match="set AWS_REGION"):
        providers.client(Settings(provider="bedrock"), "")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    client = providers.client(Settings(provider="bedrock"), "")
    assert type(client).__name__ == "AsyncAnthropicBedrock"
    assert client.max_retries == 0
    await client.close()
    assert Claude(Settings(provider="bedrock"), "").host == "Amazon Bedrock"


@pytest.mark.parametrize("name", ["provider", "base_url", "max_usd_per_run", "maxUsdPerDay", "max_tokens_per_day"])
def test_a_project_can_neither_redirect_code_nor_raise_what_it_costs(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"can't set `{name}`"):
        parse({}, {name: "vertex"})


def test_files_that_must_not_leave_are_neither_reviewed_nor_shown_beside(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("private/\n")
    workspace = Workspace(tmp_path, parse({"neverSend": ["billing/*"]}, {"never_send": ["legal/"]}))
    told = {
        "private/keys.py": "is ignored by git",
        "billing/rates.py": "is named by `architect.neverSend`",
        "legal/terms.py": "is named by `architect.neverSend`",
        "secrets.py": "may hold keys",
    }
    for path in told:
        workspace.open(path, "def rate(x):\n    return 7 * x\n", 1)
    for path, words in told.items():
        with pytest.raises(ReviewError, match=words):
            brief(workspace, path, Span(0, 10), load("architect"))
    workspace.open("app.py", "from billing.rates import rate\n\n\ndef f(x):\n    return rate(x)\n", 1)
    assert "7 * x" not in brief(workspace, "app.py", Span(0, 70), load("architect")).as_json()
    workspace.open("open/rates.py", "def rate(x):\n    return 7 * x\n", 1)
    workspace.open("app.py", "from open.rates import rate\n\n\ndef f(x):\n    return rate(x)\n", 2)
    assert "7 * x" in brief(workspace, "app.py", Span(0, 70), load("architect")).as_json()
