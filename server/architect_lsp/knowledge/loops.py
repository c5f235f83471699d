"""What a loop runs over: data, which grows, or pieces of it, attempts, tables, a few literal things. A function of a reading."""

from __future__ import annotations

import ast
import re

from architect_lsp.knowledge.reading import Reading, dotted

_PIECES = re.compile(
    r"batch|chunk|page|paginat|piece|slice|window|shard|partition|segment|bulk|attempt|retr(?:y|ies)|backoff|delay", re.IGNORECASE
)
_KINDS = re.compile(r"(?:\w+_)?(?:model|table|cls|klass|class_?|entity|mapper)(?:_\w+)?")
"""Names of things there are as many of as there are tables."""


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
    return True


def _constant(reading: Reading, node: ast.expr) -> bool:
    """Whether the name is written like a constant or bound to a literal."""
    name = dotted(node).rpartition(".")[2]
    if name.isupper():
        return True
    values = reading.bindings(reading.function(node)).get(name, []) if isinstance(node, ast.Name) else []
    return len(values) == 1 and isinstance(values[0], ast.Tuple | ast.List | ast.Set | ast.Dict) and bool(_elements(values[0]))


def _elements(node: ast.expr) -> list[ast.expr]:
    return list(getattr(node, "elts", None) or getattr(node, "keys", None) or [])
