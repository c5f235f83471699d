"""A cache that forgets nothing.

Why: what is kept for every argument that ever came grows with the traffic, not with what is worth keeping. On a method the object
itself is part of the key, so no object that was ever asked is freed.
Instead: bound it by number or by age, and keep nothing that belongs to one request.

    @lru_cache(maxsize=1024)
    def rate(currency: str, day: date) -> Decimal: ...

    class Order:
        @cached_property
        def total(self) -> Decimal: ...      # lives and dies with the order

Consequences: memory grows until the process is killed, some days after each deployment.
Trade-offs: a bound too small makes the cache useless; take it from the number of keys that are asked for again.
Tests: ask for more keys than the bound and assert its size.
Security: who can choose the keys can fill the memory.
Observability: graph `cache_info()`, and the memory of the process.
Source: https://docs.astral.sh/ruff/rules/cached-instance-method/
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Variable
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Function, constant, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B5", "A3", "D3"],
    cwe=770,
    preview=True,  # what is kept per file or deployment is often few
    equivalents=["B019", "W1518"],
    needs=["cache", "Cache", "CACHE", "memo"],
    bad=[
        Bad(
            """
from functools import lru_cache

class Rates:
    @[|lru_cache(maxsize=None)|]
    def of(self, currency):
        return self.load(currency)
""",
            fixed="""
from functools import lru_cache

class Rates:
    @lru_cache(maxsize=128)
    def of(self, currency):
        return self.load(currency)
""",
        ),
        Bad("""
_cache = {}

def rate(currency):
    if currency not in _cache:
        [|_cache[currency] = load(currency)|]
    return _cache[currency]

def load(currency): ...
"""),
    ],
    good=[
        """
from functools import cache, cached_property, lru_cache

class Rates:
    @cached_property
    def all(self): ...

    @lru_cache(maxsize=64)
    def of(self, currency): ...

    @staticmethod
    @cache
    def names(): ...

@cache
def settings(): ...
""",
        """
_cache = {}
_memo = {}
_type_cache = {}

def rate(currency):
    _cache[currency] = load(currency)
    if len(_cache) > 100:
        _cache.popitem()

def reset():
    _memo.clear()

def other(key):
    _memo[key] = load(key)

def fixed():
    _cache["all"] = load("all")

def of_type(kind: type):
    _type_cache[kind] = load(kind)

def load(key): ...
""",
    ],
)

_NAMED = regex(r"(?:^|_)(?:cache[sd]?|memo)(?:_|$)", re.IGNORECASE)
_FEW = regex(r"type|class|cls|model|schema|module|name|kind|loop|thread|lang|locale|func|config", re.IGNORECASE)
"""Keys of which a program has only so many."""
_SHRINKS = ("pop", "popitem", "clear", "__delitem__")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Caches without a bound on methods, and module dictionaries that only grow."""
    reading = view.reading
    for function in reading.functions:
        is_method = bool(reading.owner(function)) and bool(function.args.args) and function.args.args[0].arg == "self"
        for it in function.decorator_list if is_method else ():
            call = it if isinstance(it, ast.Call) else None
            name = view.name(call.func if call else it)
            size = keyword(call, "maxsize") or (call.args[0] if call.args else None) if call else None
            if name == "functools.cache" or (name == "functools.lru_cache" and size is not None and _is_none(size)):
                fixes = (Draft("Keep 128", (Change(size, "128"),)),) if size is not None else ()
                yield Hit(it, f"This cache keeps every object that `{function.name}` was ever called on.", fixes)
        if not is_script(view.path):
            yield from _growing(view, function)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _growing(view: View, function: Function) -> Iterator[Hit]:
    """Writes into a module's dictionary that is called a cache and is never emptied, under keys that callers choose."""
    reading = view.reading
    given = {it.arg for it in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)} - {"self", "cls"}
    for node in reading.within(function):
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name) or not _NAMED.search(target.value.id):
            continue
        name = target.value.id
        keys = {it.id for it in ast.walk(target.slice) if isinstance(it, ast.Name)} & given
        if not keys or any(_FEW.search(it) for it in keys) or constant(target.slice) is not None:
            continue
        found = view.project.name(view.path, name)
        if not isinstance(found, Variable) or found.value is None or found.value.kind != "dict" or found.value.keywords:
            continue
        if reading.bindings(function).get(name) is not None or _shrinks(view, name):
            continue
        if any(
            isinstance(it, ast.Call) and isinstance(it.func, ast.Name) and it.func.id == "len" for it in reading.within(function)
        ):
            continue
        yield Hit(node, f"`{name}` grows with every new key and nothing takes anything out.")


def _shrinks(view: View, name: str) -> bool:
    calls = (call.target for it in view.project.facts(view.path).defs for call in it.calls)
    return any(it.startswith(f"{name}.") and it.rpartition(".")[2] in _SHRINKS for it in calls)
