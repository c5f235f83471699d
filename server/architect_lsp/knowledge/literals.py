"""Expressions that give the same bytes or text each time the program runs."""

from __future__ import annotations

import ast

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.facts import Variable
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading, constant, dotted


def is_fixed(project: Project, path: str, reading: Reading, node: ast.expr, depth: int = 3) -> bool:
    """Whether an expression gives the same bytes each time."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bytes | str) and len(node.value) > 0
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return is_fixed(project, path, reading, node.left, depth)
    if isinstance(node, ast.Call) and dotted(node.func) in ("bytes", "bytearray") and len(node.args) == 1:
        return isinstance(constant(node.args[0]), int)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("encode", "fromhex"):
        return is_fixed(
            project, path, reading, node.args[0] if node.func.attr == "fromhex" and node.args else node.func.value, depth
        )
    if isinstance(node, ast.Name) and depth > 0:
        values = reading.bindings(reading.function(node)).get(node.id)
        if values:
            return len(values) == 1 and values[0] is not None and is_fixed(project, path, reading, values[0], depth - 1)
        found = project.name(path, node.id)
        return isinstance(found, Variable) and not found.target and node.id.isupper()
    if isinstance(node, ast.Attribute) and node.attr.isupper():  # an attribute of a class: `self.SALT`
        held = behind(project, path, dotted(node), reading.owner(node))
        return held is not None and held[1].kind in ("text", "unknown")  # bytes are read as unknown
    return False
