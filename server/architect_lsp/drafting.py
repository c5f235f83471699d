"""What a person asks a model beside a review: a drafted fix, a drafted test, advice on a design.

Like a review, each goes within the caps, redacted, and is noted in the ledger; unlike one, its answer is not kept.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from msgspec import Struct

from architect_lsp.engine import Rejection, Workspace
from architect_lsp.fixes import new_test_receipt
from architect_lsp.inquiry import answer_in, request, sent, texts_of
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.model import Domain, Finding, Fix, Severity, Span
from architect_lsp.review import brief as briefs
from architect_lsp.review import budget, markdown
from architect_lsp.review.agents import Agent
from architect_lsp.review.brief import Brief
from architect_lsp.review.context import cuts
from architect_lsp.review.ledger import Ledger
from architect_lsp.review.packing import shown_path
from architect_lsp.review.remarks import MAX_REPLACEMENT, MISLEADING, Drafts, Remark, RemarkFix, SaidTest, kebab, proposed
from architect_lsp.review.reviewing import Notice, Piece, Reviewer, restored
from architect_lsp.review.reviewing import Receipt as Sent

_DRAFTS = 2
"""Requests that one drafted fix may take: the second one is told why the first was refused."""
_ALTERNATIVES = 3
_SAMPLE_LINES = 40
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


class DraftedTest(Struct, frozen=True):
    """A new file with a test: `claim` says what it shows, `fails_with` names the exception it fails with today."""

    path: str
    text: str
    claim: str
    fails_with: str


async def draft_test(
    workspace: Workspace, document: Document, finding: Finding, agent: Agent, reviewer: Reviewer, ledger: Ledger
) -> AsyncGenerator[DraftedTest | Notice | Sent, None]:
    """A test that shows a finding, written by the model; a refused one is asked for once more, with the reason.

    It has not been run (`rehearsal.py` does that, on request). Raises ReviewError when an answer can't be had.
    """
    run = budget.Run()
    folder, suffix, sample = _habits(workspace, document.path)
    said = _described(finding)
    for _ in range(_DRAFTS):
        habits = f"Tests are in {folder}/, in files named {'*_test.py' if suffix else 'test_*.py'}.\n\n{sample}"
        where = _around(document, finding.span)
        asked = request(workspace, document, where, agent, briefs.DRAFT_TEST, finding=said, habits=habits)
        text = ""
        async with aclosing(sent(workspace, asked, agent, reviewer, ledger, run)) as events:
            async for event in events:
                if isinstance(event, Piece):
                    text += event.text
                else:
                    yield event
        it = answer_in(SaidTest, text, asked)
        claim = markdown.line(it.claim, 200)
        if not it.code.strip():
            yield Notice(f"No test was drafted: {claim or 'no reason was given'}")
            return
        reason = _unfit(it.code)
        if not reason:
            path = _free(workspace, folder, it.name or finding.rule, suffix)
            yield DraftedTest(path, it.code.strip("\n") + "\n", claim or finding.message, _exception(it.fails_with))
            return
        yield Notice(f"The drafted test was refused: {reason}.")
        said = f"{_described(finding)}\n\nAn earlier try was refused, because {reason}."


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


def _exception(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][\w.]{0,80}", name) else "AssertionError"


def _unfit(code: str) -> str:
    """Why a drafted file is not offered, "" when it is."""
    if len(code) > MAX_REPLACEMENT or MISLEADING.search(code):
        return "it is too long, or holds characters that are not what they seem"
    tried = new_test_receipt(code)
    return tried.reason if isinstance(tried, Rejection) else ""


def _habits(workspace: Workspace, path: str) -> tuple[str, bool, str]:
    """(folder for tests of the file, whether their names end with `_test`, the beginning of the nearest one as an example)."""
    tests = [it for it in workspace.project.paths if is_test(it) and re.search(r"(^|/)test_[^/]*$|_test\.py$", it)]
    if not tests:
        return "tests", False, "There are none yet."

    def nearness(folder: str) -> tuple[int, int]:
        shared = len([1 for one, other in zip(f"{folder}/".split("/"), path.split("/"), strict=False) if one == other])
        return shared, sum(posixpath.dirname(it) == folder for it in tests)

    folder = max(sorted({posixpath.dirname(it) for it in tests}), key=nearness)
    names = [it for it in tests if posixpath.dirname(it) == folder]
    stem = posixpath.basename(path).removesuffix(".py")
    nearest = max(sorted(names), key=lambda it: stem in it)
    shown = texts_of(workspace, [nearest]).get(nearest, "").split("\n")[:_SAMPLE_LINES]
    suffix = sum(it.endswith("_test.py") for it in names) > len(names) / 2
    return folder or ".", suffix, f"{shown_path(nearest)} begins:\n\n" + "\n".join(shown) if shown else ""


def _free(workspace: Workspace, folder: str, name: str, suffix: bool) -> str:
    """The path of a file that is not there yet."""
    words = kebab(name.removesuffix(".py")).replace("-", "_").removeprefix("test_").removesuffix("_test") or "finding"
    taken = set(workspace.project.paths) | workspace.documents.keys()
    for number in itertools.count(1):
        stem = words if number == 1 else f"{words}_{number}"
        path = posixpath.normpath(posixpath.join(folder, f"{stem}_test.py" if suffix else f"test_{stem}.py"))
        if path not in taken and not (workspace.root / path).exists():
            return path
    raise AssertionError("numbers do not end")


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
