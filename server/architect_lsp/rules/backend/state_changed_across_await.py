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
import re
from collections.abc import Iterator

from msgspec import Struct

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.waiting import run_by, suspends
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,  # whether others run meanwhile on the same object is not known: one of eight was worth it
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
        Bad("""
stock = {}

class Till:
    open_orders = 0

    async def take(self, sku, log):
        left = stock[sku]
        await log(sku)
        [|stock[sku] = left - 1|]

    async def order(self, client):
        if self.open_orders >= 10:
            raise RuntimeError("too many orders")
        await client.check()
        [|self.open_orders += 1|]

    async def count(self, client):
        [|self.open_orders = self.open_orders + await client.more()|]

    async def token(self, client):
        if self.access_token is None:
            [|self.access_token = await client.login()|]
        return self.access_token
"""),
        Bad("""
free = {"small": 3}

async def rent(size, tell):
    if free[size] > 0:
        await tell(size)
        [|free[size] -= 1|]
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
        """
async def local(client):
    seen = {}
    count = seen["a"]
    await client.log()
    seen["a"] = count + 1

class Pool:
    used = 0

    async def take(self, client):
        if self.used >= 10:
            raise RuntimeError("no more")
        self.used += 1
        await client.open()
        self.last = self.used + 1

    async def count(self, client):
        self.used = await client.more() + self.used

    async def connect(self, driver):
        if self.connection is None:
            self.connection = driver.connect()
        async with self.lock:
            if self.session is None:
                self.session = await driver.session()
        if self.setting is None:
            self.setting = await driver.setting()
""",
    ],
)


_LIMITS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def _names(facts: Facts) -> frozenset[str]:
    return frozenset(it.name for it in facts.variables)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Writes to attributes of `self`, to globals and into containers of the module that rest on what was read before an await."""
    reading = view.reading
    held = view.project.of_file(view.path, _names)
    for function in reading.each(ast.AsyncFunctionDef):
        shared = _Shared(
            frozenset(name for it in reading.within(function) if isinstance(it, ast.Global) for name in it.names),
            frozenset(
                held - reading.bindings(function).keys() - {it.arg for it in ast.walk(function.args) if isinstance(it, ast.arg)}
            ),
        )
        for node in reading.within(function):
            if isinstance(node, ast.AugAssign):
                old = shared.has(node.target) and _awaits(node.value)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                old = shared.has(node.targets[0]) and _awaits_after(node.value, ast.unparse(node.targets[0]))
            else:
                continue
            if old and not _is_locked(reading, node):
                name = ast.unparse(node.target if isinstance(node, ast.AugAssign) else node.targets[0])
                told = f"`{name}` is read before this await and written after it: what others add meanwhile is lost."
                yield Hit(node, told, tuple(_fix(reading, node)) if isinstance(node, ast.AugAssign) else ())
        yield from _stale(reading, function.body, shared)
        if function.name not in _ONCE:
            yield from _made_twice(reading, function, shared)


class _Shared(Struct, frozen=True):
    """What other coroutines see too: `globals` that the function declares, and `containers` of the module by their names."""

    globals: frozenset[str]
    containers: frozenset[str]

    def has(self, node: ast.expr) -> bool:
        """Whether others see what is written here."""
        if isinstance(node, ast.Name):
            return node.id in self.globals
        if isinstance(node, ast.Subscript):
            inner = node.value
            return (isinstance(inner, ast.Name) and inner.id in self.containers) or self.has(inner)
        return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def _stale(reading: Reading, body: list[ast.stmt], shared: _Shared, checked: frozenset[str] = frozenset()) -> Iterator[Hit]:
    """Writes in one block of statements: read into a local name or compared, an await, then written from that."""
    read: dict[str, tuple[str, int]] = {}  # local name -> (shared name it holds, number of its statement)
    compared = dict.fromkeys(checked, -1)  # shared name -> number of the `if` that may leave because of it
    last_wait = -1
    for index, it in enumerate(body):
        if isinstance(it, ast.If) and isinstance(it.body[-1], ast.Raise | ast.Return | ast.Continue | ast.Break):
            compared |= {ast.unparse(each): index for each in _limited(it.test) if shared.has(each)}
        if isinstance(it, ast.AugAssign) and shared.has(it.target) and isinstance(it.op, ast.Add | ast.Sub):
            name = ast.unparse(it.target)
            if -1 <= compared.get(name, index) < last_wait and not _awaits(it.value) and not _is_locked(reading, it):
                told = f"`{name}` was checked before an await and changes here: two may pass the check before one of them counts."
                yield Hit(it, told)
            compared.pop(name, None)
        if isinstance(it, ast.Assign) and len(it.targets) == 1:
            target = it.targets[0]
            name = ast.unparse(target)
            if shared.has(target) and last_wait >= 0 and not _awaits(it.value):
                used = {each.id for each in run_by([it.value]) if isinstance(each, ast.Name)}
                old = any(read[name_][0] == name and read[name_][1] < last_wait for name_ in used & read.keys())
                if old and not isinstance(it.value, ast.Name) and not _is_locked(reading, it):
                    told = f"`{name}` was read before an await and is written here: what others changed meanwhile is lost."
                    yield Hit(it, told)
            if isinstance(target, ast.Name):
                read.pop(target.id, None)
                if shared.has(it.value):
                    read[target.id] = ast.unparse(it.value), index
        if suspends([it]) is not None:
            last_wait = index
        for inner in (getattr(it, "body", None), getattr(it, "orelse", None), getattr(it, "finalbody", None)):
            if isinstance(inner, list) and not isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                passed = _limited(it.test) if isinstance(it, ast.If) and inner is it.body else ()
                yield from _stale(reading, inner, shared, frozenset(ast.unparse(each) for each in passed if shared.has(each)))


def _limited(test: ast.expr) -> Iterator[ast.expr]:
    """What a condition compares with a limit."""
    for it in ast.walk(test):
        if isinstance(it, ast.Compare) and all(isinstance(op, _LIMITS) for op in it.ops):
            yield from (it.left, *it.comparators)


_ONCE = ("__aenter__", "start", "startup", "setup", "initialize", "init", "open", "connect", "lifespan")
"""Names of functions that one caller runs, once."""
_COSTLY = regex(
    r"token|login|auth|conn|pool|client|session|engine|channel|process|browser|socket|stream|driver|task", re.IGNORECASE
)
"""Names of what does harm, or is leaked, when there are two of it."""


def _made_twice(reading: Reading, function: ast.AsyncFunctionDef, shared: _Shared) -> Iterator[Hit]:
    """What is made where it is missing, with an await between: two callers make it twice, and one of the two is lost."""
    for block in reading.within(function):
        if not isinstance(block, ast.If) or reading.loop(block) is not None or _is_locked(reading, block):
            continue
        missing = _missing(block.test)
        if missing is None or not shared.has(missing) or not _COSTLY.search(ast.unparse(missing)):
            continue
        name = ast.unparse(missing)
        for it in block.body:
            if isinstance(it, ast.Assign) and _awaits(it.value) and any(ast.unparse(each) == name for each in it.targets):
                told = f"`{name}` is missing before this await and set after it: two callers at once both make one."
                yield Hit(it, told)


def _missing(test: ast.expr) -> ast.expr | None:
    """What a condition finds missing: `x is None`, `not x`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is) and isinstance(test.comparators[0], ast.Constant):
        return test.left
    return None


def _awaits_after(value: ast.expr, name: str) -> bool:
    """Whether the value reads the name, and awaits only then."""
    seen = False
    for it in run_by([value]):
        seen = seen or (isinstance(it, ast.Attribute | ast.Name | ast.Subscript) and ast.unparse(it) == name)
        if seen and isinstance(it, ast.Await):
            return True
    return False


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
