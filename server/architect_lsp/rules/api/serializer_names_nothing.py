"""A serializer speaks of a method or a field that is not there.

Why: a `SerializerMethodField` asks for `get_<field>` when the first row is shown, and a field that is declared and not listed in
`Meta.fields` fails when the serializer is first used. Neither fails when the file is imported.
Instead: the method by the field's name, and every declared field in the list.

    full_name = serializers.SerializerMethodField()

    def get_full_name(self, obj): ...

Consequences: every answer of the view is 500.
Tests: serialize one row.
Source: https://www.django-rest-framework.org/api-guide/fields/#serializermethodfield
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.lineage import attributes
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.schemas import is_whole, serializer
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A4"],
    needs=["Field("],
    bad=[
        Bad("""
from rest_framework import serializers

class Person(serializers.ModelSerializer):
    full_name = [|serializers.SerializerMethodField()|]
    age = serializers.SerializerMethodField(method_name="years")
    town = [|serializers.CharField(source="city")|]

    class Meta:
        fields = ["id", "full_name", "age"]

    def years(self, obj):
        return obj.years
"""),
    ],
    good=[
        """
from rest_framework import serializers
from other import Mixin

class Person(serializers.ModelSerializer):
    full_name = serializers.SerializerMethodField()

    class Meta:
        fields = ["id", "full_name"]

    def get_full_name(self, obj):
        return obj.name

class Mixed(Mixin, serializers.Serializer):
    full_name = serializers.SerializerMethodField()

class Employee(Person):
    extra = serializers.CharField()

    class Meta(Person.Meta):
        fields = Person.Meta.fields + ["extra"]

class Abstract(serializers.Serializer):
    kind = serializers.CharField(read_only=True)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Fields of serializers without their method, or without their place in the list."""
    for node in view.reading.each(ast.ClassDef):
        rows = list(_fields(node))
        facts = view.project.class_(view.path, view.reading.qualname(node)) if rows else None
        if facts is None:
            continue
        symbol = ClassSymbol(view.path, facts)
        if not serializer(view.project, symbol) or not is_whole(view.project, symbol):
            continue
        names, listed = attributes(view.project, symbol), _listed(view.project, view.path, facts.qualname)
        dynamic = any(
            it.call is not None and it.name in ("__getattr__", "__init__", "get_fields", "get_field_names")
            for it in names.values()
        )
        for name, call in rows:
            if dotted(call.func).rpartition(".")[2] == "SerializerMethodField":
                said = keyword(call, "method_name") or (call.args[0] if call.args else None)
                method = constant(said) if said is not None else f"get_{name}"
                if isinstance(method, str) and method not in names and not dynamic:
                    yield Hit(call, f"`{node.name}` has no `{method}`, which shows `{name}`.")
                    continue
            if listed is not None and name not in listed and not dynamic:
                yield Hit(call, f"`{name}` is declared and not among `Meta.fields`: the serializer refuses to work.")


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.Call]]:
    for it in node.body:
        if not isinstance(it, ast.Assign) or not isinstance(it.targets[0], ast.Name) or not isinstance(it.value, ast.Call):
            continue
        if dotted(it.value.func).rpartition(".")[2].endswith("Field"):
            yield it.targets[0].id, it.value


def _listed(project: Project, path: str, qualname: str) -> frozenset[str] | None:
    """What `Meta.fields` names, None where that can't be told."""
    meta = project.class_(path, f"{qualname}.Meta")
    said = next((it.value for it in meta.fields if it.name == "fields"), None) if meta is not None else None
    if said is None or said.kind not in ("list", "tuple") or any(it.kind != "text" for it in said.items):
        return None
    return frozenset(it.text for it in said.items)
