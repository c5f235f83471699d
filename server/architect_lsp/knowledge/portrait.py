"""What is worth knowing of a function where nothing is wrong with it: its role, its effects with their paths, its callers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.summaries import callers, described, effects
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Span

_CALLERS = 5
_ROUTES = 3
_STEPS = 6
"""Most steps of a path that are written out."""


def portrait(project: Project, path: str, definition: Def) -> list[str]:
    """Paragraphs of Markdown, the first a title; [] where there is nothing to say beside what its signature says."""
    found = [*_role(project, path, definition), *_effects(project, path, definition), *_callers(project, path, definition)]
    if not found:
        return []
    return [f"`{definition.qualname}`{' · async' if definition.is_async else ''}", *found]


def named_at(project: Project, document: Document, offset: int) -> tuple[str, Def, Span] | None:
    """(file, function, span of the name) of the function that is defined or called at an offset; None where there is none."""
    line = document.lines.line_of(offset)
    for unit, piece in zip(document.units, document.pieces, strict=True):
        reading = piece.reading
        if reading is None or not any(begin <= line < begin + count for _, begin, count in unit.runs):
            continue
        for function in reading.functions:
            start = document.span(unit, reading.place(function)).start
            at = document.text.find(function.name, start + len("def "))
            definition = project.definition(document.path, reading.qualname(function))
            if at <= offset <= at + len(function.name) and definition is not None:
                return document.path, definition, Span(at, at + len(function.name))
        for call in reading.each(ast.Call):
            end = document.span(unit, reading.place(call.func)).end
            last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
            if not last or not end - len(last) <= offset <= end:
                continue
            symbol = project.resolve(document.path, reading.target(call.func), reading.owner(call))
            if isinstance(symbol, FunctionSymbol):
                return symbol.path, symbol.facts, Span(end - len(last), end)
    return None


def _role(project: Project, path: str, definition: Def) -> Iterator[str]:
    known = catalogue(project)
    routes = [it for it in known.routes if it.handler and (it.handler.path, it.handler.qualname) == (path, definition.qualname)]
    for it in routes[:_ROUTES]:
        guards = [f"`{each.name}`" for each in it.dependencies if each.guards]
        auth = f", guarded by {', '.join(guards)}" if guards else ""
        yield f"Answers `{','.join(sorted(it.methods)) or 'any method'} {it.path}`{auth}."
    if len(routes) > _ROUTES:
        yield f"Answers {len(routes) - _ROUTES} more routes."
    for task in known.tasks:
        if (task.ref.path, task.ref.qualname) == (path, definition.qualname):
            options = ", ".join(f"{name}={value}" for name, value in task.options)
            yield f"Is the task `{task.name}`{f' ({options})' if options else ''}."
    for tool in known.tools:
        if tool.ref is not None and (tool.ref.path, tool.ref.qualname) == (path, definition.qualname):
            yield f"Is the tool `{tool.name}`: a model chooses its arguments."


def _effects(project: Project, path: str, definition: Def) -> Iterator[str]:
    lines: list[str] = []
    for kind, effect in sorted(effects(project, path, definition).items()):
        steps = [text for _, text in described(effect, project)]
        if len(steps) > _STEPS:
            steps = [*steps[: _STEPS - 2], f"{len(steps) - _STEPS + 1} more", steps[-1]]
        lines.append(f"- **{kind}**: {', '.join(steps)}")
    if lines:
        yield "\n".join(lines)


def _callers(project: Project, path: str, definition: Def) -> Iterator[str]:
    calls = callers(project, path, definition.qualname)
    names = list(dict.fromkeys((it.path, it.qualname) for it in calls))
    if names:
        shown = [f"`{name}` in {file}" for file, name in names[:_CALLERS]]
        more = f" and {len(names) - _CALLERS} more" if len(names) > _CALLERS else ""
        yield f"Called by {', '.join(shown)}{more}."
