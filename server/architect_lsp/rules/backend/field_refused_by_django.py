"""A field's arguments contradict each other, and Django refuses the model.

Why: `on_delete=SET_NULL` needs a column that takes NULL, a decimal needs to know its digits. Django checks models when it starts:
the project neither runs nor migrates with this one.
Instead: say what goes with it.

    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)

Consequences: `SystemCheckError` at every command.
Tests: `manage.py check` in the pipeline.
Source: https://docs.djangoproject.com/en/stable/ref/checks/#model-fields (E130, E132, E160, E320, E321)
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2"],
    needs=["SET_NULL", "SET_DEFAULT", "DecimalField(", "auto_now"],
    bad=[
        Bad("""
from django.db import models

class Task(models.Model):
    assignee = [|models.ForeignKey("auth.User", on_delete=models.SET_NULL)|]
    list = [|models.ForeignKey("List", on_delete=models.SET_DEFAULT)|]
    hours = [|models.DecimalField(default=0)|]
    made = [|models.DateTimeField(auto_now=True, auto_now_add=True)|]
"""),
    ],
    good=[
        """
from django.db import models
from rest_framework import serializers

class Task(models.Model):
    assignee = models.ForeignKey("auth.User", on_delete=models.SET_NULL, null=True)
    list = models.ForeignKey("List", on_delete=models.SET_DEFAULT, default=1)
    owner = models.ForeignKey("auth.User", on_delete=models.CASCADE)
    hours = models.DecimalField(max_digits=6, decimal_places=2)
    days = models.DecimalField("days", None, 6, 2)
    made = models.DateTimeField(auto_now_add=True)
    other = models.ForeignKey("auth.User", models.SET_NULL, **OPTIONAL)

def rounded(rows):
    return rows.annotate(total=models.Sum("hours", output_field=models.DecimalField()))

class TaskIn(serializers.Serializer):
    hours = serializers.DecimalField(6, 2)
""",
    ],
)

_FIELDS = regex(r"django\.db\.models\.(?:\w+\.)*(ForeignKey|OneToOneField|DecimalField|DateField|DateTimeField|TimeField)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Fields of models that Django's own checks refuse by what their call says."""
    for call in view.reading.each(ast.Call):
        kind = dotted(call.func).rpartition(".")[2]
        if not kind.endswith(("Key", "Field")) or any(it.arg is None for it in call.keywords) or not _is_declared(view, call):
            continue
        said = {it.arg: it.value for it in call.keywords if it.arg}
        wrong = _wrong(kind, call, said)
        if wrong and _FIELDS.fullmatch(view.callee(call)):
            yield Hit(call, f"Django refuses this field: {wrong}.")


def _is_declared(view: View, call: ast.Call) -> bool:
    """Whether it is the value of a name of a class, and no `output_field` of an expression."""
    row = view.reading.parent(call)
    return isinstance(row, ast.Assign | ast.AnnAssign) and isinstance(view.reading.parent(row), ast.ClassDef)


def _wrong(kind: str, call: ast.Call, said: dict[str, ast.expr]) -> str:
    if kind in ("ForeignKey", "OneToOneField"):
        given = said.get("on_delete") or (call.args[1] if len(call.args) > 1 else None)
        last = dotted(given).rpartition(".")[2] if given is not None else ""
        if last == "SET_NULL" and ("null" not in said or constant(said["null"]) is False):
            return "`SET_NULL` needs `null=True`"
        return "`SET_DEFAULT` needs a `default`" if last == "SET_DEFAULT" and not {"default", "db_default"} & said.keys() else ""
    if kind == "DecimalField" and not any(isinstance(it, ast.Starred) for it in call.args):
        missing = [it for n, it in enumerate(("max_digits", "decimal_places"), 3) if it not in said and len(call.args) < n]
        return f"it needs `{missing[0]}`" if missing else ""
    if kind in ("DateField", "DateTimeField", "TimeField"):
        exclusive = [it for it in ("auto_now", "auto_now_add") if it in said and constant(said[it]) is True]
        return "`auto_now` and `auto_now_add` exclude each other" if len(exclusive) > 1 else ""
    return ""
