"""What a function does, through any depth of calls: its effects, each with the shortest path of calls that explains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge import streams
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.facts import NOWHERE, Def, Facts
from architect_lsp.knowledge.frameworks.celery import SENT, handed
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.said import Part
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Ref, Symbol
from architect_lsp.knowledge.webs import CallWeb, Key

_Names = dict[str, list[tuple[str, int]]]


class Effect(Struct, frozen=True):
    """`call` is the library call that does it, by its dotted name; `path` the calls that lead to it, outermost first."""

    kind: str
    call: str
    path: tuple[Ref, ...]


class _Step(NamedTuple):
    """How a function comes to an effect: `length` calls away, by its own call `number`; `callee` None means that call does it."""

    length: int
    number: int
    call: str
    callee: Key | None


def take(project: Project, path: str, parts: Sequence[Part]) -> bool:
    """Take what a file says. Gives whether it tells others something new; a call that changes no effect tells them nothing.

    Effect: then raises the project's `generation`.
    """
    names = project.quietly(path, parts)
    if names is None:
        return project.put(path, parts)
    if not names:
        project.swap(path, parts)
        return False
    before = _told(project, path, names)
    project.swap(path, parts)
    webs: list[CallWeb[Any]] = [*(_web(project, through_async=it) for it in (True, False)), streams.web(project)]
    kept = [it.without([(path, name) for name in names]) for it in webs]
    same = _told(project, path, names) == before
    for web, rows in zip(webs, kept, strict=True):
        web.known.update(rows)  # what callers concluded from these functions still holds, or `put` will see to it
    return False if same else project.put(path, parts, anew=names)


def _told(project: Project, path: str, names: Sequence[str]) -> list[object]:
    """What others can know of these functions' calls: their effects, and how the calls that have any are made."""
    told: list[object] = []
    for it in (project.definition(path, name) for name in names):
        if it is None:
            continue
        told.append(streams.told(project, path, it))
        told += (effects(project, path, it, through_async=flag) for flag in (True, False))
        told += (replace(call, place=NOWHERE) for call in it.calls if call_effects(project, path, call.target, it.owner))
    return told


def call_effects(project: Project, path: str, target: str, owner: str, *, through_async: bool = True) -> dict[str, Effect]:
    """What a call of `target` in the file `path` does: kind -> effect, the paths beginning inside the callee."""
    symbol = entered(project, path, target, owner)
    if isinstance(symbol, External):
        name = canonical(symbol.name)
        return {kind: Effect(kind, name, ()) for kind in project.table.kinds(symbol.name)}
    if isinstance(symbol, FunctionSymbol) and (through_async or not symbol.facts.is_async):
        return effects(project, symbol.path, symbol.facts, through_async=through_async)
    return {}


def effects(project: Project, path: str, definition: Def, *, through_async: bool = True) -> dict[str, Effect]:
    """Kind -> effect of a function of the project, by the shortest path of calls, the one that comes first among equals.

    `through_async` False asks what a caller on an event loop is sure to wait for: it does not enter coroutines, whose waiting is
    theirs to answer for, nor calls that only a branch makes. A generator's body runs where
    it is iterated, which is taken to be where it is called.
    """
    key = (path, definition.qualname)
    web = _web(project, through_async=through_async)
    project.conclusions.ask(web.question(key))
    known = web.known
    if key not in known:
        last = project.definition(*key) or definition  # of several that bear the name, the one that counts
        _settle(project, key, last, web, through_async=through_async)
    result: dict[str, Effect] = {}
    for kind, step in known[key].items():
        trail: list[Ref] = []
        at: Key = key
        while True:
            trail.append(Ref(*at, "call", step.number))
            if step.callee is None:
                break
            at = step.callee
            step = known[at][kind]
        result[kind] = Effect(kind, step.call, tuple(trail))
    return result


def _web(project: Project, *, through_async: bool) -> CallWeb[dict[str, _Step]]:
    return project.conclusions.web(("effects", through_async), lambda: CallWeb("does"))


def _settle(project: Project, key: Key, definition: Def, web: CallWeb[dict[str, _Step]], *, through_async: bool) -> None:
    """Find the steps of a function and of all it reaches, nearest effects first, until nothing is nearer."""
    found: dict[Key, dict[str, _Step]] = {key: {}}
    calls_of: dict[Key, list[tuple[Key, int]]] = {}  # callee -> (caller, index of its call)
    waves: dict[int, list[tuple[Key, str, _Step]]] = {}
    todo: list[tuple[Key, Def]] = [(key, definition)]
    while todo:
        here, it = todo.pop()
        runs, asked = project.conclusions.watched(_all_entered, project, here[0], it, through_async, alone=True)
        web.asked[here] = asked
        for index, symbol in runs:
            if isinstance(symbol, External):
                for kind in project.table.kinds(symbol.name):
                    kind = "db-write" if it.calls[index].writes and kind == "db-read" else kind
                    waves.setdefault(1, []).append((here, kind, _Step(1, index, canonical(symbol.name), None)))
                continue
            callee = (symbol.path, symbol.facts.qualname)
            web.above.setdefault(callee, set()).add(here)
            if callee in web.known:
                for kind, step in web.known[callee].items():
                    further = _Step(step.length + 1, index, step.call, callee)
                    waves.setdefault(further.length, []).append((here, kind, further))
                continue
            calls_of.setdefault(callee, []).append((here, index))
            if callee not in found:
                found[callee] = {}
                todo.append((callee, symbol.facts))
    length = 0
    while waves:
        length += 1
        wave = waves.pop(length, ())
        nearest: dict[tuple[Key, str], _Step] = {}
        for here, kind, step in wave:
            if kind not in found[here] and ((here, kind) not in nearest or step.number < nearest[here, kind].number):
                nearest[here, kind] = step
        for (here, kind), step in nearest.items():
            found[here][kind] = step
            for caller, index in calls_of.get(here, ()):
                if kind not in found[caller]:
                    waves.setdefault(length + 1, []).append((caller, kind, _Step(length + 1, index, step.call, here)))
    web.known.update(found)


def _all_entered(
    project: Project, path: str, definition: Def, through_async: bool
) -> list[tuple[int, External | FunctionSymbol]]:
    """(index of a call, what runs) for each call of a function that is entered."""
    found: list[tuple[int, External | FunctionSymbol]] = []
    for index, call in enumerate(definition.calls):
        if not through_async and not call.certain:
            continue
        symbol = entered(project, path, call.target, definition.owner)
        if isinstance(symbol, External) or (isinstance(symbol, FunctionSymbol) and (through_async or not symbol.facts.is_async)):
            found.append((index, symbol))
    return found


def entered(project: Project, path: str, target: str, owner: str) -> Symbol | None:
    """What runs when a target is called: of a class, its `__init__`."""
    symbol = project.resolve(path, target, owner)
    return project.resolve(path, f"{target}.__init__", owner) if isinstance(symbol, ClassSymbol) else symbol


def callers(project: Project, path: str, qualname: str) -> list[Ref]:
    """Every call of a function in the project, as far as the call or an alias of it bears the function's name.

    A call that hands a task to a queue is one of its function.
    """
    *owners, name = qualname.split(".")
    name = owners[-1] if name == "__init__" and owners else name
    found: list[Ref] = []
    for file in project.paths:
        by_name, aliases = _calls_by_name(project.facts(file), project.lasting("calls by name"), file)
        for it in (name, *aliases.get(name, ())):
            for caller, number in by_name.get(it, ()):
                definition = project.definition(file, caller)
                if definition is None or number >= len(definition.calls):
                    continue
                target = definition.calls[number].target
                symbol = handed(project, file, target, definition.owner) or entered(project, file, target, definition.owner)
                if isinstance(symbol, FunctionSymbol) and (symbol.path, symbol.facts.qualname) == (path, qualname):
                    found.append(Ref(file, caller, "call", number))
    return found


def _calls_by_name(
    facts: Facts, kept: dict[str, tuple[Facts, _Names, dict[str, list[str]]]], file: str
) -> tuple[_Names, dict[str, list[str]]]:
    """(last name of a call -> its function and number, name -> what the file calls it), read once for the same facts."""
    if file not in kept or kept[file][0] is not facts:
        by_name: _Names = {}
        for it in facts.defs:
            for number, call in enumerate(it.calls):
                head, _, last = call.target.replace("()", "").rpartition(".")
                by_name.setdefault(last, []).append((it.qualname, number))
                if last in SENT:
                    by_name.setdefault(head.rpartition(".")[2], []).append((it.qualname, number))
        aliases: dict[str, list[str]] = {}
        renamed = [*facts.imports, *((it.name, it.target) for it in facts.variables)]
        renamed += ((attribute, target) for _, attribute, target in facts.attributes)
        for name, target in renamed:
            last = target.rpartition(".")[2].replace("()", "")
            if last != name:
                aliases.setdefault(last, []).append(name)
        kept[file] = facts, by_name, aliases
    _, names, others = kept[file]
    return names, others


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
