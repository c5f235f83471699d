"""A review through the ledger: what was answered is not asked again, and an edit asks about what it touched."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path

import pytest

from architect_lsp.drafting import consult, draft
from architect_lsp.engine import Workspace
from architect_lsp.inquiry import document, inquire
from architect_lsp.model import Finding, Fix, Span
from architect_lsp.review.agents import load
from architect_lsp.review.claude import Claude
from architect_lsp.review.ledger import Ledger
from architect_lsp.review.prices import Usage, cost_usd
from architect_lsp.review.reviewing import Notice, Receipt, ReviewError
from architect_lsp.settings import Settings
from support.messages_api import MessagesApi, Status, Stream, fix, remark

FUNCTIONS = "import db\n\n\n" + "".join(
    f"async def load_{n}(session, user):\n"
    f'    """The price of all that the user {n} has ordered and not sent back, in the currency of the shop."""\n'
    f"    rows = await session.execute(db.select_{n}(user))\n"
    f"    if user.is_blocked:\n"
    f"        raise PermissionError('a user who is blocked has nothing to pay, see the terms of the shop')\n"
    f"    for row in rows:\n"
    f"        total_{n} = row.price * row.amount  # 😀\n"
    f"        await session.commit()\n"
    f"    return total_{n}\n\n\n"
    for n in range(50)
)


class Asked:
    """One review: what it gave, and what it sent."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.notices: list[str] = []
        self.receipts: list[Receipt] = []
        self.error = ""

    @property
    def lines(self) -> list[str]:
        return [it.quote for it in self.findings]


def workspace_of(text: str, url: str, **settings: object) -> Workspace:
    workspace = Workspace(Path("/nowhere"), Settings(base_url=url, **settings))  # type: ignore[arg-type]
    workspace.open("app/orders.py", text, 1)
    return workspace


async def ask(workspace: Workspace, ledger: Ledger, span: Span | None = None, *, frozen: bool = False) -> Asked:
    asked = Asked()
    found = document(workspace, "app/orders.py")
    claude = Claude(workspace.settings, "key-made-up", backoff_s=0.01)
    where = span or Span(0, len(found.text))
    try:
        async with aclosing(inquire(workspace, found, where, load("architect"), claude, ledger, frozen=frozen)) as events:
            async for it in events:
                if isinstance(it, Finding):
                    asked.findings.append(it)
                elif isinstance(it, Notice):
                    asked.notices.append(it.text)
                elif isinstance(it, Receipt):
                    asked.receipts.append(it)
    except ReviewError as error:
        asked.error = str(error)
    await claude.close()
    return asked


REMARKS = [remark(f"total_{n} = row.price * row.amount", f"Sum {n} in the database.") for n in (3, 17, 44)]


async def test_the_same_review_again_asks_nobody_and_says_the_same(tmp_path: Path) -> None:
    with MessagesApi(Stream(REMARKS)) as api:
        first = await ask(workspace_of(FUNCTIONS, api.url), Ledger(tmp_path / "ledger.sqlite"))
        n_requests = len(api.requests)
        again = await ask(workspace_of(FUNCTIONS, api.url), Ledger(tmp_path / "ledger.sqlite"))
        assert len(api.requests) == n_requests > 0
    assert len(first.findings) == 3
    assert [(it.rule, it.span, it.message) for it in again.findings] == [(it.rule, it.span, it.message) for it in first.findings]
    assert {it.provenance.origin for it in again.findings} == {"ledger"}
    assert again.receipts == []
    assert again.notices == ["51 of 51 parts were answered before."]


async def test_one_function_of_fifty_edited_asks_about_that_function() -> None:
    ledger = Ledger(None)
    edited = FUNCTIONS.replace("db.select_17(user)", "db.select_17(user, limit=5)").replace("import db\n", "import db\n\n\n\n")
    with MessagesApi(Stream(REMARKS), Stream([remark("total_17 = row.price * row.amount", "Still.")])) as api:
        await ask(workspace_of(FUNCTIONS, api.url, max_input_tokens=50_000), ledger)
        second = await ask(workspace_of(edited, api.url, max_input_tokens=50_000), ledger)
        first_body, second_body = (it.body for it in api.requests)
    task = second_body["messages"][0]["content"][-1]["text"]
    assert "total_17" in task.partition('kind="selection"')[2].partition("</data")[0]
    assert "total_18" not in task.partition('kind="selection"')[2].partition("</data")[0]
    assert first_body["system"] == second_body["system"], "the prefix is the same, so the service reads it from its cache"

    def n_bytes(blocks: list[dict]) -> int:
        return sum(len(it["text"].encode()) for it in blocks)

    asked, asked_again = (n_bytes(it["messages"][0]["content"]) for it in (first_body, second_body))
    instructions = n_bytes(first_body["system"])
    assert asked_again <= 0.1 * asked, "`input_tokens`, as the service counts them: what is not read from its cache"
    first_usd = cost_usd("claude-opus-5-5", Usage(fresh=asked + instructions))
    second_usd = cost_usd("claude-opus-5-5", Usage(fresh=asked_again, read=instructions))
    assert first_usd is not None
    assert second_usd is not None
    assert second_usd <= 0.1 * first_usd, "all input, at its price, though none of the first was cached"
    assert sorted(it.message for it in second.findings) == ["Still.", "Sum 3 in the database.", "Sum 44 in the database."]
    for it in second.findings:
        assert edited[it.span.start : it.span.end] == it.quote, "they moved with their text"


async def test_a_review_of_one_function_is_part_of_that_of_the_file() -> None:
    ledger = Ledger(None)
    with MessagesApi(Stream(REMARKS)) as api:
        await ask(workspace_of(FUNCTIONS, api.url), ledger)
        n_requests = len(api.requests)
        at = FUNCTIONS.index("async def load_17")
        one = await ask(workspace_of(FUNCTIONS, api.url), ledger, Span(at, FUNCTIONS.index("async def load_18")))
        assert len(api.requests) == n_requests
    assert one.lines == ["total_17 = row.price * row.amount"]


async def test_what_an_answer_depends_on_is_asked_anew() -> None:
    ledger = Ledger(None)
    text = FUNCTIONS.partition("async def load_2(")[0]
    with MessagesApi(Stream([])) as api:
        await ask(workspace_of(text, api.url), ledger)
        await ask(workspace_of(text, api.url, model="claude-sonnet-5-5"), ledger)
        await ask(workspace_of(text, api.url, effort="high"), ledger)
        changed = workspace_of(text, api.url)
        changed.open("db.py", "import requests\n\ndef select_1(user):\n    requests.get('https://example.com')\n", 1)
        await ask(changed, ledger)
        tasks = [it.body["messages"][0]["content"] for it in api.requests]
    assert len(tasks) == 4
    assert "requests.get" in json.dumps(tasks[3]), "a called function that does something else is another question"


async def test_an_answer_that_ended_early_is_not_kept() -> None:
    ledger = Ledger(None)
    with MessagesApi(Stream(REMARKS, stop_reason="max_tokens"), Stream(REMARKS)) as api:
        first = await ask(workspace_of(FUNCTIONS, api.url, max_input_tokens=50_000), ledger)
        second = await ask(workspace_of(FUNCTIONS, api.url, max_input_tokens=50_000), ledger)
        assert len(api.requests) == 2
    assert not first.receipts[0].complete
    assert len(first.findings) == len(second.findings) == 3


async def test_frozen_says_what_is_missing_and_asks_nobody() -> None:
    ledger = Ledger(None)
    with MessagesApi(Stream(REMARKS)) as api:
        missing = await ask(workspace_of(FUNCTIONS, api.url), ledger, frozen=True)
        assert missing.error == "app/orders.py:1 has no recorded answer, and nobody may be asked (--frozen)."
        assert api.requests == []
        await ask(workspace_of(FUNCTIONS, api.url), ledger)
        n_requests = len(api.requests)
        frozen = await ask(workspace_of(FUNCTIONS, api.url), ledger, frozen=True)
        assert len(api.requests) == n_requests
    assert len(frozen.findings) == 3


SECRET = "sk-live-" + "4f9d2c7b8a1e6f3d0c5b"
CLIENT = f'''def client(session):
    token = "{SECRET}"
    return session.get("https://example.com", token=token)
'''


async def test_a_secret_is_neither_sent_nor_kept_and_comes_back_in_the_fix(tmp_path: Path) -> None:
    said = remark(
        'token = "__SECRET_1__"',
        "Read it from the settings.",
        fix=fix("Name it", ('token = "__SECRET_1__"', 'TOKEN = "__SECRET_1__"')),
    )
    file = tmp_path / "ledger.sqlite"
    with MessagesApi(Stream([said])) as api:
        first = await ask(workspace_of(CLIENT, api.url), Ledger(file))
        again = await ask(workspace_of("import os\n\n\n" + CLIENT, api.url), Ledger(file))
        assert all(SECRET.encode() not in it.content for it in api.requests)
    assert first.lines == again.lines == [f'token = "{SECRET}"']
    assert again.findings[0].provenance.origin == "ledger"
    assert again.findings[0].fixes[0].edits[0].text == f'TOKEN = "{SECRET}"'
    assert files_with(tmp_path, SECRET) == []
    send, _ = Ledger(file).sends()
    assert send.redacted == first.receipts[0].redacted
    assert send.n_bytes == first.receipts[0].bytes_sent


def files_with(folder: Path, text: str) -> list[str]:
    return [it.name for it in folder.iterdir() if text.encode() in it.read_bytes()]


@pytest.mark.parametrize(
    ("settings", "spent_usd", "words"),
    [
        ({"max_usd_per_day": 0.05}, 0.04, "`architect.maxUsdPerDay` is reached (about $0.04 of $0.05): the rules go on"),
        ({"max_usd_per_workspace": 0.05}, 0.05, "`architect.maxUsdPerWorkspace` is reached"),
        ({"max_usd_per_run": 0.001}, 0.0, "`architect.maxUsdPerRun` is reached"),
        ({"max_tokens_per_day": 4_000}, 0.0, "`architect.maxTokensPerDay` is reached (0 of 4,000): the rules go on"),
    ],
)
async def test_past_a_cap_nothing_is_sent_and_one_line_says_so(settings: dict, spent_usd: float, words: str) -> None:
    ledger = Ledger(None)
    ledger.note(Receipt("claude-opus-5-5", 10, 10, 0, spent_usd, 5, "", "x", (), complete=True), "/nowhere", "architect")
    if "max_tokens_per_day" in settings:
        ledger = Ledger(None)
    workspace = Workspace(Path("/nowhere"), Settings(**settings))
    workspace.open("app/orders.py", FUNCTIONS, 1)
    with MessagesApi(Stream([])) as api:
        asked = await ask(workspace, ledger)
        assert api.requests == []
    assert words in asked.error


async def test_close_to_a_cap_the_answer_may_not_be_long_enough_to_pass_it() -> None:
    from architect_lsp.inquiry import brief
    from architect_lsp.review import budget, prices

    workspace = Workspace(Path("/nowhere"), Settings(max_usd_per_run=0.2))
    workspace.open("app/orders.py", FUNCTIONS, 1)
    whole = brief(workspace, "app/orders.py", Span(0, 400), load("architect"))
    cut = budget.within(whole, workspace.settings, Ledger(None), "/nowhere", budget.Run())
    price = prices.longest(whole.model, whole.tokens)
    assert price is not None
    assert budget.MIN_OUTPUT <= cut.max_output_tokens < whole.max_output_tokens
    assert price.input_usd + cut.max_output_tokens * price.usd_per_output_token <= 0.2


async def test_a_fault_is_raised_as_it_is_without_a_ledger_entry() -> None:
    ledger = Ledger(None)
    with MessagesApi(Status(401, "authentication_error")) as api:
        asked = await ask(workspace_of(FUNCTIONS, api.url), ledger)
    assert "doesn't accept the API key" in asked.error
    assert not asked.findings


@pytest.mark.parametrize("damage", [b"", b"no database at all", b"SQLite format 3\x00" + b"\xff" * 4_000])
def test_a_damaged_ledger_is_set_aside_with_one_note(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "ledger.sqlite"
    file.write_bytes(damage)
    ledger = Ledger(file)
    ledger.keep([(b"key", ["{}"])], "m")
    assert Ledger(file).known([b"key", b"other"]) == {b"key": ("{}",)}
    aside = [it for it in tmp_path.iterdir() if ".damaged-" in it.name]
    assert [it.read_bytes() for it in aside] == ([damage] if damage else [])
    assert len(ledger.notes) == len(aside)


def test_a_ledger_that_can_t_be_written_keeps_this_run_s_answers(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file" / "ledger.sqlite")
    ledger.keep([(b"key", [])], "m")
    assert ledger.known([b"key"]) == {b"key": ()}
    assert len(ledger.notes) == 1
    assert "answers are kept for this run alone" in ledger.notes[0]


def verdicts(*rows: tuple[int, bool, str]) -> Stream:
    return Stream(text=json.dumps({"verdicts": [{"number": n, "keep": keep, "reason": why} for n, keep, why in rows]}))


async def test_a_second_look_drops_what_it_doesn_t_stand_by_and_is_remembered() -> None:
    ledger = Ledger(None)
    looked = verdicts((1, True, ""), (2, False, "the loop has one turn"), (3, True, ""))
    with MessagesApi(Stream(REMARKS), looked) as api:
        workspace = workspace_of(FUNCTIONS, api.url, second_look=True, max_input_tokens=50_000)
        first = await ask(workspace, ledger)
        assert len(api.requests) == 2
        assert "2. made-up: Sum 17 in the database." in api.requests[1].body["messages"][0]["content"][-1]["text"]
        again = await ask(workspace, ledger)
        assert len(api.requests) == 2
    assert [it.message for it in first.findings] == ["Sum 3 in the database.", "Sum 44 in the database."]
    assert [it.message for it in again.findings] == [it.message for it in first.findings]


@pytest.mark.parametrize("answer", [Status(400, "invalid_request_error"), Stream(text="I would rather not.")])
async def test_a_second_look_that_fails_keeps_everything_and_says_so(answer: object) -> None:
    with MessagesApi(Stream(REMARKS), answer) as api:  # type: ignore[arg-type]
        asked = await ask(workspace_of(FUNCTIONS, api.url, second_look=True, max_input_tokens=50_000), Ledger(None))
    assert len(asked.findings) == 3
    assert any(it.startswith("There was no second look: ") for it in asked.notices)


SLEEPY = "import time\n\n\nasync def wait(seconds):\n    time.sleep(seconds)\n    return seconds\n"


def drafts(*fixes: dict) -> Stream:
    return Stream(text=json.dumps({"fixes": list(fixes)}))


async def drafted(*answers: Stream) -> tuple[list[str], list[str], list[str]]:
    """(titles of the fixes, notices, task turns that were sent) of a draft for the sleeping coroutine."""
    with MessagesApi(*answers) as api:
        workspace = workspace_of(SLEEPY, api.url)
        found = document(workspace, "app/orders.py")
        (finding,) = workspace.check(found).findings
        claude = Claude(workspace.settings, "key-made-up", backoff_s=0.01)
        titles, notices = [], []
        async with aclosing(draft(workspace, found, finding, load("architect"), claude, Ledger(None))) as events:
            async for it in events:
                if isinstance(it, Fix):
                    titles.append(it.title)
                    assert it.by_model
                elif isinstance(it, Notice):
                    notices.append(it.text)
        await claude.close()
        return titles, notices, [it.body["messages"][0]["content"][-1]["text"] for it in api.requests]


GOOD = fix(
    "Sleep without holding the loop",
    ("    time.sleep(seconds)", "    await asyncio.sleep(seconds)"),
    ("import time", "import asyncio"),
)


async def test_a_drafted_fix_is_offered_when_it_has_a_receipt() -> None:
    titles, _, tasks = await drafted(drafts(GOOD, fix("Nothing", ("    return seconds", "    return nowhere"))))
    assert titles == ["Sleep without holding the loop"]
    assert len(tasks) == 1
    assert "blocking-call-in-async: `time.sleep`" in tasks[0]


async def test_a_refused_draft_is_asked_for_once_more_with_the_reason() -> None:
    bad = fix("Sleep", ("    time.sleep(seconds)", "    await asyncio.sleep(seconds)"))
    titles, notices, tasks = await drafted(drafts(bad), drafts(GOOD))
    assert titles == ["Sleep without holding the loop"]
    assert "it uses names nothing defines: asyncio" in tasks[1]
    assert "The draft was refused: it uses names nothing defines: asyncio." in notices
    titles, _, tasks = await drafted(drafts(bad))
    assert (titles, len(tasks)) == ([], 2)


async def test_an_answer_in_another_shape_is_named() -> None:
    with pytest.raises(ReviewError, match="didn't answer in the shape that was asked for"):
        await drafted(Stream(text="Sure! Here is the fix."))


async def test_advice_is_given_as_harmless_markdown() -> None:
    with MessagesApi(Stream(text="Use **one** queue.\n\n[run](command:x) ![p](https://x.invalid/p.png)\n")) as api:
        workspace = workspace_of(SLEEPY, api.url)
        claude = Claude(workspace.settings, "key-made-up")
        found = document(workspace, "app/orders.py")
        question = "How should my agents talk to each other?"
        events = consult(workspace, found, Span(0, 0), question, load("architect"), claude, Ledger(None))
        async with aclosing(events):
            text = "".join([it async for it in events if isinstance(it, str)])
        await claude.close()
        task = api.requests[0].body["messages"][0]["content"][-1]["text"]
    assert question in task
    assert "format" not in api.requests[0].body["output_config"]
    assert text.startswith("Use **one** queue.\n\n")
    assert "command:" not in text
    assert "![" not in text
