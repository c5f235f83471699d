"""Rows are written one at a time in a loop.

Why: each `save()` or `create()` is a statement of its own, and without a transaction a commit of its own. A thousand rows are a
thousand round trips where a few would do.
Instead: make the objects in the loop, and write them together after it.

    lines = [Line(order=order, sku=it.sku, quantity=it.quantity) for it in cart]
    Line.objects.bulk_create(lines, batch_size=500)

    for line in lines:
        line.shipped = True
    Line.objects.bulk_update(lines, ["shipped"], batch_size=500)     # or one `filter(...).update(shipped=True)`

Consequences: time grows with the rows, and when it stops in the middle half of them are written.
Trade-offs: bulk writes call no `save()` and send no `pre_save` or `post_save`; where a model depends on these, wrap the loop in
`transaction.atomic()`, which at least makes it one commit.
Tests: count the queries for one row and for ten.
Performance: n round trips become n / batch_size.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#bulk-create
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.extraction import writes_rows
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.loops import over_data
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B2", "B5", "D3"],
    cwe=1073,
    needs=[".execute(", ".insert_one(", ".save(", ".create(", ".delete()"],
    bad=[
        Bad("""
from django.db import models

class Line(models.Model):
    sku = models.CharField()
    shipped = models.BooleanField()

def fill(order, cart):
    for it in cart:
        [|Line.objects.create(sku=it.sku)|]
    for it in cart:
        line = Line(sku=it.sku)
        [|line.save()|]

def ship(order):
    for line in Line.objects.filter(shipped=False):
        line.shipped = True
        [|line.save()|]
"""),
        Bad("""
from shop.models import Product

def reprice(factor):
    for product in Product.objects.all():
        product.price = product.price * factor
        [|product.save(update_fields=["price"])|]

def tidy():
    for product in Product.objects.filter(sold=True):
        [|product.delete()|]
"""),
        Bad("""
from hall.models import Seat

def furnish(hall, rows, width):
    for row in range(rows):
        for number in range(width):
            [|Seat.objects.create(hall=hall, row=row, number=number)|]
"""),
        Bad("""
from sqlalchemy import update

def close(session, orders, table):
    for order in orders:
        [|session.execute(update(table).where(table.c.id == order.id).values(open=False))|]
    session.commit()

def store(cursor, points):
    for x, y in points:
        [|cursor.execute("INSERT INTO points VALUES (%s, %s)", (x, y))|]

def keep(collection, readings):
    for it in readings:
        [|collection.insert_one({"sensor": it.sensor})|]
"""),
    ],
    good=[
        """
from django.db import models

class Line(models.Model):
    sku = models.CharField()

class Log(models.Model):
    text = models.CharField()

    def save(self, *args, **kwargs):
        self.text = self.text.strip()
        super().save(*args, **kwargs)

def fill(order, cart, forms):
    Line.objects.bulk_create([Line(sku=it.sku) for it in cart])
    for it in cart:
        Log.objects.create(text=it.sku)
        log = Log(text=it.sku)
        log.save()
    for line in Line.objects.filter(sku="a")[1:]:
        line.delete()
    for sku in ("a", "b"):
        Line.objects.create(sku=sku)
    for form in forms:
        form.save()
    for line in Line.objects.filter(sku="a"):
        line.save()
    for it in cart:
        try:
            Line.objects.create(sku=it.sku)
        except IntegrityError:
            pass
    for it in cart:
        line = Line.objects.create(sku=it.sku)
        line.tags.set(it.tags)
""",
        """
from django.db import models

from django.apps import apps

class Photo(models.Model):
    file = models.FileField()
class Support(models.Model):
    state = models.CharField()

def tidy():
    for photo in Photo.objects.filter(old=True):
        photo.delete()
    for support in Support.objects.all():
        support.refresh()
        support.save()
def tell(users):
    Notice = apps.get_model("shop", "Notice")
    for user in users:
        Notice.objects.create(user=user)

def fill_states():
    '''Called from a data migration.'''
    for support in Support.objects.all():
        support.state = "new"
        support.save()
""",
        """
def emptied(bucket):
    for item in bucket.objects.filter(Prefix="old/"):
        item.delete()

def clear(cursor, tables):
    for table in tables:
        cursor.execute(f"DELETE FROM {table}")

def store(cursor, points, seen):
    for x, y in points:
        cursor.execute("INSERT INTO points VALUES (%s, %s)", (x, y))
        seen.append(cursor.lastrowid)
""",
    ],
)

_FILES = ("FileField", "ImageField")
_ONCE = regex(r"migrat|backfill|convert|(?:^|_)to_(?:postgres|mysql|sqlite)", re.IGNORECASE)
"""What names work that is done once, and may take its time."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`save` and `create` of Django's models, once a turn of a loop over data that does little else."""
    reading = view.reading
    if is_script(view.path) or _ONCE.search(view.path):
        return
    asked = queries(view.project, view.path, reading)
    for call in reading.each(ast.Call):
        yield from _executed(view, call)
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("save", "create", "delete"):
            continue
        loop = reading.loop(call)
        function = reading.function(call)
        if not isinstance(loop, ast.For) or _is_slice(loop.iter) or function is None or _is_done_once(function):
            continue
        if not over_data(reading, loop) and not (call.func.attr == "create" and _counts_up(loop)):
            continue
        statement = next((it for it in loop.body if any(each is call for each in ast.walk(it))), None)
        if not isinstance(statement, ast.Expr) or statement.value is not call or _is_busy(view, loop, call):
            continue
        if call.func.attr == "save" and len(loop.body) == 1:
            continue  # nothing of the row has changed: it is saved for what its `save` does besides
        name = _written(asked, loop, call, call.func)
        if name:
            if call.func.attr == "delete":
                yield Hit(call, f"Each turn deletes one `{name}`: `delete()` of the queryset deletes them together.")
                continue
            together = (
                "bulk_create"
                if call.func.attr == "create" or _is_new(loop, call.func.value) or keyword(call, "force_insert")
                else "bulk_update"
            )
            yield Hit(call, f"Each turn writes one `{name}`: `{together}` after the loop writes them together.")


def _executed(view: View, call: ast.Call) -> Iterator[Hit]:
    """One statement that changes rows for each turn, alone in its loop: `executemany` or one statement does all of it."""
    reading = view.reading
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("execute", "exec", "insert_one") or not call.args:
        return
    loop = reading.loop(call)
    if not isinstance(loop, ast.For) or reading.function(call) is None or len(loop.body) != 1 or not over_data(reading, loop):
        return
    statement = loop.body[0]
    value = statement.value if isinstance(statement, ast.Expr) else None
    if (value.value if isinstance(value, ast.Await) else value) is not call:
        return
    if call.func.attr != "insert_one" and not writes_rows(reading, call):
        return
    names = {it.id for it in ast.walk(loop.target) if isinstance(it, ast.Name)}
    if any(isinstance(it, ast.Name) and it.id in names for each in call.args for it in ast.walk(each)):
        told = "Each turn sends one statement: a list of parameters, or one statement for all rows, sends them together."
        many = "Each turn inserts one document: `insert_many` after the loop inserts them together."
        yield Hit(call, many if call.func.attr == "insert_one" else told)


def _is_done_once(function: ast.AST) -> bool:
    """Whether a function says that it moves what is there to a new shape: `migrate_rows`, "called from a data migration"."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return bool(_ONCE.search(function.name) or _ONCE.search(ast.get_docstring(function) or ""))


def _counts_up(loop: ast.For) -> bool:
    """Whether the loop runs as often as somebody says: `range(rows)`."""
    source = loop.iter
    return isinstance(source, ast.Call) and dotted(source.func) == "range" and any(isinstance(it, ast.Name) for it in source.args)


def _is_slice(node: ast.expr) -> bool:
    """Whether the rows are a part of a queryset, which Django can't update or delete together."""
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def _written(asked: Queries, loop: ast.For, call: ast.Call, function: ast.Attribute) -> str:
    """The model whose row a call writes, "" when it is none, or one that does more when it is saved."""
    if function.attr == "create":
        query = asked.query(call)
        if query is None or query.orm != "django" or not query.name or query.owner:
            return ""
        return "" if _does_itself(asked, query.model, "save") or _is_of_registry(asked, call) else query.name
    if not isinstance(function.value, ast.Name):
        return ""
    found = asked.model_of(function.value)
    if found is not None:
        is_ours = found[0].framework == "django" and (_is_new(loop, function.value) or asked.loop_of(function.value) is loop.iter)
        return found[0].name if is_ours and not _does_itself(asked, found[0], function.attr) else ""
    given = asked.loop_of(function.value)
    query = asked.query(given) if given is not None else None
    return query.name if query is not None and query.orm == "django" and query.gives == "rows" and query.model is None else ""


def _does_itself(asked: Queries, model: OrmModel | None, name: str) -> bool:
    """Whether a model has a `save` or `delete` of its own, or parents with tables, which can't be written in bulk."""
    if model is None:
        return False
    if name == "delete" and any(it.type.rpartition(".")[2] in _FILES for it in model.columns):
        return True  # its file goes with it, and each turn that ends well has deleted both
    found = asked.project.resolve(model.ref.path, f"{model.ref.qualname}.{name}")
    return isinstance(found, FunctionSymbol) or any(it.name.endswith("_ptr") for it in model.columns)


def _is_of_registry(asked: Queries, call: ast.Call) -> bool:
    """Whether the model is asked for by its name, so that nobody sees here what its `save` does: `apps.get_model(...)`."""
    head = dotted(call.func).partition(".")[0]
    made = asked.reading.bindings(asked.reading.function(call)).get(head, [])
    return any(isinstance(it, ast.Call) and dotted(it.func).endswith("get_model") for it in made)


def _is_new(loop: ast.For, node: ast.expr) -> bool:
    """Whether the loop makes the object: `line = Line(...)`."""
    name = dotted(node)
    rows = [it for it in loop.body if isinstance(it, ast.Assign)]
    if any(isinstance(it.targets[0], ast.Attribute) and it.targets[0].attr in ("pk", "id") and _is_none(it.value) for it in rows):
        return True  # a copy
    return any(isinstance(it.value, ast.Call) and any(dotted(each) == name for each in it.targets) for it in rows)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_busy(view: View, loop: ast.For, call: ast.Call) -> bool:
    """Whether a turn does other work that has an effect, so that its writes can't simply be put together."""
    row = dotted(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    for it in (each for statement in loop.body for each in ast.walk(statement)):
        if isinstance(it, ast.Try | ast.With | ast.AsyncWith | ast.Await | ast.Break | ast.Return):
            return True
        if isinstance(it, ast.Expr) and isinstance(it.value, ast.Call) and it.value is not call:
            told = it.value.func
            if isinstance(told, ast.Attribute) and row and dotted(told).startswith(f"{row}."):
                return True  # the row is told to do more
        if isinstance(it, ast.Call) and it is not call and view.effects(it):
            return True
    return False
