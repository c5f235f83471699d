"""A class with all its bases, and what their bodies say together: what frameworks that read classes ask first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from architect_lsp.knowledge.facts import Decorator, Def, Facts, Field
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance, Ref, Symbol
from architect_lsp.knowledge.values import Value


class Attribute(Struct, frozen=True):
    """A name of a class's body. `owner` is the class of the lineage that has it, `call` the method that stands for it."""

    owner: ClassSymbol
    ref: Ref
    name: str
    field: Field | None = None
    call: Def | None = None

    @property
    def path(self) -> str:
        """The file that says it."""
        return self.owner.path

    @property
    def value(self) -> Value | None:
        """What it is set to, or what its method returns; None when neither says anything."""
        if self.call is not None:
            return self.call.result
        if self.field is None:
            return None
        return self.field.value or (Value("name", self.field.target) if self.field.target else None)

    @property
    def shape(self) -> Value | None:
        """Its annotation; None when there is none."""
        if self.call is not None:
            return self.call.gives if self.call.gives is not None and self.call.gives.kind in ("index", "joined") else None
        if self.field is None:
            return None
        return self.field.shape or (Value("name", self.field.annotation) if self.field.annotation else None)


def dotted(symbol: Symbol | None) -> str:
    """The dotted name of a thing, calls marked by `()`, whether it is outside the project or a library that lies within."""
    if isinstance(symbol, External):
        return symbol.name
    if isinstance(symbol, ClassSymbol | FunctionSymbol | Instance):
        module = symbol.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"{module}.{symbol.facts.qualname}{'()' if isinstance(symbol, Instance) else ''}"
    return ""


def classes(project: Project) -> Iterator[ClassSymbol]:
    """Every class of the project that has a base or a decorator, in the order of the files."""
    for path in project.paths:
        for it in project.classes(path):
            if it.bases or it.decorators:
                yield ClassSymbol(path, it)


def lineage(project: Project, symbol: ClassSymbol) -> tuple[ClassSymbol | External, ...]:
    """The class and all its bases in the order in which Python asks them."""
    key = _key(symbol)
    asking: dict[tuple[str, str], bool] = project.lasting("lineage")
    if key in asking:
        return (symbol,)  # a class that is its own base has no others
    asking[key] = True
    try:
        return project.kept("lineage", key, _lineage, project, symbol)
    finally:
        del asking[key]


def _lineage(project: Project, symbol: ClassSymbol) -> tuple[ClassSymbol | External, ...]:
    project.class_(symbol.path, symbol.facts.qualname)  # asks for the class itself, which stands first in what is kept
    bases = [it for name in symbol.facts.bases if (it := project.resolve(symbol.path, name)) is not None]
    rows = [
        lineage(project, it) if isinstance(it, ClassSymbol) else (it,) for it in bases if isinstance(it, ClassSymbol | External)
    ]
    return (symbol, *_merged([*rows, tuple(it[0] for it in rows)]))


def _key(symbol: ClassSymbol | External) -> tuple[str, str]:
    return ("", symbol.name) if isinstance(symbol, External) else (symbol.path, symbol.facts.qualname)


def _merged(rows: Sequence[Sequence[ClassSymbol | External]]) -> Iterator[ClassSymbol | External]:
    """The rows in one, each thing before all that follow it anywhere (C3); the first row decides where that can't be."""
    left = [[*it] for it in rows if it]
    while left:
        behind = {_key(it) for row in left for it in row[1:]}
        head = next((row[0] for row in left if _key(row[0]) not in behind), left[0][0])
        yield head
        left = [kept for row in left if (kept := [it for it in row if _key(it) != _key(head)])]


def methods(project: Project, symbol: ClassSymbol) -> dict[str, Def]:
    """The methods of a class's own body, by name."""
    found = project.row_of_file(symbol.path, _methods, symbol.facts.qualname) or {}
    for it in found.values():
        project.conclusions.ask((symbol.path, it.qualname))  # whoever asks may look at its calls
    return found


def _methods(facts: Facts) -> dict[str, dict[str, Def]]:
    rows: dict[str, dict[str, Def]] = {}
    for it in facts.defs:
        if it.owner:
            rows.setdefault(it.owner, {})[it.qualname.removeprefix(f"{it.owner}.")] = it
    return rows


def own(project: Project, symbol: ClassSymbol) -> Iterator[Attribute]:
    """The fields of one class's body, then its methods. A field that is set anew comes once, as it was set last."""
    last = {it.name: index for index, it in enumerate(symbol.facts.fields)}
    for index in sorted(last.values()):
        field = symbol.facts.fields[index]
        yield Attribute(symbol, Ref(symbol.path, symbol.facts.qualname, "field", index), field.name, field=field)
    for name, it in methods(project, symbol).items():
        yield Attribute(symbol, Ref(symbol.path, it.qualname, "def"), name, call=it)


def attributes(project: Project, symbol: ClassSymbol) -> dict[str, Attribute]:
    """Every field and method of the class by its name, those of the nearest class of its lineage."""
    found: dict[str, Attribute] = {}
    for it in lineage(project, symbol):
        if isinstance(it, ClassSymbol):
            for attribute in own(project, it):
                found.setdefault(attribute.name, attribute)
    return found


def decorator(project: Project, path: str, owner: str, row: Decorator) -> str:
    """The dotted name of what decorates something in the file."""
    return dotted(project.resolve(path, row.target, owner))
