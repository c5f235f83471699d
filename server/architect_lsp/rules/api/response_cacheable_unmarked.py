"""One read says nothing of how long its answer holds, where the other reads of its router do.

Why: without `Cache-Control` or a validator each client and each proxy decides for itself: one asks again for what has not
changed, the next keeps what was meant for a moment. Where nine of ten routes say it, the tenth was forgotten.
Instead: say how long it holds and for whom, or that it is not to be kept.

    @router.get("/rates/{currency}")
    @cache(expire=60)
    async def rate(currency: str) -> Rate:
        try:
            return await rates.of(currency)
        except UnknownCurrency as error:
            raise HTTPException(404, "no such currency", headers={"Cache-Control": "no-store"}) from error

Consequences: the busiest route may be the one that nobody caches.
Trade-offs: what is cached can't be called back; short times and an `ETag` cost little and go far.
Off by default: whether an answer may be kept is known to people alone.
Tests: assert on the header, of the error as well.
Security: mark what belongs to one user `private` or `no-store`, or a shared cache shows it to the next.
Performance: an answer of a cache takes a millisecond and no connection of the pool.
Source: RFC 9111, "HTTP Caching"
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.habits import by_router, odd_ones
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_ROUTES = "from fastapi import APIRouter\nfrom fastapi_cache.decorator import cache\n\nrouter = APIRouter()\n" + "".join(
    f'\n@router.get("/{it}")\n@cache(expire=60)\nasync def {it}():\n    return []\n'
    for it in ("rates", "countries", "sizes", "colours", "plans")
)

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["A3", "B5"],
    cwe=525,
    bad=[Bad(_ROUTES + '\n@router.get("/carriers")\n[|async def carriers():|]\n    return []\n')],
    good=[
        _ROUTES
        + """
@router.get("/carriers")
async def carriers(response):
    response.headers["Cache-Control"] = "max-age=60"
    return []

@router.post("/carriers")
async def add_carrier():
    return None
""",
        _ROUTES.replace("@cache(expire=60)\n", "", 3) + '\n@router.get("/carriers")\nasync def carriers():\n    return []\n',
    ],
)

_MARKS = regex(r"cache|etag|last_modified|conditional|condition$", re.IGNORECASE)
_SAYS = regex(r"cache|etag|last.modified|Streaming|FileResponse|Redirect|redirect", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """GET handlers without a word on caching, in routers of which nine tenths of the reads have one."""
    odd = view.project.of_all("reads without a word on caching", _odd)
    for function in view.reading.functions if odd else ():
        found = odd.get((view.path, view.reading.qualname(function)))
        if found is None or _SAYS.search(view.reading.source(function)):
            continue
        counts, example = found
        told = f"`{function.name}` says nothing of how long its answer holds; {counts} reads of this router do."
        yield Hit(function, told, evidence=((example, f"`{example.qualname}` does"),))


def _odd(project: Project) -> dict[tuple[str, str], tuple[str, Ref]]:
    """(file, qualified name) of each handler that differs -> (counts, one that says it)."""
    reads = {
        router: [it for it in routes if it.methods == {"GET"} and not any(each.guards for each in it.dependencies)]
        for router, routes in by_router(project).items()
    }
    found: dict[tuple[str, str], tuple[str, Ref]] = {}
    for it in odd_ones(reads, lambda route: _marks(project, route)):
        if it.member.handler is not None and it.example.handler is not None:
            found[it.member.handler.path, it.member.handler.qualname] = (it.counts, it.example.handler)
    return found


def _marks(project: Project, route: Route) -> bool | None:
    """Whether a handler's decorators or calls have to do with caching; None where it can't be read."""
    ref = route.handler
    definition = project.definition(ref.path, ref.qualname) if ref is not None else None
    if definition is None:
        return None
    names = (*(it.target for it in definition.decorators), *(it.target for it in definition.calls))
    return any(_MARKS.search(it.rpartition(".")[2]) for it in names)
