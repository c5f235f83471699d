"""What takes its time, shown with a button that cancels it: reading a project, and whatever else asks for a token."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import threading
import uuid
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

if TYPE_CHECKING:
    from architect_lsp.engine import Workspace

_SHOWN_FROM = 150
"""Files from which reading them is worth a word."""
_HOVERS = ("architect_lsp.knowledge.likeness", "architect_lsp.knowledge.portrait")
"""What the first hover needs, imported while nobody waits."""
_STEPS = 20
"""How often progress is reported from beginning to end."""


async def begin(server: LanguageServer, title: str, percentage: int | None = None) -> str:
    """A progress token whose cancel button cancels the calling task. Only for clients that show progress."""
    token = str(uuid.uuid4())
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    await server.work_done_progress.create_async(token)
    server.work_done_progress.begin(token, types.WorkDoneProgressBegin(title=title, cancellable=True, percentage=percentage))

    def cancel(future: Any) -> None:
        if future.cancelled() and task is not None:
            loop.call_soon_threadsafe(task.cancel)

    server.work_done_progress.tokens[token].add_done_callback(cancel)
    return token


async def scan(server: LanguageServer, workspace: Workspace, *, shown: bool) -> None:
    """Read the project's closed files, in other processes where there are many; cancelled, what was read so far stays.

    Effect: fills the workspace's project from the event loop, a file at a time, so that nothing waits for the whole.
    """
    loop = asyncio.get_running_loop()
    ticks: asyncio.Queue[tuple[int, int] | None] = asyncio.Queue()
    stop = threading.Event()

    def tick(done: int, total: int) -> None:
        if shown and total >= _SHOWN_FROM and done * _STEPS // total != (done - 1) * _STEPS // total:
            loop.call_soon_threadsafe(ticks.put_nowait, (done, total))

    def work() -> None:
        try:
            for name, found in workspace.scanned(progress=tick, stop=stop):
                loop.call_soon_threadsafe(workspace.take, name, found)
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is gone: so is the need
                loop.call_soon_threadsafe(ticks.put_nowait, None)
        for name in _HOVERS:
            importlib.import_module(name)

    threading.Thread(target=work, name="scan", daemon=True).start()
    token = ""
    try:
        while (reached := await ticks.get()) is not None:
            done, total = reached
            token = token or await begin(server, "Architect reads the project", 0)
            report = types.WorkDoneProgressReport(message=f"{done:,} of {total:,} files", percentage=done * 100 // total)
            server.work_done_progress.report(token, report)
    finally:
        stop.set()
        if token:
            server.work_done_progress.end(token, types.WorkDoneProgressEnd())


async def compare(workspace: Workspace, *, trusted: bool) -> str:
    """Let a workspace know what its settings compare it with. Gives why that can't be, in words for a person, else "".

    git runs in a thread, and not at all in a folder that isn't trusted.
    """
    from architect_lsp.knowledge.history import base
    from architect_lsp.settings import SettingsError

    ref, found, refusal = workspace.settings.base if trusted else "", None, ""
    try:
        if ref:
            found = await asyncio.to_thread(base, workspace.root, ref, workspace.project.overlay(), workspace.settings)
    except SettingsError as error:
        refusal = str(error)
    if found is not None or workspace.base is not None:
        workspace.compare(found)
    return refusal
