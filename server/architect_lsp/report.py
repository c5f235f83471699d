"""What was found, as text for people and as JSON for programs: pure functions of a `Report`. SARIF has its own module.

Lines and columns that leave here count from 1, columns in code points. Source text, messages and file names are data: what a
terminal would obey is shown as an escape. Order: projects as they were named, files by path, findings by place.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from architect_lsp import __version__
from architect_lsp.engine import Broken, Checked, Skipped
from architect_lsp.model import Edit, Finding, Fix, Severity, Span
from architect_lsp.text import Lines

_FRAME_LINES = 4
"""Source lines one finding shows; of a longer span the first ones."""
_FRAME_WIDTH = 160
"""Code points of one source line that are shown; of a longer line a window around the finding."""
_NAMED = 10
"""Skipped files the text report names; JSON and SARIF name them all."""

_STYLES = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;36m",
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "green": "\x1b[32m",
}


class Section(Struct, frozen=True):
    """One project's share of a run. `lines` holds the text of every file that has findings, by path."""

    root: Path
    checked: tuple[Checked, ...]
    skipped: tuple[Skipped, ...]
    lines: Mapping[str, Lines]

    @property
    def broken(self) -> tuple[Broken, ...]:
        """The rules that raised, each named once a file; a rule that reads the whole project has no file."""
        return tuple(dict.fromkeys(it for checked in self.checked for it in checked.broken))


class Report(Struct, frozen=True):
    """One run of the command line. `here` is the folder that shown paths are relative to, where they lie inside it."""

    here: Path
    sections: tuple[Section, ...]
    fixed: Mapping[str, int] = field(default_factory=dict)  # shown path -> findings whose safe fix was applied
    by: str = "rules only"  # who looked, in the summary's words

    @property
    def n_findings(self) -> int:
        """How many findings there are in all."""
        return sum(len(it.findings) for section in self.sections for it in section.checked)

    @property
    def n_checked(self) -> int:
        """How many files were looked at."""
        return sum(len(it.checked) for it in self.sections)

    def shown(self, section: Section, path: str) -> str:
        """A path of the section's project as a person in `here` would write it."""
        return shown_path(self.here, section.root / path)


def shown_path(here: Path, path: Path) -> str:
    """`path` relative to `here` where it lies inside, else absolute; `/` between its parts, "." for `here` itself."""
    try:
        return path.relative_to(here).as_posix()
    except ValueError:
        return path.as_posix()


def as_text(report: Report, *, colour: bool = False) -> str:
    """Code frames and a summary, each line ended."""
    paint = _Paint(colour)
    blocks = []
    for section in report.sections:
        for checked in section.checked:
            blocks += [_frame(report, section, it, paint) for it in checked.findings]
    return "".join(f"{it}\n\n" for it in blocks) + "\n".join(summary(report)) + "\n"


def summary(report: Report) -> Iterator[str]:
    """What was looked at, found, fixed and left out; at least one line."""
    if report.fixed:
        yield f"Fixed {_count(sum(report.fixed.values()), 'finding')} in {_count(len(report.fixed), 'file')}."
    findings = _count(report.n_findings, "finding") if report.n_findings else "No findings"
    weights = [it.severity.value for section in report.sections for checked in section.checked for it in checked.findings]
    parts = [_count(weights.count(it.value), it.value) for it in Severity if it.value in weights]
    by_weight = f" ({', '.join(parts)})" if parts else ""
    skipped = [(report.shown(section, it.path), it.reason) for section in report.sections for it in section.skipped]
    tail = f"; {_count(len(skipped), 'file')} skipped:" if skipped else "."
    yield f"{findings}{by_weight} in {_count(report.n_checked, 'file')} ({report.by}){tail}"
    for path, reason in skipped[:_NAMED]:
        yield f"  {printable(path)} {printable(reason)}"
    if len(skipped) > _NAMED:
        yield f"  and {len(skipped) - _NAMED:,} more; `--format json` names them all"
    for section in report.sections:
        for it in section.checked:
            if it.unread:
                path = printable(report.shown(section, it.path))
                yield f"{path}: {_count(it.unread, 'line')} could not be parsed and went unchecked."
        for fault in section.broken:
            where = printable(report.shown(section, fault.path)) if fault.path else "the project"
            yield f"Rule {fault.rule} failed on {where} and was left out there: {printable(fault.error)}"


def as_json(report: Report) -> str:
    """One object, ASCII only; `path` is relative to the project's root, `root` says which project."""
    document = {
        "version": __version__,
        "checked": report.n_checked,
        "findings": [
            _finding(report, section, it) for section in report.sections for checked in section.checked for it in checked.findings
        ],
        "fixed": [{"path": path, "findings": count} for path, count in report.fixed.items()],
        "skipped": [
            {"root": shown_path(report.here, section.root), "path": it.path, "reason": it.reason}
            for section in report.sections
            for it in section.skipped
        ],
        "unread": [
            {"root": shown_path(report.here, section.root), "path": it.path, "lines": it.unread}
            for section in report.sections
            for it in section.checked
            if it.unread
        ],
        "broken": [
            {"rule": it.rule, "root": shown_path(report.here, section.root), "path": it.path, "error": it.error}
            for section in report.sections
            for it in section.broken
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def printable(text: str) -> str:
    """The text with everything that is not printable, line breaks included, as an escape: safe on any terminal."""
    if text.isprintable():
        return text
    return "".join(it if it.isprintable() or it == "\t" else _escape(it) for it in text)


class _Paint:
    """Colours, or nothing."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, text: str, style: str) -> str:
        return f"{_STYLES[style]}{text}\x1b[0m" if self.colour and text else text


def _frame(report: Report, section: Section, finding: Finding, paint: _Paint) -> str:
    lines = section.lines[finding.path]
    line, column = lines.position(finding.span.start, "utf-32")
    where = f"{printable(report.shown(section, finding.path))}:{line + 1}:{column + 1}"
    severity = finding.severity.value
    head = f"{paint(where, 'bold')}: {paint(f'{severity}[{finding.rule}]', severity)} {printable(finding.message)}"
    out = [head]
    rows = list(_rows(lines, finding.span))
    margin = len(rows[-1][0]) if rows else 1
    out.append(paint(f"{'':>{margin}} |", "dim"))
    for number, source, marks in rows:
        out.append(f"{paint(f'{number:>{margin}} |', 'dim')} {source}".rstrip())
        out.append(f"{paint(f'{chr(32):>{margin}} |', 'dim')} {paint(marks, severity)}")
    for step in finding.evidence:
        place = step.place
        at = f"{printable(report.shown(section, place.path))}:{place.line + 1}:{place.column + 1}"
        out.append(f"{'':>{margin}}   {paint('->', 'dim')} {at}: {printable(step.message)}")
    if finding.parts.instead:
        out.append(f"{'':>{margin}} {paint('=', 'dim')} {paint('instead', 'bold')}: {_paragraph(finding.parts.instead)}")
    for fix in finding.fixes:
        kind = "safe fix" if fix.safe else "fix"
        out.append(f"{'':>{margin}} {paint('=', 'dim')} {paint(kind, 'green')}: {printable(fix.title)}")
    return "\n".join(out)


def _rows(lines: Lines, span: Span) -> Iterator[tuple[str, str, str]]:
    """(line number, source, carets below it) of the first lines of a span, cells counted as a terminal draws them."""
    first, last = lines.line_of(span.start), lines.line_of(max(span.start, span.end - 1))
    for line in range(first, min(last + 1, first + _FRAME_LINES)):
        start, end = lines.bounds(line)
        text = lines.text[start:end]
        low = max(span.start, start) - start
        high = max(min(span.end, end) - start, low + 1)
        if line > first:  # the indentation of a following line is not part of what is meant
            low = len(text) - len(text.lstrip())
        if low >= high:
            continue
        crop = max(0, low - _FRAME_WIDTH // 3) if len(text) > _FRAME_WIDTH else 0
        window = text[crop : crop + _FRAME_WIDTH]
        before, marked = text[crop:low], text[low : min(high, crop + _FRAME_WIDTH)]
        lead, tail = ("..." if crop else ""), ("..." if crop + _FRAME_WIDTH < len(text) else "")
        pad = " " * len(lead) + "".join("\t" if it == "\t" else " " * _cells(it) for it in before)
        marks = "^" * max(1, sum(_cells(it) for it in marked))
        yield str(line + 1), f"{lead}{printable(window)}{tail}", pad + marks


def _cells(character: str) -> int:
    """How many cells a character takes on a terminal, as `printable` writes it."""
    if not character.isprintable() and character != "\t":
        return len(_escape(character))
    if unicodedata.combining(character) or character in "\ufe0e\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _paragraph(text: str) -> str:
    """The first paragraph as one line; code blocks stay on the rule's page."""
    return printable(" ".join(re.split(r"\n\s*\n", text.strip(), maxsplit=1)[0].split()))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _finding(report: Report, section: Section, finding: Finding) -> dict[str, Any]:
    lines = section.lines[finding.path]
    return {
        "rule": finding.rule,
        "domain": finding.domain.value,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "root": shown_path(report.here, section.root),
        "path": finding.path,
        **_region(lines, finding.span),
        "message": finding.message,
        "symbol": finding.symbol,
        "fingerprint": finding.fingerprint,
        "evidence": [
            {"path": it.place.path, "line": it.place.line + 1, "column": it.place.column + 1, "message": it.message}
            for it in finding.evidence
        ],
        "fixes": [_fix(section, finding, it) for it in finding.fixes],
        "cwe": finding.cwe,
        "provenance": {"kind": finding.provenance.kind, "version": finding.provenance.version},
    }


def _fix(section: Section, finding: Finding, fix: Fix) -> dict[str, Any]:
    return {"title": fix.title, "safe": fix.safe, "edits": [_edit(section, finding, it) for it in fix.edits]}


def _edit(section: Section, finding: Finding, edit: Edit) -> dict[str, Any]:
    path = edit.path or finding.path
    region = _region(section.lines[path], edit.span) if path in section.lines else {}
    return {"path": path, **region, "text": edit.text}


def _region(lines: Lines, span: Span) -> dict[str, int]:
    line, column = lines.position(span.start, "utf-32")
    end_line, end_column = lines.position(span.end, "utf-32")
    return {"line": line + 1, "column": column + 1, "end_line": end_line + 1, "end_column": end_column + 1}
