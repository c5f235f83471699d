"""A review by a model, through the real server and the real SDK, against a Messages API on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types

from support.messages_api import MessagesApi, Stream, faults, fix, remark
from support.session import Session, Start, applied

ORDERS = """def total(orders):
    result = 0
    for order in orders:
        result = result + order.price
    return result


def label(order):
    return "😀 " + order.name
"""


async def connected(start: Start, api: MessagesApi, **options: Any) -> Session:
    settings = {"baseUrl": api.url, "model": "claude-test", "timeoutS": 20}
    return await start(options={"settings": settings, **options}, environment={"ARCHITECT_API_KEY": "key-of-a-test"})


async def review(session: Session, uri: str, where: types.Range | None = None) -> None:
    argument: dict[str, Any] = {"uri": uri}
    if where:
        argument["range"] = {
            "start": {"line": where.start.line, "character": where.start.character},
            "end": {"line": where.end.line, "character": where.end.character},
        }
    await session.client.workspace_execute_command_async(types.ExecuteCommandParams("architect.review", [argument]))


async def status(session: Session, state: str, timeout_s: float = 60) -> dict[str, Any]:
    """The newest status once it is `state`."""

    async def wait() -> dict[str, Any]:
        while not session.statuses or session.statuses[-1]["state"] != state:
            await session.told("architect/status")
        return session.statuses[-1]

    return await asyncio.wait_for(wait(), timeout_s)


async def test_a_remark_is_shown_before_the_stream_has_ended(start: Start) -> None:
    remarks = [remark("result = result + order.price", "Let sum() add."), remark('"😀 " + order.name', "Use an f-string.")]
    with MessagesApi(Stream(remarks, hold_after=1)) as api:
        session = await connected(start, api)
        uri = session.open("orders.py", ORDERS)
        await session.diagnostics(uri)
        await review(session, uri)
        (found,) = await session.diagnostics(uri, until=bool)
        assert found.message == "Let sum() add."
        assert (found.range.start.line, found.range.start.character) == (3, 8)
        assert found.source == "architect (claude-test)"
        assert session.statuses[-1]["state"] == "reviewing", "the review had ended before the remark was shown"
        api.release()
        both = await session.diagnostics(uri, until=lambda it: len(it) == 2)
        assert both[1].range.start.line == 8
        assert both[1].range.end.character == 11 + len('"😀 " + order.name') + 1
        await status(session, "model")
        assert len(api.requests) == 1


async def test_the_status_tells_what_a_day_has_cost(start: Start, tmp_path: Path) -> None:
    with MessagesApi(Stream([remark("result = 0", "A")], input_tokens=1_500, output_tokens=500)) as api:
        settings = {"baseUrl": api.url, "model": "claude-test", "timeoutS": 20}
        own = {"ARCHITECT_API_KEY": "key-of-a-test", "ARCHITECT_CACHE": str(tmp_path / "cache")}
        session = await start(options={"settings": settings}, environment=own)
        assert (await told(session, lambda it: it["spent"]))["spent"] == "$0.00 of $5.00"
        uri = session.open("orders.py", ORDERS)
        await review(session, uri)
        after = await told(session, lambda it: it["state"] == "model" and "tokens" in it["spent"])
        assert after["spent"] == "2,000 of 2,000,000 tokens", "the price of a server of one's own is not known"


async def told(session: Session, until: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The first status that satisfies `until`."""

    async def wait() -> dict[str, Any]:
        while True:
            found = next((it for it in session.statuses if until(it)), None)
            if found is not None:
                return found
            await session.told("architect/status")

    return await asyncio.wait_for(wait(), 60)


async def test_a_cancelled_review_stops_the_bytes(start: Start) -> None:
    with MessagesApi(Stream([remark("result = 0")] * 3, hold_after=1)) as api:
        session = await connected(start, api)
        uri = session.open("orders.py", ORDERS)
        await review(session, uri)
        await session.diagnostics(uri, until=bool)
        token = next(iter(session.client.progress_reports))
        began = time.monotonic()
        session.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
        closed = await asyncio.to_thread(api.closed.wait, 10)
        assert closed, "the connection stayed open"
        assert time.monotonic() - began < 5
        await status(session, "model")
        assert len(await session.diagnostics(uri)) == 1, "what was complete is kept"


async def test_a_models_fix_is_offered_with_its_receipt_only(start: Start) -> None:
    good = fix(
        "Add with sum()",
        ("    result = 0\n", ""),
        ("    for order in orders:\n        result = result + order.price\n", ""),
        ("return result", "return sum(order.price for order in orders)"),
    )
    bad = fix("Break it", ("return result", "return (result"))
    remarks = [remark("result = result + order.price", "A", fix=good), remark("return result", "B", fix=bad)]
    with MessagesApi(Stream(remarks)) as api:
        session = await connected(start, api)
        uri = session.open("orders.py", ORDERS)
        await review(session, uri)
        found = await session.diagnostics(uri, until=lambda it: len(it) == 2)
        whole = types.Range(found[0].range.start, found[1].range.end)
        fixes = [it for it in await session.actions(uri, whole) if not it.title.startswith("Dismiss") and it.kind == "quickfix"]
        assert [it.title for it in fixes] == ["Add with sum()"]
        assert fixes[0].is_preferred is None
        assert fixes[0].edit is not None
        assert "return sum(order.price for order in orders)" in applied(session, ORDERS, fixes[0].edit, uri)


async def test_remarks_move_with_their_text_and_go_when_it_changes(start: Start) -> None:
    with MessagesApi(Stream([remark("result = 0", "A"), remark("return result", "B")])) as api:
        session = await connected(start, api)
        uri = session.open("orders.py", ORDERS)
        await review(session, uri)
        await session.diagnostics(uri, until=lambda it: len(it) == 2)
        session.change(uri, 2, ((0, 0, 0, 0), "# orders\n"))
        moved = await session.diagnostics(uri, until=lambda it: bool(it) and it[0].range.start.line == 2)
        assert [it.range.start.line for it in moved] == [2, 5]
        session.change(uri, 3, ((2, 13, 2, 14), "1"))
        (left,) = await session.diagnostics(uri, until=lambda it: len(it) == 1)
        assert left.message == "B"


async def test_without_a_key_the_rules_go_on_and_one_line_says_how_to_connect(start: Start) -> None:
    session = await start()
    uri = session.open("app.py", "import time\n\n\nasync def poll():\n    time.sleep(1)\n")
    await review(session, uri)
    said = await session.message(lambda it: "No model is connected" in it)
    assert "ANTHROPIC_API_KEY" in said
    assert "\n" not in said
    assert len(await session.diagnostics(uri, until=bool)) == 1
    assert (await status(session, "rules"))["state"] == "rules"


async def test_an_untrusted_workspace_sends_nothing(start: Start) -> None:
    with MessagesApi(Stream([remark("result = 0")])) as api:
        session = await connected(start, api, trusted=False)
        uri = session.open("orders.py", ORDERS)
        await review(session, uri)
        assert "not trusted" in await session.message(lambda it: "trusted" in it)
        assert api.requests == []


async def test_every_fault_is_named_where_the_person_looks_and_the_rules_go_on(start: Start) -> None:
    every = faults("result = 0")
    with MessagesApi(*(it for answers in every.values() for it in answers)) as api:
        session = await connected(start, api)
        uri = session.open("orders.py", ORDERS)
        for words in every:
            session.statuses.clear()
            await review(session, uri)
            detail = (await status(session, "failed", timeout_s=60))["detail"]
            assert words in detail
            assert session.client.messages[-1].message == detail
            assert "\n" not in detail
            assert "Traceback" not in detail
        good = session.open("good.py", "import time\n\n\nasync def poll():\n    time.sleep(1)\n")
        assert len(await session.diagnostics(good, until=bool)) == 1


async def test_a_server_that_is_not_there_is_named(start: Start) -> None:
    session = await start(options={"settings": {"baseUrl": "http://127.0.0.1:9"}})
    uri = session.open("orders.py", ORDERS)
    await review(session, uri)
    said = await session.message(lambda it: "127.0.0.1" in it, timeout_s=60)
    assert "\n" not in said


async def test_the_sdk_is_not_imported_before_a_review(start: Start) -> None:
    """Start-up, a keystroke and a hover never wait for it."""
    session = await start(environment={"PYTHONPROFILEIMPORTTIME": "", "ARCHITECT_API_KEY": "key"})
    uri = session.open("orders.py", ORDERS)
    await session.diagnostics(uri)
    await session.hover(uri, 1, 1)
    assert session.client._server is not None
    maps = await asyncio.to_thread(Path(f"/proc/{session.client._server.pid}/maps").read_text)
    assert "jiter" not in maps, "the SDK's parser is loaded"
