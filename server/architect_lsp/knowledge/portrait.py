"""What is worth knowing of a function where nothing is wrong with it: its role, its effects with their paths, its callers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.likeness import step
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reach import SERVICES, entered_from, reached
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.summaries import callers, described, effects
from architect_lsp.knowledge.symbols import FunctionSymbol, Ref
from architect_lsp.knowledge.values import written
from architect_lsp.model import Span
from architect_lsp.patterns import regex

_CALLERS = 5
_ROUTES = 3
_NAMES = 8
_ERROR = 400
_LIMITS = regex(
    r"(?:^|[._])(?:retry|on_exception|on_predicate|limits?|rate_?limit\w*|throttle\w*|timeout|time_limit|lru_cache|cached?)$"
)
"""Names of decorators that say how often, for how long and how many times again."""
_STEPS = 6
"""Most steps of a path that are written out."""


def portrait(project: Project, path: str, definition: Def) -> list[str]:
    """Paragraphs of Markdown, the first a title; [] where there is nothing to say beside what its signature says."""
    here = (project, path, definition)
    found = [*_role(*here), *_limits(definition), *_effects(*here), *_touched(*here), *_callers(*here)]
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
    own = (path, definition.qualname)

    def is_own(ref: Ref | None) -> bool:
        return ref is not None and (ref.path, ref.qualname) == own

    routes = [it for it in known.routes if is_own(it.handler)]
    for it in routes[:_ROUTES]:
        yield from _route(it)
    if len(routes) > _ROUTES:
        yield f"Answers {len(routes) - _ROUTES} more routes."
    if routes:
        yield from _statuses(project, path, definition)
    guarded = [it for it in known.routes if any(is_own(each.ref) for each in it.dependencies)]
    if guarded:
        yield f"Runs before {len(guarded)} route{'s' if len(guarded) > 1 else ''}, such as `{_named(guarded[0])}`."
    for task in known.tasks:
        if is_own(task.ref):
            yield f"Is the task `{task.name}`{_options(task.options)}."
    for resolver in known.resolvers:
        if is_own(resolver.ref):
            yield f"Answers the field `{resolver.type}.{resolver.name}`."
    for tool in known.tools:
        if is_own(tool.ref):
            users = [f"`{it.name}`" for it in known.agents if tool.name in it.tools]
            given = f" of {', '.join(users[:_CALLERS])}" if users else ""
            yield f"Is the tool `{tool.name}`{given}{_options(tool.options)}: a model chooses its arguments."
    for graph in known.graphs:
        yield from (step(graph, it) for it in graph.nodes if is_own(it.ref))


def _route(route: Route) -> Iterator[str]:
    answer = " ".join(it for it in (str(route.status or ""), f"`{route.response}`" if route.response else "") if it)
    guards = [f"`{each.name}`" for each in route.dependencies if each.guards]
    auth = f", guarded by {', '.join(guards)}" if guards else ""
    yield f"Answers `{_named(route)}`{f' with {answer}' if answer else ''}{auth}."
    if len(route.dependencies) > 1:
        chain = [f"`{it.name}`{' (asks who the user is)' if it.guards else ''}" for it in route.dependencies]
        yield f"Before it run {', '.join(chain)}."


def _named(route: Route) -> str:
    return f"{','.join(sorted(route.methods)) or 'any method'} {route.path}"


def _statuses(project: Project, path: str, definition: Def) -> Iterator[str]:
    """Errors it may answer with, its own and those of what it calls."""
    found: dict[int, str] = {}
    for _, it, way in entered_from(project, path, definition):
        for _, status, raised in it.statuses:
            if status >= _ERROR and (raised or not way):
                found.setdefault(status, f" (`{it.qualname}`)" if way else "")
    if found:
        yield f"May answer {', '.join(f'{status}{where}' for status, where in sorted(found.items()))}."


def _options(options: Sequence[tuple[str, str]]) -> str:
    return f" ({', '.join(f'`{name}={value}`' for name, value in options)})" if options else ""


def _limits(definition: Def) -> Iterator[str]:
    found = [f"`{written(it.value)}`" for it in definition.decorators if _LIMITS.search(it.target)]
    if found:
        yield f"Bounded by {', '.join(found)}."


def _touched(project: Project, path: str, definition: Def) -> Iterator[str]:
    """Models, services and tasks it comes to by name."""
    touched = list(reached(project, path, definition))
    for verb, kinds in (("Uses", ("model",)), ("Speaks to", SERVICES), ("Sends", ("task",))):
        names = list(dict.fromkeys(f"`{it.name}`" for it in touched if it.kind in kinds))
        if names:
            more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
            yield f"{verb} {', '.join(names[:_NAMES])}{more}."


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
