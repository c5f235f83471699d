"""A serializer takes and gives every column of its model, secrets and privileges among them.

Why: `fields = "__all__"` speaks of the columns that are there now and of all that will come. A client then reads the password's
hash, or writes `is_staff`, because nobody thought of this serializer when the column was added.
Instead: name the fields, and say which of them a client may only read.

    class UserSerializer(serializers.ModelSerializer):
        class Meta:
            model = User
            fields = ["id", "name", "email", "is_staff"]
            read_only_fields = ["is_staff"]

Security: mass assignment (a client gives itself a role), and secrets in responses.
Tests: assert the exact set of keys of a response, and that a write of `is_staff` changes nothing.
Source: https://www.django-rest-framework.org/api-guide/serializers/#specifying-which-fields-to-include
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.frameworks.django_admin import admin_forms
from architect_lsp.knowledge.models import Models
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "A3", "D4"],
    yields_to=["form-takes-all-fields"],
    cwe=915,
    equivalents=["DJ007"],
    needs=["__all__"],
    bad=[
        Bad("""
from django.contrib.auth.models import AbstractUser
from django.db import models
from rest_framework import serializers

class User(AbstractUser):
    api_token = models.CharField(max_length=40)

class UserSerializer(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = [|"__all__"|]
"""),
        Bad("""
-- shop/models.py --
from django.db import models

class Account(models.Model):
    owner = models.CharField(max_length=40)
    is_admin = models.BooleanField(default=False)
-- shop/forms.py --
from django.forms import ModelForm
from shop.models import Account

class AccountForm(ModelForm):
    class Meta:
        model = Account
        fields = [|"__all__"|]
"""),
    ],
    good=[
        """
from django.db import models
from rest_framework import serializers

class Tag(models.Model):
    name = models.CharField(max_length=40)

class User(models.Model):
    name = models.CharField(max_length=40)
    password = models.CharField(max_length=40)
    is_staff = models.BooleanField()

class TagSerializer(serializers.ModelSerializer):
    class Meta:
        model = Tag
        fields = "__all__"

class UserSerializer(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = ["name"]

class Reader(serializers.ModelSerializer):
    password = serializers.CharField(write_only=True)
    class Meta:
        model = User
        fields = "__all__"
        read_only_fields = ["is_staff"]
""",
    ],
)

_SECRET = regex(
    r"(?:\w+_)?(?:password|passwd|secret|api_?key|private_?key|access_?token|api_?token|auth_?token|refresh_?token|otp|pin_?code)(?:_\w+)?"
)
_PRIVILEGE = regex(
    r"is_(?:staff|superuser|admin|verified|moderator)|role|roles|permissions?|user_permissions|groups|balance|credits?"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`fields = "__all__"` for a model with columns that a client must not read or write."""
    reading = view.reading
    if view.path.endswith("admin.py"):  # the administration's forms are to show all
        return
    for meta in reading.each(ast.ClassDef):
        if meta.name != "Meta":
            continue
        rows = {
            it.targets[0].id: it.value for it in meta.body if isinstance(it, ast.Assign) and isinstance(it.targets[0], ast.Name)
        }
        fields = rows.get("fields")
        if not isinstance(fields, ast.Constant) or fields.value != "__all__" or "model" not in rows:
            continue
        found = view.symbol(rows["model"])
        model = Models.of(view.project).at(found) if isinstance(found, ClassSymbol) else None
        scope = reading.qualname(meta).removesuffix(".Meta")
        shapes = isinstance(view.project.resolve(view.path, f"{scope}.to_representation"), FunctionSymbol)
        names = _dangerous(model, found if isinstance(found, External) else None) - _told(view, meta, rows)
        if shapes:  # it answers itself for what it shows
            names = {it for it in names if not _SECRET.fullmatch(it)}
        if names and (view.path, scope) not in admin_forms(view.project):
            shown = ", ".join(f"`{it}`" for it in sorted(names)[:3])
            name = ast.unparse(rows["model"])
            yield Hit(fields, f"All columns of `{name}` are read and written through this, {shown} among them: name the fields.")


def _dangerous(model: OrmModel | None, outside: External | None) -> set[str]:
    if outside is not None:
        return {"password", "is_staff", "is_superuser"} if outside.name.startswith("django.contrib.auth") else set()
    columns = model.columns if model is not None else ()
    return {it.name for it in columns if _SECRET.fullmatch(it.name) or _PRIVILEGE.fullmatch(it.name)}


def _told(view: View, meta: ast.ClassDef, rows: dict[str, ast.expr]) -> set[str]:
    """The fields of which the serializer says more: declared anew, read-only, excluded, with arguments of their own."""
    found: set[str] = set()
    for it in rows.get("read_only_fields"), rows.get("extra_kwargs"), rows.get("exclude"):
        if it is not None:
            found |= {each.value for each in ast.walk(it) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    owner = view.project.class_(view.path, view.reading.qualname(meta).removesuffix(".Meta"))
    return found | {it.name for it in owner.fields} if owner is not None else found
