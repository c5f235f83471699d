"""Rows are inserted together, and the receiver that waits for each of them is not called.

Why: `bulk_create` and `bulk_update` call no `save()` and send no `pre_save` or `post_save`. What a receiver does for every other
row of the model (a search index, a cache, a default) does not happen for these.
Instead: do what it does for all of them, in the same place.

    made = Product.objects.bulk_create(rows, batch_size=500)
    index([it.pk for it in made])

Consequences: rows that are there and can't be found, of the one import that was fast.
Trade-offs: where few rows are made, save each of them.
Tests: import, and look for what the receiver does.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#bulk-create
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    preview=True,  # not read on enough real code yet
    rows=["B2"],
    needs=["bulk_create(", "bulk_update("],
    bad=[
        Bad("""
-- shop/models.py --
from django.db import models

class Product(models.Model):
    name = models.CharField()
-- shop/signals.py --
from django.db.models.signals import post_save
from django.dispatch import receiver
from shop.models import Product
from shop.search import index

@receiver(post_save, sender=Product)
def index_product(sender, instance, **kwargs):
    index([instance.pk])
-- shop/search.py --
def index(keys): ...
-- shop/imports.py --
from shop.models import Product

def import_names(names):
    [|Product.objects.bulk_create([Product(name=it) for it in names])|]
"""),
    ],
    good=[
        """
-- shop/models.py --
from django.db import models

class Product(models.Model):
    name = models.CharField()
class Note(models.Model):
    text = models.CharField()
-- shop/signals.py --
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from shop.models import Note, Product
from shop.search import index

@receiver(post_save, sender=Product)
def index_product(sender, instance, **kwargs):
    index([instance.pk])

@receiver(post_delete, sender=Note)
def forget(sender, instance, **kwargs):
    index([])
-- shop/search.py --
def index(keys): ...
-- shop/imports.py --
from shop.models import Note, Product
from shop.search import index

def import_names(names):
    made = Product.objects.bulk_create([Product(name=it) for it in names])
    index([it.pk for it in made])
    Note.objects.bulk_create([Note(text=it) for it in names])
""",
    ],
)

_SIGNALS = ("post_save", "pre_save")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`bulk_create` of models that a receiver waits for, in functions that do nothing of what it does."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("bulk_create", "bulk_update") or function is None:
            continue
        query = queries(view.project, view.path, reading).query(call.func.value)
        if query is None or query.orm != "django" or query.model is None:
            continue
        waiting = view.project.of_all("receivers of saved rows", _receivers).get(query.model.ref)
        called = {ast.unparse(it.func).rpartition(".")[2] for it in ast.walk(function) if isinstance(it, ast.Call)}
        if waiting is not None and not called & waiting[1]:
            said = waiting[0].qualname
            step = ((waiting[0], f"`{said}` is called for each row that is saved"),)
            yield Hit(call, f"`{call.func.attr}` sends no signals: `{said}` is not called for these rows.", evidence=step)


def _receivers(project: Project) -> dict[Ref, tuple[Ref, frozenset[str]]]:
    """Of each model, the receiver that waits for its saved rows, with the last names of what it calls."""
    found: dict[Ref, tuple[Ref, frozenset[str]]] = {}
    for path in project.paths:
        for it in project.decorated(path):
            for row in it.decorators:
                first, sender = row.value.argument(0, "signal"), row.value.keyword("sender")
                if row.value.last != "receiver" or first is None or sender is None or sender.kind != "name":
                    continue
                names = [each.last for each in (first.items if first.kind == "list" else [first])]
                symbol = project.resolve(path, sender.text)
                if isinstance(symbol, ClassSymbol) and any(name in _SIGNALS for name in names) and it.calls:
                    model = Ref(symbol.path, symbol.facts.qualname, "class")
                    does = frozenset(call.target.removesuffix("()").rpartition(".")[2] for call in it.calls)
                    found.setdefault(model, (Ref(path, it.qualname, "def"), does))
    return found
