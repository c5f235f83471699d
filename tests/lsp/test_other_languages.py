"""Files that are not Python: no rule speaks of them, a model reviews them as it does Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lsprotocol import types

from lsp.test_review import connected, review, status
from support.messages_api import MessagesApi, Stream, fix, remark
from support.session import Start, applied

SAMPLES = Path(__file__).parents[1] / "syntax" / "samples"
TYPESCRIPT = (SAMPLES / "typescript.ts").read_text(encoding="utf-8")
PLACE = "sum += await this.price(order); // one query a turn"


async def test_a_selection_in_typescript_is_reviewed_in_place(start: Start) -> None:
    good = fix("Take all prices at once", ("return withTax(sum);", "return withTax(sum, orders);"))
    bad = fix("Break it", ("return withTax(sum);", "return withTax(sum;"))
    remarks = [remark(PLACE, "One query for each order.", fix=good, rule="query-in-loop"), remark("super();", "B", fix=bad)]
    with MessagesApi(Stream(remarks)) as api:
        session = await connected(start, api)
        uri = session.open("orders.ts", TYPESCRIPT, language="typescript")
        assert await session.diagnostics(uri) == []
        await review(session, uri, types.Range(types.Position(18, 0), types.Position(26, 0)))
        second, found = await session.diagnostics(uri, until=lambda it: len(it) == 2)
        await status(session, "model")
        assert (found.range.start.line, found.range.start.character) == (22, 6)
        assert found.range.end.character == 6 + len(PLACE)
        assert found.source == "architect (claude-test)"
        assert second.message == "B"
        sent = str(api.requests[0].body)
        assert "OrderService.total calls OrderService.price" in sent
        assert "One query for each order." in await session.hover(uri, 22, 8)

        actions = await session.actions(uri, types.Range(types.Position(14, 0), types.Position(22, 30)))
        offered = [it for it in actions if it.kind == "quickfix" and not it.title.startswith("Dismiss")]
        assert [it.title for it in offered] == ["Take all prices at once"]

        session.change(uri, 2, ((0, 0, 0, 0), "// 😀 orders\n"))
        moved = await session.diagnostics(uri, until=lambda it: bool(it) and it[-1].range.start.line == 23)
        assert len(moved) == 2
        session.change(uri, 3, ((15, 6, 15, 6), "x"))
        (left,) = await session.diagnostics(uri, until=lambda it: len(it) == 1)
        assert left.message == "One query for each order."


QUERY = "const sql = `\n  select 1\n  from orders\n`;\n"

DISMISSED = {
    "typescript.ts": ("typescript", PLACE, "      // architect: ignore[made-up]"),
    "ruby.rb": ("ruby", "with_tax(sum)", "      # architect: ignore[made-up]"),
    "tsx.tsx": ("typescriptreact", "{orders.map((it) => (", "      {/* architect: ignore[made-up] */}"),
    "php.php": ("php", "$order = $this->load($id);", "        // architect: ignore[made-up]"),
    "query.ts": ("typescript", "from orders", None),
    "kotlin.kt": ("kotlin", "launch { audit(order) }", "        // architect: ignore[made-up]"),
}
"""Sample -> its language id, what a remark is about, and the comment that dismisses it; None where no comment can stand."""


@pytest.mark.parametrize("name", DISMISSED)
async def test_a_remark_is_dismissed_in_the_words_of_the_language(start: Start, name: str) -> None:
    language, quote, comment = DISMISSED[name]
    text = QUERY if name == "query.ts" else (SAMPLES / name).read_text(encoding="utf-8")
    with MessagesApi(Stream([remark(quote)])) as api:
        session = await connected(start, api)
        uri = session.open(name, text, language=language)
        await review(session, uri)
        (found,) = await session.diagnostics(uri, until=bool)
        actions = await session.actions(uri, found.range)
        dismissals = [it for it in actions if it.title == "Dismiss made-up here"]
        assert bool(dismissals) == (comment is not None)
        if dismissals:
            assert dismissals[0].edit
            after = applied(session, text, dismissals[0].edit, uri)
            assert after.split("\n")[found.range.start.line] == comment
            session.change(uri, 2, ((found.range.start.line, 0, found.range.start.line, 0), f"{comment}\n"))
            await session.diagnostics(uri, until=lambda it: not it)


async def test_a_language_that_is_not_ours_is_left_alone(start: Start) -> None:
    session = await start()
    session.open("page.vue", "<p>", language="vue")
    uri = session.open("app.py", "import time\n\n\nasync def poll():\n    time.sleep(1)\n")
    assert len(await session.diagnostics(uri, until=bool)) == 1
    assert not session.client.diagnostics.get(session.uri("page.vue"))


async def test_agent_files_are_checked_as_they_are_typed_and_other_markdown_is_not(start: Start) -> None:
    session = await start()
    text = "---\nname: reviewer\ndescription: Use when: the public API changes.\n---\nYou review.\n"
    uri = session.open(".claude/agents/reviewer.md", text, language="markdown")
    (found,) = await session.diagnostics(uri, until=bool)
    assert (found.code, found.range.start.line, found.range.start.character) == ("front-matter-breaks-strict-yaml", 2, 13)
    actions = await session.actions(uri, found.range)
    assert actions[0].edit is not None
    mended = applied(session, text, actions[0].edit, uri)
    assert "description: 'Use when: the public API changes.'\n" in mended
    session.change(uri, 2, (None, mended))
    assert await session.diagnostics(uri, until=lambda it: not it) == []
    other = session.open("README.md", text, language="markdown")
    session.open("app.py", "x = 1\n")
    assert await session.diagnostics(session.uri("app.py")) == []
    assert other not in session.client.diagnostics


async def test_schemas_are_checked_as_they_are_typed_and_other_yaml_is_not(start: Start) -> None:
    session = await start()
    text = "openapi: 3.0.3\npaths:\n  /orders/{id}:\n    get:\n      operationId: readOrder\n"
    uri = session.open("api.yaml", text, language="yaml")
    (found,) = await session.diagnostics(uri, until=bool)
    assert (found.code, found.range.start.line, found.range.start.character) == ("path-parameter-unused", 3, 4)
    session.change(uri, 2, (None, text.replace("{id}", "all")))
    assert await session.diagnostics(uri, until=lambda it: not it) == []
    other = session.open("compose.yaml", "services: {}\n", language="yaml")
    session.open("app.py", "x = 1\n")
    assert await session.diagnostics(session.uri("app.py")) == []
    assert other not in session.client.diagnostics


async def test_the_editor_compares_with_what_clients_rely_on(start: Start, tmp_path: Path) -> None:
    before = "openapi: 3.0.3\npaths:\n  /orders:\n    get: {operationId: listOrders}\n    post: {operationId: createOrder}\n"
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "api.yaml").write_text(before)
    named = ("-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "."), (*named, "commit", "-qm", "one")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)  # noqa: ASYNC221
    after = before.partition("    post")[0]
    session = await start(options={"settings": {"base": "HEAD"}})
    uri = session.open("api.yaml", after, language="yaml")
    (found,) = await session.diagnostics(uri, until=bool)
    assert (found.code, found.message, found.range.start.line) == ("breaking-change", "`POST /orders` has gone.", 2)
    other = await start(options={"settings": {"base": "HEAD"}, "trusted": False})
    other.open("api.yaml", after, language="yaml")
    other.open("app.py", "import time\n\n\nasync def poll():\n    time.sleep(1)\n")
    assert len(await other.diagnostics(other.uri("app.py"), until=bool)) == 1
    assert not other.client.diagnostics.get(other.uri("api.yaml"))
