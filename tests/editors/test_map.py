"""The map in a real browser: drawn, filtered, clicked, by keys too; no name becomes script; the real Mermaid reads its text."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from architect_lsp.map.mermaid import as_mermaid
from architect_lsp.map.page import as_html
from editors.world import REPOSITORY, Window
from support.charts import HOSTILE, hostile
from support.realworld import Release, source

pytestmark = pytest.mark.browser

MERMAID = "12.3.0"
PREFECT = Release("prefect", "3.9.1")
PICTURES = REPOSITORY / "docs" / "images"
PAY = "POST /orders/{order_id}/payments"


@pytest.fixture
def window(editors: Path, tmp_path: Path) -> Iterator[Window]:
    """A browser's window."""
    found = Window(editors, tmp_path)
    yield found
    found.end()


@pytest.fixture(scope="session")
def mermaid(editors: Path) -> Path:
    """The script of the real Mermaid. Effect: downloads it once."""
    script = editors.parent / f"mermaid-{MERMAID}.js"
    if not script.exists():
        command = ["npm", "pack", f"mermaid@{MERMAID}", "--silent", "--pack-destination", str(editors.parent)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        package = editors.parent / f"mermaid-{MERMAID}.tgz"
        with tarfile.open(package) as archive:
            member = archive.extractfile("package/dist/mermaid.min.js")
            assert member is not None
            script.write_bytes(member.read())
        package.unlink()
    return script


def drawn(folder: Path, form: str, target: Path) -> Path:
    """The map of a project, by the command."""
    command = [sys.executable, "-m", "architect_lsp", "map", str(folder), "--format", form, "--output", str(target)]
    subprocess.run(command, check=True, timeout=600, env={**os.environ, "PYTHONPATH": str(REPOSITORY / "server")})
    return target


def test_the_shop_is_drawn_filtered_and_clicked(window: Window, tmp_path: Path) -> None:
    page = drawn(REPOSITORY / "examples" / "shop", "html", tmp_path / "shop.html")
    window.ask("visit", path=str(page))
    assert window.ask("count", selector="#world .row[data-id^='route:']") == 25
    assert window.ask("count", selector="#world .edge") > 10
    if os.environ.get("ARCHITECT_UPDATE_SCREENSHOT"):
        window.ask("screenshot", path=str(PICTURES / "map.png"))

    window.ask("fill", selector="#search", text="payments")
    rows = window.ask("attributes", selector="#world .row", name="data-id")
    assert {it for it in rows if it.startswith("route:")} == {"route:POST /webhooks/payments", f"route:{PAY}"}
    assert "task:app.tasks.send_receipt" in rows, "what it is linked to stays"

    window.ask("click", selector=f'#world [data-id="route:{PAY}"]')
    said = window.ask("read", selector="#details")
    assert "pay_order" in said
    assert "payments.example.com" in said
    assert window.ask("attributes", selector="#details a.source", name="href")[0] == (
        f"vscode://file{REPOSITORY}/examples/shop/app/routers/orders.py:43"
    )
    window.ask("press", keys=["Escape"])
    assert window.ask("count", selector="#details:not([hidden])") == 0

    window.ask("fill", selector="#search", text="")
    window.ask("click", selector="#kinds [data-kind=route]")
    assert window.ask("count", selector="#world .row[data-id^='route:']") == 0
    assert window.ask("attributes", selector="#kinds [data-kind=route]", name="aria-pressed") == ["false"]
    assert window.ask("troubles") == []


def test_it_can_be_read_without_a_pointer(window: Window, tmp_path: Path) -> None:
    window.ask("visit", path=str(drawn(REPOSITORY / "examples" / "shop", "html", tmp_path / "shop.html")), dark=True)
    window.ask("focus", selector="#world [tabindex='0']")
    window.ask("press", keys=["ArrowDown", "Enter"])
    assert window.ask("count", selector="#details:not([hidden]) h2") == 1
    first = window.ask("read", selector="#details h2")
    window.ask("press", keys=["ArrowDown", "Enter"])
    assert window.ask("read", selector="#details h2") != first
    unnamed = window.ask("count", selector="#world [role=button]:not([aria-label]), button:empty:not([aria-label])")
    assert unnamed == 0
    window.ask("press", keys=["Escape", "/"])
    window.ask("type", text="smtplib")
    assert "1 of" in window.ask("read", selector="#found")
    window.ask("click", selector="#as-list")
    assert "smtplib" in window.ask("read", selector="#list")
    assert window.ask("troubles") == []


def test_a_large_project_stays_readable(window: Window, tmp_path: Path) -> None:
    page = drawn(source(PREFECT), "html", tmp_path / "prefect.html")
    window.ask("visit", path=str(page))
    cards = window.ask("count", selector="#world .card")
    assert 10 < cards < 250
    assert window.ask("overlaps") == 0
    window.ask("screenshot", path=str(tmp_path / "prefect.png"))
    window.ask("fill", selector="#search", text="block_types")
    assert 0 < window.ask("count", selector="#world .card") < cards
    window.ask("click", selector="#world .row[data-id]")
    assert "block_types" in window.ask("read", selector="#details")
    assert window.ask("troubles") == []


def test_names_of_the_code_run_nothing(window: Window, tmp_path: Path) -> None:
    page = tmp_path / "hostile.html"
    page.write_text(as_html(hostile(), "https://code.example/{path}#{line}"), encoding="utf-8")
    window.ask("visit", path=str(page))
    assert window.ask("count", selector="img") == 0
    window.ask("click", selector="#world [data-id^='route:'], #world [data-id^='task:']")
    assert "onerror" in window.ask("read", selector="#details h2"), "it is there, as text"
    assert window.ask("attributes", selector="#details a.source", name="href")[0].startswith("https://code.example/")
    window.ask("click", selector="#as-list")
    assert HOSTILE.split()[0] in window.ask("read", selector="#list")
    assert window.ask("troubles") == [], "no dialog, no error, no request"


def test_mermaid_reads_it(window: Window, mermaid: Path, tmp_path: Path) -> None:
    projects = (REPOSITORY / "examples" / "shop", source(PREFECT))
    texts = [drawn(it, "mermaid", tmp_path / "map.mmd").read_text(encoding="utf-8") for it in projects]
    for text in (*texts, as_mermaid(hostile())):
        kind, labels = window.ask("mermaid", script=str(mermaid), text=text)
        assert kind.startswith("flowchart")
        assert labels
