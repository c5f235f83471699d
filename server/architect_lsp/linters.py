"""What other linters of a project say already: their configuration, and the comments that answer them. Ours stay quiet there.

Read once for each root: ruff, flake8, pylint and bandit, wherever they keep their settings. An unreadable file counts as none.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from architect_lsp.model import Finding
from architect_lsp.patterns import regex
from architect_lsp.text import Lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_BANDIT = regex(r"B[1-7]\d\d")
_PYLINT = regex(r"[CEFRW]\d{4}")
_PYLINT_NAMES = {
    "W0702": "bare-except",
    "W0718": "broad-exception-caught",
    "W3101": "missing-timeout",
    "E1205": "logging-too-many-args",
    "E1206": "logging-too-few-args",
}
_NOQA = regex(r"#\s*noqa(?P<codes>:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?", re.IGNORECASE)
_NOSEC = regex(r"#\s*nosec\b:?\s*(?P<codes>B\d{3}(?:[,\s]+B\d{3})*)?")
_DISABLE = regex(r"#\s*pylint:\s*disable=(?P<names>[\w,\s-]+)")


class Linters(Struct, frozen=True):
    """What they are set to report: codes' beginnings for ruff and flake8; what is off in pylint and bandit, None where unused."""

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    pylint_off: frozenset[str] | None = None
    bandit_off: frozenset[str] | None = None

    def reports(self, code: str) -> bool:
        """Whether one of them reports findings of this code."""
        if _BANDIT.fullmatch(code):
            return self.bandit_off is not None and code not in self.bandit_off
        if _PYLINT.fullmatch(code):
            return self.pylint_off is not None and not {code, _PYLINT_NAMES.get(code, code)} & self.pylint_off
        chosen = max((len(it) for it in self.select if code.startswith(it)), default=-1)
        chosen = max(chosen, 0 if "ALL" in self.select else -1)
        return chosen > max((len(it) for it in self.ignore if code.startswith(it)), default=-1)

    def report_any(self, codes: Iterable[str]) -> bool:
        """Whether one of them reports findings of one of these codes."""
        return any(self.reports(it) for it in codes)


class Others(Struct, frozen=True):
    """The other linters of a project, and which of their codes say what a rule says, by its name."""

    linters: Linters
    codes: Mapping[str, Sequence[str]]

    def say(self, finding: Finding, lines: Lines) -> bool:
        """Whether one of them says the same of this text, or was answered: a finding that needs other files is always ours."""
        codes = self.codes.get(finding.rule, ())
        if not codes or finding.evidence:
            return False
        ends = {lines.line_of(finding.span.start), lines.line_of(max(finding.span.start, finding.span.end - 1))}
        texts = (lines.text[slice(*lines.bounds(it))] for it in ends)
        return self.linters.report_any(codes) or any(answered(it, codes) for it in texts)


def linters(root: Path) -> Linters:
    """What the linters of a project report. Effect: reads their files in the root."""
    project = _toml(root / "pyproject.toml").get("tool", {})
    project = project if isinstance(project, dict) else {}
    tables = [project.get("ruff", {}), _toml(root / "ruff.toml"), _toml(root / ".ruff.toml")]
    select: set[str] = set()
    ignore: set[str] = set()
    for table in [it for it in tables if isinstance(it, dict)]:
        for settings in (table, table.get("lint", {})):
            if isinstance(settings, dict):
                select |= _words(settings.get("select")) | _words(settings.get("extend-select"))
                ignore |= _words(settings.get("ignore")) | _words(settings.get("extend-ignore"))
    pylint_off: set[str] | None = None
    if isinstance(project.get("pylint"), dict):
        pylint_off = _disabled(project["pylint"])
    for name in (".flake8", "setup.cfg", "tox.ini", ".pylintrc", "pylintrc"):
        sections = _ini(root / name)
        flake8 = sections.get("flake8", {})
        select |= _words(flake8.get("select")) | _words(flake8.get("extend-select"))
        ignore |= _words(flake8.get("ignore")) | _words(flake8.get("extend-ignore"))
        if name.endswith("pylintrc") and sections:
            pylint_off = (pylint_off or set()) | {it for row in sections.values() for it in _words(row.get("disable"))}
    bandit = project.get("bandit")
    bandit_off = _words(bandit.get("skips")) if isinstance(bandit, dict) else None
    if bandit_off is None and (root / ".bandit").is_file():
        bandit_off = _words(_ini(root / ".bandit").get("bandit", {}).get("skips"))
    off = None if pylint_off is None else frozenset(pylint_off)
    return Linters(frozenset(select), frozenset(ignore), off, None if bandit_off is None else frozenset(bandit_off))


def answered(line: str, codes: Iterable[str]) -> bool:
    """Whether a comment on the line answers another linter about one of these codes: `noqa`, `nosec`, `pylint: disable`."""
    known = set(codes)
    if "#" not in line or not known:
        return False
    noqa = _NOQA.search(line)
    if noqa and (not noqa["codes"] or known & set(re.findall(r"[A-Z]+\d+", noqa["codes"].upper()))):
        return True
    nosec = _NOSEC.search(line)
    if nosec and any(_BANDIT.fullmatch(it) for it in known):
        return not nosec["codes"] or bool(known & set(re.findall(r"B\d{3}", nosec["codes"])))
    disable = _DISABLE.search(line)
    names = set(re.findall(r"[\w-]+", disable["names"])) if disable else set()
    return bool(names & (known | {_PYLINT_NAMES[it] for it in known if it in _PYLINT_NAMES}))


def _toml(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document


def _ini(path: Path) -> Mapping[str, Mapping[str, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return {}
    import configparser  # slow to import, and most projects have none

    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _disabled(table: Mapping[str, Any]) -> set[str]:
    found = _words(table.get("disable"))
    for it in table.values():
        if isinstance(it, dict):
            found |= _words(it.get("disable"))
    return found


def _words(value: object) -> set[str]:
    if isinstance(value, str):
        return set(re.findall(r"[\w-]+", re.sub(r"(?m)#.*$", "", value)))
    return {it for it in value if isinstance(it, str)} if isinstance(value, list) else set()
