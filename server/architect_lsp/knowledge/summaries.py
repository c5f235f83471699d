"""What a function does, through any depth of calls: its effects, each with the shortest path of calls that explains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.facts import NOWHERE, Def
from architect_lsp.knowledge.project import Part, Project
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Ref

_NODES = 400
"""How many functions one search may visit; a path longer than a reader follows explains nothing."""


@dataclass(frozen=True, slots=True)
class Effect:
    """`call` is the library call that does it, by its dotted name; `path` the calls that lead to it, outermost first."""

    kind: str
    call: str
    path: tuple[Ref, ...]


def take(project: Project, path: str, parts: Sequence[Part]) -> bool:
    """Take what a file says. Gives whether it tells others something new; a call that changes no effect tells them nothing.

    Effect: then raises the project's `generation`.
    """
    names = project.quietly(path, parts)
    if names is None:
        return project.put(path, parts)
    if not names:
        project.swap(path, parts, names)
        return False
    before = _told(project, path, names)
    project.swap(path, parts, names)
    for through_async in (True, False):
        known = project.memo(("effects", through_async))
        for name in names:
            known.pop((path, name), None)
    if _told(project, path, names) == before:
        return False
    return project.put(path, parts, anew=True)


def _told(project: Project, path: str, names: Sequence[str]) -> list[object]:
    """What others can know of these functions' calls: their effects, and how the calls that have any are made."""
    told: list[object] = []
    for it in (project.definition(path, name) for name in names):
        if it is None:
            continue
        told += (effects(project, path, it, through_async=flag) for flag in (True, False))
        told += (replace(call, place=NOWHERE) for call in it.calls if call_effects(project, path, call.target, it.owner))
    return told


def call_effects(project: Project, path: str, target: str, owner: str, *, through_async: bool = True) -> dict[str, Effect]:
    """What a call of `target` in the file `path` does: kind -> effect, the paths beginning inside the callee."""
    symbol = project.resolve(path, target, owner)
    if isinstance(symbol, External):
        name = canonical(symbol.name)
        return {kind: Effect(kind, name, ()) for kind in project.table.kinds(symbol.name)}
    if isinstance(symbol, FunctionSymbol) and (through_async or not symbol.facts.is_async):
        return effects(project, symbol.path, symbol.facts, through_async=through_async)
    return {}


def effects(project: Project, path: str, definition: Def, *, through_async: bool = True) -> dict[str, Effect]:
    """Kind -> effect of a function of the project, by the shortest path of calls.

    `through_async` False asks what a caller on an event loop is sure to wait for: it does not enter coroutines, whose waiting is
    theirs to answer for, nor calls that only a branch makes. A generator's body runs where
    it is iterated, which is taken to be where it is called.
    """
    known = project.memo(("effects", through_async))
    key = (path, definition.qualname)
    if key in known:
        found: dict[str, Effect] = known[key]
        return found
    result: dict[str, Effect] = {}
    queue: list[tuple[str, Def, tuple[Ref, ...]]] = [(path, definition, ())]
    seen = {key}
    while queue and len(seen) < _NODES:
        file, it, trail = queue.pop(0)
        for index, call in enumerate(it.calls):
            if not through_async and not call.certain:
                continue
            step = (*trail, Ref(file, it.qualname, "call", index))
            symbol = project.resolve(file, call.target, it.owner)
            if isinstance(symbol, External):
                for kind in project.table.kinds(symbol.name):
                    if call.writes and kind == "db-read":
                        kind = "db-write"
                    result.setdefault(kind, Effect(kind, canonical(symbol.name), step))
            elif isinstance(symbol, FunctionSymbol) and (through_async or not symbol.facts.is_async):
                inner = (symbol.path, symbol.facts.qualname)
                if inner not in seen:
                    seen.add(inner)
                    queue.append((symbol.path, symbol.facts, step))
    known[key] = result
    return result


def callers(project: Project, path: str, qualname: str) -> list[Ref]:
    """Every call of a function in the project."""
    index: dict[tuple[str, str], list[Ref]] = project.memo("callers")
    if not index:
        index[("", "")] = []
        for file in project.paths:
            for it in project.facts(file).defs:
                for number, call in enumerate(it.calls):
                    symbol = project.resolve(file, call.target, it.owner)
                    if isinstance(symbol, FunctionSymbol):
                        index.setdefault((symbol.path, symbol.facts.qualname), []).append(Ref(file, it.qualname, "call", number))
    return index.get((path, qualname), [])


def described(effect: Effect, project: Project) -> list[tuple[Ref, str]]:
    """The path of an effect as (call, sentence), for evidence and hovers."""
    steps: list[tuple[Ref, str]] = []
    for index, ref in enumerate(effect.path):
        last = index == len(effect.path) - 1
        definition = project.definition(ref.path, ref.qualname)
        target: Any = definition.calls[ref.index].target if definition and ref.index < len(definition.calls) else effect.call
        name = effect.call if last else target
        steps.append((ref, f"`{ref.qualname}` calls `{name.replace('()', '')}`"))
    return steps
