"""What a function surely reads behind its parameters: `line.product.title` reads `product` of `line`. A function of a reading."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, Reading

_BRANCHES = (ast.If, ast.IfExp, ast.Try, ast.match_case, ast.BoolOp, ast.While, ast.Lambda)
_PLUMBING = frozenset(("cls", "request", "info", "context", "ctx", "args", "app", "settings", "config"))
_ASKED = ("all", "count", "exists")


def reads(reading: Reading, node: Function) -> tuple[tuple[str, str], ...]:
    """(parameter, attribute) of each attribute of a parameter that is looked into in no branch; `lines.all` where it is asked."""
    given = {it.arg for it in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)} - _PLUMBING
    return tuple(dict.fromkeys(_found(reading, node, given))) if given else ()


def _found(reading: Reading, node: Function, given: set[str]) -> Iterator[tuple[str, str]]:
    for it in reading.within(node):
        if not isinstance(it, ast.Attribute) or not isinstance(it.value, ast.Attribute):
            continue
        inner = it.value
        if isinstance(inner.value, ast.Name) and inner.value.id in given and isinstance(it.ctx, ast.Load):
            ups = iter(reading.ancestors(it))
            if not any(isinstance(up, _BRANCHES) for up in _until(ups, node)):
                yield inner.value.id, f"{inner.attr}.{it.attr}" if it.attr in _ASKED else inner.attr


def _until(ups: Iterator[ast.AST], node: ast.AST) -> Iterator[ast.AST]:
    for up in ups:
        if up is node:
            return
        yield up
