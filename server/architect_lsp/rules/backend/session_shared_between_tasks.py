"""One database session is used by several tasks at the same time.

Why: a session is a conversation with one connection: it holds one transaction and one set of changed objects. Two tasks that
use it at once mix their statements; SQLAlchemy refuses with "concurrent operations are not permitted", or fails in stranger
ways.
Instead: give each task its own session.

    async def price(maker: async_sessionmaker[AsyncSession], sku: str) -> Decimal:
        async with maker() as session:
            return await session.scalar(select(Product.price).where(Product.sku == sku))

    prices = await asyncio.gather(*(price(maker, sku) for sku in skus))

Trade-offs: each session takes a connection of the pool; bound how many run at once. Often one statement with `IN` does for all.
Tests: run two of them against a real database; a fake session hides it.
Source:
https://docs.sqlalchemy.org/en/20/orm/session_basics.html#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B1", "B2", "D3"],
    cwe=362,
    needs=["gather(", "create_task(", "start_soon(", "submit(", "Thread(", "ensure_future("],
    bad=[
        Bad("""
import asyncio
from sqlalchemy.ext.asyncio import AsyncSession

async def report(session: AsyncSession, skus):
    orders, users = await [|asyncio.gather(orders_of(session), session.scalars(statement))|]
    prices = await [|asyncio.gather(*(price(session, sku) for sku in skus))|]
    return orders, users, prices
"""),
        Bad("""
import asyncio
from concurrent.futures import ThreadPoolExecutor
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

async def report(db: AsyncSession, skus):
    async with asyncio.TaskGroup() as group:
        for sku in skus:
            [|group.create_task(price(db, sku))|]
    tasks = [price(db, sku) for sku in skus]
    return await [|asyncio.gather(*tasks)|]

def threads(session: Session, skus):
    with ThreadPoolExecutor() as pool:
        return [[|pool.submit(price, session, sku)|] for sku in skus]
"""),
    ],
    good=[
        """
import asyncio
from sqlalchemy.ext.asyncio import AsyncSession

async def report(session: AsyncSession, maker, skus):
    prices = await asyncio.gather(*(price(maker, sku) for sku in skus))
    one, two = await asyncio.gather(orders_of(session), http.get("/"))
    async with asyncio.TaskGroup() as group:
        group.create_task(price(session, 3))
    for sku in skus:
        async with maker() as session:
            await asyncio.gather(price(session, sku))
    tasks = [price(maker, sku) for sku in skus]
    return prices, one, two, await asyncio.gather(*tasks)
""",
    ],
)

_STARTS = regex(r"create_task|start_soon|ensure_future|submit|Thread|run_in_executor")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tasks and threads that are given one session together."""
    reading = view.reading
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        last = dotted(call.func).rpartition(".")[2]
        if last == "gather":
            name = _shared(asked, call)
        elif _STARTS.fullmatch(last) and reading.loop(call) is not None:
            name = next(iter(_sessions(asked, call, outside=reading.loop(call))), "")
        else:
            continue
        if name:
            yield Hit(call, f"`{name}` is used by several tasks at the same time: a session is for one of them.")


def _shared(asked: Queries, call: ast.Call) -> str:
    """The session that more than one of the things that are gathered uses, "" when there is none."""
    found: list[str] = []
    for it in call.args:
        inner: ast.expr = it
        if isinstance(it, ast.Starred):
            inner = it.value
            if isinstance(inner, ast.Name):
                values = asked.reading.bindings(asked.reading.function(call)).get(inner.id, [])
                inner = values[0] if len(values) == 1 and values[0] is not None else inner
        if isinstance(inner, ast.ListComp | ast.GeneratorExp):
            names = _sessions(asked, inner.elt, outside=inner)
            found += [*names, *names]
        else:
            found += _sessions(asked, inner, outside=None)
    return next((it for it in found if found.count(it) > 1), "")


def _sessions(asked: Queries, node: ast.AST, outside: ast.AST | None) -> list[str]:
    """The sessions that an expression hands on or calls, each once; with `outside` only those that no turn of it makes."""
    names: dict[str, None] = {}
    made: set[str] = set()
    if outside is not None:
        made = {it.id for it in ast.walk(outside) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
    for it in ast.walk(node):
        if not isinstance(it, ast.Call):
            continue
        given = [*it.args, *(row.value for row in it.keywords)]
        if isinstance(it.func, ast.Attribute) and not isinstance(it.func.value, ast.Call):
            given.append(it.func.value)
        for each in given:
            inner = each.elts if isinstance(each, ast.Tuple | ast.List) else [each]
            for one in inner:
                if (
                    isinstance(one, ast.Name | ast.Attribute)
                    and dotted(one)
                    and dotted(one) not in made
                    and asked.is_session(one)
                    and not _is_called(asked, dotted(one))
                ):
                    names[dotted(one)] = None
    return list(names)


def _is_called(asked: Queries, name: str) -> bool:
    """Whether what is named is called elsewhere, as that which makes sessions is: `async with info.db() as session`."""
    return any(dotted(it.func) == name for it in asked.reading.each(ast.Call))
