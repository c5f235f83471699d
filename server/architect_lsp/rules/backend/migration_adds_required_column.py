"""A migration adds a column that must have a value to a table that may have rows, and gives none.

Why: PostgreSQL and MySQL refuse `ADD COLUMN ... NOT NULL` without a default as soon as the table holds one row. The
migration works on a developer's empty table and fails in production.
Instead: give the rows a value, or add it in three steps: nullable, filled, required.

    op.add_column("users", sa.Column("locale", sa.String(8), nullable=False, server_default="en"))

Consequences: a deploy that stops half way, with the new code already asking for the column.
Trade-offs: a constant default is free in PostgreSQL 11 and later; one that differs by row needs the three steps, in batches.
Tests: run the migration on a table with a row.
Source: https://www.postgresql.org/docs/current/sql-altertable.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2", "D3"],
    needs=["add_column", "AddField", "ADD COLUMN", "add column"],
    bad=[
        Bad("""
-- migrations/versions/a1_owner.py --
import sqlalchemy as sa
from alembic import op

def upgrade():
    [|op.add_column("files", sa.Column("owner", sa.Integer(), nullable=False))|]
"""),
        Bad("""
-- shop/migrations/0004_weight.py --
from django.db import migrations, models

class Migration(migrations.Migration):
    operations = [
        [|migrations.AddField(model_name="item", name="weight", field=models.IntegerField())|],
    ]
"""),
        Bad("""
-- shop/migrations/0005_sku.py --
from django.db import migrations

class Migration(migrations.Migration):
    operations = [migrations.RunSQL([|"ALTER TABLE item ADD COLUMN sku varchar(20) NOT NULL"|], "SELECT 1")]
"""),
    ],
    good=[
        """
-- shop/migrations/0005_sku.py --
from django.db import migrations

class Migration(migrations.Migration):
    operations = [
        migrations.RunSQL("ALTER TABLE item ADD COLUMN sku varchar(20) NOT NULL DEFAULT ''", "SELECT 1"),
        migrations.RunSQL("ALTER TABLE item ADD COLUMN size integer", "ALTER TABLE item ADD COLUMN old integer NOT NULL"),
    ]
""",
        """
-- migrations/versions/a1_owner.py --
import sqlalchemy as sa
from alembic import op

def upgrade():
    op.add_column("files", sa.Column("owner", sa.Integer(), nullable=True))
    op.add_column("files", sa.Column("state", sa.String(), nullable=False, server_default="new"))
    op.create_table("owners", sa.Column("id", sa.Integer(), nullable=False))
    op.add_column("owners", sa.Column("name", sa.String(), nullable=False))

def downgrade():
    op.add_column("files", sa.Column("old", sa.Integer(), nullable=False))
""",
        """
-- shop/migrations/0004_weight.py --
from django.db import migrations, models

class Migration(migrations.Migration):
    operations = [
        migrations.AddField(model_name="item", name="weight", field=models.IntegerField(default=0), preserve_default=False),
        migrations.AddField(model_name="item", name="height", field=models.IntegerField(null=True)),
        migrations.AddField(model_name="item", name="tags", field=models.ManyToManyField(to="shop.tag")),
    ]
""",
        """
-- shop/migrations/0002_item_weight.py --
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_create_item")]
    operations = [migrations.AddField(model_name="item", name="weight", field=models.IntegerField())]
""",
    ],
)

_FIELDS = regex(r"\w*(?:Integer|Char|Text|Float|Decimal|Date|DateTime|Time|Slug|Email|URL|JSON|UUID|Duration)Field")
"""Fields of Django that store a value and have none of their own."""
_DEFAULTS = ("default", "server_default", "null", "auto_now", "auto_now_add", "blank", "db_default", "primary_key", "identity")

_ADDED = regex(r"\bADD\s+COLUMN\s[^,;]*?\bNOT\s+NULL\b[^,;]*", re.IGNORECASE)
_DEFAULT = regex(r"\b(?:DEFAULT|GENERATED|SERIAL|AUTO_INCREMENT)\b", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Required columns without a value for the rows that are there."""
    reading = view.reading
    made = {
        constant(it.args[0])
        for it in reading.each(ast.Call)
        if it.args and dotted(it.func).rpartition(".")[2] in ("create_table", "CreateModel")
    }
    for call in reading.each(ast.Call):
        name = dotted(call.func)
        function = reading.function(call)
        if isinstance(function, ast.FunctionDef) and function.name == "downgrade":
            continue
        yield from _in_sql(name, call)
        if name == "op.add_column" and len(call.args) > 1 and constant(call.args[0]) not in made:
            column = call.args[1]
            if (
                isinstance(column, ast.Call)
                and constant(keyword(column, "nullable")) is False
                and not any(keyword(column, it) is not None for it in ("server_default", "default", "primary_key"))
                and not any(isinstance(it, ast.Call) and dotted(it.func).endswith(("Identity", "Computed")) for it in column.args)
                and not _filled(view, column)
            ):
                yield Hit(call, f"`{_shown(column)}` is required and gets no value: this fails as soon as the table has a row.")
        elif name.rpartition(".")[2] == "AddField" and "migrations" in view.path:
            field = keyword(call, "field") or (call.args[2] if len(call.args) > 2 else None)
            model = constant(keyword(call, "model_name") or (call.args[0] if call.args else None))
            if f"create_{str(model).lower()}" in view.reading.unit.text.lower():
                continue  # it follows the migration that makes the table, which is empty then
            if (
                isinstance(field, ast.Call)
                and _FIELDS.fullmatch(dotted(field.func).rpartition(".")[2])
                and not any(it.arg in _DEFAULTS or it.arg is None for it in field.keywords)
                and not dotted(field.func).rpartition(".")[2].startswith("Null")
            ):
                told = constant(keyword(call, "name") or (call.args[1] if len(call.args) > 1 else None))
                yield Hit(call, f"`{told}` is required and gets no value: this fails as soon as the table has a row.")


def _in_sql(name: str, call: ast.Call) -> Iterator[Hit]:
    """The same in a statement that is written out, of the way forward."""
    if name.rpartition(".")[2] not in ("RunSQL", "execute") or not call.args:
        return
    said = constant(call.args[0])
    if isinstance(said, str) and any(not _DEFAULT.search(it) for it in _ADDED.findall(said)):
        yield Hit(call.args[0], "The column is required and gets no value: this fails as soon as the table has a row.")


def _shown(column: ast.Call) -> str:
    said = constant(column.args[0]) if column.args else None
    return said if isinstance(said, str) else ast.unparse(column)[:40]


def _filled(view: View, column: ast.Call) -> bool:
    """Whether the migration empties the table before, or works on a dialect's own terms."""
    text = view.reading.unit.text
    return bool(re.search(r"(?i)\b(?:DELETE FROM|TRUNCATE)\b|batch_alter_table", text)) and bool(column.args)
