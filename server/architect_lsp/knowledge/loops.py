"""What a loop runs over: data, which grows, or pieces of it, attempts, tables, a few literal things. A function of a reading."""

from __future__ import annotations

import ast
import re

from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.patterns import regex

_PIECES = regex(
    r"batch|chunk|page|paginat|piece|slice|window|shard|partition|segment|bulk|attempt|retr(?:y|ies)|backoff|delay", re.IGNORECASE
)
_KINDS = regex(r"(?:\w+_)?(?:model|table|cls|klass|class_?|entity|mapper|statement|stmt|command)(?:_\w+)?")
"""Names of things there are as many of as there are tables."""
_FEW = regex(r"_*(?:\w+_)?(?:config|conf|cfg|settings|plugins?|providers?|backends?|receivers?)")
"""Names of what somebody configured or installed: there are as many as a person can list."""
COPIES = frozenset(["list", "tuple", "sorted", "reversed", "set"])
"""What gives the same things again."""


def source_of(reading: Reading, name: ast.Name) -> ast.expr | None:
    """What the loop or comprehension around a name runs over, where it gives the name its value; None when none does."""
    for up in reading.ancestors(name):
        if isinstance(up, ast.For | ast.AsyncFor):
            if _gives(up.target, up.iter, name.id) and not _within(name, up.iter, reading):
                return _given(up.iter)
        elif isinstance(up, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            for it in up.generators:
                if _gives(it.target, it.iter, name.id) and not _within(name, up.generators[0].iter, reading):
                    return _given(it.iter)
        elif isinstance(up, ast.Lambda) and name.id in {it.arg for it in up.args.args}:
            return _sorted_by(reading, up)
        elif isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return None
    return None


def _sorted_by(reading: Reading, function: ast.Lambda) -> ast.expr | None:
    """What a lambda is called with each of: `sorted(rows, key=lambda row: ...)`, `map(lambda row: ..., rows)`."""
    up = reading.parent(function)
    call = reading.parent(up) if isinstance(up, ast.keyword) and up.arg == "key" else up
    if not isinstance(call, ast.Call) or len(function.args.args) != 1:
        return None
    last = dotted(call.func).rpartition(".")[2]
    if call is not up:
        return _given(call.args[0]) if last in ("sorted", "min", "max") and len(call.args) == 1 else None
    return _given(call.args[1]) if last in ("map", "filter") and len(call.args) == 2 and call.args[0] is function else None


def over_data(reading: Reading, loop: ast.AST) -> bool:
    """Whether a loop or comprehension goes over data, not over pieces, attempts or a few literal things."""
    generators = [loop] if isinstance(loop, ast.For) else getattr(loop, "generators", [])
    if not generators:
        return False  # `while`, and `async for`, which mostly waits for the next message
    for it in generators:
        names = [each.id for each in ast.walk(it.target) if isinstance(each, ast.Name)]
        if getattr(it, "is_async", 0) or any(_PIECES.search(each) or _KINDS.fullmatch(each) for each in names):
            return False
        source = it.iter
        if isinstance(source, ast.Call):
            name = dotted(source.func).rpartition(".")[2]
            if name in ("enumerate", "sorted", "reversed", "list", "tuple", "set", "zip") and source.args:
                source = source.args[0]
            elif name == "range":
                return len(source.args) < 3 and any(isinstance(each, ast.Call) for each in source.args)
            elif _PIECES.search(ast.unparse(source.func)) or name in ("count", "cycle"):
                return False
        if isinstance(source, ast.Tuple | ast.List | ast.Set | ast.Dict | ast.Constant) or _constant(reading, source):
            return False
        if _is_few(reading, source):
            return False
    return True


def changes_by_turn(loop: ast.AST, call: ast.Call) -> bool:
    """Whether what is asked changes from turn to turn."""
    names = turn_names(loop)
    return any(_mentions(it, names) for it in (call.func, *call.args, *(each.value for each in call.keywords)))


def turn_names(loop: ast.AST) -> set[str]:
    """The names that have another value in each turn: the loop's own, and what is made of them."""
    targets = [it.target for it in ([loop] if isinstance(loop, ast.For) else loop.generators)]  # type: ignore[attr-defined]
    names = {it.id for target in targets for it in ast.walk(target) if isinstance(it, ast.Name)}
    for node in ast.walk(loop):
        if isinstance(node, ast.Assign | ast.NamedExpr | ast.For) and _mentions(
            node.value if not isinstance(node, ast.For) else node.iter, names
        ):
            bound = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {it.id for target in bound for it in ast.walk(target) if isinstance(it, ast.Name)}
    return names


def in_own_session(reading: Reading, loop: ast.AST, call: ast.Call) -> bool:
    """Whether each turn opens its own session or transaction around the call, which keeps the turns apart on purpose."""
    for it in reading.ancestors(call):
        if it is loop:
            return False
        if isinstance(it, ast.With | ast.AsyncWith) and any(
            re.search(
                r"session|transaction|atomic|begin|connect|lock|(?:^|[._])db\b", ast.unparse(item.context_expr), re.IGNORECASE
            )
            for item in it.items
        ):
            return True
    return False


def in_branch(reading: Reading, loop: ast.AST, call: ast.Call) -> bool:
    """Whether only some turns come to the call."""
    below: ast.AST = call
    for up in reading.ancestors(call):
        if up is loop:
            return False
        if isinstance(up, ast.If | ast.IfExp) and below is not up.test:
            return True
        below = up
    return False


def is_last_resort(reading: Reading, loop: ast.AST, call: ast.Call) -> bool:
    """Whether a turn comes to the call only when something else failed: in an `except`, or behind an `or`."""
    below: ast.AST = call
    for up in reading.ancestors(call):
        if up is loop:
            return False
        if isinstance(up, ast.ExceptHandler) or (
            isinstance(up, ast.BoolOp) and isinstance(up.op, ast.Or) and below in up.values[1:]
        ):
            return True
        below = up
    return False


def is_kept(reading: Reading, loop: ast.AST, call: ast.Call) -> bool:
    """Whether a turn asks only for what none has kept: `if key not in kept: kept[key] = ...`, `if it is None: it = ...`."""
    below: ast.AST = call
    for up in reading.ancestors(call):
        if up is loop:
            break
        if isinstance(up, ast.If | ast.IfExp) and below is not up.test and _asks_kept(up.test, ast.NotIn, loop):
            return True
        if isinstance(up, ast.If) and _fills(up, below, loop):
            return True
        below = up
    body = loop.body if isinstance(loop, ast.For) else []
    before = (it for it in body if isinstance(it, ast.If) and it.lineno < call.lineno)
    return any(isinstance(it.body[-1], ast.Continue) and _asks_kept(it.test, ast.In, loop) for it in before)


def _constant(reading: Reading, node: ast.expr) -> bool:
    """Whether the name is written like a constant or a class, or bound to a literal."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("items", "values", "keys"):
        node = node.func.value
    name = dotted(node).rpartition(".")[2]
    if name.isupper() or (name[:1].isupper() and isinstance(node, ast.Name)):
        return True
    values = reading.bindings(reading.function(node)).get(name, []) if isinstance(node, ast.Name) else []
    return len(values) == 1 and isinstance(values[0], ast.Tuple | ast.List | ast.Set | ast.Dict) and bool(_elements(values[0]))


def _is_few(reading: Reading, node: ast.expr) -> bool:
    """Whether what is run over was configured or installed: `self.config.hosts`, `settings.LANGUAGES`, a signal's answers."""
    if isinstance(node, ast.Name):
        values = reading.bindings(reading.function(node)).get(node.id, [])
        if len(values) == 1 and isinstance(values[0], ast.ListComp | ast.GeneratorExp | ast.Call):
            made = values[0].generators[0].iter if not isinstance(values[0], ast.Call) else values[0]
            if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute) and made.func.attr in ("send", "send_robust"):
                return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("send", "send_robust"):
            return True
        node = node.func.value if node.func.attr in ("items", "values", "keys") else node
    return any(_FEW.fullmatch(it) for it in dotted(node).lower().split("."))


def _fills(branch: ast.If, statement: ast.AST, loop: ast.AST) -> bool:
    """Whether a branch gives a name its value once, which no turn takes away: `if one is None: one = ...`."""
    test = branch.test
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    elif isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is):
        test = test.left
    else:
        return False
    name = ast.unparse(test)
    own = {it for each in branch.body for it in ast.walk(each)}
    given = [it for it in ast.walk(loop) if isinstance(it, ast.Assign) and any(ast.unparse(each) == name for each in it.targets)]
    return statement in given and all(it in own for it in given)


def _elements(node: ast.expr) -> list[ast.expr]:
    return list(getattr(node, "elts", None) or getattr(node, "keys", None) or [])


def _gives(target: ast.expr, source: ast.expr, name: str) -> bool:
    """Whether a loop's target gives the name one thing of what it runs over: `for it in x`, `for n, it in enumerate(x)`."""
    if isinstance(target, ast.Name):
        return target.id == name
    last = target.elts[-1] if isinstance(target, ast.Tuple) and len(target.elts) == 2 else None
    counted = isinstance(source, ast.Call) and dotted(source.func) == "enumerate"
    return counted and isinstance(last, ast.Name) and last.id == name


def _given(source: ast.expr) -> ast.expr:
    """What is run over, `enumerate`, `iterator()` and the like opened."""
    while isinstance(source, ast.Call):
        if dotted(source.func) in ("enumerate", *COPIES) and source.args:
            source = source.args[0]
        elif isinstance(source.func, ast.Attribute) and source.func.attr in ("iterator", "aiterator"):
            source = source.func.value
        else:
            break
    return source


def _within(node: ast.AST, outer: ast.AST, reading: Reading) -> bool:
    return node is outer or any(it is outer for it in reading.ancestors(node))


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(it, ast.Name) and it.id in names for it in ast.walk(node))


def _asks_kept(test: ast.expr, way: type[ast.cmpop], loop: ast.AST) -> bool:
    """Whether a test asks if a collection has something that the loop puts into it."""
    asked = {
        ast.unparse(it.comparators[0]) for it in ast.walk(test) if isinstance(it, ast.Compare) and isinstance(it.ops[0], way)
    }
    for it in ast.walk(loop) if asked else ():
        if isinstance(it, ast.Subscript) and isinstance(it.ctx, ast.Store) and ast.unparse(it.value) in asked:
            return True
        if isinstance(it, ast.Attribute) and it.attr in ("add", "append", "setdefault") and ast.unparse(it.value) in asked:
            return True
    return False
