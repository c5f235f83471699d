"""What expressions mean where they stand: with the parameters, the loop variables and the names of functions around them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.facts import ClassDef, Def
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Instance, Ref, Symbol
from architect_lsp.knowledge.values import UNKNOWN, Value

_DEPTH = 10
"""How many names a value may be followed through."""
_ITEMS = 500
"""How many items of a list are looked at."""


class Where(Struct, frozen=True):
    """A file, the function in it ("" the module), and what its parameters and loop variables stand for, as far as it is known."""

    path: str
    scope: str = ""
    names: tuple[tuple[str, Where, Value], ...] = ()

    def bound(self, name: str) -> tuple[Where, Value] | None:
        """(where, value) that a parameter or loop variable, or an attribute of it, stands for; None when that isn't known."""
        first, _, rest = name.partition(".")
        for known, where, value in self.names:
            if known == first:
                if not rest:
                    return where, value
                return where, Value("name", f"{value.text}.{rest}") if value.kind == "name" else UNKNOWN
        return None

    def binding(self, names: list[tuple[str, Where, Value]]) -> Where:
        """The same place, with more names known."""
        return replace(self, names=(*names, *self.names))

    @property
    def scopes(self) -> Iterator[str]:
        """The function and those around it, innermost first."""
        scope = self.scope
        while scope:
            yield scope
            scope = scope.rpartition(".")[0]


def owner_of(project: Project, where: Where) -> str:
    """The class whose `self` is meant in a place, "" outside of classes."""
    for scope in where.scopes:
        found = project.name(where.path, scope)
        if isinstance(found, ClassDef):
            return scope
        if isinstance(found, Def) and found.owner:
            return found.owner
    return ""


def symbol_at(project: Project, where: Where, value: Value) -> Symbol | None:
    """What a name, or what a call calls, means in a place."""
    if value.of is not None:
        target = _target(value)
        return project.resolve(where.path, target, owner_of(project, where)) if target else None
    for scope in where.scopes:
        inner = project.name(where.path, f"{scope}.{value.text}")
        if isinstance(inner, Def) and (scope == where.scope or inner.owner != scope):  # methods don't see their class's names
            return FunctionSymbol(where.path, inner)
    return project.resolve(where.path, value.text, owner_of(project, where))


def _target(value: Value) -> str:
    """`Views().install` for a call of a call's attribute; "" for what is no chain of those."""
    if value.of is None:
        return value.text
    head = _target(value.of) if value.of.kind == "call" else ""
    return f"{head}().{value.text}" if head and value.text else ""


def bindings(function: Def, call: Value, where: Where) -> list[tuple[str, Where, Value]]:
    """(parameter, where, value) of each argument that a call gives a function, then of the defaults it leaves."""
    names = [name for name, _ in function.parameters]
    if names[:1] in (["self"], ["cls"]) and function.owner:
        names = names[1:]
    known: dict[str, tuple[Where, Value]] = {}
    for name, it in zip(names, call.items, strict=False):
        if it.kind == "star":
            break
        known[name] = (where, it)
    known.update((name, (where, it)) for name, it in call.keywords if name in names)
    return [(name, *it) for name, it in known.items()]


def handler_of(project: Project, where: Where, value: Value | None, depth: int = _DEPTH) -> Ref | None:
    """The function or class that a value names, also where a call wraps it; None when it is none of the project's."""
    if value is None or depth <= 0:
        return None
    if value.kind == "call":
        if value.of is not None and value.last in ("as_view", "as_asgi"):
            return None
        of = Value("name", value.text.rpartition(".")[0]) if value.last in ("as_view", "as_asgi") else None
        inner = [of] if of is not None else value.items
        return next((it for each in inner if (it := handler_of(project, where, each, depth - 1)) is not None), None)
    if value.kind != "name":
        return None
    bound = where.bound(value.text)
    if bound is not None:
        return handler_of(project, *bound, depth - 1)
    symbol = symbol_at(project, where, value)
    if isinstance(symbol, FunctionSymbol):
        return Ref(symbol.path, symbol.facts.qualname, "def")
    if isinstance(symbol, ClassSymbol | Instance):
        return Ref(symbol.path, symbol.facts.qualname, "class")
    return None


def text_at(project: Project, where: Where, value: Value | None, depth: int = _DEPTH) -> str:
    """The string that a value stands for, "?" for each part that can't be told; "" for no value and for None."""
    if value is None or (value.kind == "constant" and value.text == "None"):
        return ""
    if depth <= 0:
        return "?"
    if value.kind == "joined":
        return "".join(text_at(project, where, it, depth - 1) for it in value.items)
    if value.kind == "name":
        bound = where.bound(value.text)
        if bound is not None:
            return text_at(project, *bound, depth - 1)
        for scope in where.scopes:
            function = project.definition(where.path, scope)
            if function is not None and any(name == value.text for name, _ in function.parameters):
                default = next((it for name, it in function.defaults if name == value.text), None)
                return text_at(project, Where(where.path), default, depth - 1) if default is not None else "?"
    found = text(project, where.path, value, owner_of(project, where) or where.scope)
    return "?" if found is None else found


def items(project: Project, where: Where, value: Value | None, depth: int = _DEPTH) -> list[tuple[Where, Value]]:
    """(where, value) of each item of a list, through names, `+`, stars, `extend` and functions that return one."""
    if value is None or depth <= 0:
        return []
    if value.kind == "list":
        found = []
        for it in value.items[:_ITEMS]:
            found += items(project, where, it.items[0], depth - 1) if it.kind == "star" else [(where, it)]
        return found
    if value.kind == "joined":
        return [row for it in value.items for row in items(project, where, it, depth - 1)]
    if value.kind == "dict":
        return [(where, Value("text", key)) for key, _ in value.keywords]
    if value.kind == "call":
        return _items_of_call(project, where, value, depth)
    if value.kind != "name":
        return []
    bound = where.bound(value.text)
    if bound is not None:
        return items(project, *bound, depth - 1)
    for scope in where.scopes:
        for variable in project.named(where.path, f"{scope}.{value.text}"):
            return _grown(project, replace(where, scope=scope), value.text, variable.value, depth)
    known = behind(project, where.path, value.text, owner_of(project, where))
    if known is None:
        return []
    return _grown(project, Where(known[0]), value.text.rpartition(".")[2], known[1], depth)


def _grown(project: Project, where: Where, name: str, value: Value | None, depth: int) -> list[tuple[Where, Value]]:
    """The items of a list's variable with those it is given later."""
    found = items(project, where, value, depth - 1)
    for it in project.registrations(where.path):
        if it.value.text in (f"{name}.extend", f"{name}.append", f"{name}.insert") and it.scope == where.scope and it.value.items:
            last = it.value.items[-1]
            found += [(where, last)] if it.value.last != "extend" else items(project, where, last, depth - 1)
    return found


def _items_of_call(project: Project, where: Where, value: Value, depth: int) -> list[tuple[Where, Value]]:
    if value.text in ("list", "tuple", "set", "sorted", "reversed", "iter", "chain") and value.items:
        return [row for it in value.items for row in items(project, where, it, depth - 1)]
    if value.text == "enumerate" and value.items:
        rows = items(project, where, value.items[0], depth - 1)
        return [(there, Value("list", items=(UNKNOWN, it))) for there, it in rows]
    if value.last in ("items", "values", "keys"):
        name = value.text.rpartition(".")[0]
        known = (where, value.of) if value.of is not None else where.bound(name)
        if known is None:
            at = behind(project, where.path, name, owner_of(project, where))
            known = (Where(at[0]), at[1]) if at is not None else None
        if known is None or known[1].kind != "dict":
            return []
        there, table = known
        pairs = [(Value("text", key), it) for key, it in table.keywords]
        if value.last == "items":
            return [(there, Value("list", items=pair)) for pair in pairs]
        return [(there, pair[value.last == "values"]) for pair in pairs]
    symbol = symbol_at(project, where, value)
    if isinstance(symbol, FunctionSymbol) and symbol.facts.result is not None:
        inner = Where(symbol.path, symbol.facts.qualname, tuple(bindings(symbol.facts, value, where)))
        return items(project, inner, symbol.facts.result, depth - 1)
    return []


def unpacked(names: list[str], item: tuple[Where, Value]) -> list[tuple[str, Where, Value]]:
    """(name, where, value) of the names that a loop sets for one item."""
    where, value = item
    if len(names) == 1:
        return [(names[0], where, value)]
    if value.kind == "list" and len(value.items) == len(names):
        return [(name, where, it) for name, it in zip(names, value.items, strict=True)]
    return [(name, where, UNKNOWN) for name in names]
