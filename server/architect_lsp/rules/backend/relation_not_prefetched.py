"""A relation is loaded anew for each row of a query.

Why: `order.customer` is a query of its own unless the rows brought their customers along. In a loop over the rows that is one
more round trip for each of them, and nothing in the code looks like a query.
Instead: say what the loop needs when the rows are asked for.

    orders = Order.objects.select_related("customer").prefetch_related("lines__product")     # Django
    statement = select(Order).options(joinedload(Order.customer), selectinload(Order.lines))  # SQLAlchemy
    for order in session.scalars(statement).unique():
        send(order.customer.email)

Consequences: response time grows with the number of rows. With an `AsyncSession` of SQLAlchemy the access fails with
`MissingGreenlet` instead.
Trade-offs: a join repeats the row on the other side for each row; for collections a second query (`prefetch_related`,
`selectinload`) is the better one. What a loop uses only for a few of its rows need not come along.
Tests: count the queries for one row and for ten (`assertNumQueries`), and assert that the numbers are equal.
Observability: queries per request, as a histogram; the same statement many times in one trace.
Performance: n round trips of about a millisecond each become one or none.
Source: https://docs.djangoproject.com/en/stable/topics/db/optimization/#retrieve-everything-at-once-if-you-know-you-will-need-it
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.chains import Query
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.models import Side
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.knowledge.unloaded import bound_anew, is_one, is_set, is_small, once_a_group
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

_MODELS = """
class Customer(models.Model):
    name = models.CharField(max_length=80)

class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    products = models.ManyToManyField("Product")

class Product(models.Model):
    title = models.CharField(max_length=80)
"""
_TABLES = """
class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")

class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer] = relationship(back_populates="orders")
    parent: Mapped["Order"] = relationship(lazy="joined")
"""
_ORM = """
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload

class Base(DeclarativeBase): ...
"""

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "B5", "D3"],
    cwe=1073,
    needs=["for "],
    bad=[
        Bad(
            f"""
from django.db import models
{_MODELS}
def names():
    for order in Order.objects.filter(paid=True):
        print([|order.customer|].name)
        print(order.customer_id, order.customer.pk)
""",
            fixed=f"""
from django.db import models
{_MODELS}
def names():
    for order in Order.objects.filter(paid=True).select_related("customer"):
        print(order.customer.name)
        print(order.customer_id, order.customer.pk)
""",
        ),
        Bad(
            f"""
from django.db import models
{_MODELS}
def titles(customer):
    customers = Customer.objects.order_by("name")
    sizes = [([|it.orders|].count(), it.name) for it in customers]
    for order in Order.objects.select_related("customer"):
        yield order.customer.name, [product.title for product in [|order.products|].all()]
""",
            fixed=None,
        ),
        Bad(f"""
{_ORM}{_TABLES}
def names(session: Session):
    for order in session.query(Order).filter(Order.id > 3).all():
        yield [|order.customer|].id, order.parent.id
    rows = session.execute(select(Customer)).scalars().all()
    return {{row.id: len([|row.orders|]) for row in rows}}
"""),
        Bad(f"""
-- shop/models.py --
{_ORM}{_TABLES}
-- shop/report.py --
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from shop.models import Customer, Order

async def report(db: AsyncSession):
    result = await db.scalars(select(Order))
    orders = result.all()
    return [[|order.customer|].id for order in orders]
"""),  # noqa: S608
        Bad("""
from django.db import models

class Author(models.Model):
    name = models.CharField()

class Book(models.Model):
    author = models.ForeignKey(Author, on_delete=models.CASCADE)
    tags = models.ManyToManyField("Tag")

    def labels(self):
        return ", ".join(it.name for it in self.tags.all())

    @property
    def line(self):
        return f"{self.title} by {self.author.name}"

class Tag(models.Model):
    name = models.CharField()

def listing():
    return [[|book.labels()|] for book in Book.objects.select_related("author")]

def lines():
    by_name = sorted(Book.objects.all(), key=lambda it: [|it.author|].name)
    return [book.line for book in Book.objects.select_related("author")], [[|book.line|] for book in Book.objects.all()], by_name
"""),
        Bad(f"""
-- shop/models.py --
from django.db import models
{_MODELS}
-- shop/labels.py --
def label(order, sizes):
    return f"{{order.customer.name}} ({{sizes}})"

def count(order):
    if order.big:
        return 0
    return order.products.count()
-- shop/slips.py --
from shop.labels import count, label
from shop.models import Order

def slips():
    kept = [label(it, sizes=3) for it in Order.objects.select_related("customer")]
    return [[|label(it, sizes=3)|] for it in Order.objects.filter(paid=True)], [[|count(it)|] for it in Order.objects.all()]
"""),
    ],
    good=[
        f"""
from django.db import models
{_MODELS}
def names(wanted):
    for order in Order.objects.select_related("customer"):
        print(order.customer.name)
    for order in Order.objects.filter(paid=True).prefetch_related("products"):
        print([it.title for it in order.products.all()], order.customer_id)
    for order in Order.objects.select_related(*wanted):
        print(order.customer.name)
    for order in Order.objects.values("id"):
        print(order.customer)
    for customer in Customer.objects.prefetch_related("orders__products"):
        for order in customer.orders.all():
            print(order.products.all())
    for customer in Customer.objects.all()[:5]:
        for order in customer.orders.prefetch_related("products").filter(paid=True):
            print([it.title for it in order.products.all()])
    for order in Order.objects.all():
        order.products.add(3)
        order.customer = wanted
    for order in Order.objects.filter(paid=True):
        order = Order.objects.select_related("customer").get(pk=order.pk)
        print(order.customer.name)
    seen = None
    for order in Order.objects.order_by("customer_id"):
        if seen != order.customer_id:
            print(order.customer.name, order.products.filter(sold=True))
            seen = order.customer_id
    order = Order.objects.get(pk=1)
    return order.customer.name, [it for it in order.products.all()]
""",
        """
from django.db import models

class Order(models.Model):
    code = models.CharField()

class Attempt(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)

    def fail(self):
        self.order.log_action("failed")

def reset():
    for attempt in Attempt.objects.filter(running=True):
        attempt.fail()
""",
        f"""
{_ORM}{_TABLES}
def names(session: Session):
    statement = select(Order).options(joinedload(Order.customer))
    for order in session.scalars(statement):
        yield order.customer.id, order.parent.id
    rows = session.query(Customer).options(selectinload(Customer.orders).joinedload(Order.customer)).all()
    for row in rows:
        for order in row.orders:
            yield order.customer.id
    for order in session.query(Order).filter(Order.customer_id == 3):
        yield order.customer
    for key, in session.query(Order.customer_id).distinct():
        yield key
    one = session.get(Customer, 1)
    yield [it.id for it in one.orders]
    for order in session.query(Order).limit(1):
        yield order.customer
""",
    ],
)

_ASKS = frozenset(("all", "count", "exists"))
"""What is called of a collection in Django to read it, and is answered by what `prefetch_related` brought; `filter` asks anew."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first access to each relation that the rows of a loop did not bring along."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    seen: set[tuple[int, str]] = set()
    for node in reading.each(ast.Attribute):
        if not isinstance(node.value, ast.Name) or not isinstance(node.ctx, ast.Load) or reading.function(node) is None:
            continue
        loop = asked.loop_of(node.value)
        if loop is not None and bound_anew(node.value, reading):
            continue
        query = asked.query(loop) if loop is not None else None
        if (
            loop is None
            or query is None
            or query.gives != "rows"
            or query.model is None
            or query.loaded is None
            or is_small(query)
        ):
            continue
        side = asked.models.across(query.model, node.attr)
        if (id(loop), node.attr) in seen or node.attr == query.owner or is_set(node, asked) or once_a_group(node, asked):
            continue
        if side is None:
            hit = _through_method(view, node, query, asked)
        elif (
            side.lazy
            and side.name not in query.loaded
            and not is_one(side, query)
            and _is_read(reading.parent(node), side, query)
        ):
            hit = Hit(node, _message(node, side, query), tuple(_fix(side, query, loop)), evidence=_declared(side))
        else:
            continue
        if hit is not None:
            seen.add((id(loop), node.attr))
            yield hit
    yield from _handed(view, asked, seen)


def _handed(view: View, asked: Queries, seen: set[tuple[int, str]]) -> Iterator[Hit]:
    """Rows that a loop hands to a function of the project, which reads a relation of them."""
    for call in view.reading.each(ast.Call):
        names = [it for it in (*call.args, *(each.value for each in call.keywords)) if isinstance(it, ast.Name)]
        rows = [it for it in names if asked.loop_of(it) is not None and not bound_anew(it, view.reading)]
        found = view.definition(call) if rows else None
        if found is None or not found[1].reads or view.effects(call).keys() - {"db-read"}:
            continue
        path, definition = found
        for row in rows:
            loop = asked.loop_of(row)
            query = asked.query(loop) if loop is not None else None
            if loop is None or query is None or query.gives != "rows" or query.loaded is None or is_small(query):
                continue
            side = _side_read(asked, query, definition, _parameter(call, definition, row))
            if side is not None and (id(loop), side.name) not in seen:
                seen.add((id(loop), side.name))
                way = _way(side, query)
                step = (Ref(path, definition.qualname, "def"), f"`{definition.qualname}` reads its `{side.name}`")
                told = f"`{ast.unparse(call.func)}` loads `{side.name}` of each row anew: the query does not bring it along with"
                yield Hit(call, f"{told} {way}.", tuple(_fix(side, query, loop)), evidence=(step,))


def _parameter(call: ast.Call, definition: Def, row: ast.Name) -> str:
    """The parameter that takes the row."""
    named = next((it.arg for it in call.keywords if it.value is row and it.arg), "")
    names = [it for it, _ in definition.parameters][1 if definition.owner else 0 :]
    at = call.args.index(row) if row in call.args else len(names)
    return named or (names[at] if at < len(names) and not any(isinstance(it, ast.Starred) for it in call.args) else "")


def _side_read(asked: Queries, query: Query, definition: Def, parameter: str) -> Side | None:
    """The first relation of the query's rows that a function reads of its parameter, and that they did not bring."""
    for name, attribute in definition.reads:
        bare, _, asks = attribute.partition(".")
        side = asked.models.across(query.model, bare) if query.model is not None and name == parameter else None
        if side is None or not side.lazy or side.name in (query.loaded or ()) or side.name == query.owner or is_one(side, query):
            continue
        if asks or not (query.orm == "django" and side.many):
            return side
    return None


def _is_read(parent: ast.AST | None, side: Side, query: Query) -> bool:
    """Whether an access asks the database: a collection of Django's only when something is called of it."""
    if query.orm == "django" and side.many:
        return isinstance(parent, ast.Attribute) and parent.attr in _ASKS
    return True


def _message(node: ast.Attribute, side: Side, query: Query) -> str:
    return f"`{ast.unparse(node)}` is loaded anew for each row: the query does not bring it along with {_way(side, query)}."


def _way(side: Side, query: Query) -> str:
    """How the query would bring a relation along."""
    if query.orm == "django":
        return f'`{"prefetch_related" if side.many else "select_related"}("{side.name}")`'
    return f"`{'selectinload' if side.many else 'joinedload'}({query.name}.{side.name})`"


def _declared(side: Side) -> tuple[tuple[Ref, str], ...]:
    at = side.relation.at
    return ((at, f"the relation `{side.relation.name}` is declared here"),) if at is not None else ()


def _fix(side: Side, query: Query, loop: ast.expr) -> Iterator[Draft]:
    """For Django, one more call at the end of the queryset that the loop runs over, where it stands there itself."""
    if query.orm != "django" or not isinstance(loop, ast.Call) or any(it.name in ("iterator",) for it in query.steps):
        return
    if loop is not (query.steps[-1].call if query.steps else None):
        return
    way = "prefetch_related" if side.many else "select_related"
    yield Draft(f'Load "{side.name}" with the rows', (Change(loop, f'.{way}("{side.name}")', insert="after"),))


def _through_method(view: View, node: ast.Attribute, query: Query, asked: Queries) -> Hit | None:
    """A method or property of the model that asks for one of its own collections."""
    model = query.model
    if model is None:
        return None
    definition = view.project.definition(model.ref.path, f"{model.ref.qualname}.{node.attr}")
    if definition is None:
        return None
    called = view.reading.parent(node)
    is_property = any(re.fullmatch(r"(?:\w+\.)?(?:cached_)?property", it.target) for it in definition.decorators)
    if not is_property and not (isinstance(called, ast.Call) and called.func is node):
        return None
    if called is not None and isinstance(view.reading.parent(called), ast.Expr):
        return None  # it is called for what it does, so that what it loads is the smaller half
    side = _side_read(asked, query, definition, "self")
    shown = called if isinstance(called, ast.Call) and called.func is node else node
    if side is None or (isinstance(shown, ast.Call) and view.effects(shown).keys() - {"db-read"}):
        return None  # it does more than read, so that what it loads is the smaller half
    told = f"`{ast.unparse(node)}` loads `{side.name}` anew for each row: the query does not bring it along with"
    step = (Ref(model.ref.path, definition.qualname, "def"), f"`{definition.qualname}` reads `self.{side.name}`")
    return Hit(shown, f"{told} {_way(side, query)}.", evidence=(step,))
