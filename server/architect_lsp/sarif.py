"""A `Report` as SARIF 2.1.0, for code scanning services: one run, its rules taken from its results.

Uris are percent-encoded and relative to SRCROOT: the folder the command ran in when every project lies below it, as code scanning
services expect, else the folder that holds the projects. Source: OASIS SARIF 2.1.0, sections 3.4 (artifacts), 3.14 (run), 3.27
(result).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote

from architect_lsp import __version__
from architect_lsp.model import Confidence, Domain, Edit, Finding, Fix, Place, Severity, Span
from architect_lsp.report import Report, Section
from architect_lsp.rulebook import help_uri, page_markdown, page_text
from architect_lsp.rules.rule import Rule, all_rules
from architect_lsp.text import Lines

if TYPE_CHECKING:
    from typing_extensions import NotRequired

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SECURITY_SCORE = {Severity.ERROR: "8.0", Severity.WARNING: "5.5", Severity.NOTE: "2.0"}
"""`security-severity` as code scanning services grade it: high, medium, low."""


class Text(TypedDict):
    text: str
    markdown: NotRequired[str]


class ArtifactLocation(TypedDict):
    uri: str
    uriBaseId: NotRequired[str]


class Region(TypedDict):
    startLine: int
    startColumn: int
    endLine: int
    endColumn: int


class Location(TypedDict):
    physicalLocation: dict[str, ArtifactLocation | Region]
    id: NotRequired[int]
    message: NotRequired[Text]
    logicalLocations: NotRequired[list[dict[str, str]]]


class Result(TypedDict):
    ruleId: str
    ruleIndex: int
    level: str
    message: Text
    locations: list[Location]
    partialFingerprints: dict[str, str]
    relatedLocations: NotRequired[list[Location]]
    codeFlows: NotRequired[list[dict[str, Any]]]
    fixes: NotRequired[list[dict[str, Any]]]


class Descriptor(TypedDict):
    id: str
    shortDescription: Text
    fullDescription: Text
    help: Text
    helpUri: NotRequired[str]
    defaultConfiguration: dict[str, str]
    properties: dict[str, Any]


class Notification(TypedDict):
    level: str
    message: Text
    locations: NotRequired[list[dict[str, Any]]]
    associatedRule: NotRequired[dict[str, str]]


def as_sarif(report: Report) -> str:
    """The whole log, ASCII only."""
    base = _base(report)
    found = {it.rule for section in report.sections for checked in section.checked for it in checked.findings}
    rules = [it for it in all_rules() if it.name in found]
    index = {it.name: number for number, it in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "architect-lsp",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_descriptor(it) for it in rules],
            }
        },
        "originalUriBaseIds": {"SRCROOT": {"uri": f"{base.as_uri().rstrip('/')}/"}},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(report, base)}],
        "results": [
            _result(_Source(base, section), it, index[it.rule])
            for section in report.sections
            for checked in section.checked
            for it in checked.findings
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


class _Source:
    """Where a section's paths are, seen from SRCROOT."""

    def __init__(self, base: Path, section: Section) -> None:
        self._base = base
        self._section = section

    def lines(self, path: str) -> Lines | None:
        return self._section.lines.get(path)

    def artifact(self, path: str) -> ArtifactLocation:
        full = self._section.root / path
        try:
            inside = full.relative_to(self._base)
        except ValueError:
            return {"uri": full.as_uri()}
        return {"uri": quote(inside.as_posix().encode("utf-8", "surrogateescape")), "uriBaseId": "SRCROOT"}


def _base(report: Report) -> Path:
    roots = [it.root for it in report.sections]
    if all(it.is_relative_to(report.here) for it in roots):
        return report.here
    try:
        return Path(os.path.commonpath(roots))
    except ValueError:  # drives differ
        return roots[0]


def _descriptor(rule: Rule) -> Descriptor:
    tags = [rule.domain.value, *rule.equivalents]
    if rule.cwe:
        tags.append(f"external/cwe/cwe-{rule.cwe:03}")
    properties: dict[str, Any] = {
        "tags": tags,
        "precision": {Confidence.HIGH: "high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}[rule.confidence],
        "problem.severity": "recommendation" if rule.severity is Severity.NOTE else rule.severity.value,
    }
    if rule.domain is Domain.SECURITY:
        properties["security-severity"] = _SECURITY_SCORE[rule.severity]
    found: Descriptor = {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.parts.why or rule.title},
        "help": {"text": page_text(rule), "markdown": page_markdown(rule)},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": properties,
    }
    if help_uri(rule):
        found["helpUri"] = help_uri(rule)
    return found


def _result(source: _Source, finding: Finding, index: int) -> Result:
    location = _location(source, finding.path, _region(source.lines(finding.path), finding.span))
    if finding.symbol:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.symbol}]
    found: Result = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity.value,
        "message": {"text": finding.message},
        "locations": [location],
        "partialFingerprints": {"architect/v1": finding.fingerprint},
    }
    if finding.evidence:
        steps = [_location(source, it.place.path, _place_region(it.place), it.message) for it in finding.evidence]
        start = _location(source, finding.path, _region(source.lines(finding.path), finding.span), finding.message)
        found["codeFlows"] = [{"threadFlows": [{"locations": [{"location": it} for it in (start, *steps)]}]}]
        found["relatedLocations"] = [{**it, "id": number} for number, it in enumerate(steps, 1)]
    if finding.fixes:
        found["fixes"] = [_fix(source, finding, it) for it in finding.fixes]
    return found


def _fix(source: _Source, finding: Finding, fix: Fix) -> dict[str, Any]:
    by_path: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_path.setdefault(edit.path or finding.path, []).append(edit)
    changes = [
        {"artifactLocation": source.artifact(path), "replacements": _replacements(source, path, edits)}
        for path, edits in by_path.items()
    ]
    return {"description": {"text": fix.title}, "artifactChanges": changes}


def _replacements(source: _Source, path: str, edits: Sequence[Edit]) -> list[dict[str, Any]]:
    lines = source.lines(path)
    ordered = sorted(edits, key=lambda it: it.span)
    return [{"deletedRegion": _region(lines, it.span), "insertedContent": {"text": it.text}} for it in ordered]


def _location(source: _Source, path: str, region: Region, message: str = "") -> Location:
    found: Location = {"physicalLocation": {"artifactLocation": source.artifact(path), "region": region}}
    if message:
        found["message"] = {"text": message}
    return found


def _region(lines: Lines | None, span: Span) -> Region:
    if lines is None:
        return {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}
    (line, column), (end_line, end_column) = lines.position(span.start, "utf-32"), lines.position(span.end, "utf-32")
    return {"startLine": line + 1, "startColumn": column + 1, "endLine": end_line + 1, "endColumn": end_column + 1}


def _place_region(place: Place) -> Region:
    return {
        "startLine": place.line + 1,
        "startColumn": place.column + 1,
        "endLine": place.end_line + 1,
        "endColumn": place.end_column + 1,
    }


def _notifications(report: Report, base: Path) -> list[Notification]:
    found: list[Notification] = []
    for section in report.sections:
        source = _Source(base, section)
        said = [(it.path, f"{it.path} {it.reason}") for it in section.skipped]
        said += [(it.path, f"{it.unread} lines could not be parsed and were not checked") for it in section.checked if it.unread]
        for path, text in said:
            found.append({"level": "warning", "message": {"text": text}, "locations": [_whole(source, path)]})
        for fault in section.broken:
            notification: Notification = {
                "level": "error",
                "message": {"text": f"rule {fault.rule} failed: {fault.error}"},
                "associatedRule": {"id": fault.rule},
            }
            if fault.path:
                notification["locations"] = [_whole(source, fault.path)]
            found.append(notification)
    return found


def _whole(source: _Source, path: str) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": source.artifact(path)}}
