"""A parameter may be None, and every request must send it all the same.

Why: in pydantic 2 and FastAPI, `str | None` says what a value may be, not that it may be left out. Without a default the client
that leaves it out is answered 422.
Instead: give it a default.

    async def boats(harbour: str | None = None): ...

Consequences: clients that worked with version 1 of pydantic, where None was the default, are refused.
Trade-offs: where null means something else than nothing, say so in its description, and keep it required.
Tests: leave the parameter out, and assert 200.
Source: https://docs.pydantic.dev/latest/migration/#required-optional-and-nullable-fields
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.operations import parameters, routes_of
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.schemas import is_pydantic_2, pydantic_model
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A1", "A4"],
    needs=["None", "Optional"],
    bad=[
        Bad("""
from typing import Optional
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()

class ProductPatch(BaseModel):
    name: [|Optional[str]|]
    price: Optional[int] = None

@app.patch("/products/{key}")
def patch(key: int, body: ProductPatch):
    return save(key, body.model_dump(exclude_unset=True))
"""),
        Bad("""
from fastapi import FastAPI

app = FastAPI()

@app.get("/boats")
def boats(harbour: [|str | None|], limit: int = 20):
    return harbour
"""),
        Bad("""
from typing import Annotated, Optional
from fastapi import APIRouter, Query

router = APIRouter()

@router.get("/boats")
async def boats(harbour: Annotated[[|Optional[str]|], Query(max_length=9)]):
    return harbour
"""),
    ],
    good=[
        """
from typing import Optional
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()

class ProductIn(BaseModel):
    name: Optional[str]

class Patch(BaseModel):
    name: Optional[str] = None

@app.put("/products/{key}")
def put(key: int, body: ProductIn):
    return save(key, body.model_dump())

@app.patch("/products/{key}")
def patch(key: int, body: Patch, other: ProductIn): ...
""",
        """
from typing import Annotated, Optional
from fastapi import APIRouter, Depends, Query

router = APIRouter()

async def user() -> dict | None: ...

@router.get("/boats/{key}")
async def boats(key: str | None, user: Annotated[dict | None, Depends(user)], harbour: Optional[str] = None):
    return harbour

def helper(name: str | None):
    return name
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Parameters of handlers of FastAPI that may be None and have no default."""
    yield from _fields(view)
    for function in view.reading.functions:
        if not function.decorator_list:
            continue
        rows = [(it, shown) for it in _bare(function) if (shown := _optional(it.annotation)) is not None]
        if not rows:
            continue
        routes = routes_of(view.project, view.path, view.reading.qualname(function))
        if not routes or any(it.framework != "fastapi" for it in routes):
            continue
        named = {name for it in routes for name in parameters(it.path)}
        for it, shown in rows:
            if it.arg not in named:
                yield Hit(shown, f"`{it.arg}` may be None, and a request without it is refused: give it a default.")


def _fields(view: View) -> Iterator[Hit]:
    """Fields that may be None and must be sent, of models of pydantic 2 that are bodies of PATCH."""
    for node in view.reading.each(ast.ClassDef):
        rows = [
            it for it in node.body if isinstance(it, ast.AnnAssign) and it.value is None and _optional(it.annotation) is not None
        ]
        if not rows or not is_pydantic_2(view.project):
            continue
        key = view.path, view.reading.qualname(node)
        if key in view.project.of_all("models of PATCH", _patched) and pydantic_model(view.project, *key):
            for it in rows:
                shown = _optional(it.annotation) or it.annotation
                yield Hit(shown, f"`{ast.unparse(it.target)}` may be None, and a PATCH without it is refused: give it a default.")


def _patched(project: Project) -> frozenset[tuple[str, str]]:
    """The classes that handlers of PATCH take, and no others do."""
    patched: set[tuple[str, str]] = set()
    others: set[tuple[str, str]] = set()
    for it in catalogue(project).routes:
        definition = project.definition(it.handler.path, it.handler.qualname) if it.handler is not None else None
        if it.framework != "fastapi" or it.handler is None or definition is None:
            continue
        for _, kind in definition.parameters:
            symbol = project.resolve(it.handler.path, kind) if kind else None
            if isinstance(symbol, ClassSymbol):
                (patched if it.methods == {"PATCH"} else others).add((symbol.path, symbol.facts.qualname))
    return frozenset(patched - others)


def _bare(function: Function) -> Iterator[ast.arg]:
    """The parameters without a default."""
    positional = [*function.args.posonlyargs, *function.args.args]
    yield from positional[: len(positional) - len(function.args.defaults)]
    yield from (it for it, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if default is None)


def _optional(annotation: ast.expr | None) -> ast.expr | None:
    """The part of an annotation that says "or None"; None where a dependency gives the value, or nothing says so."""
    if isinstance(annotation, ast.Subscript) and dotted(annotation.value).rpartition(".")[2] == "Annotated":
        rows = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else []
        given = any(isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2] in ("Depends", "Security") for it in rows)
        return _optional(rows[0]) if rows and not given else None
    if isinstance(annotation, ast.Subscript):
        return annotation if dotted(annotation.value).rpartition(".")[2] == "Optional" else None
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return annotation if any(isinstance(it, ast.Constant) and it.value is None for it in ast.walk(annotation)) else None
    return None
