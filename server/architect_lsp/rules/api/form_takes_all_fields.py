"""A form takes every field of its model, those that are added later too.

Why: `fields = "__all__"` and `exclude` say what a client may write by saying nothing. The day somebody adds `is_approved` to the
model, every visitor of the form can set it.
Instead: name the fields.

    class Meta:
        model = Employee
        fields = ["name", "phone"]

Consequences: a change in one file opens another.
Trade-offs: a field that should be in the form has to be written twice.
Tests: post every column of the model and assert which of them were saved.
Security: mass assignment, one migration away.
Source: https://docs.djangoproject.com/en/stable/topics/forms/modelforms/#selecting-the-fields-to-use
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.frameworks.django_admin import admin_forms
from architect_lsp.knowledge.lineage import dotted as dotted_name
from architect_lsp.knowledge.lineage import lineage
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=915,
    equivalents=["DJ006", "DJ007"],
    needs=["Meta"],
    bad=[
        Bad("""
from django import forms
from app.models import Employee

class EmployeeForm(forms.ModelForm):
    class Meta:
        model = Employee
        fields = [|"__all__"|]

class Other(EmployeeForm):
    class Meta:
        model = Employee
        exclude = [|["salary"]|]
"""),
    ],
    good=[
        """
from django import forms
from rest_framework import serializers
from app.models import Employee

class EmployeeForm(forms.ModelForm):
    class Meta:
        model = Employee
        fields = ["name", "phone"]
        exclude = ["phone"]

class EmployeeSerializer(serializers.ModelSerializer):
    class Meta:
        model = Employee
        fields = "__all__"

class Filter:
    class Meta:
        fields = "__all__"
""",
        """
-- app/forms.py --
from django import forms
from app.models import Employee

class EmployeeForm(forms.ModelForm):
    class Meta:
        model = Employee
        fields = "__all__"
-- app/admin.py --
from django.contrib import admin
from app.forms import EmployeeForm

class EmployeeAdmin(admin.ModelAdmin):
    form = EmployeeForm
    fieldsets = [(None, {"fields": ["name", "phone"]})]
""",
        """
-- app/admin.py --
from django import forms
from app.models import Employee

class EmployeeForm(forms.ModelForm):
    class Meta:
        model = Employee
        fields = "__all__"
""",
    ],
)

_FORMS = regex(r"django\.forms\.(?:models\.)?(?:ModelForm|BaseModelForm)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Forms of Django's models that don't name their fields, outside of the administration."""
    if "admin" in view.path:
        return
    reading = view.reading
    for meta in reading.each(ast.ClassDef):
        if meta.name != "Meta":
            continue
        rows = {
            it.targets[0].id: it.value for it in meta.body if isinstance(it, ast.Assign) and isinstance(it.targets[0], ast.Name)
        }
        fields, left_out = rows.get("fields"), rows.get("exclude")
        is_all = isinstance(fields, ast.Constant) and fields.value == "__all__"
        shown = fields if is_all else left_out if fields is None else None
        if shown is None or (shown is left_out and isinstance(shown, ast.List | ast.Tuple) and not shown.elts):
            continue
        owner = view.project.class_(view.path, reading.qualname(meta).removesuffix(".Meta"))
        if owner is None or "Admin" in owner.qualname:
            continue
        if (view.path, owner.qualname) in admin_forms(view.project):
            continue
        if any(_FORMS.fullmatch(dotted_name(it)) for it in lineage(view.project, ClassSymbol(view.path, owner))):
            yield Hit(shown, "The form takes all fields of its model, and those that are added to it later: name them.")
