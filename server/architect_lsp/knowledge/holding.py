"""What a function holds while it waits: the locks it takes, and what an asynchronous generator keeps open between two values."""

from __future__ import annotations

import ast

from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.patterns import regex

_LOCKS = regex(r"(?:^|[._])(?:r?w?lock|mutex|guard|sem(?:aphore)?|condition|cond|gate)s?$|(?:lock|mutex)$")


def taken(reading: Reading, node: Function) -> tuple[str, ...]:
    """The locks that a function takes by a `with` on its own, by their dotted names."""
    if not reading.has(ast.With, ast.AsyncWith):
        return ()
    blocks = (it for it in reading.within(node) if isinstance(it, ast.With | ast.AsyncWith))
    return tuple(dict.fromkeys(name for block in blocks for name in locks_of(block)))


def locks_of(block: ast.With | ast.AsyncWith) -> list[str]:
    """The locks that a `with` takes, by their dotted names."""
    names = (dotted(it.context_expr) for it in block.items if it.optional_vars is None)
    return [it for it in names if _LOCKS.search(it.lower())]


def keeps_open(reading: Reading, node: Function) -> bool:
    """Whether an asynchronous generator hands values out while something is open that it closes once it goes on."""
    if not isinstance(node, ast.AsyncFunctionDef) or not reading.has(ast.Yield):
        return False
    for it in reading.within(node):
        if isinstance(it, ast.Yield):
            below: ast.AST = it
            for up in reading.ancestors(it):
                if up is node:
                    break
                if isinstance(up, ast.With | ast.AsyncWith):
                    return True
                if isinstance(up, ast.Try) and up.finalbody and not any(below is each for each in up.finalbody):
                    return True
                below = up
    return False
