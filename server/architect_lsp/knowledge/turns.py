"""Whether the turns of a loop need each other: what one leaves behind, and when it ends the loop."""

from __future__ import annotations

import ast
import re

from architect_lsp.knowledge.reading import dotted
from architect_lsp.patterns import regex

_STOPS = (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Continue)
_WAITS = regex(r"sleep|throttle|rate|limit|acquire|commit|save|progress|emit|yield|send|publish|write", re.IGNORECASE)


def is_short(over: ast.expr) -> bool:
    return isinstance(over, ast.Call) and dotted(over.func) == "range"


def uses(call: ast.Call, target: ast.expr) -> bool:
    """Whether the question depends on the turn's own item."""
    names = {it.id for it in ast.walk(target) if isinstance(it, ast.Name)}
    return any(isinstance(it, ast.Name) and it.id in names for part in (*call.args, *call.keywords) for it in ast.walk(part))


def is_independent(loop: ast.For, call: ast.Call) -> bool:
    """Whether no turn needs what an earlier one left behind, and none ends the loop."""
    if is_short(loop.iter) or not uses(call, loop.target):
        return False
    changed: set[str] = set()
    for part in loop.body:
        for it in ast.walk(part):
            if isinstance(it, _STOPS) or (isinstance(it, ast.If) and any(node is call for node in ast.walk(it))):
                return False
            if isinstance(it, ast.Call) and it is not call:
                if _WAITS.search(dotted(it.func).rpartition(".")[2]):
                    return False
                if isinstance(it.func, ast.Attribute) and it.func.attr in (
                    "append",
                    "extend",
                    "add",
                    "update",
                    "insert",
                    "setdefault",
                ):
                    changed.add(dotted(it.func.value).partition(".")[0])
            elif isinstance(it, ast.AugAssign):
                changed.add(dotted(it.target).partition(".")[0])
            elif isinstance(it, ast.Assign):
                for target in it.targets:
                    held = target.value if isinstance(target, ast.Subscript) else target
                    changed |= {leaf.id for leaf in ast.walk(held) if isinstance(leaf, ast.Name)}
    used = {it.id for part in (*call.args, *call.keywords) for it in ast.walk(part) if isinstance(it, ast.Name)}
    own = {it.id for it in ast.walk(loop.target) if isinstance(it, ast.Name)}
    before = _set_before(loop, call)
    return not (used - own - before) & changed and "self" not in changed


def _set_before(loop: ast.For, call: ast.Call) -> set[str]:
    """Names that each turn sets anew, from its own item, before it asks."""
    found: set[str] = set()
    for it in loop.body:
        if any(node is call for node in ast.walk(it)):
            break
        if isinstance(it, ast.Assign):
            used = {leaf.id for leaf in ast.walk(it.value) if isinstance(leaf, ast.Name)}
            names = {target.id for target in it.targets if isinstance(target, ast.Name)}
            found |= names - used
    return found
