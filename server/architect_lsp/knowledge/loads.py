"""What is loaded by a key alone, whoever asks: `session.get(Order, number)`, `Order.objects.all()`. A function of nodes."""

from __future__ import annotations

import ast
from collections.abc import Collection

from architect_lsp.knowledge.reading import dotted, keyword

_GETS = frozenset(
    ("get", "get_one", "get_or_404", "get_object_or_404", "first_or_404", "one_or_404", "filter_by", "aget_object_or_404")
)


def unnarrowed(node: ast.expr) -> ast.expr:
    """The model behind `Order.objects.all()`; some other expression where more is asked of it."""
    while isinstance(node, ast.Call | ast.Attribute):
        inner = node.func if isinstance(node, ast.Call) else node
        if not isinstance(inner, ast.Attribute) or inner.attr not in ("objects", "all", "order_by"):
            break
        node = inner.value
    return node


def _selected(call: ast.Call, keys: Collection[str]) -> ast.expr | None:
    """The model of `select(Order).where(Order.id == number)`, where that is the one condition."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("where", "filter") or len(call.args) != 1:
        return None
    test, made = call.args[0], call.func.value
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return None
    if not isinstance(made, ast.Call) or dotted(made.func).rpartition(".")[2] not in ("select", "query") or len(made.args) != 1:
        return None
    is_key = dotted(test.comparators[0]) in keys and dotted(test.left).rpartition(".")[2] in ("id", "pk", "uuid")
    return made.args[0] if is_key and isinstance(made.args[0], ast.Name | ast.Attribute) else None


def loaded(call: ast.Call, keys: Collection[str]) -> ast.expr | None:
    """The model that a call loads by one of the keys alone."""
    selected = _selected(call, keys)
    if selected is not None:
        return selected
    last = dotted(call.func).rpartition(".")[2] or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
    if last not in _GETS:
        return None
    words = [it.arg for it in call.keywords]
    given = [*call.args, *(it.value for it in call.keywords)]
    if not any(dotted(it) in keys for it in given) or len([it for it in words if it not in ("id", "pk", "uuid", "slug")]) > 0:
        return None
    if len(call.args) == 2 and keyword(call, "options") is None:
        return call.args[0] if isinstance(call.args[0], ast.Name | ast.Attribute) else None
    if last.endswith("object_or_404"):
        return call.args[0] if call.args and isinstance(call.args[0], ast.Name | ast.Attribute) else None
    if isinstance(call.func, ast.Attribute) and len(given) == 1:
        owner = call.func.value
        if isinstance(owner, ast.Attribute) and owner.attr in ("objects", "query"):
            return owner.value
    return None
