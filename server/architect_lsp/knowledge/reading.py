"""One unit, read once: nodes by type, parents, functions, loops, and the targets of its calls. Facts and rules both ask it.

A *target* is a dotted name as the unit can know it alone: `time.sleep`, `Session().execute` (a call's result is marked by
`()`), `self.repo.find`. A name bound once in a function, or annotated, is replaced by what it is bound to, so that
`repo = OrderRepo(); repo.find(1)` has the target `OrderRepo().find`. Three more marks speak of containers: `[*]` after what it
holds many of, `[:]` after what it finds by key, `[]` after what one item of is meant: `self.orders[].pay` for `order.pay` in a
loop over `self.orders`. The project turns targets into symbols.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, TypeVar

from architect_lsp.knowledge.annotations import cast_of, kind
from architect_lsp.knowledge.annotations import dotted as dotted  # most who ask a reading ask for it too
from architect_lsp.model import Place
from architect_lsp.syntax.units import Parsed, Unit

Function = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_CONTAINERS = (*_COMPREHENSIONS, ast.Dict, ast.List, ast.Set, ast.Tuple)
_HANDED_ON = frozenset(("sorted", "list", "tuple", "set", "frozenset", "reversed", "iter"))
"""Builtins whose result holds the items of their first argument."""
_DEPTH = 12
"""How many names or attributes a target may be followed through."""

_BINDING = frozenset((*_FUNCTIONS, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) | frozenset(
    (ast.For, ast.AsyncFor, ast.comprehension, ast.withitem, ast.ExceptHandler)
)
"""What can give a name its value."""
_LEAVES = frozenset(
    ("ctx", "op", "ops", "id", "attr", "name", "arg", "kind", "level", "module", "asname", "lineno", "type_comment")
)
"""Fields that hold no node with a place; operators and contexts are shared between nodes."""
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {ast.Constant: (), ast.Name: ()}

NodeT = TypeVar("NodeT", bound=ast.AST)


class Reading:
    """The syntax of one unit with its lookups. Nodes are `ast`'s; places count the unit's own lines."""

    __slots__ = ("_bindings", "_by_type", "_function", "_parent", "_targets", "_within", "memo", "parsed", "unit")

    def __init__(self, unit: Unit, parsed: Parsed) -> None:
        self.unit = unit
        self.parsed = parsed
        self.memo: dict[str, Any] = {}  # conclusions others draw from this unit alone, each under its own name
        self._by_type: defaultdict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        self._parent: dict[ast.AST, ast.AST] = {}
        self._function: dict[ast.AST, Any] = {}
        self._targets: dict[tuple[ast.AST | None, str], str] = {}
        self._bindings: dict[ast.AST | None, dict[str, list[ast.expr | None]]] = {}
        self._within: defaultdict[ast.AST | None, list[ast.AST]] = defaultdict(list)
        by_type, parent, within, runs_in = self._by_type, self._parent, self._within, self._function
        stack: list[tuple[ast.AST, ast.AST | None, ast.AST | None]] = [(it, None, None) for it in reversed(parsed.body)]
        while stack:
            node, scope, function = stack.pop()
            kind = node.__class__
            by_type[kind].append(node)
            within[scope].append(node)
            if function is not None:
                runs_in[node] = function
            names = _FIELDS.get(kind)
            if names is None:
                names = _FIELDS[kind] = tuple(it for it in kind._fields if it not in _LEAVES)
            if not names:
                continue
            children: list[tuple[ast.AST, ast.AST | None, ast.AST | None]] = []
            for name in names:
                value = getattr(node, name, None)
                inner, runs = scope, function
                if name == "body" and kind in _SCOPES:
                    inner, runs = node, function if kind is ast.ClassDef else node
                if value.__class__ is list:
                    for child in value:
                        if isinstance(child, ast.AST):
                            parent[child] = node
                            children.append((child, inner, runs))
                elif isinstance(value, ast.AST):
                    parent[value] = node
                    children.append((value, inner, runs))
            children.reverse()
            stack += children

    def within(self, scope: ast.AST | None) -> list[ast.AST]:
        """The nodes that the body of a function, class or lambda runs itself, in source order; None is the unit's top.

        A nested definition is among them, what its body runs is not.
        """
        return self._within.get(scope, [])

    def each(self, *types: type[NodeT]) -> Iterator[NodeT]:
        """Nodes of exactly these types, type by type, each in source order."""
        for it in types:
            yield from self._by_type.get(it, ())  # type: ignore[misc]

    def has(self, *types: type[ast.AST]) -> bool:
        """Whether the unit holds a node of one of these types."""
        return any(it in self._by_type for it in types)

    @property
    def functions(self) -> Iterator[Function]:
        """All function definitions of the unit, nested ones included."""
        yield from self.each(ast.FunctionDef)
        yield from self.each(ast.AsyncFunctionDef)

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node that holds `node`; None at the top of the unit."""
        return self._parent.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents from the nearest outwards."""
        up = self._parent.get(node)
        while up is not None:
            yield up
            up = self._parent.get(up)

    def function(self, node: ast.AST) -> Function | ast.Lambda | None:
        """The nearest function or lambda around `node` whose body runs it; a decorator or default is outside its function."""
        found: Function | ast.Lambda | None = self._function.get(node)
        return found

    def loop(self, node: ast.AST) -> ast.AST | None:
        """The nearest loop or comprehension, in the same function, that runs `node` once a turn; None when there is none."""
        below = node
        for up in self.ancestors(node):
            if isinstance(up, ast.For | ast.AsyncFor) and any(below is it for it in up.body):
                return up
            if isinstance(up, ast.While) and (below is up.test or any(below is it for it in up.body)):
                return up
            if isinstance(up, _COMPREHENSIONS) and not (isinstance(below, ast.comprehension) and below is up.generators[0]):
                return up
            if isinstance(up, ast.comprehension) and any(below is it for it in up.ifs):
                return self.parent(up)
            if isinstance(up, ast.comprehension) and below is up.iter and self._first(up):
                below = up
                continue
            if isinstance(up, _SCOPES):
                return None
            below = up
        return None

    def awaited(self, node: ast.AST) -> bool:
        """Whether `node` is the operand of an `await`."""
        return isinstance(self._parent.get(node), ast.Await)

    def qualname(self, node: ast.AST) -> str:
        """The dotted name of the definitions around `node` (and of itself), the unit's scope included; "" is the module."""
        names = [node.name] if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) else []
        names += [it.name for it in self.ancestors(node) if isinstance(it, (*_FUNCTIONS, ast.ClassDef))]
        return ".".join(([self.unit.scope] if self.unit.scope else []) + names[::-1])

    def owner(self, node: ast.AST) -> str:
        """The qualified name of the class whose `self` is meant at `node`; "" outside of classes."""
        for up in self.ancestors(node):
            if isinstance(up, ast.ClassDef):
                return self.qualname(up)
        return self.unit.scope

    def place(self, node: ast.AST) -> Place:
        """Where `node` stands, in the unit's lines and code points."""
        return self.parsed.place(node)

    def source(self, node: ast.AST) -> str:
        """The text of `node` as it stands in the unit."""
        place = self.place(node)
        lines = self.parsed.lines[place.line : place.end_line + 1]
        if not lines:
            return ""
        if len(lines) == 1:
            return lines[0][place.column : place.end_column]
        return "\n".join([lines[0][place.column :], *lines[1:-1], lines[-1][: place.end_column]])

    def target(self, node: ast.expr, depth: int = _DEPTH) -> str:
        """The target of an expression, "" when it is not a chain of names, attributes and calls."""
        if depth <= 0:
            return ""
        if isinstance(node, ast.Name):
            return self._bound(node, depth)
        if isinstance(node, ast.Attribute):
            return f"{base}.{node.attr}" if (base := self.target(node.value, depth - 1)) else ""
        if isinstance(node, ast.Call):
            if (said := cast_of(node)) is not None:
                return kind(said)
            base = self.target(node.func, depth - 1)
            return f"{base}()" if base else ""
        if isinstance(node, ast.Await):
            return self.target(node.value, depth - 1)
        if isinstance(node, ast.BinOp):  # `Path(folder) / name`, `FOLDER / "name"`
            base = self.target(node.left, depth - 1) if isinstance(node.op, ast.Div) else ""
            joins = isinstance(constant(node.right), str) or isinstance(node.right, ast.JoinedStr)
            return base if base.endswith("Path()") else f"{base}.__truediv__()" if joins and base[:1] not in ("", "?") else ""
        if isinstance(node, ast.Subscript):
            return _one_of(self.target(node.value, depth - 1))
        if isinstance(node, ast.BoolOp | ast.IfExp):
            choices = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            found = {self.target(it, depth - 1) for it in choices if not isinstance(it, ast.Constant)}
            return found.pop() if len(found) == 1 else ""
        if isinstance(node, _Item):
            return self._item(node, depth - 1)
        return self._container(node, depth - 1) if isinstance(node, _CONTAINERS) else ""

    def _item(self, node: _Item, depth: int) -> str:
        """One of what a loop runs over; of what it unpacks, where a builtin or a dictionary says what that is."""
        over, index = node.value, node.index
        for _ in range(depth):
            name = dotted(over.func) if isinstance(over, ast.Call) and over.args else ""
            if not isinstance(over, ast.Call) or not name:
                break
            if name in _HANDED_ON:
                over = over.args[0]
            elif name == "enumerate" and index == 1:
                over, index = over.args[0], None
            elif name == "zip" and index is not None and index < len(over.args):
                over, index = over.args[index], None
            else:
                break
        if index is None:
            base = self.target(over, depth)
            return "" if base.startswith("?") else base[:-3] if base.endswith("[*]") else f"{base}[]" if base else ""
        if index != 1 or not isinstance(over, ast.Call) or not isinstance(over.func, ast.Attribute) or over.func.attr != "items":
            return ""
        base = self.target(over.func.value, depth)
        return "" if base.startswith("?") else base[:-3] if base.endswith("[:]") else f"{base}.values()[]" if base else ""

    def _container(self, node: ast.expr, depth: int) -> str:
        """What a display or a comprehension holds, where all of it is the same."""
        marks = "[*]"
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            items: list[ast.expr] = [node.elt]
        elif isinstance(node, ast.List | ast.Set | ast.Tuple):
            items = node.elts if len(node.elts) <= _DEPTH else []
        elif isinstance(node, ast.DictComp):
            items, marks = [node.value], "[:]"
        else:
            items, marks = node.values if isinstance(node, ast.Dict) and len(node.values) <= _DEPTH else [], "[:]"
        found = {self.target(it, depth) for it in items}
        said = found.pop() if len(found) == 1 else ""
        return f"{said}{marks}" if "()" in said and not said.startswith("?") else ""

    def bindings(self, function: ast.AST | None) -> dict[str, list[ast.expr | None]]:
        """What each name of `function` (None: the unit's top) is assigned; None stands for a value that can't be told."""
        known = self._bindings.get(function)
        if known is None:
            known = self._bindings[function] = self._collected(function)
        return known

    def _bound(self, node: ast.Name, depth: int) -> str:
        function = self.function(node)
        seen: ast.AST | None = function
        while True:
            values = self.bindings(seen).get(node.id)
            if values is not None:
                loop, values = self._looped(node, values)
                key = (loop or seen, node.id)
                if key not in self._targets:
                    self._targets[key] = ""  # while it is looked up: `query = query.where(...)` says nothing new of `query`
                    told = [self._value(it, node, depth) for it in values]
                    found = {*told} - {""}
                    nested = seen is not None and not found and len(values) == 0  # a function or class inside this one
                    unknown = f"{self.qualname(seen)}.{node.id}" if nested and seen is not None else f"?{node.id}"
                    empty = any(isinstance(it, _CONTAINERS) and not said for it, said in zip(values, told, strict=True))
                    self._targets[key] = found.pop() if len(found) == 1 and not empty else unknown
                return self._targets[key]
            if seen is None:
                return node.id
            seen = self.function(seen)

    def _looped(self, node: ast.Name, values: list[ast.expr | None]) -> tuple[ast.AST | None, list[ast.expr | None]]:
        """Of several loops that bind a name which nothing else binds, the one around `node`, with what it binds the name to."""
        if len(values) < 2 or not all(isinstance(it, _Item) for it in values):
            return None, values
        below: ast.AST = node
        for up in self.ancestors(node):
            rows = up.generators if isinstance(up, _COMPREHENSIONS) else [up] if isinstance(up, ast.For | ast.AsyncFor) else []
            found: dict[str, list[ast.expr | None]] = {}
            for it in rows:
                if below is not it.iter:
                    _bind(it.target, _Item(it.iter), found)
            if node.id in found:
                return up, found[node.id]
            below = up
        return None, values

    def _value(self, value: ast.expr | None, name: ast.Name, depth: int) -> str:
        if value is None or value is name:
            return ""
        if isinstance(value, _Annotation):
            return kind(value.value)
        if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] == "Depends" and value.args:
            return f"{provider}()" if (provider := dotted(value.args[0])) else ""
        return self.target(value, depth - 1)

    def _collected(self, function: ast.AST | None) -> dict[str, list[ast.expr | None]]:
        found: dict[str, list[ast.expr | None]] = {}
        if function is None and self.unit.kind != "function":
            return found  # the module's and the class's own names are symbols of the project, not bindings
        if isinstance(function, (*_FUNCTIONS, ast.Lambda)):
            self._parameters(function, found)
        for node in self.within(function) if isinstance(function, _FUNCTIONS) else ():
            kind = node.__class__
            if kind not in _BINDING:
                continue
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                found.setdefault(node.name, [])
            elif isinstance(node, ast.Assign):
                for it in node.targets:
                    _bind(it, node.value, found)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.setdefault(node.target.id, []).append(_Annotation(node.annotation))
            elif isinstance(node, ast.NamedExpr):
                _bind(node.target, node.value, found)
            elif isinstance(node, ast.AugAssign):
                _bind(node.target, None, found)
            elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
                _bind(node.target, _Item(node.iter), found)
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                _bind(node.optional_vars, node.context_expr, found)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                found.setdefault(node.name, []).append(None)
        return found

    def _parameters(self, function: Function | ast.Lambda, found: dict[str, list[ast.expr | None]]) -> None:
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
        for index, (argument, default) in enumerate(zip(positional, defaults, strict=True)):
            if index == 0 and argument.arg in ("self", "cls") and self.owner(function):
                continue  # stays `self`: the project knows the class
            found[argument.arg] = [_parameter(argument, default)]
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            found[argument.arg] = [_parameter(argument, default)]
        for variadic in (arguments.vararg, arguments.kwarg):
            if variadic is not None:
                found[variadic.arg] = [None]

    def _first(self, generator: ast.comprehension) -> bool:
        return getattr(self._parent.get(generator), "generators", [None])[0] is generator


class _Annotation(ast.expr):
    """A binding known by its annotation: a node of our own, so that bindings are all expressions."""

    def __init__(self, value: ast.expr) -> None:
        super().__init__()
        self.value = value


class _Item(ast.expr):
    """A binding to one of what a loop runs over; to what stands at `index` of it, where the loop unpacks it."""

    def __init__(self, value: ast.expr, index: int | None = None) -> None:
        super().__init__()
        self.value = value
        self.index = index


def plain(function: ast.expr) -> ast.expr:
    """What is called, without the types that a generic class is given: `Agent` of `Agent[Context](...)`."""
    name = dotted(function.value).rpartition(".")[2] if isinstance(function, ast.Subscript) else ""
    is_class = name[:1].isupper() and not name.isupper()  # `HANDLERS[kind](...)` calls an entry
    return function.value if is_class and isinstance(function, ast.Subscript) else function


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of the keyword argument `name`, None when it is not given."""
    return next((it.value for it in call.keywords if it.arg == name), None)


def constant(node: ast.AST | None) -> object:
    """The value of a literal, None for anything else."""
    return node.value if isinstance(node, ast.Constant) else None


def _parameter(argument: ast.arg, default: ast.expr | None) -> ast.expr | None:
    if isinstance(default, ast.Call) and dotted(default.func).rpartition(".")[2] == "Depends" and argument.annotation is None:
        return default
    if argument.annotation is not None:
        return _Annotation(argument.annotation)
    return None


def _bind(target: ast.expr, value: ast.expr | None, found: dict[str, list[ast.expr | None]]) -> None:
    if isinstance(target, ast.Name):
        found.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Tuple | ast.List):
        for index, it in enumerate(target.elts):
            item = _Item(value.value, index) if isinstance(value, _Item) and value.index is None else None
            _bind(it.value if isinstance(it, ast.Starred) else it, None if isinstance(it, ast.Starred) else item, found)


def _one_of(target: str) -> str:
    """What is meant by a target with an index: an item where that is known, else all that is known."""
    return target[:-3] if target.endswith(("[*]", "[:]")) else target
