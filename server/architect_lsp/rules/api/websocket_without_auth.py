"""A web socket asks nobody who they are, where the routes beside it do.

Why: what guards routes often sees no web socket: middleware for HTTP lets it pass, and browsers send no `Authorization` header
with it. It works without, so the one that was forgotten is not missed, and whoever guesses the address listens.
Instead: a dependency that reads the session's cookie or a short-lived ticket, before the socket is accepted.

    @router.websocket("/channels/{number}/feed")
    async def feed(socket: WebSocket, number: int, user: Annotated[User, Depends(socket_user)]) -> None:
        if number not in user.channels:
            raise WebSocketException(status.WS_1008_POLICY_VIOLATION)
        await socket.accept()

Consequences: what the other routes keep to users goes to everybody, live.
Trade-offs: a ticket in the query stands in access logs; let it live for seconds and once.
Tests: connect without credentials, and assert that the socket is closed with 1008.
Security: CWE-306, and CWE-1385 where a cookie is believed and `Origin` is not looked at.
Source: https://fastapi.tiangolo.com/advanced/websockets/#using-depends-and-others
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.entrances import is_guarded
from architect_lsp.knowledge.habits import by_router
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=306,
    bad=[
        Bad("""
from fastapi import APIRouter, Depends, WebSocket
from shop.users import current_user, socket_user

router = APIRouter()

@router.get("/channels")
async def channels(user=Depends(current_user)): ...

@[|router.websocket("/channels/{number}/live")|]
async def live(socket: WebSocket, number: int):
    await socket.accept()

@router.websocket("/channels/{number}/log")
async def log(socket: WebSocket, number: int, user=Depends(socket_user)):
    await socket.accept()

@router.websocket("/channels/{number}/notes")
async def notes(socket: WebSocket, number: int):
    if not socket.headers.get("Authorization"):
        return await socket.close()
    await socket.accept()

@router.websocket("/news")
async def news(socket: WebSocket):
    await socket.accept()
"""),
    ],
    good=[
        """
from fastapi import APIRouter, Depends, WebSocket

router = APIRouter()

@router.get("/channels")
async def channels(): ...

@router.websocket("/channels/{number}/feed")
async def feed(socket: WebSocket, number: int):
    await socket.accept()
""",
    ],
)

_WHO = regex(r"user|actor|account|member|customer|viewer|client|session|ticket|connection", re.IGNORECASE)
"""What a dependency is called that knows who is connected."""


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Web sockets of one thing in a router whose other routes all ask who it is."""
    for routes in by_router(project).values():
        sockets = [it for it in routes if "WEBSOCKET" in it.methods and "{" in it.path and it.handler is not None]
        judged = [is_guarded(project, it) for it in routes if "WEBSOCKET" not in it.methods] if sockets else []
        if not any(judged) or False in judged:
            continue
        for it in sockets:
            names = " ".join(each.name for each in it.dependencies)
            if is_guarded(project, it) is False and not _WHO.search(names):
                yield ProjectHit(it.at, f"The web socket `{it.path}` asks nobody who they are, where the other routes here do.")
