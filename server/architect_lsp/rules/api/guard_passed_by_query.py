"""One of two routes of a handler is guarded, and the open one takes the same value as a query parameter.

Why: FastAPI reads a parameter from the path where the path names it, and from the query where it does not. A handler of
`/tags` and `/tags/{index}` that has `index: int | None = None` therefore answers `/tags?index=1` too, and the `dependencies` of
the second decorator are not asked there.
Instead: ask in the handler, or give the two routes two handlers.

    @router.get("/tags")
    @router.get("/tags/{index}")
    async def tags(index: int | None = None, user: User = Depends(get_user)):
        if index is not None and user.role != "admin":
            raise HTTPException(403)

Consequences: what was meant for administrators is open to every user.
Tests: ask the open route with the parameter in its query, as a user without the right, and expect 403.
Security: CWE-288
Source: https://fastapi.tiangolo.com/tutorial/query-params/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import parameters, routes_of
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=288,
    needs=["dependencies"],
    bad=[
        Bad("""
from fastapi import APIRouter, Depends, FastAPI
from shop.users import get_current_admin, get_user

app = FastAPI()
router = APIRouter()

@[|router.get("/tags")|]
@router.get("/tags/{index}", dependencies=[Depends(get_current_admin)])
async def tags(index: int | None = None, user=Depends(get_user)):
    return await backend(index).tags()

app.include_router(router)
"""),
    ],
    good=[
        """
from fastapi import APIRouter, Depends, FastAPI
from shop.users import counted, get_current_admin, get_user

app = FastAPI()
router = APIRouter()

@router.get("/tags")
@router.get("/tags/{index}")
async def tags(index: int | None = None, user=Depends(get_user)):
    return await backend(index).tags()

@router.get("/rows", dependencies=[Depends(get_current_admin)])
@router.get("/rows/{index}", dependencies=[Depends(get_current_admin)])
async def rows(index: int | None = None):
    return await backend(index).rows()

@router.get("/public")
@router.get("/all", dependencies=[Depends(get_current_admin)])
async def names(index: int | None = None):
    return []

@router.get("/sizes")
@router.get("/sizes/{index}", dependencies=[Depends(counted)])
async def sizes(index: int | None = None):
    return await backend(index).sizes()

@router.get("/pages")
@router.get("/pages/{name}", dependencies=[Depends(get_current_admin)])
@router.get("/limits/{index}", dependencies=[Depends(get_current_admin)])
async def page(name: str | None = None, index: int = 0):
    return render("base.html", index)

app.include_router(router)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Decorators of handlers of FastAPI whose guarded twin fills in a parameter that is a query parameter here."""
    for function in view.reading.functions:
        if len(function.decorator_list) < 2 or sum(_path(it) is not None for it in function.decorator_list) < 2:
            continue
        routes = [it for it in routes_of(view.project, view.path, view.reading.qualname(function)) if it.framework == "fastapi"]
        for decorator in function.decorator_list:
            path = _path(decorator)
            own = next((it for it in routes if path is not None and it.path.endswith(path) and not _filled(path)), None)
            passed = next((found for it in routes if own is not None and (found := _passed(function, own, it))), None)
            if passed:
                yield Hit(
                    decorator,
                    f"`?{passed[0]}=...` on this route reaches what `{{{passed[0]}}}` asks `{passed[1]}` for on the other.",
                )


def _path(node: ast.expr) -> str | None:
    """The path that a decorator registers."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return None
    first = node.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _filled(path: str) -> bool:
    return "{" in path


def _passed(function: ast.FunctionDef | ast.AsyncFunctionDef, own: Route, other: Route) -> tuple[str, str] | None:
    """(parameter, guard) where a guarded route fills in what the own one takes from its query."""
    if not other.path.startswith(own.path.rstrip("/") + "/{") or not own.methods & other.methods:
        return None
    asked = {it.name for it in own.dependencies}
    guard = next((it.name.rpartition(".")[2] for it in other.dependencies if it.guards and it.name not in asked), "")
    mine = set(parameters(own.path))
    read = {it.id for row in function.body for it in ast.walk(row) if isinstance(it, ast.Name)}
    names = read & {it.arg for it in (*function.args.args, *function.args.kwonlyargs)}
    more = next((it for it in parameters(other.path) if it not in mine and it in names), "")
    return (more, guard) if guard and more else None
