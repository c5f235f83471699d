"""A coroutine that nobody awaits never runs.

Why: calling an `async def` runs none of it: it gives an object that waits to be awaited. As a statement the work silently does
not happen; in a condition the object is always true; an attribute or an index of it raises.
Instead: await it, or start it as a task whose result somebody keeps.

    async def register(user: User) -> None:
        await users.save(user)
        try:
            await mails.welcome(user)
        except MailError:
            logger.exception("no welcome for %s", user.id)

Consequences: lost writes, mails never sent, and a check such as `if is_allowed(user):` that lets everyone in.
Tests: run with `-W error::RuntimeWarning`; assert the effect of the call, not that nothing was raised.
Security: a permission check that is never awaited grants everything.
Observability: Python warns `coroutine ... was never awaited` on stderr when the object is collected; alert on it.
Source: https://docs.python.org/3/library/asyncio-dev.html#detect-never-awaited-coroutines
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.knowledge.waiting import given_to_thread, gives_coroutine
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    cwe=670,
    bad=[
        Bad(
            """
import asyncio

async def save(order): ...

async def place(order):
    [|save(order)|]
    [|asyncio.sleep(1)|]
""",
            fixed="""
import asyncio

async def save(order): ...

async def place(order):
    await save(order)
    asyncio.sleep(1)
""",
        ),
        Bad(
            """
class Users:
    async def is_admin(self, name): ...

async def delete(users: Users, name):
    if not [|users.is_admin(name)|]:
        raise PermissionError(name)
""",
            fixed="""
class Users:
    async def is_admin(self, name): ...

async def delete(users: Users, name):
    if not await users.is_admin(name):
        raise PermissionError(name)
""",
        ),
        Bad(
            """
-- app/api.py --
from app.prices import fetch

async def quote(sku):
    return [|fetch(sku)|].json()
-- app/prices.py --
async def fetch(sku): ...
""",
            fixed="""
-- app/api.py --
from app.prices import fetch

async def quote(sku):
    return (await fetch(sku)).json()
-- app/prices.py --
async def fetch(sku): ...
""",
        ),
        Bad("""
async def rows(): ...

def show():
    for row in [|rows()|]:
        print(row)
"""),
        Bad("""
import asyncio
import atexit
from dataclasses import dataclass

@dataclass
class Weather:
    city: str
    degrees: float

async def measure(city):
    return 20.5

async def later(city): ...

async def weather(city):
    asyncio.get_running_loop().call_later(60, [|later|], city)
    return Weather(city, degrees=[|measure(city)|])

async def degrees(cities) -> list[float]:
    return [[|measure(it)|] for it in cities]

async def first(cities):
    await asyncio.to_thread([|later|], cities[0])
    asyncio.get_running_loop().add_signal_handler(15, [|later|], "home")
    atexit.register([|later|], "home")
    print(*filter([|later|], cities))
    return await asyncio.wait([[|later(it)|] for it in cities], return_when=asyncio.FIRST_COMPLETED)
"""),
        Bad("""
from motor.motor_asyncio import AsyncIOMotorClient
from redis.asyncio import Redis
from shop.models import Order

client = AsyncIOMotorClient("mongodb://db")

async def place(cache: Redis, key):
    if [|cache.exists(key)|]:
        return
    [|client.shop.orders.insert_one({"key": key})|]
    [|Order.objects.acreate(key=key)|]
"""),
        Bad("""
import asyncio
import trio

async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
    writer.write(await reader.readline())
    [|writer.drain()|]
    [|trio.lowlevel.checkpoint()|]
"""),
        Bad("""
from sqlalchemy.ext.asyncio import AsyncSession

async def coupon(session: AsyncSession, query):
    found = [|session.execute(query)|]
    kept = session.execute(query)
    await kept
    return found.scalar_one_or_none()

def waited_for_elsewhere(session: AsyncSession, query):
    found = session.execute(query)
    return found.scalar_one_or_none()
"""),
    ],
    good=[
        """
from slack_bolt.async_app import AsyncApp
app = AsyncApp(token="t")

async def bot():
    answer = await app.client.auth_test()
    await app.queue.submit(bot)
    return answer.get("ok") and answer.get("user_id")
""",
        """
-- app/stores.py --
from motor.motor_asyncio import AsyncIOMotorClient
from redis.asyncio import Redis

client = AsyncIOMotorClient("mongodb://db")

async def totals(cache: Redis):
    async with cache.pipeline() as pipe:
        pipe.set("a", 1)
        await pipe.execute()
    async for it in client.shop.orders.aggregate([]):
        print(it)
    return await client.shop.orders.aggregate([]).to_list(None)
-- app/__init__.py --
-- app/logging.py --
import logging

class Logger:
    def __init__(self, log: logging.Logger):
        self.log = log

    async def info(self, text):
        self.log.info(text)
""",
        """
class Cursor:
    async def close(self):
        pass

def end(cursor: Cursor):
    cursor.close()  # type: ignore[unused-coroutine]

async def ended(cursor: Cursor, pool):
    close = cursor.close
    if inspect.iscoroutinefunction(close):
        await close()
    else:
        close()
    return await pool.submit(cursor.close).result()
""",
        """
import asyncio

async def save(order): ...

async def place(order, tasks):
    await save(order)
    tasks.append(asyncio.create_task(save(order)))
    await asyncio.gather(save(order), *[save(it) for it in order.parts])
    return save(order)
""",
        """
from tools import fire_and_forget

@fire_and_forget
async def notify(): ...

async def stream():
    yield 1

async def run():
    notify()
    async for it in stream():
        print(it)
    if found := save():
        await found

async def save(): ...
async def fetch(): ...

def start(runner):
    runner.run(fetch())
    fetch().close()
""",
        """
import asyncio

async def measure(city):
    return 20.5

def jobs(cities):
    return [measure(it) for it in cities]

async def all_of(cities) -> list[asyncio.Task]:
    loop = asyncio.get_running_loop()
    loop.call_soon(print, "started")
    await asyncio.wait([asyncio.create_task(measure(it)) for it in cities])
    await asyncio.to_thread(asyncio.run, measure("home"))
    return [asyncio.create_task(measure(it)) for it in cities]
""",
    ],
)

_CALLBACKS = dict.fromkeys(("call_soon", "call_soon_threadsafe", "add_done_callback"), 0) | dict.fromkeys(
    ("call_later", "call_at", "add_signal_handler", "add_reader", "add_writer"), 1
)
"""Methods of loops and tasks that call what they are given, with its position."""
_PLAIN = ("atexit.register", "builtins.filter")
"""Functions that call the first thing they are given, and take what it gives as it is."""
_NEVER = 1 << 30
_DJANGO = frozenset(
    ("acreate", "aget_or_create", "aupdate_or_create", "abulk_create", "abulk_update", "aexists", "arefresh_from_db", "asave")
)
_VALUES = ("str", "int", "float", "bool", "bytes")
_OF_COROUTINES = ("close", "send", "throw", "cr_frame", "cr_await", "cr_running", "cr_code", "cr_origin", "__await__", "__name__")
_AWAITS_RESULT = regex(r"await [\w.()]+\.result\(\)")  # what an executor gave is the coroutine
_TWO_KINDS = regex(
    r"isinstance\([^()]*\bAsync\w+|isinstance\([^()]*Base\w+\)|\b_?(?:has|is|requires)_async\w*|_sync_\w+|iscoroutine"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Coroutines that are thrown away, or used as if they were what they give."""
    reading = view.reading
    for call in reading.each(ast.Call):
        yield from _called_later(view, call)
        does = _misuse(reading, call) or _as_value(view, call) or _by_name(reading, call)
        if does and (gives_coroutine(view.symbol(call.func)) or _asks_django(call)) and not _is_excused(reading, call):
            yield Hit(call, f"`{ast.unparse(call.func)}(...)` is never awaited: {does}.", tuple(_fix(reading, call)))


def _is_excused(reading: Reading, call: ast.Call) -> bool:
    """Whether a comment says so, or the function asks first which of two kinds it has, a synchronous or an asynchronous one."""
    function = reading.function(call)
    text = reading.source(function) if function is not None else ""
    is_told_apart = f"iscoroutinefunction({dotted(call.func)})" in text
    return is_told_apart or (isinstance(call.func, ast.Attribute) and bool(_TWO_KINDS.search(text))) or _is_known(reading, call)


def _is_known(reading: Reading, call: ast.Call) -> bool:
    """Whether a comment on its line tells a type checker that this is meant."""
    text = next(iter(reading.parsed.lines[reading.place(call).line :]), "")
    return bool(re.search(r"#.*(?:unused-coroutine|unused-awaitable|reportUnusedCoroutine)", text))


def _misuse(reading: Reading, call: ast.Call) -> str:
    """What becomes of a coroutine that is used so; "" where it may be awaited."""
    parent = reading.parent(call)
    if isinstance(parent, ast.Expr):
        return "nothing of it runs"
    if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
        return "a coroutine is always true"
    if isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert) and parent.test is call:
        return "a coroutine is always true"
    if isinstance(parent, ast.BoolOp) and isinstance(reading.parent(parent), ast.If | ast.While | ast.Assert):
        return "a coroutine is always true"
    if isinstance(parent, ast.comprehension) and any(it is call for it in parent.ifs):
        return "a coroutine is always true"
    if isinstance(parent, ast.Compare | ast.BinOp | ast.FormattedValue):
        return (
            "the coroutine itself is compared or shown" if not isinstance(parent, ast.BinOp) else "a coroutine has no operators"
        )
    if isinstance(parent, ast.Attribute):
        return "" if parent.attr in _OF_COROUTINES else f"a coroutine has no `{parent.attr}`"
    if isinstance(parent, ast.Subscript) and parent.value is call:
        return "a coroutine has no items"
    if isinstance(parent, ast.For | ast.comprehension) and parent.iter is call:
        return "a coroutine can't be iterated"
    return ""


def _by_name(reading: Reading, call: ast.Call) -> str:
    """The same of one that is kept under a name, of which nothing is used but attributes."""
    parent, function = reading.parent(call), reading.function(call)
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1 or not isinstance(parent.targets[0], ast.Name):
        return ""
    name = parent.targets[0].id
    if not isinstance(function, ast.AsyncFunctionDef) or len(reading.bindings(function).get(name, [])) != 1:
        return ""
    ups = [reading.parent(it) for it in reading.each(ast.Name) if it.id == name and isinstance(it.ctx, ast.Load)]
    used = [it.attr for it in ups if isinstance(it, ast.Attribute) and it.attr not in _OF_COROUTINES]
    return f"a coroutine has no `{used[0]}`" if used and len(used) == len(ups) else ""


def _asks_django(call: ast.Call) -> bool:
    """Whether it is an asynchronous method of Django's querysets and models, whose names nothing else has."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in _DJANGO


def _called_later(view: View, call: ast.Call) -> Iterator[Hit]:
    """A coroutine function as a callback, which is called and never awaited."""
    last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
    position = _CALLBACKS.get(last, 0 if last in ("register", "filter") and view.callee(call) in _PLAIN else _NEVER)
    given = call.args[position] if len(call.args) > position else given_to_thread(call)
    is_queue = last == "submit" and (view.reading.awaited(call) or _AWAITS_RESULT.search(view.reading.unit.text))
    if isinstance(given, ast.Name | ast.Attribute) and gives_coroutine(view.symbol(given)) and not is_queue:
        yield Hit(given, f"`{ast.unparse(given)}` is called and never awaited: `{last}` takes a plain function.")
    if last == "wait" and call.args and view.callee(call) in ("asyncio.wait", "asyncio.tasks.wait"):
        held = call.args[0]
        made = held.elts if isinstance(held, ast.List | ast.Tuple | ast.Set) else [getattr(held, "elt", None)]
        for it in made:
            if isinstance(it, ast.Call) and gives_coroutine(view.symbol(it.func)):
                yield Hit(it, "`asyncio.wait` takes tasks: from Python 3.11 on it raises a TypeError for a coroutine.")


def _as_value(view: View, call: ast.Call) -> str:
    """What becomes of a coroutine that stands for a plain value: in a field of a class, in a list that is returned."""
    reading = view.reading
    parent = reading.parent(call)
    if isinstance(parent, ast.keyword):
        made = reading.parent(parent)
        symbol = view.symbol(made.func) if isinstance(made, ast.Call) else None
        fields = symbol.facts.fields if isinstance(symbol, ClassSymbol) else ()
        if any(it.name == parent.arg and it.annotation in _VALUES for it in fields):
            return f"the field `{parent.arg}` gets the coroutine itself"
    if isinstance(parent, ast.ListComp) and parent.elt is call and isinstance(reading.parent(parent), ast.Return):
        function = reading.function(call)
        said = function.returns if isinstance(function, ast.AsyncFunctionDef) else None
        if isinstance(said, ast.Subscript) and dotted(said.value) in ("list", "List") and dotted(said.slice) in _VALUES:
            return "the list holds coroutines"
    return ""


def _fix(reading: Reading, call: ast.Call) -> Iterator[Draft]:
    if not isinstance(reading.function(call), ast.AsyncFunctionDef):
        return
    parent = reading.parent(call)
    tight = isinstance(parent, ast.Attribute | ast.Subscript | ast.BinOp) and getattr(parent, "right", None) is not call
    after = (Change(call, ")", insert="after"),) if tight else ()
    yield Draft("Await it", (Change(call, "(await " if tight else "await ", insert="before"), *after))
