"""One file in work: its text, its units, what is known of each, and where the unit's places are in the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from architect_lsp.knowledge.facts import Facts, module_facts, unit_facts
from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Edit, Place, Snapshot, Span
from architect_lsp.syntax.units import Tree, Unit, parsed
from architect_lsp.text import Lines, difference


@dataclass(slots=True)
class Piece:
    """What is known of one unit: None and no facts where it can't be read. `hits` belong to `generation` of the project."""

    reading: Reading | None
    facts: Facts
    generation: int = -1
    hits: list[Any] = field(default_factory=list)
    broken: list[Any] = field(default_factory=list)


class Document:
    """One file in work: text, units and what is known of each. `edited` reuses every unit that stayed as it was."""

    __slots__ = ("_facts", "_lines", "path", "pieces", "text", "tree", "units", "version")

    def __init__(
        self, path: str, text: str, version: int | None = None, before: Document | None = None, edit: Edit | None = None
    ) -> None:
        self.path = path
        self.text = text
        self.version = version
        self.tree: Tree = before.tree.edited(text, edit or difference(before.text, text), before.lines) if before else Tree(text)
        self.units = self.tree.units()
        known = before.pieces if before else {}
        self.pieces: dict[tuple[str, str, str], Piece] = {}
        for unit in self.units:
            self.pieces[unit.key] = known.get(unit.key) or _piece(unit)
        self._lines: Lines | None = None
        self._facts: Facts | None = None

    def edited(self, text: str, version: int | None = None, edit: Edit | None = None) -> Document:
        """The next version; `edit` is the one change that leads to it, where it is known."""
        return Document(self.path, text, version, self, edit)

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
    if tree is None:
        return Piece(None, Facts())
    reading = Reading(unit, tree)
    return Piece(reading, unit_facts(reading))
