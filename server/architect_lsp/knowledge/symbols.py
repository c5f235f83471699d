"""What a name can stand for, and how a thing is named so that the name survives edits: plain values, no lookups."""

from __future__ import annotations

from msgspec import Struct

from architect_lsp.knowledge.facts import ClassDef, Def, Variable


class Ref(Struct, frozen=True):
    """A thing by name. `kind` is "def", "class", "variable", "call", "decorator", "field", "registration" or "value".

    `index` counts within its owner, the file for a registration, and for a value of a variable whose name is set more than once;
    -1 is the owner itself. `entry` counts the values inside a
    registration or a variable's value, in the order of the source; -1 is the whole.
    """

    path: str
    qualname: str
    kind: str
    index: int = -1
    entry: int = -1


class Module(Struct, frozen=True):
    """A file of the project, or a folder of them when `path` ends in `/`."""

    path: str


class FunctionSymbol(Struct, frozen=True):
    """A function or method of the project."""

    path: str
    facts: Def


class ClassSymbol(Struct, frozen=True):
    """A class of the project."""

    path: str
    facts: ClassDef


class Instance(Struct, frozen=True):
    """An object of a class of the project."""

    path: str
    facts: ClassDef


class Items(Struct, frozen=True):
    """Many of one thing, in a list or the like; `by_key` tells that they are found by a key."""

    of: Symbol
    by_key: bool = False


class External(Struct, frozen=True):
    """Something outside the project, by its dotted name; `()` follows what is called."""

    name: str


Named = Def | ClassDef | Variable | str
"""What a module's name stands for; a str is an import's dotted name."""

Symbol = Module | FunctionSymbol | ClassSymbol | Instance | Items | External


def module_name(symbol: FunctionSymbol) -> str:
    """The dotted name of a function of the project, as others import it."""
    module = symbol.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return f"{module.removeprefix('src.')}.{symbol.facts.qualname}"
