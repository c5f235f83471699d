"""All rows of a table are loaded to do in the program what the database does better.

Why: a table grows, and so does the memory and the time it takes to bring every row over, make an object of it, and throw most
of them away. The database answers the same from an index, with one number or the few rows that are wanted.
Instead: filter, count, sum and sort in the query.

    active = User.objects.filter(is_active=True)                        # not [it for it in User.objects.all() if it.is_active]
    total = Order.objects.aggregate(total=Sum("total"))["total"]
    number = session.scalar(select(func.count()).select_from(User))     # not len(session.query(User).all())

Consequences: it is quick with a hundred rows, slow with a hundred thousand, and ends the process with ten million.
Trade-offs: what the database can't compute has to be loaded; then in pieces (`iterator()`, `yield_per()`).
Performance: time and memory no longer grow with the table.
Source: https://docs.djangoproject.com/en/stable/topics/db/optimization/#do-database-work-in-the-database-rather-than-in-python
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
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B5", "D3"],
    cwe=1050,
    needs=["all()", "objects", "select(", "query("],
    bad=[
        Bad("""
from shop.models import Order, User

def active():
    return [it for it in [|User.objects.all()|] if it.is_active]

def total(customer):
    return sum(it.total for it in [|Order.objects.filter(customer=customer)|])

def size():
    orders = Order.objects.filter(paid=True)
    return {"orders": [|len(orders)|]}

def paid():
    found = []
    for order in [|Order.objects.all()|]:
        if order.paid:
            found.append(order)
    return found
"""),
        Bad("""
from sqlalchemy import select
from sqlalchemy.orm import Session

def size(session: Session):
    return [|len(session.query(User).all())|], max(it.age for it in [|session.scalars(select(User)).all()|])

def adults(session: Session):
    users = session.query(User).all()
    return [it for it in [|users|] if it.age >= 18]
"""),
        Bad(
            """
from shop.models import User

def size():
    return [|len(User.objects.filter(active=True))|]
""",
            fixed="""
from shop.models import User

def size():
    return User.objects.filter(active=True).count()
""",
        ),
    ],
    good=[
        """
from shop.models import Order, User

def size(customer):
    orders = Order.objects.filter(customer=customer)
    return len(orders), [it.pk for it in orders]

def mails(club):
    for member in User.objects.members_of(club):
        if member.email:
            send(member.email)
    return len(User.objects.members_of(club))

def active(seen):
    users = User.objects.filter(is_active=True)
    names = [it.name for it in users]
    rows = [it for it in User.objects.all() if it.is_active and it.pk not in seen]
    late = [it for it in Order.objects.all() if it.is_late()]
    first = [it for it in Order.objects.all()[:20] if it.paid]
    for order in Order.objects.all():
        if order.paid:
            order.send()
        else:
            order.drop()
    return len(users), users, names, rows, late, first
""",
    ],
)

_FOLDS = ("sum", "max", "min")
_LIMITS = (
    "filter",
    "filter_by",
    "where",
    "exclude",
    "limit",
    "join",
    "having",
    "paginate",
    "first",
    "select_related_to",
    "in_bulk",
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Rows that are filtered, summed or counted after they were loaded."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    made: list[ast.ListComp | ast.GeneratorExp | ast.SetComp] = [
        *(it for it in reading.each(ast.ListComp)),
        *(it for it in reading.each(ast.GeneratorExp)),
        *(it for it in reading.each(ast.SetComp)),
    ]
    for comp in made:
        if len(comp.generators) != 1 or not isinstance(comp.generators[0].target, ast.Name):
            continue
        source, name = comp.generators[0].iter, comp.generators[0].target.id
        query = _all_rows(asked, source)
        if query is None:
            continue
        conditions = comp.generators[0].ifs
        up = reading.parent(comp)
        fold = dotted(up.func) if isinstance(up, ast.Call) and up.args[:1] == [comp] else ""
        if fold in _FOLDS and not conditions and _is_column(comp.elt, name, query) and not _kept(asked, source):
            yield Hit(source, f"Every row is loaded for one `{fold}`: the database can compute it.")
        elif conditions and not _limited(query) and all(_is_condition(it, name, query) for it in conditions):
            yield Hit(source, f"Every `{query.name}` is loaded, and most are thrown away here: filter in the query.")
    for loop in reading.each(ast.For):
        if isinstance(loop.target, ast.Name) and len(loop.body) == 1 and isinstance(loop.body[0], ast.If) and not loop.orelse:
            query = _all_rows(asked, loop.iter)
            only = loop.body[0]
            if query is not None and not _limited(query) and not only.orelse and _is_condition(only.test, loop.target.id, query):
                yield Hit(loop.iter, f"Every `{query.name}` is loaded, and most are skipped here: filter in the query.")
    yield from _lengths(view, asked)


def _lengths(view: View, asked: Queries) -> Iterator[Hit]:
    """`len(...)` of a query that is used for nothing else."""
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Name) or call.func.id != "len" or len(call.args) != 1:
            continue
        parent = view.reading.parent(call)
        given = call.args[0]
        if not isinstance(given, ast.Call | ast.Await) and not _is_used_once(view, given):
            continue
        if isinstance(parent, ast.Compare | ast.If | ast.UnaryOp):
            continue  # whether there is one is another rule's
        query = asked.query(call.args[0])
        if query is None or query.gives != "rows" or (query.orm == "sqlalchemy" and not query.runs) or _is_of_manager(query):
            continue
        fixes: tuple[Draft, ...] = ()
        if query.orm == "django" and isinstance(call.args[0], ast.Call):
            fixes = (Draft("Count in the database", (Change(call, f"{view.reading.source(call.args[0])}.count()"),), safe=True),)
        yield Hit(call, f"Every `{query.name}` is loaded to count them: count in the query.", fixes)


def _is_used_once(view: View, node: ast.expr) -> bool:
    """Whether rows that have a name are used for this alone."""
    function = view.reading.function(node)
    if not isinstance(node, ast.Name) or function is None:
        return False
    uses = [it for it in view.reading.each(ast.Name) if it.id == node.id and isinstance(it.ctx, ast.Load)]
    return len(uses) == 1 and len(view.reading.bindings(function).get(node.id, [])) == 1


def _all_rows(asked: Queries, source: ast.expr) -> Query | None:
    """The query that a loop runs over, where it gives rows and is not cut."""
    query = asked.query(source)
    if query is None or query.gives != "rows" or (query.orm == "sqlalchemy" and not query.runs):
        return None
    if query.has("limit", "paginate", "yield_per", "iterator", "prefetch_related", "options") or query.owner:
        return None
    if _is_of_manager(query):
        return None
    shown = source
    if isinstance(shown, ast.Name):
        values = asked.reading.bindings(asked.reading.function(source)).get(shown.id, [])
        shown = next((it for it in values if it is not None), source)
    return None if any(isinstance(it, ast.Subscript) for it in ast.walk(shown)) else query


def _is_of_manager(query: Query) -> bool:
    """Whether a method of the project's own manager gives the rows, which may be any, and a list."""
    return query.orm == "django" and not all(it.name in ROWS for it in query.steps)


def _limited(query: Query) -> bool:
    return query.has(*_LIMITS) or any(it.name in ("query", "select") and len(it.call.args) > 1 for it in query.steps)


def _kept(asked: Queries, source: ast.expr) -> bool:
    """Whether the rows have a name under which they are used again."""
    if not isinstance(source, ast.Name):
        return False
    function = asked.reading.function(source)
    return sum(isinstance(it, ast.Name) and it.id == source.id for it in asked.reading.within(function)) > 2


def _is_column(node: ast.expr, name: str, query: Query) -> bool:
    """Whether an expression is a column of the row and no more."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name) or node.value.id != name:
        return False
    return query.model is None or any(it.name == node.attr for it in query.model.columns)


def _is_condition(node: ast.expr, name: str, query: Query) -> bool:
    """Whether a condition compares columns of the row with what is known before, so that a query could."""
    if isinstance(node, ast.BoolOp):
        return all(_is_condition(it, name, query) for it in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _is_condition(node.operand, name, query)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and not isinstance(node.ops[0], ast.In | ast.NotIn):
        other = node.comparators[0]
        return _is_column(node.left, name, query) and not any(
            isinstance(it, ast.Name) and it.id == name for it in ast.walk(other)
        )
    return _is_column(node, name, query)
