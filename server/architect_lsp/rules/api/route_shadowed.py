"""An earlier route takes every request of this one.

Why: FastAPI and Starlette try routes in the order they were added and take the first whose path matches. The type of a handler's
parameter is looked at only afterwards, so `/users/{user_id}` also takes `/users/me`, however `user_id` is annotated.
Instead: register the literal path before the one with a parameter, or narrow the parameter with a converter.

    @router.get("/users/me")
    async def read_me(user: CurrentUser) -> UserOut: ...

    @router.get("/users/{user_id}")
    async def read_user(user_id: int) -> UserOut: ...

Consequences: the handler is dead code that looks alive; its clients get the other handler's answer or a 422.
Tests: request the literal path and assert on something only its own handler returns; do it through the whole application, since
the order of `include_router` calls decides too.
Security: when the shadowed route carried the stricter check, the weaker one answers.
Source: https://fastapi.tiangolo.com/tutorial/path-params/#order-matters
"""

from collections.abc import Iterator

from architect_lsp.knowledge.frameworks.fastapi import tables, takes_all_of
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import shape
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A1", "B1"],
    bad=[
        Bad("""
from fastapi import FastAPI

app = FastAPI()

@app.get("/users/{user_id}")
def read_user(user_id: int): ...

@[|app.get("/users/me")|]
def read_me(): ...
"""),
        Bad("""
-- app/main.py --
from fastapi import FastAPI
from app.routers import items, search

app = FastAPI()
app.include_router(items.router, prefix="/items")
app.include_router(search.router)
-- app/routers/items.py --
from fastapi import APIRouter

router = APIRouter()

@router.get("/{item_id}")
def read_item(item_id: str): ...
-- app/routers/search.py --
from fastapi import APIRouter

router = APIRouter()

@[|router.get("/items/search")|]
def search(q: str): ...
"""),
    ],
    good=[
        """
from fastapi import FastAPI

app = FastAPI()

@app.get("/users/me")
def read_me(): ...

@app.get("/users/{user_id}")
def read_user(user_id: int): ...

@app.post("/users/new")
def create(): ...
""",
        """
from fastapi import APIRouter

router = APIRouter()

@router.get("/users/{user_id:int}")
def read_user(user_id: int): ...

@router.get("/users/me")
def read_me(): ...
""",
        """
import os
from fastapi import FastAPI

app = FastAPI()

if os.getenv("HOME_URL"):
    @app.get("/")
    def redirect(): ...

@app.get("/")
def home(): ...

@app.get("/files/{path:path}")
@app.get("/files/latest/{path:path}")
def file(path: str): ...
""",
    ],
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Routes of one table that an earlier one matches wherever they match."""
    told: set[Ref] = set()
    for table in tables(project):
        for index, later in enumerate(table):
            others = (it for it in table[:index] if not it.optional and it.handler != later.handler and not _same(it, later))
            earlier = next((it for it in others if takes_all_of(it, later)), None)
            if earlier is not None and later.at not in told:
                told.add(later.at)
                yield ProjectHit(
                    later.at,
                    f"`{_methods(later)} {later.path}` is never reached: `{earlier.path}` comes first and matches all of it.",
                    ((earlier.at, f"`{_methods(earlier)} {earlier.path}` is tried first"), *_order(earlier, later)),
                )


def _same(one: Route, other: Route) -> bool:
    """Whether two routes have one path, which `route-duplicated` tells."""
    return shape(one.path) == shape(other.path)


def _order(earlier: Route, later: Route) -> Iterator[tuple[Ref, str]]:
    for route, words in ((earlier, "included here, first"), (later, "included here, later")):
        if earlier.via != later.via and route.via:
            yield route.via[-1], words


def _methods(route: Route) -> str:
    return ",".join(sorted(route.methods))
