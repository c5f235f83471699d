"""The product as functions and one noun, `Workspace`: text goes in, findings, explanations and proven fixes come out.

Knows neither LSP nor exit codes. Reads the disk only in `scan` and `load`; never waits for a model except in `review`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from architect_lsp.dismissals import dismissal, dismissed
from architect_lsp.fixes import (
    Receipt,
    Rejection,
    Repair,
    agent_file_receipt,
    carried,
    edits_by_path,
    foreign_receipt,
    receipt,
    together,
)
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.effects import LIBRARY, Table
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.files import Skipped, first_python_without, relative, sources, text_of
from architect_lsp.knowledge.foreign import AgentFile, Foreign, document_of
from architect_lsp.knowledge.history import Base
from architect_lsp.knowledge.project import Project, whole
from architect_lsp.knowledge.scan import can_fork, facts_of, forked, pays
from architect_lsp.knowledge.store import digest
from architect_lsp.knowledge.summaries import take
from architect_lsp.knowledge.threats import threats_of
from architect_lsp.linters import Others, linters
from architect_lsp.model import Edit, Finding, Fix, Snapshot, Span
from architect_lsp.rules.findings import Checked, file_findings, gone, project_findings, unit_findings
from architect_lsp.rules.rule import all_rules
from architect_lsp.rules.runner import Broken, chosen, project_hits
from architect_lsp.settings import Settings
from architect_lsp.syntax.languages import MARKDOWN, PYTHON, SCHEMAS, Language, language_of

__all__ = [
    "Broken",
    "Checked",
    "Document",
    "Receipt",
    "Rejection",
    "Repair",
    "Skipped",
    "Workspace",
]


class Workspace:
    """One root: its settings, what is known of its files, the open documents, and what the model said of them."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self.project = Project()
        self.documents: dict[str, Document] = {}
        self.agent_files: dict[str, AgentFile] = {}
        self.remarks: dict[str, list[Finding]] = {}
        self.drafts: dict[str, list[Finding]] = {}  # findings with the fixes that a model drafted for them
        self.notes: list[str] = []  # what a person's log should say of the store
        self._read: dict[str, Document] = {}
        self._digests: dict[str, bytes] = {}  # of the contents that were read, by file
        self._untold: set[str] = set()  # open documents of which the project knows the same from disk
        self.base: Base | None = None
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Take new settings. Raises SettingsError when they name a rule, an effect or a kind of sink that does not exist."""
        rules, table, threats = chosen(settings), Table(settings.effects) if settings.effects else LIBRARY, threats_of(settings)
        self.rules, self.settings = rules, settings
        self._others = Others(linters(self.root), {it.name: it.equivalents for it in all_rules()})
        self.project.use(table, threats, settings.layers, first_python_without(self.root))
        for document in self.documents.values():
            document.made = {}
            for piece in document.pieces:
                piece.generation = -1

    def compare(self, base: Base | None) -> None:
        """Say from now on what breaks clients of the project as it was, if at all."""
        self.base = base
        self.project.compare(base.project if base is not None else None)

    # The project on disk

    def scan(self, tops: Sequence[Path] = (), progress: Callable[[int, int], None] | None = None) -> list[Skipped]:
        """Read the facts of every file below `tops` (default: the root) that is not open. Gives what was skipped.

        `progress` is called with (files done, files in all). Effect: reads the disk, may start worker processes.
        """
        skipped: list[Skipped] = []
        for name, found in self.scanned(tops, progress=progress):
            if isinstance(found, Skipped):
                skipped.append(found)
                continue
            if isinstance(found, Document):
                self._read[name] = found  # they are few, and `check_files` mostly follows
            self.take(name, found)
        return skipped

    def scanned(
        self,
        tops: Sequence[Path] = (),
        *,
        progress: Callable[[int, int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[tuple[str, Document | Facts | Skipped]]:
        """(file, what it says) for every file below `tops` that is not open, read in other processes where there are many.

        Changes nothing here, so it may run in a thread of its own; `stop` ends it early.
        """
        files: list[Path] = []
        for top in tops or (self.root,):
            for it in sources(top, self.root, self.settings.exclude):
                if isinstance(it, Skipped):
                    yield it.path, it
                elif language_of(name := relative(self.root, it)) is MARKDOWN:
                    text = text_of(it, name, self.settings.max_file_bytes)
                    yield name, text if isinstance(text, Skipped) else AgentFile(name, text)
                elif language_of(name) not in SCHEMAS and name not in self.documents:
                    files.append(it)
        jobs = [(str(it), relative(self.root, it), self.settings.max_file_bytes) for it in dict.fromkeys(files)]
        for done, result in enumerate(facts_of(jobs, self.notes, self._digests), 1):
            if stop is not None and stop.is_set():
                return
            yield result
            if progress:
                progress(done, len(jobs))

    def take(self, name: str, found: Document | Facts | Skipped) -> None:
        """Let the project know what a file on disk says, unless it is open: then the editor's text counts."""
        if name in self.documents or isinstance(found, Skipped):
            return
        if isinstance(found, AgentFile):
            self.agent_files[name] = found
        else:
            self.project.put(name, whole(found.facts if isinstance(found, Document) else found))

    def reread(self, name: str) -> None:
        """A file changed on disk: know it again, or no more. Effect: reads the disk."""
        self._digests.pop(name, None)
        language = language_of(name)
        if name in self.documents or language not in (PYTHON, MARKDOWN):
            return
        text = text_of(self.root / name, name, self.settings.max_file_bytes)
        if language is MARKDOWN:
            self.agent_files.pop(name, None)
            self.take(name, text if isinstance(text, Skipped) else AgentFile(name, text))
        elif isinstance(text, Skipped):
            self.project.remove(name)
        else:
            take(self.project, name, whole(Document(name, text).facts))

    def document(self, name: str) -> Document | Skipped:
        """A file in work: the open one, else as it stands on disk."""
        found = self.documents.get(name)
        text = found.text if found is not None else text_of(self.root / name, name, self.settings.max_file_bytes)
        if isinstance(text, Skipped):
            return text
        return found or document_of(name, text, None, language_of(name) or PYTHON)

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
        if not can_fork() or not pays([self.root / it for it in names]):
            results: Iterable[Checked | Skipped] = map(self._check_file, names)
        else:
            project_hits(self.project, self.rules)  # once, not once a worker
            results = forked(self._check_file, names)
        for done, result in enumerate(results, 1):
            if progress:
                progress(done, len(names))
            yield result

    def gone(self, near: Iterable[str]) -> Iterator[Checked]:
        """What clients lost with schemas of the base that are no more, in folders of these files. Effect: reads the disk."""
        files = (it for it in sources(self.root, self.root, self.settings.exclude, schemas=True) if isinstance(it, Path))
        return gone(self.project, self.base, (relative(self.root, it) for it in files), self.document, near, self.rules)

    def _check_file(self, name: str) -> Checked | Skipped:
        text = text_of(self.root / name, name, self.settings.max_file_bytes)
        if isinstance(text, Skipped):
            return text
        read = self._read.get(name)
        same = read is not None and read.text == text
        document = read if read is not None and same else document_of(name, text, None, language_of(name) or PYTHON)
        refusal = document.refusal if isinstance(document, Foreign) else ""
        return Skipped(name, refusal) if refusal else self.check(document)

    # Open documents

    def open(
        self, name: str, text: str, version: int | None = None, edit: Edit | None = None, language: Language | None = None
    ) -> Document:
        """Take a document's text, or the next version of it; `edit` is its one change, where it is known.

        Without a language it is the one that the name tells. The project takes Python alone.
        """
        language = language or language_of(name) or PYTHON
        before = self.documents.get(name)
        if before is not None and before.language is not language:
            self.close(name)
            before = None
        document = before.edited(text, version, edit) if before else document_of(name, text, version, language)
        for said in (it for it in (self.remarks, self.drafts) if before and name in it):
            said[name] = carried(said[name], before.text if before else "", text)
        self.documents[name] = document
        if isinstance(document, AgentFile):
            self.agent_files[name] = document
        if not isinstance(document, Foreign):
            self.project.follow()
            if before is None and self.project.knows(name) and self._digests.get(name) == digest(text.encode()):
                self._untold.add(name)
            else:
                self._untold.discard(name)
                take(self.project, name, document.parts)
        return document

    def tell(self, name: str, until_s: float) -> bool:
        """Let the project know unit by unit what an open document says, as the next edit needs it.

        Gives False where `time.perf_counter()` said `until_s` before: ask again for the rest.
        """
        document = self.documents.get(name)
        if document is not None and name in self._untold:
            if not document.learned(until_s):
                return False
            self._untold.remove(name)
            take(self.project, name, document.parts)
        return True

    def settle(self, name: str) -> bool:
        """Read an open document whose text is broken from nothing. Gives whether that says anything else."""
        document = self.documents.get(name)
        if not isinstance(document, Document) or (fresh := document.settled()) is document:
            return False
        self.documents[name] = fresh
        take(self.project, name, fresh.parts)
        return True

    def close(self, name: str) -> None:
        """Forget an open document; the project keeps the facts of what is on disk."""
        self.documents.pop(name, None)
        self._untold.discard(name)
        self.remarks.pop(name, None)
        self.drafts.pop(name, None)
        self.reread(name)

    def check(self, document: Document, until_s: float | None = None) -> Checked:
        """The rules' findings of a document, dismissed ones left out, in the order of their places; none in other languages.

        With `until_s`, a time of `time.perf_counter()`, those of the units that were looked at by then: ask again for the rest.
        """
        if isinstance(document, Foreign):
            made, failures = file_findings(document, self.agent_files, self.base, self.rules)
            kept = (it for it in made if not dismissed(it, document.lines))
            return Checked(document.path, document.version, tuple(kept), failures)
        key = self.project, self.project.generation, self.rules, self._others
        if document.answer is None or document.answer[0] != key:
            checked = self._checked(document, until_s)
            if not checked.complete:
                return checked
            document.answer = key, checked
        known: Checked = document.answer[1]
        return known

    def _checked(self, document: Document, until_s: float | None) -> Checked:
        def kept(it: Finding) -> bool:
            return not (dismissed(it, document.lines) or self._others.say(it, document.lines))

        found, broken, complete = unit_findings(document, self.project, self.rules, kept, until_s)
        if complete:
            hits, failed = project_hits(self.project, self.rules)
            broken += failed
            found += project_findings(document, self.project, hits.get(document.path, ()), kept)
        unique = {(it.rule, it.span): it for it in found}
        ordered = tuple(sorted(unique.values(), key=lambda it: (it.span, it.rule)))
        return Checked(document.path, document.version, ordered, tuple(broken), document.unread, complete)

    def findings(self, document: Document, checked: Checked | None = None) -> tuple[Finding, ...]:
        """The rules' findings (`checked`, where they are at hand) and those the model made of this text, together."""
        checked = checked or self.check(document)
        remarks = [it for it in self.remarks.get(document.path, ()) if not dismissed(it, document.lines)]
        return tuple(sorted((*checked.findings, *remarks), key=lambda it: (it.span, it.rule))) if remarks else checked.findings

    def repairs(self, document: Document, span: Span, *, dismissals: bool = True) -> list[Repair]:
        """Fixes for the findings at `span`, each tried on a copy of the text first."""
        findings = self.findings(document)
        found: list[Repair] = []
        for finding in findings:
            if not finding.span.touches(span):
                continue
            drafted = [it for it in self.drafts.get(document.path, ()) if it.fingerprint == finding.fingerprint]
            for fix in (*finding.fixes, *(fix for it in drafted for fix in it.fixes)):
                result = self.try_fix(document, finding, fix, findings)
                if isinstance(result, Receipt):
                    found.append(Repair(finding, fix, result))
            comment = self._dismissal(document, finding) if dismissals else None
            if comment:
                found.append(Repair(finding, comment, None))
        return found

    def try_fix(
        self, document: Document, finding: Finding, fix: Fix, findings: Sequence[Finding] | None = None
    ) -> Receipt | Rejection:
        """The receipt of a fix, or why it has none; tried once for each version of a document, unless it counts on others."""
        if fix.counts_on:
            return self._tried(document, finding, fix, findings)
        key = (finding.fingerprint, finding.span, fix, self.project.generation)
        result: Receipt | Rejection | None = document.tried.get(key)
        if result is None:
            result = document.tried[key] = self._tried(document, finding, fix, findings)
        return result

    def _dismissal(self, document: Document, finding: Finding) -> Fix | None:
        key = ("dismissal", finding.rule, finding.span)
        if key not in document.tried:
            document.tried[key] = dismissal(finding, document.lines, document.language)
        found: Fix | None = document.tried[key]
        return found

    def _tried(self, document: Document, finding: Finding, fix: Fix, findings: Sequence[Finding] | None) -> Receipt | Rejection:
        if isinstance(document, Foreign) and not isinstance(document, AgentFile):
            return foreign_receipt(document.text, finding, fix, document.language)
        known = list(self.check(document).findings if findings is None else findings)
        files = {document.path: document}
        for path in edits_by_path(fix, document.path).keys() - files.keys():
            other = self.document(path)
            if isinstance(other, Skipped | Foreign):
                return Rejection(f"it edits {path}, which can't be tried")
            files[path] = other
            known += self.check(other).findings
        rules_only = [it for it in known if it.provenance.kind == "rule"]

        def check(texts: Mapping[str, str]) -> Sequence[Finding]:
            return self._check_as([files[path].edited(text) for path, text in texts.items()])

        if isinstance(document, AgentFile):
            return agent_file_receipt(document, finding, fix, rules_only, check)
        return receipt({path: it.text for path, it in files.items()}, finding, fix, rules_only, check)

    def safe_edits(self, document: Document) -> tuple[Edit, ...]:
        """The edits of every safe fix of the document that passes, together."""
        findings = self.check(document).findings
        safe = [(it, it.fixes[0]) for it in findings if it.fixes and it.fixes[0].safe]
        passed = [fix for it, fix in safe if isinstance(self.try_fix(document, it, fix, findings), Receipt)]
        return together(document.text, passed)

    # The model

    def remember(self, name: str, finding: Finding) -> None:
        """Keep what the model found, so that it is published with the rules' findings until its text changes."""
        kept = self.remarks.setdefault(name, [])
        if all(it.fingerprint != finding.fingerprint for it in kept):
            kept.append(finding)

    def proven(self, document: Document, finding: Finding) -> Finding:
        """A model's finding with only those of its fixes that passed their receipt."""
        passed = tuple(it for it in finding.fixes if isinstance(self.try_fix(document, finding, it), Receipt))
        return replace(finding, fixes=passed)

    def forget(self, name: str, span: Span) -> None:
        """Drop the model's findings inside `span`: a new review of it begins."""
        self.remarks[name] = [it for it in self.remarks.get(name, ()) if not span.covers(it.span)]

    # Explanations

    def finding_at(self, document: Document, offset: int) -> list[Finding]:
        """The findings that cover an offset, heaviest first."""
        found = [it for it in self.findings(document) if it.span.covers(Span(offset, offset))]
        return sorted(found, key=lambda it: -it.severity.weight)

    def _check_as(self, documents: Sequence[Document]) -> list[Finding]:
        """Check texts that are not the documents' yet, against a project in which they were."""
        if any(isinstance(it, AgentFile) for it in documents):
            return [found for it in documents for found in self.check(it).findings]
        kept = self.project
        self.project = kept.overlay()
        try:
            for it in documents:
                take(self.project, it.path, it.parts)
                it.pieces = [replace(piece) for piece in it.pieces]
            return [found for it in documents for found in self.check(it).findings]
        finally:
            self.project = kept
