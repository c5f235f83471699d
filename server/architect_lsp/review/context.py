"""What a model is told of a selection beside its text: definitions around it, facts that bear on it; where it may be cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.foreign import Foreign
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.summaries import callers, described, effects
from architect_lsp.model import Span
from architect_lsp.syntax.outline import Item

_CALLERS = 5
_CALLED = 8
"""Most calls that are told of one definition."""


@dataclass(frozen=True, slots=True)
class Context:
    """`enclosing` are signatures, `facts` sentences, the most telling first; `head` counts the lines before the first definition.

    None leaves it to the brief to find where the head ends.
    """

    enclosing: Sequence[str]
    facts: Sequence[str]
    head: int | None = None


def context(project: Project, document: Document, span: Span) -> Context:
    """What bears on `span`."""
    first, last = document.lines.line_of(span.start), document.lines.line_of(max(span.start, span.end - 1))
    if isinstance(document, Foreign):
        return _outlined(document, first, last)
    enclosing: list[str] = []
    lines: list[str] = []
    for it in document.facts.defs:
        if it.place.end_line < first or it.place.line > last:
            continue
        prefix = "async def" if it.is_async else "def"
        arguments = ", ".join(f"{name}: {kind}" if kind else name for name, kind in it.parameters)
        enclosing.append(f"{prefix} {it.qualname}({arguments})")
        for effect in effects(project, document.path, it).values():
            steps = " -> ".join(text for _, text in described(effect, project))
            lines.append(f"{it.qualname} does {effect.kind}: {steps or effect.call}")
        lines += (
            f"{it.qualname} is called by {ref.qualname or 'module'} in {ref.path}"
            for ref in callers(project, document.path, it.qualname)[:_CALLERS]
        )
    return Context(enclosing, lines)


def pieces(document: Document, span: Span, room: int) -> list[Span]:
    """`span` in pieces of at most `room` code points, where it can be cut between definitions."""
    if span.end - span.start <= room:
        return [span]
    lines = document.outline.cuts if isinstance(document, Foreign) else {it.line for it in document.units}
    cuts = sorted({document.offset(it, 0) for it in lines})
    spans: list[Span] = []
    start = span.start
    for before, cut in zip(cuts, [*cuts[1:], span.end], strict=True):
        if cut - start > room and before > start:
            spans.append(Span(start, before))
            start = before
        if cut >= span.end:
            break
    return [*spans, Span(start, span.end)]


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
