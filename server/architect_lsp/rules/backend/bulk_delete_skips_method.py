"""Rows are deleted together, and the model's own `delete` is not called.

Why: `queryset.delete()` is one statement. It sends signals, but calls no `delete()` of a model, so what that method does besides
(removing a file, telling a search index, only marking the row) does not happen.
Instead: delete one by one where there are few, or move what must always happen into a `post_delete` receiver.

    for photo in Photo.objects.filter(owner=user):
        photo.delete()

Consequences: files that nobody finds again, and rows that are gone where they should only be hidden.
Trade-offs: one by one is one query a row; a receiver is called either way.
Tests: delete through the queryset, and look for what the method does.
Source: https://docs.djangoproject.com/en/stable/topics/db/models/#overriding-predefined-model-methods
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.symbols import FunctionSymbol, Instance, Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    preview=True,  # not read on enough real code yet
    rows=["B2"],
    needs=[".delete()"],
    bad=[
        Bad("""
from django.db import models

class Photo(models.Model):
    owner = models.ForeignKey("auth.User", on_delete=models.CASCADE)
    file = models.FileField()

    def delete(self, *args, **kwargs):
        self.file.delete(save=False)
        return super().delete(*args, **kwargs)

def forget(user):
    [|Photo.objects.filter(owner=user).delete()|]
"""),
    ],
    good=[
        """
from django.db import models

class Photo(models.Model):
    owner = models.ForeignKey("auth.User", on_delete=models.CASCADE)

    def delete(self, *args, **kwargs):
        if self.owner.is_staff:
            raise ValueError("kept")
        return super().delete(*args, **kwargs)

class Note(models.Model):
    text = models.TextField()

class Rows(models.QuerySet):
    def delete(self):
        return self.update(gone=True)

class Entry(models.Model):
    objects = Rows.as_manager()

    def delete(self):
        self.gone = True
        self.save()

def forget(user):
    Note.objects.filter(text="").delete()
    Entry.objects.filter(pk=user).delete()
    Photo.objects.get(owner=user).delete()
    Photo.objects.filter(owner=user).delete()
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`delete()` of a queryset whose model has one of its own that does more than refuse."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "delete" or call.args or reading.function(call) is None:
            continue
        query = asked.query(call.func.value)
        if query is None or query.orm != "django" or query.gives != "rows" or query.model is None or query.loaded is None:
            continue
        model = query.model
        own = view.project.resolve(model.ref.path, f"{model.ref.qualname}.delete")
        if not isinstance(own, FunctionSymbol) or _has_own_manager(view, model.ref):
            continue
        does = [it.target for it in own.facts.calls if not it.target.startswith(("super", "ValueError")) and it.certain]
        function = reading.function(call)
        if does and not (isinstance(function, ast.FunctionDef) and function.name == "delete"):
            step = (Ref(own.path, own.facts.qualname, "def"), f"`{model.name}.delete` does more")
            yield Hit(
                call, f"`{model.name}.delete()` is not called for these rows, and it does more than delete.", evidence=(step,)
            )


def _has_own_manager(view: View, ref: Ref) -> bool:
    """Whether `objects` is the project's own, which may do as it likes."""
    found = view.project.class_(ref.path, ref.qualname)
    named = found is not None and any(it.name == "objects" for it in found.fields)
    return named or isinstance(view.project.resolve(ref.path, f"{ref.qualname}.objects"), Instance)
