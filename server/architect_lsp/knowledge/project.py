"""All facts joined: modules as Python finds them, symbols behind targets, and places that stay true while files are edited.

A `Ref` names a thing by its file, qualified name and index instead of its line, so what was concluded from facts survives an
edit that only moved lines; `Project.place` looks the line up when it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from architect_lsp.knowledge.conclusions import IMPORTS, ORDER, STARS, WHOLE, Conclusions, Question
from architect_lsp.knowledge.effects import LIBRARY, Table
from architect_lsp.knowledge.facts import ClassDef, Def, Facts, Registration, Variable
from architect_lsp.knowledge.modules import Modules
from architect_lsp.knowledge.resolution import Resolution
from architect_lsp.knowledge.said import Part, Said
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance, Module, Named, Ref, Symbol
from architect_lsp.knowledge.threats import KNOWN, Threats
from architect_lsp.knowledge.values import place_of
from architect_lsp.model import Place
from architect_lsp.syntax.units import Unit

ValueT = TypeVar("ValueT")


class Project:
    """The files of one root. `generation` grows when what they say to others changes, not when lines move."""

    def __init__(self, table: Table = LIBRARY, threats: Threats = KNOWN, before: Conclusions | None = None) -> None:
        self.conclusions = Conclusions(self, before)
        self.table = table
        self.threats = threats
        self.base: Project | None = None  # the project as clients rely on it, where it is compared
        self.first_python_without: tuple[int, int] | None = None  # the first that the project can't be installed on
        self.layers: tuple[str, ...] = ()  # packages of the project, none of which may import from one before it
        self._files: dict[str, Said] = {}
        self._modules = Modules()
        self._resolution = Resolution(self)
        self._seeking: set[tuple[str, str, str]] = set()  # what is being resolved

    @property
    def generation(self) -> int:
        """How often what files say to others has changed."""
        return self.conclusions.generation

    @property
    def paths(self) -> Iterator[str]:
        """Every known file, in the order they came."""
        yield from self._files

    def knows(self, path: str) -> bool:
        """Whether it was told what a file says."""
        return path in self._files

    def facts(self, path: str) -> Facts:
        """What a file says, its units together; of an unknown one, nothing. Places count their units' lines: ask `place`."""
        self.conclusions.ask((path, WHOLE))
        return self._said(path).facts

    def imports(self, path: str) -> tuple[tuple[str, str], ...]:
        """(local name, dotted name) of what a file imports; a leading dot is relative."""
        self.conclusions.ask((path, IMPORTS))
        return self._said(path).imports

    def uses(self, path: str, *packages: str) -> bool:
        """Whether a file imports something of one of these packages; nobody is concerned by what else it imports."""
        return any(self.row_of_file(path, _packages, it) for it in packages)

    def imported(self, path: str, name: str) -> str:
        """What a file imports by this name, as `imports` has it; "" where that is nothing. As above."""
        return self.row_of_file(path, _imported, name) or ""

    def of_file(self, path: str, make: Callable[[Facts], ValueT]) -> ValueT:
        """What `make`, a function of a module, tells from a file's facts, made once for the same facts.

        Who asks is concerned only when that is another value, the calls of functions and the places of rows aside.
        """
        self.conclusions.ask((path, make))
        return self._said(path).told(make)

    def registrations(self, path: str) -> tuple[Registration, ...]:
        """What a file says to frameworks, as `facts` has it; nobody is concerned by what else the file says."""
        self.conclusions.ask((path, ORDER))
        return self.of_file(path, _registrations)

    def variables(self, path: str) -> tuple[Variable, ...]:
        """All variables that a file sets, as above."""
        return self.of_file(path, _variables)

    def named(self, path: str, name: str) -> tuple[Variable, ...]:
        """All that a file sets one name to, as above."""
        return self.row_of_file(path, _by_name, name) or ()

    def classes(self, path: str) -> tuple[ClassDef, ...]:
        """All classes of a file, as above."""
        return self.of_file(path, _classes)

    def decorated(self, path: str) -> tuple[Def, ...]:
        """The functions of a file that have a decorator, as above; who looks at their calls must ask for `facts`."""
        return self.of_file(path, _decorated)

    def methods(self, path: str, owner: str) -> Iterator[Def]:
        """The methods of a class, those of its bases aside; nobody is concerned by what else the file says."""
        for name in self.row_of_file(path, _method_names, owner) or ():
            found = self.definition(path, name)
            if found is not None:
                yield found

    def row_of_file(self, path: str, make: Callable[[Facts], Mapping[str, ValueT]], key: str) -> ValueT | None:
        """One entry of such a table, None where it has none; who asks is concerned only when that entry is another."""
        self.conclusions.ask((path, make, key))
        return self._said(path).told(make).get(key)

    def loads(self, path: str) -> tuple[str, ...]:
        """The dotted names that importing a file takes from other modules at once, as above: see `Facts`."""
        return self.of_file(path, _loads)

    def said(self, path: str) -> object:
        """What a file said last: another object when anything of it has changed or moved."""
        return self._said(path)

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
            changed.update((path, *it) for it in old.retold(new))
            changed |= {(path, it) for it in (STARS,) if old.stars != new.stars}
            changed |= {(path, it) for it in (ORDER,) if old.order != new.order}
            changed |= {(path, it) for it in (IMPORTS,) if old.imports != new.imports}
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
        other.layers, other.base, other.first_python_without = self.layers, self.base, self.first_python_without
        other._files = dict(self._files)
        other._modules = self._modules.copy()
        return other

    def compare(self, base: Project | None) -> None:
        """Take what the project is compared with. Effect: raises `generation`."""
        self.base = base
        self.conclusions.change(None)

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

    def of_all(self, key: Hashable, make: Callable[[Project], ValueT]) -> ValueT:
        """What `make` concludes from all files, once a generation. What asks for it is concluded again when it changes."""
        return self.conclusions.of_all(key, make)

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
            return self._resolution.resolved(path, target, owner)
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

    def module_at(self, stem: str) -> Module | None:
        """The package, module or folder at a path without its suffix; None when there is none."""
        return self._modules.at(stem)

    def attribute(self, path: str, name: str) -> tuple[str, ...]:
        """The targets of what methods set the attribute to on `self`, for a name such as `Class.attribute`."""
        self.conclusions.ask((path, name))
        return self._said(path).attributes.get(name, ())

    def stars(self, path: str) -> tuple[str, ...]:
        """The modules that a file imports by `*`."""
        self.conclusions.ask((path, STARS))
        return self._said(path).stars

    def _said(self, path: str) -> Said:
        return self._files.get(path, _NOTHING)

    def use(
        self,
        table: Table,
        threats: Threats = KNOWN,
        layers: tuple[str, ...] = (),
        first_python_without: tuple[int, int] | None = None,
    ) -> None:
        """Take other tables of effects and of threats, the packages that are layers, and the first Python that the project can't
        be installed on, None where it says of none. Effect: raises `generation`."""
        said = (layers, first_python_without)
        if table is not self.table or threats is not self.threats or said != (self.layers, self.first_python_without):
            self.table, self.threats, (self.layers, self.first_python_without) = table, threats, said
            self.conclusions.change(None)


_NOTHING = Said()


def _registrations(facts: Facts) -> tuple[Registration, ...]:
    return facts.registrations


def _variables(facts: Facts) -> tuple[Variable, ...]:
    return facts.variables


def _loads(facts: Facts) -> tuple[str, ...]:
    return facts.loads


def _classes(facts: Facts) -> tuple[ClassDef, ...]:
    return facts.classes


def _decorated(facts: Facts) -> tuple[Def, ...]:
    return tuple(it for it in facts.defs if it.decorators)


def _method_names(facts: Facts) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for it in facts.defs:
        if it.owner:
            found.setdefault(it.owner, {})[it.qualname] = None
    return {owner: tuple(names) for owner, names in found.items()}


def _imported(facts: Facts) -> dict[str, str]:
    return dict(facts.imports)


def _packages(facts: Facts) -> dict[str, bool]:
    return {name.partition(".")[0]: True for _, name in facts.imports}


def _by_name(facts: Facts) -> dict[str, tuple[Variable, ...]]:
    found: dict[str, tuple[Variable, ...]] = {}
    for it in facts.variables:
        found[it.name] = (*found.get(it.name, ()), it)
    return found


def whole(facts: Facts) -> tuple[Part, ...]:
    """The facts of a whole file, in its own lines, as the one part they are."""
    return ((Unit("module", "", "", ((0, 0, 1 << 30),), 0), facts),)
