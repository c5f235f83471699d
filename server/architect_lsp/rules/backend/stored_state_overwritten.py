"""A file is loaded, changed and stored again, with nothing that keeps two from doing so at once.

Why: between the loading and the storing another task does the same. Whoever stores last puts back what the other had changed.
Instead: one lock around the three steps.

    async with self._lock:
        index = await self._load_index()
        index.pop(key, None)
        await self._save_index(index)

Consequences: entries vanish, or come back, under load.
Tests: two changes at once, gathered, and assert that both are there.
Source: CWE-362
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "C3"],
    cwe=362,
    needs=["await self.load_", "await self._load_", "await self._read_", "await self.read_"],
    bad=[
        Bad("""
class Leases:
    async def remove(self, key):
        index = await [|self._load_index()|]
        index.pop(key, None)
        self._save_index(index)
"""),
    ],
    good=[
        """
class Leases:
    async def remove(self, key, session):
        async with self._lock:
            index = await self._load_index()
            index.pop(key, None)
            self._save_index(index)

    async def locked(self, key):
        await self._lock.acquire()
        index = await self._load_index()
        index.pop(key, None)
        self._save_index(index)

    async def shown(self, key):
        index = await self._load_index()
        return index[key]

    async def of_row(self, key):
        row = await self._load_row(key)
        row.name = "x"
        await self._save_row(row)

    async def _remove_unlocked(self, key):
        index = await self._load_index()
        index.pop(key, None)
        self._save_index(index)
""",
    ],
)

_LOADS = regex(r"_?(?:load|read)_(\w+)")
_STORES = regex(r"_?(?:save|write|store|dump)_(\w+)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """What one coroutine loads of `self`, changes, and stores by the method of the same name."""
    reading = view.reading
    for row in reading.each(ast.Assign):
        call = row.value.value if isinstance(row.value, ast.Await) else None
        name = row.targets[0]
        function = reading.function(row)
        if not isinstance(call, ast.Call) or not isinstance(name, ast.Name) or not isinstance(function, ast.AsyncFunctionDef):
            continue
        loaded = _LOADS.fullmatch(last_name(call.func))
        if (
            loaded is None
            or call.args
            or call.keywords
            or not ast.unparse(call.func).startswith("self.")
            or "lock" in function.name
        ):
            continue
        if _is_stored(reading, function, name.id, loaded[1]) and not _is_alone(reading, function, row):
            yield Hit(call, "Whoever changes this meanwhile loses the change: what was loaded here is stored again below.")


def _is_stored(reading: Reading, function: ast.AST, name: str, what: str) -> bool:
    """Whether the function changes what it has loaded, item by item, and stores that."""
    changed = stored = False
    for it in reading.within(function):
        if isinstance(it, ast.Subscript) and not isinstance(it.ctx, ast.Load) and ast.unparse(it.value) == name:
            changed = True
        if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute):
            on = ast.unparse(it.func.value)
            changed = changed or (on == name and it.func.attr in ("pop", "append", "update", "remove", "add", "setdefault"))
            saved = _STORES.fullmatch(it.func.attr)
            given = any(isinstance(arg, ast.Name) and arg.id == name for arg in it.args)
            stored = stored or (changed and saved is not None and saved[1] == what and given and len(it.args) == 1)
    return stored


def _is_alone(reading: Reading, function: ast.AST, row: ast.AST) -> bool:
    """Whether a lock, or a transaction, is held around it."""
    if any(isinstance(it, ast.AsyncWith | ast.With) for it in reading.ancestors(row)):
        return True
    return any(isinstance(it, ast.Attribute) and it.attr in ("acquire", "locked") for it in reading.within(function))
