"""A file in another language: text and outline, no units, no facts; no rule speaks of it, the project does not hold it."""

from __future__ import annotations

from architect_lsp.knowledge.document import Document
from architect_lsp.model import Edit, Snapshot
from architect_lsp.syntax.languages import PYTHON, Language
from architect_lsp.syntax.outline import Outline, outline


class Foreign(Document):
    """One version of a file that is not Python. It is parsed when its outline is asked for, so a keystroke costs nothing."""

    __slots__ = ("_outline",)

    def __init__(self, path: str, text: str, version: int | None, language: Language) -> None:
        self.path, self.text, self.version, self.language = path, text, version, language
        self.tried, self.units, self.pieces = {}, [], []
        self._lines, self._facts = None, None
        self._outline: Outline | None = None

    def edited(self, text: str, version: int | None = None, edit: Edit | None = None) -> Foreign:
        """The next version."""
        fresh = Foreign(self.path, text, version, self.language)
        fresh._lines = self.lines.edited(text, edit) if edit else None
        return fresh

    @property
    def outline(self) -> Outline:
        """What the text defines, imports and calls."""
        if self._outline is None:
            self._outline = outline(self.text, self.language)
        return self._outline

    @property
    def snapshot(self) -> Snapshot:
        """The text as a value that stays as it is."""
        return Snapshot(self.path, self.text, self.version, self.language.name)


def document_of(path: str, text: str, version: int | None, language: Language) -> Document:
    """A file in work, whichever its language."""
    return Document(path, text, version) if language is PYTHON else Foreign(path, text, version, language)
