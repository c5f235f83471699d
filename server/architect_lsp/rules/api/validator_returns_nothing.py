"""A validator checks its value and returns nothing, so that None takes the value's place.

Why: pydantic and the serializers of Django REST framework keep what a validator returns. One that only raises hands None on for
every value that is right: the field is None, or the whole object is.
Instead: give back what was checked.

    @field_validator("age")
    @classmethod
    def adult(cls, value: int) -> int:
        if value < 18:
            raise ValueError("must be an adult")
        return value

Consequences: what was sent is lost, and nothing says so until someone reads the field.
Tests: send something valid, and assert that it arrives.
Source: https://docs.pydantic.dev/latest/concepts/validators/; https://www.django-rest-framework.org/api-guide/serializers/#validation
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.endings import gives_nothing, returns
from architect_lsp.knowledge.reading import Function, constant, dotted, keyword
from architect_lsp.knowledge.schemas import serializer
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A4", "A5"],
    needs=["validat"],
    bad=[
        Bad("""
from pydantic import BaseModel, field_validator, model_validator

class Guest(BaseModel):
    age: int

    @field_validator("age")
    @classmethod
    [|def adult(cls, value):|]
        if value < 18:
            raise ValueError("must be an adult")

    @model_validator(mode="after")
    [|def whole(self):|]
        if self.age > 200:
            raise ValueError("too old")
"""),
        Bad("""
from rest_framework import serializers

class Slot(serializers.Serializer):
    start = serializers.DateTimeField()

    [|def validate_start(self, value):|]
        if value is None:
            raise serializers.ValidationError("when?")

    [|def validate(self, attrs):|]
        if not attrs["start"]:
            raise serializers.ValidationError("when?")
"""),
    ],
    good=[
        """
from pydantic import BaseModel, field_validator, model_validator
from rest_framework import serializers

class Guest(BaseModel):
    age: int

    @field_validator("age")
    @classmethod
    def adult(cls, value):
        if value < 18:
            raise ValueError("must be an adult")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def whole(cls, data, handler):
        try:
            return handler(data)
        except ValueError:
            cls.fail(data)

class Slot(serializers.Serializer):
    start = serializers.DateTimeField()

    def validate(self, attrs):
        self.validate_length(attrs)
        return super().validate(attrs)

    def validate_category(self, value):
        self.category = Category.objects.get(pk=value)
        if not self.category.is_open:
            raise serializers.ValidationError("closed")

    def validate_length(self, attrs):
        if attrs["end"] < attrs["start"]:
            raise serializers.ValidationError("when?")

class Forbidden(BaseModel):
    extra: list[str] | None = None

    @field_validator("extra")
    @classmethod
    def none(cls, value):
        if value is None:
            return
        raise ValueError("nothing is allowed")

class Checker:
    def validate(self, value):
        if not value:
            raise ValueError
""",
    ],
)

_WHOLE = "the model"
_PYDANTIC = frozenset(("field_validator", "model_validator", "validator", "root_validator"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Validators that may end without a value."""
    for function in view.reading.functions:
        if not view.reading.owner(function):
            continue
        what = _pydantic(view, function) or _django(view, function)
        if not what or not gives_nothing(view.reading, function, may_stay=what != _WHOLE):
            continue
        if what != _WHOLE and any(_gives(it) for it in returns(view.reading, function)):
            continue  # None on one way may be what is meant
        yield Hit(function, f"`{function.name}` returns nothing on a way that raises nothing: {what} becomes None.")


def _gives(node: ast.Return) -> bool:
    return node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None)


def _pydantic(view: View, function: Function) -> str:
    """What a validator of pydantic replaces; "" for what is none."""
    for it in function.decorator_list:
        name = dotted(it.func).rpartition(".")[2] if isinstance(it, ast.Call) else dotted(it).rpartition(".")[2]
        if name in _PYDANTIC and view.name(it.func if isinstance(it, ast.Call) else it).startswith("pydantic."):
            if name == "model_validator" and isinstance(it, ast.Call) and constant(keyword(it, "mode")) == "after":
                return _WHOLE
            return "what was sent" if name in ("model_validator", "root_validator") else "the field"
    return ""


def _is_kept(node: ast.AST) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(it, ast.Attribute) and dotted(it.value) == "self" for it in targets)


def _django(view: View, function: Function) -> str:
    """The same of a method that a serializer calls by its name."""
    name = function.name
    if not (name == "validate" or name.startswith("validate_")) or len(function.args.args) != 2 or function.decorator_list:
        return ""
    facts = view.project.class_(view.path, view.reading.owner(function))
    if facts is None or not serializer(view.project, ClassSymbol(view.path, facts)):
        return ""
    if any(call.target == f"self.{name}" for it in view.project.facts(view.path).defs for call in it.calls):
        return ""  # a helper that goes by such a name
    if name != "validate" and any(_is_kept(it) for it in view.reading.within(function)):
        return ""  # what was found is kept beside the data, and read there
    return "what was sent" if name == "validate" else "the field"
