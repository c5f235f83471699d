"""A query is narrowed or sorted, and what that gives is thrown away.

Why: `filter`, `where` and `order_by` change nothing in the query they are called on: they give a new one. Where nobody keeps it,
the query goes on as it was, and `select_for_update()` that nobody runs locks nothing.
Instead: keep the new query, or run it.

    if dataset_id:
        query = query.where(Record.dataset_id == dataset_id)

Consequences: rows that were to be left out are shown, changed or deleted, some of them other people's; lists are in any order.
Tests: store a row that the condition leaves out, and assert that it stays out.
Source: https://docs.djangoproject.com/en/stable/topics/db/queries/#filtered-querysets-are-unique
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.symbols import External
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2"],
    cwe=252,
    needs=["filter", "exclude(", "where(", "order_by(", "select_related(", "prefetch_related(", "distinct(", "annotate("],
    bad=[
        Bad(
            """
from shop.models import Order

def listed(customer, newest):
    orders = Order.objects.filter(customer=customer)
    if newest:
        [|orders.order_by("-created")|]
    return orders[:50]
""",
            fixed="""
from shop.models import Order

def listed(customer, newest):
    orders = Order.objects.filter(customer=customer)
    if newest:
        orders = orders.order_by("-created")
    return orders[:50]
""",
        ),
        Bad(
            """
from sqlalchemy import select
from shop.tables import Record

async def records(session, dataset_id, query):
    found = select(Record)
    if dataset_id:
        [|found.where(Record.dataset_id == dataset_id)|]
    [|query.filter(Record.hidden == False)|]
    [|query.order_by(Record.made)|]
    return await session.scalars(found)
""",
            fixed=None,
        ),
        Bad("""
from django.contrib.auth import get_user_model
from shop.models import Seat

def locked(keys):
    [|Seat.objects.select_for_update().filter(pk__in=keys)|]

def recipients(sender):
    found = get_user_model().objects.none()
    found = get_user_model().objects.filter(is_superuser=True)
    [|found.exclude(pk=sender.pk)|]
    return found

def either(admins, author):
    if admins:
        found = Seat.objects.filter(admin=True)
    else:
        found = Seat.objects.all()
    [|found.exclude(pk=author.pk)|]
    return found
"""),
    ],
    good=[
        """
from django.core.exceptions import FieldError
from sqlalchemy import select
from shop.models import Order
from shop.tables import Record

def listed(customer, given, session, logger, register, query):
    orders = Order.objects.filter(customer=customer)
    orders = orders.order_by("-created")
    try:
        orders.filter(**given)
    except (FieldError, ValueError):
        return None
    Order.objects.filter(customer=customer).delete()
    list(orders.select_for_update())
    session.query(Record).filter(Record.hidden == True).with_for_update().all()
    register.filter("upper", str.upper)
    logger.filter(customer)
    query.filter("state", "eq", "new")
    query.limit(5)
    return orders

class Builder:
    def where(self, test):
        self.tests.append(test)

def built(name):
    query = Builder()
    query.where(Record.name == name)
    return query
""",
    ],
)

_DJANGO = frozenset(
    (
        *(
            "filter",
            "exclude",
            "order_by",
            "annotate",
            "alias",
            "select_related",
            "prefetch_related",
            "distinct",
            "only",
            "defer",
        ),
        *("using", "reverse", "values", "values_list", "select_for_update", "union", "difference", "intersection"),
    )
)
_SQLALCHEMY = frozenset(
    (
        *("filter", "filter_by", "where", "order_by", "options", "join", "outerjoin", "group_by", "having", "limit", "offset"),
        *("distinct", "with_for_update", "execution_options", "add_columns", "with_entities"),
    )
)
_NAMES = regex(r"(?:\w+_)?(?:q|qs|query|queryset|stmt|statement|select)")
"""What a query is called, where it can't be told where it is from."""
_COLUMNS = regex(r"(?:[a-z]\w*\.)?(?:[A-Z]\w*|cls)\.\w+$")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Statements that are no more than a call which gives another query."""
    reading = view.reading
    rows = [it for it in reading.each(ast.Expr) if isinstance(it.value, ast.Call) and isinstance(it.value.func, ast.Attribute)]
    for row in rows:
        call = row.value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr not in _DJANGO | _SQLALCHEMY or isinstance(reading.parent(row), ast.Try):
            continue
        asked = queries(view.project, view.path, reading)
        if _is_lazy(asked, call, call.func) or _looks_lazy(view, call, call.func):
            where = ast.unparse(call.func.value).partition("(")[0]
            yield Hit(
                call, f"`{call.func.attr}` changes nothing in `{where}`: it gives another query, which is dropped here.",
                tuple(_fix(call, call.func)),
            )  # fmt: skip


def _is_lazy(asked: Queries, call: ast.Call, function: ast.Attribute) -> bool:
    """Whether the call is known to give a query that nobody has run."""
    found = asked.query(call)
    on = function.value.id if found is None and isinstance(function.value, ast.Name) else ""
    made = asked.reading.bindings(asked.reading.function(call)).get(on, []) if on else []
    rows = [asked.query(it) for it in made if isinstance(it, ast.Call)] if found is None else [found]
    if not rows or (found is None and len(rows) != len(made)):  # what each branch binds it to
        return False
    lazy = {"django": _DJANGO, "sqlalchemy": _SQLALCHEMY}
    return all(it is not None and not it.runs and it.gives in ("rows", "values") and function.attr in lazy[it.orm] for it in rows)


def _looks_lazy(view: View, call: ast.Call, function: ast.Attribute) -> bool:
    """The same of what is called a query and is given a condition on a column: `query.filter(Record.id == key)`."""
    name = function.value.id if isinstance(function.value, ast.Name) else ""
    if not _NAMES.fullmatch(name) or function.attr not in _SQLALCHEMY:
        return False
    if not isinstance(view.symbol(function.value), External | None):
        return False  # the project's own, which may well change itself
    sides = [it.left if isinstance(it, ast.Compare) else it for it in call.args]
    return any(isinstance(it, ast.Attribute) and _COLUMNS.match(ast.unparse(it)) for it in sides)


def _fix(call: ast.Call, function: ast.Attribute) -> Iterator[Draft]:
    if isinstance(function.value, ast.Name):
        yield Draft("Keep the query that it gives", (Change(call, f"{function.value.id} = ", insert="before"),))
