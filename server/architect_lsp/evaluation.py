"""How good a reviewer is: a suite of labelled cases, what it finds in them, and the figures that come of it.

A suite is a folder of Markdown files. A case begins with a heading of the second level; a line `rows: A2 D4` names the duties it
is about; code stands in fences whose first line names the file: ```` ```python app/main.py ````. `[|` and `|]` mark what must be
found; a case without marks is clean, and whatever is found in it is a false alarm. A mark counts as found by a finding that
shares a line with it; several findings of one mark count once.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from architect_lsp.engine import Document, Receipt, Workspace
from architect_lsp.inquiry import inquire
from architect_lsp.model import Finding, Span
from architect_lsp.patterns import regex
from architect_lsp.review.agents import Agent
from architect_lsp.review.ledger import Ledger
from architect_lsp.review.reviewing import Receipt as Sent
from architect_lsp.review.reviewing import Reviewer, ReviewError
from architect_lsp.settings import Settings

_CASE = regex(r"^## (?P<title>.+)$", re.MULTILINE)
_ROWS = regex(r"^rows: (?P<rows>[A-Z]\d(?: [A-Z]\d)*)$", re.MULTILINE)
_FILE = regex(r"^```python (?P<path>\S+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_MARKS = regex(r"\[\||\|\]")


class SuiteError(Exception):
    """A suite that can't be read; its text says where and what to do."""


class Case(Struct, frozen=True):
    """One labelled example. `marks` are spans in the files' texts, by path."""

    title: str
    rows: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    marks: tuple[tuple[str, Span], ...]
    source: str  # the suite's file, relative to the suite

    @property
    def clean(self) -> bool:
        """Whether nothing must be found in it."""
        return not self.marks


@dataclass(slots=True)
class Outcome:
    """What one reviewer made of one case. Times are in seconds from its start; None where nothing was found or sent."""

    case: Case
    found: list[Finding] = field(default_factory=list)
    n_marks_found: int = 0
    n_exact: int = 0
    n_false: int = 0
    n_fixes: int = 0
    n_proven: int = 0
    tokens: int = 0
    usd: float = 0.0
    first_s: float | None = None
    error: str = ""


class Score(Struct, frozen=True):
    """The figures of a run. Shares are from 0 to 1, None where there is nothing to divide by."""

    cases: int
    clean: int
    clean_kept: int  # clean cases in which nothing was found
    marks: int
    true: int
    false: int
    precision: float | None
    recall: float | None
    f1: float | None
    location: float | None  # of the marks found: those whose first line is the finding's
    fixes_proven: float | None  # of the fixes made: those with a receipt
    tokens: int
    usd: float
    first_s: float | None  # median of the cases in which something was found
    failed: int


class Review(Protocol):
    """Findings of every file of a workspace, as they come, with receipts of what was sent."""

    def __call__(self, workspace: Workspace) -> AsyncGenerator[Finding | Sent, None]:
        """Review all open documents."""
        ...


async def by_rules(workspace: Workspace) -> AsyncGenerator[Finding | Sent, None]:
    """What the rules find."""
    for document in workspace.documents.values():
        for it in workspace.check(document).findings:
            yield it


def by_model(agent: Agent, reviewer: Reviewer, ledger: Ledger) -> Review:
    """What a model finds, through the whole road of a review."""

    async def review(workspace: Workspace) -> AsyncGenerator[Finding | Sent, None]:
        for document in list(workspace.documents.values()):
            span = Span(0, len(document.text))
            async with aclosing(inquire(workspace, document, span, agent, reviewer, ledger)) as events:
                async for it in events:
                    if isinstance(it, Finding | Sent):
                        yield it

    return review


def both(first: Review, second: Review) -> Review:
    """What either finds."""

    async def review(workspace: Workspace) -> AsyncGenerator[Finding | Sent, None]:
        for it in (first, second):
            async with aclosing(it(workspace)) as events:
                async for event in events:
                    yield event

    return review


def suite(folder: Path) -> list[Case]:
    """Every case of a suite, by file; its README.md is none. Raises SuiteError when one can't be read. Effect: reads the disk."""
    if not folder.is_dir():
        raise SuiteError(f"there is no folder `{folder}`: name one with cases in Markdown.")
    pages = sorted(it for it in folder.rglob("*.md") if it.name != "README.md")
    found = [case for path in pages for case in cases(path.read_text(encoding="utf-8"), path.name)]
    if not found:
        raise SuiteError(f"`{folder}` holds no case: a case begins with `## Title` and has a fence ```python path/of/file.py.")
    return found


def cases(text: str, source: str) -> Iterator[Case]:
    """The cases of one Markdown text. Raises SuiteError."""
    pieces = _CASE.split(text)
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        rows = _ROWS.search(body)
        files: list[tuple[str, str]] = []
        marks: list[tuple[str, Span]] = []
        for match in _FILE.finditer(body):
            code, spans = _unmarked(match["code"], f"{source}: {title}")
            files.append((match["path"], code))
            marks += ((match["path"], it) for it in spans)
        if not files:
            raise SuiteError(f"{source}: `{title}` has no code: write it in a fence that begins with ```python path/of/file.py.")
        if rows is None:
            raise SuiteError(f"{source}: `{title}` names no duties: add a line such as `rows: A2 D4`.")
        yield Case(title.strip(), tuple(rows["rows"].split()), tuple(files), tuple(marks), source)


async def outcome(case: Case, review: Review, settings: Settings) -> Outcome:
    """What a reviewer makes of a case, and how that compares with its marks."""
    workspace = Workspace(Path("/case"), settings)
    for path, code in case.files:
        workspace.open(path, code, 1)
    result = Outcome(case)
    began = time.perf_counter()
    try:
        async with aclosing(review(workspace)) as events:
            async for it in events:
                if isinstance(it, Sent):
                    result.tokens += it.input_tokens + it.output_tokens
                    result.usd += it.cost_usd or 0.0
                    continue
                result.first_s = time.perf_counter() - began if result.first_s is None else result.first_s
                result.found.append(it)
    except ReviewError as error:
        result.error = str(error)
    _compare(workspace, result)
    return result


def score(outcomes: Sequence[Outcome]) -> Score:
    """The figures of a run."""
    clean = [it for it in outcomes if it.case.clean]
    marks = sum(len(it.case.marks) for it in outcomes)
    true, false = sum(it.n_marks_found for it in outcomes), sum(it.n_false for it in outcomes)
    precision, recall = _share(true, true + false), _share(true, marks)
    firsts = sorted(it.first_s for it in outcomes if it.first_s is not None)
    return Score(
        cases=len(outcomes),
        clean=len(clean),
        clean_kept=sum(not it.found for it in clean),
        marks=marks,
        true=true,
        false=false,
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision and recall else None,
        location=_share(sum(it.n_exact for it in outcomes), true),
        fixes_proven=_share(sum(it.n_proven for it in outcomes), sum(it.n_fixes for it in outcomes)),
        tokens=sum(it.tokens for it in outcomes),
        usd=sum(it.usd for it in outcomes),
        first_s=firsts[len(firsts) // 2] if firsts else None,
        failed=sum(bool(it.error) for it in outcomes),
    )


def by_row(outcomes: Sequence[Outcome]) -> dict[str, Score]:
    """The figures of each duty's cases, by its id."""
    rows = sorted({row for it in outcomes for row in it.case.rows})
    return {row: score([it for it in outcomes if row in it.case.rows]) for row in rows}


def as_dict(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The run as JSON would hold it."""
    return {
        "score": asdict(score(outcomes)),
        "rows": {row: asdict(it) for row, it in by_row(outcomes).items()},
        "cases": [
            {
                "case": it.case.title,
                "file": it.case.source,
                "rows": list(it.case.rows),
                "marks": len(it.case.marks),
                "found": it.n_marks_found,
                "false": it.n_false,
                "findings": [f"{each.path}: {each.rule}: {each.message}" for each in it.found],
                "error": it.error,
            }
            for it in outcomes
        ],
    }


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """The figures as a table: all, then each duty."""
    lines = [
        "| duty | cases | marks | found | false | precision | recall | F1 | right line | clean kept | fixes proven |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, it in (("all", score(outcomes)), *by_row(outcomes).items()):
        shares = " | ".join("" if value is None else f"{value:.0%}" for value in (it.precision, it.recall, it.f1, it.location))
        proven = "" if it.fixes_proven is None else f"{it.fixes_proven:.0%}"
        lines.append(
            f"| {name} | {it.cases} | {it.marks} | {it.true} | {it.false} | {shares} | {it.clean_kept} of {it.clean} | {proven} |"
        )
    return "\n".join(lines) + "\n"


def _unmarked(code: str, where: str) -> tuple[str, list[Span]]:
    """The code without its marks, and the spans they stood around."""
    text, spans, starts = "", [], []
    at = 0
    for match in _MARKS.finditer(code):
        text += code[at : match.start()]
        at = match.end()
        if match.group() == "[|":
            starts.append(len(text))
        elif starts:
            spans.append(Span(starts.pop(), len(text)))
        else:
            raise SuiteError(f"{where}: a `|]` closes nothing.")
    if starts:
        raise SuiteError(f"{where}: a `[|` is not closed.")
    return text + code[at:], sorted(spans)


def _compare(workspace: Workspace, result: Outcome) -> None:
    marks = [(path, _lines(workspace.documents[path], span)) for path, span in result.case.marks]
    met: set[int] = set()
    exact: set[int] = set()
    for it in result.found:
        document = workspace.documents[it.path]
        first, last = _lines(document, it.span)
        near = [index for index, (path, (begin, end)) in enumerate(marks) if path == it.path and first <= end and begin <= last]
        met |= set(near)
        exact |= {index for index in near if marks[index][1][0] == first}
        result.n_false += not near
        for fix in it.fixes:
            result.n_fixes += 1
            result.n_proven += isinstance(workspace.try_fix(document, it, fix), Receipt)
    result.n_marks_found, result.n_exact = len(met), len(exact)


def _lines(document: Document, span: Span) -> tuple[int, int]:
    return document.lines.line_of(span.start), document.lines.line_of(max(span.start, span.end - 1))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
