"""`get_or_create` looks for something that nothing keeps unique.

Why: two requests at once both find nothing, and both insert. From then on every `get_or_create` of it raises
`MultipleObjectsReturned`. Only a unique constraint on what is looked for makes the second insert fail, which Django then answers
with the row of the first.
Instead: say in the database what is unique.

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "state"], name="one_cart_for_each_owner")]

Consequences: a page that fails for one customer for good, after a double click.
Trade-offs: rows that are there twice have to be merged before the constraint can be added.
Tests: two threads that call it at once, on the production database.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#get-or-create
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.queries import queries
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    preview=True,  # not read on enough real code yet
    rows=["B2", "B3"],
    cwe=362,
    needs=["get_or_create(", "update_or_create("],
    bad=[
        Bad("""
from django.db import models

class Cart(models.Model):
    owner = models.ForeignKey("auth.User", on_delete=models.CASCADE)
    state = models.CharField()

def cart_of(user):
    cart, _ = [|Cart.objects.get_or_create(owner=user, state="open", defaults={"n": 0})|]
    return cart
def key_of(user):
    return [|Cart.objects.exclude(pk=3).get_or_create(owner=user)|]
"""),
    ],
    good=[
        """
from django.db import models, transaction

class Cart(models.Model):
    owner = models.ForeignKey("auth.User", on_delete=models.CASCADE)
    key = models.CharField(unique=True)
    state = models.CharField()
    day = models.DateField()

    class Meta:
        unique_together = [("owner", "day")]

class Line(models.Model):
    cart = models.OneToOneField(Cart, on_delete=models.CASCADE)

def carts(user, key, day, rows):
    Cart.objects.get_or_create(key=key)
    Cart.objects.get_or_create(pk=3)
    Cart.objects.update_or_create(owner=user, day=day, defaults={"state": "open"})
    Cart.objects.get_or_create(owner_id=user.pk, day=day, state="open")
    Cart.objects.get_or_create(**rows)
    Line.objects.get_or_create(cart=rows)
    with transaction.atomic():
        user.__class__.objects.select_for_update().get(pk=user.pk)
        Cart.objects.get_or_create(owner=user, state="open")
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls whose lookups hold no unique column, and no unique set of columns."""
    reading = view.reading
    if is_script(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("get_or_create", "update_or_create"):
            continue
        query = asked.query(call.func.value)
        if query is None or query.orm != "django" or query.model is None or query.has("select_for_update"):
            continue
        names = {it.arg for it in call.keywords if it.arg != "defaults"} | ({query.owner} if query.owner else set())
        for step in query.steps:
            names |= {it.arg for it in step.call.keywords} if step.name == "filter" else set()
        function = reading.function(call)
        if None in names or not names or call.args or _is_unique(query.model, {str(it) for it in names}):
            continue
        if function is None or any(it in reading.source(function) for it in ("select_for_update", "lock(", "MultipleObjects")):
            continue
        said = " and ".join(f"`{it}`" for it in sorted(str(it) for it in names))
        yield Hit(
            call, f"Nothing keeps {said} of `{query.model.name}` unique: two at once make two rows, and the next call raises."
        )


def _is_unique(model: OrmModel, names: set[str]) -> bool:
    """Whether at most one row can have these."""
    plain = {it.partition("__")[0].removesuffix("_id") for it in names}
    if "pk" in plain or not model.columns:
        return True
    if any((it.unique or it.primary) and it.name in plain for it in model.columns):
        return True
    return any(set(it) <= plain for it in model.indexes)
