"""What a model is told of a selection in another language, and how a long one is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.inquiry import brief, parts
from architect_lsp.model import Span
from architect_lsp.review.agents import load, prompt
from architect_lsp.review.brief import PAGES
from architect_lsp.settings import Settings
from architect_lsp.syntax.languages import OTHERS, language_of

SAMPLES = Path(__file__).parents[1] / "syntax" / "samples"
TYPESCRIPT = (SAMPLES / "typescript.ts").read_text(encoding="utf-8")


def workspace_of(name: str, text: str) -> Workspace:
    workspace = Workspace(Path("/nowhere"), Settings())
    language = language_of(name)
    assert language
    workspace.open(name, text, 1, language=language)
    return workspace


def told(name: str, text: str, quote: str) -> str:
    """The task turn of a review of the line that holds `quote`."""
    at = text.index(quote)
    found = brief(workspace_of(name, text), name, Span(at, at + len(quote)), load("architect"))
    return "\n".join(it["text"] for it in found.messages[0]["content"])


def test_the_model_is_told_what_stands_around_a_selection() -> None:
    seen = told("src/orders.ts", TYPESCRIPT, "sum += await")
    assert "class OrderService, lines 7-34: class OrderService extends Base<Order> implements Priced" in seen
    assert "method OrderService.total, lines 18-26: async total(orders: Order[]): Promise<number>" in seen
    assert "This is TypeScript. Other files were not read" in seen
    assert "The file imports express, ./db, ./errors, ./lazy" in seen
    assert "OrderService.total calls OrderService.price (line 23)" in seen
    assert "OrderService.total calls withTax (line 25)" in seen
    assert "monthly" not in seen.split('kind="facts"')[1].split("OrderService is called by")[0]
    seen = told("src/orders.ts", TYPESCRIPT, "amount * 1.19")
    assert "withTax is called by OrderService.total (line 25)" in seen
    assert "withTax is called by list (line 53)" in seen


@pytest.mark.parametrize("language", OTHERS, ids=lambda it: it.name)
def test_no_rule_speaks_of_another_language_and_the_project_does_not_hold_it(language) -> None:
    name = "sample" + language.suffixes[0]
    workspace = workspace_of(name, "def f():\n    eval(input())\n")
    document = workspace.documents[name]
    assert workspace.check(document).findings == ()
    assert list(workspace.project.paths) == []
    workspace.close(name)
    workspace.reread(name)
    assert list(workspace.project.paths) == []


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_long_selection_is_cut_between_definitions(newline: str) -> None:
    one = "/** Number {n}. 😀 */\nexport async function f{n}(a: number) {{\n" + "  await g(a);\n" * 40 + "}}\n\n"
    text = "".join(one.format(n=n) for n in range(200)).replace("\n", newline)
    workspace = workspace_of("a.ts", text)
    spans = [it.span for it in parts(workspace, workspace.documents["a.ts"], Span(0, len(text)), load("architect"))]
    assert len(spans) > 3
    assert "".join(text[it.start : it.end] for it in spans) == text
    assert all(text[it.start :].startswith("/** Number") for it in spans)
    assert all(it.end - it.start <= 24_000 for it in spans)


def test_a_file_of_callbacks_is_cut_between_its_statements() -> None:
    text = "".join(f'test("{n}", async () => {{\n' + "  await g(1);\n" * 40 + "});\n" for n in range(200))
    workspace = workspace_of("a.test.js", text)
    spans = [it.span for it in parts(workspace, workspace.documents["a.test.js"], Span(0, len(text)), load("architect"))]
    assert len(spans) > 3
    assert all(text[it.start :].startswith("test(") for it in spans)


def test_pages_join_only_where_facts_call_for_them() -> None:
    text = (
        "import asyncio\n\nfrom anthropic import Anthropic\nfrom fastapi import FastAPI\nfrom sqlalchemy.orm import Session\n\n"
        "app = FastAPI()\nclient = Anthropic()\n\n\n@app.get('/x')\nasync def read():\n    return 1\n\n\n"
        "def rows(session: Session):\n    return session.execute('select 1')\n\n\n"
        "def ask():\n    return client.messages.create(model='m', max_tokens=1, messages=[])\n\n\ndef plain(a):\n    return a\n"
    )
    workspace = workspace_of("app/main.py", text)

    def pages(name: str) -> list[str]:
        at = text.index(f"def {name}")
        found = brief(workspace, "app/main.py", Span(at, at + 8), load("architect"))
        texts = [it["text"] for it in found.messages[0]["content"]]
        assert found.tokens <= workspace.settings.max_input_tokens
        return [it for it in PAGES if any(text.startswith(prompt(f"pages/{it}.md")[:40]) for text in texts)]

    assert pages("read") == ["api", "async"]
    assert pages("rows") == ["data"]
    assert pages("ask") == ["agents"]
    assert pages("plain") == []
