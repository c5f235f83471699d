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
from architect_lsp.knowledge.models import Models
from architect_lsp.knowledge.reading import constant
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

"""),
        Bad("""
-- app/models.py --
from django.conf import settings
from django.db import models

class Session(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    workout = models.ForeignKey("Workout", on_delete=models.CASCADE)
    notes = models.TextField()
-- app/forms.py --
from django import forms
from app.models import Session

class SessionForm(forms.ModelForm):
    class Meta:
        model = Session
        exclude = [|("workout",)|]
"""),
    ],
    good=[
        """
-- app/models.py --
from django.db import models

class Comment(models.Model):
    exercise = models.ForeignKey("Exercise", on_delete=models.CASCADE)
    text = models.TextField()
-- app/forms.py --
from django import forms
from app.models import Comment

class CommentForm(forms.ModelForm):
    class Meta:
        model = Comment
        exclude = ("exercise",)
""",
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

_NOT_FOR_ALL = regex(
    r"user|owner|author|creator|created_by|approved_by|customer|account|tenant|organi[sz]ation|role|groups|permissions"
    r"|is_(?:staff|superuser|admin|active|approved|verified|published|paid)|approved|verified|balance|password|\w*_?token|api_key|secret"
)
"""Columns that say whose a row is, or what somebody may do: a form that anyone fills in does not set them."""


def _opens(view: View, meta: ast.ClassDef, model: ast.expr | None, left_out: ast.expr) -> bool:
    """Whether a model has columns that are not for everyone, the list of those left out does not name them, nor a constructor."""
    form = view.reading.qualname(meta).removesuffix(".Meta")
    if view.project.definition(view.path, f"{form}.__init__") is not None:
        return False
    found = view.symbol(model) if model is not None else None
    known = Models.of(view.project).at(found) if isinstance(found, ClassSymbol) else None
    named = {constant(it) for it in ast.walk(left_out) if isinstance(it, ast.Constant)}
    each = {it.name for it in known.columns} | {it.name for it in known.relations} if known is not None else set()
    return any(_NOT_FOR_ALL.fullmatch(it) for it in each - named)


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
        if shown is None or (shown is left_out and not _opens(view, meta, rows.get("model"), shown)):
            continue
        owner = view.project.class_(view.path, reading.qualname(meta).removesuffix(".Meta"))
        if owner is None or "Admin" in owner.qualname:
            continue
        if (view.path, owner.qualname) in admin_forms(view.project):
            continue
        if any(_FORMS.fullmatch(dotted_name(it)) for it in lineage(view.project, ClassSymbol(view.path, owner))):
            yield Hit(shown, "The form takes all fields of its model, and those that are added to it later: name them.")
