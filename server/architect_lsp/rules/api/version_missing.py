"""A router's paths have no version, where those of the others have one.

Why: a version in the path is the promise that an address keeps its meaning. What stands beside it without one can't change
without breaking whoever uses it.
Instead: include the router below the version that the others have.

    app.include_router(reports.router, prefix="/v1")

Trade-offs: health checks, sign-in pages and callbacks of others need none.
Source: Zalando RESTful API Guidelines, "Compatibility"
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.habits import by_router, odd_ones
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_MAIN = """
-- app/main.py --
from fastapi import FastAPI
from app import a, b, c, d, e, f

app = FastAPI()
for router in (a.router, b.router, c.router, d.router, e.router):
    app.include_router(router, prefix="/v1")
"""
_ROUTERS = "".join(
    f"""
-- app/{name}.py --
from fastapi import APIRouter

router = APIRouter()

@router.get("/{name}")
def read(): ...

@router.post("/{name}")
def write(): ...
"""
    for name in "abcde"
)

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["A1", "A4"],
    bad=[
        Bad(
            f"{_MAIN}app.include_router(f.router)\n{_ROUTERS}"
            + """
-- app/f.py --
from fastapi import APIRouter

router = APIRouter()

@[|router.get("/reports")|]
def read(): ...

@router.post("/reports")
def write(): ...
"""
        ),
    ],
    good=[
        f"{_MAIN}app.include_router(f.router)\n{_ROUTERS}"
        + """
-- app/f.py --
from fastapi import APIRouter

router = APIRouter()

@router.get("/health")
def read(): ...

@router.get("/health/deep")
def deep(): ...
""",
    ],
)

_VERSION = regex(r"/v\d+(?:(?:\.|beta|alpha)\w*)?(?:/|$)")
_OPEN = regex(
    r"health|ready|live|ping|metrics|auth|login|token|oauth|callback|webhook|docs|openapi|static|favicon|internal|admin|ui|version|root"
    r"|page|html|logs?\b|index|home|debug|system|\{path:path\}",
    re.IGNORECASE,
)
_OURS = ("fastapi", "flask", "litestar")
_FEW = 2
"""Routes below which a router says too little."""


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Routers none of whose routes has a version, where all routes of nine of ten routers have one."""
    rows = [
        (name, routes) for name, routes in by_router(project).items() if routes[0].framework in ("fastapi", "flask", "litestar")
    ]
    for it in odd_ones({"": rows}, lambda row: _is_versioned(row[1])):
        name, routes = it.member
        message = f"The paths of `{name}`, such as `{spoken(routes[0])}`, have no version; those of {it.counts} routers have one."
        yield ProjectHit(routes[0].at, message)


def _is_versioned(routes: tuple[Route, ...]) -> bool | None:
    if len(routes) < _FEW or any("?" in it.path or it.path in ("", "/") for it in routes):
        return None
    found = [bool(_VERSION.search(it.path)) for it in routes]
    if all(found):
        return True
    return None if any(found) or any(_OPEN.search(f"{it.path} {it.at.path}") for it in routes) else False
