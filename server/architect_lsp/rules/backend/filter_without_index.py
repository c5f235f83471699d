"""Rows are looked up by a column that has no index.

Why: to find one row by a column without an index the database reads the whole table, for each request.
Instead: declare what lookups need.

    token = models.CharField(max_length=64, unique=True)               # or `db_index=True`
    token: Mapped[str] = mapped_column(String(64), unique=True)         # or `index=True`

Consequences: the lookup slows down as the table grows, and with it everything that shares the database.
Trade-offs: each index costs on writes and space; a column of few different values gains nothing from one.
Off by default: the size of a table, which decides, is not in the code.
Tests: `EXPLAIN` of the statement on a table of production's size.
Performance: from the whole table to a few pages.
Source: https://use-the-index-luke.com/sql/where-clause/the-equals-operator
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.chains import Query
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.queries import queries
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    preview=True,
    rows=["B5", "D3"],
    cwe=1073,
    needs=["filter", "where", ".get(", "get_object_or_404"],
    bad=[
        Bad("""
from django.db import models

class User(models.Model):
    email = models.EmailField()
    token = models.CharField(max_length=64)

def by_email(email):
    return [|User.objects.get(email=email)|]

def by_token(token):
    if not [|User.objects.filter(token=token).exists()|]:
        raise Unknown(token)
"""),
        Bad("""
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]

def by_email(session: Session, email):
    return [|session.scalar(select(User).where(User.email == email))|]

def again(session: Session, email):
    return [|session.query(User).filter_by(email=email).first()|]
"""),
    ],
    good=[
        """
from django.db import models

class User(models.Model):
    email = models.EmailField(unique=True)
    token = models.CharField(max_length=64, db_index=True)
    code = models.CharField(max_length=64)
    shop = models.ForeignKey("Shop", on_delete=models.CASCADE)
    active = models.BooleanField()

    class Meta:
        indexes = [models.Index(fields=["code", "active"])]

def find(email, shop):
    User.objects.get(email=email)
    User.objects.get(code=shop)
    User.objects.filter(token=email).first()
    User.objects.filter(active=True).first()
    User.objects.filter(email__icontains=email).first()
    return User.objects.filter(shop=shop, code=email).first()

class Shop(models.Model):
    slug = models.SlugField()
    nickname = models.CharField(max_length=9)

def shop(slug):
    return Shop.objects.get(slug=slug), Shop.objects.filter(nickname=slug).first()
""",
    ],
)

_KEYS = regex(
    r"(?:\w+_)?(?:email|username|login|slug|token|code|sku|key|uuid|guid|isbn|hash|digest|external_id|reference|serial|number|identifier|phone)"
    r"|(?:\w+_)(?:id|ref|no)"
)
"""Names of columns that tell one row from all others."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Lookups of one row by equality with columns of which none is indexed."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    seen: set[int] = set()
    for call in reading.each(ast.Call):
        query = asked.query(call) if reading.function(call) is not None else None
        if query is None or query.model is None or query.gives not in ("row", "truth") or not query.runs or query.owner:
            continue
        if query.steps[-1].call is not call or query.has("create", "join", "raw", "order_by"):
            continue
        stored = {it.stored: it.name for it in query.model.columns if it.stored}
        names = {stored.get(it, it) for it in _names(query)}
        columns = _columns(query.model)
        if not names or not all(it in columns for it in names) or id(query.steps[0].call) in seen:
            continue
        if any(columns[it] for it in names) or any(it and it[0] in names for it in query.model.indexes):
            continue
        if any(_KEYS.fullmatch(it) for it in names):
            seen.add(id(query.steps[0].call))
            shown = " and ".join(f"`{it}`" for it in sorted(names))
            yield Hit(call, f"One `{query.name}` is looked up by {shown}, which has no index: each lookup reads the whole table.")


def _columns(model: OrmModel) -> dict[str, bool]:
    """Name -> whether it has an index, of each column."""
    return {it.name: it.indexed or it.unique or it.primary for it in model.columns}


def _names(query: Query) -> set[str]:
    """The columns that a query compares with a value for equality; empty where it asks in other ways too."""
    names: set[str] = set()
    for step in query.steps:
        if step.name not in ("get", "filter", "filter_by", "where", "get_object_or_404", "exists", "aget"):
            continue
        for it in step.call.keywords:
            if it.arg is None or "__" in it.arg or it.arg == "pk":
                return set()
            names.add(it.arg)
        given = step.call.args[1:] if step.name == "get_object_or_404" else step.call.args
        for arg in given:
            if not isinstance(arg, ast.Compare) or not isinstance(arg.left, ast.Attribute) or not isinstance(arg.ops[0], ast.Eq):
                return set()
            names.add(arg.left.attr)
    return names
