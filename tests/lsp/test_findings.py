"""Findings reach every editor at the right place: pushed or pulled, in its position encoding, for its newest text."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from support.session import EDITORS, Start

SLEEPY = "import time\n\n\nasync def poll():\n    time.sleep(1)\n"


def rules_of(diagnostics: list[types.Diagnostic]) -> list[object]:
    return [it.code for it in diagnostics]


def with_pull(capabilities: types.ClientCapabilities) -> None:
    assert capabilities.text_document is not None
    assert capabilities.workspace is not None
    capabilities.text_document.diagnostic = types.DiagnosticClientCapabilities()
    capabilities.workspace.diagnostics = types.DiagnosticWorkspaceClientCapabilities(refresh_support=True)


@pytest.mark.parametrize("editor", EDITORS)
async def test_every_editor_is_told_of_a_finding_and_of_its_end(start: Start, editor: str) -> None:
    session = await start(editor=editor)
    uri = session.open("app.py", SLEEPY)
    (found,) = await session.diagnostics(uri, until=bool)
    assert found.code == "blocking-call-in-async"
    assert found.source == "architect"
    assert (found.range.start.line, found.range.start.character) == (4, 4)
    session.change(uri, 2, ((4, 4, 4, 17), "pass"))
    assert await session.diagnostics(uri, until=lambda it: not it) == []


async def test_pull_is_used_when_the_client_can_be_asked_to_pull_again(start: Start) -> None:
    session = await start(change=with_pull)
    assert session.capabilities is not None
    assert session.capabilities.diagnostic_provider is not None
    uri = session.open("app.py", SLEEPY)
    (found,) = await session.diagnostics(uri, until=bool)
    assert found.code == "blocking-call-in-async"
    assert uri not in session.client.diagnostics, "the same finding was also pushed"


async def test_pulling_the_same_text_again_says_unchanged(start: Start) -> None:
    session = await start(change=with_pull)
    uri = session.open("app.py", SLEEPY)
    identifier = types.TextDocumentIdentifier(uri)
    first = await session.client.text_document_diagnostic_async(types.DocumentDiagnosticParams(identifier))
    again = await session.client.text_document_diagnostic_async(
        types.DocumentDiagnosticParams(identifier, previous_result_id=first.result_id)
    )
    assert again.kind == "unchanged"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
async def test_columns_count_in_the_negotiated_encoding(start: Start, encoding: str, newline: str) -> None:
    """An emoji, a form feed and a U+2028 stand before the finding; none of them moves its line, all of them its column."""

    def only(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.general is not None
        capabilities.general.position_encodings = [types.PositionEncodingKind(encoding)]

    before = '    x = "😀é\u2028"; '
    text = f"import time\f\n# a\u2028b\f\nasync def poll():\n{before}time.sleep(1)\n".replace("\n", newline)
    session = await start(change=only)
    uri = session.open("app.py", text)
    (found,) = await session.diagnostics(uri, until=bool)
    width = {"utf-8": len(before.encode()), "utf-16": len(before.encode("utf-16-le")) // 2, "utf-32": len(before)}[encoding]
    assert (found.range.start.line, found.range.start.character) == (3, width)
    assert (found.range.end.line, found.range.end.character) == (3, width + len("time.sleep(1)"))


async def test_incremental_edits_below_odd_line_ends_keep_the_text_true(start: Start) -> None:
    """The server's copy follows edits below a form feed and a U+2028, where `str.splitlines` would count other lines."""
    session = await start()
    uri = session.open("app.py", "import time\f\n# \u2028 😀\x0b\nasync def poll():\n    pass\n")
    assert await session.diagnostics(uri) == []
    session.change(uri, 2, ((3, 4, 3, 8), "time.sleep(1)"))
    (found,) = await session.diagnostics(uri, until=bool)
    assert found.range.start.line == 3
    session.change(uri, 3, ((3, 0, 3, 0), "    x = '😀'\n"), ((4, 4, 4, 4), "y = 1; "))
    (found,) = await session.diagnostics(uri, until=lambda it: bool(it) and it[0].range.start.line == 4)
    assert found.range.start.character == 11


async def test_a_change_in_one_file_shows_in_another_open_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / "prices.py").write_text("def fetch(sku):\n    return sku\n")
    (tmp_path / "routes.py").write_text("from prices import fetch\n\n\nasync def quote(sku):\n    return fetch(sku)\n")
    session = await start()
    routes = session.open("routes.py")
    prices = session.open("prices.py")
    assert await session.diagnostics(routes) == []
    session.change(prices, 2, (None, "import time\n\n\ndef fetch(sku):\n    time.sleep(1)\n    return sku\n"))
    (found,) = await session.diagnostics(routes, until=bool)
    assert found.code == "blocking-call-in-async"
    assert found.related_information
    (step,) = found.related_information
    assert (step.location.uri, step.location.range.start.line) == (prices, 4)


async def test_closed_files_of_the_project_count(start: Start, tmp_path: Path) -> None:
    (tmp_path / "prices.py").write_text("import time\n\n\ndef fetch(sku):\n    time.sleep(1)\n")
    (tmp_path / "routes.py").write_text("from prices import fetch\n\n\nasync def quote(sku):\n    return fetch(sku)\n")
    session = await start()
    routes = session.open("routes.py")
    (found,) = await session.diagnostics(routes, until=bool)
    assert found.code == "blocking-call-in-async"


async def test_a_large_file_is_shown_in_slices_and_at_last_whole(start: Start, tmp_path: Path) -> None:
    """While it is looked at, what the person types is heard; what is shown in the end is all of it."""
    text = "import time\n" + "".join(f"\n\nasync def wait_{it}():\n    time.sleep({it})\n" for it in range(1, 1501))
    (tmp_path / "large.py").write_text(text)
    shown: list[int] = []

    class Diagnostics(dict[str, Any]):
        def __setitem__(self, uri: str, found: Any) -> None:
            shown.append(len(found))
            super().__setitem__(uri, found)

    session = await start()
    session.client.diagnostics = Diagnostics()
    uri = session.open("large.py")
    await session.diagnostics(uri)
    session.change(uri, 2, ((0, 0, 0, 0), "\n"))
    lines = [5 + 4 * it for it in range(1500)]
    await session.diagnostics(uri, until=lambda found: [it.range.start.line for it in found] == lines)
    assert 0 < shown[0] < 1500, "the first of them are shown first"


async def test_two_roots_do_not_know_each_other(start: Start, tmp_path: Path) -> None:
    for name, body in (("one", "import time\n\ndef fetch(): time.sleep(1)\n"), ("two", "def fetch(): pass\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "prices.py").write_text(body)
        (tmp_path / name / "routes.py").write_text("from prices import fetch\n\nasync def quote():\n    fetch()\n")
    session = await start(folders=[tmp_path / "one", tmp_path / "two"])
    one, two = session.open("one/routes.py"), session.open("two/routes.py")
    assert rules_of(await session.diagnostics(one, until=bool)) == ["blocking-call-in-async"]
    assert await session.diagnostics(two) == []


async def test_a_half_typed_function_costs_only_itself(start: Start) -> None:
    session = await start()
    uri = session.open("app.py", SLEEPY + "\n\nasync def other():\n    foo(\n")
    assert rules_of(await session.diagnostics(uri, until=bool)) == ["blocking-call-in-async"]
    session.change(uri, 2, ((7, 0, 7, 0), "@app.get('/x'\n"))
    session.change(uri, 3, ((0, 0, 0, 0), "'''"))
    session.change(uri, 4, ((0, 0, 0, 3), ""))
    found = await session.diagnostics(uri, until=bool)
    assert rules_of(found) == ["blocking-call-in-async"]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "x = " + "[" * 10_000,
        "\0\0\x01",
        "def f(:\n" * 500,
        "x" + ".y" * 20_000,
        "\ud83d",
        "x = " + "not " * 20_000 + "x",
    ],
    ids=["parens", "brackets", "binary", "broken defs", "long chain", "lone surrogate", "long not"],
)
async def test_hostile_text_does_not_end_the_server(start: Start, text: str) -> None:
    session = await start()
    uri = session.open("bad.py", text.encode("utf-8", "replace").decode())
    await session.diagnostics(uri)
    good = session.open("good.py", SLEEPY)
    assert rules_of(await session.diagnostics(good, until=bool)) == ["blocking-call-in-async"]


async def test_a_huge_text_is_said_to_be_left_out(start: Start) -> None:
    session = await start()
    uri = session.open("huge.py", SLEEPY + "x = 1\n" * 500_000)
    said = await session.message(lambda it: "is not reviewed" in it)
    assert "huge.py" in said
    assert await session.diagnostics(uri) == []
    good = session.open("good.py", SLEEPY)
    assert rules_of(await session.diagnostics(good, until=bool)) == ["blocking-call-in-async"]


async def test_unknown_settings_are_named_and_the_rules_go_on(start: Start) -> None:
    session = await start(options={"settings": {"colour": "red"}})
    uri = session.open("app.py", SLEEPY)
    assert "`colour` is not known" in await session.message(lambda it: "colour" in it)
    assert rules_of(await session.diagnostics(uri, until=bool)) == ["blocking-call-in-async"]


async def test_a_rule_can_be_switched_off_while_the_server_runs(start: Start) -> None:
    session = await start()
    uri = session.open("app.py", SLEEPY)
    await session.diagnostics(uri, until=bool)
    session.client.set_configuration({"architect": {"disable": ["blocking-call-in-async"]}})
    session.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings=None))
    assert await session.diagnostics(uri, until=lambda it: not it) == []


async def test_the_server_ends_with_its_input(start: Start) -> None:
    """An editor that dies without a word leaves no process behind."""
    session = await start()
    process = session.client._server
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 10) is not None
    session.client._stop_event.set()
