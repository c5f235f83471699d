"""A validator is written so that nothing ever runs it.

Why: pydantic collects its validators from the class's body. Under a `@classmethod` that stands above it, it can't be found; with
`check_fields=False` a name that no field has is taken without a word. The class is made, and everything is accepted.
Instead: the validator's decorator on top, and the field's own name.

    @field_validator("name")
    @classmethod
    def lower(cls, value: str) -> str: ...

Consequences: values that were to be refused are stored.
Tests: send what must be refused, and assert the error.
Source: https://docs.pydantic.dev/latest/api/functional_validators/; https://docs.pydantic.dev/latest/errors/usage_errors/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.habits import by_family
from architect_lsp.knowledge.lineage import attributes, lineage
from architect_lsp.knowledge.reading import Function, constant, dotted, keyword
from architect_lsp.knowledge.schemas import is_whole, pydantic_model, serializer
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A4"],
    needs=["validat"],
    bad=[
        Bad("""
from pydantic import BaseModel, field_validator, model_validator

class Account(BaseModel):
    email: str
    full_name: str

    @classmethod
    @[|field_validator("email")|]
    def lower(cls, value):
        return value.lower()

    @field_validator([|"fullname"|], check_fields=False)
    @classmethod
    def strip(cls, value):
        return value.strip()

    @field_validator("email", [|"fullname"|])
    @classmethod
    def short(cls, value):
        return value[:80]

    @[|model_validator(mode="before")|]
    def renamed(self, data):
        return data
"""),
        Bad("""
from rest_framework import serializers

class Slot(serializers.Serializer):
    seats = serializers.IntegerField()

    [|def validate_seat(self, value):|]
        return value
"""),
    ],
    good=[
        """
from rest_framework import serializers

class Pending(serializers.ModelSerializer):
    note = serializers.CharField()

    class Meta:
        model = Learner
        fields = ("customer", "note")

class Linked(Pending):
    def validate_customer(self, value):
        return value
""",
        """
from pydantic import BaseModel, field_validator, model_validator
from rest_framework import serializers
from other import Base

class Account(BaseModel):
    email: str

    @field_validator("email", "*")
    @classmethod
    def lower(cls, value):
        return value.lower()

    @model_validator(mode="before")
    @classmethod
    def renamed(cls, data):
        return data

    @model_validator(mode="before")
    def bare(cls, data):
        return data

class CategoriesMixin(BaseModel):
    @field_validator("categories", check_fields=False)
    @classmethod
    def known(cls, value):
        return value

class Named(BaseModel):
    @field_validator("name", check_fields=False)
    @classmethod
    def strip(cls, value):
        return value.strip()

class Person(Named):
    name: str

class Other(Base):
    @field_validator("name")
    @classmethod
    def strip(cls, value):
        return value.strip()

class Slot(serializers.Serializer):
    seats = serializers.IntegerField()

    def validate_seats(self, value):
        return self.validate_small(value)

    def validate_small(self, value):
        return value

class Listed(serializers.ModelSerializer):
    def validate_seat(self, value):
        return value
""",
    ],
)

_NAMED = ("field_validator", "validator")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Decorators of validators that the class can't find, and names of fields that no class has."""
    for function in view.reading.functions:
        owner = view.reading.owner(function)
        if not owner:
            continue
        names = [dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] for it in function.decorator_list]
        for at, it in enumerate(function.decorator_list):
            if not isinstance(it, ast.Call) or names[at] not in (*_NAMED, "model_validator"):
                continue
            if not view.callee(it).startswith("pydantic."):
                continue
            if "classmethod" in names[:at] and pydantic_model(view.project, view.path, owner):
                yield Hit(it, f"Under `@classmethod` pydantic does not find it: `{function.name}` never runs.")
            elif names[at] == "model_validator":
                if _takes_self(function) and constant(keyword(it, "mode")) == "before":
                    yield Hit(it, f"Before there is an object, `{function.name}` gets no `self`: make it a class method.")
            else:
                yield from _unknown(view, it, owner)
        if not function.decorator_list and function.name.startswith("validate_") and len(function.args.args) == 2:
            yield from _of_serializer(view, function, owner)


def _takes_self(function: Function) -> bool:
    return [it.arg for it in function.args.args[:1]] == ["self"] and not any(
        dotted(it) == "classmethod" for it in function.decorator_list
    )


def _unknown(view: View, call: ast.Call, owner: str) -> Iterator[Hit]:
    """The names that no field of the model has, nor of any class made of it."""
    if constant(keyword(call, "check_fields")) is False and owner.endswith(("Mixin", "Base")):
        return  # others are made of it
    said = [it for it in call.args if isinstance(it, ast.Constant) and isinstance(it.value, str) and it.value != "*"]
    model = pydantic_model(view.project, view.path, owner) if said else None
    if model is None or not is_whole(view.project, model):
        return
    fields = attributes(view.project, model)
    missed = [it for it in said if it.value not in fields]
    if missed and not by_family(view.project).get(f"{view.path}:{owner}"):
        for it in missed:
            yield Hit(it, f"`{owner.rpartition('.')[2]}` has no field `{it.value!s}`: nothing is checked.")


def _of_serializer(view: View, function: Function, owner: str) -> Iterator[Hit]:
    """A method named for a field that a plain serializer does not have, and that nothing calls."""
    facts = view.project.class_(view.path, owner)
    symbol = ClassSymbol(view.path, facts) if facts is not None else None
    if symbol is None or not serializer(view.project, symbol) or not is_whole(view.project, symbol):
        return
    names = attributes(view.project, symbol)
    fields = {it.name for it in names.values() if it.field is not None}
    calls = {each.target.rpartition(".")[2] for it in names.values() if it.call is not None for each in it.call.calls}
    family = (it for it in (symbol, *lineage(view.project, symbol)) if isinstance(it, ClassSymbol))
    metas = (view.project.class_(it.path, f"{it.facts.qualname}.Meta") for it in family)
    meta = next((it for it in metas if it is not None), None)
    if function.name.removeprefix("validate_") in fields or function.name in calls or meta is not None or not fields:
        return
    if not by_family(view.project).get(f"{view.path}:{owner}"):
        yield Hit(function, f"No field is called `{function.name.removeprefix('validate_')}`: `{function.name}` never runs.")
