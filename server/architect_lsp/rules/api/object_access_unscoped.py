"""A route knows who asks and never looks, where its neighbours do: anyone signed in may name any object.

Why: the path says which order, the dependency says whose session it is, and nothing compares the two. Being signed in is then
enough to read or change what belongs to somebody else: numbers in a path are guessed in seconds.
Instead: let the query find the object among the user's own, so that one that isn't there and one that isn't theirs look the same.

    @router.get("/{order_id}")
    async def show(order_id: int, user: CurrentUser, session: SessionDep) -> OrderOut:
        order = await session.scalar(select(Order).where(Order.id == order_id, Order.user_id == user.id))
        if order is None:
            raise HTTPException(404)
        return order

Consequences: customers see or change each other's data, and the log shows ordinary requests.
Trade-offs: where a dependency only has to be asked, put it in the decorator's `dependencies`, which says that its answer is not
needed.
Tests: as a second user, ask for the first one's object and expect a 404.
Security: the first risk of OWASP's list for APIs, broken object level authorisation.
Source: https://owasp.org/API-Security/editions/2023/en/0xa1-broken-object-level-authorization/
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.frameworks.dependencies import guarding
from architect_lsp.knowledge.habits import by_router, odd_ones
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_STAFF = regex(r"admin|super_?user|staff|operator|internal", re.IGNORECASE)
_ROUTER = """
from fastapi import APIRouter, Depends

router = APIRouter()

def current_user(): ...

@router.get("/{number}")
def show(number: int, user=Depends(current_user)):
    return find(number, user)

@router.put("/{number}")
def change(number: int, user=Depends(current_user)):
    return find(number, user)

@router.get("/{number}/lines")
def lines(number: int, user=Depends(current_user)):
    return find(number, user)

@router.post("/{number}/lines")
def add(number: int, user=Depends(current_user)):
    return find(number, user)

@router.post("/{number}/payments")
def pay(number: int, user=Depends(current_user)):
    return find(number, user)

"""

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=639,
    bad=[
        Bad(
            _ROUTER
            + """
@[|router.delete("/{number}")|]
def remove(number: int, user=Depends(current_user)):
    return find(number)
"""
        ),
    ],
    good=[
        _ROUTER
        + """
@router.delete("/{number}", dependencies=[Depends(current_user)])
def remove(number: int):
    return find(number)

@router.get("/rates")
def rates(user=Depends(current_user)):
    return all_rates()
""",
        _ROUTER.replace("find(number, user)", "find(number)"),
    ],
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Routes with a part in their path that take the user and don't look at it, among neighbours that do."""
    for odd in odd_ones(by_router(project), lambda route: _looks(project, route)):
        verb = f"{','.join(sorted(odd.member.methods))} {odd.member.path}"
        user = ", ".join(f"`{it}`" for it in _users(project, odd.member))
        yield ProjectHit(
            odd.member.at,
            f"`{verb}` takes {user} and never looks at it; {odd.counts} routes of `{odd.group}` decide by it what is theirs.",
            ((odd.example.at, f"`{odd.example.path}` looks at who asks"),),
        )


def _looks(project: Project, route: Route) -> bool | None:
    """Whether the handler looks at who asks; None where its path names no object, or it is not told who asks."""
    if any(it.guards and _STAFF.search(it.name) for it in route.dependencies):
        return None  # whoever may ask may have all
    users = _users(project, route) if "{" in route.path else []
    if not users or route.handler is None:
        return None
    definition = project.definition(route.handler.path, route.handler.qualname)
    return None if definition is None else not all(it in definition.unread for it in users)


def _users(project: Project, route: Route) -> list[str]:
    """The handler's parameters that a guard fills."""
    definition = project.definition(route.handler.path, route.handler.qualname) if route.handler else None
    guards = {it.name for it in route.dependencies if it.guards}
    if definition is None or not guards:
        return []
    given = {name: value.argument(0, "dependency") for name, value in definition.injected}
    found: list[str] = []
    for name, annotation in definition.parameters:
        inner = given.get(name)
        if not name.startswith("_") and ((inner is not None and inner.text in guards) or (annotation and guarding(annotation))):
            found.append(name)
    return found
