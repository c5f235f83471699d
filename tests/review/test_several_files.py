"""A fix of the model's over several files: those it was shown, tried together, refused as soon as one of them is another."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from architect_lsp.drafting import draft
from architect_lsp.engine import Receipt, Rejection, Workspace
from architect_lsp.inquiry import document, inquire
from architect_lsp.model import Finding, Fix, Span
from architect_lsp.review.agents import load
from architect_lsp.review.claude import Claude
from architect_lsp.review.ledger import Ledger
from architect_lsp.review.reviewing import Notice
from architect_lsp.settings import Settings
from support.messages_api import MessagesApi, Stream, remark

RATES = """\
import requests

TOKEN = "tok-8f31c2d9e07b4a65"


def rates(url):
    return requests.get(url, timeout=5, headers={"X": TOKEN})
"""
SHOP = "from app.rates import rates\n\n\nasync def price(url):\n    found = rates(url)\n    return found\n"
OTHER = "def untouched():\n    return 1\n"


def edit(quote: str, replacement: str, path: str = "") -> dict[str, str]:
    return {"quote": quote, "replacement": replacement, "path": path}


OWN = (
    edit("from app.rates import rates", "from app.rates import rates_soon"),
    edit("    found = rates(url)", "    found = await rates_soon(url)"),
)
ASYNC = (
    edit("import requests", "import asyncio\n\nimport requests", "app/rates.py"),
    edit(
        "def rates(url):",
        "async def rates_soon(url):\n    return await asyncio.to_thread(rates, url)\n\n\ndef rates(url):",
        "app/rates.py",
    ),
)
MENDED = {"title": "Ask for the rates in a thread", "edits": [*OWN, *ASYNC]}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A project on disk of which `app/shop.py` is open."""
    for name, text in (("app/rates.py", RATES), ("app/shop.py", SHOP), ("app/other.py", OTHER), ("pyproject.toml", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    made = Workspace(tmp_path, Settings())
    made.scan()
    made.open("app/shop.py", SHOP, 1)
    return made


async def drafted(workspace: Workspace, *fixes: dict[str, Any]) -> tuple[list[Fix], list[str], str]:
    """(fixes that passed, notices, the last request) of a draft for the call that blocks."""
    with MessagesApi(Stream(text=json.dumps({"fixes": list(fixes)}))) as api:
        workspace.use(Settings(base_url=api.url))
        found = document(workspace, "app/shop.py")
        (finding,) = workspace.check(found).findings
        claude = Claude(workspace.settings, "key-made-up", backoff_s=0.01)
        passed, notices = [], []
        async with aclosing(draft(workspace, found, finding, load("architect"), claude, Ledger(None))) as events:
            async for it in events:
                if isinstance(it, Fix):
                    passed.append(it)
                elif isinstance(it, Notice):
                    notices.append(it.text)
        await claude.close()
        return passed, notices, api.requests[-1].content.decode()


def tried(workspace: Workspace, fix: Fix) -> Receipt | Rejection:
    found = document(workspace, "app/shop.py")
    (finding,) = workspace.check(found).findings
    return workspace.try_fix(found, finding, fix)


async def test_a_fix_over_two_files_has_one_receipt(workspace: Workspace) -> None:
    (fix,), _, sent = await drafted(workspace, MENDED)
    assert 'path=\\"app/rates.py\\"' in sent, "the other file was in the brief"
    result = tried(workspace, fix)
    assert isinstance(result, Receipt)
    assert result.checks[:3] == ("applies to these 2 files", "parses", "its finding is gone")
    assert result.texts["app/shop.py"].startswith("from app.rates import rates_soon\n")
    assert "async def rates_soon(url):" in result.texts["app/rates.py"]


@pytest.mark.parametrize(
    ("edits", "reason"),
    [
        ([*OWN, edit("def untouched", "def touched", "app/other.py")], "it edits app/other.py, which was not shown"),
        ([*OWN, edit("x", "y", "../outside.py")], "it edits ../outside.py, which was not shown"),
        ([*OWN, edit("x", "y", "/etc/passwd")], "it edits /etc/passwd, which was not shown"),
        ([*OWN, edit("def rates(url):", "def rates(url:", "app/rates.py")], "would not parse any more in app/rates.py"),
        ([*OWN, edit("def rates(url):", "def rates(url, retries):", "app/rates.py")], "it changes a signature in app/rates.py"),
        ([*OWN, edit("timeout=5", "timeout=limit", "app/rates.py")], "it uses names nothing defines in app/rates.py: limit"),
        ([*OWN, edit("nowhere", "there", "app/rates.py")], "its quotes are not in the file exactly once"),
    ],
)
async def test_a_fix_that_fails_in_one_file_is_refused_as_a_whole(workspace: Workspace, edits: list[Any], reason: str) -> None:
    passed, notices, _ = await drafted(workspace, {"title": "Mend it", "edits": edits})
    assert passed == []
    assert reason in " ".join(notices)


async def test_a_fix_is_not_offered_once_another_of_its_files_has_changed(workspace: Workspace) -> None:
    (fix,), _, _ = await drafted(workspace, MENDED)
    assert isinstance(tried(workspace, fix), Receipt)
    (workspace.root / "app/rates.py").write_text("# moved down\n" + RATES)
    result = tried(workspace, fix)
    assert isinstance(result, Rejection)
    assert result.reason == "app/rates.py has changed since"


async def test_a_secret_comes_back_in_its_own_file_only(workspace: Workspace) -> None:
    secret = "tok-8f31c2d9e07b4a65"
    own = edit("    return found", '    return found, "__SECRET_1__"')
    there = edit('TOKEN = "__SECRET_1__"', 'TOKEN = os.environ.get("TOKEN", "__SECRET_1__")', "app/rates.py")
    imported = edit("import requests", "import os\n\nimport requests", "app/rates.py")
    text = RATES.replace("def rates(url):", f'def rates(url):\n    assert TOKEN == "{secret}"')
    (workspace.root / "app/rates.py").write_text(text)
    workspace.reread("app/rates.py")
    found = document(workspace, "app/shop.py")
    said = remark("    found = rates(url)", fix={"title": "Move the token", "edits": [own, there, imported]})
    with MessagesApi(Stream([said])) as api:
        workspace.use(Settings(base_url=api.url))
        ledger = Ledger(None)
        runs: list[list[Finding]] = []
        for _ in range(2):
            claude = Claude(workspace.settings, "key-made-up", backoff_s=0.01)
            events = inquire(workspace, found, Span(0, len(found.text)), load("architect"), claude, ledger)
            async with aclosing(events) as given:
                runs.append([it async for it in given if isinstance(it, Finding)])
            await claude.close()
        sent = [it.content.decode() for it in api.requests]
    assert len(sent) == 1, "the second time the ledger answered"
    assert secret not in sent[0]
    for (finding,) in runs:
        (fix,) = finding.fixes
        texts = {it.path: it.text for it in fix.edits if "TOKEN" in it.text or "found" in it.text}
        assert texts["app/rates.py"] == f'TOKEN = os.environ.get("TOKEN", "{secret}")'
        assert secret not in texts[None]
