"""An amount of money is stored as a binary fraction.

Why: a float holds no 0.10, only something near it. Sums are off by a cent, two amounts that look alike are not equal, and the
database's own arithmetic is off too.
Instead: a decimal with as many places as the currency has, or whole cents.

    total = models.DecimalField(max_digits=12, decimal_places=2)
    total: Mapped[Decimal] = mapped_column(Numeric(12, 2))

Consequences: totals that don't match their lines, and an audit that asks why.
Trade-offs: decimals are slower than floats, which only statistics over millions of rows can tell.
Tests: add 0.10 ten times and assert that it is 1.
Source: https://docs.python.org/3/library/decimal.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.models import Models
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B2", "D3"],
    cwe=1339,
    needs=["Float", "float", "REAL", "DOUBLE"],
    bad=[
        Bad("""
from django.db import models

class Invoice(models.Model):
    number = models.CharField(max_length=20)
    total_price = [|models.FloatField()|]
"""),
        Bad("""
from sqlalchemy import Column, Float, Integer
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class Account(Base):
    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    balance: [|Mapped[float]|] = mapped_column(default=0)
    fee = Column(Float, nullable=False)

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    fee = [|Column(Float, nullable=False)|]
"""),
    ],
    good=[
        """
from decimal import Decimal
from django.db import models

class Invoice(models.Model):
    total_price = models.DecimalField(max_digits=10, decimal_places=2)
    amount_cents = models.IntegerField()
    weight = models.FloatField()
    price_score = models.FloatField()
    tax_rate = models.FloatField()
    balance_percent = models.FloatField()

class Quote:
    price: float = 0.0
""",
    ],
)

_MONEY = regex(
    r"(?:\w+_)?(?:price|amount|balance|salary|wage|fee|subtotal|revenue|deposit|refund|payment)(?:_(?:paid|due|total|net|gross|usd|eur|gbp))?"
)
_NOT_MONEY = regex(r"score|percent|rate|ratio|factor|weight|dose|rain|water|fuel|energy|load|white|color|colour|prob|embed")
_FLOATS = frozenset(("FloatField", "Float", "FLOAT", "REAL", "DOUBLE", "Double", "DOUBLE_PRECISION", "float"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Columns of a model that are named after money and hold floats."""
    reading = view.reading
    for node in reading.each(ast.ClassDef):
        rows = [it for it in node.body if isinstance(it, ast.Assign | ast.AnnAssign) and it.value is not None]
        found = [(it, shown) for it in rows if (shown := _float(it)) is not None]
        if not found:
            continue
        facts = view.project.class_(view.path, reading.qualname(node))
        if facts is None or Models.of(view.project).at(ClassSymbol(view.path, facts)) is None:
            continue
        (first, shown), *others = found
        too = f"; so {'do' if len(others) > 1 else 'does'} {', '.join(f'`{_name(it)}`' for it, _ in others)}" if others else ""
        yield Hit(shown, f"`{_name(first)}` holds money as a float, which has no exact cents{too}.")


def _name(row: ast.Assign | ast.AnnAssign) -> str:
    target = row.targets[0] if isinstance(row, ast.Assign) else row.target
    return target.id if isinstance(target, ast.Name) else ""


def _float(row: ast.Assign | ast.AnnAssign) -> ast.expr | None:
    """Where a column named after money says that it holds floats; None when it doesn't."""
    name = _name(row).lower()
    if not _MONEY.fullmatch(name) or _NOT_MONEY.search(name):
        return None
    made = row.value if isinstance(row.value, ast.Call) else None
    if made is not None:
        types = [made.func, *(it.func if isinstance(it, ast.Call) else it for it in made.args)]
        if any(dotted(it).rpartition(".")[2] in _FLOATS for it in types):
            return made
        if any(not isinstance(it, ast.Constant) for it in made.args):
            return None  # the column says its type itself
    if isinstance(row, ast.AnnAssign) and any(isinstance(it, ast.Name) and it.id == "float" for it in ast.walk(row.annotation)):
        return row.annotation
    return None
