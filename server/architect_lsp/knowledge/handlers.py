"""What a place is protected from: the `try` blocks around it with the exceptions they take; and what runs after such a block."""

from __future__ import annotations

import ast
from collections.abc import Collection

from architect_lsp.knowledge.reading import Reading, dotted

EVERY = frozenset(["Exception", "BaseException", ""])
"""What takes any error; "" is a bare `except`."""


def caught(reading: Reading, node: ast.AST) -> frozenset[str]:
    """The last names of the exceptions that handlers around a node in its own function take; "" for a bare `except`."""
    found: set[str] = set()
    below = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            break
        if isinstance(up, ast.Try) and any(below is it for it in up.body):
            for handler in up.handlers:
                types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
                found.update(dotted(it).rpartition(".")[2] for it in types)
        if isinstance(up, ast.With | ast.AsyncWith) and any(below is it for it in up.body):
            for it in up.items:
                call = it.context_expr
                if isinstance(call, ast.Call) and dotted(call.func).rpartition(".")[2] == "suppress":
                    found.update(dotted(each).rpartition(".")[2] for each in call.args)
        below = up
    return frozenset(found)


def is_caught(reading: Reading, node: ast.AST, names: Collection[str]) -> bool:
    """Whether a handler around the node takes one of these exceptions, or any."""
    return bool(caught(reading, node) & (EVERY | frozenset(names)))


def after(reading: Reading, block: ast.AST) -> ast.stmt | None:
    """The statement that runs after a block, in its branch or after that; None at the end of a function or a loop's turn."""
    below = block
    for up in reading.ancestors(block):
        for name in ("body", "orelse"):
            held = getattr(up, name, None)
            if isinstance(held, list) and any(below is it for it in held):
                rest: list[ast.stmt] = held[next(index for index, it in enumerate(held) if it is below) + 1 :]
                if rest:
                    return rest[0]
        if not isinstance(up, ast.If | ast.With | ast.AsyncWith):
            return None
        below = up
    return None


def is_other_way(then: ast.stmt | None, body: list[ast.stmt]) -> bool:
    """Whether what follows goes another way where the block has not set what it should have: `if not found:`."""
    if not isinstance(then, ast.If) or not (isinstance(then.test, ast.UnaryOp) or " is None" in ast.unparse(then.test)):
        return False
    names = {it.id for row in body for it in ast.walk(row) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
    return any(isinstance(it, ast.Name) and it.id in names for it in ast.walk(then.test))


def falls_through(handler: ast.ExceptHandler) -> bool:
    """Whether a handler does no more than to say what happened, so that the code after its `try` goes on."""
    return all(_is_word(it) for it in handler.body)


def _is_word(row: ast.stmt) -> bool:
    if isinstance(row, ast.Pass):
        return True
    if isinstance(row, ast.Assign | ast.AugAssign):
        targets = row.targets if isinstance(row, ast.Assign) else [row.target]
        return all(isinstance(it, ast.Attribute | ast.Subscript) for it in targets)
    call = row.value.value if isinstance(row, ast.Expr) and isinstance(row.value, ast.Await) else getattr(row, "value", None)
    if not isinstance(row, ast.Expr) or not isinstance(call, ast.Call):
        return isinstance(row, ast.Expr) and isinstance(call, ast.Constant)
    said = dotted(call.func).lower().split(".")
    return said == ["print"] or (len(said) > 1 and said[-2].strip("_") in _LOGGERS)


_LOGGERS = frozenset(("log", "logger", "logging", "warnings"))
