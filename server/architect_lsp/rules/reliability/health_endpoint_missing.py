"""A service with many routes has none that says whether it is well.

Why: what runs the service (Kubernetes, a load balancer, a supervisor) can only ask whether the process is there. A process that
lost its database, or hangs, is sent requests until somebody notices.
Instead: one route that says the process answers, and one that says it can work.

    @app.get("/health/live", include_in_schema=False)
    async def live() -> None: ...

    @app.get("/health/ready", include_in_schema=False)
    async def ready(session: SessionDep) -> None:
        await asyncio.wait_for(session.execute(text("SELECT 1")), timeout=1)

Trade-offs: a readiness check that asks everything takes the whole service out when one thing it can do without is slow.
Off by default: many are watched by other means.
Tests: make the database fail, and assert that readiness says so and liveness doesn't.
Source: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_ROUTES = "\n".join(f'@app.get("/part{it}")\ndef part{it}(): ...\n' for it in range(2, 13))

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["E2"],
    preview=True,
    bad=[
        Bad(f"""
from fastapi import FastAPI

app = FastAPI()

@[|app.get("/part1")|]
def part1(): ...

{_ROUTES}
"""),
    ],
    good=[
        f"""
from fastapi import FastAPI

app = FastAPI()

@app.get("/healthz")
def well(): ...

{_ROUTES}
""",
        """
from fastapi import FastAPI

app = FastAPI()

@app.get("/orders")
def orders(): ...
""",
    ],
)

_MANY = 10
"""Routes from which on a service is more than an example."""
_HEALTH = regex(
    r"health|\bping\b|\blive(?:ness)?\b|ready|\balive\b|status|heartbeat|\bup\b|\bok\b|metrics|version", re.IGNORECASE
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """The first route of a project that has many and none of whose paths speaks of health."""
    routes = [it for it in catalogue(project).routes if not is_test(it.at.path) and not is_script(it.at.path)]
    if len(routes) < _MANY or any("?" in it.path or _HEALTH.search(it.path) for it in routes):
        return
    yield ProjectHit(routes[0].at, f"None of this service's {len(routes)} routes says whether it is well.")
