"""A condition of a query is decided by Python before the database sees it.

Why: `and`, `or`, `not`, `is` and `in` can't be overloaded. SQLAlchemy's columns make conditions of `==` and `<`, but
`Order.paid is None` is just False, and of `a and b` only one half is left.
Instead: let the query have each of them.

    select(Order).where(Order.customer_id == customer, or_(Order.paid.is_(None), Order.state.in_(OPEN)))

Consequences: the query runs and gives the wrong rows: all of them, or none.
Tests: a row for each side of the condition, and assert which of them come back.
Security: where the half that is lost was the owner's, everyone sees all rows.
Source: https://docs.sqlalchemy.org/en/20/core/operators.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2", "D4"],
    cwe=480,
    needs=["where(", "filter(", "having(", "and_(", "or_("],
    bad=[
        Bad("""
from sqlalchemy import select
from app.models import Invoice

def open_invoices(session, customer):
    return session.scalars(select(Invoice).where([|Invoice.customer_id == customer and Invoice.paid == False|]))
"""),
        Bad(
            """
from sqlalchemy import select
from app.models import Parcel

def waiting(session):
    return session.scalars(select(Parcel).where([|Parcel.delivered_at is None|]))
""",
            fixed="""
from sqlalchemy import select
from app.models import Parcel

def waiting(session):
    return session.scalars(select(Parcel).where(Parcel.delivered_at.is_(None)))
""",
        ),
        Bad("""
from datetime import datetime
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped

class Base(DeclarativeBase): ...
class Parcel(Base):
    __tablename__ = "parcels"
    lost_at: Mapped[datetime | None]

def there(session):
    return session.scalars(select(Parcel).where([|Parcel.lost_at is None|]))
"""),
        Bad("""
from sqlalchemy import or_
from app.models import Parcel

def some(session, states):
    query = session.query(Parcel).filter([|Parcel.state in states|])
    query = query.filter([|not Parcel.lost|], or_(Parcel.weight > 3, [|Parcel.size is not None|]))
    return query.all()
"""),
    ],
    good=[
        """
from sqlalchemy import or_, select
from app.models import Parcel

def some(session, states, only=None):
    statement = select(Parcel).where(Parcel.state.in_(states), ~Parcel.lost, or_(Parcel.size.is_(None), Parcel.size > 3))
    if only is not None:
        statement = statement.where(only is not None and Parcel.id == only)
    return session.scalars(statement.where(Parcel.id == (only or 1)))
""",
        """
from django.db.models import Q
from app.models import Parcel

def some(user):
    return Parcel.objects.filter(Q(lost=False) and Q(user=user))
""",
        """
from sqlalchemy import select
from app.models import Kind, Parcel

def some(session, kind):
    states = filter(lambda it: Kind.OPEN in it.kinds, Kind.ALL)
    return session.scalars(select(Parcel).where(Parcel.open.is_(Kind.OPEN in kind)))
""",
    ],
)

_CONDITIONS = frozenset(("where", "filter", "having", "and_", "or_", "not_"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Arguments of `where` and its like that Python's own operators make of columns."""
    reading = view.reading
    if not view.project.uses(view.path, "sqlalchemy", "sqlmodel", "flask_sqlalchemy"):
        return
    for call in reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if last not in _CONDITIONS or (last == "filter" and not isinstance(call.func, ast.Attribute)):
            continue
        for it in call.args:
            said = _decided(view, it)
            if said:
                yield Hit(it, f"Python decides this `{said}` before the query is made: the database never sees it.", _fix(it))


def _decided(view: View, node: ast.expr) -> str:
    """The operator that takes a condition from the database; "" for a condition that reaches it."""
    if isinstance(node, ast.BoolOp):
        word = "and" if isinstance(node.op, ast.And) else "or"
        return word if all(_of_column(view, it) for it in node.values[:-1]) else ""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return "not" if _of_column(view, node.operand) else ""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and _is_column(view, node.left):
        words = {ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"}
        return words.get(type(node.ops[0]), "")
    return ""


def _of_column(view: View, node: ast.expr) -> bool:
    """Whether it is a column, or a condition on one."""
    if isinstance(node, ast.Compare):
        return _is_column(view, node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _is_column(view, node.func.value)
    return _is_column(view, node)


def _is_column(view: View, node: ast.expr) -> bool:
    """Whether it is an attribute of a class, by the look of it: `Order.paid`, `models.Order.paid`."""
    if not isinstance(node, ast.Attribute) or node.attr.isupper() or not node.attr.islower():
        return False
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    is_class = name[:1].isupper() and not name.isupper()
    return is_class and not view.name(owner).startswith(("enum.", "datetime."))


def _fix(node: ast.expr) -> tuple[Draft, ...]:
    """For `is None` and `in`, the column's method of that name."""
    if not isinstance(node, ast.Compare):
        return ()
    names = {ast.Is: "is_", ast.IsNot: "is_not", ast.In: "in_", ast.NotIn: "not_in"}
    text = f"{ast.unparse(node.left)}.{names[type(node.ops[0])]}({ast.unparse(node.comparators[0])})"
    return (Draft("Let the database decide", (Change(node, text),)),)
