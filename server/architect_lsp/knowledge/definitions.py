"""What each name of a function is set to, and which of these definitions reach a use of it. A pure function of a reading."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from msgspec import Struct

from architect_lsp.knowledge.choices import dead, decided, known
from architect_lsp.knowledge.reading import Function, Reading, dotted

_MUTATORS = frozenset(["append", "extend", "add", "insert", "update", "appendleft", "write", "writelines", "put", "setdefault"])
_EMPTY = frozenset(["dict", "OrderedDict", "collections.OrderedDict", "ConfigParser", "configparser.ConfigParser"])
"""Calls that make a container with nothing in it but their keywords."""
_EXITS = ("abort", "exit", "_exit", "fail", "error", "bad_request", "skip")
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


_DEFINING = frozenset(
    (
        *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For, ast.AsyncFor, ast.withitem),
        *(ast.ExceptHandler, ast.Call),
    )
)
"""What can give a name its value, or change what it holds."""


class Definition(Struct, frozen=True):
    """One statement that gives a name its value. `how` is "set", "each" (a loop's turn), "add", "item" or "pop".

    `part` is the place of the name among those that the value is unpacked into, from 0; -1 where it is the whole value.
    """

    how: str
    value: ast.expr | None
    node: ast.AST
    key: tuple[object, ...] | None = None
    part: int = -1


def definitions(reading: Reading, function: ast.AST | None) -> dict[str, list[Definition]]:
    """What gives each name of `function` (None: the unit's top) its value, in source order."""
    memo: dict[object, dict[str, list[Definition]]] = reading.memo.setdefault("definitions", {})
    if function not in memo:
        memo[function] = _collected(reading, function)
    return memo[function]


def reaching(reading: Reading, use: ast.AST, name: str, scope: ast.AST | None) -> tuple[list[Definition], bool]:
    """The definitions of `name` that may hold at `use`, in order, and whether one of them surely ran."""
    found: list[Definition] = []
    later: list[Definition] = []
    covered = False
    nested = reading.function(use) is not scope
    loops = [it for it in reading.ancestors(use) if isinstance(it, ast.For | ast.AsyncFor | ast.While)]
    at = position(use)
    for it in definitions(reading, scope).get(name, ()):
        if dead(reading, it.node):
            continue
        if nested or end_of(it) <= at:
            if not nested and _are_exclusive(reading, it.node, use):
                continue
            if it.how in ("set", "each") and (nested or _dominates(reading, it.node, use)):
                covered = True
                found = [] if not nested else found
            found.append(it)
        elif any(loop in reading.ancestors(it.node) for loop in loops) and use not in reading_nodes(it):
            later.append(it)
    if covered and later and any(it.how == "set" for it in found):
        inner = [it for it in found if any(loop in reading.ancestors(it.node) for loop in loops)]
        later = [] if any(it.how == "set" and _dominates(reading, it.node, use) for it in inner) else later
    return found + later, covered


def scopes(reading: Reading, node: ast.AST) -> Iterator[ast.AST | None]:
    """The functions around a node, innermost first, then None for the unit's top."""
    function = reading.function(node)
    while function is not None:
        yield function
        function = reading.function(function)
    yield None


def is_local(reading: Reading, node: ast.expr) -> bool:
    """Whether the unit gives what an expression names its value."""
    name = dotted(node)
    return bool(name) and any(name in definitions(reading, it) for it in scopes(reading, node))


def reading_nodes(definition: Definition) -> set[ast.AST]:
    """Every node of what a definition is set to."""
    return set(ast.walk(definition.value)) if definition.value is not None else set()


def _collected(reading: Reading, function: ast.AST | None) -> dict[str, list[Definition]]:
    found: dict[str, list[Definition]] = {}
    if isinstance(function, ast.Lambda):
        return found
    if function is None and reading.unit.kind != "module":
        return found
    for node in reading.within(function):
        if node.__class__ not in _DEFINING:
            continue
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _define(target, node.value, "set", node, found)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            _define(node.target, node.value, "set", node, found)
        elif isinstance(node, ast.AugAssign):
            _define(node.target, node.value, "add", node, found)
        elif isinstance(node, ast.NamedExpr):
            _define(node.target, node.value, "set", node, found)
        elif isinstance(node, ast.For | ast.AsyncFor):
            _define(node.target, node.iter, "each", node, found)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            _define(node.optional_vars, node.context_expr, "set", reading.parent(node) or node, found)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.setdefault(node.name, []).append(Definition("set", None, node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            _mutated(node, node.func, found)
    changed = ("add", "item", "pop")
    return {
        name: rows for name, rows in found.items() if any(it.how not in changed for it in rows) or argument_of(function, name)
    }


def _define(
    target: ast.expr, value: ast.expr, how: str, node: ast.AST, found: dict[str, list[Definition]], place: int = -1
) -> None:
    if how == "each" and (counted := counted_by(target, value)) is not None:
        _define(counted[0], ast.copy_location(ast.Constant(0), target), how, node, found)
        _define(counted[1], counted[2], how, node, found)
    elif isinstance(target, ast.Tuple | ast.List):
        together = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) and how == "set"
        held = _written_out(value, found) if how == "set" and not together else None
        starred = any(isinstance(it, ast.Starred) for it in target.elts)
        for index, it in enumerate(target.elts):
            inner = it.value if isinstance(it, ast.Starred) else it
            if together:
                _define(inner, value.elts[index], how, node, found)  # type: ignore[attr-defined]
            else:
                part = held.elts[index] if held is not None and len(held.elts) == len(target.elts) and not starred else value
                _define(inner, part, how, node, found, -1 if starred or part is not value or place >= 0 else index)
    elif isinstance(target, ast.Subscript):
        name = dotted(target.value)
        if name:
            found.setdefault(name, []).append(Definition("item", value, node, (literal_of(target.slice),)))
    else:
        name = dotted(target)
        if name:
            found.setdefault(name, []).append(Definition(how, value, node, part=place))


def counted_by(target: ast.expr, value: ast.expr) -> tuple[ast.expr, ast.expr, ast.expr] | None:
    """Of a loop over `enumerate(rows)`: the target of the number, that of the row, and the rows; None for other loops."""
    if not isinstance(target, ast.Tuple) or len(target.elts) != 2 or not isinstance(value, ast.Call) or not value.args:
        return None
    return (target.elts[0], target.elts[1], value.args[0]) if dotted(value.func) == "enumerate" else None


def _written_out(node: ast.expr, found: dict[str, list[Definition]]) -> ast.List | ast.Tuple | None:
    """The list that a name was set to and that nothing has changed since; None for any other expression."""
    rows = found.get(dotted(node), [])
    value = rows[0].value if len(rows) == 1 else None
    return value if isinstance(value, ast.List | ast.Tuple) else None


def _mutated(call: ast.Call, function: ast.Attribute, found: dict[str, list[Definition]]) -> None:
    name = dotted(function.value)
    if not name or not call.args:
        return
    if function.attr in _MUTATORS:
        found.setdefault(name, []).append(Definition("add", call.args[-1], call))
    elif function.attr == "set" and len(call.args) > 1:
        key = tuple(literal_of(it) for it in call.args[:-1])
        found.setdefault(name, []).append(Definition("item", call.args[-1], call, key))
    elif function.attr == "pop":
        found.setdefault(name, []).append(Definition("pop", None, call, (literal_of(call.args[0]),)))


def picked_of(node: ast.Subscript) -> ast.expr | None:
    """The element that a subscript picks of a container written out on the spot; None when that can't be told."""
    key, held = literal_of(node.slice), node.value
    if (
        isinstance(held, ast.List | ast.Tuple)
        and isinstance(key, int)
        and not any(isinstance(it, ast.Starred) for it in held.elts)
    ):
        return held.elts[key] if -len(held.elts) <= key < len(held.elts) else None
    if isinstance(held, ast.Dict):
        rows = [(literal_of(it) if it is not None else None, value) for it, value in zip(held.keys, held.values, strict=True)]
        return next((value for name, value in rows[::-1] if name == key and key is not None), None)
    if isinstance(held, ast.Call) and dotted(held.func) == "dict" and not held.args:
        return next((it.value for it in held.keywords if it.arg == key), None)
    return None


def listed(found: Sequence[Definition], key: tuple[object, ...]) -> ast.expr | None:
    """The element of a list that was written out, appended to and popped from before; None when that can't be told."""
    at = key[0] if len(key) == 1 else None
    if not found or not isinstance(at, int) or isinstance(at, bool) or not isinstance(found[0].value, ast.List):
        return None
    held = list(found[0].value.elts)
    for it in found[1:]:
        method = it.node.func.attr if isinstance(it.node, ast.Call) and isinstance(it.node.func, ast.Attribute) else ""
        index = literal_of(it.node.args[0]) if isinstance(it.node, ast.Call) and it.node.args else None
        if it.how == "add" and it.value is not None and method == "append":
            held.append(it.value)
        elif it.how == "add" and it.value is not None and method == "insert" and isinstance(index, int):
            held.insert(index, it.value)
        elif it.how == "item" and it.value is not None and it.key and isinstance(it.key[0], int) and 0 <= it.key[0] < len(held):
            held[it.key[0]] = it.value
        elif it.how == "pop" and it.key and isinstance(it.key[0], int) and -len(held) <= it.key[0] < len(held):
            held.pop(it.key[0])
        else:
            return None
    return held[at] if -len(held) <= at < len(held) else None


def of_key(found: Sequence[Definition], key: tuple[object, ...]) -> list[ast.expr] | None:
    """The values set under a literal key, the last of each; None when the container was not made of literal keys here."""
    if not key or any(it is None for it in key):
        return None
    kept: dict[tuple[object, ...], list[ast.expr]] = {}
    for it in found:
        if it.how == "set" and isinstance(it.value, ast.Dict):
            for name, value in zip(it.value.keys, it.value.values, strict=True):
                if not isinstance(name, ast.Constant):
                    return None
                kept[(name.value,)] = [value]
        elif it.how == "set" and isinstance(it.value, ast.Call) and dotted(it.value.func) in _EMPTY:
            if it.value.args:
                return None
            for word in it.value.keywords:
                if word.arg is None:
                    return None
                kept[(word.arg,)] = [word.value]
        elif it.how == "item" and it.key is not None and None not in it.key and it.value is not None:
            kept[it.key] = [it.value]
        else:
            return None
    return kept.get(key) or kept.get(key[:1]) or []


def leaves(block: Sequence[ast.stmt]) -> bool:
    """Whether a block ends by leaving: return, raise, continue, break or a call such as `abort(400)`."""
    last = block[-1] if block else None
    if isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break):
        return True
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and last_name(last.value.func) in _EXITS


def _dominates(reading: Reading, definition: ast.AST, use: ast.AST) -> bool:
    """Whether `definition` surely ran when `use` is reached."""
    statement: ast.AST | None = definition
    while statement is not None and not isinstance(statement, ast.stmt):
        up = reading.parent(statement)
        if isinstance(up, ast.BoolOp | ast.IfExp | ast.comprehension):
            return False
        statement = up
    above = {id(it) for it in reading.ancestors(use)} | {id(use)}
    while statement is not None:
        if id(statement) in above:
            return True
        parent = reading.parent(statement)
        block = _block(reading, parent, statement)
        if any(id(it) in above for it in block):
            return True
        if (
            isinstance(parent, ast.With | ast.AsyncWith)
            or (
                isinstance(parent, ast.Try)
                and (block is parent.finalbody or (block is parent.body and all(leaves(it.body) for it in parent.handlers)))
            )
            or (isinstance(parent, ast.If) and (decided(reading, parent.test) is not None or _is_of_all(parent, statement)))
        ):
            statement = parent
        elif isinstance(parent, ast.match_case):
            statement = reading.parent(parent) if known(reading, reading.parent(parent)) else None
        else:
            return False
    return False


def _is_of_all(branch: ast.If, statement: ast.AST) -> bool:
    """Whether a branch sets a name anew wherever it holds anything: `if name is not None: name = clean(name)`."""
    test = branch.test
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot):
        test = test.left
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    is_same = isinstance(test, ast.Name) and any(isinstance(it, ast.Name) and it.id == test.id for it in targets)
    return is_same and not branch.orelse


def _block(reading: Reading, parent: ast.AST | None, statement: ast.AST) -> Sequence[ast.AST]:
    if parent is None:
        return reading.parsed.body
    for field in BLOCKS:
        block = getattr(parent, field, None)
        if isinstance(block, list) and any(it is statement for it in block):
            return block
    return ()


def _are_exclusive(reading: Reading, definition: ast.AST, use: ast.AST) -> bool:
    """Whether one `if` keeps the two in different branches."""
    mine = [definition, *reading.ancestors(definition)]
    theirs = [use, *reading.ancestors(use)]
    common = next((it for it in mine if any(it is other for other in theirs)), None)
    if isinstance(common, ast.If):
        below = [path[[it is common for it in path].index(True) - 1] for path in (mine, theirs)]
        return (
            any(it is below[0] for it in common.body) != any(it is below[1] for it in common.body) and below[0] is not common.test
        )
    if isinstance(common, ast.Match):
        return True
    if isinstance(common, ast.Try):
        below = [path[[it is common for it in path].index(True) - 1] for path in (mine, theirs)]
        return all(isinstance(it, ast.ExceptHandler) for it in below)
    return False


def comprehension_of(reading: Reading, node: ast.AST, name: str) -> ast.comprehension | None:
    """The generator of a comprehension around `node` that binds `name`."""
    below = node
    for up in reading.ancestors(node):
        if isinstance(up, COMPREHENSIONS):
            for index, it in enumerate(up.generators):
                if (index or below is not it) and any(
                    dotted(leaf) == name for leaf in ast.walk(it.target) if isinstance(leaf, ast.Name)
                ):
                    return it
        if isinstance(up, ast.stmt):
            return None
        below = up
    return None


def argument_of(scope: ast.AST | None, name: str) -> ast.arg | None:
    """The argument `name` of a function, None when it has none or there is no function."""
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return None
    return next((it for it in arguments(scope) if it.arg == name), None)


def arguments(function: Function | ast.Lambda) -> Iterator[ast.arg]:
    """Every parameter, the variadic ones last."""
    yield from (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    yield from (it for it in (function.args.vararg, function.args.kwarg) if it is not None)


def literal_of(node: ast.expr) -> object:
    """The value of a literal key or index, a marker for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, int) else None
    return node.value if isinstance(node, ast.Constant) else None


def value_set(reading: Reading, node: ast.expr) -> ast.expr:
    """What an expression stands for: the value of a name that is set once in its function, else itself."""
    values = reading.bindings(reading.function(node)).get(node.id, []) if isinstance(node, ast.Name) else []
    return values[0] if len(values) == 1 and values[0] is not None else node


def last_name(node: ast.expr) -> str:
    """The last name of a dotted expression or of what is called."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def position(node: ast.AST) -> tuple[int, int]:
    """(line, column) where a node begins, for the order of nodes."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def end_of(definition: Definition) -> tuple[int, int]:
    """(line, column) where a definition is complete."""
    node: ast.AST = definition.node
    if isinstance(node, ast.For | ast.AsyncFor | ast.With | ast.AsyncWith) and definition.value is not None:
        node = definition.value
    elif isinstance(node, ast.ExceptHandler):
        return position(node)
    return getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)


def owner_of(reading: Reading, node: ast.AST, name: str) -> Function | None:
    """The function around a node that takes a parameter of this name, None where a lambda or none does."""
    function = next((it for it in scopes(reading, node) if argument_of(it, name) is not None), None)
    return function if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else None


def parameters(function: Function) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """The parameters of a function in their order, starred ones left out, each with its default."""
    positional = [*function.args.posonlyargs, *function.args.args]
    yield from zip(positional, [*[None] * (len(positional) - len(function.args.defaults)), *function.args.defaults], strict=True)
    yield from zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
