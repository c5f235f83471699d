"""What a person may ask a model beside a review: the request itself, a drafted fix, advice, who reviews."""

from __future__ import annotations

import ast
import asyncio
import json
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support.messages_api import MessagesApi, Status, Stream, fix, remark
from support.session import Session, Start, applied

SLEEPY = "import time\n\n\nasync def poll(seconds):\n    time.sleep(seconds)  # 😀\n    return seconds\n"
SPOT = types.Range(types.Position(4, 8), types.Position(4, 8))
MENDED = fix("Give the loop a turn", ("time.sleep(seconds)", "await asyncio.sleep(seconds)"), ("import time", "import asyncio"))


async def connected(start: Start, api: MessagesApi) -> Session:
    settings = {"baseUrl": api.url, "model": "claude-test", "timeoutS": 20}
    return await start(options={"settings": settings}, environment={"ARCHITECT_API_KEY": "key-of-a-test"})


async def run(session: Session, command: str, **argument: Any) -> Any:
    return await session.client.workspace_execute_command_async(types.ExecuteCommandParams(command, [argument]))


async def drafting(session: Session, uri: str, line: int, column: int) -> types.Command | None:
    """The command that drafts a fix here, None where none is offered."""
    where = types.Range(types.Position(line, column), types.Position(line, column))
    context = types.CodeActionContext(diagnostics=[])
    params = types.CodeActionParams(types.TextDocumentIdentifier(uri), where, context)
    found = await session.client.text_document_code_action_async(params)
    rows = [it for it in found or [] if it.title == "Draft a fix with claude-test"]
    if not rows:
        return None
    if isinstance(rows[0], types.CodeAction):
        return rows[0].command
    inner = ast.literal_eval(rows[0].command)  # lsprotocol reads an action that has a command as a command
    return types.Command(inner["title"], inner["command"], arguments=inner["arguments"])


async def test_a_fix_is_drafted_on_request_tried_and_then_offered(start: Start) -> None:
    with MessagesApi(Stream(text=json.dumps({"fixes": [MENDED]}))) as api:
        session = await connected(start, api)
        uri = session.open("app.py", SLEEPY.replace("    return seconds", "    return [time.sleep(it) for it in seconds]"))
        text = SLEEPY.replace("    return seconds", "    return [time.sleep(it) for it in seconds]")
        await session.diagnostics(uri, until=bool)
        command = await drafting(session, uri, 5, 14)
        assert command is not None
        assert api.requests == []
        await session.client.workspace_execute_command_async(types.ExecuteCommandParams(command.command, command.arguments))
        said = await session.message(lambda it: "draft" in it.lower())
    assert said == "No fix could be drafted that passes its checks; the log says why.", "`time` would be used and not imported"
    assert text.count("time.sleep") == 2

    with MessagesApi(Stream(text=json.dumps({"fixes": [MENDED]}))) as api:
        session = await connected(start, api)
        uri = session.open("app.py", "x = 1\n" + SLEEPY)
        await session.diagnostics(uri, until=bool)
        assert await drafting(session, uri, 5, 8) is None, "there is a fix already: nothing needs to be drafted"


async def test_a_draft_moves_with_the_text_that_was_edited_meanwhile(start: Start) -> None:
    risky = "import requests\n\n\nasync def rates(url):\n    return requests.get(url, timeout=5)\n"
    asked, threaded = "return requests.get(url, timeout=5)", "return await asyncio.to_thread(requests.get, url, timeout=5)"
    mended = fix("Ask in a thread", (asked, threaded), ("import requests", "import asyncio\n\nimport requests"))
    with MessagesApi(Stream(text=json.dumps({"fixes": [mended]}))) as api:
        session = await connected(start, api)
        uri = session.open("rates.py", risky)
        await session.diagnostics(uri, until=bool)
        command = await drafting(session, uri, 4, 14)
        assert command is not None
        await session.client.workspace_execute_command_async(types.ExecuteCommandParams(command.command, command.arguments))
        assert await session.message(lambda it: "Drafted" in it) == (
            "Drafted and tried: “Ask in a thread”. Open the quick fixes of the finding."
        )
        session.change(uri, 2, ((0, 0, 0, 0), '"""Rates. 😀"""\n'))
        lower = types.Range(types.Position(5, 14), types.Position(5, 14))
        action = next(it for it in await session.actions(uri, lower) if it.title == "Ask in a thread")
        assert action.edit is not None
        assert not action.is_preferred
        after = applied(session, '"""Rates. 😀"""\n' + risky, action.edit, uri)
    assert "return await asyncio.to_thread(requests.get, url, timeout=5)" in after
    assert after.startswith('"""Rates. 😀"""\nimport asyncio\n')


RATES = "import requests\n\n\ndef rates(url):\n    return requests.get(url, timeout=5)\n"
SHOP = "from rates import rates\n\n\nasync def price(url):\n    found = rates(url)  # 😀\n    return found\n"


async def test_a_fix_over_several_files_and_another_way_are_two_actions_that_ask_first(start: Start) -> None:
    wide = {
        "title": "Ask for the rates in a thread",
        "edits": [
            {"quote": "from rates import rates", "replacement": "from rates import rates_soon", "path": ""},
            {"quote": "found = rates(url)", "replacement": "found = await rates_soon(url)", "path": "shop.py"},
            {"quote": "import requests", "replacement": "import asyncio\n\nimport requests", "path": "rates.py"},
            {
                "quote": "def rates(url):",
                "replacement": "async def rates_soon(url):\n    return await asyncio.to_thread(rates, url)\n\n\ndef rates(url):",
                "path": "rates.py",
            },
        ],
    }
    narrow = fix(
        "Call it in a thread",
        ("from rates import rates", "import asyncio\n\nfrom rates import rates"),
        ("found = rates(url)", "found = await asyncio.to_thread(rates, url)"),
    )

    def annotated(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.workspace is not None
        assert capabilities.text_document is not None
        edit = capabilities.workspace.workspace_edit
        assert edit is not None
        edit.change_annotation_support = types.ChangeAnnotationsSupportOptions()
        assert capabilities.text_document.code_action is not None
        tags = types.CodeActionTagOptions([types.CodeActionTag.LlmGenerated])
        capabilities.text_document.code_action.tag_support = tags

    with MessagesApi(Stream(text=json.dumps({"fixes": [wide, narrow]}))) as api:
        settings = {"baseUrl": api.url, "model": "claude-test", "timeoutS": 20}
        session = await start(options={"settings": settings}, environment={"ARCHITECT_API_KEY": "key"}, change=annotated)
        (session.root / "rates.py").write_text(RATES)
        (session.root / "pyproject.toml").write_text("")
        uri = session.open("shop.py", SHOP, version=7)
        opened = session.open("rates.py", RATES, version=4)
        await session.diagnostics(uri, until=bool)
        session.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(opened)))
        command = await drafting(session, uri, 4, 14)
        assert command is not None
        await session.client.workspace_execute_command_async(types.ExecuteCommandParams(command.command, command.arguments))
        await session.message(lambda it: "Drafted and tried" in it)
        where = types.Range(types.Position(4, 14), types.Position(4, 14))
        actions = {it.title: it for it in await session.actions(uri, where) if not it.title.startswith("Dismiss")}
    assert list(actions) == ["Ask for the rates in a thread (2 files)", "Call it in a thread"]
    for it in actions.values():
        assert list(it.tags or ()) == [types.CodeActionTag.LlmGenerated]
        assert it.is_preferred is None
        assert it.edit is not None
        assert it.edit.change_annotations is not None
        assert [note.needs_confirmation for note in it.edit.change_annotations.values()] == [True]
    edit = actions["Ask for the rates in a thread (2 files)"].edit
    assert edit is not None
    documents = [it for it in edit.document_changes or [] if isinstance(it, types.TextDocumentEdit)]
    assert [(it.text_document.uri, it.text_document.version) for it in documents] == [(uri, 7), (session.uri("rates.py"), None)]
    assert all(isinstance(row, types.AnnotatedTextEdit) for it in documents for row in it.edits)


async def test_a_test_is_drafted_shown_as_a_new_file_and_run_in_a_copy_on_request(start: Start) -> None:
    code = (
        "import asyncio\n\nfrom app import poll\n\n\ndef test_polling_leaves_others_their_turn(monkeypatch):\n"
        "    turns = []\n\n    async def other():\n        turns.append(1)\n\n    async def both():\n"
        "        task = asyncio.ensure_future(other())\n        await poll(0.01)\n"
        "        assert turns, 'nobody else had a turn'\n"
        "        await task\n\n    asyncio.run(both())\n"
    )
    said = {
        "name": "polling leaves others",
        "code": code,
        "claim": "Others wait while one polls.",
        "fails_with": "AssertionError",
    }
    unfit = {**said, "code": code.replace("asyncio.run", "anyio.run")}

    def creating(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.workspace is not None
        edit = capabilities.workspace.workspace_edit
        assert edit is not None
        edit.change_annotation_support = types.ChangeAnnotationsSupportOptions()
        edit.resource_operations = [types.ResourceOperationKind.Create]

    with MessagesApi(Stream(text=json.dumps(unfit)), Stream(text=json.dumps(said))) as api:
        settings = {"baseUrl": api.url, "model": "claude-test", "timeoutS": 20}
        session = await start(options={"settings": settings}, environment={"ARCHITECT_API_KEY": "key"}, change=creating)
        for name, text in (("app.py", SLEEPY), ("pyproject.toml", ""), ("checks/app_test.py", "def test_it():\n    assert 1\n")):
            (session.root / name).parent.mkdir(exist_ok=True)
            (session.root / name).write_text(text)
        uri = session.open("app.py")
        session.open("checks/app_test.py")
        await session.diagnostics(uri, until=bool)
        assert "Draft a test that shows this" in await titles(session, uri)
        (finding,) = [it.data["fingerprint"] for it in await session.diagnostics(uri)]
        await run(session, "architect.draftTest", uri=uri, fingerprint=finding)
        said_so = await session.message(lambda it: it.startswith("Drafted"))
        assert said_so == (
            "Drafted checks/polling_leaves_others_test.py: Others wait while one polls. Open the quick fixes of the finding."
        )
        sent = [it.body["messages"][0]["content"][-1]["text"] for it in api.requests]
    assert "checks/app_test.py begins" in sent[0], "the project's own way to test is shown"
    assert "it uses names nothing defines: anyio" in sent[1]
    (added,) = [it for it in await session.actions(uri, SPOT) if it.title.startswith("Add checks/polling")]
    assert added.is_preferred is None
    assert added.edit is not None
    made, filled = added.edit.document_changes or ()
    assert isinstance(made, types.CreateFile)
    assert made.uri == session.uri("checks/polling_leaves_others_test.py")
    assert made.options is not None
    assert made.options.overwrite is False
    assert isinstance(filled, types.TextDocumentEdit)
    assert [it.new_text for it in filled.edits if isinstance(it, types.AnnotatedTextEdit)] == [code]
    assert added.edit.change_annotations is not None
    assert all(it.needs_confirmation for it in added.edit.change_annotations.values())

    assert "Run checks/polling_leaves_others_test.py in a copy of the project" in await titles(session, uri)
    await run(session, "architect.runTest", uri=uri, fingerprint=finding)
    outcome = await session.message(lambda it: "fails" in it)
    assert outcome.startswith(
        "checks/polling_leaves_others_test.py: The test fails as claimed: AssertionError: nobody else had a turn"
    )
    assert not (session.root / "checks" / "polling_leaves_others_test.py").exists()


async def test_no_test_is_run_in_a_folder_that_is_not_trusted(start: Start) -> None:
    session = await start(options={"trusted": False})
    uri = session.open("app.py", SLEEPY)
    await session.diagnostics(uri, until=bool)
    assert not any("test" in it.lower() for it in await titles(session, uri))
    await run(session, "architect.runTest", uri=uri, fingerprint="0" * 16)
    assert await session.message() == "The drafted test is no longer there: draft it again."
    await run(session, "architect.draftTest", uri=uri, fingerprint="0" * 16)
    await session.message(lambda it: "not trusted" in it)


async def titles(session: Session, uri: str) -> list[str]:
    """The titles of all actions at the sleep, those that run a command too."""
    params = types.CodeActionParams(types.TextDocumentIdentifier(uri), SPOT, types.CodeActionContext(diagnostics=[]))
    return [it.title for it in await session.client.text_document_code_action_async(params) or []]


async def test_the_request_is_shown_before_anything_is_sent(start: Start) -> None:
    with MessagesApi(Stream([])) as api:
        session = await connected(start, api)
        uri = session.open("app.py", SLEEPY)
        await session.diagnostics(uri, until=bool)
        shown = await run(session, "architect.brief", uri=uri)
        assert api.requests == []
    assert shown.startswith("# Request to claude-test at 127.0.0.1:")
    assert "Nothing has been sent." in shown
    assert "poll: blocking: poll calls time.sleep" in shown
    assert "time.sleep(seconds)" in shown


async def test_a_design_question_is_answered_with_what_is_open_in_view(start: Start) -> None:
    with MessagesApi(Stream(text="Use **one** queue.")) as api:
        session = await connected(start, api)
        uri = session.open("app.py", SLEEPY)
        waiting = asyncio.ensure_future(session.told("architect/answer"))
        await run(session, "architect.consult", uri=uri, question="How should my agents talk to each other?")
        answer = await asyncio.wait_for(waiting, 60)
        task = api.requests[0].body["messages"][0]["content"][-1]["text"]
    assert (answer.title, answer.markdown) == ("How should my agents talk to each other?", "Use **one** queue.\n")
    assert "time.sleep(seconds)" in json.dumps(task) or "time.sleep(seconds)" in json.dumps(api.requests[0].body)


async def test_a_question_that_can_t_be_answered_says_why(start: Start) -> None:
    with MessagesApi(Status(401, "authentication_error")) as api:
        session = await connected(start, api)
        uri = session.open("app.py", SLEEPY)
        await run(session, "architect.consult", uri=uri, question="Why?")
        assert "doesn't accept the API key" in await session.message(lambda it: "key" in it, timeout_s=60)


async def test_the_workspace_s_agents_are_listed_after_ours(start: Start) -> None:
    session = await start()
    folder = Path(session.root) / ".claude" / "agents"
    folder.mkdir(parents=True)
    (folder / "db.md").write_text("---\nname: database\ndescription: Looks at: queries, <example>x: y</example>\n---\nReview.\n")
    (folder / "empty.md").write_text("---\nname: empty\n---\n")
    session.open("app.py", SLEEPY)
    found = await run(session, "architect.agents")
    names = [it["name"] if isinstance(it, dict) else it.name for it in found]
    assert names[0] == "architect"
    assert "database" in names
    assert "empty" not in names


async def editor_with_models(
    start: Start, answer: str, *, fails: str = "", hold: bool = False
) -> tuple[Session, list[Any], asyncio.Event]:
    """A session whose client has a model of its own that answers so; what it was asked, and when it was told to stop."""
    session = await start(options={"settings": {"provider": "editor"}, "hasModels": True})
    asked: list[Any] = []
    stopped = asyncio.Event()

    @session.client.feature("architect/model")
    async def model(params: Any) -> dict[str, str]:
        asked.append(params)
        if fails:
            raise JsonRpcException(fails)
        for at in range(0, len(answer), 20):
            session.client.protocol.notify("architect/modelText", {"id": params.id, "text": answer[at : at + 20]})
            await asyncio.sleep(0)
        if hold:
            await stopped.wait()
        return {"model": "editors-own"}

    @session.client.feature("architect/modelCancel")
    def cancel(params: Any) -> None:
        stopped.set()

    return session, asked, stopped


async def test_the_editor_s_own_model_reviews_without_a_key(start: Start) -> None:
    said = json.dumps({"remarks": [remark("return seconds", "Nobody needs what came in.")]})
    session, asked, _ = await editor_with_models(start, said)
    uri = session.open("app.py", SLEEPY)
    await run(session, "architect.review", uri=uri)
    found = await session.diagnostics(uri, until=lambda it: len(it) == 2)
    assert {it.message for it in found} >= {"Nobody needs what came in."}
    assert "time.sleep(seconds)" in asked[0].prompt
    assert "senior backend engineer" in asked[0].system
    assert '"additionalProperties": false' in asked[0].prompt, "the shape is asked for in words"


async def test_an_editor_s_model_that_fails_is_named_and_one_that_is_cancelled_stops(start: Start) -> None:
    fresh = SLEEPY.replace("poll", "wait")  # what was answered before would not be asked again
    session, _, _ = await editor_with_models(start, "", fails="no model is installed")
    uri = session.open("app.py", fresh)
    await run(session, "architect.review", uri=uri)
    assert "no model is installed" in await session.message(lambda it: "model" in it)

    said = json.dumps({"remarks": [remark("return seconds")]})[:-2]
    session, _, stopped = await editor_with_models(start, said, hold=True)
    uri = session.open("app.py", fresh)
    await run(session, "architect.review", uri=uri)
    await session.diagnostics(uri, until=lambda it: len(it) == 2, timeout_s=60)
    reports = session.client.progress_reports
    token = next(it for it, rows in reports.items() if getattr(rows[0], "title", "") == "Architect review")
    session.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    await asyncio.wait_for(stopped.wait(), 60)


async def test_an_editor_without_models_says_so_by_its_status(start: Start) -> None:
    session = await start(options={"settings": {"provider": "editor"}})
    uri = session.open("app.py", SLEEPY)
    await run(session, "architect.review", uri=uri)
    assert "No model is connected" in await session.message()
