"""Shared state is read before an await and written after it.

Why: at every `await` other coroutines run. What was read before it may have changed when the coroutine goes on, and the write
that follows puts the old value back over theirs.
Instead: read and write without an await between, or hold an `asyncio.Lock` over both.

    async def withdraw(self, amount: int) -> None:
        async with self._lock:
            balance = self.balance
            await self.check(amount)
            if balance < amount:
                raise TooLittle(amount)
            self.balance = balance - amount

Consequences: lost updates that no test sees which makes one call at a time.
Trade-offs: a lock lets one caller through at a time; what is slow belongs before or after it.
Tests: start many calls with `asyncio.gather` and assert the sum.
Security: a limit or a balance that is checked this way can be passed twice at once.
Source: CWE-362; https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.waiting import run_by, suspends
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "D3"],
    cwe=362,
    needs=["await"],
    bad=[
        Bad("""
class Account:
    balance = 0

    async def deposit(self, amount):
        balance = self.balance
        await self.check(amount)
        [|self.balance = balance + amount|]

    async def check(self, amount): ...
"""),
        Bad(
            """
class Meter:
    total = 0

    async def add(self, client):
        [|self.total += await client.read()|]
""",
            fixed="""
class Meter:
    total = 0

    async def add(self, client):
        more = await client.read()
        self.total += more
""",
        ),
        Bad("""
hits = 0

async def count(client):
    global hits
    seen = hits
    await client.log(seen)
    [|hits = seen + 1|]
"""),
    ],
    good=[
        """
class Account:
    balance = 0

    async def deposit(self, amount):
        async with self.lock:
            balance = self.balance
            await self.check(amount)
            self.balance = balance + amount

    async def other(self, amount):
        await self.check(amount)
        balance = self.balance
        self.balance = balance + amount
        await self.check(amount)

    async def again(self, amount):
        balance = self.balance
        await self.check(balance)
        balance = self.balance
        self.balance = balance + amount

    async def check(self, amount): ...
""",
        """
async def local(client):
    total = 0
    total += await client.read()
    seen = total
    await client.log(seen)
    total = seen + 1

class Page:
    async def load(self, client):
        cursor = self.cursor
        rows = await client.rows(cursor)
        self.cursor = rows.next
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Writes to attributes of `self` and to globals that rest on what was read before an await."""
    reading = view.reading
    for function in reading.each(ast.AsyncFunctionDef):
        shared = {name for it in reading.within(function) if isinstance(it, ast.Global) for name in it.names}
        for node in reading.within(function):
            if not isinstance(node, ast.AugAssign) or not _is_shared(node.target, shared) or not _awaits(node.value):
                continue
            if not _is_locked(reading, node):
                name = ast.unparse(node.target)
                told = f"`{name}` is read before this await and written after it: what others add meanwhile is lost."
                yield Hit(node, told, tuple(_fix(reading, node)))
        yield from _stale(reading, function, function.body, shared)


def _stale(reading: Reading, function: ast.AsyncFunctionDef, body: list[ast.stmt], shared: set[str]) -> Iterator[Hit]:
    """Writes in one block of statements: read into a local name, an await, then written from that name."""
    read: dict[str, tuple[str, int]] = {}  # local name -> (shared name it holds, number of its statement)
    last_wait = -1
    for index, it in enumerate(body):
        if isinstance(it, ast.Assign) and len(it.targets) == 1:
            target = it.targets[0]
            name = dotted(target)
            if _is_shared(target, shared) and last_wait >= 0 and not _awaits(it.value):
                used = {each.id for each in run_by([it.value]) if isinstance(each, ast.Name)}
                old = any(read[name_][0] == name and read[name_][1] < last_wait for name_ in used & read.keys())
                if old and not isinstance(it.value, ast.Name) and not _is_locked(reading, it):
                    told = f"`{name}` was read before an await and is written here: what others changed meanwhile is lost."
                    yield Hit(it, told)
            if isinstance(target, ast.Name):
                read.pop(target.id, None)
                if _is_shared(it.value, shared):
                    read[target.id] = dotted(it.value), index
        if suspends([it]) is not None:
            last_wait = index
        for inner in (getattr(it, "body", None), getattr(it, "orelse", None), getattr(it, "finalbody", None)):
            if isinstance(inner, list) and not isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from _stale(reading, function, inner, shared)


def _is_shared(node: ast.expr, shared: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in shared
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def _awaits(node: ast.expr) -> bool:
    return any(isinstance(it, ast.Await) for it in run_by([node]))


def _is_locked(reading: Reading, node: ast.AST) -> bool:
    """Whether the write stands in a block that may be a lock's."""
    return any(isinstance(it, ast.AsyncWith) for it in reading.ancestors(node))


def _fix(reading: Reading, node: ast.AugAssign) -> Iterator[Draft]:
    if (
        isinstance(node.value, ast.Await)
        and node.lineno == node.end_lineno
        and isinstance(reading.parent(node), ast.AsyncFunctionDef)
    ):
        changes = (
            Change(node, f"more = {reading.source(node.value)}\n{' ' * node.col_offset}", insert="before"),
            Change(node.value, "more"),
        )
        yield Draft("Await first, then add", changes)
