"""A field's own bounds leave no value, or not its default.

Why: a default is not checked. `Field(default=500, le=100)` gives 500 to everyone who says nothing and refuses the same 500 from
everyone who says it; bounds that cross refuse everything.
Instead: a default within the bounds.

    size: int = Field(default=50, ge=1, le=100)

Consequences: the limit does not hold for those who leave the field out, and the published schema contradicts itself.
Tests: make the model without the field, and validate what comes of it again.
Source: https://docs.pydantic.dev/latest/concepts/fields/#validate-default-values
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A4", "A5"],
    needs=["ge=", "gt=", "le=", "lt=", "_length=", "min_", "max_"],
    bad=[
        Bad("""
from typing import Annotated
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field
from rest_framework import serializers

class Page(BaseModel):
    size: int = [|Field(default=500, ge=1, le=100)|]
    first: int = [|Field(-1, ge=0)|]
    name: str = [|Field(min_length=10, max_length=5)|]
    code: str = [|Field("toolong", max_length=3)|]
    ratio: float = [|Field(gt=1, lt=1)|]

class Slot(serializers.Serializer):
    seats = [|serializers.IntegerField(min_value=10, max_value=1)|]

app = FastAPI()

@app.get("/rows")
def rows(limit: Annotated[int, [|Query(le=100)|]] = 1000, page: int = [|Query(0, ge=1)|]): ...
"""),
    ],
    good=[
        """
from typing import Annotated
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field
from rest_framework import serializers

class Page(BaseModel):
    size: int = Field(default=50, ge=1, le=100)
    name: str = Field(min_length=5, max_length=5)
    note: str | None = Field(None, max_length=5)
    tags: list[str] = Field(default_factory=list, max_length=3)
    ratio: float = Field(ge=1, le=1)
    code: str = Field(..., max_length=2)

class Slot(serializers.Serializer):
    seats = serializers.IntegerField(min_value=1, max_value=10)

app = FastAPI()

@app.get("/rows")
def rows(limit: Annotated[int, Query(le=100)] = 10, page: int = Query(1, ge=1)): ...
""",
    ],
)

_FIELDS = frozenset(("Field", "Query", "Path", "Header", "Cookie", "Form", "Body", "IntegerField", "FloatField", "CharField"))
_ORDERED = (
    *(("ge", "le", False), ("gt", "lt", True), ("ge", "lt", True), ("gt", "le", True)),
    *(("min_length", "max_length", False), ("min_value", "max_value", False)),
)
"""(lower bound, upper bound, whether they may not be equal)."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that declare a field, with bounds and defaults of which one excludes the other."""
    for call in view.reading.each(ast.Call):
        if len(call.keywords) == 0 or dotted(call.func).rpartition(".")[2] not in _FIELDS:
            continue
        bounds = {it.arg: value for it in call.keywords if it.arg and (value := _number(it.value)) is not None}
        crossed = next((row for row in _ORDERED if _crosses(bounds, *row)), None)
        if crossed is not None:
            low, high, _ = crossed
            yield Hit(call, f"No value is at once {low} {bounds[low]:g} and {high} {bounds[high]:g}.")
            continue
        default = _default(view, call)
        value = _number(default) if default is not None else None
        if value is not None and (broken := _broken(bounds, value)):
            yield Hit(
                call, f"The default {value:g} is against `{broken}={bounds[broken]:g}`, which a client's {value:g} is held to."
            )
        elif isinstance(default, ast.Constant) and isinstance(default.value, str) and default.value:
            size = len(default.value)
            if size > bounds.get("max_length", size) or size < bounds.get("min_length", size):
                yield Hit(call, f"The default has {size} characters, which its own bounds refuse.")


def _default(view: View, call: ast.Call) -> ast.expr | None:
    """What stands for a field that is left out."""
    up = view.reading.parent(call)
    if isinstance(up, ast.Tuple | ast.Subscript):  # in an `Annotated[...]`: the default of its parameter
        for argument in view.reading.ancestors(call):
            if isinstance(argument, ast.AnnAssign):
                return argument.value
            if isinstance(argument, ast.arg):
                return _of_parameter(view, argument)
            if isinstance(argument, ast.stmt):
                break
        return None
    if dotted(call.func).rpartition(".")[2].endswith("Field") and dotted(call.func).rpartition(".")[2] != "Field":
        return keyword(call, "default")
    return keyword(call, "default") or (call.args[0] if call.args else None)


def _of_parameter(view: View, argument: ast.arg) -> ast.expr | None:
    arguments = view.reading.parent(argument)
    if not isinstance(arguments, ast.arguments):
        return None
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True),
        *((it, value) for it, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is not None),
    ]
    return next((value for it, value in pairs if it is argument), None)


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return -inner if inner is not None else None
    value = constant(node)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _crosses(bounds: dict[str, float], low: str, high: str, strict: bool) -> bool:
    if low not in bounds or high not in bounds:
        return False
    return bounds[low] > bounds[high] or (strict and bounds[low] == bounds[high])


def _broken(bounds: dict[str, float], value: float) -> str:
    """The bound that a number breaks, "" where it breaks none."""
    for name, limit in bounds.items():
        low = (name in ("ge", "min_value") and value < limit) or (name == "gt" and value <= limit)
        if low or (name in ("le", "max_value") and limit < value) or (name == "lt" and limit <= value):
            return name
    return ""
