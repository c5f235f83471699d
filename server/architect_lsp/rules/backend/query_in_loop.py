"""One query for each turn of a loop.

Why: each query costs a round trip to the database. A loop over a hundred rows makes a hundred and one of them, and nobody sees it
on a developer's machine, where there are three rows and no network.
Instead: ask once for all of them, before the loop.

    chosen = select(Product).where(Product.sku.in_([it.sku for it in lines]))
    products = {it.sku: it for it in await session.scalars(chosen)}
    for line in lines:
        product = products.get(line.sku)
        if product is None:
            raise HTTPException(422, f"{line.sku} is not on sale.")

In Django: `filter(pk__in=...)`, `in_bulk(...)`, `select_related(...)` or `prefetch_related(...)`.

Consequences: response time grows with the data; a connection of the pool is held all that time.
Trade-offs: a very long list of keys has to be cut into pieces; one query a piece is fine.
Tests: count the queries for one row and for ten, and assert that the numbers are equal.
Security: whoever chooses the length of the list chooses the load on the database.
Observability: queries per request, as a histogram; the same statement many times in one trace.
Performance: n round trips of about a millisecond each become one.
Source: https://docs.sqlalchemy.org/en/20/glossary.html#term-N-plus-one-problem
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge import loops
from architect_lsp.knowledge.apart import asks_alone, selects, stands_apart
from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.extraction import writes_rows
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.loops import changes_by_turn, in_branch, in_own_session, is_kept, is_last_resort, over_data
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.summaries import Effect, described
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B2", "B5", "D3"],
    yields_to=["prefetched-rows-asked-again", "relation-not-prefetched"],
    cwe=1073,
    needs=["for "],
    bad=[
        Bad("""
-- app/orders.py --
from sqlalchemy.orm import Session
from app.products import by_sku
def place(session: Session, lines):
    for line in lines:
        yield [|by_sku(session, line.sku)|]
-- app/products.py --
from sqlalchemy import select
from sqlalchemy.orm import Session
def by_sku(session: Session, sku):
    return session.execute(select(Product).where(Product.sku == sku)).scalar_one()
"""),
        Bad("""
from django.db import models

class Author(models.Model):
    name = models.CharField()
class Book(models.Model):
    author = models.ForeignKey(Author)
def newest(authors):
    return [[|Book.objects.filter(author=it).order_by("-id").first()|] for it in authors]
"""),
        Bad("""
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

async def emails(session: AsyncSession, orders):
    for order in orders:
        statement = select(User.email).where(User.id == order.user_id)
        yield (await [|session.execute(statement)|]).scalar_one()
"""),
        Bad("""
-- app/deps.py --
from typing import Annotated
from fastapi import Depends
from sqlalchemy.orm import Session

SessionDep = Annotated[Session, Depends(make)]
-- app/users.py --
from app.deps import SessionDep
def users(session: SessionDep, ids):
    return {it: [|session.get(User, it)|] for it in ids}
"""),
        Bad("""
from sqlalchemy.orm import Session

def known(session: Session, keys):
    return [it for it in keys if [|session.get(User, it)|]]
"""),
        Bad("""
def names(db, keys):
    cursor = db.cursor()
    for key in keys:
        [|cursor.execute("SELECT name FROM users WHERE id = %s", (key,))|]
        yield cursor.fetchone()[0]
"""),
        Bad("""
-- app/addresses.py --
from sqlalchemy import select
from sqlalchemy.orm import Session
from app.models import Address
def home(session: Session, person):
    return session.scalars(select(Address).where(Address.person_id == person)).first()
-- app/letters.py --
from app.addresses import home
def letters(session, people):
    return [(it, [|home(session, it)|]) for it in people]
"""),
    ],
    good=[
        """
from sqlalchemy import select
from sqlalchemy.orm import Session

def names(session: Session, ids):
    for user in session.scalars(select(User).where(User.id.in_(ids))):
        yield user.name
""",
        """
from sqlalchemy import select
from sqlalchemy.orm import Session

def in_pieces(session: Session, ids):
    for start in range(0, len(ids), 500):
        yield session.execute(select(User).where(User.id.in_(ids[start : start + 500])))
    for batch in batches(ids):
        yield session.execute(select(User).where(User.id.in_(batch)))
    for attempt in range(3):
        session.execute(select(User).where(User.id == attempt))
    for table in ("users", "orders"):
        session.execute(count(table))
    states = {it.id: it for it in session.query(State)}
    for order in orders():
        order.state = states.get(order.state_id)
    for model in models():
        session.query(model).first()
    while True:
        session.execute(select(User))
""",
        """
from sqlalchemy.orm import Session

def total(session: Session, orders):
    queries = []
    for order in orders:
        queries.append(session.query(User).filter(User.id == order.user_id))
        session.execute(insert(Log).values(order=order.id))
        change = update(Order).where(Order.id == order.id)
        session.execute(change.values(paid=True))
    return queries
""",
        """
from django.db import models

class Author(models.Model):
    name = models.CharField()

def register(names):
    for it in names:
        if not Author.objects.filter(name=it).exists():
            Author.objects.create(name=it)
""",
        """
-- app/prices.py --
from sqlalchemy.orm import Session
from app.shops import by_code, create_shop

def price(session: Session, codes, rows):
    for code in codes:
        shop = by_code(session, code)
        if shop is not None:
            return shop.price
    for code in codes:
        if by_code(session, code) is None:
            create_shop(session, code)
    for row in rows:
        if by_code(session, row.code).open:
            return row
    for row in rows:
        if row.kind == "old":
            row.shop = by_code(session, row.code)
-- app/shops.py --
from sqlalchemy import select
from sqlalchemy.orm import Session

def by_code(session: Session, code):
    return session.execute(select(Shop).where(Shop.code == code)).scalar_one_or_none()
""",
        """
from sqlalchemy import text
from sqlalchemy.orm import Session

def owners(session: Session, rows, names, kinds):
    kept = {}
    for row in rows:
        if row.owner_id not in kept:
            kept[row.owner_id] = session.get(User, row.owner_id)
    for row in rows:
        if row.owner_id in kept:
            continue
        kept[row.owner_id] = session.get(User, row.owner_id)
    for kind in Kind:
        session.get(User, kind.value)
    for name in names:
        session.execute(text(f"SELECT id FROM {name}"))
    for name in names:
        try:
            return session.query(User).filter(User.name == name).one()
        except NoResultFound:
            continue
""",
        """
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from app.models import Item, Latest
from app.items import find_tree, generate_item

def apart(session: Session, rows, groups, collections, known, settings):
    latest = None
    for row in rows:
        session.execute(select(Item.gone).where(Item.id == row.item_id).with_for_update()).scalar()
        row.item = row.loaded or session.get(Item, row.item_id)
    for row in rows:
        try:
            row.item = known[row.item_id]
        except KeyError:
            row.item = session.get(Item, row.item_id)
    for row in rows:
        if latest is None:
            latest = session.query(Latest).filter(Latest.name == row.name).one()
    for folder, ids in groups.items():
        session.execute(select(Item).where(Item.folder == folder, Item.id.in_(ids)))
    for it in collections:
        it.find_one({"name": "a"})
    for key, value in settings.items():
        session.execute(text(f"SET {key} = :value"), {"value": value})
    for code in settings.LANGUAGES:
        session.get(Item, code)
    for row in rows:
        key = generate_item(row)
        row.item = session.get(Item, key)
def find_nodes(session: Session, links):
    return [find_nodes(session, it.links) for it in links if session.query(Item).first()]
""",
        """
from functools import lru_cache
from django.db import models
from sqlalchemy.orm import Session

class Category(models.Model):
    name = models.CharField()

def moved(target, parts):
    for child in parts:
        child = Category.objects.get(pk=child.pk)
        child.move_to(target)

session = Session()
@lru_cache
def country(code):
    return session.get(Country, code)
def countries(codes):
    return [country(it) for it in codes]
""",
    ],
)

_STEPS = 3
"""How many calls away a query may be; one that is farther is seldom the loop's to mend."""
_READS = regex(
    r"(?:^|_)(?:get|read|fetch|find|load|look_?up|query|count|list|select|search|retrieve|resolve|exists?|by|of|has|is|all|first|latest)(?:_|$)"
)
"""Names of functions that give something back: what another asks while it works on an item is not the loop's to mend."""
_WORKS = regex(
    r"_*(?:set|revoke|update|delete|remove|create|insert|add|clear|mark|move|patch|perform|save|send|store|write|register|schedule|ensure)(?:_|$)"
)
_NOT_READ = regex(
    r"_or_(?:create|init\w*|add|insert)|in_bulk$|\.refresh$|\.reflect$|get_(?:table_names|columns|indexes|foreign_keys)$"
)
_ON_PURPOSE = ("create", "acreate", "get_or_create", "update_or_create", "select_for_update", "with_for_update")
"""What is made, or locked one by one."""
_LOCKS = regex(r"lock|acquire")
_CALLS = 10
"""How many calls a function may make that only asks the database."""
_CACHED = regex(r"cache|memoi[sz]e", re.IGNORECASE)


def _refreshes(reading: Reading, call: ast.Call) -> bool:
    """Whether a row is read anew because the turns before changed it: `child = Category.objects.get(pk=child.pk)`."""
    up = reading.parent(call)
    names = {it.id for it in up.targets if isinstance(it, ast.Name)} if isinstance(up, ast.Assign) else set()
    return any(it.arg in ("pk", "id") and dotted(it.value) in {f"{name}.{it.arg}" for name in names} for it in call.keywords)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that read the database once a turn."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        loop = reading.loop(call)
        if loop is None or reading.function(call) is None:
            continue
        effect = view.effects(call).get("db-read") or _asked(view, call)
        if effect is None or _excused(view, effect) or not over_data(reading, loop) or writes_rows(reading, call):
            continue
        name = last_name(call.func)
        if _NOT_READ.search(effect.call) or _NOT_READ.search(name):
            continue
        if not (_is_read(view, call) if effect.path else not _is_apart(view, loop, call)):
            continue
        if is_kept(reading, loop, call) or is_last_resort(reading, loop, call) or not changes_by_turn(loop, call):
            continue
        if (
            _refreshes(reading, call)
            or in_own_session(reading, loop, call)
            or asks_alone(queries(view.project, view.path, reading), loop, call)
        ):
            continue
        steps = tuple(described(effect, view.project))
        if steps:
            message = f"`{ast.unparse(call.func)}` runs a query in each turn of this loop: it reaches `{effect.call}`."
        else:
            message = "This query runs once in each turn of the loop."
        yield Hit(call, message, evidence=steps)


def _is_read(view: View, call: ast.Call) -> bool:
    """Whether every turn calls a function of the project that gives something back, other than the one that the loop is in."""
    reading, name = view.reading, last_name(call.func)
    loop, function = reading.loop(call), reading.function(call)
    if _WORKS.match(name) or not (_READS.search(name) or _only_reads(view, call)):
        return False
    if loop is None or in_branch(reading, loop, call) or view.effects(call).keys() & {"commit", "mail"}:
        return False
    return not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.name != name


def _is_apart(view: View, loop: ast.AST, call: ast.Call) -> bool:
    """Whether the turn's own query can't be one with those of the others: it asks another table, locks, or is for many rows."""
    reading = view.reading
    if stands_apart(reading, loop, call):
        return True
    asked = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(asked, ast.Name) and asked.id in loops.turn_names(loop) and _asked(view, call) is None


def _only_reads(view: View, call: ast.Call) -> bool:
    """Whether the project's own function does nothing but ask the database, whatever it is called."""
    found = view.definition(call)
    if found is None or len(found[1].calls) > _CALLS:
        return False
    effects = view.effects(call)
    return len(effects["db-read"].path) == 1 and set(effects) <= {"db-read", "blocking"} if "db-read" in effects else False


def _asked(view: View, call: ast.Call) -> Effect | None:
    """The query that a call runs by the look of its chain, where the types of what it is made of can't be told."""
    if selects(call):
        return Effect("db-read", f"{last_name(call.func)} of SQL", ())
    asked = queries(view.project, view.path, view.reading)
    query = asked.query(call)
    if query is None or not query.runs or query.gives == "nothing" or query.steps[-1].call is not call:
        return None
    if query.has(*_ON_PURPOSE):
        return None
    before = asked.query(call.func.value) if isinstance(call.func, ast.Attribute) else None
    if before is not None and before.runs:
        return None  # what it gave is only taken apart
    return Effect("db-read", query.steps[-1].name, ())


def _excused(view: View, effect: Effect) -> bool:
    """Whether the path is too long, goes through a cache or a branch, or through a loop that is found on its own."""
    if len(effect.path) > _STEPS:
        return True
    for ref in effect.path:
        definition = view.project.definition(ref.path, ref.qualname)
        if definition is None:
            continue
        if any(_CACHED.search(it.target) for it in definition.decorators) or _CACHED.search(definition.qualname):
            return True
        if ref.index >= len(definition.calls):
            continue
        call = definition.calls[ref.index]
        if call.in_loop or not call.certain or _LOCKS.search(call.target):
            return True
    return False
