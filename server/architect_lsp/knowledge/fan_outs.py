"""Coroutines that are started together, one for each item of something: what is started, over what, and whether that is short.

A function of a reading; rules about models and about other services ask it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.patterns import regex

FEW = regex(
    r"batch|chunk|group|page|window|agent|model|provider|tool|expert|critic|judge|worker|role|persona|reviewer|analyst|variant|aspect|top_?k"
    r"|attachment|server|backend|base_url|host|endpoint|node|instance|candidate|dimension|perspective|phase|stage|member|criteri|metric|choices|polic(?:y|ies)",
    re.IGNORECASE,
)
"""Names of pieces of data, and of parts of a program, of which there are few."""
_CONFIGURED = regex(r"\b(?:config|settings|conf)\b", re.IGNORECASE)
"""What a person wrote down for the program is short."""
_OF_ANSWER = regex(r"(?:^|_)(?:response|completion|answer)(?:_|$)", re.IGNORECASE)
"""Names of functions that look at one answer of a model, which has few parts."""
GATES = regex(r"semaphore|limiter|throttl|max_concurren|concurrency|aiolimiter|rate_limit|\bsem\b|_sem\b", re.IGNORECASE)
"""What a unit says that limits how many run at a time."""
GATHERS = ("gather", "as_completed", "wait")


def started(reading: Reading, call: ast.Call) -> Iterator[tuple[ast.expr, ast.Call]]:
    """(what is iterated, the call that each item starts) for the coroutines that are gathered."""
    for argument in call.args:
        held = argument.value if isinstance(argument, ast.Starred) else argument
        if isinstance(held, ast.Name):
            bound = [it for it in reading.bindings(reading.function(call)).get(held.id, []) if it is not None]
            for it in bound:
                yield from _of_comprehension(it)
            yield from _appended(reading, call, held.id)
        elif isinstance(argument, ast.Starred) or not isinstance(call.func, ast.Name):
            yield from _of_comprehension(held)


def side_by_side(reading: Reading, call: ast.Call) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(target, slots of the arguments that are the same for all) of the functions that a call runs once for each item."""
    last = dotted(call.func).rpartition(".")[2]
    if last in GATHERS:
        made = [it for _, it in started(reading, call)]
    elif last in ("create_task", "submit", "start_soon") and call.args and reading.loop(call) is not None:
        first = call.args[0]
        made = [first] if isinstance(first, ast.Call) else [ast.Call(first, call.args[1:], call.keywords)]
    else:
        return
    for it in made:
        target = reading.target(it.func)
        if target:
            names = _of_turn(reading, it if it in call.args or last in GATHERS else call)
            given = [
                *((str(index), row) for index, row in enumerate(it.args)),
                *((row.arg or "", row.value) for row in it.keywords),
            ]
            yield (
                target,
                tuple(slot for slot, row in given if isinstance(row, ast.Name | ast.Attribute) and not _uses(row, names)),
            )


def _of_turn(reading: Reading, node: ast.AST) -> set[str]:
    """The names that are others each turn of the loop around."""
    loop = reading.loop(node)
    if isinstance(loop, ast.For | ast.AsyncFor):
        inner = (it for row in loop.body for it in ast.walk(row) if isinstance(it, ast.Assign))
        targets = [loop.target, *(target for it in inner for target in it.targets)]
    else:
        targets = [it.target for it in getattr(loop, "generators", [])]
    return {it.id for target in targets for it in ast.walk(target) if isinstance(it, ast.Name)}


def _uses(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(it, ast.Name) and it.id in names for it in ast.walk(node))


def _of_comprehension(node: ast.expr) -> Iterator[tuple[ast.expr, ast.Call]]:
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
        made = _unwrapped(node.elt)
        if isinstance(made, ast.Call):
            yield node.generators[0].iter, made


def _appended(reading: Reading, call: ast.Call, name: str) -> Iterator[tuple[ast.expr, ast.Call]]:
    """What a loop adds to the list that is gathered: `tasks.append(ask(row))`."""
    for it in reading.within(reading.function(call)):
        if isinstance(it, ast.Call) and dotted(it.func) == f"{name}.append" and it.args:
            loop, made = reading.loop(it), _unwrapped(it.args[0])
            if isinstance(loop, ast.For | ast.AsyncFor) and isinstance(made, ast.Call):
                yield loop.iter, made


def _unwrapped(node: ast.expr) -> ast.expr:
    """The coroutine inside `asyncio.create_task(...)` and its like."""
    while isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("create_task", "ensure_future", "wait_for"):
        if not node.args:
            break
        node = node.args[0]
    return node


def is_group(reading: Reading, call: ast.Call) -> bool:
    """Whether the task belongs to a group that waits for all of them."""
    held = dotted(call.func).rpartition(".")[0]
    return any(
        isinstance(up, ast.AsyncWith)
        and any(it.optional_vars is not None and dotted(it.optional_vars) == held for it in up.items)
        for up in reading.ancestors(call)
    )


def is_few(reading: Reading, over: ast.expr) -> bool:
    """Whether what is iterated is short by its nature: written out, cut, a batch, the program's own parts."""
    while (
        isinstance(over, ast.Call)
        and dotted(over.func) in ("enumerate", "zip", "list", "sorted", "reversed", "set", "tuple")
        and over.args
    ):
        over = over.args[0]
    if isinstance(over, ast.List | ast.Tuple | ast.Set | ast.Dict) or _CONFIGURED.search(ast.unparse(over)):
        return True
    if isinstance(over, ast.Subscript) and isinstance(over.slice, ast.Slice):
        return over.slice.upper is not None
    if isinstance(over, ast.Call):
        name = dotted(over.func)
        if name == "range":
            return isinstance(constant(over.args[-1]), int) or bool(
                re.search(r"max|top|num|n_|\bn\b|\bk\b|count|sample", ast.unparse(over))
            )
        over = over.func
    written = ast.unparse(over)
    function = reading.function(over)
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _OF_ANSWER.search(function.name):
        return True
    if FEW.search(written) or written.rpartition(".")[2].isupper():
        return True
    bound = reading.bindings(reading.function(over)).get(written) if isinstance(over, ast.Name) else None
    return bound is not None and len(bound) == 1 and isinstance(bound[0], ast.List | ast.Tuple | ast.Subscript)
