"""Whether a row exists is checked first, and it is made after, so that two requests at once make it twice.

Why: between the check and the insert another request can make the same check. Both see nothing, and both insert.
Instead: let a unique constraint decide, and make or find in one step.

    try:
        user, created = User.objects.get_or_create(email=email, defaults={"name": name})   # with `unique=True` on `email`
    except IntegrityError:
        raise AlreadyTaken(email)

    session.add(User(email=email))                                                     # SQLAlchemy
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        raise HTTPException(409, "This address is taken.") from error

Consequences: duplicates that no code expects: the next `get()` raises `MultipleObjectsReturned`.
Trade-offs: the check may stay for its better message; the constraint has to be there all the same.
Tests: run two requests with a barrier between check and insert; assert that one row is there, and that nobody saw an error 500.
Security: coupons are redeemed twice, names are taken twice.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#get-or-create
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.chains import Query
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B2", "D3"],
    cwe=367,
    needs=["exists()", "DoesNotExist", "first()", "scalar", "one_or_none()", "session.get", "db.get"],
    bad=[
        Bad("""
from shop.models import Coupon, Tag

def tag(name):
    if not [|Tag.objects.filter(name=name).exists()|]:
        Tag.objects.create(name=name)

def redeem(code, user):
    try:
        return [|Coupon.objects.get(code=code, user=user)|]
    except Coupon.DoesNotExist:
        return Coupon.objects.create(code=code, user=user)

def again(name):
    found = [|Tag.objects.filter(name=name).first()|]
    if found is None:
        found = Tag(name=name)
        found.save()
    return found
"""),
        Bad("""
from fastapi import HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

async def register(session: AsyncSession, email: str):
    if await [|session.scalar(select(User).where(User.email == email))|]:
        raise HTTPException(409)
    session.add(User(email=email))
    await session.commit()
"""),
    ],
    good=[
        """
from django.db import IntegrityError, models, transaction

class Tag(models.Model):
    name = models.CharField(unique=True)

class Coupon(models.Model):
    code = models.CharField()

def tag(name, other):
    if not Tag.objects.filter(name=name).exists():
        Tag.objects.create(name=name)
    Coupon.objects.get_or_create(code=name)
    if not Coupon.objects.filter(code=name).exists():
        Tag.objects.create(name=name)
    if Coupon.objects.filter(code=name).exists():
        return other

def create_defaults(name):
    if not Coupon.objects.filter(code=name).exists():
        Coupon.objects.create(code=name)

def safe(name):
    try:
        if not Coupon.objects.filter(code=name).exists():
            Coupon.objects.create(code=name)
    except IntegrityError:
        return None

def locked(name, owner):
    with transaction.atomic():
        list(Owner.objects.select_for_update().filter(pk=owner))
        if not Coupon.objects.filter(code=name).exists():
            Coupon.objects.create(code=name)
""",
        """
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

def register(session: Session, email: str):
    if session.query(User).filter_by(email=email).first():
        raise Taken(email)
    session.add(User(email=email))
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        raise Taken(email)
""",
    ],
)

_SETS_UP = regex(
    r"set_?up|default|initial|migrat|ensure|sync|(?:^|_)init(?:_|$)|seed|populate|bootstrap|load_data|if_not_exists|doesnt_exist",
    re.IGNORECASE,
)
"""Names of functions that run once, when a service is set up."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Checks of whether a row is there, with the making of one where it is not."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for function in reading.functions:
        body = reading.within(function)
        if _is_safe(body) or _SETS_UP.search(function.name) or _prints(body):
            continue
        for node in body:
            found: tuple[ast.expr, list[ast.stmt]] | None = None
            if isinstance(node, ast.If):
                found = _asked_first(asked, function, node)
            elif isinstance(node, ast.Try):
                found = _caught(asked, node)
            if found is None:
                continue
            call, made_in = found
            query = asked.query(call)
            if query is None or _is_guarded(query) or not _makes(asked, made_in, query):
                continue
            yield Hit(
                call,
                f"Another request can make the same `{query.name}` between this check and the insert: "
                "let a unique constraint and one step decide.",
            )


def _prints(body: list[ast.AST]) -> bool:
    """Whether a function talks to a terminal, where one person works at a time."""
    return any(isinstance(it, ast.Call) and isinstance(it.func, ast.Name) and it.func.id == "print" for it in body)


def _is_safe(body: list[ast.AST]) -> bool:
    """Whether a function answers for the race itself: by a handler, a lock, or a statement that does both in one."""
    for it in body:
        if isinstance(it, ast.ExceptHandler) and it.type is not None and "IntegrityError" in ast.unparse(it.type):
            return True
        name = getattr(it, "attr", None) or getattr(it, "id", None)
        if name in (
            "select_for_update",
            "with_for_update",
            "on_conflict_do_nothing",
            "on_conflict_do_update",
            "pg_advisory_xact_lock",
        ):
            return True
        if isinstance(it, ast.With | ast.AsyncWith) and any("lock" in ast.unparse(row.context_expr).lower() for row in it.items):
            return True
    return False


def _asked_first(asked: Queries, function: Function, node: ast.If) -> tuple[ast.expr, list[ast.stmt]] | None:
    """(what asks, the statements that run where nothing was found) of an `if`."""
    test, negated = node.test, False
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, negated = test.operand, not negated
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and _is_none(test.comparators[0]):
        negated = isinstance(test.ops[0], ast.Is | ast.Eq)
        test = test.left
    shown = test.value if isinstance(test, ast.Await) else test
    query = asked.query(shown)
    if query is None or query.gives not in ("truth", "row") or not query.runs:
        return None
    if isinstance(shown, ast.Name):
        values = asked.reading.bindings(function).get(shown.id, [])
        asks = [it.value if isinstance(it, ast.Await) else it for it in values if it is not None and asked.query(it) is not None]
        if not asks:
            return None
        shown = asks[0]
    if negated:
        return shown, node.body
    if node.body and isinstance(node.body[-1], ast.Raise | ast.Return):
        return shown, [*node.orelse, *_after(asked, node)]
    return (shown, node.orelse) if node.orelse else None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _after(asked: Queries, node: ast.If) -> list[ast.stmt]:
    """The statements that follow in the same list."""
    parent = asked.reading.parent(node)
    block: list[ast.stmt] = []
    for name in ("body", "orelse", "finalbody"):
        rows = getattr(parent, name, None)
        if isinstance(rows, list) and any(it is node for it in rows):
            block = rows
    if not block and isinstance(parent, ast.Module | None):
        return []
    return [it for it in block if it.lineno > node.lineno]


def _caught(asked: Queries, node: ast.Try) -> tuple[ast.expr, list[ast.stmt]] | None:
    """(the `get`, the statements of the handler) where a row that is not there is caught."""
    handler = next((it for it in node.handlers if it.type is not None and "DoesNotExist" in ast.unparse(it.type)), None)
    if handler is None or len(node.body) != 1:
        return None
    for it in ast.walk(node.body[0]):
        if isinstance(it, ast.Call) and (found := asked.query(it)) is not None and found.gives == "row" and found.orm == "django":
            return it, handler.body
    return None


def _is_guarded(query: Query) -> bool:
    """Whether the database refuses the second one: a column that is asked for is unique; or the query looks by key."""
    columns = query.model.columns if query.model is not None else ()
    if columns and not any(it.primary for it in columns):
        return True  # how its columns are made can't be told
    unique = {it.name for it in columns if it.unique or it.primary} | {"pk", "id"}
    together = [set(it) for it in query.model.indexes] if query.model is not None else []
    names: set[str] = set()
    for step in query.steps:
        names |= {it.arg.partition("__")[0] for it in step.call.keywords if it.arg}
        for given in step.call.args:
            names |= {
                it.left.attr for it in ast.walk(given) if isinstance(it, ast.Compare) and isinstance(it.left, ast.Attribute)
            }
        if step.name in ("get", "get_one") and query.orm == "sqlalchemy":
            return True
    return bool(names & unique) or any(it and it <= names for it in together) or not names


def _makes(asked: Queries, statements: list[ast.stmt], query: Query) -> bool:
    """Whether the statements insert a row of the same model."""
    short = query.name.rpartition(".")[2]
    for statement in statements:
        for it in ast.walk(statement):
            if not isinstance(it, ast.Call):
                continue
            written = dotted(it.func)
            if query.orm == "django" and written.endswith((f"{short}.objects.create", f"{short}.objects.acreate")):
                return True
            if written.rpartition(".")[2] == short and _is_stored(asked, statements, it, query):
                return True
    return False


def _is_stored(asked: Queries, statements: list[ast.stmt], made: ast.Call, query: Query) -> bool:
    """Whether what is made is saved, or added to a session."""
    parent = asked.reading.parent(made)
    names = {it.id for it in ast.walk(parent) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)} if parent else set()
    for statement in statements:
        for it in ast.walk(statement):
            if not isinstance(it, ast.Call) or not isinstance(it.func, ast.Attribute):
                continue
            if query.orm == "django" and it.func.attr in ("save", "asave"):
                return isinstance(it.func.value, ast.Name) and it.func.value.id in names
            if query.orm == "sqlalchemy" and it.func.attr == "add" and asked.is_session(it.func.value) and it.args:
                given = it.args[0]
                if given is made or (isinstance(given, ast.Name) and given.id in names):
                    return True
    return False
