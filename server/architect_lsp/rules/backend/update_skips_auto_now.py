"""Rows are updated together, and their time of change stays as it was.

Why: `auto_now` is set by `save()`. `queryset.update(...)` is one statement that changes the named columns alone, so `modified`
goes on telling of the change before.
Instead: set it in the same statement.

    Article.objects.filter(pk__in=ids).update(published=True, modified=timezone.now())

Consequences: caches, feeds and synchronisations that go by that time never see the change.
Tests: update, and compare the time before and after.
Source: https://docs.djangoproject.com/en/stable/ref/models/fields/#django.db.models.DateField.auto_now
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    preview=True,  # most such updates are of counts and flags that tell nothing new: one of seven was worth it
    rows=["B2"],
    needs=[".update("],
    bad=[
        Bad("""
from django.db import models

class Article(models.Model):
    published = models.BooleanField()
    modified = models.DateTimeField(auto_now=True)

def publish(ids):
    return [|Article.objects.filter(pk__in=ids).update(published=True)|]
"""),
    ],
    good=[
        """
from django.db import models
from django.db.models import F
from django.utils import timezone

class Article(models.Model):
    published = models.BooleanField()
    views = models.IntegerField()
    modified = models.DateTimeField(auto_now=True)

class Note(models.Model):
    text = models.TextField()
    made = models.DateTimeField(auto_now_add=True)

def publish(ids, values):
    Article.objects.filter(pk__in=ids).update(published=True, modified=timezone.now())
    Article.objects.filter(pk__in=ids).update(views=F("views") + 1)
    Article.objects.filter(pk__in=ids).update(**values)
    Note.objects.filter(pk__in=ids).update(text="")
    values.update(published=True)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`update` of a model with an `auto_now` column, that does not name it."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("update", "aupdate") or call.args:
            continue
        names = {it.arg for it in call.keywords}
        if not names or None in names or any("F(" in ast.unparse(it.value) for it in call.keywords):
            continue  # a counter is no change of what the row says
        query = asked.query(call.func.value)
        if query is None or query.orm != "django" or query.model is None or query.gives != "rows":
            continue
        column = next((it for it in query.model.columns if it.at is not None and _is_auto(view, it.at, it.name)), None)
        if column is not None and column.name not in names:
            step = ((column.at, f"`{column.name}` is set by `save()` alone"),) if column.at is not None else ()
            yield Hit(
                call, f"`update` sets no `auto_now` column: `{column.name}` keeps the time of the change before.", evidence=step
            )


def _is_auto(view: View, ref: Ref, name: str) -> bool:
    """Whether a field is set to the time of each `save`."""
    owner = view.project.class_(ref.path, ref.qualname) or view.project.class_(ref.path, ref.qualname.rpartition(".")[0])
    row = next((it for it in owner.fields if it.name == name), None) if owner is not None else None
    said = row.value.keyword("auto_now") if row is not None and row.value is not None else None
    return said is not None and said.text == "True"
