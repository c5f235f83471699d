"""A cache keeps the coroutine that a function gives, not what the coroutine gives.

Why: calling an `async def` gives a coroutine, and that is what `functools.cache` keeps. It can be awaited once; the second caller
gets the same one, and `RuntimeError: cannot reuse already awaited coroutine`.
Instead: a cache that awaits, or one that keeps the value.

    from async_lru import alru_cache

    @alru_cache(maxsize=256)
    async def country_of(address: str) -> str:
        ...

Consequences: the first request works, the next with the same arguments answers 500.
Trade-offs: a task that is kept (`asyncio.ensure_future`) can be awaited often, and keeps its exception as long.
Tests: await the function twice with the same arguments.
Source: https://docs.python.org/3/library/functools.html#functools.cache
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3", "B5"],
    cwe=826,
    needs=["cache"],
    equivalents=["B019"],
    bad=[
        Bad("""
import functools
from functools import cached_property, lru_cache

@[|lru_cache(maxsize=256)|]
async def country_of(address):
    return await look_up(address)

@[|functools.cache|]
async def rate(currency):
    return await ask(currency)

class Customer:
    @[|cached_property|]
    async def orders(self):
        return await self.load()
"""),
    ],
    good=[
        """
from functools import cached_property, lru_cache
from async_lru import alru_cache
from aiocache import cached
from shop.tools import as_task, cache

@alru_cache(maxsize=256)
async def country_of(address):
    return await look_up(address)

@cached(ttl=60)
async def rate(currency):
    return await ask(currency)

@cache
async def own(currency):
    return await ask(currency)

@lru_cache
@as_task
async def shared(key):
    return await ask(key)

@lru_cache
def settings():
    return read()
""",
    ],
)

_CACHES = regex(
    r"functools\.(?:cache|lru_cache|cached_property)|methodtools\.lru_cache|cachetools\.(?:cached|cachedmethod)"
    r"|cachetools\.func\.\w+|django\.utils\.functional\.cached_property"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Coroutine functions whose innermost decorator is a cache of plain functions."""
    for function in view.reading.functions:
        if not isinstance(function, ast.AsyncFunctionDef) or not function.decorator_list:
            continue
        nearest = function.decorator_list[-1]
        name = view.name(nearest.func if isinstance(nearest, ast.Call) else nearest)
        if _CACHES.fullmatch(name):
            yield Hit(nearest, f"This keeps the coroutine of `{function.name}`, which can be awaited only once.")
