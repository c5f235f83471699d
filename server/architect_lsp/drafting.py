"""What a person asks a model beside a review: a drafted fix, a drafted test, advice on a design.

Like a review, each goes within the caps, redacted, and is noted in the ledger; unlike one, its answer is not kept.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from architect_lsp.engine import Rejection, Workspace
from architect_lsp.inquiry import answer_in, request, sent, texts_of
from architect_lsp.knowledge.document import Document
from architect_lsp.model import Domain, Finding, Fix, Severity, Span
from architect_lsp.review import brief as briefs
from architect_lsp.review import budget, markdown
from architect_lsp.review.agents import Agent
from architect_lsp.review.brief import Brief
from architect_lsp.review.context import cuts
from architect_lsp.review.ledger import Ledger
from architect_lsp.review.remarks import Drafts, Remark, RemarkFix, proposed
from architect_lsp.review.reviewing import Notice, Piece, Reviewer, restored
from architect_lsp.review.reviewing import Receipt as Sent

_DRAFTS = 2
"""Requests that one drafted fix may take: the second one is told why the first was refused."""
_ALTERNATIVES = 3
MAX_ADVICE = 40_000
"""Characters of an answer to a question."""


async def draft(
    workspace: Workspace, document: Document, finding: Finding, agent: Agent, reviewer: Reviewer, ledger: Ledger
) -> AsyncGenerator[Fix | Notice | Sent, None]:
    """Ways to mend a finding, written by the model and tried; a refused one is asked for once more, with the reason.

    Only fixes with a receipt are given. Raises ReviewError when an answer can't be had.
    """
    run = budget.Run()
    said = _described(finding)
    for attempt in range(_DRAFTS):
        asked = request(workspace, document, _around(document, finding.span), agent, briefs.DRAFT, finding=said)
        text = ""
        async with aclosing(sent(workspace, asked, agent, reviewer, ledger, run)) as events:
            async for event in events:
                if isinstance(event, Piece):
                    text += event.text
                else:
                    yield event
        reasons: list[str] = []
        passed = False
        for it in answer_in(Drafts, text, asked).fixes[:_ALTERNATIVES]:
            others = texts_of(workspace, asked.others)
            back = _back(it, asked, document, others)
            fix = proposed(back, document.snapshot, [finding.span, _around(document, finding.span)], others)
            if isinstance(fix, str):
                reasons.append(fix)
                continue
            tried = workspace.try_fix(document, finding, fix)
            if isinstance(tried, Rejection):
                reasons.append(tried.reason)
            else:
                passed = True
                yield fix
        if passed or not reasons:
            return
        yield Notice(f"The draft was refused: {'; '.join(dict.fromkeys(reasons))}.")
        said = f"{_described(finding)}\n\nAn earlier try was refused, because {'; '.join(dict.fromkeys(reasons))}."
        if attempt + 1 == _DRAFTS:
            return


async def consult(
    workspace: Workspace,
    document: Document,
    span: Span,
    question: str,
    agent: Agent,
    reviewer: Reviewer,
    ledger: Ledger,
) -> AsyncGenerator[str | Notice | Sent, None]:
    """The answer to a design question as Markdown, in pieces of whole lines made harmless. Raises ReviewError."""
    asked = request(workspace, document, span, agent, briefs.CONSULT, question=question)
    text = ""
    async with aclosing(sent(workspace, asked, agent, reviewer, ledger, budget.Run())) as events:
        async for event in events:
            if isinstance(event, Piece):
                text += event.text
            else:
                yield event
    yield markdown.clean(text, MAX_ADVICE) + "\n"


def _back(fix: RemarkFix, asked: Brief, document: Document, others: Mapping[str, str]) -> RemarkFix:
    """The fix with secrets back in."""
    remark = Remark(quote="-", rule="-", domain=Domain.BACKEND, severity=Severity.NOTE, message="-", fix=fix)
    return restored(remark, asked.redaction, document.snapshot, others).fix


def _described(finding: Finding) -> str:
    parts = [it for it in (finding.parts.why, finding.parts.instead) if it]
    steps = [f"{it.message} ({it.place.path}:{it.place.line + 1})" for it in finding.evidence]
    return "\n".join([f"{finding.rule}: {finding.message}", f"It is about: {finding.quote}", *steps, *parts])


def _around(document: Document, span: Span) -> Span:
    """The definition around a place, the place itself where there is none."""
    borders = [0, *cuts(document), len(document.text)]
    start = max(it for it in borders if it <= span.start)
    end = min((it for it in borders if span.end <= it and start < it), default=span.end)
    return Span(start, end)
