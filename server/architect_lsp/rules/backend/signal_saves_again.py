"""A receiver of a save signal saves the same object, which sends the signal again.

Why: `save()` sends `pre_save` and `post_save`. A receiver that saves its instance whenever it is called is called by its own
save, until Python's stack is full.
Instead: write past the model, only when it was created, or set the value before it is saved.

    @receiver(pre_save, sender=Profile)
    def slugify(sender, instance, **kwargs):
        instance.slug = f"{instance.name.lower()}"

Consequences: `RecursionError` on every save, or an endless row of updates where something else ends it.
Trade-offs: `update()` sends no signals at all, which is the point here; others that listen are not told either.
Tests: save one object and count the queries.
Source: https://docs.djangoproject.com/en/stable/ref/signals/#post-save
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2"],
    cwe=674,
    needs=["pre_save", "post_save"],
    bad=[
        Bad("""
from django.db.models.signals import post_save
from django.dispatch import receiver
from app.models import Profile

@receiver(post_save, sender=Profile)
def slugify(sender, instance, created, **kwargs):
    instance.slug = f"{instance.name.lower()}-{instance.pk}"
    [|instance.save()|]
"""),
        Bad("""
from django.db.models import signals
from django.dispatch import receiver

@receiver([signals.pre_save, signals.post_save])
def touch(sender, instance, **kwargs):
    instance.touched += 1
    [|instance.save(update_fields=["touched"])|]
"""),
    ],
    good=[
        """
from django.db.models.signals import post_save, post_delete, pre_save
from django.dispatch import receiver
from app.models import Profile

@receiver(post_save, sender=Profile)
def first(sender, instance, created, **kwargs):
    if created:
        instance.slug = "new"
        instance.save()
    Profile.objects.filter(pk=instance.pk).update(seen=True)
    instance.owner.save()

@receiver(post_save, sender=Profile)
def guarded(sender, instance, raw, **kwargs):
    if getattr(instance, "_saving", False):
        return
    instance._saving = True
    instance.save()

@receiver(post_delete, sender=Profile)
def gone(sender, instance, **kwargs):
    instance.save()

@receiver(pre_save, sender=Profile)
def base(sender, instance, **kwargs):
    instance.save_base(raw=True)
""",
    ],
)

_SIGNALS = regex(r"(?:\w+\.)*(?:pre_save|post_save)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`save()` of its own instance that a receiver comes to whatever happens."""
    for function in view.reading.functions:
        if not any(_listens(it) for it in function.decorator_list):
            continue
        names = [it.arg for it in (*function.args.posonlyargs, *function.args.args)]
        name = names[1] if len(names) > 1 and names[0] != "self" else "instance"
        for call in view.reading.within(function):
            if isinstance(call, ast.Call) and dotted(call.func) == f"{name}.save" and _always(view.reading, function, call):
                yield Hit(call, f"`{function.name}` is called by this save again, and saves again.")


def _listens(node: ast.expr) -> bool:
    """Whether a decorator registers for a signal of saving."""
    if not isinstance(node, ast.Call) or dotted(node.func).rpartition(".")[2] != "receiver" or not node.args:
        return False
    given = node.args[0].elts if isinstance(node.args[0], ast.List | ast.Tuple) else [node.args[0]]
    return any(_SIGNALS.fullmatch(dotted(it)) for it in given)


def _always(reading: Reading, function: Function, call: ast.Call) -> bool:
    """Whether every call of the receiver comes to the save: no branch around it, no way out before it."""
    for up in reading.ancestors(call):
        if up is function:
            break
        if not isinstance(up, ast.Expr | ast.With):
            return False
    before = (it for it in function.body if it.lineno < call.lineno)
    return not any(
        isinstance(it, ast.Return | ast.Raise) or "disconnect" in ast.unparse(it) for row in before for it in ast.walk(row)
    )
