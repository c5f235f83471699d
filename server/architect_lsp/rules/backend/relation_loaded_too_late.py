"""A relation is first read where it can't be loaded any more.

Why: SQLAlchemy loads a lazy relation when it is first read, through the session of its row. A session that is closed raises
`DetachedInstanceError`; an `AsyncSession` can't wait inside an attribute and raises `MissingGreenlet`.
Instead: load it with the row.

    statement = select(Playlist).options(selectinload(Playlist.songs)).where(Playlist.id == playlist_id)
    playlist = (await session.scalars(statement)).one_or_none()
    if playlist is None:
        raise HTTPException(404)
    return [song.title for song in playlist.songs]

Consequences: an error, or none as long as a test keeps the row's relation in its session.
Trade-offs: `AsyncAttrs` and `await row.awaitable_attrs.songs` load later on purpose, one query a row.
Tests: read the row in a session of its own, and assert on the related rows after it.
Source: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#preventing-implicit-io-when-using-asyncsession
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.chains import Query
from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.models import Side
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_TABLES = """
from sqlalchemy import ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload

class Base(DeclarativeBase): ...

class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    players: Mapped[list["Player"]] = relationship(back_populates="team")

class Player(Base):
    __tablename__ = "player"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    team: Mapped[Team] = relationship(back_populates="players")
"""

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2", "B3"],
    needs=["session", "Session", "db"],
    bad=[
        Bad(f"""{_TABLES}
async def size(session: AsyncSession, key):
    team = await session.get(Team, key)
    return len([|team.players|])

async def names(session: AsyncSession, key):
    result = await session.execute(select(Player).where(Player.id == key))
    player = result.scalar_one()
    return [|player.team|].id, player.id
"""),
        Bad(f"""{_TABLES}
def team_of(engine, key):
    with Session(engine) as session:
        player = session.get(Player, key)
    return [|player.team|]
"""),
    ],
    good=[
        f"""{_TABLES}
async def size(session: AsyncSession, key):
    team = await session.get(Team, key, options=[selectinload(Team.players)])
    return len(team.players)

async def refreshed(session: AsyncSession, key):
    team = await session.get(Team, key)
    await session.refresh(team, ["players"])
    return len(team.players)

async def blocking(db: Session, key):
    team = db.execute(select(Team).where(Team.id == key)).scalar_one()
    return team.players

async def awaited(session: AsyncSession, key):
    team = await session.get(Team, key)
    return await team.awaitable_attrs.players

async def inside(session: AsyncSession, key):
    return await session.run_sync(lambda plain: plain.get(Team, key).players)

async def told(session: AsyncSession, key):
    statement = select(Player).options(joinedload(Player.team)).where(Player.id == key)
    player = (await session.scalars(statement)).one()
    return player.team.id, player.team_id

def team_of(engine, key):
    with Session(engine) as session:
        player = session.get(Player, key)
        team = player.team
    return team.id

def before(engine, key):
    with Session(engine) as session:
        player = session.get(Player, key)
        print(player.team.id)
    return player.team.id
""",
    ],
)

_LOADS = ("refresh", "awaitable_attrs", "run_sync", "populate_existing")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Reads of lazy relations in coroutines, and behind the block that closed their session."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    told: set[str] = set()
    for node in reading.each(ast.Attribute):
        function = reading.function(node)
        if not isinstance(node.ctx, ast.Load) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not isinstance(node.value, ast.Name) or asked.loop_of(node.value) is not None:
            continue
        found = _lazy(asked, node)
        name = ast.unparse(node)
        if found is None or name in told or any(it in reading.source(function) for it in _LOADS):
            continue
        side, query = found
        way = f"`{'selectinload' if side.many else 'joinedload'}({query.name}.{side.name})`"
        if isinstance(function, ast.AsyncFunctionDef):
            if not _is_awaited(reading, function, node.value.id):
                continue  # a session that blocks may load it here as anywhere
            told.add(name)
            yield Hit(node, f"`{name}` is loaded when it is first read, which raises in a coroutine: load it with {way}.")
        elif (closed := _closed(reading, function, asked, node.value)) is not None and not _read_before(closed, name):
            told.add(name)
            yield Hit(node, f"`{name}` is first read when its session is closed, which raises: load it with {way}.")


def _is_awaited(reading: Reading, function: ast.AST, name: str) -> bool:
    """Whether the row was waited for, so that its session is one of coroutines."""
    rows = definitions(reading, function)
    nodes = [each for it in rows.get(name, ()) if it.value is not None for each in ast.walk(it.value)]
    for it in [each.id for each in nodes if isinstance(each, ast.Name) and each.id != name]:
        nodes += [each for row in rows.get(it, ()) if row.value is not None for each in ast.walk(row.value)]
    return any(isinstance(it, ast.Await) for it in nodes)


def _lazy(asked: Queries, node: ast.Attribute) -> tuple[Side, Query] | None:
    """The relation that an attribute of one asked row is, with its query, where the row did not bring it along."""
    query = asked.query(node.value)
    if query is None or query.orm != "sqlalchemy" or query.gives != "row" or query.model is None or query.loaded is None:
        return None
    if any(it.arg == "options" for step in query.steps for it in step.call.keywords):
        return None
    side = asked.models.across(query.model, node.attr)
    if side is None or not side.lazy or side.name in query.loaded or query.has("options", "merge"):
        return None
    stored = (it for it in asked.reading.each(ast.Attribute) if isinstance(it.ctx, ast.Store))
    return None if any(ast.unparse(it) == ast.unparse(node) for it in stored) else (side, query)


def _closed(reading: Reading, function: Function, asked: Queries, name: ast.Name) -> ast.With | None:
    """The block that made the session, in which the row got its name, where the name stands behind it."""
    around = [*reading.ancestors(name)]
    for block in reading.within(function):
        if not isinstance(block, ast.With) or block in around or (block.end_lineno or 0) >= name.lineno:
            continue
        opens = any(
            isinstance(it.context_expr, ast.Call) and it.optional_vars is not None and asked.is_session(it.optional_vars)
            for it in block.items
        )
        binds = any(isinstance(it, ast.Name) and it.id == name.id and isinstance(it.ctx, ast.Store) for it in ast.walk(block))
        if opens and binds and "begin" not in dotted(getattr(block.items[0].context_expr, "func", block.items[0].context_expr)):
            return block
    return None


def _read_before(block: ast.With, name: str) -> bool:
    return any(isinstance(it, ast.Attribute) and ast.unparse(it) == name for it in ast.walk(block))
