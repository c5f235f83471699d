"""All rows are counted or loaded only to know whether there is one.

Why: a count reads every row or index entry that fits, and `len()` of a queryset brings all of them over; whether there is one is
known after the first.
Instead: ask whether there is one.

    if Order.objects.filter(customer=customer).exists(): ...                               # Django
    if session.scalar(select(exists().where(Order.customer_id == customer.id))): ...      # SQLAlchemy

Trade-offs: where the number itself is used as well, count once and keep it.
Performance: the time of the check no longer grows with the table.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#exists
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.chains import ROWS, Query
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["B5", "D3"],
    needs=["count(", "len(", "acount(", "objects"],
    bad=[
        Bad(
            """
from shop.models import Order

def can_delete(customer):
    if [|Order.objects.filter(customer=customer).count() > 0|]:
        return False
    return True
""",
            fixed="""
from shop.models import Order

def can_delete(customer):
    if Order.objects.filter(customer=customer).exists():
        return False
    return True
""",
        ),
        Bad(
            """
from shop.models import Order

def is_new(customer):
    orders = Order.objects.filter(customer=customer)
    return [|orders.count() == 0|]
""",
            fixed="""
from shop.models import Order

def is_new(customer):
    orders = Order.objects.filter(customer=customer)
    return not orders.exists()
""",
        ),
        Bad("""
from sqlalchemy import func, select
from sqlalchemy.orm import Session

def is_used(name, group):
    query = Group.query.filter(Group.name == name)
    if group:
        query = query.filter(Group.id != group.id)
    if [|query.count()|]:
        return True

def taken(session: Session, email):
    if [|session.query(User).filter_by(email=email).count()|]:
        return True
    return [|session.scalar(select(func.count()).where(User.email == email)) >= 1|]
"""),
        Bad(
            """
from shop.models import Order

def may_leave(customer):
    if [|Order.objects.filter(customer=customer)|]:
        return False
    return True
""",
            fixed="""
from shop.models import Order

def may_leave(customer):
    if Order.objects.filter(customer=customer).exists():
        return False
    return True
""",
        ),
        Bad("""
from sqlalchemy.orm import Session
from shop.models import Order

def any_left(session: Session):
    if [|len(session.query(User).all()) > 0|]:
        return True
    if not [|len(Order.objects.filter(paid=False))|]:
        return True
"""),
        Bad(
            """
from django.db import models

class Booking(models.Model):
    day = models.DateField()

def is_free(day):
    taken = Booking.objects.filter(day=day)
    if [|taken|]:
        return False
    return True
""",
            fixed="""
from django.db import models

class Booking(models.Model):
    day = models.DateField()

def is_free(day):
    taken = Booking.objects.filter(day=day)
    if taken.exists():
        return False
    return True
""",
        ),
    ],
    good=[
        """
from sqlalchemy import func, select
from shop.models import Order

def seen(session, order_id):
    if session.scalar(select(func.count()).select_from(Order).where(Order.id == order_id)) == 0:
        raise LookupError
    filters = [Order.id == order_id, Order.paid]
    if session.scalar(select(func.count()).select_from(Order).where(*filters)) == 0:
        raise LookupError
    return Order.objects.filter(pk=order_id).count() > 0

def settings_of(customer):
    orders = Order.objects.filter(customer=customer)
    if orders.count() == 0:
        return []
    elif orders.count() == 1:
        return [orders.first()]
    return list(orders.all())

def numbers(customer, names):
    has_place = Order.objects.reserve(customer=customer)
    if has_place:
        return 1
    if Order.objects.filter(customer=customer).exists():
        return 0
    total = Order.objects.count()
    if total > 0:
        print(total)
    if Order.objects.filter(customer=customer).count() > 3:
        return 3
    if names.count("x") > 0 or len(names) > 0:
        return 2
    orders = Order.objects.filter(customer=customer)
    if len(orders) > 0:
        return [it.id for it in orders]
    return Order.objects.count()
""",
        """
from django.db import models

class Booking(models.Model):
    day = models.DateField()

def shown(day, rows=None):
    taken = Booking.objects.filter(day=day)
    if taken:
        return list(taken)
    rows = rows or Booking.objects.none()
    if rows:
        return None
""",
    ],
)

_NEGATED = {(ast.Eq, 0): True, (ast.LtE, 0): True, (ast.Lt, 1): True}
_POSITIVE = {(ast.Gt, 0): False, (ast.NotEq, 0): False, (ast.GtE, 1): False}

_LOADED = "All rows are loaded only to know whether there is one: `exists()` stops at the first."


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Counts that are compared with nothing, or stand where only true or false is asked."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    yield from _tested(view, asked)
    for call in reading.each(ast.Call):
        found = _counted(call, asked)
        if found is None or _is_of_one(view, found) or _is_counted_too(view, call):
            continue
        parent = reading.parent(call)
        shown: ast.expr = call
        if isinstance(parent, ast.Await):
            shown, parent = parent, reading.parent(parent)
        if isinstance(parent, ast.Compare) and parent.left is shown and len(parent.ops) == 1:
            number = parent.comparators[0]
            if not isinstance(number, ast.Constant) or isinstance(number.value, bool) or not isinstance(number.value, int):
                continue
            negated = (_NEGATED | _POSITIVE).get((type(parent.ops[0]), number.value))
            if negated is not None:
                yield Hit(parent, _message(found), tuple(_fix(call, parent, found, view, negated=negated)))
        elif _is_test(parent, shown):
            yield Hit(shown, _message(found), tuple(_fix(call, shown, found, view, negated=False)))


def _tested(view: View, asked: Queries) -> Iterator[Hit]:
    """Querysets that stand where only true or false is asked, and nowhere else."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ROWS or not _is_test(reading.parent(call), call):
            continue
        if _is_rows(asked.query(call)):
            change = Change(call, ".exists()", insert="after")
            yield Hit(call, _LOADED, (Draft("Ask whether there is one", (change,), safe=True),))
    for name in reading.each(ast.Name):
        parent = reading.parent(name)
        if not isinstance(name.ctx, ast.Load) or not _is_test(parent, name):
            continue
        function = reading.function(name)
        if function is None or len(reading.bindings(function).get(name.id, [])) != 1:
            continue
        if not _is_rows(asked.query(name)):
            continue
        uses = [it for it in reading.each(ast.Name) if it.id == name.id and isinstance(it.ctx, ast.Load)]
        if all(_is_test(reading.parent(it), it) for it in uses):
            change = Change(name, ".exists()", insert="after")
            yield Hit(name, _LOADED, (Draft("Ask whether there is one", (change,), safe=True),))


def _is_rows(query: Query | None) -> bool:
    """Whether it is a queryset of Django's that nobody has run."""
    if query is None or query.orm != "django" or query.gives != "rows" or not query.steps:
        return False
    if query.owner and not any(it.name in ("filter", "exclude") for it in query.steps):
        return False  # they may have come with their owner
    return all(it.name in ROWS for it in query.steps)


def _counted(call: ast.Call, asked: Queries) -> Query | None:
    """The query whose rows a call counts, None when it counts none."""
    if isinstance(call.func, ast.Name) and call.func.id == "len" and len(call.args) == 1:
        inner = call.args[0].value if isinstance(call.args[0], ast.Await) else call.args[0]
        found = asked.query(inner) if isinstance(inner, ast.Call) else None  # rows that have a name are used again
        return found if found is not None and found.gives == "rows" and (found.orm == "django" or found.runs) else None
    found = asked.query(call)
    if found is None or found.gives != "number":
        return None
    last = found.steps[-1] if found.steps else None
    return found if last is not None and last.call is call else None


def _is_of_one(view: View, query: Query) -> bool:
    """Whether a query names the row by its key, so that there is one or none to count."""
    for step in query.steps:
        if any(it.arg in ("pk", "id") for it in step.call.keywords):
            return True
        rows = [it.value if isinstance(it, ast.Starred) else it for it in step.call.args]
        for it in rows:
            held = view.reading.bindings(view.reading.function(it)).get(it.id, []) if isinstance(it, ast.Name) else []
            lists = [each for each in (it, *held) if isinstance(each, ast.List | ast.Tuple)]
            if any(_names_key(each) for each in (it, *(row for each in lists for row in each.elts))):
                return True
    return False


def _names_key(node: ast.expr) -> bool:
    """Whether a condition is `Order.id == order_id`."""
    if not isinstance(node, ast.Compare) or not isinstance(node.left, ast.Attribute):
        return False
    return node.left.attr in ("id", "pk") and [type(it) for it in node.ops] == [ast.Eq]


def _is_counted_too(view: View, call: ast.Call) -> bool:
    """Whether the same rows are counted again in the function: how many there are matters."""
    text = ast.unparse(call)
    within = view.reading.within(view.reading.function(call))
    return any(isinstance(it, ast.Call) and it is not call and ast.unparse(it) == text for it in within)


def _is_test(parent: ast.AST | None, node: ast.AST) -> bool:
    if isinstance(parent, ast.If | ast.While | ast.IfExp):
        return parent.test is node
    if isinstance(parent, ast.Call):
        return dotted(parent.func) == "bool"
    return isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)


def _message(query: Query) -> str:
    instead = "`exists()` stops at the first" if query.orm == "django" else "`exists()` or `limit(1)` stops at the first"
    return f"Every row is counted only to know whether there is one: {instead}."


def _fix(call: ast.Call, whole: ast.expr, query: Query, view: View, *, negated: bool) -> Iterator[Draft]:
    function = call.func
    if query.orm != "django" or not isinstance(function, ast.Attribute) or function.attr != "count":
        return
    text = f"{view.reading.source(function.value)}.exists()"
    if "\n" not in text:
        yield Draft("Ask whether there is one", (Change(whole, f"not {text}" if negated else text),), safe=True)
