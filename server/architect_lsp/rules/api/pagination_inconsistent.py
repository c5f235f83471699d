"""A list is paged by other names than the lists beside it.

Why: clients write one function that walks through pages. One list that takes `page` and `size` where all others take `limit`
and `offset` gets an unknown parameter, ignores it without a word, and answers its first page again and again.
Instead: the names that the others have.

    async def reports(session: SessionDep, limit: Annotated[int, Query(le=100)] = 50, offset: int = 0) -> list[ReportOut]: ...

Consequences: a client that walks the pages never ends, or sees the first page alone.
Trade-offs: where one list is too large for offsets, page all by key.
Tests: walk through the pages of each list with one function.
Source: Zalando RESTful API Guidelines, "SHOULD use pagination links"
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.openapi import Operation
from architect_lsp.knowledge.operations import spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, ProjectHit, Rule

_SHOP = "from fastapi import APIRouter\n\nrouter = APIRouter()\n" + "".join(
    f"""
@router.get("/{name}")
def {name}(limit: int = 50, offset: int = 0): ...
"""
    for name in ("orders", "users", "items", "prices", "areas", "notes")
)

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["A1", "A3"],
    bad=[
        Bad(
            _SHOP
            + """
@[|router.get("/reports")|]
def reports(page: int = 1, size: int = 50): ...
"""
        ),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders: {get: {parameters: [{name: limit, in: query}, {name: offset, in: query}]}}
  /parcels: {get: {parameters: [{name: limit, in: query}, {name: offset, in: query}]}}
  /returns: {get: {parameters: [{name: limit, in: query}, {name: offset, in: query}]}}
  /labels: {get: {parameters: [{name: limit, in: query}, {name: offset, in: query}]}}
  /offers: {get: {parameters: [{name: limit, in: query}, {name: offset, in: query}]}}
  /notes: {[|get|]: {parameters: [{name: page, in: query}, {name: size, in: query}]}}
"""),
    ],
    good=[
        _SHOP
        + """
@router.get("/reports")
def reports(limit: int = 50): ...

@router.get("/file", response_model=Content)
def content(size: int = 50, start: int = 0): ...

@router.get("/reports/{key}")
def report(key: int): ...
""",
        """
from fastapi import APIRouter

router = APIRouter()

@router.get("/a")
def a(limit: int = 50, offset: int = 0): ...

@router.get("/b")
def b(page: int = 1, size: int = 50): ...
""",
    ],
)

_MANY = regex(r"list|page|paginat|sequence|tuple|set\[|collection|results|items|s$", re.IGNORECASE)
"""Answers that hold many things."""
_SIZES = ("limit", "size", "page_size", "per_page", "pageSize", "perPage", "top", "take", "count")
_STARTS = ("offset", "skip", "page", "cursor", "after", "start", "page_number", "page_num", "after_id", "from_")


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """GET routes with a pair of paging parameters, where nine of ten have another pair."""
    rows = {it.at: (it, names) for it in catalogue(project).routes if (names := _names(project, it))}
    counted = Counter(names for _, names in rows.values())
    if len(counted) < 2:
        return
    usual = counted.most_common(1)[0][0]
    for it in odd_ones({"": list(rows.values())}, partial(_has, usual)):
        route, names = it.member
        words, others = " and ".join(f"`{each}`" for each in names), " and ".join(f"`{each}`" for each in usual)
        yield ProjectHit(route.at, f"`{spoken(route)}` is paged by {words}; {it.counts} lists are paged by {others}.")


def _has(usual: tuple[str, ...], row: tuple[Route, tuple[str, ...]]) -> bool:
    return row[1] == usual


def _names(project: Project, route: Route) -> tuple[str, ...]:
    """The parameters that say how many and from where, () where there is no pair of them."""
    if route.methods != {"GET"} or route.handler is None or route.framework != "fastapi":
        return ()
    definition = project.definition(route.handler.path, route.handler.qualname)
    if definition is None or is_test(route.at.path) or is_script(route.at.path):
        return ()
    if route.response and not _MANY.search(route.response):
        return ()  # the part of one thing, not of a list
    names = [name for name, _ in definition.parameters]
    sizes, starts = [it for it in names if it in _SIZES], [it for it in names if it in _STARTS]
    return (sizes[0], starts[0]) if len(sizes) == 1 and len(starts) == 1 else ()


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """The same of what a document describes."""
    rows = [(it, names) for it in view.api.operations if it.method == "GET" and (names := _described(it))]
    counted = Counter(names for _, names in rows)
    if len(counted) < 2:
        return
    usual = counted.most_common(1)[0][0]
    for it in odd_ones({"": rows}, lambda row: row[1] == usual if _is_by_key(row[1]) == _is_by_key(usual) else None):
        operation, names = it.member
        words, others = " and ".join(f"`{each}`" for each in names), " and ".join(f"`{each}`" for each in usual)
        message = f"`{operation.spoken}` is paged by {words}; {it.counts} lists are paged by {others}."
        yield FileHit(operation.at, message, symbol=operation.spoken)


def _is_by_key(names: tuple[str, ...]) -> bool:
    """Whether a list goes on after a thing, and not at a number: a large one may have to."""
    return names[1] in ("cursor", "after", "after_id")


def _described(operation: Operation) -> tuple[str, ...]:
    names = [it.name for it in operation.parameters if it.place == "query"]
    sizes, starts = [it for it in names if it in _SIZES], [it for it in names if it in _STARTS]
    return (sizes[0], starts[0]) if len(sizes) == 1 and len(starts) == 1 else ()
