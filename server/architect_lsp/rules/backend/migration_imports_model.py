"""A migration works with a model as it is imported, not as it was at this step.

Why: the imported class is that of today. Once it has a column that a later migration adds, this one asks the table for it and
fails, on every new database and in every test run.
Instead: take the model from the migration's own state.

    def fill(apps, schema_editor):
        Product = apps.get_model("shop", "Product")
        Product.objects.filter(slug="").update(slug="none")

Consequences: migrations that worked on the day they were written stop a new installation years later.
Trade-offs: the historical model has no methods of one's own; what they do has to be written here.
Tests: `migrate` from nothing, on each change.
Source: https://docs.djangoproject.com/en/stable/topics/migrations/#historical-models
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.models import Models
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2"],
    needs=["objects"],
    bad=[
        Bad("""
-- shop/migrations/0009_slugs.py --
from django.db import migrations
from shop.models import Product

def fill(apps, schema_editor):
    for product in [|Product.objects|].filter(slug=""):
        product.slug = product.name
        product.save()

class Migration(migrations.Migration):
    operations = [migrations.RunPython(fill)]
-- shop/models.py --
from django.db import models

class Product(models.Model):
    slug = models.SlugField()
"""),
        Bad("""
-- billing/migrations/0009_plans.py --
from django.db import migrations
from billing.models import Account

def fill(apps, schema_editor):
    [|Account.objects|].filter(plan="").update(plan="free")

def clear(apps, schema_editor):
    Account = apps.get_model("billing", "Account")
    Account.objects.update(plan="")

class Migration(migrations.Migration):
    operations = [migrations.RunPython(fill)]
"""),
    ],
    good=[
        """
-- shop/migrations/0009_slugs.py --
from django.db import migrations
from shop.models import Product as Today

def fill(apps, schema_editor):
    Product = apps.get_model("shop", "Product")
    Product.objects.filter(slug="").update(slug=Today.UNKNOWN)

def move(apps, schema_editor):
    try:
        from old_comments.models import Comment as OldComment
    except ImportError:
        return
    for old in OldComment.objects.all():
        print(old.text)

def later(name):
    Today.objects.filter(slug="").count()

class Migration(migrations.Migration):
    operations = [migrations.RunPython(fill)]
-- shop/models.py --
from django.db import models

class Product(models.Model):
    UNKNOWN = "none"
    slug = models.SlugField()
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first use of an imported model's rows in each function of a migration."""
    if "migrations" not in view.path.split("/")[:-1]:
        return
    told: set[tuple[ast.AST | None, str]] = set()
    for node in view.reading.each(ast.Attribute):
        function = view.reading.function(node)
        if node.attr != "objects" or not isinstance(node.value, ast.Name | ast.Attribute) or function is None:
            continue
        if "apps" not in (it.arg for it in ast.walk(function) if isinstance(it, ast.arg)):
            continue  # a job that the migration starts, or a helper, which runs with the code of its day
        name = _model(view, node.value)
        if name and (function, name) not in told:
            told.add((function, name))
            yield Hit(node, f"This is `{name}` of today, with columns that later migrations add: take `apps.get_model(...)`.")


def _may_be_gone(view: View, node: ast.Name) -> bool:
    """Whether the model is of an application that may not be installed any more: its import is tried."""
    for it in view.reading.each(ast.ImportFrom):
        if any((each.asname or each.name) == node.id for each in it.names):
            return isinstance(view.reading.parent(it), ast.Try)
    return False


def _model(view: View, node: ast.expr) -> str:
    """The name of a model that is imported; of one that is not at hand, where it comes out of a module of models."""
    symbol = view.symbol(node)
    if isinstance(symbol, ClassSymbol):
        known = symbol.path != view.path and Models.of(view.project).at(symbol) is not None
        return symbol.facts.qualname if known else ""
    if not isinstance(node, ast.Name) or node.id in view.reading.bindings(view.reading.function(node)):
        return ""  # `Order = apps.get_model(...)`
    if _may_be_gone(view, node):
        return ""
    written = view.project.imported(view.path, node.id)
    module, _, name = written.rpartition(".")
    return name if module.rpartition(".")[2] == "models" and name[:1].isupper() else ""
