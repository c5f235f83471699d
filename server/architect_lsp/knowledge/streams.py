"""What the parameters of a function reach through any depth of calls: sinks, each with the shortest path, and its result.

Composed from the flows that each function's facts hold, never by reading code again. A function and all it leads to are settled
together, to the least fixpoint, so what comes out does not depend on who asked first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from msgspec import Struct

from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.facts import FIELD, Call, Def, Flow
from architect_lsp.knowledge.harmless import cleaned
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.sent import HELD
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Ref, Symbol, module_name
from architect_lsp.knowledge.threats import ALL, LOADED, Sink
from architect_lsp.knowledge.webs import CallWeb, Key

_Node = tuple[Key, str]
"""A parameter of a function, or an attribute of `self` in it."""
_Clean = frozenset[str]
_NameT = TypeVar("_NameT")
"""Kinds of sink that a value may reach because of what it went through."""
_NOTHING: _Clean = frozenset()
_UNKNOWN = ("?", "builtins.req")
"""How names begin that say nothing: the parameter `request` is no name of the file's."""


_Hop = tuple[_Node, int, _Clean, str]
"""Who hands a value on, by which call, how clean, and which part of it."""
_Into = dict[_Node, list[_Hop]]


class Stream(Struct, frozen=True):
    """A parameter reaches a sink: `call` is its dotted name, `path` the calls that lead there, outermost first.

    `fields` is the part of it that does, "sort.value", where it is handed on as a whole before; "" for the whole.
    """

    parameter: str
    kind: str
    call: str
    path: tuple[Ref, ...]
    fields: str = ""


class _Step(NamedTuple):
    """How a value comes to a sink: `length` calls away, by call `number` of its function; `to` None means that call is it."""

    length: int
    number: int
    call: str
    to: _Node | None
    fields: str


class _Known(NamedTuple):
    """What is known of one function: (parameter, kind) -> step; parameters that reach the result; sources that it gives.

    `parts` are the parameters that reach one of several results, by its slot; "" for those that reach a single one.
    """

    steps: dict[tuple[str, str], _Step]
    passes: dict[str, _Clean]
    gives: dict[str, _Clean]
    parts: dict[tuple[str, str], _Clean]


def streams(project: Project, path: str, definition: Def) -> tuple[Stream, ...]:
    """What each parameter of a function reaches, the nearest sink of each kind."""
    known = _known(project, path, definition)
    return tuple(
        Stream(parameter, kind, step.call, _path(project, ((path, definition.qualname), parameter), kind, step), step.fields)
        for (parameter, kind), step in known.steps.items()
        if not parameter.startswith("self.")
    )


def passes(project: Project, path: str, definition: Def, part: int = -1) -> dict[str, frozenset[str]]:
    """Parameter -> the kinds of sink that it is made harmless for, of each that reaches the result, or that part of it."""
    known = _known(project, path, definition)
    if part < 0:
        return known.passes
    return {parameter: clean for (slot, parameter), clean in known.parts.items() if slot in ("", f"#{part}")}


def gives(project: Project, path: str, definition: Def) -> dict[str, frozenset[str]]:
    """The names outside of the project's functions that the result comes from, as `passes`; canonical where that can be told."""
    return _known(project, path, definition).gives


def web(project: Project) -> CallWeb[_Known]:
    """What is known of the functions asked for so far."""
    return project.conclusions.web("streams", lambda: CallWeb("streams"))


def told(project: Project, path: str, definition: Def) -> object:
    """All that others can know of a function's flows: equal when an edit changed nothing for them."""
    known = _known(project, path, definition)
    key = (path, definition.qualname)
    steps = [(name, kind, it.call, it.fields, _path(project, (key, name), kind, it)) for (name, kind), it in known.steps.items()]
    return known.passes, known.parts, known.gives, steps, [it for it in definition.flows if it.is_kept]


def described(stream: Stream, project: Project) -> tuple[tuple[Ref, str], ...]:
    """The path of a stream as (call, sentence), for evidence."""
    steps = []
    for index, ref in enumerate(stream.path):
        if ref.kind == "def":
            steps.append((ref, f"`{ref.qualname}` keeps it"))
            continue
        definition = project.definition(ref.path, ref.qualname)
        target = definition.calls[ref.index].target if definition and ref.index < len(definition.calls) else stream.call
        name = stream.call if index == len(stream.path) - 1 else target
        steps.append((ref, f"`{ref.qualname}` hands it to `{name.replace('()', '').lstrip('?.')}`"))
    return tuple(steps)


def slot_parameter(definition: Def, slot: str) -> str:
    """The callee's parameter that an argument fills; "" when that can't be told.

    What no parameter is named for is one of all the others that `*rows` or `**fields` takes.
    """
    names = [name for name, _ in definition.parameters]
    if names[:1] in (["self"], ["cls"]) and (definition.owner or definition.decorators):  # a task may be bound
        names = names[1:]
    if slot.isdigit() and int(slot) < len(names):
        return names[int(slot)]
    if slot in names:
        return slot
    others = {it.source for it in definition.flows if it.source.isidentifier()}.difference(names)
    return others.pop() if len(others) == 1 and slot not in ("*", "on") else ""


def _known(project: Project, path: str, definition: Def) -> _Known:
    all_known = web(project)
    key = (path, definition.qualname)
    project.conclusions.ask(all_known.question(key))
    if key not in all_known.known:
        last = project.definition(*key) or definition  # of several that bear the name, the one that counts
        all_known.known.update(_Settling(project, all_known).settled(key, last))
    return all_known.known[key]


def _path(project: Project, node: _Node, kind: str, step: _Step) -> tuple[Ref, ...]:
    known = web(project).known
    trail: list[Ref] = []
    while True:
        key, _ = node
        trail.append(Ref(*key, "call", step.number) if step.number >= 0 else Ref(*key, "def"))
        if step.to is None:
            return tuple(trail)
        node = step.to
        step = known[node[0]].steps[node[1], kind]


class _Names(NamedTuple):
    """What the names mean that a function's flows speak of."""

    callees: dict[int, tuple[Symbol | None, str]]  # number of a call -> what it runs, and the dotted name of what is not ours
    clean: dict[tuple[str, ...], _Clean]  # what values went through -> what for they are harmless then
    outside: tuple[tuple[str, _Clean], ...]  # the names that the result comes from, and what for they are harmless in it
    readers: tuple[tuple[Key, Def], ...]  # methods of the class that use what this one keeps in `self`


class _Settling:
    """One search: the functions that one leads to, and what is found of them."""

    def __init__(self, project: Project, web: CallWeb[_Known]) -> None:
        self.project = project
        self.web = web
        self.definitions: dict[Key, Def] = {}
        self.names: dict[Key, _Names] = {}
        self.found: dict[Key, _Known] = {}

    def settled(self, key: Key, definition: Def) -> dict[Key, _Known]:
        """What is known of the function and of all it leads to that were not known yet."""
        todo = [(key, definition)]
        while todo:
            here, it = todo.pop()
            if here in self.definitions or here in self.web.known:
                continue
            self.definitions[here] = it
            self.found[here] = _Known({}, {}, {}, {})
            names, self.web.asked[here] = self.project.conclusions.watched(self._named, here, it, alone=True)
            self.names[here] = names
            below = [
                ((it.path, it.facts.qualname), it.facts) for it, _ in names.callees.values() if isinstance(it, FunctionSymbol)
            ]
            for at, facts in (*below, *names.readers):
                self.web.above.setdefault(at, set()).add(here)
                todo.append((at, facts))
        self._results()
        self._steps()
        return self.found

    def _named(self, here: Key, definition: Def) -> _Names:
        path = here[0]
        numbers = sorted({it.call for it in definition.flows if it.call >= 0} | {_number(it) for it in _called(definition)})
        clean: dict[tuple[str, ...], _Clean] = {}
        for it in definition.flows:
            if it.through not in clean:
                clean[it.through] = _NOTHING.union(*(cleaned(self.project, path, each) for each in it.through))
        outside = []
        own = {name for name, _ in definition.parameters}
        for written in definition.results:
            *marks, name = written.split(" ")
            head, called, rest = name.partition("()")
            is_of_request = name.partition(".")[0] in own
            symbol = self.project.resolve(path, head, definition.owner) if not is_of_request else None
            if not isinstance(symbol, FunctionSymbol):
                is_known = isinstance(symbol, External) and not symbol.name.startswith(_UNKNOWN) and not HELD.match(name)
                full = f"{symbol.name if is_known and isinstance(symbol, External) else head}{called}{rest}"
                outside.append((full, _NOTHING.union(*(cleaned(self.project, path, it) for it in marks))))
        kept = {it.slot for it in definition.flows if it.is_kept}
        readers = tuple(
            ((path, it.qualname), it)
            for it in (self.project.methods(path, definition.owner) if kept else ())
            if any(flow.source in kept for flow in it.flows)
        )
        return _Names({it: self._callee(path, definition, it) for it in numbers}, clean, tuple(outside), readers)

    def _callee(self, path: str, definition: Def, number: int) -> tuple[Symbol | None, str]:
        call: Call = definition.calls[number]
        symbol = self.project.resolve(path, call.target, definition.owner)
        if isinstance(symbol, ClassSymbol):
            symbol = self.project.resolve(path, f"{call.target}.__init__", definition.owner)
        if isinstance(symbol, FunctionSymbol):
            return (None, module_name(symbol)) if self.project.threats.is_sanitiser(module_name(symbol)) else (symbol, "")
        if isinstance(symbol, External) and symbol.name.endswith(LOADED):
            return symbol, ""
        return symbol, canonical(symbol.name) if isinstance(symbol, External) else call.target if symbol is None else ""

    def _results(self) -> None:
        """Find which parameters reach results, until nothing more does."""
        changed = True
        while changed:
            changed = False
            for here, definition in self.definitions.items():
                mine = self.found[here]
                for source in dict.fromkeys(it.source for it in definition.flows):
                    if not source.startswith("()"):
                        for flow, clean in self._reached(here, definition, source):
                            if flow.is_result:
                                changed |= _widen(mine.passes, source, clean)
                                changed |= _widen(mine.parts, (flow.slot, source), clean)
                for name, clean in self.names[here].outside:
                    changed |= _widen(mine.gives, name, clean)
                for source in _called(definition):
                    symbol, _ = self.names[here].callees[_number(source)]
                    if isinstance(symbol, FunctionSymbol):
                        given = self._of(symbol).gives
                        for flow, clean in self._reached(here, definition, source):
                            if flow.is_result:
                                for name, before in given.items():
                                    changed |= _widen(mine.gives, name, before | clean)

    def _reached(self, here: Key, definition: Def, source: str) -> Iterator[tuple[Flow, _Clean]]:
        """Every flow that a value takes part in, from one source on, through calls that hand it on."""
        seen: dict[str, _Clean] = {source: _NOTHING}
        todo = [source]
        while todo:
            at = todo.pop()
            for flow in definition.flows:
                if flow.source != at:
                    continue
                clean = seen[at] | self.names[here].clean[flow.through]
                if ALL in clean:
                    continue
                yield flow, clean
                if flow.call < 0:
                    continue
                symbol, name = self.names[here].callees[flow.call]
                for result in _called(definition):
                    if _number(result) != flow.call:
                        continue
                    beyond: _Clean | None = None
                    if isinstance(symbol, FunctionSymbol):
                        beyond = self._passed(symbol, slot_parameter(symbol.facts, flow.slot), result.partition("#")[2])
                    elif name and self.project.threats.is_sanitiser(name):
                        beyond = self.project.threats.cleans(name)
                    if beyond is not None and ALL not in clean | beyond and _widen(seen, result, clean | beyond):
                        todo.append(result)

    def _passed(self, symbol: FunctionSymbol, parameter: str, part: str) -> _Clean | None:
        """How clean a parameter reaches the result, or one of several results; None where it doesn't."""
        known = self._of(symbol)
        if not part:
            return known.passes.get(parameter)
        found = [it for it in (known.parts.get((slot, parameter)) for slot in ("", f"#{part}")) if it is not None]
        return frozenset.intersection(*found) if found else None

    def _of(self, symbol: FunctionSymbol) -> _Known:
        key = (symbol.path, symbol.facts.qualname)
        return self.found.get(key) or self.web.known.get(key) or _Known({}, {}, {}, {})

    def _steps(self) -> None:
        """Find the sinks, the nearest first, until nothing is nearer."""
        into: _Into = {}
        waves: dict[int, list[tuple[_Node, str, _Step]]] = {}
        for here, definition in self.definitions.items():
            for source in dict.fromkeys(it.source for it in definition.flows):
                if source.startswith("()"):
                    continue
                node = (here, source)
                for flow, clean in self._reached(here, definition, source):
                    fields = _fields(flow) if flow.source == source else ""
                    if flow.call < 0:
                        for below, facts in self.names[here].readers if flow.is_kept else ():
                            if any(it.source == flow.slot for it in facts.flows):
                                self._lead((node, -1, clean, fields), (below, flow.slot), into, waves)
                        continue
                    symbol, name = self.names[here].callees[flow.call]
                    if isinstance(symbol, FunctionSymbol):
                        parameter = slot_parameter(symbol.facts, flow.slot)
                        if parameter:
                            below = (symbol.path, symbol.facts.qualname)
                            self._lead((node, flow.call, clean, fields), (below, parameter), into, waves)
                    for sink in self._sinks(symbol, name, flow):
                        if sink.kind not in clean:
                            waves.setdefault(1, []).append((node, sink.kind, _Step(1, flow.call, name, None, fields)))
        length = 0
        while waves:
            length += 1
            nearest: dict[tuple[_Node, str], _Step] = {}
            for node, kind, step in waves.pop(length, ()):
                if (node[1], kind) not in self.found[node[0]].steps:
                    before = nearest.get((node, kind))
                    if before is None or (step.number, step.call) < (before.number, before.call):
                        nearest[node, kind] = step
            for (node, kind), step in nearest.items():
                self.found[node[0]].steps[node[1], kind] = step
                for other, number, clean, fields in into.get(node, ()):
                    if kind not in clean:
                        further = _Step(length + 1, number, step.call, node, _within(fields, step.fields))
                        waves.setdefault(length + 1, []).append((other, kind, further))

    def _lead(self, hop: _Hop, to: _Node, into: _Into, waves: dict[int, list[tuple[_Node, str, _Step]]]) -> None:
        known = self.web.known.get(to[0])
        if known is None:
            into.setdefault(to, []).append(hop)
            return
        node, number, clean, fields = hop
        for (parameter, kind), step in known.steps.items():
            if parameter == to[1] and kind not in clean:
                further = _Step(step.length + 1, number, step.call, to, _within(fields, step.fields))
                waves.setdefault(step.length + 1, []).append((node, kind, further))

    def _sinks(self, symbol: Symbol | None, name: str, flow: Flow) -> Iterator[Sink]:
        if isinstance(symbol, FunctionSymbol):
            name = module_name(symbol)
            if not self.project.threats.is_own_sink(name):
                return
        for it in self.project.threats.sinks(name) if name else ():
            if (flow.slot in it.slots or ALL in it.slots) and (not it.switch or it.switch in flow.switches):
                yield it


def _fields(flow: Flow) -> str:
    """The part of a parameter that a flow carries, "" for the whole."""
    marks = [it for it in flow.through if it.startswith(FIELD) and "(" not in it]
    return marks[-1].rpartition(":")[2] if marks else ""


def _within(fields: str, inner: str) -> str:
    return f"{fields}.{inner}" if fields and inner else fields or inner


def _called(definition: Def) -> tuple[str, ...]:
    """The calls whose results count, as `facts.Flow` writes them."""
    return tuple(dict.fromkeys(it.source for it in definition.flows if it.source.startswith("()")))


def _number(source: str) -> int:
    return int(source[2:].partition("#")[0])


def _widen(rows: dict[_NameT, _Clean], name: _NameT, clean: _Clean) -> bool:
    """Know that a value reaches `name` at most this clean. Gives whether that is new."""
    before = rows.get(name)
    after = clean if before is None else before & clean
    if after == before or ALL in after:
        return False
    rows[name] = after
    return True
