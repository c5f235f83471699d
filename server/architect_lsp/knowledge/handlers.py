"""What a place is protected from: the `try` blocks around it with the exceptions they take."""

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
