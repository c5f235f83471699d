"""What names stand for at one place of the code: locals of the function, of those around it, of the module, and of loops.

Frameworks that are told things inside functions ask here: names of nodes, lists of agents, tables that a loop runs over.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.facts import ClassDef, Def, Variable
from architect_lsp.knowledge.lineage import lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Symbol
from architect_lsp.knowledge.values import Value
from architect_lsp.syntax import python

_DEPTH = 10
"""How many names a value may be followed through."""
_TURNS = 400
"""Turns of a loop that are followed."""


@dataclass(frozen=True)
class Scope:
    """A function (by its qualified name), a class's body or, with "", the module. `bound` are names that a loop's turn sets."""

    project: Project
    path: str
    name: str
    bound: Mapping[str, Told] = field(default_factory=dict)

    def around(self) -> Iterator[str]:
        """The qualified names of this scope and of all around it, innermost first, "" last."""
        name = self.name
        while name:
            yield name
            name = name.rpartition(".")[0]
        yield ""

    @property
    def owner(self) -> str:
        """The qualified name of the class whose `self` is meant here, "" outside of classes."""
        return next((it for it in self.around() if it and self.project.class_(self.path, it) is not None), "")

    def is_parameter(self, name: str) -> bool:
        """Whether a name is handed to the function, or to one around it."""
        return next((True for it in self.around() for row in self._parameters(it) if row == name), False)

    def _parameters(self, qualname: str) -> list[str]:
        definition = self.project.definition(self.path, qualname) if qualname else None
        return [name for name, _ in definition.parameters] if definition is not None else []

    def variable(self, name: str) -> tuple[Scope, Variable] | None:
        """The variable that a plain name or `self.x` means here, with the scope that holds it; None for parameters and others."""
        head, _, last = name.rpartition(".")
        if head in ("self", "cls"):
            kind = self.project.class_(self.path, self.owner)
            for base in lineage(self.project, ClassSymbol(self.path, kind)) if kind is not None else ():
                if isinstance(base, ClassSymbol):
                    found = self.project.name(base.path, f"{base.facts.qualname}.{last}")
                    if isinstance(found, Variable):
                        return Scope(self.project, base.path, base.facts.qualname), found
            return None
        if head:
            return None
        for it in self.around():
            found = self.project.name(self.path, f"{it}.{name}" if it else name)
            if isinstance(found, Variable):
                return Scope(self.project, self.path, it), found
            if name in self._parameters(it) or found is not None:
                return None
        return None

    def value(self, name: str) -> Told | None:
        """What a name was set to, with the scope in which that is to be read; None when that can't be told."""
        if name in self.bound:
            return self.bound[name]
        found = self.variable(name)
        if found is not None:
            scope, row = found
            if row.value is not None:
                return Told(scope, row.value)
            return Told(scope, Value("name", row.target)) if row.target and "(" not in row.target and row.target != name else None
        if self.is_parameter(name.partition(".")[0]):
            return None
        told = behind(self.project, self.path, name, self.owner)
        return Told(Scope(self.project, told[0], ""), told[1]) if told is not None else None

    def meant(self, value: Value | None) -> Told | None:
        """The value itself, names followed to what they were set to; a name that leads no further stays. None stays None."""
        scope, depth = self, _DEPTH
        if value is None:
            return None
        while value.kind == "name" and depth > 0:
            found = scope.value(value.text)
            if found is None:
                break
            scope, value = found.scope, found.value
            depth -= 1
        return Told(scope, value)

    def symbol(self, name: str) -> Symbol | None:
        """What a dotted name means here, functions and variables of the functions around it included."""
        head, _, rest = name.partition(".")
        if head in self.bound:
            told = self.bound[head]
            written = f"{told.value.text}{'()' if told.value.kind == 'call' else ''}"
            return told.scope.symbol(f"{written}.{rest}" if rest else written) if told.value.kind in ("name", "call") else None
        for it in self.around():
            found = self.project.name(self.path, f"{it}.{head}") if it else None
            if isinstance(found, Def | ClassDef) and self.project.class_(self.path, it) is None:
                return self.project.resolve(self.path, f"{it}.{name}")
            if isinstance(found, Variable) and found.target and self.project.class_(self.path, it) is None:
                return self.project.resolve(self.path, f"{found.target}.{rest}" if rest else found.target, self.owner)
            definition = self.project.definition(self.path, it) if it else None
            said = dict(definition.parameters).get(head) if definition is not None else None
            if said is not None and head not in ("self", "cls"):
                return self.project.resolve(self.path, f"{said}().{rest}" if rest else f"{said}()") if said else None
        return self.project.resolve(self.path, name, self.owner)

    def text(self, value: Value | None, depth: int = _DEPTH) -> str | None:
        """The string that a value is here, None when that can't be told. Members of enumerations are their values."""
        if value is None or depth <= 0:
            return None
        if value.kind in ("text", "constant"):
            return value.text
        if value.kind == "joined":
            pieces = [self.text(it, depth - 1) for it in value.items]
            return None if any(it is None for it in pieces) else "".join(it for it in pieces if it is not None)
        if value.kind == "call" and value.text == "str" and len(value.items) == 1:
            return self.text(value.items[0], depth - 1)
        if value.kind != "name":
            return None
        found = self.value(value.text)
        if found is None and value.last in ("value", "__name__", "name"):
            inner = value.text.rpartition(".")[0]
            if value.last == "value":
                return self.text(Value("name", inner), depth - 1)
            symbol = self.symbol(inner)
            if value.last == "__name__" and isinstance(symbol, FunctionSymbol | ClassSymbol):
                return symbol.facts.qualname.rpartition(".")[2]
            made = self.value(inner)
            return made.scope.text(made.value.keyword("name"), depth - 1) if made is not None else None
        return found.scope.text(found.value, depth - 1) if found is not None else None

    def items(self, value: Value | None, depth: int = _DEPTH) -> list[Told] | None:
        """What a list, a table's keys or a call that walks them gives, each with its scope; None when that can't be told."""
        rows = self._walked(value, depth)
        told = [it for it in rows or () if isinstance(it, Told)]
        return told if rows is not None and len(told) == len(rows) else None

    def table(self, value: Value | None) -> list[tuple[Told, Told]] | None:
        """Keys and values of a written table, None when that can't be told."""
        found = self.meant(value)
        if found is None or found.value.kind != "dict" or any(key in ("?", "**") for key, _ in found.value.keywords):
            return None
        scope = found.scope
        return [(Told(scope, scope._key(key)), Told(scope, it)) for key, it in found.value.keywords]

    def turns(self, loops: Sequence[tuple[str, Value]]) -> list[Scope] | None:
        """This scope once for each turn of the loops (innermost first) with the names they set; None when that can't be told."""
        turns = [self]
        for target, over in reversed(loops):
            further: list[Scope] = []
            for it in turns:
                rows = it._walked(over, _DEPTH)
                if rows is None or len(turns) * len(rows) > _TURNS:
                    return None
                for row in rows:
                    bound = _bound(python.expression(target), row)
                    if bound is None:
                        return None
                    further.append(replace(it, bound={**it.bound, **bound}))
            turns = further
        return turns

    def _key(self, written: str) -> Value:
        """A table's key: the literal, or the name of one."""
        named = Value("name", written)
        is_name = written.replace(".", "").isidentifier() and written.replace(".", "").isascii()
        return named if is_name and self.text(named) is not None else Value("text", written)

    def _walked(self, value: Value | None, depth: int) -> list[Item] | None:
        found = self.meant(value)
        if found is None or depth <= 0:
            return None
        scope, told = found.scope, found.value
        if told.kind in ("list", "joined"):
            rows: list[Item] = []
            for it in told.items:
                nested = it.items[0] if it.kind == "star" else it if told.kind == "joined" else None
                inner = [Told(scope, it)] if nested is None else scope._walked(nested, depth - 1)
                if inner is None:
                    return None
                rows += inner
            return rows
        if told.kind == "dict":
            keys = scope.table(told)
            return [key for key, _ in keys] if keys is not None else None
        return scope._stepped(told, depth) if told.kind == "call" else None

    def _stepped(self, call: Value, depth: int) -> list[Item] | None:
        """The turns over `NODES.items()`, `enumerate(names)`, `zip(a, b)`, `range(3)`, `list(names)`."""
        if call.of is None and call.last in ("items", "values", "keys") and not call.items:
            pairs = self.table(Value("name", call.text.rpartition(".")[0]))
            if pairs is None or call.last == "items":
                return None if pairs is None else [*pairs]
            return [key if call.last == "keys" else it for key, it in pairs]
        if call.text == "range" and call.items and all(it.kind == "constant" and it.text.isdigit() for it in call.items):
            numbers = range(*(int(it.text) for it in call.items[:3]))[:_TURNS]
            return [Told(self, Value("constant", str(it))) for it in numbers]
        rows = [self._walked(it, depth - 1) for it in call.items]
        told = [it for it in rows if it is not None]
        if not told or len(told) != len(rows):
            return None
        if call.text in ("list", "tuple", "sorted", "set", "iter") and len(told) == 1:
            return told[0]
        if call.text == "enumerate":
            return [(Told(self, Value("constant", str(index))), row) for index, row in enumerate(told[0])]
        if call.text == "zip":
            return [*zip(*told, strict=False)]
        return [*zip(told[0], told[0][1:], strict=False)] if call.last == "pairwise" else None


@dataclass(frozen=True)
class Told:
    """A value with the scope in which it is to be read."""

    scope: Scope
    value: Value


Item = Told | tuple["Item", ...]
"""What one turn of a loop gives: a value, or several together."""


def _bound(target: ast.expr, item: Item) -> dict[str, Told] | None:
    """The names that a loop's target sets in one turn, None when that can't be told."""
    if isinstance(target, ast.Name):
        return {target.id: item} if isinstance(item, Told) else None
    if not isinstance(target, ast.Tuple | ast.List):
        return None
    inner: Sequence[Item] = item if isinstance(item, tuple) else [Told(item.scope, it) for it in _listed(item)]
    if len(inner) != len(target.elts):
        return None
    found: dict[str, Told] = {}
    for it, part in zip(target.elts, inner, strict=True):
        row = _bound(it, part)
        if row is None:
            return None
        found.update(row)
    return found


def _listed(item: Told) -> Sequence[Value]:
    found = item.scope.meant(item.value)
    return found.value.items if found is not None and found.value.kind == "list" else ()
