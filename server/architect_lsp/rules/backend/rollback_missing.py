"""A session goes on after a failed write without a rollback.

Why: when a flush or a commit fails, the transaction is over. Until `rollback()` the session refuses everything
(`PendingRollbackError`), and with a driver alone PostgreSQL ignores all commands.
Instead: roll back in the handler, or give each attempt a savepoint.

    for code in codes:
        try:
            with session.begin_nested():
                session.add(Coupon(code=code))
        except IntegrityError:
            logger.info("coupon %s exists", code)
    session.commit()

Consequences: one duplicate makes all later work of the session fail, far from its cause.
Trade-offs: a savepoint for each row costs a round trip; for many rows use `INSERT ... ON CONFLICT`.
Tests: let the second of three rows be a duplicate and assert that the third is stored.
Source: https://docs.sqlalchemy.org/en/20/faq/sessions.html#this-session-s-transaction-has-been-rolled-back-due-to-a-previous-exception-during-flush-or-similar
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2", "B5"],
    needs=[".flush()", ".commit()"],
    bad=[
        Bad(
            """
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

def register(session: Session, names, make):
    for name in names:
        try:
            session.add(make(name))
            session.commit()
        [|except IntegrityError:|]
            print(f"{name} is taken")
""",
            fixed="""
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

def register(session: Session, names, make):
    for name in names:
        try:
            session.add(make(name))
            session.commit()
        except IntegrityError:
            session.rollback()
            print(f"{name} is taken")
""",
        ),
        Bad("""
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

async def find_or_make(session: AsyncSession, tag, key):
    try:
        session.add(tag)
        await session.flush()
        return tag
    [|except SQLAlchemyError:|]
        return await session.scalar(select(key))
"""),
    ],
    good=[
        """
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

def register(session: Session, names, make):
    for name in names:
        try:
            session.add(make(name))
            session.commit()
        except IntegrityError:
            session.rollback()
            print("taken")
    for name in names:
        try:
            with session.begin_nested():
                session.add(make(name))
                session.flush()
        except IntegrityError:
            continue
    session.commit()

def loaded(session: Session, schema, rows):
    for row in rows:
        try:
            session.add(schema.load(row))
            session.commit()
        except ValidationError:
            print("wrong")

def one(session: Session, row):
    try:
        session.add(row)
        session.commit()
    except IntegrityError as error:
        raise ValueError("taken") from error

def swept(factory, rows):
    try:
        with factory() as session:
            session.add(rows)
            session.commit()
    except IntegrityError:
        print("not swept")
    with factory() as session:
        session.add(rows)

def last(session: Session, row):
    try:
        session.add(row)
        session.commit()
    except IntegrityError:
        return False
    return True
""",
    ],
)

_WRITES = ("flush", "commit")
_TALKS = frozenset(
    ("add", "add_all", "execute", "scalar", "scalars", "query", "get", "commit", "flush", "delete", "merge", "refresh", "exec")
)
_CAUGHT = regex(
    r"(?!(?:NotImplemented|Key|Index|Lookup|Type|Value|Attribute|Validation|\w*Decode)Error)\w*Error|Exception|BaseException|"
)
_ENDS = regex(r"rollback|begin_nested|savepoint|\.begin\(|close\(|expunge|invalidate|is_active")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of a failed flush or commit after which the same session is used."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for block in reading.each(ast.Try):
        function = reading.function(block)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        session = next(
            (
                it.func.value
                for it in run_by(block.body)
                if isinstance(it, ast.Call)
                and isinstance(it.func, ast.Attribute)
                and it.func.attr in _WRITES
                and not (it.args or it.keywords)
                and asked.is_session(it.func.value)
            ),
            None,
        )
        if session is None or _ENDS.search("\n".join(ast.unparse(it) for it in (*block.body, *block.finalbody))):
            continue
        name = dotted(session)
        if any(isinstance(it, ast.Name) and it.id == name and isinstance(it.ctx, ast.Store) for it in run_by(block.body)):
            continue  # made in the block, and gone with it
        for handler in block.handlers:
            caught = dotted(handler.type).rpartition(".")[2] if handler.type is not None else ""
            said = "\n".join(ast.unparse(it) for it in handler.body)
            if (
                not _CAUGHT.fullmatch(caught)
                or _ENDS.search(said)
                or any(isinstance(it, ast.Raise) for it in run_by(handler.body))
            ):
                continue
            if _uses(handler.body, name) or _goes_on(reading, function, block, handler, name):
                told = f"`{name}` is used again after its failed transaction: without a rollback it refuses everything."
                yield Hit(handler, told, tuple(_fix(handler, name, is_async=_awaits(block))))
                break


def _uses(nodes: list[ast.stmt], name: str) -> bool:
    return any(
        isinstance(it, ast.Call)
        and isinstance(it.func, ast.Attribute)
        and it.func.attr in _TALKS
        and dotted(it.func.value) == name
        for it in run_by(nodes)
    )


def _goes_on(reading: Reading, function: Function, block: ast.Try, handler: ast.ExceptHandler, name: str) -> bool:
    """Whether the same session is used after the block, or in the next turn of a loop around that did not make it."""
    if any(isinstance(it, ast.Return) for it in handler.body):
        return False
    leaves = any(isinstance(it, ast.Break) for it in handler.body)
    below: ast.AST = block
    for up in reading.ancestors(block):
        if isinstance(up, ast.With | ast.AsyncWith) and any(
            it.optional_vars is not None and dotted(it.optional_vars) == name for it in up.items
        ):
            return False  # ends with its block
        for held in (getattr(up, "body", None), getattr(up, "orelse", None)):
            if isinstance(held, list) and any(below is it for it in held):
                rest = held[next(index for index, it in enumerate(held) if it is below) + 1 :]
                if _ENDS.search("\n".join(ast.unparse(it) for it in rest)):
                    return False
                if _uses(rest, name):
                    return True
        if isinstance(up, ast.For | ast.AsyncFor | ast.While) and not leaves:
            bound = (it for it in ast.walk(up) if isinstance(it, ast.Name) and it.id == name and isinstance(it.ctx, ast.Store))
            return next(bound, None) is None
        if up is function:
            return False
        below = up
    return False


def _awaits(block: ast.Try) -> bool:
    return any(
        isinstance(it, ast.Await) and isinstance(it.value, ast.Call) and dotted(it.value.func).rpartition(".")[2] in _WRITES
        for it in run_by(block.body)
    )


def _fix(handler: ast.ExceptHandler, name: str, *, is_async: bool) -> Iterator[Draft]:
    first = handler.body[0]
    if first.lineno > handler.lineno:
        text = f"{'await ' if is_async else ''}{name}.rollback()\n{' ' * first.col_offset}"
        yield Draft("Roll back first", (Change(first, text, insert="before"),))
