"""What a rule is: a page, examples that prove it, and one function that finds the smell in a view of one unit or the project."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from msgspec import Struct

from architect_lsp import rules
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.exposures import Exposure, exposures, untrusted
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.foreign import AgentFile
from architect_lsp.knowledge.openapi import OpenApi
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.sdl import Sdl
from architect_lsp.knowledge.sources import is_terminal, parts, passed
from architect_lsp.knowledge.streams import Stream, streams
from architect_lsp.knowledge.summaries import Effect, call_effects
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Instance, Ref, Symbol
from architect_lsp.model import Confidence, Domain, Fix, Parts, Place, Related, Severity, Span
from architect_lsp.patterns import regex

_HEADINGS = {
    "Why": "why",
    "Instead": "instead",
    "Consequences": "consequences",
    "Trade-offs": "trade_offs",
    "Tests": "tests",
    "Security": "security",
    "Observability": "observability",
    "Performance": "performance",
    "Source": "source",
}
_HEADING = regex(rf"^({'|'.join(_HEADINGS)}):[ \n]", re.MULTILINE)


class Change(Struct, frozen=True):
    """Replace a node of the unit by `text`; with `insert` "before" or "after", keep the node and put the text there."""

    node: ast.AST
    text: str
    insert: str = ""


class Draft(Struct, frozen=True):
    """A fix as a rule writes it. `imports` are modules (`asyncio`) or names (`sqlalchemy.text`) the new text needs."""

    title: str
    changes: tuple[Change, ...]
    imports: tuple[str, ...] = ()
    safe: bool = False


class Hit(Struct, frozen=True):
    """One find. `node` is what is underlined, up to the end of its first line for statements with a body.

    `evidence` are steps in other places, each with its sentence; `severity` None is the rule's own.
    """

    node: ast.AST
    message: str
    fixes: tuple[Draft, ...] = ()
    evidence: tuple[tuple[Ref, str], ...] = ()
    severity: Severity | None = None


class ProjectHit(Struct, frozen=True):
    """One find of a rule that reads the project as a whole; `at` is what is underlined."""

    at: Ref
    message: str
    evidence: tuple[tuple[Ref | Place, str], ...] = ()  # a place where it is not of the project as it is now


class Bad(Struct, frozen=True):
    """An example the rule must find: exactly the spans between `[|` and `|]`. `fixed` is the text after the first fix.

    Several files stand one after the other, each under a line `-- path --`.
    """

    code: str
    fixed: str | None = None


class FileHit(Struct, frozen=True):
    """One find in an agent file or a schema; `span` is what is underlined."""

    span: Span
    message: str
    fixes: tuple[Fix, ...] = ()
    evidence: tuple[Related, ...] = ()
    symbol: str = ""  # what it is about, for a finding that must be told from others of the same text


class FileView(Struct, frozen=True):
    """What a rule of agent files sees: one of them, and all by the names they give themselves."""

    file: AgentFile
    names: Mapping[str, Sequence[AgentFile]]


class OpenApiView(Struct, frozen=True):
    """What a rule of OpenAPI documents sees: one of them, and what clients rely on of it, where it is compared.

    `place` gives where something stood there. A document that has gone has no version; `kept` is what others promise now.
    """

    path: str
    api: OpenApi
    before: OpenApi | None = None
    place: Callable[[Span], Place] | None = None
    kept: frozenset[str] = frozenset()


class SdlView(Struct, frozen=True):
    """What a rule of GraphQL schemas sees: one of their files, and what clients rely on of it, as for OpenAPI documents."""

    path: str
    schema: Sdl
    before: Sdl | None = None
    place: Callable[[Span], Place] | None = None
    kept: frozenset[str] = frozenset()


class View:
    """What a rule sees: one unit's reading, and what the project knows of the names in it."""

    __slots__ = ("_exposures", "path", "project", "reading")

    def __init__(self, path: str, reading: Reading, project: Project) -> None:
        self._exposures: tuple[Exposure, ...] | None = None
        self.path = path
        self.reading = reading
        self.project = project

    def symbol(self, node: ast.expr) -> Symbol | None:
        """What an expression means, None when that can't be told."""
        target = self.reading.target(node)
        return self.project.resolve(self.path, target, self.reading.owner(node)) if target else None

    def name(self, node: ast.expr) -> str:
        """The dotted name of something outside the project (`requests.get`, `sqlalchemy.orm.Session.execute`), else ""."""
        found = self.symbol(node)
        return canonical(found.name) if isinstance(found, External) else ""

    def callee(self, call: ast.Call) -> str:
        """The dotted name of what is called, when it is outside the project."""
        return self.name(call.func)

    def effects(self, call: ast.Call, *, through_async: bool = True) -> dict[str, Effect]:
        """What a call does: kind -> effect, its path beginning inside the callee."""
        target = self.reading.target(call.func)
        if not target:
            return {}
        owner = self.reading.owner(call)
        return call_effects(self.project, self.path, target, owner, through_async=through_async)

    def definition(self, call: ast.Call) -> tuple[str, Def] | None:
        """The project's own function that is called, with its file."""
        found = self.symbol(call.func)
        return (found.path, found.facts) if isinstance(found, FunctionSymbol) else None

    def exposures(self, kind: str, *, terminal: bool = False) -> Iterator[Exposure]:
        """The calls that hand an untrusted value to a sink of this kind, at once or through the project's functions, by place.

        Each call once; `terminal` counts a person at a terminal as untrusted too.
        """
        if self._exposures is None:
            self._exposures = tuple(exposures(self.project, self.path, self.reading))
        told: set[ast.AST] = set()
        for it in self._exposures:
            if it.kind == kind and it.call not in told and (terminal or not is_terminal(it.origin)):
                told.add(it.call)
                yield it

    def handed(self, call: ast.Call, kind: str) -> Iterator[tuple[ast.expr, Stream]]:
        """The arguments that the project's own function hands to a sink of this kind."""
        found = self.definition(call)
        if found is not None and found[1].flows:
            for it in streams(self.project, *found):
                if it.kind == kind:
                    yield from ((argument, it) for _, argument in passed(call, found[1], (it.parameter,)))

    def parts(self, node: ast.expr, kind: str) -> tuple[str | Origin, ...]:
        """A value taken apart, for a kind of sink, as `sources.parts` does."""
        return parts(self.project, self.path, self.reading, node, kind)

    def untrusted(self, node: ast.expr, kind: str) -> Origin | None:
        """The first part of a value that a request decides and nothing made harmless for this kind of sink."""
        return untrusted(self.project, self.path, self.reading, node, kind)

    def instance(self, node: ast.expr) -> Instance | None:
        """The object of a class of the project that an expression gives, if it is one."""
        found = self.symbol(node)
        return found if isinstance(found, Instance) else None


SdlCheck = Callable[[SdlView], Iterator[FileHit]]
OpenApiCheck = Callable[[OpenApiView], Iterator[FileHit]]
FileCheck = Callable[[FileView], Iterator[FileHit]]
UnitCheck = Callable[[View], Iterator[Hit]]
ProjectCheck = Callable[[Project], Iterator[ProjectHit]]


@dataclass(eq=False)
class Rule:
    """`Rule(__name__, ...)` in a module of a domain's folder: `boolean_trap.py` is the rule `boolean-trap`.

    `rows` are ids of the reviewer's duties; `equivalents` other tools' codes for the same smell; `preview` rules speak only
    when they are enabled; `needs` are words of which the unit must hold one for the rule to look at it at all; `yields_to` are
    rules that say the same better where both find something on one line.
    """

    module: str
    severity: Severity
    confidence: Confidence
    rows: Sequence[str]
    bad: Sequence[Bad]
    good: Sequence[str]
    cwe: int | None = None
    equivalents: Sequence[str] = ()
    preview: bool = False
    tests_too: bool = False  # whether it speaks about test files
    needs: Sequence[str] = ()
    yields_to: Sequence[str] = ()
    unit_check: UnitCheck | None = field(default=None, init=False)
    project_check: ProjectCheck | None = field(default=None, init=False)
    file_check: FileCheck | None = field(default=None, init=False)
    openapi_check: OpenApiCheck | None = field(default=None, init=False)
    sdl_check: SdlCheck | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """The id everywhere."""
        return self.module.rpartition(".")[2].replace("_", "-")

    @property
    def domain(self) -> Domain:
        """The folder it lives in."""
        return Domain(self.module.split(".")[-2])

    @property
    def title(self) -> str:
        """The smell as one sentence."""
        return page(self.module)[0]

    @property
    def parts(self) -> Parts:
        """The page under its headings."""
        return page(self.module)[1]

    def check(self, function: UnitCheck) -> UnitCheck:
        """Decorator: the function that finds the smell in one unit."""
        self.unit_check = function
        return function

    def check_file(self, function: FileCheck) -> FileCheck:
        """Decorator: the function that finds the smell in one agent file."""
        self.file_check = function
        return function

    def check_openapi(self, function: OpenApiCheck) -> OpenApiCheck:
        """Decorator: the function that finds the smell in one OpenAPI document."""
        self.openapi_check = function
        return function

    def check_sdl(self, function: SdlCheck) -> SdlCheck:
        """Decorator: the function that finds the smell in one file of a GraphQL schema."""
        self.sdl_check = function
        return function

    def check_project(self, function: ProjectCheck) -> ProjectCheck:
        """Decorator: the function that finds the smell in the whole project."""
        self.project_check = function
        return function


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of the book, by domain and name."""
    modules = pkgutil.walk_packages(rules.__path__, f"{rules.__name__}.")
    found = [importlib.import_module(it.name).rule for it in modules if not it.ispkg and it.name.count(".") == 3]
    return tuple(sorted(found, key=lambda it: (list(Domain).index(it.domain), it.name)))


@cache
def page(module: str) -> tuple[str, Parts]:
    """(first sentence, parts) of a rule's docstring."""
    text = inspect.getdoc(importlib.import_module(module)) or ""
    pieces = _HEADING.split(text)
    values = {_HEADINGS[heading]: body.strip() for heading, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    return pieces[0].strip(), Parts(**values)
