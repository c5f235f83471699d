"""What a person asks a model: a command starts a task, what it finds is shown at once, its progress has a cancel that cancels.

pygls answers a cancelled command while the command runs on, so a review is never the command itself (see `Session.start`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from msgspec.structs import replace

from architect_lsp import convert
from architect_lsp.model import Finding, Span
from architect_lsp.progress import begin
from architect_lsp.session import Session

if TYPE_CHECKING:
    from architect_lsp.drafting import DraftedTest
    from architect_lsp.engine import Document, Workspace
    from architect_lsp.review.agents import Agent

ANSWER = "architect/answer"
"""Sent by the server when a design question was answered: its title and the answer's Markdown."""


def start(session: Session, uri: str, where: types.Range | None) -> None:
    """Start a review of a range, or of a whole document, as a task of its own."""
    target = _target(session, uri, where)
    if target is not None:
        workspace, document, span = target
        _begin(session, uri, _review(session, uri, workspace, document, span))


def start_draft(session: Session, uri: str, fingerprint: str) -> None:
    """Start drafting a fix for a finding; those that pass are among its quick fixes from then on."""
    found = _found(session, uri, fingerprint)
    if found is not None:
        _begin(session, uri, _shown(session, "Architect drafts a fix", _draft(session, *found)))


def start_test(session: Session, uri: str, fingerprint: str) -> None:
    """Start drafting a test that shows a finding; it is among the finding's quick fixes from then on, as a new file."""
    found = _found(session, uri, fingerprint)
    if found is not None:
        _begin(session, uri, _shown(session, "Architect drafts a test", _draft_test(session, uri, *found)))


def start_rehearsal(session: Session, uri: str, fingerprint: str) -> None:
    """Start running a drafted test in a copy of the project, and say whether it fails as was claimed."""
    test, home = session.drafted_tests.get((uri, fingerprint)), session.uris.get(uri)
    if test is None or home is None:
        session.say("The drafted test is no longer there: draft it again.", "info")
    elif not session.trusted or session.remote:
        session.say("Code of this workspace is not run: it is not trusted, or the server is not this editor's own.", "info")
    else:
        _begin(session, uri, _shown(session, "Architect runs a test", _rehearsal(session, home[0].root, test)))


def _found(session: Session, uri: str, fingerprint: str) -> tuple[Workspace, Document, Finding] | None:
    """What a model is to draft something for, None where it can't be; the person is told why."""
    target = _target(session, uri, None)
    if target is None:
        return None
    workspace, document, _ = target
    finding = next((it for it in workspace.findings(document) if it.fingerprint == fingerprint), None)
    if finding is None:
        session.say("The finding is no longer there.", "info")
        return None
    return workspace, document, finding


def start_advice(session: Session, uri: str, where: types.Range | None, question: str) -> None:
    """Start asking a design question about a document; the answer is told as `architect/answer`."""
    target = _target(session, uri, where)
    if target is not None:
        workspace, document, span = target
        _begin(session, uri, _shown(session, "Architect thinks", _advice(session, workspace, document, span, question)))


def request(session: Session, uri: str, where: types.Range | None) -> str:
    """What a review would send, as Markdown for a person; "" where nothing can be reviewed."""
    from architect_lsp.inquiry import brief
    from architect_lsp.review import prices
    from architect_lsp.review.agents import PromptError
    from architect_lsp.review.reviewing import ReviewError

    target = _target(session, uri, where, asks=False)
    if target is None:
        return ""
    workspace, document, span = target
    try:
        asked = brief(workspace, document.path, span, _agent(session, workspace, document))
    except (PromptError, ReviewError) as error:
        session.say(str(error), "error")
        return ""
    price = None if workspace.settings.base_url else prices.longest(asked.model, asked.tokens)
    cost = "no price is known" if price is None else f"about ${price.input_usd:.4f} to ask (prices of {prices.dated()})"
    texts = [it["text"] for it in (*asked.system, *asked.messages[0]["content"])]
    head = f"# Request to {asked.model} at {session.claude.host}\n\nNothing has been sent. About {asked.tokens:,} tokens; {cost}."
    out = "; ".join(asked.redacted) or "nothing"
    return "\n\n".join((head, f"Taken out: {out}. Left out: {'; '.join(asked.left_out) or 'nothing'}.", *texts)) + "\n"


def agents(session: Session) -> list[dict[str, str]]:
    """Name and description of every agent file that can review, ours first."""
    from architect_lsp.review.agents import every

    folders = _folders(session, next(iter(session.workspaces.values()), None))
    return [{"name": it.name, "description": it.description} for it in every(folders)]


def _target(
    session: Session, uri: str, where: types.Range | None, *, asks: bool = True
) -> tuple[Workspace, Document, Span] | None:
    """What is meant, None where it can't be had; the person is told why. `asks` wants a model to be connected."""
    if uri not in session.uris:
        session.say("Open the file in the editor before it is reviewed.", "warning")
        return None
    if asks and not session.trusted:
        session.say("This workspace is not trusted, so nothing is sent to a model; the rules go on.", "info")
        return None
    if asks and not session.can_review:
        session.say(
            "No model is connected: the rules go on. Set ANTHROPIC_API_KEY (in VS Code: the command "
            "“Architect: Set API Key”), or `architect.baseUrl` for a server of your own.",
            "info",
        )
        session.status()
        return None
    workspace, name = session.uris[uri]
    document = workspace.documents.get(name)
    if document is None:
        session.say(f"{name} is too large to be reviewed.", "warning")
        return None
    span = convert.from_lsp_range(document.lines, where, session.client.encoding) if where else Span(0, len(document.text))
    if span.start == span.end:
        span = Span(*document.lines.bounds(document.lines.line_of(span.start)))
    return workspace, document, span


def _begin(session: Session, uri: str, work: Coroutine[Any, Any, None]) -> None:
    task = session.start(work)
    session.reviews[task] = uri
    task.add_done_callback(lambda it: session.reviews.pop(it, None))


def _folders(session: Session, workspace: Workspace | None) -> list[Path]:
    own = [Path.home() / ".claude" / "agents"]
    return [workspace.root / ".claude" / "agents", *own] if session.trusted and workspace is not None else own


def _agent(session: Session, workspace: Workspace, document: Document) -> Agent:
    """Who reviews. Raises PromptError."""
    from architect_lsp.inquiry import who_reviews

    return who_reviews(workspace, document, _folders(session, workspace))


async def _draft(session: Session, workspace: Workspace, document: Document, finding: Finding) -> str:
    from architect_lsp.drafting import draft
    from architect_lsp.fixes import carried
    from architect_lsp.model import Fix
    from architect_lsp.review.reviewing import Notice

    fixes: list[Fix] = []
    async for it in draft(workspace, document, finding, _agent(session, workspace, document), session.claude, session.ledger):
        if isinstance(it, Fix):
            fixes.append(it)
        else:
            session.log(it.text if isinstance(it, Notice) else it.line)
    now = workspace.documents.get(document.path)
    moved = carried([replace(finding, fixes=tuple(fixes))], document.text, now.text) if now is not None else []
    if not moved or not moved[0].fixes:
        return "No fix could be drafted that passes its checks; the log says why."
    workspace.drafts.setdefault(document.path, []).append(moved[0])
    titles = ", ".join(f"“{it.title}”" for it in fixes)
    session.say(f"Drafted and tried: {titles}. Open the quick fixes of the finding.", "info")
    return ""


async def _draft_test(session: Session, uri: str, workspace: Workspace, document: Document, finding: Finding) -> str:
    from architect_lsp.drafting import DraftedTest, draft_test
    from architect_lsp.review.reviewing import Notice

    said = ""
    agent = _agent(session, workspace, document)
    async for it in draft_test(workspace, document, finding, agent, session.claude, session.ledger):
        if isinstance(it, DraftedTest):
            session.drafted_tests[uri, finding.fingerprint] = it
            session.log(f"{it.path}, not run:\n{it.text}")
            session.say(f"Drafted {it.path}: {it.claim} Open the quick fixes of the finding.", "info")
            return ""
        said = it.text if isinstance(it, Notice) else said
        session.log(it.text if isinstance(it, Notice) else it.line)
    return said or "No test was drafted."


async def _rehearsal(session: Session, root: Path, test: DraftedTest) -> str:
    from architect_lsp.rehearsal import rehearsed

    outcome = await rehearsed(root, test.path, test.text, test.fails_with)
    session.log(f"{test.path}: {outcome.line}\n{outcome.output}")
    if outcome.as_claimed:
        session.say(f"{test.path}: {outcome.line}", "info")
        return ""
    return f"{test.path}: {outcome.line}"


async def _advice(session: Session, workspace: Workspace, document: Document, span: Span, question: str) -> str:
    from architect_lsp.drafting import consult
    from architect_lsp.review.reviewing import Notice

    text = ""
    agent = _agent(session, workspace, document)
    async for it in consult(workspace, document, span, question, agent, session.claude, session.ledger):
        if isinstance(it, str):
            text += it
        else:
            session.log(it.text if isinstance(it, Notice) else it.line)
    session.protocol.notify(ANSWER, {"title": question, "markdown": text})
    return ""


async def _shown(session: Session, title: str, work: Coroutine[Any, Any, str]) -> None:
    """Do the work under a progress that can be cancelled; what it gives is said as a warning, what it raises as an error."""
    from architect_lsp.review.agents import PromptError
    from architect_lsp.review.reviewing import ReviewError

    token = await begin(session, title) if session.client.progress else ""
    session.status("reviewing")
    outcome = ""
    try:
        outcome = await work
        if outcome:
            session.say(outcome, "warning")
    except (ReviewError, PromptError) as error:
        outcome = str(error)
        session.say(outcome, "error")
    finally:
        if token:
            session.work_done_progress.end(token, types.WorkDoneProgressEnd(message=outcome))
        session.status("failed", detail=outcome) if outcome else session.status()


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
    from architect_lsp.review.remarks import Dropped
    from architect_lsp.review.reviewing import Notice

    name = document.path
    snapshot = document.snapshot
    agent = _agent(session, workspace, document)
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
    from architect_lsp.fixes import carried

    document = workspace.documents.get(name)
    if document is None:
        return False
    moved = carried([finding], text, document.text)
    if not moved:
        return False
    workspace.remember(name, workspace.proven(document, moved[0]))
    session.show(uri)
    return True
