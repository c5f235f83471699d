"""From a target to the symbol it means: names, attributes, calls and items, one after the other, through the whole project.

What can't be told is None; what leads out of the project stays a dotted name (`External`). Only `Project.resolve` asks, and keeps
the answers.
"""

from __future__ import annotations

import builtins
import posixpath
from itertools import islice
from typing import TYPE_CHECKING

from architect_lsp.knowledge.annotations import BY_KEY, OPENED, SEVERAL
from architect_lsp.knowledge.facts import ClassDef, Def, Field, Variable
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance, Items, Module, Symbol
from architect_lsp.knowledge.values import Value, quoted
from architect_lsp.patterns import regex

if TYPE_CHECKING:
    from architect_lsp.knowledge.project import Project

_DEPTH = 16
"""How many symbols a name may be followed through; cycles of imports and aliases end here."""
_MARKS = regex(r"\(\)|\[\*\]|\[:\]|\[\]")
_PROPERTIES = ("property", "cached_property", "abstractproperty", "hybrid_property", "classproperty", "lazy_property")
_BARE = regex(r"builtins\.|(?:abc\.ABC|(?:typing|typing_extensions)\.(?:Generic|Protocol)|collections\.abc\.\w+)$")
"""Bases outside the project that bring no attribute worth naming."""
_GIVES_ITSELF = frozenset(
    (
        *("model_validate", "model_validate_json", "model_validate_strings", "model_construct", "model_copy"),
        *("parse_obj", "parse_raw", "from_orm"),
    )
)
"""Methods of pydantic's models that give one of the very class they are asked of."""
_GIVES_ONE = frozenset(("get", "pop", "popleft", "setdefault", "get_nowait", "__getitem__"))
_GIVES_MANY = frozenset(("values", "copy"))
_OF_CONTAINERS = frozenset(name for kind in (list, dict, set, tuple) for name in dir(kind)) | {"appendleft", "put", "put_nowait"}
_UNKNOWN = External("?")


class Resolution:
    """The steps from a target to a symbol, each bounded by the depth that is left."""

    __slots__ = ("_project",)

    def __init__(self, project: Project) -> None:
        self._project = project

    def resolved(self, path: str, target: str, owner: str, depth: int = _DEPTH) -> Symbol | None:
        """The symbol that a target of the file means, where `self` is of the class `owner`."""
        if depth <= 0 or not target:
            return None
        steps = [_step(it) for it in target.split(".")]
        name, marks = steps[0]
        symbol: Symbol | None
        if name in ("self", "cls") and owner:
            kind = self._project.class_(path, owner)
            symbol = Instance(path, kind) if kind else None
        elif name.startswith("?"):
            symbol = External(name)
        else:
            symbol = self._named(path, name, depth - 1)
        steps = steps[1:]
        if name == "super" and marks == ["()"] and owner and steps:
            kind = self._project.class_(path, owner)
            name, marks = steps.pop(0)
            symbol = self._inherited(Instance(path, kind), name, depth - 1, beyond=1) if kind else None
        symbol = self._marked(symbol, marks, depth - 1)
        for name, marks in steps:
            symbol = self._step(symbol, name, marks, depth - 1)
        return symbol

    def _step(self, symbol: Symbol | None, name: str, marks: list[str], depth: int) -> Symbol | None:
        called = marks[:1] == ["()"]
        if isinstance(symbol, Items) and called and name in _GIVES_ONE:
            return self._marked(symbol.of, marks[1:], depth)
        if isinstance(symbol, Items) and called and name in _GIVES_MANY:
            return self._marked(Items(symbol.of, symbol.by_key and name == "copy"), marks[1:], depth)
        found = self._attribute(symbol, name, depth)
        if isinstance(found, External) and isinstance(symbol, ClassSymbol | Instance) and called and name in _GIVES_ITSELF:
            return self._marked(Instance(symbol.path, symbol.facts), marks[1:], depth)
        return self._marked(found, marks, depth)

    def _marked(self, symbol: Symbol | None, marks: list[str], depth: int) -> Symbol | None:
        for it in marks:
            if symbol is None:
                return None
            if it == "()":
                symbol = self._called(symbol, depth)
            elif it == "[]":
                symbol = self._item(symbol, depth)
            else:
                symbol = Items(symbol, it == "[:]")
        return symbol

    def _item(self, symbol: Symbol, depth: int) -> Symbol | None:
        """One of what a thing gives to a loop."""
        if isinstance(symbol, Items):
            return _UNKNOWN if symbol.by_key else symbol.of
        if isinstance(symbol, Instance):
            for name in ("__iter__", "__aiter__", "__getitem__"):
                found = self._inherited(symbol, name, depth - 1)
                if found is not None:
                    return self._called(found, depth - 1)
            return symbol  # of a generator, whose annotation says what it gives
        if isinstance(symbol, ClassSymbol):
            return Instance(symbol.path, symbol.facts)  # the members of an enumeration
        return _UNKNOWN if isinstance(symbol, External) else None

    def _named(self, path: str, name: str, depth: int) -> Symbol | None:
        if depth <= 0:
            return None
        project = self._project
        found = project.name(path, name)
        if isinstance(found, Def):
            return FunctionSymbol(path, found)
        if isinstance(found, ClassDef):
            return ClassSymbol(path, found)
        if isinstance(found, Variable):
            if found.value is not None and found.value.kind == "call" and found.value.last in ("TypeVar", "NewType"):
                base = found.value.keyword("bound") or (found.value.argument(1) if found.value.last == "NewType" else None)
                return self.resolved(path, base.text, "", depth - 1) if base is not None and base.text != name else None
            if found.target == name or not found.target:
                return None
            return self.resolved(path, found.target, "", depth - 1)
        if isinstance(found, str):
            return self._imported(path, found, depth - 1)
        stars = project.stars(path)
        for star in stars:
            module, rest = project.module(path, star)
            if module is None or rest or module.path == path:
                continue
            symbol = self._attribute(module, name, depth - 1)
            if symbol is not None:
                return symbol
        outside = [it for it in stars if it[0] != "." and project.module(path, it)[0] is None]
        home = outside[0] if outside and not hasattr(builtins, name) else "builtins"
        return External(f"{home}.{name}") if found is None else None

    def _imported(self, path: str, dotted: str, depth: int) -> Symbol | None:
        module, rest = self._project.module(path, dotted)
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
        if isinstance(symbol, Items):
            # no container has an attribute of another name, so an index was left out
            return External(f"builtins.list().{name}") if name in _OF_CONTAINERS else self._attribute(symbol.of, name, depth - 1)
        if isinstance(symbol, Module):
            return self._of_module(symbol, name, depth)
        if isinstance(symbol, FunctionSymbol):
            inner = self._project.name(symbol.path, f"{symbol.facts.qualname}.{name}")
            if isinstance(inner, Def):
                return FunctionSymbol(symbol.path, inner)
            if isinstance(inner, ClassDef):
                return ClassSymbol(symbol.path, inner)
            # a library's decorator gave it, as `delay` of a task
            made = (self.resolved(symbol.path, it.target, symbol.facts.owner, depth - 1) for it in symbol.facts.decorators)
            giver = next((it.name for it in made if isinstance(it, External) and not it.name.startswith("builtins.")), "")
            return External(f"{giver}().{name}") if giver else None
        return self._inherited(symbol, name, depth)

    def _of_module(self, symbol: Module, name: str, depth: int) -> Symbol | None:
        project = self._project
        if symbol.path.endswith("/"):
            return project.module_at(symbol.path + name)
        package = posixpath.dirname(symbol.path) if posixpath.basename(symbol.path) == "__init__.py" else None
        said = project.name(symbol.path, name)
        found = self._named(symbol.path, name, depth - 1) if said is not None or project.stars(symbol.path) else None
        if found is not None and not (isinstance(found, External) and found.name.startswith("builtins.")):
            lazy = isinstance(found, External) and isinstance(said, Variable) and package is not None
            return (project.module_at(posixpath.join(package or "", name)) if lazy else None) or found
        return project.module_at(posixpath.join(package, name)) if package is not None else None

    def _inherited(self, symbol: ClassSymbol | Instance, name: str, depth: int, beyond: int = 0) -> Symbol | None:
        """An attribute of a class or its bases, without the nearest `beyond` of them."""
        outside: External | None = None
        for base in islice(self._project.bases(symbol), beyond, None):
            if isinstance(base, External):
                outside = outside or (base if not _BARE.match(base.name) else None)
                continue
            found = self._member(base, name, depth - 1)
            if found is not None:
                return found
        if outside is not None:
            return External(f"{outside.name}{'()' if isinstance(symbol, Instance) else ''}.{name}")
        return None

    def _member(self, owner: ClassSymbol, name: str, depth: int) -> Symbol | None:
        kind = owner.facts
        found = self._project.name(owner.path, f"{kind.qualname}.{name}")
        if isinstance(found, Def):
            if any(it.target.rpartition(".")[2] in _PROPERTIES for it in found.decorators):
                return self._called(FunctionSymbol(owner.path, found), depth - 1)
            return FunctionSymbol(owner.path, found)
        if isinstance(found, ClassDef):
            return ClassSymbol(owner.path, found)
        for it in kind.fields:
            if it.name == name:
                return self._field(owner, it, depth)
        known = (
            self.resolved(owner.path, it, kind.qualname, depth - 1)
            for it in self._project.attribute(owner.path, f"{kind.qualname}.{name}")
        )
        return next((it for it in known if it is not None), None)

    def _field(self, owner: ClassSymbol, field: Field, depth: int) -> Symbol | None:
        if not field.annotation:
            if field.target:
                return self.resolved(owner.path, field.target, owner.facts.qualname, depth - 1)
            outside = [it for it in self._project.bases(owner) if isinstance(it, External)]
            member = any(it.name.startswith("enum.") for it in outside)
            return Instance(owner.path, owner.facts) if member else None
        said = self.resolved(owner.path, field.annotation, "", depth - 1)
        form = _form(field.shape)
        if said is None or form == "Callable":
            return None
        if form in ("type", "Type"):
            return said
        held = self._called(said, depth - 1)
        return Items(held, form in BY_KEY) if held is not None and form else held

    def _called(self, symbol: Symbol, depth: int) -> Symbol | None:
        if depth <= 0:
            return None
        if isinstance(symbol, ClassSymbol):
            return Instance(symbol.path, symbol.facts)
        if isinstance(symbol, FunctionSymbol):
            returns = symbol.facts.returns
            if returns == "self":
                kind = self._project.class_(symbol.path, symbol.facts.owner)
                return Instance(symbol.path, kind) if kind else None
            return self.resolved(symbol.path, returns, symbol.facts.owner, depth - 1) if returns else None
        if isinstance(symbol, External):
            return External(f"{symbol.name}()")
        return None


def _step(text: str) -> tuple[str, list[str]]:
    """A name of a target, and the marks that follow it."""
    at = min((it for it in (text.find("("), text.find("[")) if it >= 0), default=-1)
    return (text, []) if at < 0 else (text[:at], _MARKS.findall(text, at))


def _form(shape: Value | None) -> str:
    """What an annotation makes of the class it speaks of: a container's name, `type` or `Callable`; "" for the class itself."""
    for _ in range(_DEPTH):
        if shape is None:
            return ""
        if shape.kind == "text":
            shape = quoted(shape.text)
        elif shape.kind == "joined":
            shape = next((it for it in shape.items if it.text != "None"), None)
        elif shape.kind == "index":
            last = shape.last
            if last in SEVERAL or last in BY_KEY or last in ("type", "Type", "Callable"):
                return last
            if last not in OPENED and last != "Mapped":
                return ""
            shape = shape.items[0] if shape.items else None
        else:
            return ""
    return ""
