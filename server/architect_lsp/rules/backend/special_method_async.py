"""A special method that Python calls is a coroutine function.

Why: Python calls `__init__`, `__del__`, `__enter__`, `__len__` and their like, and takes what they give as it is. From an
`async def` it gets a coroutine: `__init__` raises a TypeError, `__bool__` and `__len__` too, `__del__` and `__exit__` silently
do nothing.
Instead: a class method that makes the object, or the asynchronous twin where there is one.

    @classmethod
    async def open(cls, pool: Pool) -> Self:
        return cls(await pool.acquire())

Consequences: an object that can't be made, or one that is never cleaned up.
Tests: make one.
Source: https://docs.python.org/3/reference/datamodel.html#special-method-names
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    needs=["async def __"],
    bad=[
        Bad("""
class Repository:
    async def [|__init__|](self, pool):
        self.connection = await pool.acquire()

    async def [|__del__|](self):
        await self.connection.close()
"""),
    ],
    good=[
        """
class Repository:
    def __init__(self, connection):
        self.connection = connection

    @classmethod
    async def open(cls, pool):
        return cls(await pool.acquire())

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        await self.connection.close()

    async def __call__(self, name):
        return await self.connection.fetch(name)

    async def __getitem__(self, name):
        return await self.connection.fetch(name)

    async def __aiter__(self):
        yield 1
""",
    ],
)

_SPECIAL = frozenset(
    (
        *("__init__", "__init_subclass__", "__post_init__", "__set_name__", "__del__", "__enter__", "__exit__"),
        *("__repr__", "__str__", "__bytes__", "__format__", "__hash__", "__bool__", "__len__", "__contains__", "__index__"),
        *("__setattr__", "__delattr__", "__setitem__", "__delitem__", "__iter__", "__aiter__", "__reduce__", "__getstate__"),
    )
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Coroutine functions with the name of a method whose result Python uses at once."""
    reading = view.reading
    for function in reading.each(ast.AsyncFunctionDef):
        if function.name not in _SPECIAL or not reading.owner(function):
            continue
        if any(isinstance(it, ast.Yield) for it in reading.within(function)) and function.name == "__aiter__":
            continue
        head = ast.Name(function.name)
        head.lineno = head.end_lineno = function.lineno
        head.col_offset = function.col_offset + len("async def ")
        head.end_col_offset = head.col_offset + len(function.name)
        yield Hit(head, f"Python calls `{function.name}` and never awaits it.")
