"""A path is written in another style than the others of this service.

Why: clients guess paths from the ones they know. One `/orderItems` among `/order-lines` and `/price-lists` is a 404 in every
client that guessed, and the name that stays in all documents.
Instead: write it as its neighbours are written; keep the old path for a while where clients use it.

    @router.get("/order-items")

Trade-offs: a path that another service prescribes is what it is.
Off by default: on real code most odd paths are prescribed by others (`/.well-known/...`) or kept for old clients.
Source: Zalando RESTful API Guidelines, "MUST use kebab-case for path segments"
"""

from collections.abc import Iterator
from functools import partial

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.operations import spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, ProjectHit, Rule
from architect_lsp.syntax.nodes import Node

_SHOP = """
from fastapi import APIRouter

router = APIRouter()

@router.get("/order-lines")
def a(): ...

@router.get("/price-lists")
def b(): ...

@router.get("/price-lists/{key}/valid-from")
def c(key: int): ...

@router.get("/stock-items")
def d(): ...

@router.get("/stock-items/{stock_item}")
def e(stock_item: int): ...

@router.get("/users")
def f(): ...
"""

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["A1"],
    bad=[
        Bad(
            _SHOP
            + """
@router.get("/sale-areas")
def g(): ...

@[|router.get("/orderItems")|]
def h(): ...
"""
        ),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /order-lines: {get: {}}
  /price-lists: {get: {}}
  /price-lists/{list_id}/valid-from: {get: {}}
  /stock-items: {get: {}}
  /sale-areas: {get: {}}
  /return-labels: {get: {}}
  [|/saleOffers|]: {get: {}, post: {}}
"""),
    ],
    good=[
        _SHOP,
        """
from fastapi import APIRouter

router = APIRouter()

@router.get("/order-lines")
def a(): ...

@router.get("/orderItems")
def b(): ...

@router.get("/price_lists")
def c(): ...
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /order-lines: {get: {}}
  /saleOffers: {get: {}}
  /price_lists: {get: {}}
""",
    ],
)

_STYLES = {
    "kebab-case": regex(r"[a-z0-9]+(?:-[a-z0-9]+)+"),
    "snake_case": regex(r"[a-z0-9]+(?:_[a-z0-9]+)+"),
    "camelCase": regex(r"[a-z]+[a-z0-9]*(?:[A-Z][a-z0-9]*)+"),
}


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Segments of several words that are written unlike nine of ten of the others."""
    rows: dict[str, tuple[str, Ref, str]] = {}  # each segment counts once
    for route in catalogue(project).routes:
        if not is_test(route.at.path) and not is_script(route.at.path) and "WEBSOCKET" not in route.methods:
            for part in route.path.split("/"):
                style = next((name for name, pattern in _STYLES.items() if pattern.fullmatch(part)), "")
                if style:
                    rows.setdefault(part, (style, route.at, spoken(route)))
    told: set[Ref] = set()
    for style in _STYLES:
        for it in odd_ones({style: list(rows.items())}, partial(_has, style)):
            part, (other, at, words) = it.member
            if at not in told:
                told.add(at)
                yield ProjectHit(at, f"`{part}` of `{words}` is {other}; {it.counts} such names in the paths here are {style}.")


def _has(style: str, row: tuple[str, tuple[str, Ref, str]]) -> bool:
    return row[1][0] == style


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """The same of a document's paths."""
    rows: dict[str, tuple[str, Node]] = {}
    for path in view.api.paths:
        for part in path.name.split("/"):
            style = next((name for name, pattern in _STYLES.items() if pattern.fullmatch(part)), "")
            if style:
                rows.setdefault(part, (style, path))
    for style in _STYLES:
        for it in odd_ones({style: list(rows.items())}, lambda row, style=style: row[1][0] == style):  # type: ignore[misc]
            part, (other, path) = it.member
            words = f"`{part}` is {other}; {it.counts} such names in the paths here are {style}."
            yield FileHit(path.key, words, symbol=path.name)
