"""What a model is told of a selection beside its text: definitions around it, facts that bear on it, code it depends on.

Facts come first, most telling first: roles with their auth chain, effects with their paths, callers, models, tests. Code is named
by its place (`Excerpt`); whoever has the disk reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.facts import ClassDef, Def
from architect_lsp.knowledge.foreign import Foreign
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.portrait import portrait
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.summaries import callers, effects
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Instance, Ref, Symbol
from architect_lsp.model import Span
from architect_lsp.syntax.outline import Item

_CALLERS = 5
_CALLED = 8
"""Most calls that are told of one definition."""
_COLUMNS = 24
_RELATED = 12
"""Most pieces of code from elsewhere that are offered."""


class Excerpt(Struct, frozen=True):
    """Code that bears on the selection: a definition and why it is shown; `text` "" until it was read."""

    ref: Ref
    why: str
    text: str = ""


class Context(Struct, frozen=True):
    """`enclosing` are signatures, `facts` sentences, the most telling first; `head` counts the lines before the first definition.

    None leaves it to the brief to find where the head ends. `related` is code from elsewhere, the nearest first. `pages` name
    what the selection is part of: "api", "data", "async", "agents", "quality".
    """

    enclosing: Sequence[str]
    facts: Sequence[str]
    head: int | None = None
    related: Sequence[Excerpt] = ()
    pages: tuple[str, ...] = ()


def context(project: Project, document: Document, span: Span) -> Context:
    """What bears on `span`."""
    first, last = document.lines.line_of(span.start), document.lines.line_of(max(span.start, span.end - 1))
    if isinstance(document, Foreign):
        return _outlined(document, first, last)
    touched, classes = _touched(document, first, last)
    facts: list[str] = []
    seen = {(document.path, it.qualname) for it in touched} | {(document.path, it.qualname) for it in classes}
    symbols = list(_spoken_of(project, document.path, touched, classes))
    for it in touched:
        facts += _told(project, document.path, it)
    tables = {it.ref: it for it in catalogue(project).models}
    for symbol in symbols:
        if isinstance(symbol, ClassSymbol | Instance):
            model = tables.get(Ref(symbol.path, symbol.facts.qualname, "class"))
            if model is not None and _row(model) not in facts:
                facts.append(_row(model))
    related = [it for it in _code(project, document.path, touched, symbols) if (it.ref.path, it.ref.qualname) not in seen]
    shown = list({it.ref: it for it in related}.values())[:_RELATED]
    return Context([_signature(it) for it in touched], facts, related=shown, pages=_pages(project, document.path, touched))


def _pages(project: Project, path: str, touched: Sequence[Def]) -> tuple[str, ...]:
    """What the functions are part of, as far as facts tell."""
    kinds = {kind for it in touched for kind in effects(project, path, it)}
    known = catalogue(project)
    names = {(path, it.qualname) for it in touched}

    def holds(refs: Iterable[Ref | None]) -> bool:
        return any(it is not None and (it.path, it.qualname) in names for it in refs)

    told = {
        "api": holds(it.handler for it in known.routes) or holds(it.ref for it in known.resolvers),
        "data": bool(kinds & {"db-read", "db-write", "commit", "transaction"}),
        "async": bool(kinds & {"queue", "spawns"}) or any(it.is_async for it in touched) or holds(it.ref for it in known.tasks),
        "agents": "llm" in kinds
        or path in {*(it.at.path for it in known.agents), *(it.at.path for it in known.graphs)}
        or holds(it.ref for it in known.tools),
        "quality": is_test(path),
    }
    return tuple(name for name, is_so in told.items() if is_so)


def _touched(document: Document, first: int, last: int) -> tuple[list[Def], list[ClassDef]]:
    """The functions and classes of the units that the lines `first` to `last` fall into."""
    functions: list[Def] = []
    classes: list[ClassDef] = []
    for unit, facts in document.parts:
        if any(begin <= last and first < begin + count for _, begin, count in unit.runs):
            functions += facts.defs
            classes += facts.classes
    return functions, classes


def _signature(it: Def) -> str:
    arguments = ", ".join(f"{name}: {kind}" if kind else name for name, kind in it.parameters)
    return f"{'async def' if it.is_async else 'def'} {it.qualname}({arguments})"


def _told(project: Project, path: str, it: Def) -> Iterator[str]:
    """What a hover would say of a function, a sentence a line, and the tests that call it."""
    for paragraph in portrait(project, path, it)[1:]:
        for line in paragraph.splitlines():
            yield f"{it.qualname}: {line.removeprefix('- ').replace('**', '').replace('`', '')}"
    tests = list(dict.fromkeys(ref.qualname for ref in callers(project, path, it.qualname) if is_test(ref.path)))
    if tests:
        yield f"{it.qualname}: is called by the tests {', '.join(tests[:_CALLERS])}"


def _row(model: OrmModel) -> str:
    columns = [
        it.name
        + "".join(f" {word}" for word, holds in (("key", it.primary), ("unique", it.unique), ("indexed", it.indexed)) if holds)
        for it in model.columns[:_COLUMNS]
    ]
    relations = [f"{it.name} -> {'many ' if it.many else ''}{it.target}" for it in model.relations]
    said = f"{model.name} is stored in {model.table or 'a table'}: {', '.join(columns) or 'columns unknown'}"
    return said + (f"; relations: {', '.join(relations)}" if relations else "")


def _spoken_of(project: Project, path: str, touched: Sequence[Def], classes: Sequence[ClassDef]) -> Iterator[Symbol]:
    """What of the project the functions call, take, give and depend on, in the order of the source."""
    for it in touched:
        names = [*(kind for _, kind in it.parameters), *(call.target for call in it.calls), it.returns]
        for _, value in it.injected:
            names += [each.text for each in value.each() if each.kind in ("name", "call")]
        for name in names:
            symbol = project.resolve(path, name, it.owner) if name else None
            if isinstance(symbol, FunctionSymbol | ClassSymbol | Instance):
                yield symbol
    for kind in classes:
        for base in kind.bases:
            symbol = project.resolve(path, base)
            if isinstance(symbol, ClassSymbol):
                yield symbol


def _code(project: Project, path: str, touched: Sequence[Def], symbols: Sequence[Symbol]) -> Iterator[Excerpt]:
    for symbol in symbols:
        if isinstance(symbol, FunctionSymbol):
            yield Excerpt(Ref(symbol.path, symbol.facts.qualname, "def"), "is called")
        elif isinstance(symbol, ClassSymbol | Instance):
            yield Excerpt(Ref(symbol.path, symbol.facts.qualname, "class"), "is used")
    for it in touched:
        for ref in callers(project, path, it.qualname)[:_CALLERS]:
            yield Excerpt(Ref(ref.path, ref.qualname, "def"), f"calls {it.qualname}")


def cuts(document: Document) -> list[int]:
    """The offsets where a selection may be cut: the beginnings of definitions, in order."""
    lines = document.outline.cuts if isinstance(document, Foreign) else {it.line for it in document.units}
    return sorted({document.offset(it, 0) for it in lines})


def _outlined(document: Foreign, first: int, last: int) -> Context:
    """What the outline of one file says of its lines `first` to `last`."""
    outline = document.outline
    touched = outline.at(first, last)
    enclosing = [
        f"{it.kind} {it.name}, lines {it.first + 1}-{it.last + 1}: {it.signature}"
        for it in touched
        if it.first < first or last < it.last
    ]
    facts = [f"This is {document.language.title}. Other files were not read: who calls this from elsewhere is not known."]
    if outline.imports:
        facts.append(f"The file imports {', '.join(outline.imports)}")
    called: dict[Item, dict[str, int]] = {}
    calling: dict[Item, dict[str, int]] = {}
    for call, target in outline.links:
        line = call.place.line + 1
        for it in call.inside.around if call.inside else ():
            called.setdefault(it, {}).setdefault(target.name, line)
        calling.setdefault(target, {}).setdefault(call.inside.name if call.inside else "the top of the file", line)
    for it in touched:
        if it.kind in ("function", "method", "constant"):
            facts += (f"{it.name} calls {name} (line {line})" for name, line in [*called.get(it, {}).items()][:_CALLED])
        facts += (f"{it.name} is called by {name} (line {line})" for name, line in [*calling.get(it, {}).items()][:_CALLERS])
    return Context(enclosing, facts, outline.items[0].first if outline.items else None)
