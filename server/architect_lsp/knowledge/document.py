"""One file in work: its text, its units, what is known of each, and where the unit's places are in the file."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from typing import Any, TypeVar

from msgspec import Struct, field

from architect_lsp.knowledge.conclusions import Questions
from architect_lsp.knowledge.extraction import unit_facts
from architect_lsp.knowledge.facts import Facts, module_facts
from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Edit, Place, Snapshot, Span
from architect_lsp.patterns import regex
from architect_lsp.syntax.languages import PYTHON
from architect_lsp.syntax.units import Tree, Unit, is_whole, parsed
from architect_lsp.syntax.whole import whole
from architect_lsp.text import Lines, difference

ValueT = TypeVar("ValueT")
_MANY = 5_000
"""Objects of one document of which something is remembered that may not be needed again."""
_CALM = regex(r"[\w .,]*")
_INSIDE = regex(r"\s*(?!(?:async|def|class)\b)\w+[\W]")
"""The line before a place in a statement that is no definition."""


class Piece(Struct):
    """What is known of one unit: None and no facts where it can't be read.

    `hits` belong to `generation` of the project, and to every later one in which what they `asked` has the same answers.
    """

    reading: Reading | None
    unread: int = 0  # how many of its lines did not parse
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
        return Piece(self.reading, self.unread, _facts=self._facts)


class Document:
    """One file in work: text, units and what is known of each. `edited` reuses every unit that stayed as it was."""

    __slots__ = (
        "_facts",
        "_lines",
        "_newline",
        "_parts",
        "_shown",
        "_spare",
        "answer",
        "language",
        "made",
        "path",
        "pieces",
        "text",
        "tree",
        "tried",
        "units",
        "version",
    )

    def __init__(
        self, path: str, text: str, version: int | None = None, before: Document | None = None, edit: Edit | None = None
    ) -> None:
        self.path = path
        self.text = text
        self.version = version
        self.language = PYTHON
        self.tried: dict[Any, Any] = {}  # receipts of this version's fixes
        self.made: dict[int, tuple[Any, Any, Any]] = {}  # by unit: its hits, what is shown of them, and what that rests on
        self._shown: dict[int, tuple[Any, Any]] = {}
        self._spare: dict[Any, Piece] = {}  # of units that a slip hides, such as a quote that is not closed yet
        self.answer: tuple[Any, Any] | None = None  # what was found in this version, with all that depends on
        self._facts: Facts | None = None
        self._lines: Lines | None = None
        self._newline = ""
        self._parts: tuple[tuple[Unit, Facts], ...] | None = None
        self.tree: Tree
        self.units: list[Unit]
        self.pieces: list[Piece]
        if before is None:
            self.tree = Tree(text)
            rows = whole(text)
            if rows is None:
                self.units = self.tree.units()
                self.pieces = [_piece(it) for it in self.units]
            else:
                self.units = [unit for unit, _ in rows]
                self.pieces = [Piece(Reading(*it)) for it in rows]
                self.tree.assumed = True
            return
        edit = edit or difference(before.text, text)
        self.tree = before.tree.edited(text, edit, before.lines)
        self._spare = before._spare
        self._lines = before.lines.edited(text, edit)
        if before._newline == "\n" and "\r" not in edit.text and text[max(edit.span.start - 1, 0) : edit.span.start] != "\r":
            self._newline = "\n"
        first, last = before.lines.line_of(edit.span.start), before.lines.line_of(edit.span.end)
        more = len(self.tree.lines) - len(before.tree.lines)
        presumed = not before.sound and _is_calm(before.text[edit.span.start : edit.span.end], edit.text, before.lines, edit.span)
        grown = self.tree.grown(before.units, first, last, more) if presumed or before.sound else None
        if grown is not None and presumed:
            self.units, changed = grown
            self._take(changed, self._piece_at(changed, before), before)
            self.tree.presumed = True
            return
        if grown is not None:
            self.units, changed = grown
            piece = self._piece_at(changed, before)
            if piece.reading is not None and is_whole(self.units[changed], piece.reading.parsed):
                self._take(changed, piece, before)
                self.tree.assumed = True
                return
        revised = None if before.tree.presumed else self.tree.revised(before.units, first, last, more)
        if revised is None:
            self.units = self.tree.units()
            known = {**before._spare, **{unit.key: piece for unit, piece in zip(before.units, before.pieces, strict=True)}}
            self.pieces = [known.get(it.key) or _piece(it) for it in self.units]
            self._spare = known if self.tree.has_error and len(known) < _MANY else {}
        else:
            self.units, changed = revised
            self._take(changed, piece if grown is not None else self._piece_at(changed, before), before)

    def _piece_at(self, index: int, before: Document) -> Piece:
        unit = self.units[index]
        return before.pieces[index] if unit.text == before.units[index].text else _piece(unit)

    def _take(self, index: int, piece: Piece, before: Document) -> None:
        """All pieces stay as they were, but the one at `index`."""
        self.pieces = list(before.pieces)
        self.pieces[index] = piece
        if before._parts is not None and len(self.tree.lines) == len(before.tree.lines):
            part = self.units[index], piece.facts
            self._parts = (*before._parts[:index], part, *before._parts[index + 1 :])

    def edited(self, text: str, version: int | None = None, edit: Edit | None = None) -> Document:
        """The next version; `edit` is the one change that leads to it, where it is known."""
        return Document(self.path, text, version, self, edit)

    def once(self, thing: object, make: Callable[[], ValueT]) -> ValueT:
        """What `make` gives for one very object, made once for this version of the document."""
        known = self._shown.get(id(thing))
        if known is None or known[0] is not thing:
            if len(self._shown) > _MANY:
                self._shown.clear()
            known = self._shown[id(thing)] = thing, make()
        shown: ValueT = known[1]
        return shown

    @property
    def sound(self) -> bool:
        """Whether the text is known to have no error, so that a function that is whole ends where it did."""
        return self.tree.assumed or not (self.tree.presumed or self.tree.has_error)

    def settled(self) -> Document:
        """The same text as if it were read from nothing; this very document where that makes no difference.

        Broken text can: the parser recovers by what it saw before, so what an edit leaves may differ from a fresh reading. And
        the two parsers may not agree on what is broken.
        """
        if self.sound and not self.tree.assumed:
            return self
        self.tree.assumed = False
        tree = Tree(self.text)
        units = tree.units()
        if [it.key for it in units] == [it.key for it in self.units]:
            self.tree = tree
            return self
        fresh = copy(self)
        known = {unit.key: piece for unit, piece in zip(self.units, self.pieces, strict=True)}
        fresh.tree, fresh.units, fresh.tried, fresh.made, fresh._shown, fresh.answer = tree, units, {}, {}, {}, None
        fresh._facts = fresh._parts = None
        fresh.pieces = [known.get(it.key) or _piece(it) for it in units]
        return fresh

    @property
    def lines(self) -> Lines:
        """Line starts of the text, made when first asked for."""
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines

    @property
    def newline(self) -> str:
        """How its lines end, where any does so: as on Windows, or plainly."""
        if not self._newline:
            self._newline = "\r\n" if "\r\n" in self.text else "\n"
        return self._newline

    @property
    def parts(self) -> tuple[tuple[Unit, Facts], ...]:
        """What each unit says, in its own lines."""
        if self._parts is None:
            self._parts = tuple((unit, piece.facts) for unit, piece in zip(self.units, self.pieces, strict=True))
        return self._parts

    def learned(self, until_s: float) -> bool:
        """Make the facts of units, until `time.perf_counter()` says `until_s`. Gives whether all are made."""
        for it in self.pieces:
            if it._facts is None:
                if time.perf_counter() > until_s:
                    return False
                assert it.facts is not None
        return True

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
        return sum(it.unread for it in self.pieces)

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


def _is_calm(old: str, new: str, lines: Lines, span: Span) -> bool:
    """Whether an edit of broken text changes a few words within a statement: what is where will hardly be another for it."""
    start, _ = lines.bounds(lines.line_of(span.start))
    return bool(_CALM.fullmatch(old) and _CALM.fullmatch(new) and _INSIDE.match(lines.text[start : span.start]))


def _piece(unit: Unit) -> Piece:
    tree = parsed(unit)
    if tree is None:
        return Piece(None, len(unit.text.split("\n")))
    return Piece(Reading(unit, tree), len(tree.blanked))
