"""A validator of a model raises an error of HTTP.

Why: pydantic collects `ValueError`s of all fields and says where each belongs; any other error flies past it. The client is told
of the first fault alone, in another shape than of all others, and outside of a request (a worker, a script, a test) the model
raises something that nobody there expects.
Instead: raise `ValueError`, and let the framework make 422 of it.

    @field_validator("seats")
    @classmethod
    def some(cls, value: int) -> int:
        if value < 1:
            raise ValueError("at least one seat")
        return value

Consequences: two shapes of errors for one body; the model can't be used without the web framework.
Tests: send two wrong fields, and assert that both are named.
Source: https://docs.pydantic.dev/latest/concepts/validators/#raising-validation-errors
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A4", "B2"],
    needs=["HTTPException"],
    bad=[
        Bad("""
from fastapi import HTTPException
from pydantic import BaseModel, field_validator

class Booking(BaseModel):
    seats: int

    @field_validator("seats")
    @classmethod
    def some(cls, value):
        if value < 1:
            [|raise HTTPException(status_code=422, detail="at least one seat")|]
        return value
"""),
    ],
    good=[
        """
from fastapi import HTTPException
from pydantic import BaseModel, field_validator

class Booking(BaseModel):
    seats: int

    @field_validator("seats")
    @classmethod
    def some(cls, value):
        if value < 1:
            raise ValueError("at least one seat")
        return value

    def checked(self):
        raise HTTPException(status_code=422)
""",
    ],
)

_VALIDATORS = frozenset(("field_validator", "model_validator", "validator", "root_validator"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`raise HTTPException` in validators of pydantic."""
    for node in view.reading.each(ast.Raise):
        function = view.reading.function(node)
        if not isinstance(node.exc, ast.Call) or not isinstance(function, ast.FunctionDef) or not function.decorator_list:
            continue
        if dotted(node.exc.func).rpartition(".")[2] != "HTTPException":
            continue
        calls = [it.func if isinstance(it, ast.Call) else it for it in function.decorator_list]
        if any(dotted(it).rpartition(".")[2] in _VALIDATORS and view.name(it).startswith("pydantic.") for it in calls):
            yield Hit(node, "Pydantic does not take this for a fault of the value: raise `ValueError`.")
