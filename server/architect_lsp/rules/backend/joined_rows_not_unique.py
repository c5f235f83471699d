"""A collection is loaded by a join, and the rows that it repeats are not made one.

Why: a join gives the parent once for each of its children. `session.query` took the repetitions out by itself; what `select()`
gives does not, and refuses: "The unique() method must be invoked on this Result".
Instead: ask for unique rows, or load the collection with a query of its own.

    teams = session.scalars(select(Team).options(joinedload(Team.players))).unique().all()
    teams = session.scalars(select(Team).options(selectinload(Team.players))).all()

Consequences: `InvalidRequestError` at the first call, however many rows there are.
Trade-offs: `selectinload` sends two queries and no row twice; it is the better choice for collections, mostly.
Tests: call it once against any database.
Source: https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html#joined-eager-loading
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.chains import EXECUTES, Query
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_TABLES = """
from sqlalchemy import ForeignKey, select
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
    rows=["B2"],
    needs=["joinedload("],
    bad=[
        Bad(f"""{_TABLES}
def teams(session: Session, ids):
    query = select(Team).where(Team.id.in_(ids)).options(joinedload(Team.players))
    return [|session.execute(query).scalars().all()|]

async def team(session, key):
    found = await session.execute(select(Team).where(Team.id == key).options(joinedload(Team.players)))
    return [|found.scalar_one_or_none()|]
"""),
    ],
    good=[
        f"""{_TABLES}
def teams(session: Session, ids):
    query = select(Team).where(Team.id.in_(ids)).options(joinedload(Team.players))
    first = session.scalars(query).first()
    one = session.scalar(query)
    old = session.query(Team).options(joinedload(Team.players)).all()
    parents = session.scalars(select(Player).options(joinedload(Player.team))).all()
    apart = session.scalars(select(Team).options(selectinload(Team.players))).all()
    return first, one, old, parents, apart, session.execute(query).unique().scalars().all()

async def team(session, key):
    found = await session.execute(select(Team).where(Team.id == key).options(joinedload(Team.players)))
    return found.unique().scalar_one_or_none()
""",
    ],
)

_ENDS = ("all", "one", "one_or_none", "scalar_one", "scalar_one_or_none", "fetchall")
"""What looks at every row; `first()` and `scalar()` read one and never compare."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Results of `select()` with a collection joined to it, which are read to the end without `unique()`."""
    asked = queries(view.project, view.path, view.reading)
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _ENDS:
            continue
        query = asked.query(call)
        if (
            query is None
            or query.orm != "sqlalchemy"
            or not query.has("select")
            or not query.has(*EXECUTES)
            or query.has("unique")
        ):
            continue
        joined = _collection(asked, query)
        if joined:
            told = f"`{joined}` repeats each row, which `{call.func.attr}()` refuses: put `.unique()` before it."
            yield Hit(call, f"The join of {told}")


def _collection(asked: Queries, query: Query) -> str:
    """The collection that `joinedload` joins to a query, "" where there is none."""
    for step in query.steps if query.model is not None else ():
        for it in step.call.args if step.name == "options" else ():
            while isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and isinstance(it.func.value, ast.Call):
                it = it.func.value  # the first of a chain of options
            first = it.args[0] if isinstance(it, ast.Call) and it.args and dotted(it.func).endswith("joinedload") else None
            side = asked.models.across(query.model, first.attr) if isinstance(first, ast.Attribute) and query.model else None
            if side is not None and side.many:
                return ast.unparse(first) if first is not None else ""
    return ""
