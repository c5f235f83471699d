"""From what a rule found to a finding: spans in the file, evidence where it stands now, fixes as edits with their imports."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp import __version__
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.foreign import AgentFile, Foreign, OpenApiFile, SdlFile, document_of
from architect_lsp.knowledge.history import Base, kept_of
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Edit, Finding, Fix, Place, Provenance, Related, Span
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Draft, FileHit, FileView, Hit, OpenApiView, ProjectHit, Rule, SdlView, View
from architect_lsp.rules.runner import Broken, file_hits, openapi_hits, sdl_hits, unit_hits
from architect_lsp.syntax.languages import PYTHON, SCHEMAS, language_of
from architect_lsp.syntax.units import Unit

_WHOLE = -1
"""Stands for the number of a unit where something was found by a look at the whole project."""
_NAME = regex(r"[\w.]+")
HitT = TypeVar("HitT", Hit, ProjectHit)


class Checked(Struct, frozen=True):
    """The rules' answer for one file. `unread` counts lines that do not parse, so a clean result says what it is worth."""

    path: str
    version: int | None
    findings: tuple[Finding, ...]
    broken: tuple[Broken, ...] = ()
    unread: int = 0
    complete: bool = True  # whether all units were looked at


def unit_findings(
    document: Document, project: Project, rules: Sequence[Rule], kept: Callable[[Finding], bool], until_s: float | None = None
) -> tuple[list[Finding], list[Broken], bool]:
    """(what the rules find in the units and is `kept`, what failed, whether all units were looked at).

    Units that nobody looked at yet wait for another time once `time.perf_counter()` says `until_s`; one is always looked at.
    """
    found: list[Finding] = []
    broken: list[Broken] = []
    complete, looked = True, False
    conclusions, generation = project.conclusions, project.generation
    for index, (unit, piece) in enumerate(zip(document.units, document.pieces, strict=True)):
        if piece.reading is None:
            continue
        if piece.generation != generation:
            if until_s is not None and looked and piece.generation < 0 and time.perf_counter() > until_s:
                complete = False
                continue
            changed = conclusions.since(piece.generation)
            if changed is None or not changed.isdisjoint(piece.asked):
                view = View(document.path, piece.reading, project)
                (piece.hits, piece.broken), piece.asked = conclusions.watched(unit_hits, view, rules)
            piece.generation, looked = generation, True
        broken += piece.broken or ()
        if piece.hits:
            make = partial(unit_finding, project, document, unit, piece.reading)
            found += _once(project, document, index, piece.hits, make, kept)
    return found, broken, complete


def project_findings(
    document: Document, project: Project, hits: Sequence[tuple[Rule, ProjectHit]], kept: Callable[[Finding], bool]
) -> Sequence[Finding]:
    """What rules of the whole project found in a document, as far as it is `kept`."""
    return _once(project, document, _WHOLE, hits, partial(project_finding, project, document), kept) if hits else ()


def _once(
    project: Project,
    document: Document,
    index: int,
    hits: Sequence[tuple[Rule, HitT]],
    make: Callable[[Rule, HitT], Finding],
    kept: Callable[[Finding], bool],
) -> Sequence[Finding]:
    """The findings of hits, made once while nothing moves that they are shown with."""
    known = document.made.get(index)
    if known is not None and known[0] == hits and all(project.said(path) is said for path, said in known[2]):
        made: Sequence[Finding] = known[1]
        return made
    made = [it for it in (make(rule, hit) for rule, hit in hits) if kept(it)]
    paths = {document.path} if index == _WHOLE else set()
    paths.update(step.place.path for it in made for step in it.evidence)
    document.made[index] = hits, made, [(it, project.said(it)) for it in paths]
    return made


def unit_finding(project: Project, document: Document, unit: Unit, reading: Reading, rule: Rule, hit: Hit) -> Finding:
    """The finding of a hit in one unit."""
    span = document.span(unit, _shown(reading, hit.node))
    symbol = reading.qualname(hit.node)
    finding = _made(project, document, rule, span, hit.message, hit.evidence, symbol)
    fixes = tuple(_fix(document, unit, reading, it) for it in hit.fixes)
    return replace(finding, fixes=fixes, severity=hit.severity or rule.severity)


def project_finding(project: Project, document: Document, rule: Rule, hit: ProjectHit) -> Finding:
    """The finding of a hit of a rule that reads the whole project."""
    place = project.place(hit.at)
    span = Span(document.offset(place.line, place.column), document.offset(place.end_line, place.end_column))
    if span.start == span.end:  # a call of which the place alone is known: its name
        name = _NAME.match(document.text, span.start)
        span = Span(span.start, name.end() if name is not None else span.end)
    if hit.at.kind in ("def", "class"):
        span = Span(span.start, document.lines.bounds(place.line)[1])
    return _made(project, document, rule, span, hit.message, hit.evidence, hit.at.qualname)


def file_findings(
    document: Foreign, others: Mapping[str, AgentFile], base: Base | None, rules: Sequence[Rule]
) -> tuple[list[Finding], tuple[Broken, ...]]:
    """What the rules find in a file that is not Python, in the order of its text.

    `others` are all agent files by their paths, `base` is what the project is compared with.
    """
    if isinstance(document, AgentFile):
        return _of_agent_file(document, others, rules)
    at = partial(base.place, document.path) if base is not None else None
    kept = base.kept if base is not None else frozenset()
    if isinstance(document, OpenApiFile):
        before = base.api(document.path) if base is not None else None
        if document.api.version or before is not None:
            hits, broken = openapi_hits(OpenApiView(document.path, document.api, before, at, kept), rules)
            return _of_file(document, hits), tuple(broken)
    if isinstance(document, SdlFile):
        was = base.sdl(document.path) if base is not None else None
        hits, broken = sdl_hits(SdlView(document.path, document.schema, was, at, kept), rules)
        return _of_file(document, hits), tuple(broken)
    return [], ()


def gone(
    project: Project,
    base: Base | None,
    names: Iterable[str],
    load: Callable[[str], object],
    near: Iterable[str],
    rules: Sequence[Rule],
) -> Iterator[Checked]:
    """What clients lost with each schema that the base had and that is no more, in folders of files `near`.

    `names` are the files of now, which may promise it in its place; none is loaded unless something has gone.
    """
    if base is None or not base.schemas:
        return
    around, rows = list(near), [load(it) for it in names if language_of(it) in SCHEMAS]
    apis = [it.api for it in rows if isinstance(it, OpenApiFile)]
    base.kept = kept_of(project, apis, [it.schema for it in rows if isinstance(it, SdlFile)])
    for name in base.schemas:
        document = document_of(name, "", None, language_of(name) or PYTHON)
        if isinstance(document, Foreign) and any(it.startswith(name[: name.rfind("/") + 1]) for it in around):
            found, broken = file_findings(document, {}, base, rules)
            if found or broken:
                yield Checked(name, None, tuple(found), broken)


def _of_agent_file(
    document: AgentFile, others: Mapping[str, AgentFile], rules: Sequence[Rule]
) -> tuple[list[Finding], tuple[Broken, ...]]:
    names: dict[str, list[AgentFile]] = {}
    for _, it in sorted({**others, document.path: document}.items()):
        names.setdefault(it.front.text("name"), []).append(it)
    hits, broken = file_hits(FileView(document, names), rules)
    return _of_file(document, hits, document.front.text("name")), tuple(broken)


def _of_file(document: Document, hits: Sequence[tuple[Rule, FileHit]], symbol: str = "") -> list[Finding]:
    found = [
        replace(_about(document, rule, it.span, it.message, it.symbol or symbol), fixes=it.fixes, evidence=it.evidence)
        for rule, it in hits
    ]
    return sorted(found, key=lambda it: (it.span, it.rule))


def _made(
    project: Project,
    document: Document,
    rule: Rule,
    span: Span,
    message: str,
    evidence: Sequence[tuple[Ref | Place, str]],
    symbol: str,
) -> Finding:
    evidenced = tuple(Related(it if isinstance(it, Place) else project.place(it), text) for it, text in evidence)
    return replace(_about(document, rule, span, message, symbol), evidence=evidenced)


def _about(document: Document, rule: Rule, span: Span, message: str, symbol: str) -> Finding:
    return Finding(
        rule=rule.name,
        domain=rule.domain,
        severity=rule.severity,
        confidence=rule.confidence,
        path=document.path,
        span=span,
        message=message,
        symbol=symbol,
        quote=document.text[span.start : span.end],
        parts=rule.parts,
        provenance=Provenance("rule", __version__),
        cwe=rule.cwe,
    )


def _fix(document: Document, unit: Unit, reading: Reading, draft: Draft) -> Fix:
    edits: list[Edit] = []
    for change in draft.changes:
        span = document.span(unit, reading.place(change.node))
        at = {"before": span.start, "after": span.end}.get(change.insert)
        text = change.text.replace("\n", document.newline)
        edits.append(Edit(span if at is None else Span(at, at), text))
    for name in draft.imports:
        edits += _import(document, name)
    return Fix(draft.title, tuple(edits), draft.safe)


def _shown(reading: Reading, node: ast.AST) -> Place:
    """What is underlined for a node: a statement with a body only up to the end of its header."""
    place = reading.place(node)
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and place.end_line > place.line:
        line = reading.parsed.lines[place.line].split("#")[0].rstrip()
        return Place("", place.line, place.column, place.line, max(len(line), place.column + 1))
    return place


def _import(document: Document, name: str) -> list[Edit]:
    """The edit that imports a module (`asyncio`) or a name (`sqlalchemy.text`) at the top of the file; none if it is there."""
    index = next(number for number, it in enumerate(document.units) if it.kind == "module")  # the first section
    unit, reading = document.units[index], document.pieces[index].reading
    module, _, attribute = name.rpartition(".")
    line = f"from {module} import {attribute}" if module else f"import {name}"
    after: ast.stmt | None = None
    for it in reading.parsed.body if reading else ():
        if isinstance(it, ast.Import | ast.ImportFrom):
            bound = {(alias.asname or alias.name) for alias in it.names}
            if (module and isinstance(it, ast.ImportFrom) and it.module == module and attribute in bound) or (
                not module and isinstance(it, ast.Import) and name in bound
            ):
                return []
            if after is None or isinstance(after, ast.Expr) or _is_future(after) or _is_future(it):
                after = it
        elif isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant) and after is None:
            after = it
        else:
            break
    newline = document.newline
    if reading is None or after is None:
        return [Edit(Span(0, 0), f"{line}{newline}")]
    is_import = isinstance(after, ast.Import | ast.ImportFrom) and not _is_future(after)
    span = document.span(unit, reading.place(after))
    if is_import and not module:  # plain imports stand before `from` imports
        return [Edit(Span(span.start, span.start), f"{line}{newline}")]
    return [Edit(Span(span.end, span.end), f"{newline}{line}" if is_import else f"{newline}{newline}{line}")]


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
