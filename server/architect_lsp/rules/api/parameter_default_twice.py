"""A parameter's default stands inside of its `Annotated`, where FastAPI refuses it.

Why: in `Annotated` the default belongs behind the `=`. FastAPI stops with an assertion as soon as the route is registered, and
there is no good guess which of two defaults was meant.
Instead: one default, behind the `=`.

    q: Annotated[str, Query(min_length=1)] = "rick"

Consequences: the application does not start.
Source: https://fastapi.tiangolo.com/tutorial/query-params-str-validations/#query-as-the-default-value-or-in-annotated
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A4"],
    needs=["Annotated"],
    bad=[
        Bad("""
from typing import Annotated
from fastapi import FastAPI, Header, Query

app = FastAPI()

@app.get("/items")
def items(q: Annotated[str, [|Query(default="rick")|]] = "morty", key: Annotated[str, [|Header("x")|]] = "y"): ...
"""),
    ],
    good=[
        """
from typing import Annotated
from fastapi import Depends, FastAPI, Header, Query

app = FastAPI()

@app.get("/items")
def items(
    q: Annotated[str, Query(min_length=1)] = "rick",
    key: Annotated[str, Header(alias="x")] = "y",
    whole: Annotated[str, Query(...)] = "z",
    user: Annotated[str, Depends(str)] = "",
): ...
"""
    ],
)

_MARKS = frozenset(("Query", "Header", "Cookie", "Form", "File", "Path"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Marks of parameters in `Annotated` that are given a default."""
    for function in view.reading.functions:
        if not function.decorator_list:
            continue
        rows = [it for it in _marks(function) if _has_default(it)]
        if rows and any(it.framework == "fastapi" for it in routes_of(view.project, view.path, view.reading.qualname(function))):
            for it in rows:
                yield Hit(it, f"`{dotted(it.func)}` in `Annotated` takes no default: FastAPI refuses to register the route.")


def _marks(function: Function) -> Iterator[ast.Call]:
    for it in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
        kind = it.annotation
        if (
            isinstance(kind, ast.Subscript)
            and dotted(kind.value).rpartition(".")[2] == "Annotated"
            and isinstance(kind.slice, ast.Tuple)
        ):
            for mark in kind.slice.elts[1:]:
                if isinstance(mark, ast.Call) and dotted(mark.func).rpartition(".")[2] in _MARKS:
                    yield mark


def _has_default(call: ast.Call) -> bool:
    given = keyword(call, "default") or (call.args[0] if call.args else None)
    return (
        given is not None and not (isinstance(given, ast.Constant) and given.value is ...) and not isinstance(given, ast.Starred)
    )
