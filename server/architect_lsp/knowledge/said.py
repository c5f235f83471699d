"""What one file says, unit by unit, and what its names stand for. A value: an edit makes another.

Its names are looked up by few of the files of a project, so they are made when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from architect_lsp.knowledge.facts import ClassDef, Def, Facts, joined, named, outward, outward_row, placeless
from architect_lsp.knowledge.symbols import Named
from architect_lsp.syntax.units import Unit

ToldT = TypeVar("ToldT")

Part = tuple[Unit, Facts]
"""What one unit of a file says, in the unit's own lines."""


class Said:
    """The parts of one file, and its names."""

    __slots__ = ("_asked", "_attributes", "_facts", "_imports", "_names", "_told", "parts")

    def __init__(self, parts: Sequence[Part] = ()) -> None:
        self.parts = tuple(parts)
        self._facts: Facts | None = None
        self._names: dict[str, tuple[Named, int]] | None = None
        self._attributes: dict[str, tuple[str, ...]] | None = None
        self._imports: tuple[tuple[str, str], ...] | None = None
        self._told: dict[Callable[[Facts], Any], Any] = {}
        self._asked: dict[Callable[[Facts], Any], None] = {}  # what it, or a text before it, was asked to tell

    @property
    def facts(self) -> Facts:
        """All its units together; places count their units' lines."""
        if self._facts is None:
            self._facts = self.parts[0][1] if len(self.parts) == 1 else joined(it for _, it in self.parts)
        return self._facts

    @property
    def names(self) -> dict[str, tuple[Named, int]]:
        """Name -> (what it stands for, index of the part that says so)."""
        if self._names is None:
            self._names = {}
            for index, (_, facts) in enumerate(self.parts):
                for name, it in named(facts):
                    if not (isinstance(it, Def) and _alters(it) and name in self._names):
                        self._names[name] = it, index
        return self._names

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """`Class.attribute` -> targets of what methods set it to on `self`, in order."""
        if self._attributes is None:
            self._attributes = {}
            for owner, name, target in (it for _, facts in self.parts for it in facts.attributes):
                key = f"{owner}.{name}"
                self._attributes[key] = (*self._attributes.get(key, ()), target)
        return self._attributes

    @property
    def imports(self) -> tuple[tuple[str, str], ...]:
        """(local name, dotted name) of what it imports."""
        if self._imports is None:
            self._imports = tuple(it for _, facts in self.parts for it in facts.imports)
        return self._imports

    @property
    def stars(self) -> tuple[str, ...]:
        """The modules it imports by `*`."""
        return tuple(it for _, facts in self.parts for it in facts.stars)

    def told(self, make: Callable[[Facts], ToldT]) -> ToldT:
        """What `make` tells from its facts."""
        if make not in self._told:
            self._told[make] = make(self.facts)
            self._asked[make] = None
        found: ToldT = self._told[make]
        return found

    def retold(self, other: Said) -> Iterator[tuple[Hashable, ...]]:
        """(maker,) of all that was asked for and that `other` tells otherwise, calls and places aside.

        Of a table there is (maker, key) of each such entry too.
        """
        for make in self._asked:
            was, now = self.told(make), other.told(make)
            if not _alike(was, now):
                yield (make,)
                if isinstance(was, dict) and isinstance(now, dict):
                    yield from ((make, it) for it in was.keys() | now.keys() if not _alike(was.get(it), now.get(it)))

    @property
    def order(self) -> tuple[str | int, ...]:
        """What frameworks hear, in the order of the lines: decorated things by name, registrations by number."""
        rows: list[tuple[int, str | int]] = []
        number = 0
        for unit, facts in self.parts:
            things: tuple[Def | ClassDef, ...] = (*facts.defs, *facts.classes)
            rows += ((unit.place("", it.place).line, it.qualname) for it in things if it.decorators)
            for it in facts.registrations:
                rows.append((unit.place("", it.place).line, number))
                number += 1
        return tuple(it for _, it in sorted(rows, key=lambda row: row[0]))

    def same(self, other: Said) -> bool:
        """Whether both have the very same facts, wherever they stand."""
        return len(self.parts) == len(other.parts) and all(
            was[1] is now[1] for was, now in zip(self.parts, other.parts, strict=True)
        )

    def calls_changed(self, other: Said) -> tuple[str, ...] | None:
        """The functions whose calls alone differ in `other`, () for none; None when more does."""
        if len(self.parts) != len(other.parts):
            return None
        found: list[str] = []
        for (_, was), (_, now) in zip(self.parts, other.parts, strict=True):
            if was is not now:
                if outward(was) != outward(now) or (now.registrations and self.order != other.order):
                    return None
                found += (it.qualname for it in now.defs)
        return tuple(found)

    def swapped(self, other: Said) -> None:
        """Let `other`, of which `calls_changed` says that only calls differ, take over the names known here."""
        if self._names is not None:
            other._names = dict(self._names)
            for index, (was, now) in enumerate(zip(self.parts, other.parts, strict=True)):
                if was[1] is not now[1]:
                    rows = ((name, it) for name, it in named(now[1]) if other._names[name][1] == index)
                    other._names.update((name, (it, index)) for name, it in rows)
        other._attributes = self._attributes
        other._asked = {**self._asked, **other._asked}
        other._told = {**{make: it for make, it in self._told.items() if not _has_calls(it)}, **other._told}

    def differing(self, other: Said) -> Iterator[str]:
        """The names and attributes that stand for something else in `other`, places aside."""
        names, others = self.names, other.names
        for name in names.keys() | others.keys():
            was, now = names.get(name), others.get(name)
            if was is None or now is None or (was[0] is not now[0] and placeless(was[0]) != placeless(now[0])):
                yield name
        yield from _unequal(self.attributes, other.attributes)


def _has_calls(told: Any) -> bool:
    """Whether it holds functions, in a row or in a table, whose calls may be others now."""
    if isinstance(told, tuple | dict) and told:
        return _has_calls(next(iter(told.values() if isinstance(told, dict) else told)))
    return isinstance(told, Def)


def _alike(one: Any, other: Any) -> bool:
    """Whether two told things are the same, rows of facts by what they say to others."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(it, other[key]) for key, it in one.items())
    return bool(outward_row(one) == outward_row(other))


def _alters(definition: Def) -> bool:
    """Whether it sets or deletes a property, which bears the name of what gets it."""
    return any(it.target.endswith((".setter", ".deleter")) for it in definition.decorators)


def _unequal(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    return (it for it in one.keys() | other.keys() if one.get(it) != other.get(it))
