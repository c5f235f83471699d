"""Files that are not Python: text and outline, no units, no facts. The project does not hold them; rules speak of agent files and
of schemas of APIs.
"""

from __future__ import annotations

from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.front_matter import FrontMatter, front_matter
from architect_lsp.knowledge.openapi import OpenApi, openapi
from architect_lsp.knowledge.sdl import Sdl
from architect_lsp.model import Edit, Snapshot
from architect_lsp.syntax.languages import GRAPHQL, JSON, MARKDOWN, PYTHON, YAML, Language
from architect_lsp.syntax.outline import Outline, outline


class Foreign(Document):
    """One version of a file that is not Python. It is parsed when its outline is asked for, so a keystroke costs nothing."""

    __slots__ = ("_outline",)

    def __init__(self, path: str, text: str, version: int | None, language: Language) -> None:
        self.path, self.text, self.version, self.language = path, text, version, language
        self.tried, self._shown, self.units, self.pieces = {}, {}, [], []
        self._lines, self._facts = None, None
        self._outline: Outline | None = None

    def edited(self, text: str, version: int | None = None, edit: Edit | None = None) -> Foreign:
        """The next version."""
        fresh = Foreign(self.path, text, version, self.language)
        fresh._lines = self.lines.edited(text, edit) if edit else None
        return fresh

    @property
    def refusal(self) -> str:
        """Why nothing can be said of it, in words for a person; "" where it is what it should be."""
        return ""

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


class AgentFile(Foreign):
    """A Markdown file that tells an agent, a skill or a command what to do: rules speak of it, the project does not hold it."""

    __slots__ = ("_front",)

    def __init__(self, path: str, text: str, version: int | None = None) -> None:
        super().__init__(path, text, version, MARKDOWN)
        self._front: FrontMatter | None = None

    def edited(self, text: str, version: int | None = None, edit: Edit | None = None) -> AgentFile:
        """The next version."""
        fresh = AgentFile(self.path, text, version)
        fresh._lines = self.lines.edited(text, edit) if edit else None
        return fresh

    @property
    def front(self) -> FrontMatter:
        """What stands above the text."""
        if self._front is None:
            self._front = front_matter(self.text)
        return self._front

    @property
    def kind(self) -> str:
        """What it describes, by its place: "agent", "skill" or "command"."""
        if self.path.endswith("/SKILL.md"):
            return "skill"
        return "command" if "commands/" in self.path else "agent"

    @property
    def is_claudes(self) -> bool:
        """Whether it lies where Claude Code looks, so that its tools and models are those of Claude Code."""
        return ".claude/" in self.path


class OpenApiFile(Foreign):
    """A YAML or JSON file that may describe an API: rules speak of it, the project does not hold it."""

    __slots__ = ("_api",)

    def __init__(self, path: str, text: str, version: int | None = None, language: Language = YAML) -> None:
        super().__init__(path, text, version, language)
        self._api: OpenApi | None = None

    def edited(self, text: str, version: int | None = None, edit: Edit | None = None) -> OpenApiFile:
        """The next version."""
        fresh = OpenApiFile(self.path, text, version, self.language)
        fresh._lines = self.lines.edited(text, edit) if edit else None
        return fresh

    @property
    def refusal(self) -> str:
        """As above."""
        if not self.api.root:
            return f"does not parse as {self.language.title}"
        return "" if self.api.version else "describes no API"

    @property
    def api(self) -> OpenApi:
        """What it promises."""
        if self._api is None:
            self._api = openapi(self.text)
        return self._api


class SdlFile(Foreign):
    """A file of a GraphQL schema: rules speak of it, the project does not hold it."""

    __slots__ = ("_schema",)

    def __init__(self, path: str, text: str, version: int | None = None) -> None:
        super().__init__(path, text, version, GRAPHQL)
        self._schema: Sdl | None = None

    def edited(self, text: str, version: int | None = None, edit: Edit | None = None) -> SdlFile:
        """The next version."""
        fresh = SdlFile(self.path, text, version)
        fresh._lines = self.lines.edited(text, edit) if edit else None
        return fresh

    @property
    def refusal(self) -> str:
        """As above."""
        return self.schema.refusal

    @property
    def schema(self) -> Sdl:
        """What it promises."""
        if self._schema is None:
            self._schema = Sdl(self.text)
        return self._schema


def document_of(path: str, text: str, version: int | None, language: Language) -> Document:
    """A file in work, whichever its language."""
    if language is MARKDOWN:
        return AgentFile(path, text, version)
    if language in (YAML, JSON):
        return OpenApiFile(path, text, version, language)
    if language is GRAPHQL:
        return SdlFile(path, text, version)
    return Document(path, text, version) if language is PYTHON else Foreign(path, text, version, language)
