"""A coroutine reads a row's column after the commit that expired it.

Why: a session forgets what it has read at `commit()`, so that the next read asks anew. In a coroutine that read can't wait, and
raises `MissingGreenlet`.
Instead: make the session factory with `expire_on_commit=False`, or refresh the row.

    Session = async_sessionmaker(engine, expire_on_commit=False)

Consequences: a row that is stored, and an answer of 500: the client tries again, and stores it twice.
Trade-offs: rows that are kept may be old: don't hold them longer than a request.
Tests: run it against a database with an async driver.
Source: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#preventing-implicit-io-when-using-asyncsession
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_TABLES = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

"""

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2", "B3"],
    needs=["commit()"],
    bad=[
        Bad(f"""{_TABLES}
Session = async_sessionmaker(create_async_engine("postgresql+asyncpg://db/app"))

async def create(name):
    async with Session() as session:
        user = User(name=name)
        session.add(user)
        await session.commit()
        return {{"id": [|user.id|], "name": user.name}}

async def rename(key, name):
    async with Session() as session:
        user = await session.get(User, key)
        user.name = name
        await session.commit()
    return [|user.name|]
"""),
        Bad("""
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from shop.tables import Device

Sessions = async_sessionmaker(create_async_engine("postgresql+asyncpg://db/app"))

async def enroll(serial):
    async with Sessions() as session:
        device = Device(serial=serial)
        session.add(device)
        await session.commit()
        device.told()
        return {"id": [|device.id|]}
"""),
    ],
    good=[
        f"""{_TABLES}
Session = async_sessionmaker(create_async_engine("postgresql+asyncpg://db/app"), expire_on_commit=False)

async def create(name):
    async with Session() as session:
        user = User(name=name)
        session.add(user)
        await session.commit()
        return {{"id": user.id, "name": user.name}}
""",
        f"""{_TABLES}
Session = async_sessionmaker(create_async_engine("postgresql+asyncpg://db/app"))

async def create(name, other):
    async with Session() as session:
        user = User(name=name)
        session.add(user)
        await session.flush()
        key = user.id
        await session.commit()
        other.name = key
        return key

async def refreshed(session: AsyncSession, name):
    user = User(name=name)
    session.add(user)
    await session.commit()
    await session.refresh(user)
    return user.id

async def given(session: AsyncSession, name):
    user = User(name=name)
    session.add(user)
    await session.commit()
    return user.id

async def again(session: AsyncSession, name):
    user = User(name=name)
    session.add(user)
    await session.commit()
    user = await session.get(User, 1)
    return user.id
""",
    ],
)

_MAKES = ("async_sessionmaker", "sessionmaker")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first column of each row that is read behind the commit of a session that keeps no rows."""
    reading = view.reading
    asked = queries(view.project, view.path, reading)
    for function in reading.functions:
        if not isinstance(function, ast.AsyncFunctionDef) or "refresh" in reading.source(function):
            continue
        commits = [it for it in _commits(asked, function) if _expires(view, function, it)]
        if not commits:
            continue
        told: set[str] = set()
        for node in sorted(reading.each(ast.Attribute), key=lambda it: (it.lineno, it.col_offset)):
            name = node.value.id if isinstance(node.value, ast.Name) else ""
            if not name or name in told or not isinstance(node.ctx, ast.Load) or reading.function(node) is not function:
                continue
            commit = next((it for it in commits if it.end_lineno is not None and it.end_lineno < node.lineno), None)
            if commit is None or not _is_column(asked, node) or not _follows(asked, commit, node):
                continue
            told.add(name)
            if not _bound_behind(asked, function, name, commit, node):
                yield Hit(node, f"The commit expired `{name}`: this reads it anew, which raises in a coroutine.")


def _commits(asked: Queries, function: Function) -> list[ast.Call]:
    """The commits of a session in a function, awaited."""
    return [
        it.value
        for it in asked.reading.within(function)
        if isinstance(it, ast.Await) and isinstance(it.value, ast.Call) and isinstance(it.value.func, ast.Attribute)
        and it.value.func.attr == "commit" and asked.is_session(it.value.func.value)
    ]  # fmt: skip


def _is_column(asked: Queries, node: ast.Attribute) -> bool:
    """Whether it is a column of a row of SQLAlchemy's that the function made or asked for."""
    found = asked.model_of(node.value)
    if found is None:
        return _is_added(asked, node)
    if found[0].framework == "django" or asked.loop_of(node.value) is not None:  # type: ignore[arg-type]
        return False
    return any(it.name == node.attr for it in found[0].columns)


def _is_added(asked: Queries, node: ast.Attribute) -> bool:
    """Whether it is read of an object that was made here and given to the session, of a class that is not at hand."""
    function, up = asked.reading.function(node), asked.reading.parent(node)
    name = node.value.id if isinstance(node.value, ast.Name) else ""
    if function is None or (isinstance(up, ast.Call) and up.func is node):
        return False
    values = asked.reading.bindings(function).get(name, [])
    if len(values) != 1 or not isinstance(values[0], ast.Call) or not dotted(values[0].func).rpartition(".")[2][:1].isupper():
        return False
    target = asked.reading.target(values[0].func)
    if isinstance(asked.project.resolve(asked.path, target, asked.reading.owner(node)) if target else None, ClassSymbol):
        return False  # its columns are known
    return any(
        isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and it.func.attr == "add" and it.args
        and dotted(it.args[0]) == name and asked.is_session(it.func.value)
        for it in asked.reading.within(function)
    )  # fmt: skip


def _follows(asked: Queries, commit: ast.Call, node: ast.AST) -> bool:
    """Whether the commit was surely made before: what holds it holds the node too."""
    ups = {id(it) for it in asked.reading.ancestors(node)}
    for up in asked.reading.ancestors(commit):
        if isinstance(up, ast.If | ast.For | ast.While | ast.ExceptHandler | ast.Try | ast.AsyncFor) and id(up) not in ups:
            return False
        if isinstance(up, ast.If) and id(up) in ups:
            return any(commit in ast.walk(row) for row in up.body) == any(node in ast.walk(row) for row in up.body)
    return True


def _bound_behind(asked: Queries, function: Function, name: str, commit: ast.Call, node: ast.AST) -> bool:
    """Whether the name got another row after the commit."""
    return any(
        isinstance(it, ast.Name) and it.id == name and isinstance(it.ctx, ast.Store) and commit.lineno < it.lineno <= node.lineno  # type: ignore[attr-defined]
        for it in asked.reading.within(function)
    )


def _expires(view: View, function: Function, commit: ast.Call) -> bool:
    """Whether the session was opened here, by a factory that is known and says nothing of `expire_on_commit`."""
    session = ast.unparse(commit.func.value) if isinstance(commit.func, ast.Attribute) else ""
    for block in view.reading.within(function):
        for it in block.items if isinstance(block, ast.AsyncWith) else ():
            if it.optional_vars is None or ast.unparse(it.optional_vars) != session or not isinstance(it.context_expr, ast.Call):
                continue
            target = view.reading.target(it.context_expr.func)
            found = behind(view.project, view.path, target) if target else None
            made = found[1] if found is not None else None
            if made is not None and made.kind == "call" and made.last in _MAKES:
                return not any(key in ("expire_on_commit", "**") for key, _ in made.keywords)
    return False
