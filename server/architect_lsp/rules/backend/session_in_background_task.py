"""A background task is given the session of a request that is over by then.

Why: background tasks run after the response was sent, and FastAPI closes what its dependencies opened before that. The task then
works with a session that somebody has closed, or that another request uses already.
Instead: give the task keys, and let it open a session of its own.

    def receipt(key: int) -> None:
        with SessionLocal() as session:
            send_receipt(session.get(Order, key))

    tasks.add_task(receipt, key)

Consequences: it works in a test and fails under load: "This Session is closed", detached rows, connections that never come back.
Tests: let the task wait until the request's session is closed, and assert that it still works.
Source: https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/#dependencies-with-yield-and-background-tasks
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "B3"],
    cwe=672,
    needs=["add_task(", "create_task(", "ensure_future("],
    bad=[
        Bad("""
from fastapi import APIRouter, BackgroundTasks, Depends
from sqlalchemy.orm import Session
from app.db import get_session

router = APIRouter()

def receipt(session, key): ...

@router.post("/orders/{key}/receipt")
def mail(key: int, tasks: BackgroundTasks, session: Session = Depends(get_session)):
    tasks.add_task(receipt, [|session|], key)
"""),
        Bad("""
from typing import Annotated
from fastapi import APIRouter, BackgroundTasks, Depends
from sqlalchemy.ext.asyncio import AsyncSession
from app.db import get_session

router = APIRouter()

async def receipt(key, db): ...

@router.post("/orders/{key}/receipt")
async def mail(key: int, tasks: BackgroundTasks, db: Annotated[AsyncSession, Depends(get_session)]):
    tasks.add_task(receipt, key, db=[|db|])
"""),
    ],
    good=[
        """
from fastapi import APIRouter, BackgroundTasks, Depends
from sqlalchemy.orm import Session, sessionmaker
from app.db import get_factory, get_session

router = APIRouter()

def receipt(factory, key): ...

@router.post("/orders/{key}/receipt")
def mail(key: int, tasks: BackgroundTasks, session: Session = Depends(get_session), factory: sessionmaker = Depends(get_factory)):
    order = session.get(Order, key)
    tasks.add_task(receipt, factory, order.id)

def plain(tasks, session: Session):
    tasks.add_task(receipt, session, 1)
""",
    ],
)

_NAMES = regex(r"(?:db_?|async_|sql_)?session|db|conn|connection")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Sessions of a handler's parameters among the arguments of a background task."""
    reading = view.reading
    for function in reading.functions:
        if not function.decorator_list:
            continue
        given = _sessions(function)
        if not given or not routes_of(view.project, view.path, reading.qualname(function)):
            continue
        for call in reading.within(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "add_task":
                continue
            for it in (*call.args[1:], *(each.value for each in call.keywords)):
                if isinstance(it, ast.Name) and it.id in given:
                    yield Hit(it, f"`{it.id}` belongs to the request, which is over when the task runs: open one there.")


def _sessions(function: Function) -> set[str]:
    """The parameters that a dependency gives a session of the request by."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*([None] * (len(positional) - len(arguments.defaults))), *arguments.defaults, *arguments.kw_defaults]
    found: set[str] = set()
    for it, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True):
        said = [*ast.walk(it.annotation)] if it.annotation is not None else []
        injected = any(isinstance(each, ast.Call) and dotted(each.func).endswith("Depends") for each in (*said, default))
        is_session = any(
            dotted(each).rpartition(".")[2] in ("Session", "AsyncSession") for each in said if isinstance(each, ast.expr)
        )
        named = it.annotation is not None and dotted(it.annotation).rpartition(".")[2] in (
            "SessionDep",
            "AsyncSessionDep",
            "DbSession",
        )
        if (injected and (is_session or (not said and _NAMES.fullmatch(it.arg)))) or named:
            found.add(it.arg)
    return found
