"""A model's `save` takes none of the arguments that Django hands to it.

Why: `objects.create(...)` and `get_or_create(...)` call `save(force_insert=True, using=...)`, and other code saves some fields
with `update_fields`. A `save(self)` of one's own answers them with a `TypeError`.
Instead: take what comes, and hand it on.

    def save(self, *args, **kwargs):
        self.slug = slugify(self.title)
        super().save(*args, **kwargs)

Consequences: the model works in the admin, and fails in the first view that uses `create`.
Tests: make one row with `Model.objects.create(...)`.
Source: https://docs.djangoproject.com/en/stable/topics/db/models/#overriding-predefined-model-methods
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.models import Models
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2"],
    needs=["def save("],
    bad=[
        Bad("""
from django.db import models

class Page(models.Model):
    title = models.CharField()

    [|def save(self):|]
        self.title = self.title.strip()
        super().save()
"""),
        Bad("""
from django.db import models

class Page(models.Model):
    title = models.CharField()

    [|def save(self, notify=True):|]
        super().save()
        if notify:
            tell(self)
"""),
    ],
    good=[
        """
from django.db import models

class Page(models.Model):
    title = models.CharField()

    def save(self, *args, notify=True, **kwargs):
        super().save(*args, **kwargs)

class Part(models.Model):
    title = models.CharField()

    def save(self, force_insert=False, force_update=False, using=None, update_fields=None):
        super().save(force_insert, force_update, using, update_fields)

class Reading(models.Model):
    title = models.CharField()

    def save(self):
        raise TypeError("readings are written by the importer alone")

class Form:
    def save(self):
        super().save()
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Methods `save` of Django's models that have no place for `force_insert` and `using`."""
    for function in view.reading.functions:
        if function.name != "save" or not isinstance(function, ast.FunctionDef):
            continue
        given = function.args
        names = {it.arg for it in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
        if given.kwarg is not None or {"force_insert", "using"} <= names or "self" not in names:
            continue
        model = Models.of(view.project).by_ref.get(Ref(view.path, view.reading.owner(function.body[0]), "class"))
        if model is not None and model.framework == "django" and _saves(function):
            yield Hit(
                function,
                f"`{model.name}.objects.create(...)` calls `save(force_insert=True, using=...)`, which this does not take.",
            )


def _saves(function: ast.FunctionDef) -> bool:
    """Whether it hands on to Django's own."""
    calls = (it.func for it in ast.walk(function) if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute))
    return any(it.attr == "save" and "super" in ast.unparse(it.value) for it in calls)
