"""A default that is changed is changed for everyone.

Why: a default is made once, when the function is defined, and a list or dictionary in a class body once for all its objects. What
one call or one object puts into it, the next finds there.
Instead: None as the default, and a new one in the function; in a class, make it in `__init__`.

    def add(item: Item, basket: list[Item] | None = None) -> list[Item]:
        basket = [] if basket is None else basket
        basket.append(item)
        return basket

Consequences: data of one request shows up in another; a list that only grows.
Tests: call it twice and assert that the second result is as the first.
Security: one user's data in another's answer.
Source: https://docs.python-guide.org/writing/gotchas/#mutable-default-arguments
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B4", "E3"],
    cwe=1188,
    equivalents=["B006", "W0102"],
    bad=[
        Bad(
            """
def add(item, basket=[|[]|]):
    basket.append(item)
    return basket
""",
            fixed="""
def add(item, basket=None):
    basket = [] if basket is None else basket
    basket.append(item)
    return basket
""",
        ),
        Bad(
            """
def add(item: str, basket: list[str] = [|[]|]):
    basket.append(item)
""",
            fixed="""
def add(item: str, basket: list[str] | None = None):
    basket = [] if basket is None else basket
    basket.append(item)
""",
        ),
        Bad("""
async def visit(page, *, seen=[|{}|]):
    seen[page.url] = page
    for it in page.links:
        await visit(it, seen=seen)
"""),
    ],
    good=[
        """
def add(item, basket=None, more=(), options={}, rows=[]):
    basket = [] if basket is None else basket
    basket.append(item)
    rows = list(rows)
    rows.append(item)
    return basket, options.get("a"), rows
""",
        """
def fib(n, memo={}):
    if n not in memo:
        memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
    return memo[n]

def other(_cache={}):
    _cache["a"] = 1
""",
    ],
)

_CHANGES = frozenset(
    (
        "append",
        "add",
        "extend",
        "update",
        "insert",
        "pop",
        "remove",
        "clear",
        "setdefault",
        "discard",
        "popitem",
        "sort",
        "appendleft",
    )
)
_MEANT = ("cache", "memo", "registry", "seen_ids")
"""Names by which a shared default says that it is meant."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Lists, dictionaries and sets as defaults that the function changes."""
    reading = view.reading
    for function in reading.functions:
        positional = [*function.args.posonlyargs, *function.args.args]
        rows: list[tuple[ast.arg, ast.expr | None]] = [*zip(positional[::-1], function.args.defaults[::-1], strict=False)]
        rows += zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
        for argument, default in rows:
            if default is None or not _is_mutable(default) or _is_meant(argument.arg):
                continue
            if _is_changed(function, argument.arg):
                told = f"All calls share this default, and `{function.name}` changes it."
                yield Hit(default, told, tuple(_fix(reading, function, argument, default)))


def _is_meant(name: str) -> bool:
    """Whether a default is shared on purpose: no caller gives what begins with an underscore."""
    return name.startswith("_") or any(it in name.lower() for it in _MEANT)


def _is_mutable(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return dotted(node.func).rpartition(".")[2] in ("list", "dict", "set", "defaultdict", "deque", "OrderedDict")
    return isinstance(node, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def _is_changed(function: Function, name: str) -> bool:
    """Whether the parameter itself, never set to anything else, is put something into."""
    changed = False
    for it in ast.walk(function):
        if isinstance(it, ast.Name) and it.id == name and isinstance(it.ctx, ast.Store):
            return False
        if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and it.func.attr in _CHANGES:
            changed = changed or (isinstance(it.func.value, ast.Name) and it.func.value.id == name)
        elif isinstance(it, ast.Subscript) and isinstance(it.ctx, ast.Store | ast.Del):
            changed = changed or (isinstance(it.value, ast.Name) and it.value.id == name)
        elif isinstance(it, ast.AugAssign) and isinstance(it.target, ast.Name) and it.target.id == name:
            changed = True
    return changed


def _fix(reading: Reading, function: Function, argument: ast.arg, default: ast.expr) -> Iterator[Draft]:
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        if len(function.body) == 1:
            return
        first = function.body[1]
    said = argument.annotation
    if isinstance(said, ast.Constant) or first.lineno == function.lineno or getattr(first, "decorator_list", None):
        return
    text = f"{argument.arg} = {reading.source(default)} if {argument.arg} is None else {argument.arg}\n{' ' * first.col_offset}"
    changes = [Change(default, "None"), Change(first, text, insert="before")]
    if said is not None:
        changes.append(Change(said, " | None", insert="after"))
    yield Draft("Make a new one at each call", tuple(changes))
