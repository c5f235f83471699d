"""Each turn of a loop commits on its own.

Why: a commit waits until the database has written to its disk, so a thousand rows wait a thousand times. And when the loop
stops in the middle, half of the work is done and the other half is not.
Instead: commit once, after the loop, or once for each piece where the whole would be too large for one transaction.

    for line in lines:
        session.add(Line(order_id=order.id, sku=line.sku))
    session.commit()

Consequences: the time grows with the rows; the objects of the session are loaded again after each commit
(`expire_on_commit`), which adds a query for each of them.
Trade-offs: where each item stands alone and must be kept although a later one fails, one commit each is right: then catch the
failure inside of the loop and roll back.
Off by default: on real code a commit in each turn is mostly meant, to keep what is done when a later turn fails.
Tests: let the third of five items fail, and assert what is stored.
Performance: one commit costs about as much as hundreds of inserts.
Source: https://docs.sqlalchemy.org/en/20/faq/performance.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.loops import over_data
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.summaries import Effect, described
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "B5", "D3"],
    cwe=1073,
    needs=["for "],
    bad=[
        Bad("""
from sqlalchemy.orm import Session

def store(session: Session, lines):
    for line in lines:
        session.add(line)
        [|session.commit()|]

async def rename(db: AsyncSession, users):
    for user in users:
        user.name = user.name.strip()
        await [|db.commit()|]
"""),
        Bad("""
import sqlite3

def store(lines):
    connection = sqlite3.connect("lines.db")
    for line in lines:
        connection.execute("INSERT INTO line VALUES (?)", (line,))
        [|connection.commit()|]
"""),
        Bad("""
-- app/service.py --
from app.repository import save

def import_all(session, rows):
    for row in rows:
        [|save(session, row)|]
-- app/repository.py --
from sqlalchemy.orm import Session

def save(session: Session, row):
    session.add(row)
    session.commit()
"""),
    ],
    good=[
        """
from sqlalchemy.orm import Session

def store(session: Session, lines, batches):
    for number, line in enumerate(lines):
        session.add(line)
        if number % 500 == 0:
            session.commit()
    session.commit()
    for batch in batches:
        session.add_all(batch)
        session.commit()
    for line in lines:
        try:
            session.add(line)
            session.commit()
        except IntegrityError:
            session.rollback()
    for line in lines:
        with SessionLocal() as session:
            session.add(line)
            session.commit()
    while True:
        session.commit()
""",
        """
import requests
from sqlalchemy.orm import Session

def fetch(session: Session, jobs):
    for job in jobs:
        job.answer = requests.get(job.url, timeout=5).text
        session.commit()
    for job in jobs:
        if job.done:
            session.commit()
            break
""",
    ],
)

_WAITS = ("http", "llm", "mail", "sleep", "subprocess", "queue")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Commits that run once a turn of a loop over data, directly or in a function that is given the session."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    waits: dict[ast.AST, bool] = {}
    for call in reading.each(ast.Call):
        loop = reading.loop(call)
        if not isinstance(loop, ast.For) or reading.function(call) is None or not over_data(reading, loop):
            continue
        steps = _commits(view, asked, call)
        if steps is None or _apart(view, loop, call):
            continue
        if loop not in waits:
            waits[loop] = _waits(view, loop)
        if waits[loop]:
            continue
        evidence = tuple(described(steps, view.project)) if steps.path else ()
        what = f"`{ast.unparse(call.func)}` commits" if steps.path else "This commits"
        yield Hit(call, f"{what} once in each turn of the loop: one commit after it would do.", evidence=evidence)


def _commits(view: View, asked: Queries, call: ast.Call) -> Effect | None:
    """How a call commits; None when it does not, or with a session that is its own."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "commit" and not call.args:
        known = view.effects(call).get("commit")
        is_one = asked.is_session(call.func.value) or (known is not None and not known.path)
        return Effect("commit", "commit", ()) if is_one else None
    if not any(_is_handed(asked, it) for it in (*call.args, *(row.value for row in call.keywords))):
        return None
    found = view.effects(call).get("commit")
    if found is None or not 0 < len(found.path) <= 2:
        return None
    for ref in found.path:
        definition = view.project.definition(ref.path, ref.qualname)
        if definition is None or ref.index >= len(definition.calls) or not definition.calls[ref.index].certain:
            return None
    return found


def _is_handed(asked: Queries, node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and (asked.is_session(node) or node.id in ("session", "db", "db_session"))


def _apart(view: View, loop: ast.For, call: ast.Call) -> bool:
    """Whether the turns are kept apart on purpose: by a handler, a session or a condition of their own."""
    for up in view.reading.ancestors(call):
        if up is loop:
            return False
        if isinstance(up, ast.Try) and up.handlers:
            return True
        if isinstance(up, ast.With | ast.AsyncWith):
            return True
        if isinstance(up, ast.If):
            if not isinstance(call.func, ast.Attribute) or call.func.attr != "commit":
                return True  # what a branch does now and then
            counts = any(isinstance(it, ast.Mod) or getattr(it, "id", "") == "len" for it in ast.walk(up.test))
            if counts or any(isinstance(it, ast.Break | ast.Return) for it in up.body):
                return True
    return False


def _waits(view: View, loop: ast.For) -> bool:
    """Whether a turn waits for someone else, may fail alone or shows how far it is, so that it is worth keeping at once."""
    nodes = [it for statement in loop.body for it in ast.walk(statement)]
    if any(isinstance(it, ast.Try) and it.handlers for it in nodes) or "progress" in " ".join(
        ast.unparse(it) for it in loop.body
    ):
        return True
    inside = (it for it in nodes if isinstance(it, ast.Call))
    return any(not view.effects(it).keys().isdisjoint(_WAITS) for it in inside)
