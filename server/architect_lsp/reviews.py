"""Reviews by a model: a command starts one as a task, what it finds is shown at once, its progress has a cancel that cancels.

pygls answers a cancelled command while the command runs on, so a review is never the command itself (see `Session.start`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types

from architect_lsp import convert
from architect_lsp.model import Finding, Span
from architect_lsp.progress import begin
from architect_lsp.session import Session

if TYPE_CHECKING:
    from architect_lsp.engine import Document, Workspace


def start(session: Session, uri: str, where: types.Range | None) -> None:
    """Start a review of a range, or of a whole document, as a task of its own."""
    if uri not in session.uris:
        session.say("Open the file in the editor before it is reviewed.", "warning")
        return
    if not session.trusted:
        session.say("This workspace is not trusted, so nothing is sent to a model; the rules go on.", "info")
        return
    if not session.can_review:
        session.say(
            "No model is connected: the rules go on. Set ANTHROPIC_API_KEY (in VS Code: the command "
            "“Architect: Set API Key”), or `architect.baseUrl` for a server of your own.",
            "info",
        )
        session.status()
        return
    workspace, name = session.uris[uri]
    document = workspace.documents.get(name)
    if document is None:
        session.say(f"{name} is too large to be reviewed.", "warning")
        return
    span = convert.from_lsp_range(document.lines, where, session.client.encoding) if where else Span(0, len(document.text))
    if span.start == span.end:
        line = document.lines.line_of(span.start)
        span = Span(*document.lines.bounds(line))
    task = session.start(_review(session, uri, workspace, document, span))
    session.reviews[task] = uri
    task.add_done_callback(lambda it: session.reviews.pop(it, None))


async def _review(session: Session, uri: str, workspace: Workspace, document: Document, span: Span) -> None:
    from architect_lsp.review.agents import PromptError
    from architect_lsp.review.reviewing import ReviewError

    token = await begin(session, "Architect review") if session.client.progress else ""
    outcome = ""
    failed = False
    try:
        session.status("reviewing")
        found, partial = await _asked(session, uri, workspace, document, span, token)
        if partial:
            failed = True
            outcome = partial
            session.say(partial, "warning")
            return
        outcome = f"{found} finding{'' if found == 1 else 's'} by {session.claude.model}"
    except asyncio.CancelledError:
        outcome = "cancelled"
        raise
    except (ReviewError, PromptError) as error:
        failed = True
        outcome = str(error)
        session.say(outcome, "error")
    except Exception as error:
        failed = True
        outcome = f"The review failed: {type(error).__name__}. The log has the details; the rules go on."
        session.say(outcome, "error")
        raise
    finally:
        if token:
            session.work_done_progress.end(token, types.WorkDoneProgressEnd(message=outcome))
        session.status("failed", detail=outcome) if failed else session.status()


async def _asked(session: Session, uri: str, workspace: Workspace, document: Document, span: Span, token: str) -> tuple[int, str]:
    """(findings published, why the answer is not whole or "")."""
    from architect_lsp.inquiry import inquire
    from architect_lsp.review.agents import load
    from architect_lsp.review.remarks import Dropped
    from architect_lsp.review.reviewing import Notice

    name = document.path
    snapshot = document.snapshot
    folders = [workspace.root / ".claude" / "agents"] if session.trusted else []
    agent = load(workspace.settings.agent, folders)
    workspace.forget(name, span)
    found, said, partial = 0, "", ""
    async for it in inquire(workspace, document, span, agent, session.claude, session.ledger):
        if isinstance(it, Finding):
            if _keep(session, uri, workspace, name, it, snapshot.text):
                found += 1
        elif isinstance(it, Notice):
            if token:
                session.work_done_progress.report(token, types.WorkDoneProgressReport(message=it.text))
            session.log(it.text)
            said = it.text
        elif isinstance(it, Dropped):
            session.log(f"dropped a remark: {it.reason}")
        else:
            partial = "" if it.complete else said or "The answer ended early: the review is partial."
            session.log(it.line)
    for line in session.ledger.notes:
        session.say_once(line, "warning")
    session.show(uri)
    return found, partial


def _keep(session: Session, uri: str, workspace: Workspace, name: str, finding: Finding, text: str) -> bool:
    """Publish a remark at once, moved to where its text is now; a fix that has no receipt is left out."""
    from architect_lsp.engine import carried

    document = workspace.documents.get(name)
    if document is None:
        return False
    moved = carried([finding], text, document.text)
    if not moved:
        return False
    workspace.remember(name, workspace.proven(document, moved[0]))
    session.show(uri)
    return True
