"""A column of text may be NULL, and so says "nothing" in two ways.

Why: a text that is not there is the empty string to Django's forms and most code. With `null=True` it is also NULL, and a filter
for the one misses the rows that have the other.
Instead: let the empty string say it.

    nickname = models.CharField(max_length=50, blank=True, default="")

Consequences: rows that no filter finds, and `None` in pages and mails.
Trade-offs: a unique column may be empty for many rows only if it is NULL there; a column of another system's table is as it is.
Source: https://docs.djangoproject.com/en/stable/ref/models/fields/#null
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    preview=True,  # linters say it (DJ001), and on tables that are there it is a migration that few would make
    rows=["B2"],
    equivalents=["DJ001"],
    needs=["null=True"],
    bad=[
        Bad("""
from django.db import models

class Contact(models.Model):
    nickname = [|models.CharField(max_length=50, null=True, blank=True)|]
"""),
    ],
    good=[
        """
from django.db import models

class Contact(models.Model):
    nickname = models.CharField(max_length=50, blank=True, default="")
    passport = models.CharField(max_length=20, unique=True, null=True, blank=True)
    born = models.DateField(null=True)
""",
    ],
)

_TEXTS = ("CharField", "TextField", "SlugField", "EmailField", "URLField", "FilePathField")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Django's fields of text with `null=True`, but for unique ones."""
    if "migrations" in view.path.split("/")[:-1]:
        return
    for call in view.reading.each(ast.Call):
        if dotted(call.func).rpartition(".")[2] not in _TEXTS or view.reading.function(call) is not None:
            continue
        if constant(keyword(call, "null")) is True and keyword(call, "unique") is None and "django" in view.callee(call):
            yield Hit(call, "Nothing is said in two ways here, NULL and the empty string: keep to the empty one.")
