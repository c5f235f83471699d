"""The product as functions and one noun, `Workspace`: text goes in, findings, explanations and proven fixes come out.

Knows neither LSP nor exit codes. Reads the disk only in `scan` and `load`; never waits for a model except in `review`.
"""

from __future__ import annotations

import ast
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from architect_lsp import __version__
from architect_lsp.dismissals import dismissal, dismissed
from architect_lsp.fixes import Receipt, Rejection, receipt, together
from architect_lsp.knowledge.facts import Facts, module_facts, unit_facts
from architect_lsp.knowledge.files import Skipped, has_marker, relative, root_of, sources, text_of
from architect_lsp.knowledge.project import Project, Ref
from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.summaries import callers, described, effects
from architect_lsp.model import Edit, Finding, Fix, Place, Provenance, Related, Snapshot, Span
from architect_lsp.rules.rule import Draft, Hit, ProjectHit, Rule, View, all_rules
from architect_lsp.rules.runner import Broken, chosen, project_hits, unit_hits
from architect_lsp.settings import Settings
from architect_lsp.syntax.units import Tree, Unit, parsed
from architect_lsp.text import Lines, move

if TYPE_CHECKING:
    from architect_lsp.review.agents import Agent
    from architect_lsp.review.brief import Brief

__all__ = [
    "Broken",
    "Checked",
    "Document",
    "Receipt",
    "Rejection",
    "Repair",
    "Skipped",
    "Workspace",
    "carried",
    "has_marker",
    "relative",
    "root_of",
]

_PARALLEL_FROM = 150
"""Files from which starting worker processes pays for itself."""
_CHUNK = 24
_CODE_SHARE = 2
"""Characters of code in a request for each token of its budget: about three make a token, and the facts need room too."""


@dataclass(slots=True)
class Piece:
    """What is known of one unit: None and no facts where it can't be read. `hits` belong to `generation` of the project."""

    reading: Reading | None
    facts: Facts
    generation: int = -1
    hits: list[tuple[Rule, Hit]] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


class Document:
    """One file in work: text, units and what is known of each. `edited` reuses every unit that stayed as it was."""

    __slots__ = ("_facts", "_lines", "path", "pieces", "text", "tree", "units", "version")

    def __init__(self, path: str, text: str, version: int | None = None, before: Document | None = None) -> None:
        self.path = path
        self.text = text
        self.version = version
        self.tree = before.tree.edited(text) if before else Tree(text)
        self.units = self.tree.units()
        known = before.pieces if before else {}
        self.pieces: dict[tuple[str, str, str], Piece] = {}
        for unit in self.units:
            self.pieces[unit.key] = known.get(unit.key) or _piece(unit)
        self._lines: Lines | None = None
        self._facts: Facts | None = None

    def edited(self, text: str, version: int | None = None) -> Document:
        """The next version."""
        return Document(self.path, text, version, self)

    @property
    def lines(self) -> Lines:
        """Line starts of the text, made when first asked for."""
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines

    @property
    def facts(self) -> Facts:
        """The facts of the file."""
        if self._facts is None:
            self._facts = module_facts(self.path, ((it, self.pieces[it.key].facts) for it in self.units))
        return self._facts

    @property
    def snapshot(self) -> Snapshot:
        """The text as a value that stays as it is."""
        return Snapshot(self.path, self.text, self.version)

    @property
    def unread(self) -> int:
        """How many lines did not parse."""
        count = 0
        for unit in self.units:
            reading = self.pieces[unit.key].reading
            count += len(unit.text.split("\n")) if reading is None else len(reading.parsed.blanked)
        return count


@dataclass(frozen=True, slots=True)
class Checked:
    """The rules' answer for one file. `unread` counts lines that do not parse, so a clean result says what it is worth."""

    path: str
    version: int | None
    findings: tuple[Finding, ...]
    broken: tuple[Broken, ...] = ()
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Repair:
    """A fix that may be offered, with the receipt of what it passed; a dismissal has none."""

    finding: Finding
    fix: Fix
    receipt: Receipt | None


class Workspace:
    """One root: its settings, what is known of its files, the open documents, and what the model said of them."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self.project = Project()
        self.documents: dict[str, Document] = {}
        self.remarks: dict[str, list[Finding]] = {}
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Take new settings. Raises SettingsError when they name a rule that does not exist."""
        self.rules = chosen(settings)
        self.settings = settings
        for document in self.documents.values():
            for piece in document.pieces.values():
                piece.generation = -1

    # The project on disk

    def scan(self, tops: Sequence[Path] = (), progress: Callable[[int, int], None] | None = None) -> list[Skipped]:
        """Read the facts of every file below `tops` (default: the root) that is not open. Gives what was skipped.

        `progress` is called with (files done, files in all). Effect: reads the disk, may start worker processes.
        """
        skipped: list[Skipped] = []
        for name, found in self.scanned(tops, progress=progress):
            if isinstance(found, Skipped):
                skipped.append(found)
            else:
                self.take(name, found)
        return skipped

    def scanned(
        self,
        tops: Sequence[Path] = (),
        *,
        progress: Callable[[int, int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[tuple[str, Facts | Skipped]]:
        """(file, its facts) of every file below `tops` that is not open, read in other processes where there are many.

        Changes nothing here, so it may run in a thread of its own; `stop` ends it early.
        """
        files: list[Path] = []
        for top in tops or (self.root,):
            for it in sources(top, self.root, self.settings.exclude):
                if isinstance(it, Skipped):
                    yield it.path, it
                elif relative(self.root, it) not in self.documents:
                    files.append(it)
        jobs = [(str(it), relative(self.root, it), self.settings.max_file_bytes) for it in dict.fromkeys(files)]
        for done, result in enumerate(_spread(_file_facts, jobs), 1):
            if stop is not None and stop.is_set():
                return
            yield result
            if progress:
                progress(done, len(jobs))

    def take(self, name: str, found: Facts | Skipped) -> None:
        """Let the project know the facts of a file on disk, unless it is open: then the editor's text counts."""
        if name not in self.documents and not isinstance(found, Skipped):
            self.project.put(name, found)

    def reread(self, name: str) -> None:
        """A file changed on disk: know it again, or no more. Effect: reads the disk."""
        if name in self.documents:
            return
        text = text_of(self.root / name, name, self.settings.max_file_bytes)
        if isinstance(text, Skipped):
            self.project.remove(name)
        else:
            self.project.put(name, Document(name, text).facts)

    def load(self, name: str) -> Snapshot | Skipped:
        """The open text of a file, else that on disk."""
        document = self.documents.get(name)
        if document is not None:
            return Snapshot(name, document.text, document.version)
        text = text_of(self.root / name, name, self.settings.max_file_bytes)
        return text if isinstance(text, Skipped) else Snapshot(name, text)

    def check_files(
        self, names: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Checked | Skipped]:
        """Check files on disk, in the order given. Effect: reads the disk, may start worker processes."""
        jobs = [(self, it) for it in names]
        if len(names) < _PARALLEL_FROM or not _can_fork():
            results: Iterable[Checked | Skipped] = (_file_check(it) for it in jobs)
        else:
            results = _forked(self, names)
        for done, result in enumerate(results, 1):
            if progress:
                progress(done, len(names))
            yield result

    # Open documents

    def open(self, name: str, text: str, version: int | None = None) -> Document:
        """Take a document's text, or the next version of it, into the project."""
        before = self.documents.get(name)
        document = before.edited(text, version) if before else Document(name, text, version)
        if before and name in self.remarks:
            self.remarks[name] = carried(self.remarks[name], before.text, text)
        self.documents[name] = document
        self.project.put(name, document.facts)
        return document

    def close(self, name: str) -> None:
        """Forget an open document; the project keeps the facts of what is on disk."""
        self.documents.pop(name, None)
        self.remarks.pop(name, None)
        self.reread(name)

    def check(self, document: Document) -> Checked:
        """The rules' findings of a document, dismissed ones left out, in the order of their places."""
        found: list[Finding] = []
        broken: list[Broken] = []
        generation = self.project.generation
        for unit in document.units:
            piece = document.pieces[unit.key]
            if piece.reading is None:
                continue
            if piece.generation != generation:
                piece.hits, piece.broken = unit_hits(View(document.path, piece.reading, self.project), self.rules)
                piece.generation = generation
            broken += piece.broken
            found += (self._finding(document, unit, piece.reading, rule, hit) for rule, hit in piece.hits)
        hits, failed = self._project_hits()
        broken += failed
        found += (self._project_finding(document, rule, hit) for rule, hit in hits.get(document.path, ()))
        unique = {(it.rule, it.span): it for it in found if not dismissed(it, document.lines)}
        ordered = sorted(unique.values(), key=lambda it: (it.span, it.rule))
        return Checked(document.path, document.version, tuple(ordered), tuple(broken), document.unread)

    def findings(self, document: Document) -> tuple[Finding, ...]:
        """The rules' findings and those the model made of this text, together."""
        remarks = [it for it in self.remarks.get(document.path, ()) if not dismissed(it, document.lines)]
        return tuple(sorted((*self.check(document).findings, *remarks), key=lambda it: (it.span, it.rule)))

    def repairs(self, document: Document, span: Span, *, dismissals: bool = True) -> list[Repair]:
        """Fixes for the findings at `span`, each tried on a copy of the text first."""
        findings = self.findings(document)
        found: list[Repair] = []
        for finding in findings:
            if not finding.span.touches(span):
                continue
            for fix in finding.fixes:
                result = self.try_fix(document, finding, fix, findings)
                if isinstance(result, Receipt):
                    found.append(Repair(finding, fix, result))
            if dismissals:
                found.append(Repair(finding, dismissal(finding, document.lines), None))
        return found

    def try_fix(
        self, document: Document, finding: Finding, fix: Fix, findings: Sequence[Finding] | None = None
    ) -> Receipt | Rejection:
        """The receipt of a fix, or why it has none."""
        known = self.check(document).findings if findings is None else findings
        rules_only = [it for it in known if it.provenance.kind == "rule"]

        def check(text: str) -> Sequence[Finding]:
            return self._check_as(document.edited(text))

        return receipt(document.text, finding, fix, rules_only, check)

    def safe_edits(self, document: Document) -> tuple[Edit, ...]:
        """The edits of every safe fix of the document that passes, together."""
        findings = self.check(document).findings
        passed: list[Fix] = []
        for finding in findings:
            passed += (
                fix
                for fix in finding.fixes[:1]
                if fix.safe and isinstance(self.try_fix(document, finding, fix, findings), Receipt)
            )
        return together(document.text, passed)

    # The model

    def brief(self, name: str, span: Span, agent: Agent) -> Brief:
        """What the model would be asked about `span`: the code, and the facts that bear on it."""
        from architect_lsp.review.brief import brief

        document = self.documents.get(name)
        if document is None:
            snapshot = self.load(name)
            if isinstance(snapshot, Skipped):
                raise ValueError(f"{snapshot.path} {snapshot.reason}")
            document = Document(name, snapshot.text, snapshot.version)
        known = [it for it in self.check(document).findings if it.span.touches(span)]
        enclosing, lines = self._context(document, span)
        return brief(document.snapshot, span, enclosing=enclosing, facts=lines, known=known, agent=agent, settings=self.settings)

    def remember(self, name: str, finding: Finding) -> None:
        """Keep what the model found, so that it is published with the rules' findings until its text changes."""
        kept = self.remarks.setdefault(name, [])
        if all(it.fingerprint != finding.fingerprint for it in kept):
            kept.append(finding)

    def proven(self, document: Document, finding: Finding) -> Finding:
        """A model's finding with only those of its fixes that passed their receipt."""
        passed = tuple(it for it in finding.fixes if isinstance(self.try_fix(document, finding, it), Receipt))
        return replace(finding, fixes=passed)

    def review_spans(self, document: Document, span: Span) -> list[Span]:
        """`span` in pieces that fit one request each, cut between definitions."""
        room = self.settings.max_input_tokens * _CODE_SHARE
        if span.end - span.start <= room:
            return [span]
        cuts = sorted({_offset(document, it.line, 0) for it in document.units})
        spans: list[Span] = []
        start = span.start
        for before, cut in zip(cuts, [*cuts[1:], span.end], strict=True):
            if cut - start > room and before > start:
                spans.append(Span(start, before))
                start = before
            if cut >= span.end:
                break
        return [*spans, Span(start, span.end)]

    def forget(self, name: str, span: Span) -> None:
        """Drop the model's findings inside `span`: a new review of it begins."""
        self.remarks[name] = [it for it in self.remarks.get(name, ()) if not span.covers(it.span)]

    # Explanations

    def finding_at(self, document: Document, offset: int) -> list[Finding]:
        """The findings that cover an offset, heaviest first."""
        point = Span(offset, offset)
        found = [it for it in self.findings(document) if it.span.covers(point)]
        return sorted(found, key=lambda it: -it.severity.weight)

    def _context(self, document: Document, span: Span) -> tuple[list[str], list[str]]:
        first, last = document.lines.line_of(span.start), document.lines.line_of(max(span.start, span.end - 1))
        enclosing: list[str] = []
        lines: list[str] = []
        for it in document.facts.defs:
            if it.place.end_line < first or it.place.line > last:
                continue
            prefix = "async def" if it.is_async else "def"
            arguments = ", ".join(f"{name}: {kind}" if kind else name for name, kind in it.parameters)
            enclosing.append(f"{prefix} {it.qualname}({arguments})")
            for effect in effects(self.project, document.path, it).values():
                steps = " -> ".join(text for _, text in described(effect, self.project))
                lines.append(f"{it.qualname} does {effect.kind}: {steps or effect.call}")
            lines += (
                f"{it.qualname} is called by {ref.qualname or 'module'} in {ref.path}"
                for ref in callers(self.project, document.path, it.qualname)[:5]
            )
        return enclosing, lines

    def _check_as(self, document: Document) -> Sequence[Finding]:
        """Check a text that is not the document's yet, against a project in which it were."""
        kept = self.project
        self.project = kept.overlay(document.path, document.facts)
        try:
            fresh = {key: Piece(it.reading, it.facts) for key, it in document.pieces.items()}
            document.pieces = fresh
            return self.check(document).findings
        finally:
            self.project = kept

    def _project_hits(self) -> tuple[dict[str, list[tuple[Rule, ProjectHit]]], list[Broken]]:
        known = self.project.memo(("project rules", tuple(it.name for it in self.rules)))
        if "hits" not in known:
            by_path: dict[str, list[tuple[Rule, ProjectHit]]] = {}
            hits, broken = project_hits(self.project, self.rules)
            for rule, hit in hits:
                by_path.setdefault(hit.at.path, []).append((rule, hit))
            known["hits"] = by_path, broken
        found: tuple[dict[str, list[tuple[Rule, ProjectHit]]], list[Broken]] = known["hits"]
        return found

    def _finding(self, document: Document, unit: Unit, reading: Reading, rule: Rule, hit: Hit) -> Finding:
        span = _span(document, unit, _shown(reading, hit.node))
        symbol = reading.qualname(hit.node)
        finding = self._made(document, rule, span, hit.message, hit.evidence, symbol)
        fixes = tuple(self._fix(document, unit, reading, it) for it in hit.fixes)
        return replace(finding, fixes=fixes, severity=hit.severity or rule.severity)

    def _project_finding(self, document: Document, rule: Rule, hit: ProjectHit) -> Finding:
        place = self.project.place(hit.at)
        span = Span(_offset(document, place.line, place.column), _offset(document, place.end_line, place.end_column))
        if hit.at.kind in ("def", "class"):
            span = Span(span.start, document.lines.bounds(place.line)[1])
        return self._made(document, rule, span, hit.message, hit.evidence, hit.at.qualname)

    def _made(
        self, document: Document, rule: Rule, span: Span, message: str, evidence: Sequence[tuple[Ref, str]], symbol: str
    ) -> Finding:
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
            evidence=tuple(Related(self.project.place(ref), text) for ref, text in evidence),
            provenance=Provenance("rule", __version__),
            cwe=rule.cwe,
        )

    def _fix(self, document: Document, unit: Unit, reading: Reading, draft: Draft) -> Fix:
        edits: list[Edit] = []
        for change in draft.changes:
            span = _span(document, unit, reading.place(change.node))
            at = {"before": span.start, "after": span.end}.get(change.insert)
            newline = "\r\n" if "\r\n" in document.text else "\n"
            text = change.text.replace("\n", newline)
            edits.append(Edit(span if at is None else Span(at, at), text))
        for name in draft.imports:
            edits += _import(document, name)
        return Fix(draft.title, tuple(edits), draft.safe)


def check_text(text: str, path: str = "module.py", settings: Settings | None = None) -> Checked:
    """The rules' findings of one text on its own."""
    workspace = Workspace(Path(), settings or Settings())
    return workspace.check(workspace.open(path, text))


def rule_named(name: str) -> Rule | None:
    """The rule of this id, None when there is none."""
    return next((it for it in all_rules() if it.name == name), None)


def _piece(unit: Unit) -> Piece:
    tree = parsed(unit)
    if tree is None:
        return Piece(None, Facts())
    reading = Reading(unit, tree)
    return Piece(reading, unit_facts(reading))


def _offset(document: Document, line: int, column: int) -> int:
    lines = document.lines
    if line >= len(lines):
        return len(document.text)
    start, end = lines.bounds(line)
    return min(start + column, end)


def _span(document: Document, unit: Unit, place: Place) -> Span:
    at = unit.place("", place)
    return Span(_offset(document, at.line, at.column), _offset(document, at.end_line, at.end_column))


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
    unit = document.units[-1]
    reading = document.pieces[unit.key].reading
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
    newline = "\r\n" if "\r\n" in document.text else "\n"
    if reading is None or after is None:
        return [Edit(Span(0, 0), f"{line}{newline}")]
    is_import = isinstance(after, ast.Import | ast.ImportFrom) and not _is_future(after)
    span = _span(document, unit, reading.place(after))
    if is_import and not module:  # plain imports stand before `from` imports
        return [Edit(Span(span.start, span.start), f"{line}{newline}")]
    return [Edit(Span(span.end, span.end), f"{newline}{line}" if is_import else f"{newline}{newline}{line}")]


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def carried(findings: Iterable[Finding], before: str, after: str) -> list[Finding]:
    """The findings whose text the change from `before` to `after` left alone, moved with it."""
    start = 0
    limit = min(len(before), len(after))
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if before[:middle] == after[:middle]:
            low = middle
        else:
            high = middle - 1
    start = low
    tail = 0
    low, high = 0, limit - start
    while low < high:
        middle = (low + high + 1) // 2
        if before[len(before) - middle :] == after[len(after) - middle :]:
            low = middle
        else:
            high = middle - 1
    tail = low
    edit = Edit(Span(start, len(before) - tail), after[start : len(after) - tail])
    moved = ((it, move(it.span, (edit,))) for it in findings)
    return [replace(it, span=span, fixes=()) if it.fixes else replace(it, span=span) for it, span in moved if span is not None]


def _file_facts(job: tuple[str, str, int]) -> tuple[str, Facts | Skipped]:
    path, name, max_bytes = job
    text = text_of(Path(path), name, max_bytes)
    return name, text if isinstance(text, Skipped) else Document(name, text).facts


def _file_check(job: tuple[Workspace, str]) -> Checked | Skipped:
    workspace, name = job
    text = text_of(workspace.root / name, name, workspace.settings.max_file_bytes)
    return text if isinstance(text, Skipped) else workspace.check(Document(name, text))


_shared: Workspace | None = None
"""The workspace that forked workers check with; set just before they start."""


def _forked(workspace: Workspace, names: Sequence[str]) -> Iterator[Checked | Skipped]:
    global _shared
    workspace._project_hits()  # once, not once a worker
    _shared = workspace
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=_end_with_parent) as pool:
            yield from pool.map(_check_shared, names, chunksize=_CHUNK)
    finally:
        _shared = None


def _check_shared(name: str) -> Checked | Skipped:
    assert _shared is not None
    return _file_check((_shared, name))


def _spread(
    function: Callable[[tuple[str, str, int]], tuple[str, Facts | Skipped]], jobs: Sequence[tuple[str, str, int]]
) -> Iterator[tuple[str, Facts | Skipped]]:
    if len(jobs) < _PARALLEL_FROM or (os.cpu_count() or 1) < 2:
        yield from map(function, jobs)
        return
    # a server has threads, and forking a process with threads can deadlock
    context = multiprocessing.get_context("fork" if _can_fork() and threading.active_count() == 1 else "spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=_end_with_parent) as pool:
        yield from pool.map(function, jobs, chunksize=_CHUNK)


def _end_with_parent() -> None:
    """Effect: a thread ends this worker when the process that started it is gone, however it went; Ctrl-C is the parent's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _can_fork() -> bool:
    return "fork" in multiprocessing.get_all_start_methods() and os.name == "posix"
