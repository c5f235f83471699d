"""One file in work: its text, its units, what is known of each, and where the unit's places are in the file."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any

from architect_lsp.knowledge.conclusions import Questions
from architect_lsp.knowledge.extraction import unit_facts
from architect_lsp.knowledge.facts import Facts, module_facts
from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Edit, Place, Snapshot, Span
from architect_lsp.syntax.languages import PYTHON
from architect_lsp.syntax.units import Tree, Unit, parsed
from architect_lsp.text import Lines, difference


@dataclass(slots=True)
class Piece:
    """What is known of one unit: None and no facts where it can't be read.

    `hits` belong to `generation` of the project, and to every later one in which what they `asked` has the same answers.
    """

    reading: Reading | None
    generation: int = -1
    asked: Questions = ()
    hits: list[Any] = field(default_factory=list)
    broken: list[Any] = field(default_factory=list)
    _facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What the unit says, made when first asked for: a check of a file that the project knows already does not ask."""
        if self._facts is None:
            self._facts = unit_facts(self.reading) if self.reading else Facts()
        return self._facts

    def unchecked(self) -> Piece:
        """The same without its hits."""
        return Piece(self.reading, _facts=self._facts)


class Document:
    """One file in work: text, units and what is known of each. `edited` reuses every unit that stayed as it was."""

    __slots__ = ("_facts", "_lines", "language", "path", "pieces", "text", "tree", "tried", "units", "version")

    def __init__(
        self, path: str, text: str, version: int | None = None, before: Document | None = None, edit: Edit | None = None
    ) -> None:
        self.path = path
        self.text = text
        self.version = version
        self.language = PYTHON
        self.tried: dict[Any, Any] = {}  # receipts of this version's fixes
        self._facts: Facts | None = None
        self._lines: Lines | None = None
        self.tree: Tree
        self.units: list[Unit]
        self.pieces: list[Piece]
        if before is None:
            self.tree = Tree(text)
            self.units = self.tree.units()
            self.pieces = [_piece(it) for it in self.units]
            return
        edit = edit or difference(before.text, text)
        self.tree = before.tree.edited(text, edit, before.lines)
        self._lines = before.lines.edited(text, edit)
        first, last = before.lines.line_of(edit.span.start), before.lines.line_of(edit.span.end)
        revised = self.tree.revised(before.units, first, last, len(self.tree.lines) - len(before.tree.lines))
        if revised is None:
            self.units = self.tree.units()
            known = {unit.key: piece for unit, piece in zip(before.units, before.pieces, strict=True)}
            self.pieces = [known.get(it.key) or _piece(it) for it in self.units]
        else:
            self.units, changed = revised
            self.pieces = list(before.pieces)
            if self.units[changed].text != before.units[changed].text:
                self.pieces[changed] = _piece(self.units[changed])

    def edited(self, text: str, version: int | None = None, edit: Edit | None = None) -> Document:
        """The next version; `edit` is the one change that leads to it, where it is known."""
        return Document(self.path, text, version, self, edit)

    def settled(self) -> Document:
        """The same text as if it were read from nothing; this very document where that makes no difference.

        Only broken text can: the parser recovers by what it saw before, so what an edit leaves may differ from a fresh reading.
        """
        if not self.tree.has_error:
            return self
        tree = Tree(self.text)
        units = tree.units()
        if [it.key for it in units] == [it.key for it in self.units]:
            return self
        fresh = copy(self)
        known = {unit.key: piece for unit, piece in zip(self.units, self.pieces, strict=True)}
        fresh.tree, fresh.units, fresh.tried, fresh._facts = tree, units, {}, None
        fresh.pieces = [known.get(it.key) or _piece(it) for it in units]
        return fresh

    @property
    def lines(self) -> Lines:
        """Line starts of the text, made when first asked for."""
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines

    @property
    def parts(self) -> tuple[tuple[Unit, Facts], ...]:
        """What each unit says, in its own lines."""
        return tuple((unit, piece.facts) for unit, piece in zip(self.units, self.pieces, strict=True))

    @property
    def facts(self) -> Facts:
        """The facts of the file, places in its lines."""
        if self._facts is None:
            self._facts = module_facts(self.parts)
        return self._facts

    @property
    def snapshot(self) -> Snapshot:
        """The text as a value that stays as it is."""
        return Snapshot(self.path, self.text, self.version)

    @property
    def unread(self) -> int:
        """How many lines did not parse."""
        count = 0
        for unit, piece in zip(self.units, self.pieces, strict=True):
            reading = piece.reading
            count += len(unit.text.split("\n")) if reading is None else len(reading.parsed.blanked)
        return count

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and a column in code points, both from 0; a column past the line's end means its end."""
        lines = self.lines
        if line >= len(lines):
            return len(self.text)
        start, end = lines.bounds(line)
        return min(start + column, end)

    def span(self, unit: Unit, place: Place) -> Span:
        """The span of a place that counts the unit's lines."""
        at = unit.place("", place)
        return Span(self.offset(at.line, at.column), self.offset(at.end_line, at.end_column))


def _piece(unit: Unit) -> Piece:
    tree = parsed(unit)
    return Piece(None if tree is None else Reading(unit, tree))
