"""One database session is made when the module is imported, and shared by all that use it.

Why: a session is a conversation with one connection, for one piece of work. Made once for the process it is used by every
request and thread at the same time, keeps what it has once read, and after one failed statement refuses all others until
someone rolls back.
Instead: make the factory global, and a session for each piece of work.

    SessionLocal = sessionmaker(bind=engine)

    def get_db() -> Iterator[Session]:
        with SessionLocal() as session:
            yield session

Consequences: one request sees and commits what another has half done.
Trade-offs: `scoped_session` gives one to each thread under one global name; it has to be removed at the end of each request.
Tests: run two requests at once, roll one back, and assert that the other is stored.
Source:
https://docs.sqlalchemy.org/en/20/orm/session_basics.html#when-do-i-construct-a-session-when-do-i-commit-it-and-when-do-i-close-it
"""

from collections.abc import Iterator

from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import External, Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "D3"],
    cwe=362,
    bad=[
        Bad("""
-- app/db.py --
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

engine = create_engine(URL)
Session = sessionmaker(bind=engine)
[|session = Session()|]
-- app/users.py --
from app.db import session

def user(pk):
    return session.get(User, pk)
"""),
        Bad("""
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

engine = create_engine(URL)
[|db = Session(engine)|]

def add(user):
    db.add(user)
    db.commit()
"""),
    ],
    good=[
        """
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

engine = create_engine(URL)
Session = sessionmaker(bind=engine)
session = scoped_session(Session)

def add(user):
    with Session() as db:
        db.add(user)
""",
        """
from sqlalchemy.orm import Session

db = Session(engine)
db.add(User())
db.commit()
""",
    ],
)

_SESSION = regex(r"(?:sqlalchemy|sqlmodel)(?:\.\w+)*\.(?:Async)?Session\(\)(?:\(\))?")


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Variables of modules that hold a session which functions use."""
    for path in project.paths:
        if is_script(path):
            continue
        for it in project.variables(path):
            if "." in it.name or not it.target.endswith("()") or it.value is None or it.value.kind != "call":
                continue
            symbol = project.resolve(path, it.target)
            if not isinstance(symbol, External) or "scoped" in symbol.name or not _SESSION.fullmatch(_named(symbol.name)):
                continue
            if _is_used(project, path, it.name):
                yield ProjectHit(
                    Ref(path, it.name, "variable"),
                    f"`{it.name}` is one session for the whole process: every request and thread shares its transaction.",
                )


def _named(name: str) -> str:
    found = canonical(name)
    return found if found.endswith("()") else f"{found}()"


def _is_used(project: Project, path: str, name: str) -> bool:
    """Whether a function of the module, or of one that imports the name, calls something of the session."""
    prefix = f"{name}."
    if any(call.target.startswith(prefix) for row in project.facts(path).defs for call in row.calls):
        return True
    for other in project.paths:
        for local, dotted in project.imports(other):
            if dotted.endswith(f".{name}") and other != path and project.module(other, dotted)[0] is not None:
                module, rest = project.module(other, dotted)
                if module is not None and module.path == path and rest == (name,):
                    return any(call.target.startswith(f"{local}.") for row in project.facts(other).defs for call in row.calls)
    return False
