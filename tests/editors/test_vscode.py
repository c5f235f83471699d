"""Scenes in a real VS Code: the extension as it is published, the server as pip installs it, a person at the keyboard."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from editors.world import REPOSITORY, World, copy_of, until
from support.messages_api import MessagesApi, Stream, faults, remark

pytestmark = pytest.mark.browser

ORDERS = "app/routers/orders.py"
PAYMENTS = "app/services/payments.py"
SLEEP = "sleeps on the event loop"
SLEEP_LINE = 34
REMARK = "This could be better."
KEY = "sk-made-up-0123456789"

Worlds = Callable[..., World]


@pytest.fixture
def server(installed: Path) -> dict[str, Any]:
    """Machine settings that name the installed server."""
    return {"architect.server.path": str(installed / "bin" / "architect-lsp")}


def test_a_finding_is_read_and_its_fix_saved(world: Worlds, server: dict[str, Any], tmp_path: Path) -> None:
    """Squiggle, Problems row, hover with its reasons and its path of calls; a fix by Ctrl+., and the file on disk is another."""
    shop = copy_of("shop", tmp_path)
    on_save = {"editor.codeActionsOnSave": {"source.fixAll.architect": "explicit"}}
    window = world(machine=server, settings=on_save).window(shop)
    window.ask("openFile", name=ORDERS)
    window.ask("showProblems")
    rows = window.ask("problems", text="`_rates` calls `requests.get`")
    assert any("blocking-call-in-async" in it and "architect" in it for it in rows)
    assert window.ask("squiggles")["errors"] > 0
    window.ask("status", text="rules only")
    hover = window.ask("hover", line=17, column=14, text="Why")
    assert "Instead" in hover
    pictures = REPOSITORY / "docs" / "images" if os.environ.get("ARCHITECT_UPDATE_SCREENSHOT") else tmp_path
    pictures.mkdir(parents=True, exist_ok=True)
    window.ask("screenshot", path=str(pictures / "vscode.png"))
    window.ask("press", keys=["Escape"])

    window.ask("openFile", name=PAYMENTS)
    window.ask("problems", text=SLEEP)
    window.ask("goTo", line=SLEEP_LINE, column=16)
    window.ask("actions", text="Await asyncio.sleep")
    window.ask("choose", text="Await asyncio.sleep")
    window.ask("dirty")
    window.ask("save")
    text = (shop / PAYMENTS).read_text(encoding="utf-8")
    assert "await asyncio.sleep(2**attempt)" in text
    assert "import asyncio\n" in text
    assert "hmac.compare_digest(signature, expected)" in text, "a safe fix, applied on save by source.fixAll.architect"
    window.ask("problems", text=SLEEP, gone=True)
    assert window.ask("notifications") == [], "nothing asks for attention"

    window.ask("command", title="Architect: Review file")
    window.ask("notification", text="a review needs an API key")
    window.ask("notificationButton", text="a review needs an API key", button="Set API key")
    window.ask("answer", text="")


def test_a_review_streams_and_is_cancelled(world: Worlds, server: dict[str, Any], tmp_path: Path) -> None:
    """The key is typed once; a remark is a squiggle while the model still writes; Cancel ends the request; no key is logged."""
    first = remark("response.raise_for_status()", "A declined card is reported as our failure.", rule="declined-card-is-500")
    second = remark('return response.json()["id"]', "The answer is taken on trust.")
    with MessagesApi(Stream([first, second], hold_after=1)) as api:
        here = world(machine={**server, "architect.baseUrl": api.url}, settings={"architect.model": "claude-made-up-1"})
        window = here.window(copy_of("shop", tmp_path))
        window.ask("openFile", name=PAYMENTS)
        window.ask("squiggles")
        window.ask("command", title="Architect: Set API key")
        window.ask("answer", text=KEY)
        until(lambda: "the server exited" in here.output(), "the server is started anew with the key")
        window.ask("status", text="claude-made-up-1")
        window.ask("showProblems")
        window.ask("problems", text=SLEEP)

        window.ask("select", line=22, lastLine=38)
        window.ask("command", title="Architect: Review selection")
        window.ask("problems", text="A declined card is reported as our failure.")
        assert api.reached.is_set()
        assert not api.closed.is_set(), "the stream has not ended"
        window.ask("status", text="reviewing")
        window.ask("notification", text="Architect review")
        window.ask("notificationButton", text="Architect review", button="Cancel")
        assert api.closed.wait(10), "the request is closed"
        window.ask("status", text="claude-made-up-1")
        rows = window.ask("problems", text="A declined card is reported as our failure.")
        assert not any("taken on trust" in it for it in rows)
        assert api.requests[0].headers["x-api-key"] == KEY
        assert "async def charge" in str(api.requests[0].body["messages"])

        window.ask("command", title="Architect: Clear API key")
        until(lambda: here.output().count("the server exited") == 2, "the server is started anew without the key")
    assert KEY not in here.output()


def test_every_fault_of_a_service_is_said_in_the_editor(world: Worlds, server: dict[str, Any], tmp_path: Path) -> None:
    """A message and the status bar name each one; what came before a cut stays on screen, and so do the rules' findings."""
    quote = "response.raise_for_status()"
    every = faults(quote)
    with MessagesApi(*(it for answers in every.values() for it in answers)) as api:
        machine = {**server, "architect.baseUrl": api.url}
        here = world(machine=machine, settings={"architect.model": "claude-made-up-1"})
        window = here.window(copy_of("shop", tmp_path))
        window.ask("openFile", name=PAYMENTS)
        window.ask("showProblems")
        window.ask("problems", text=SLEEP)
        for words in every:
            window.ask("command", title="Architect: Review file")
            window.ask("command", title="Notifications: Show Notifications")  # four toasts in a second are not shown
            window.ask("notification", text=words)
            window.ask("status", text="review failed")
            window.ask("problems", text=SLEEP)
            if "partial" in words:
                window.ask("problems", text=REMARK)
            window.ask("command", title="Notifications: Clear All Notifications")
    assert len(api.requests) == sum(map(len, every.values()))


def test_a_test_is_drafted_for_a_finding(world: Worlds, server: dict[str, Any], tmp_path: Path) -> None:
    """Drafted by Ctrl+., run in a copy by Ctrl+., and only then a new file, when the person says so."""
    shop = copy_of("shop", tmp_path)
    (shop / ".venv").symlink_to(sys.prefix)  # the project's own environment, which has pytest
    (shop / "tests" / "conftest.py").unlink()  # it needs what the shop is made of
    code = "def test_the_loop_is_not_held():\n    assert False, 'it sleeps'\n"
    said = {"claim": "It sleeps for a second.", "name": "loop_is_held", "code": code, "fails_with": "AssertionError"}
    with MessagesApi(Stream(text=json.dumps(said))) as api:
        here = world(machine={**server, "architect.baseUrl": api.url}, settings={"architect.model": "claude-made-up-1"})
        window = here.window(shop)
        window.ask("openFile", name=PAYMENTS)
        window.ask("squiggles")
        for title, told in (
            ("Draft a test that shows this", "It sleeps for a second."),
            ("in a copy of the project", "fails as claimed"),
        ):
            window.ask("goTo", line=SLEEP_LINE, column=16)
            window.ask("actions", text=title)
            window.ask("choose", text=title)
            window.ask("notification", text=told, timeoutS=90)
            window.ask("command", title="Notifications: Clear All Notifications")
        assert not list(shop.rglob("*loop_is_held*")), "nothing is written unasked"
        window.ask("goTo", line=SLEEP_LINE, column=16)
        window.ask("actions", text="Add tests/test_loop_is_held.py")
        window.ask("choose", text="Add tests/test_loop_is_held.py")
        window.ask("click", selector=".bulk-edit-panel .edit-checkbox")  # what a model wrote is confirmed, not only chosen
        window.ask("click", selector=".bulk-edit-panel .monaco-button:has-text('Apply')")
        until((shop / "tests" / "test_loop_is_held.py").exists, "a new file")
        window.ask("openFile", name="tests/test_loop_is_held.py")
        assert "def test_the_loop_is_not_held():" in window.ask("text").replace("\xa0", " ")


def test_a_person_sees_the_request_asks_a_question_and_picks_an_agent(
    world: Worlds, server: dict[str, Any], tmp_path: Path
) -> None:
    """Nothing is sent by looking; the answer is a page; the agent that was picked reviews; the status bar counts."""
    shop = copy_of("shop", tmp_path)
    agents = shop / ".claude" / "agents"
    agents.mkdir(parents=True, exist_ok=True)
    (agents / "payments.md").write_text("---\nname: payments\ndescription: Knows cards.\n---\nYou know cards: mind the money.\n")
    advice = Stream(text="Keep **one** service for payments.", input_tokens=1_500, output_tokens=500)
    with MessagesApi(advice, Stream([remark("response.raise_for_status()", "A card is declined.")])) as api:
        machine = {**server, "architect.baseUrl": api.url}
        here = world(machine=machine, settings={"architect.model": "claude-made-up-1"})
        window = here.window(shop)
        window.ask("openFile", name=PAYMENTS)
        window.ask("squiggles")
        window.ask("command", title="Architect: Set API key")
        window.ask("answer", text=KEY)
        until(lambda: "the server exited" in here.output(), "the server is started anew with the key")
        window.ask("status", text="claude-made-up-1 · $0.00 of $5.00")

        window.ask("select", line=22, lastLine=38)
        window.ask("command", title="Architect: Show request")
        window.ask("page", text="Nothing has been sent.")
        window.ask("page", text="Request to claude-made-up-1 at 127.0.0.1")
        assert api.requests == []

        window.ask("openFile", name=PAYMENTS)
        window.ask("command", title="Architect: Ask a design question")
        window.ask("answer", text="How many services?")
        window.ask("page", text="Keep **one** service for payments.")
        assert "How many services?" in str(api.requests[0].body["messages"])
        window.ask("status", text="claude-made-up-1 · 2,000 of 2,000,000 tokens")

        window.ask("command", title="Architect: Pick agent")
        window.ask("pick", text="payments")
        own = here.data / "User" / "settings.json"
        until(lambda: json.loads(own.read_text()).get("architect.agent") == "payments", "the pick is a setting")
        window.ask("openFile", name=PAYMENTS)
        window.ask("command", title="Architect: Review file")
        until(lambda: len(api.requests) == 2, "a review was asked for")
        assert "mind the money" in str(api.requests[1].body["system"])


def test_the_map_opens_what_is_clicked(world: Worlds, server: dict[str, Any], tmp_path: Path) -> None:
    """The webview draws the project in the editor's theme; a place in its panel opens the file there."""
    window = world(machine=server).window(copy_of("shop", tmp_path))
    window.ask("openFile", name="app/main.py")
    window.ask("status", text="rules only")
    window.ask("command", title="Architect: Show map")
    assert window.ask("inWebview", selector="#world .row[data-id^='route:POST /orders/']", click=True)
    assert "POST /orders/{order_id}/payments" in window.ask("inWebview", selector="html.dark #details h2")
    assert "orders.py" in window.ask("inWebview", selector="#details a.source", click=True)
    window.ask("opened", name="app/routers/orders.py")
    window.ask("screenshot", path=str(tmp_path / "map.png"))


def test_an_untrusted_folder_runs_nothing_of_its_own(world: Worlds, wheel: Path, tmp_path: Path) -> None:
    """The extension makes its own environment from its wheel; the folder's interpreter is run only once it is trusted."""
    shop = copy_of("shop", tmp_path)
    trap = _interpreter_that_tells(shop)
    here = world(trust=True)
    storage = here.data / "User" / "globalStorage" / "architect-lsp.architect"
    earlier = storage / "server-0123456789abcdef"
    earlier.mkdir(parents=True)
    window = here.window(shop)
    window.ask("openFile", name=PAYMENTS)
    window.ask("notification", text="installing its server")
    window.ask("squiggles", timeoutS=120)
    window.ask("status", text="rules only")
    assert not trap.exists()
    assert "the extension's own environment, not trusted" in here.output()
    name = f"server-{hashlib.sha256(wheel.read_bytes()).hexdigest()[:16]}"
    until(lambda: [it.name for it in storage.iterdir()] == [name], "one environment, of this wheel")
    assert not window.ask("knows", title="Architect: Review file"), "nothing is sent from a folder that is not trusted"

    window.ask("trust")
    until(lambda: "the extension's own environment, trusted" in here.output(), "the server is started anew, trusted")
    assert trap.exists(), "the folder's interpreter is asked now"
    window.ask("openFile", name=PAYMENTS)
    window.ask("squiggles")
    assert window.ask("knows", title="Architect: Review file")


def test_the_chosen_interpreter_is_used_and_a_killed_server_comes_back(
    world: Worlds, python_extension: Path, installed: Path, tmp_path: Path
) -> None:
    """A virtual environment's link is not resolved: its target lacks the packages. The findings return after a crash."""
    shop = copy_of("shop", tmp_path)
    (shop / "chosen").symlink_to(installed)
    here = world(extensions=python_extension, variables={"CHOSEN_INTERPRETER": f"{shop}/chosen/bin/python"})
    window = here.window(shop)
    window.ask("openFile", name=PAYMENTS)
    window.ask("showProblems")
    window.ask("problems", text=SLEEP)
    assert f"{shop}/chosen/bin/python -m architect_lsp serve (the workspace's interpreter, trusted)" in here.output()
    (killed,) = here.servers()
    os.kill(killed, signal.SIGKILL)
    window.ask("problems", text=SLEEP, gone=True)
    window.ask("problems", text=SLEEP)
    (started,) = here.servers()
    assert started != killed
    assert window.ask("notifications") == []

    extension_host = int(Path(f"/proc/{started}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(extension_host, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{started}").exists(), "the server ends with an editor that had no time for a goodbye")


def test_settings_of_project_and_person_are_both_heard(world: Worlds, server: dict[str, Any], tmp_path: Path) -> None:
    """The editor's defaults do not overrule pyproject.toml; what a person sets does."""
    shop = copy_of("shop", tmp_path)
    with (shop / "pyproject.toml").open("a") as file:
        file.write('\n[tool.architect]\ndisable = ["query-in-loop"]\n')
    for person, shown, silent in (
        ({}, "blocking-call-in-async", "query-in-loop"),
        ({"architect.disable": ["blocking-call-in-async"]}, "query-in-loop", "blocking-call-in-async"),
    ):
        window = world(machine=server, settings=person).window(shop)
        window.ask("openFile", name=ORDERS)
        window.ask("showProblems")
        rows = window.ask("problems", text=shown)
        assert not any(silent in it for it in rows)


def test_a_server_that_keeps_crashing_is_given_up_with_one_message(world: Worlds, tmp_path: Path) -> None:
    """Five restarts, later and later; then one message, which shows the output."""
    program = tmp_path / "ends-at-once"
    program.write_text("#!/bin/sh\necho 'ERROR no use' >&2\nexit 3\n")
    program.chmod(0o755)
    here = world(machine={"architect.server.path": str(program)})
    window = here.window(copy_of("shop", tmp_path))
    window.ask("openFile", name=PAYMENTS)
    window.ask("notification", text="was given up", timeoutS=60)
    window.ask("status", text="stopped")
    assert here.output().count("the server exited (3)") == 6
    assert len(window.ask("notifications")) == 1
    window.ask("notificationButton", text="was given up", button="Show output")
    window.ask("panel", text="no use")


def test_what_is_missing_is_said_in_one_line(world: Worlds, tmp_path: Path) -> None:
    """Debian's Python comes without ensurepip: the message names the package that brings it."""
    programs = tmp_path / "programs"
    programs.mkdir()
    python = programs / "python3"
    python.write_text('#!/bin/sh\n[ "$2" = venv ] && { echo "ensurepip is not available" >&2; exit 1; }\nexit 0\n')
    python.chmod(0o755)
    here = world(programs=programs)
    window = here.window(copy_of("shop", tmp_path))
    window.ask("openFile", name=PAYMENTS)
    window.ask("notification", text="Python's venv module is incomplete: on Debian or Ubuntu, sudo apt install python3-venv")
    window.ask("status", text="stopped")


def _interpreter_that_tells(folder: Path) -> Path:
    """Puts an interpreter into the folder's `.venv` that does nothing but leave a file, and gives that file's path."""
    told = folder.parent / "told"
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\ntouch {told}\nexit 1\n")
    python.chmod(0o755)
    return told
