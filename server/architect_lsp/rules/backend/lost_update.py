"""A number is read, changed in the program and written back, so that of two changes at once one is lost.

Why: two requests read the same balance, each takes its amount off, and the one that saves last writes a value that knows
nothing of the other.
Instead: let the database do the sum, or lock the row from the read to the write.

    Account.objects.filter(pk=pk).update(balance=F("balance") - amount)                            # Django
    session.execute(update(Account).where(Account.id == pk).values(balance=Account.balance - amount))

    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=pk)       # where the value is needed as well
        if account.balance < amount:
            raise InsufficientFunds(pk)
        account.balance -= amount
        account.save(update_fields=["balance"])

Consequences: stock is sold twice, counters fall behind; nothing is logged, since nothing failed.
Trade-offs: a lock makes the second request wait; a version column makes it fail and try again, which is better where clashes
are rare.
Tests: run the change in two threads with a barrier between read and write, and assert that both counted.
Source: https://docs.djangoproject.com/en/stable/ref/models/expressions/#avoiding-race-conditions-using-f
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.chains import Query
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import Function, Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "D3"],
    cwe=362,
    needs=["+", "-"],
    bad=[
        Bad("""
from shop.models import Account, Product

def withdraw(pk, amount):
    account = Account.objects.get(pk=pk)
    [|account.balance -= amount|]
    account.save()

def view(request, slug):
    product = get_object_or_404(Product, slug=slug)
    [|product.views = product.views + 1|]
    product.save(update_fields=["views"])

def visit(pk):
    page = Page.objects.get(pk=pk)
    [|page.visits += 1|]
    page.save()
"""),
        Bad("""
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

async def take(session: AsyncSession, sku: str, quantity: int):
    item = await session.scalar(select(Item).where(Item.sku == sku))
    if item.stock < quantity:
        raise OutOfStock(sku)
    [|item.stock -= quantity|]
    await session.commit()
"""),
        Bad("""
from django.db import models

class Post(models.Model):
    likes = models.IntegerField(default=0)

    def like(self):
        [|self.likes += 1|]
        self.save()
"""),
        Bad("""
def reserve(connection, sku, count):
    row = connection.execute("SELECT stock FROM products WHERE sku = %s", (sku,)).fetchone()
    left = row[0] - count
    [|connection.execute("UPDATE products SET stock = %s WHERE sku = %s", (left, sku))|]

async def like(db, post):
    likes = await db.fetchval("SELECT likes FROM posts WHERE id = $1", post)
    await [|db.execute("UPDATE posts SET likes = $1 WHERE id = $2", likes + 1, post)|]
"""),
    ],
    good=[
        """
def reserve(cursor, sku, count):
    cursor.execute("SELECT stock FROM products WHERE sku = %s FOR UPDATE", (sku,))
    left = cursor.fetchone()[0] - count
    cursor.execute("UPDATE products SET stock = %s WHERE sku = %s", (left, sku))

def rename(cursor, sku, name):
    cursor.execute("SELECT name FROM products WHERE sku = %s", (sku,))
    old = cursor.fetchone()[0]
    cursor.execute("UPDATE products SET name = %s WHERE sku = %s", (name.strip() or old, sku))
    cursor.execute("UPDATE products SET stock = stock - %s WHERE sku = %s", (1, sku))
""",
        """
from django.db import transaction
from django.db.models import F
from shop.models import Account

def withdraw(pk, amount, name):
    Account.objects.filter(pk=pk).update(balance=F("balance") - amount)
    account = Account.objects.get(pk=pk)
    account.balance = F("balance") - amount
    account.save()
    with transaction.atomic():
        locked = Account.objects.select_for_update().get(pk=pk)
        locked.balance -= amount
        locked.save()
    new = Account(owner=name)
    new.balance += amount
    new.save()
    other = Account.objects.get(pk=pk)
    other.title += " (closed)"
    other.save()
    made = Account.objects.create(owner=name)
    made.balance += 1
    made.save()
""",
        """
from sqlalchemy import select
from sqlalchemy.orm import Session

def take(session: Session, sku, quantity):
    item = session.scalar(select(Item).where(Item.sku == sku).with_for_update())
    item.stock -= quantity
    session.commit()
    other = session.get(Item, sku, with_for_update=True)
    other.stock -= quantity
    seen = session.get(Item, sku)
    seen.stock = Item.stock - quantity
    total = 0
    total += seen.stock
    session.commit()
""",
    ],
)

_LOCKS = ("select_for_update", "with_for_update", "create", "acreate", "get_or_create")
_NUMBERS = regex(
    r"(?:Small|Big|Positive\w*)?(?:Integer|Float|Decimal|Numeric|BigInteger|SmallInteger|Money)\w*|int|float|Decimal|BIGINT|INT|INTEGER"
)
_NAMES = regex(
    r"\w*(?:count|counter|balance|stock|quantity|qty|amount|total|views|visits|plays|shares|likes|votes|points|credits?|score|hits|attempts|failures|used"
    r"|usage|quota|remaining|available|inventory|seats|tokens|downloads|number|num|sold|spent|budget|reserved|retries|clicks)s?",
    re.IGNORECASE,
)

_UPDATE = regex(r"\s*UPDATE\s+(\w+)\s+SET\s+(\w+)\s*=\s*(?:%s|\?|\$\d|:\w+|%\(\w+\)s)\s+WHERE\b", re.IGNORECASE)
_LOCKED = regex(
    r"\bFOR\s+(?:NO\s+KEY\s+)?UPDATE|SERIALIZABLE|LOCK\s+TABLE|advisory_|BEGIN\s+(?:IMMEDIATE|EXCLUSIVE)", re.IGNORECASE
)
_RUNS = ("execute", "fetch", "fetchrow", "fetchval", "fetch_one", "fetch_all")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Sums of a column that was read before, written back without a lock."""
    reading = view.reading
    if is_script(view.path):
        return
    yield from _in_sql(reading)
    asked = queries(view.project, view.path, reading)
    nodes: list[ast.AugAssign | ast.Assign] = [*reading.each(ast.AugAssign), *reading.each(ast.Assign)]
    for node in nodes:
        target, value = (node.target, node.value) if isinstance(node, ast.AugAssign) else (node.targets[0], node.value)
        function = reading.function(node)
        if not isinstance(target, ast.Attribute) or not isinstance(function, Function) or not _is_sum(node, target, value):
            continue
        found = _read(asked, target.value)
        if found is None or not _is_number(asked, target) or not _is_written(asked, function, node, target.value, found):
            continue
        instead = f'`F("{target.attr}")`' if found.orm == "django" else f"`{found.name or 'Model'}.{target.attr}` in an UPDATE"
        yield Hit(
            node,
            f"`{ast.unparse(target)}` is read, changed here and written back: of two requests at once one is lost. "
            f"Use {instead}, or lock the row.",
        )


def _in_sql(reading: Reading) -> Iterator[Hit]:
    """The same by hand: a number is selected, summed here, and given to an UPDATE of the same column."""
    for call in reading.each(ast.Call):
        said = _sql(call)
        change = _UPDATE.match(said) if said else None
        function = reading.function(call)
        if change is None or not isinstance(function, Function):
            continue
        table, column = change[1], change[2]
        chosen = re.compile(rf"\s*SELECT\b.*(?:\*|\b{column}\b).*\bFROM\s+{table}\b", re.IGNORECASE | re.DOTALL)
        rows = [it for it in reading.within(function) if isinstance(it, ast.Assign) and it.lineno < call.lineno]
        if any(isinstance(it, ast.Constant) and _LOCKED.search(str(it.value)) for it in reading.within(function)):
            continue
        read: set[str] = set()
        summed: set[str] = set()
        for row in sorted(rows, key=lambda it: it.lineno):
            names = {it.id for target in row.targets for it in ast.walk(target) if isinstance(it, ast.Name)}
            selects = any(isinstance(it, ast.Call) and chosen.match(_sql(it)) for it in ast.walk(row.value))
            fetches = any(isinstance(it, ast.Attribute) and it.attr.startswith("fetch") for it in ast.walk(row.value))
            if selects or (
                fetches and any(chosen.match(_sql(it)) for it in reading.within(function) if isinstance(it, ast.Call))
            ):
                read |= names
            elif _mentions(row.value, read):
                summed |= names if _adds(row.value, read) else set()
                read |= names
        given = [*call.args[1:], *(it.value for it in call.keywords)]
        if any(_mentions(it, summed) or _adds(it, read) for it in given):
            yield Hit(
                call,
                f"`{column}` is read, changed here and written back: of two requests at once one is lost. "
                f"Write `SET {column} = {column} + ...`, or lock the row.",
            )


def _sql(node: ast.Call) -> str:
    """The literal statement that a call runs; "" for others."""
    is_run = isinstance(node.func, ast.Attribute) and node.func.attr in _RUNS and node.args
    given = node.args[0] if is_run else None
    if isinstance(given, ast.Call) and given.args:
        given = given.args[0]  # text("...")
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else ""


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(it, ast.Name) and it.id in names for it in ast.walk(node))


def _adds(node: ast.AST, names: set[str]) -> bool:
    """Whether something is added to what was read, or taken from it."""
    return any(
        isinstance(it, ast.BinOp) and isinstance(it.op, ast.Add | ast.Sub) and _mentions(it, names) for it in ast.walk(node)
    )


def _is_sum(node: ast.AugAssign | ast.Assign, target: ast.Attribute, value: ast.expr) -> bool:
    """Whether a statement adds to what its target holds, or takes away from it."""
    if any(isinstance(it, ast.Constant) and isinstance(it.value, str) for it in ast.walk(value)):
        return False
    if any(isinstance(it, ast.List | ast.ListComp | ast.Set | ast.Dict | ast.Tuple) for it in ast.walk(value)):
        return False
    if isinstance(node, ast.AugAssign):
        return isinstance(node.op, ast.Add | ast.Sub)
    if not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.Add | ast.Sub):
        return False
    return any(isinstance(it, ast.Attribute) and ast.unparse(it) == ast.unparse(target) for it in (value.left, value.right))


def _read(asked: Queries, owner: ast.expr) -> Query | None:
    """The query that read a row, None when it locked it, made it, or is not known."""
    if isinstance(owner, ast.Name) and owner.id == "self":
        found = asked.model_of(owner)
        return Query(found[0].framework, found[0], found[0].name, (), "row") if found and found[0].framework == "django" else None
    if not isinstance(owner, ast.Name):
        return None
    query = asked.query(owner)
    if query is None:
        loop = asked.loop_of(owner)
        query = asked.query(loop) if loop is not None else None
    if query is None or query.gives not in ("row", "rows") or query.has(*_LOCKS):
        return None
    locked = any(row.arg == "with_for_update" for it in query.steps for row in it.call.keywords)
    return None if locked else query


def _is_number(asked: Queries, target: ast.Attribute) -> bool:
    found = asked.model_of(target.value)
    if found is not None:
        column = next((it for it in found[0].columns if it.name == target.attr), None)
        if column is not None and column.type:
            return bool(_NUMBERS.fullmatch(column.type.rpartition(".")[2]))
        if column is None and found[0].columns:
            return False
    return bool(_NAMES.fullmatch(target.attr))


def _is_written(asked: Queries, function: Function, node: ast.stmt, owner: ast.expr, query: Query) -> bool:
    """Whether the row is saved after, in the same function."""
    name = ast.unparse(owner)
    for it in asked.reading.within(function):
        if not isinstance(it, ast.Call) or not isinstance(it.func, ast.Attribute) or it.lineno <= node.lineno:
            continue
        if query.orm == "django" and it.func.attr in ("save", "asave") and ast.unparse(it.func.value) == name:
            return True
        if query.orm == "sqlalchemy" and it.func.attr in ("commit", "flush") and asked.is_session(it.func.value):
            return True
    return False
