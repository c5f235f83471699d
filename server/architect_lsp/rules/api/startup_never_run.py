"""A start-up handler is registered with an application that has a lifespan, which runs it never.

Why: FastAPI and Starlette run either the lifespan or the handlers of `on_event`. With `lifespan=` the latter are kept in a list
that nobody reads.
Instead: all of it in the lifespan.

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        await warm_cache()
        yield

Consequences: pools are not opened, caches stay cold, and no error says so.
Tests: start the application with `TestClient` in a `with`, and assert what was to be prepared.
Source: https://fastapi.tiangolo.com/advanced/events/#alternative-events-deprecated
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    needs=["on_event", "add_event_handler"],
    bad=[
        Bad("""
from fastapi import FastAPI
from app.pool import lifespan, warm_cache

app = FastAPI(lifespan=lifespan)

@[|app.on_event("startup")|]
async def warm():
    await warm_cache()

[|app.add_event_handler("shutdown", warm)|]
"""),
    ],
    good=[
        """
from fastapi import APIRouter, FastAPI
from app.pool import lifespan, warm_cache

app = FastAPI()
other = FastAPI(lifespan=lifespan)

@app.on_event("startup")
async def warm():
    await warm_cache()
"""
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Start-up handlers of an application of this file that was made with a lifespan."""
    for call in view.reading.each(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_event_handler" and len(call.args) == 2:
            name = dotted(call.func.value)
            if name and name in _with_lifespan(view.project, view.path):
                yield Hit(call, f"`{name}` has a lifespan, and so never runs `{dotted(call.args[1])}`.")
    for function in view.reading.functions:
        for it in function.decorator_list:
            if not isinstance(it, ast.Call) or not isinstance(it.func, ast.Attribute) or it.func.attr != "on_event":
                continue
            name = dotted(it.func.value)
            if (
                name
                and name in _with_lifespan(view.project, view.path)
                and it.args
                and constant(it.args[0]) in ("startup", "shutdown")
            ):
                yield Hit(it, f"`{name}` has a lifespan, and so never runs `{function.name}`.")


def _with_lifespan(project: Project, path: str) -> frozenset[str]:
    """The applications that a file makes with a lifespan, and only once."""
    rows = [it for it in project.facts(path).variables if it.value is not None and it.value.last in ("FastAPI", "Starlette")]
    names = [it.name for it in rows]
    made = [it for it in rows if names.count(it.name) == 1 and it.value is not None]
    return frozenset(
        it.name for it in made if it.value is not None and (given := it.value.keyword("lifespan")) and given.text != "None"
    )
