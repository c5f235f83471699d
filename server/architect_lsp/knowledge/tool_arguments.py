"""What the arguments that a model gives a tool have a say in."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from architect_lsp.knowledge.definitions import arguments
from architect_lsp.knowledge.reading import Function, Reading, dotted


def of_model(reading: Reading, function: Function) -> set[str]:
    """The names that hold what the model gave the tool, or what was made of it."""
    given = {it.arg for it in arguments(function)} - {"self", "cls", "ctx", "context"}
    for node in reading.within(function):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if mentions([node.value], given):
                given |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)} - {"self"}
    return given


def _is_rows(function: ast.Attribute) -> bool:
    """Whether a row is got by its key, any there is, rather than an entry of a table: `session.get(Customer, number)`."""
    return dotted(function.value).rpartition(".")[2].endswith(("session", "db", "objects"))


def mentions(nodes: Iterable[ast.AST], names: set[str]) -> bool:
    """Whether the names have a say in a value, other than to choose from a table of the program's own."""
    stack = list(nodes)
    while stack:
        it = stack.pop()
        if isinstance(it, ast.Name) and it.id in names:
            return True
        if isinstance(it, ast.Subscript):
            stack.append(it.value)
        elif isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and it.func.attr == "get" and not _is_rows(it.func):
            stack.append(it.func.value)
        else:
            stack.extend(ast.iter_child_nodes(it))
    return False


def is_numbered(reading: Reading, call: ast.Call) -> bool:
    """Whether a number that the model chose is among what is given: any of them may be meant."""
    function = reading.function(call)
    rows = arguments(function) if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else ()
    numbers = {it.arg for it in rows if it.annotation is not None and dotted(it.annotation) in ("int", "float", "UUID")}
    return mentions([*call.args, *(it.value for it in call.keywords)], numbers)
