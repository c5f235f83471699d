"""All facts joined: modules as Python finds them, symbols behind targets, and places that stay true while files are edited.

A `Ref` names a thing by its file, qualified name and index instead of its line, so what was concluded from facts survives an
edit that only moved lines; `Project.place` looks the line up when it is shown.
"""

from __future__ import annotations

import builtins
import posixpath
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from architect_lsp.knowledge.conclusions import STARS, WHOLE, Conclusions, Question
from architect_lsp.knowledge.effects import LIBRARY, Table
from architect_lsp.knowledge.facts import ClassDef, Def, Facts, Registration, Variable
from architect_lsp.knowledge.modules import Modules
from architect_lsp.knowledge.said import Part, Said
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance, Module, Named, Ref, Symbol
from architect_lsp.knowledge.threats import KNOWN, Threats
from architect_lsp.knowledge.values import place_of
from architect_lsp.model import Place
from architect_lsp.syntax.units import Unit

_DEPTH = 16
"""How many symbols a name may be followed through; cycles of imports and aliases end here."""

ValueT = TypeVar("ValueT")


class Project:
    """The files of one root. `generation` grows when what they say to others changes, not when lines move."""

    def __init__(self, table: Table = LIBRARY, threats: Threats = KNOWN, before: Conclusions | None = None) -> None:
        self.conclusions = Conclusions(before)
        self.table = table
        self.threats = threats
        self._files: dict[str, Said] = {}
        self._modules = Modules()
        self._seeking: set[tuple[str, str, str]] = set()  # what is being resolved

    @property
    def generation(self) -> int:
        """How often what files say to others has changed."""
        return self.conclusions.generation

    @property
    def paths(self) -> Iterator[str]:
        """Every known file, in the order they came."""
        yield from self._files

    def facts(self, path: str) -> Facts:
        """What a file says, its units together; of an unknown one, nothing. Places count their units' lines: ask `place`."""
        self.conclusions.ask((path, WHOLE))
        return self._said(path).facts

    def put(self, path: str, parts: Iterable[Part], *, anew: Iterable[str] = ()) -> bool:
        """Take what a file says. Gives whether it is new; the functions `anew` are. Effect: then raises `generation`."""
        new, again, old = Said(tuple(parts)), tuple(anew), self._files.get(path)
        self._files[path] = new
        changed: set[Question] | None = None
        if old is None:
            self._modules.add(path)
        elif not again and old.same(new):
            old.swapped(new)
            return False
        elif self.conclusions.follows:
            changed = {(path, it) for it in (WHOLE, *again, *old.differing(new))}
            if old.stars != new.stars:
                changed.add((path, STARS))
        self.conclusions.change(changed)
        return True

    def quietly(self, path: str, parts: Iterable[Part]) -> tuple[str, ...] | None:
        """The functions whose calls alone differ from what is known of the file, () for none; None when more does."""
        old = self._files.get(path)
        return None if old is None else old.calls_changed(Said(tuple(parts)))

    def swap(self, path: str, parts: Iterable[Part]) -> None:
        """Take a file of which `quietly` says that only calls differ. `generation` stays."""
        new = Said(tuple(parts))
        self._files[path].swapped(new)
        self._files[path] = new

    def overlay(self) -> Project:
        """A project that begins as this one and may then go its own way; this one stays as it is."""
        other = Project(self.table, self.threats, self.conclusions)
        other._files = dict(self._files)
        other._modules = self._modules.copy()
        return other

    def follow(self) -> None:
        """Remember from now on what conclusions rest on. Effect: raises `generation`, the first time."""
        if not self.conclusions.follows:
            self.conclusions.follows = True
            self.conclusions.change(None)

    def remove(self, path: str) -> None:
        """Forget a file that is gone."""
        if self._files.pop(path, None) is not None:
            self._modules.remove(path)
            self.conclusions.change(None)

    def kept(self, kind: Hashable, key: Any, make: Callable[..., ValueT], *given: Any) -> ValueT:
        """What `make(*given)` concludes from this project; concluded again only when something it asked for has changed."""
        return self.conclusions.kept(kind, key, make, *given)

    def memo(self, key: Any) -> dict[Any, Any]:
        """A dictionary for conclusions of the kind `key`, emptied whenever `generation` grows. `kept` forgets less."""
        return self.conclusions.memo(key)

    def lasting(self, key: Any) -> dict[Any, Any]:
        """A dictionary that is never emptied, for what is kept beside the very facts it was concluded from."""
        found: dict[Any, Any] = self.conclusions.lasting.setdefault(key, {})
        return found

    def name(self, path: str, name: str) -> Named | None:
        """What the module `path` calls `name`; a str is an import's dotted name."""
        self.conclusions.ask((path, name))
        found = self._said(path).names.get(name)
        return found[0] if found else None

    def definition(self, path: str, qualname: str) -> Def | None:
        """The function of this qualified name, None when there is none."""
        found = self.name(path, qualname)
        return found if isinstance(found, Def) else None

    def class_(self, path: str, qualname: str) -> ClassDef | None:
        """The class of this qualified name, None when there is none."""
        found = self.name(path, qualname)
        return found if isinstance(found, ClassDef) else None

    def place(self, ref: Ref) -> Place:
        """Where the thing stands now; its file's beginning when it is gone."""
        nowhere = Place(ref.path, 0, 0, 0, 0)
        if ref.kind == "registration" or (ref.kind == "value" and ref.index >= 0):
            found_row = self._row(ref)
            if found_row is None:
                return nowhere
            unit, row = found_row
            at = place_of(row.value, row.calls, ref.entry) if row.value is not None and ref.entry >= 0 else None
            return unit.place(ref.path, at or row.place)
        found = self._said(ref.path).names.get(ref.qualname)
        if found is None:
            return nowhere
        thing, index = found
        if isinstance(thing, str):
            return nowhere
        rows: Sequence[Any] = ()
        if isinstance(thing, Def) and ref.kind == "call":
            rows = thing.calls
        elif (isinstance(thing, Def) and ref.kind == "decorator") or (isinstance(thing, ClassDef) and ref.kind == "decorator"):
            rows = thing.decorators
        elif isinstance(thing, ClassDef) and ref.kind == "field":
            rows = thing.fields
        if ref.kind in ("call", "decorator", "field") and ref.index >= len(rows):
            return nowhere
        place = rows[ref.index].place if rows else thing.place
        if isinstance(thing, Variable) and ref.kind == "value" and thing.value is not None:
            place = place_of(thing.value, thing.calls, ref.entry) or place
        return self._said(ref.path).parts[index][0].place(ref.path, place)

    def _row(self, ref: Ref) -> tuple[Unit, Registration | Variable] | None:
        index = ref.index
        for unit, facts in self._said(ref.path).parts:
            rows: Sequence[Registration | Variable] = facts.registrations if ref.kind == "registration" else facts.variables
            if index < len(rows):
                return unit, rows[index]
            index -= len(rows)
        return None

    def resolve(self, path: str, target: str, owner: str = "") -> Symbol | None:
        """The symbol a target of the file `path` means, None when that can't be told.

        `owner` is the qualified name of the class whose `self` the target speaks of.
        """
        key = (path, target, owner)
        found = self.conclusions.kept("resolve", key, self._sought, *key)
        if isinstance(found, FunctionSymbol):  # its calls may have been swapped since
            fresh = self.definition(found.path, found.facts.qualname)
            if fresh is not None and fresh is not found.facts:
                return FunctionSymbol(found.path, fresh)
        return found

    def _sought(self, path: str, target: str, owner: str) -> Symbol | None:
        key = (path, target, owner)
        if key in self._seeking:  # a name that leads to itself means nothing
            return None
        self._seeking.add(key)
        try:
            return self._resolved(path, target, owner, _DEPTH)
        finally:
            self._seeking.discard(key)

    def external(self, path: str, target: str, owner: str = "") -> str:
        """The dotted name of something outside the project, `()` left out; "" for the project's own and the unknown."""
        found = self.resolve(path, target, owner)
        return found.name.replace("()", "") if isinstance(found, External) else ""

    def bases(self, symbol: ClassSymbol | Instance) -> Iterator[ClassSymbol | External]:
        """The class itself and every base that can be found, nearest first."""
        seen: set[tuple[str, str]] = set()
        queue: list[ClassSymbol | External] = [ClassSymbol(symbol.path, symbol.facts)]
        while queue:
            it = queue.pop(0)
            yield it
            if isinstance(it, External) or (it.path, it.facts.qualname) in seen:
                continue
            seen.add((it.path, it.facts.qualname))
            for base in it.facts.bases:
                found = self.resolve(it.path, base)
                if (isinstance(found, ClassSymbol) and (found.path, found.facts.qualname) not in seen) or isinstance(
                    found, External
                ):
                    queue.append(found)

    def module(self, path: str, dotted: str) -> tuple[Module | None, tuple[str, ...]]:
        """The longest beginning of `dotted`, as imported by the file `path`, that is a module here, and the names after it."""
        return self._modules.find(path, dotted)

    def _resolved(self, path: str, target: str, owner: str, depth: int) -> Symbol | None:
        if depth <= 0 or not target:
            return None
        steps = [(it.rstrip("()"), it.count("()")) for it in target.split(".")]
        name, calls = steps[0]
        symbol: Symbol | None
        if name in ("self", "cls") and owner:
            kind = self.class_(path, owner)
            symbol = Instance(path, kind) if kind else None
        elif name.startswith("?"):
            symbol = External(name)
        else:
            symbol = self._named(path, name, depth - 1)
        for _ in range(calls):
            symbol = self._called(symbol, depth - 1)
        steps = steps[1:]
        if name == "super" and calls == 1 and owner and steps:
            kind = self.class_(path, owner)
            name, calls = steps.pop(0)
            symbol = self._inherited(Instance(path, kind), name, depth - 1, beyond=1) if kind else None
            for _ in range(calls):
                symbol = self._called(symbol, depth - 1)
        for name, calls in steps:
            symbol = self._attribute(symbol, name, depth - 1)
            for _ in range(calls):
                symbol = self._called(symbol, depth - 1)
        return symbol

    def _named(self, path: str, name: str, depth: int) -> Symbol | None:
        if depth <= 0:
            return None
        found = self.name(path, name)
        if isinstance(found, Def):
            return FunctionSymbol(path, found)
        if isinstance(found, ClassDef):
            return ClassSymbol(path, found)
        if isinstance(found, Variable):
            if found.target == name or not found.target:
                return None
            return self._resolved(path, found.target, "", depth - 1)
        if isinstance(found, str):
            return self._imported(path, found, depth - 1)
        for star in self._starred(path):
            module, rest = self.module(path, star)
            if module is None or rest or module.path == path:
                continue
            symbol = self._attribute(module, name, depth - 1)
            if symbol is not None:
                return symbol
        outside = [it for it in self._starred(path) if it[0] != "." and self.module(path, it)[0] is None]
        home = outside[0] if outside and not hasattr(builtins, name) else "builtins"
        return External(f"{home}.{name}") if found is None else None

    def _imported(self, path: str, dotted: str, depth: int) -> Symbol | None:
        module, rest = self.module(path, dotted)
        if module is None:
            return External(dotted) if not dotted.startswith(".") else None
        symbol: Symbol | None = module
        for name in rest:
            symbol = self._attribute(symbol, name, depth - 1)
        if isinstance(symbol, Module) and symbol.path == path and rest:
            return None
        return symbol

    def _attribute(self, symbol: Symbol | None, name: str, depth: int) -> Symbol | None:
        if symbol is None or depth <= 0:
            return None
        if isinstance(symbol, External):
            return External(f"{symbol.name}.{name}")
        if isinstance(symbol, Module):
            if symbol.path.endswith("/"):
                return self._modules.at(symbol.path + name)
            if self.name(symbol.path, name) is not None or self._starred(symbol.path):
                found = self._named(symbol.path, name, depth - 1)
                if found is not None and not (isinstance(found, External) and found.name.startswith("builtins.")):
                    return found
            if symbol.path.endswith("/__init__.py") or symbol.path == "__init__.py":
                return self._modules.at(posixpath.join(posixpath.dirname(symbol.path), name))
            return None
        if isinstance(symbol, FunctionSymbol):
            inner = self.name(symbol.path, f"{symbol.facts.qualname}.{name}")
            if isinstance(inner, Def):
                return FunctionSymbol(symbol.path, inner)
            if isinstance(inner, ClassDef):
                return ClassSymbol(symbol.path, inner)
            # a library's decorator gave it, as `delay` of a task
            made = (self._resolved(symbol.path, it.target, symbol.facts.owner, depth - 1) for it in symbol.facts.decorators)
            giver = next((it.name for it in made if isinstance(it, External) and not it.name.startswith("builtins.")), "")
            return External(f"{giver}().{name}") if giver else None
        return self._inherited(symbol, name, depth)

    def _inherited(self, symbol: ClassSymbol | Instance, name: str, depth: int, beyond: int = 0) -> Symbol | None:
        """An attribute of a class or its bases, without the nearest `beyond` of them."""
        outside: External | None = None
        for base in islice(self.bases(symbol), beyond, None):
            if isinstance(base, External):
                outside = outside or base
                continue
            found = self._member(base, name, depth - 1)
            if found is not None:
                return found
        if outside is not None and not outside.name.startswith("builtins."):
            return External(f"{outside.name}{'()' if isinstance(symbol, Instance) else ''}.{name}")
        return None

    def _member(self, owner: ClassSymbol, name: str, depth: int) -> Symbol | None:
        kind = owner.facts
        found = self.name(owner.path, f"{kind.qualname}.{name}")
        if isinstance(found, Def):
            if any(it.target in ("property", "cached_property", "functools.cached_property") for it in found.decorators):
                return self._called(FunctionSymbol(owner.path, found), depth - 1)
            return FunctionSymbol(owner.path, found)
        if isinstance(found, ClassDef):
            return ClassSymbol(owner.path, found)
        for it in kind.fields:
            if it.name == name:
                if it.annotation:
                    said = self._resolved(owner.path, it.annotation, "", depth - 1)
                    return self._called(said, depth - 1) if said is not None else None
                return self._resolved(owner.path, it.target, kind.qualname, depth - 1)
        self.conclusions.ask((owner.path, f"{kind.qualname}.{name}"))
        target = self._said(owner.path).attributes.get(f"{kind.qualname}.{name}")
        if target is not None:
            return self._resolved(owner.path, target, kind.qualname, depth - 1)
        return None

    def _said(self, path: str) -> Said:
        return self._files.get(path, _NOTHING)

    def _starred(self, path: str) -> tuple[str, ...]:
        self.conclusions.ask((path, STARS))
        return self._said(path).stars

    def _called(self, symbol: Symbol | None, depth: int) -> Symbol | None:
        if symbol is None or depth <= 0:
            return None
        if isinstance(symbol, ClassSymbol):
            return Instance(symbol.path, symbol.facts)
        if isinstance(symbol, FunctionSymbol):
            returns = symbol.facts.returns
            if returns in ("Self()", "self"):
                kind = self.class_(symbol.path, symbol.facts.owner)
                return Instance(symbol.path, kind) if kind else None
            return self._resolved(symbol.path, returns, symbol.facts.owner, depth - 1) if returns else None
        if isinstance(symbol, External):
            return External(f"{symbol.name}()")
        return None

    def use(self, table: Table, threats: Threats = KNOWN) -> None:
        """Take other tables of effects and of threats. Effect: raises `generation`."""
        if table is not self.table or threats is not self.threats:
            self.table, self.threats = table, threats
            self.conclusions.change(None)


_NOTHING = Said()


def whole(facts: Facts) -> tuple[Part, ...]:
    """The facts of a whole file, in its own lines, as the one part they are."""
    return ((Unit("module", "", "", ((0, 0, 1 << 30),), 0), facts),)
