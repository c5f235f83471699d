"""Objects that a program makes and hands around: which call made what a name, an argument or an entry of a list stands for.

Agents, their tools and their hand-offs are put together in lists, by functions and over files; frameworks ask here what is in
them. Only calls whose names sound like a part of an agent program are looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.constants import text
from architect_lsp.knowledge.facts import ClassDef, Registration, Variable
from architect_lsp.knowledge.lineage import lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance, Module, Ref, Symbol
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Place
from architect_lsp.patterns import regex

_PART = regex(
    r"agent|tool|handoff|server|mcp|crew|supervisor|clone|options|definition|task|team|chat|swarm|graph|state|flow"
    r"|^(?:run|run_sync|run_streamed|run_stream|iter|query|add_function|from_defaults|from_function|ReAct|CodeAct|GenerateContentConfig)$",
    re.IGNORECASE,
)
"""Last names of the calls that may make or change a part of an agent program."""
_SCHEMA = ("input_schema", "parameters", "inputSchema", "function")
_SERVER_TOOL = regex(r"[a-z_]+_\d{8}")
_GROWS = ("append", "extend", "insert", "add")
_STEPS = 8
"""How many names, lists and functions a value is followed through."""


class Spot(Struct, frozen=True):
    """A value where it stands. `scope` is the function or class around it, "" the module; `name` the variable that holds it.

    `root` is the whole of which the value is a part; `loops` are the names that loops around it set, with what they run over;
    `via` is where it is mentioned by the name through which it was found, None where it was not.
    """

    path: str
    scope: str
    value: Value
    at: Ref
    root: Value
    name: str = ""
    loops: tuple[tuple[str, Value], ...] = ()
    via: Ref | None = None

    def inner(self, value: Value) -> Spot:
        """A value inside this one."""
        if self.at.kind not in ("registration", "value"):
            return replace(self, value=value, name="")
        entry = next((index for index, it in enumerate(self.root.each()) if it is value), -1)
        return replace(self, value=value, at=replace(self.at, entry=entry), name="")

    def argument(self, index: int, name: str) -> Spot | None:
        """An argument of the call, by its position (from 0) or its keyword; None when it is not given."""
        found = self.value.argument(index, name) if index >= 0 else self.value.keyword(name)
        return self.inner(found) if found is not None else None

    def owner(self, project: Project) -> str:
        """The class whose `self` is meant there, "" outside of classes."""
        scope = self.scope
        while scope:
            if project.class_(self.path, scope) is not None:
                return scope
            scope = scope.rpartition(".")[0]
        return ""


_Rows = tuple[tuple[Variable, ...], tuple[ClassDef, ...], tuple[Registration, ...]]


class _Index(Struct, frozen=True):
    """What one file puts together: its calls of interest, its variables by name, the calls that make lists grow, and what tells
    a model of a tool."""

    rows: _Rows
    calls: tuple[Spot, ...]
    held: dict[str, list[Spot]]
    growth: dict[str, list[Spot]]
    schemas: tuple[Spot, ...]


class Decoration(Struct, frozen=True):
    """A function with one of its decorators: `spot` is the decorator, a name or a call."""

    function: FunctionSymbol
    spot: Spot

    @property
    def ref(self) -> Ref:
        """The function."""
        return Ref(self.function.path, self.function.facts.qualname, "def")

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function.facts.qualname.rpartition(".")[2]


def calls(project: Project, path: str) -> tuple[Spot, ...]:
    """The calls of a file that may make or change a part of an agent program, in the order of its facts."""
    return _index(project, path).calls


def schemas(project: Project, path: str) -> tuple[Spot, ...]:
    """The dictionaries of a file that describe a tool to a model: a name with the shape of its input."""
    return _index(project, path).schemas


def variables(project: Project, path: str, name: str) -> list[Spot]:
    """The values of the file's variables of this name, in any scope."""
    return _index(project, path).held.get(name, [])


def symbol(project: Project, spot: Spot) -> Symbol | None:
    """What the name, or the callee of the call, at a spot means; None when that can't be told."""
    name = spot.value.text
    if not name or spot.value.of is not None:
        return None
    scope = spot.scope
    while scope:  # what a function defines inside itself
        found = project.resolve(spot.path, f"{scope}.{name}")
        if isinstance(found, FunctionSymbol | ClassSymbol) and found.facts.qualname == f"{scope}.{name}":
            return found
        scope = scope.rpartition(".")[0]
    return project.resolve(spot.path, name, spot.owner(project))


def kinds(project: Project, spot: Spot) -> Iterator[str]:
    """The dotted names of the class that a call makes an object of and of its bases, or the name of a library's function."""
    found = symbol(project, spot)
    if isinstance(found, External):
        yield found.name.replace("()", "")
    elif isinstance(found, ClassSymbol):
        yield from (it.name for it in lineage(project, found) if isinstance(it, External))
    elif found is None:  # `from agents import Agent` in a folder that is called `agents` itself
        head, _, rest = spot.value.text.partition(".")
        imported = project.name(spot.path, head)
        if isinstance(imported, str) and not imported.startswith("."):
            yield f"{imported}.{rest}" if rest else imported


def said(project: Project, spot: Spot | None) -> str | None:
    """The string at a spot, None when that can't be told."""
    return text(project, spot.path, spot.value, spot.owner(project)) if spot is not None else None


def place(project: Project, spot: Spot) -> Place:
    """Where the value stands now: one place is one thing, however many facts speak of it."""
    return project.place(spot.at)


def holder(spot: Spot) -> Spot | None:
    """The object whose method is called or named there; None for a plain name."""
    if spot.value.of is not None:
        return spot.inner(spot.value.of)
    head = spot.value.text.rpartition(".")[0]
    return spot.inner(Value("name", head)) if head else None


def decorations(found: FunctionSymbol) -> Iterator[Decoration]:
    """The decorators of a function, each where it stands."""
    scope = found.facts.qualname.rpartition(".")[0]
    for index, it in enumerate(found.facts.decorators):
        at = Ref(found.path, found.facts.qualname, "decorator", index)
        yield Decoration(found, Spot(found.path, scope, it.value, at, it.value))


def decorated(project: Project, path: str) -> Iterator[Decoration]:
    """The decorators of a file's functions."""
    for it in project.decorated(path):
        yield from decorations(FunctionSymbol(path, it))


def parts(project: Project, spot: Spot | None, steps: int = _STEPS) -> Iterator[Spot]:
    """What a value holds: the entries of a list, through names, `+`, stars and functions; a single thing is itself.

    What can't be followed is given as it stands.
    """
    if spot is None:
        return
    value = spot.value
    if steps <= 0 or value.kind in ("text", "constant", "unknown", "lambda"):
        yield spot
    elif value.kind in ("list", "joined", "star", "either"):
        for it in value.items:
            yield from parts(project, spot.inner(it), steps - 1)
    elif value.kind == "name":
        homes = list(_homes(project, spot, steps))
        for home in homes:
            for found in (*parts(project, home, steps - 1), *_growth(project, home, steps)):
                yield found if found.via is not None else replace(found, via=spot.at)
        if not homes:
            yield spot
    elif value.kind == "call" and value.text in ("list", "tuple", "sorted", "set") and value.items:
        yield from parts(project, spot.inner(value.items[0]), steps - 1)
    elif value.kind == "call" and value.of is None:
        made = list(_given(project, spot))
        for given in made:
            yield from parts(project, given, steps - 1)
        if not made:
            yield spot
    else:
        yield spot


def grown(project: Project, spot: Spot, attribute: str) -> Iterator[Spot]:
    """What is added later to a list that the thing at a spot has: `agent.handoffs.append(other)`, anywhere in the project."""
    here = place(project, spot)
    for it in project.of_all("assembly growth", _grown).get(attribute, ()):
        held = it.value.text.rpartition(".")[0].rpartition(".")[0]
        if held and any(place(project, row) == here for row in parts(project, it.inner(Value("name", held)))):
            for argument in it.value.items[-1:]:
                yield from parts(project, it.inner(argument))


def _grown(project: Project) -> dict[str, list[Spot]]:
    """All that is added to lists of things, by the attribute that holds the list."""
    found: dict[str, list[Spot]] = {}
    for path in project.paths:
        for name, rows in _index(project, path).growth.items():
            found.setdefault(name.rpartition(".")[2], []).extend(rows)
    return found


def _growth(project: Project, home: Spot, steps: int) -> Iterator[Spot]:
    """What is added to a variable's list in its own file."""
    for it in _index(project, home.path).growth.get(home.name, ()) if home.name else ():
        if it.scope == home.scope or not home.scope:
            for argument in it.value.items[-1:]:
                yield from parts(project, it.inner(argument), steps - 1)


def _given(project: Project, spot: Spot) -> Iterator[Spot]:
    """What a function of the project makes and gives, as far as it makes one thing alone."""
    found = symbol(project, spot)
    if not isinstance(found, FunctionSymbol):
        return
    index = _index(project, found.path)
    made = [it for it in index.calls if it.scope == found.facts.qualname and it.value is it.root and it.value.last not in _GROWS]
    returned = [it for it in made if it.at.kind == "registration"]
    if len(returned or made) == 1:
        yield (returned or made)[0]
    elif not made:
        name = found.facts.returns.lstrip("?")
        yield from (it for it in index.held.get(name, ()) if name and it.scope == found.facts.qualname)


def _homes(project: Project, spot: Spot, steps: int) -> Iterator[Spot]:
    """The values of the variables that a name may mean."""
    name, path = spot.value.text, spot.path
    over = next((value for names, value in spot.loops if name == names), None)
    if over is not None:
        yield from parts(project, replace(spot.inner(over), loops=()), steps - 1)
        return
    head, _, last = name.rpartition(".")
    if not head:
        scope = spot.scope
        while True:
            rows = [it for it in _index(project, path).held.get(name, ()) if it.scope == scope]
            if rows or not scope:
                break
            scope = scope.rpartition(".")[0]
        if rows:
            yield from rows
            return
    imported = project.name(path, name.partition(".")[0])
    if isinstance(imported, str):
        rest = name.partition(".")[2]
        module, names = project.module(path, f"{imported}.{rest}" if rest else imported)
        if module is not None and len(names) == 1 and not module.path.endswith("/") and module.path != path:
            yield from _homes(project, Spot(module.path, "", Value("name", names[0]), spot.at, spot.root), steps - 1)
            return
    if head:
        owner = project.resolve(path, head, spot.owner(project))
        yield from _of_object(project, owner, last)


def _of_object(project: Project, owner: Symbol | None, name: str) -> Iterator[Spot]:
    """What an attribute of an object, a class or a module is set to."""
    if isinstance(owner, Module) and not owner.path.endswith("/"):
        yield from (it for it in _index(project, owner.path).held.get(name, ()) if not it.scope)
    elif isinstance(owner, Instance | ClassSymbol):
        for base in project.bases(owner):
            if isinstance(base, ClassSymbol) and isinstance(base.facts, ClassDef):
                scope = base.facts.qualname
                rows = [it for it in _index(project, base.path).held.get(name, ()) if it.scope == scope]
                yield from rows
                if rows:
                    return


def _index(project: Project, path: str) -> _Index:
    """What a file puts together, kept for as long as its facts are the same."""
    known: dict[str, _Index] = project.lasting("assembly")
    rows = project.variables(path), project.classes(path), project.registrations(path)
    found = known.get(path)
    if found is None or any(was is not now for was, now in zip(found.rows, rows, strict=True)):
        found = known[path] = _made(path, rows)
    return found


def _made(path: str, rows: _Rows) -> _Index:
    variables, classes, registrations = rows
    found: list[Spot] = []
    wholes: list[Spot] = []
    held: dict[str, list[Spot]] = {}
    growth: dict[str, list[Spot]] = {}
    for index, it in enumerate(variables):
        if it.value is not None or it.target:
            value = it.value or Value("name", it.target)
            scope, _, name = it.name.rpartition(".")
            whole = Spot(path, scope, value, Ref(path, it.name, "value", index, 0), value, name)
            held.setdefault(name, []).append(whole)
            wholes.append(whole)
    for owner in classes:
        for index, field in enumerate(owner.fields):
            if field.value is not None:
                at = Ref(path, owner.qualname, "field", index)
                whole = Spot(path, owner.qualname, field.value, at, field.value, field.name)
                held.setdefault(field.name, []).append(whole)
    for index, row in enumerate(registrations):
        whole = Spot(path, row.scope, row.value, Ref(path, row.scope, "registration", index, 0), row.value, "", row.loops)
        wholes.append(whole)
        if row.value.kind == "call" and row.value.last in _GROWS and row.value.items:
            growth.setdefault(row.value.text.rpartition(".")[0], []).append(whole)
    told: list[Spot] = []
    for whole in wholes:
        if whole.value.kind in ("call", "list", "dict", "joined", "either", "star"):
            for index, value in enumerate(whole.root.each()):
                if (value.kind == "call" and _PART.search(value.last)) or (value.kind == "dict" and _is_schema(value)):
                    spot = replace(whole, value=value, at=replace(whole.at, entry=index), name="" if index else whole.name)
                    (found if value.kind == "call" else told).append(spot)
    return _Index(rows, tuple(found), held, growth, tuple(told))


def _is_schema(value: Value) -> bool:
    """Whether a dictionary describes a tool: `{"name": ..., "input_schema": ...}`, `{"type": "function", "function": ...}`."""
    name, kind = value.keyword("name"), value.keyword("type")
    if value.keyword("function") is not None:
        return kind is not None and kind.text == "function"
    if name is None:
        return False
    shaped = any(value.keyword(it) is not None for it in _SCHEMA) and value.keyword("description") is not None
    return shaped or (kind is not None and kind.kind == "text" and bool(_SERVER_TOOL.fullmatch(kind.text)))
