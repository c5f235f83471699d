"""A receiver of a signal is registered without the decorators above it.

Why: decorators run from the bottom up. `@receiver` hands the signal what it gets, the bare function, and what stands above it
wraps something that nobody calls.
Instead: put `@receiver` first.

    @receiver(post_delete, sender=Photo)
    @quietly
    def remove_file(sender, instance, **kwargs): ...

Consequences: the retry, the lock or the transaction that the code shows is not there when the signal comes.
Tests: send the signal, and assert what the decorator does.
Source: https://docs.djangoproject.com/en/stable/topics/signals/#connecting-receiver-functions
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B1", "B2"],
    equivalents=["DJ013"],
    needs=["@receiver", ".receiver("],
    bad=[
        Bad("""
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

@transaction.atomic
@[|receiver(post_delete, sender="app.Photo")|]
def remove_file(sender, instance, **kwargs):
    instance.log.delete()
"""),
    ],
    good=[
        """
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

@receiver(post_save, sender="app.Photo")
@receiver(post_delete, sender="app.Photo")
@transaction.atomic
def remove_file(sender, instance, **kwargs):
    instance.log.delete()

class Listener:
    @staticmethod
    @receiver(post_save, sender="app.Photo")
    def saved(sender, **kwargs): ...
""",
    ],
)

_HARMLESS = regex(r"(?:\w+\.)*(?:receiver|staticmethod|register|hook|override|typing\.\w+)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`@receiver` of Django's below a decorator that changes what a function does."""
    for function in view.reading.functions:
        names = [dotted(it.func if isinstance(it, ast.Call) else it) for it in function.decorator_list]
        above = ""
        for it, name in zip(function.decorator_list, names, strict=True):
            if above and isinstance(it, ast.Call) and view.callee(it) == "django.dispatch.receiver":
                yield Hit(it, f"The signal calls `{function.name}` without `{above}`, which stands above its registration.")
            above = above or ("" if _HARMLESS.fullmatch(name) else name)
