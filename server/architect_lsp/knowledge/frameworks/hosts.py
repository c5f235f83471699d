"""What holds routes, whatever its framework calls it: an application, a router, a blueprint. Found through names, `self`, loops,
parameters and functions that make one. `fastapi.py`, `flask.py` and `litestar.py` say what their hosts are told.

A function that is given a host and tells it things (`def register(app)`) is a host of its own, included where it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.facts import ClassDef, Def, Facts, Variable
from architect_lsp.knowledge.frameworks.scoped import (
    Where,
    bindings,
    handler_of,
    items,
    owner_of,
    symbol_at,
    unpacked,
)
from architect_lsp.knowledge.lineage import dotted, lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance, Module, Ref, Symbol
from architect_lsp.knowledge.values import UNKNOWN, Value

_DEPTH = 10
"""How many names a host may be followed through."""
_TURNS = 500
"""How many turns of a loop are looked at."""


class Host(Struct, frozen=True):
    """A router or application, by its file and the qualified name of what holds it."""

    path: str
    name: str


class Held(Struct, frozen=True):
    """A host as an expression gives it. `kind` is the dotted name of its class, "" where only its use tells; `made` the call that
    makes it, None for a parameter; `where` says where that call stands. `of` are the project's classes it is an object of, which
    may tell it things of themselves.
    """

    host: Host
    kind: str
    made: Value | None
    where: Where
    of: tuple[Host, ...] = ()


class Told(Struct, frozen=True):
    """One thing that a host is told. `handler` is what a decorator decorates, a function or a class. Where it
    `hands` the host on, a function of the project is called with it.
    """

    at: Ref
    where: Where
    value: Value
    line: tuple[int, int]
    handler: Ref | None = None
    optional: bool = False
    loops: tuple[tuple[str, Value], ...] = ()
    hands: bool = False


class Hosts:
    """The hosts of one framework.

    `packages` begin the names it is imported by, `kinds` are the dotted names of its classes, `words` the last names of what they
    are told.
    """

    def __init__(self, project: Project, packages: tuple[str, ...], kinds: re.Pattern[str], words: frozenset[str]) -> None:
        self.project = project
        self.packages = packages
        self.kinds = kinds
        self.words = words
        self._known: dict[tuple[Where, Value], Held | None] = {}
        self._told: dict[Host, list[Told]] | None = None
        self.made: dict[Host, Held] = {}

    def told(self, held: Held) -> list[Told]:
        """What a host is told, in the order of the source, that of its own file first."""
        known = self._all()
        return [row for it in (*held.of, held.host) for row in known.get(it, [])]

    def every(self) -> list[Held]:
        """Every host that is told anything or made with arguments, in the order of the files."""
        self._all()
        return list(self.made.values())

    def held(self, where: Where, value: Value | None, depth: int = _DEPTH) -> Held | None:
        """The host that an expression gives; None when it gives none, or that can't be told."""
        if value is None or depth <= 0 or value.kind not in ("name", "attribute", "call", "either"):
            return None
        key = (where, value)
        if key in self._known:
            return self._known[key]
        self._known[key] = None  # a name that leads to itself holds nothing
        found = self._found(where, value, depth - 1)
        if found is not None or depth == _DEPTH:
            self._known[key] = found
        else:
            del self._known[key]  # it may lie deeper
        return found

    def kind(self, symbol: Symbol | None) -> str:
        """The dotted name of the framework's class that a class is or descends from, "" when it is none of them."""
        rows = lineage(self.project, symbol) if isinstance(symbol, ClassSymbol) else (symbol,)
        names = (dotted(it) for it in rows if isinstance(it, External | ClassSymbol))
        return next((it for it in names if self.kinds.fullmatch(it)), "")

    def place(self, held: Held) -> Ref:
        """What stands for the place of a host: its variable, or the function or class that makes it."""
        name = held.host.name.partition(":")[0]
        if isinstance(self.project.name(held.host.path, name), Variable):
            return Ref(held.host.path, name, "variable")
        return Ref(held.host.path, name.rpartition(".")[0], "def")

    def turns(self, told: Told, where: Where) -> Iterator[Where]:
        """Where a thing is told, once for each turn of the loops around it, with what is known of the names there."""
        known = where.names if where.path == told.where.path else ()
        turns = [replace(told.where, names=known)]
        for target, over in reversed(told.loops):
            names = [it.strip() for it in target.strip("()").split(",")]
            turns = [
                turn.binding(unpacked(names, item))
                for turn in turns
                for item in (items(self.project, turn, over) or [(turn, UNKNOWN)])
            ]
        yield from turns[:_TURNS]

    def handed(self, told: Told, where: Where) -> Iterator[tuple[Held, Held]]:
        """(host, the same as a parameter of the function that is called with it) for a call that hands hosts to a function."""
        value = told.value
        symbol = symbol_at(self.project, where, value)
        if isinstance(symbol, ClassSymbol):
            symbol = self.project.resolve(symbol.path, f"{symbol.facts.qualname}.__init__")
        if not isinstance(symbol, FunctionSymbol) or symbol.facts.qualname == where.scope:
            return
        given = bindings(symbol.facts, value, where)
        inner = Where(symbol.path, symbol.facts.qualname, tuple(given))
        for name, there, it in given:
            outer = self.held(told.where, it)
            if outer is not None and there == where:
                parameter = Host(symbol.path, f"{symbol.facts.qualname}.{name}")
                yield outer, Held(parameter, outer.kind, None, inner)

    def _found(self, where: Where, value: Value, depth: int) -> Held | None:
        if value.kind == "either":
            return next((it for it in (self.held(where, each, depth) for each in value.items) if it is not None), None)
        if value.kind == "call":
            return self._from_call(where, value, _unnamed(where, value), depth)
        if value.kind == "attribute":
            maker = symbol_at(self.project, where, value.of) if value.of is not None else None
            return self._attribute(maker, value.text, depth) if isinstance(maker, ClassSymbol) else None
        bound = where.bound(value.text)
        if bound is not None:
            return self.held(*bound, depth)
        first, _, rest = value.text.partition(".")
        owner = owner_of(self.project, where)
        if first in ("self", "cls") and owner:
            facts = self.project.class_(where.path, owner)
            symbol = ClassSymbol(where.path, facts) if facts is not None else None
            if symbol is None or rest:
                return self._attribute(symbol, rest, depth) if symbol is not None else None
            kind = self.kind(symbol)
            return Held(Host(where.path, owner), kind, None, where) if kind else None
        for scope in where.scopes:
            inside = self.project.class_(where.path, scope)
            if inside is None:
                found = self._variable(replace(where, scope=scope), f"{scope}.{value.text}", depth)
            else:
                found = self._attribute(ClassSymbol(where.path, inside), value.text, depth) if scope == where.scope else None
            if found is not None:
                return found
            function = self.project.definition(where.path, scope)
            said = next((said for name, said in function.parameters if name == first), None) if function is not None else None
            if said is not None:
                return self._parameter(where, Host(where.path, f"{scope}.{value.text}"), f"{said}.{rest}" if rest else said)
        found = self._variable(Where(where.path), value.text, depth)
        return found if found is not None else self._elsewhere(where, first, rest, depth)

    def _parameter(self, where: Where, host: Host, said: str) -> Held | None:
        symbol = self.project.resolve(where.path, said) if said else None
        kind = self.kind(ClassSymbol(symbol.path, symbol.facts) if isinstance(symbol, Instance) else symbol)
        return None if said and not kind else Held(host, kind, None, where)

    def _elsewhere(self, where: Where, first: str, rest: str, depth: int) -> Held | None:
        """A host that another module or an object has."""
        named = self.project.name(where.path, first)
        if isinstance(named, str):
            module, names = self.project.module(where.path, f"{named}.{rest}" if rest else named)
            if module is not None and not module.path.endswith("/"):
                if not names:
                    return None
                if module.path != where.path or ".".join(names) != f"{first}.{rest}".strip("."):
                    return self.held(Where(module.path), Value("name", ".".join(names)), depth)
        if named is None:
            for star in self.project.stars(where.path):
                module, names = self.project.module(where.path, star)
                if module is not None and not names and module.path != where.path:
                    found = self.held(Where(module.path), Value("name", f"{first}.{rest}" if rest else first), depth)
                    if found is not None:
                        return found
        head, _, last = f"{first}.{rest}".strip(".").rpartition(".")
        symbol = self.project.resolve(where.path, head) if head else None
        if isinstance(symbol, Instance | ClassSymbol):
            return self._attribute(ClassSymbol(symbol.path, symbol.facts), last, depth)
        if isinstance(symbol, Module) and not symbol.path.endswith("/") and symbol.path != where.path:
            return self.held(Where(symbol.path), Value("name", last), depth)
        return None

    def _attribute(self, symbol: ClassSymbol, name: str, depth: int) -> Held | None:
        """A host that the objects of a class have, or the class itself; `self` where the class is a host."""
        for it in lineage(self.project, symbol):
            if not isinstance(it, ClassSymbol):
                continue
            qualname = f"{it.facts.qualname}.{name}"
            found = self._variable(Where(it.path, f"{it.facts.qualname}.__init__"), qualname, depth)
            if found is not None:
                return found
            field = next((row for row in it.facts.fields if row.name == name), None)
            if field is not None and field.value is not None:
                return self._from_value(Where(it.path), field.value, Host(it.path, qualname), depth)
        return None

    def _variable(self, where: Where, name: str, depth: int) -> Held | None:
        for it in self.project.named(where.path, name):
            value = it.value if it.value is not None else Value("name", it.target) if it.target else None
            if value is None or (value.kind == "name" and value.text == name):
                continue
            found = self._from_value(where, value, Host(where.path, name), depth)
            if found is not None:
                return found
        return None

    def _from_value(self, where: Where, value: Value, host: Host, depth: int) -> Held | None:
        if value.kind == "call":
            return self._from_call(where, value, host, depth)
        return self.held(where, value, depth)

    def _from_call(self, where: Where, value: Value, host: Host, depth: int) -> Held | None:
        """What a call makes: a host, or what a function of the project hands back, or what it wraps."""
        symbol = symbol_at(self.project, where, value)
        if isinstance(symbol, FunctionSymbol):
            inner = Where(symbol.path, symbol.facts.qualname, tuple(bindings(symbol.facts, value, where)))
            if symbol.facts.hands:
                return self.held(inner, Value("name", symbol.facts.hands), depth)
            calls = self.project.registrations(symbol.path)
            made = (it.value for it in calls if it.scope == symbol.facts.qualname)
            rows = (self._from_call(inner, it, _unnamed(inner, it) if _is_unnamed(host) else host, 1) for it in made)
            return next((it for it in rows if it is not None), None) if depth > 0 else None
        found = self._new(where, value, host, symbol)
        if found is not None:
            return found
        if isinstance(symbol, External) and depth > 0:  # a wrapper
            wrapped = [it for it in (*value.items[:2], value.keyword("app"), value.of) if it is not None]
            return next((it for each in wrapped if (it := self.held(where, each, depth)) is not None), None)
        return None

    def _new(self, where: Where, value: Value, host: Host, symbol: Symbol | None) -> Held | None:
        """The host that the call of a class makes; None where it makes none."""
        kind = self.kind(symbol)
        rows = lineage(self.project, symbol) if kind and isinstance(symbol, ClassSymbol) else ()
        classes = tuple(Host(it.path, it.facts.qualname) for it in rows if isinstance(it, ClassSymbol))
        return Held(host, kind, value, where, classes) if kind else None

    def _all(self) -> dict[Host, list[Told]]:
        if self._told is not None:
            return self._told
        self._told = {}
        if not any(self._imports(path) for path in self.project.paths):
            return self._told  # nothing here is of this framework
        for path in self.project.paths:
            for held, it in self._of_file(path):
                self.made.setdefault(held.host, held)
                self._told.setdefault(held.host, []).append(it)
        for path in self.project.paths:
            for scope, name, made in self.project.of_file(path, _calls):
                if made.keywords or made.last in self.words:
                    there = Where(path, scope)
                    host = Host(path, name) if name else _unnamed(there, made)
                    holder = self._new(there, made, host, symbol_at(self.project, there, made))
                    if holder is not None:
                        self.made.setdefault(holder.host, holder)
        for host, told in self._told.items():
            told.sort(key=lambda it, path=host.path: (it.at.path != path, it.at.path, it.line))  # type: ignore[misc]
        return self._told

    def _imports(self, path: str) -> bool:
        """Whether a file imports the framework, as far as the first names of modules tell."""
        names = (*(name for _, name in self.project.imports(path)), *self.project.stars(path))
        return any(it.startswith(self.packages) for it in names)

    def _of_file(self, path: str) -> Iterator[tuple[Held, Told]]:
        place = self.project.place
        things: tuple[Def | ClassDef, ...] = (*self.project.decorated(path), *self.project.classes(path))
        for thing in things:
            for index, decorator in enumerate(thing.decorators):
                if decorator.value.last not in self.words:
                    continue
                where = Where(path, thing.qualname.rpartition(".")[0])
                held = self.told_to(where, decorator.value)
                if held is not None:
                    handler = Ref(path, thing.qualname, "def" if isinstance(thing, Def) else "class")
                    line, at = place(handler).line, Ref(path, thing.qualname, "decorator", index)
                    optional = isinstance(thing, Def) and thing.optional
                    yield held, Told(at, where, decorator.value, (line, -index), handler, optional)
        for number, it in enumerate(self.project.registrations(path)):
            where, at = Where(path, it.scope), Ref(path, "", "registration", number)
            value = it.value if it.value.text or it.value.of is None else it.value.of
            if value.last in self.words:
                held = self.told_to(where, value)
                if held is not None:
                    given = handler_of(self.project, where, it.value.argument(0)) if value is not it.value else None
                    yield held, Told(at, where, value, (place(at).line, 0), given, it.optional, it.loops)
                    continue
            told = Told(at, where, it.value, (place(at).line, 0), None, it.optional, it.loops, hands=True)
            for outer, _ in self.handed(told, where):
                yield outer, told

    def told_to(self, where: Where, value: Value) -> Held | None:
        """The host whose method a call or a decorator's name is."""
        if value.of is not None:
            return self.held(where, value.of)
        name = value.text.rpartition(".")[0]
        return self.held(where, Value("name", name)) if name else None


def _calls(facts: Facts) -> tuple[tuple[str, str, Value], ...]:
    """(scope, the variable it is given to or "", call) of the calls that a file makes something by, or says something by."""
    rows = [(it.name.rpartition(".")[0], it.name, it.value) for it in facts.variables if it.value is not None]
    rows += [(it.scope, "", it.value) for it in facts.registrations]
    return tuple(it for it in rows if it[2].kind == "call")


def _is_unnamed(host: Host) -> bool:
    return ":" in host.name


def _unnamed(where: Where, value: Value) -> Host:
    """What a call makes that nothing holds by a name."""
    return Host(where.path, f"{where.scope}:{value!r}")
