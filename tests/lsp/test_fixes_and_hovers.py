"""What a person is offered at a finding: fixes bound to the document's version, explanations, dismissals that stay."""

from __future__ import annotations

import pytest
from lsprotocol import types

from support.session import EDITORS, Session, Start, applied

SLEEPY = (
    "import asyncio\nimport time\n\n\nasync def poll():\n    x = '😀'; time.sleep(1)\n\n\nasync def again():\n    time.sleep(2)\n"
)
YAML = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"


async def first_action(session: Session, uri: str) -> tuple[types.Diagnostic, types.CodeAction]:
    diagnostics = await session.diagnostics(uri, until=bool)
    actions = await session.actions(uri, diagnostics[0].range)
    return diagnostics[0], actions[0]


@pytest.mark.parametrize("editor", EDITORS)
async def test_a_fix_applied_by_the_editor_ends_the_finding(start: Start, editor: str) -> None:
    session = await start(editor=editor)
    uri = session.open("app.py", SLEEPY)
    _, action = await first_action(session, uri)
    assert action.edit is not None
    text = applied(session, SLEEPY, action.edit, uri)
    assert "x = '😀'; await asyncio.sleep(1)\n" in text
    session.change(uri, 2, (None, text))
    (left,) = await session.diagnostics(uri, until=lambda it: len(it) == 1)
    assert left.range.start.line == 9


async def test_a_fix_names_the_version_it_was_made_for(start: Start) -> None:
    session = await start()
    uri = session.open("app.py", SLEEPY, version=7)
    _, action = await first_action(session, uri)
    assert action.edit is not None
    assert action.edit.document_changes
    (document,) = action.edit.document_changes
    assert isinstance(document, types.TextDocumentEdit)
    assert document.text_document.version == 7


async def test_a_proposal_is_not_preferred_and_a_safe_fix_is(start: Start) -> None:
    session = await start()
    uri = session.open("app.py", SLEEPY)
    _, action = await first_action(session, uri)
    assert action.is_preferred is None
    uri = session.open("config.py", YAML)
    _, action = await first_action(session, uri)
    assert action.is_preferred is True


async def test_fix_all_makes_safe_fixes_only(start: Start) -> None:
    session = await start()
    text = (
        YAML + "\n\ndef again(text):\n    return yaml.load(text)\n\n\nasync def poll():\n    import time\n\n    time.sleep(1)\n"
    )
    uri = session.open("app.py", text)
    await session.diagnostics(uri, until=lambda it: len(it) == 3)
    whole = types.Range(types.Position(0, 0), types.Position(0, 0))
    (action,) = await session.actions(uri, whole, only=["source.fixAll.architect"])
    assert action.kind == "source.fixAll.architect"
    assert action.edit is not None
    fixed = applied(session, text, action.edit, uri)
    assert fixed.count("yaml.safe_load(text)") == 2
    assert "time.sleep(1)" in fixed
    assert await session.actions(uri, whole) == [], "a source action came unasked"


async def test_a_dismissed_finding_does_not_come_back(start: Start) -> None:
    session = await start()
    uri = session.open("app.py", SLEEPY)
    found = await session.diagnostics(uri, until=bool)
    dismissal = next(it for it in await session.actions(uri, found[0].range) if it.title.startswith("Dismiss"))
    assert dismissal.edit is not None
    text = applied(session, SLEEPY, dismissal.edit, uri)
    assert "    # architect: ignore[blocking-call-in-async]\n    x = " in text
    session.change(uri, 2, (None, text))
    (left,) = await session.diagnostics(uri, until=lambda it: len(it) == 1)
    session.change(uri, 3, (None, "\n\n" + text))
    assert (
        len(await session.diagnostics(uri, until=lambda it: bool(it) and it[0].range.start.line == left.range.start.line + 2))
        == 1
    )


@pytest.mark.parametrize("editor", EDITORS)
async def test_a_hover_explains_the_finding(start: Start, editor: str) -> None:
    session = await start(editor=editor)
    uri = session.open("app.py", SLEEPY)
    (found, _) = await session.diagnostics(uri, until=bool)
    text = await session.hover(uri, found.range.start.line, found.range.start.character + 1)
    assert found.message in text
    for heading in (
        "Why",
        "Instead",
        "Consequences",
        "Trade-offs",
        "Tests and edge cases",
        "Observability",
        "Performance",
        "Source",
    ):
        assert heading in text
    assert "Quick fix “Await asyncio.sleep instead” was tried: applies to this text" in text
    assert await session.hover(uri, 0, 0) == ""


async def test_a_hover_does_not_repeat_what_the_editor_shows_itself(start: Start) -> None:
    session = await start(options={"showsFindings": True})
    uri = session.open("app.py", SLEEPY)
    (found, _) = await session.diagnostics(uri, until=bool)
    text = await session.hover(uri, found.range.start.line, found.range.start.character + 1)
    assert found.message not in text
    assert text.startswith("`blocking-call-in-async` · backend · error\n\n**Why**")


async def test_nothing_is_offered_for_a_file_that_is_not_open(start: Start) -> None:
    session = await start()
    uri = session.uri("never.py")
    assert await session.hover(uri, 0, 0) == ""
    assert await session.actions(uri, types.Range(types.Position(0, 0), types.Position(9, 9))) == []


@pytest.mark.parametrize("editor", EDITORS)
async def test_a_function_without_a_finding_says_what_it_does(start: Start, editor: str) -> None:
    session = await start(editor=editor)
    session.open("billing.py", "import httpx\n\ndef charge(n):\n    return httpx.post('https://pay', json=n, timeout=3)\n")
    uri = session.open("renewal.py", "from billing import charge\n\ndef renew(n):\n    return charge(n)\n")
    said = (await session.hover(uri, 2, 5)).replace("`", "")
    assert "renew calls charge, charge calls httpx.post" in said
    assert "Called by renew in renewal.py." in (await session.hover(uri, 3, 12)).replace("`", "")
    assert await session.hover(uri, 3, 5) == ""
