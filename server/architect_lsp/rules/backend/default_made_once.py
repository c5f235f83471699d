"""A default is computed when the module is imported, and given to every row.

Why: the arguments of a field are evaluated once, when its class is made. `default=timezone.now()` is the time the process
started, for all rows; `default={}` is one dictionary that all objects share.
Instead: give the function, which is called for each row.

    created = models.DateTimeField(default=timezone.now)
    answers = models.JSONField(default=dict)

Consequences: rows that all say the same second, keys that are not unique after all, one object's answers in another's.
Tests: make two objects and assert that what they were given differs.
Source: https://docs.djangoproject.com/en/stable/ref/models/fields/#default
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2"],
    needs=["default=", "Field(", "insert_default", "now()", "uuid4()", "utcnow()"],
    bad=[
        Bad(
            """
from django.db import models
from django.utils import timezone

class Note(models.Model):
    created = models.DateTimeField(default=[|timezone.now()|])
""",
            fixed="""
from django.db import models
from django.utils import timezone

class Note(models.Model):
    created = models.DateTimeField(default=timezone.now)
""",
        ),
        Bad("""
import uuid
from django.db import models

class Form(models.Model):
    key = models.UUIDField(default=[|uuid.uuid4()|], unique=True)
    answers = models.JSONField(default=[|{}|])
"""),
        Bad("""
from datetime import datetime, timezone
from uuid import uuid4
from pydantic import BaseModel, Field
from sqlalchemy.orm import Mapped, mapped_column

class Event(BaseModel):
    at: datetime = Field(default=[|datetime.now(timezone.utc)|])
    key: str = Field([|str(uuid4())|])
    seen: datetime = [|datetime.now()|]

class Row(Base):
    at: Mapped[datetime] = mapped_column(default=[|datetime.now(timezone.utc)|])
"""),
    ],
    good=[
        """
-- notes/migrations/0002_answers.py --
from django.db import migrations, models

class Migration(migrations.Migration):
    operations = [migrations.AddField("note", "answers", models.JSONField(default={}))]
""",
        """
from datetime import datetime, timezone
from uuid import uuid4
from django.db import models
from pydantic import BaseModel, Field
from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

STARTED = datetime.now(timezone.utc)

class Note(models.Model):
    created = models.DateTimeField(default=datetime.now)
    answers = models.JSONField(default=dict)
    size = models.IntegerField(default=int("3"))
    started = datetime.now()

class Event(BaseModel):
    at: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    key: str = Field(default_factory=lambda: str(uuid4()))

class Settings(BaseModel):
    started_at: datetime = Field(default=datetime.now())

class Row(Base):
    at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(timezone.utc), server_default=func.now())
""",
    ],
)

_MAKES = regex(
    r"datetime\.(?:datetime\.(?:now|utcnow|today)|date\.today)|time\.(?:time|time_ns|monotonic)|django\.utils\.timezone\.(?:now|localtime|localdate)"
    r"|uuid\.uuid[14]|secrets\.token_\w+|django\.utils\.crypto\.get_random_string|random\.\w+|ulid\.\w+|nanoid\.generate"
    r"|pendulum\.(?:now|today)|arrow\.(?:now|utcnow)"
)
_FIELDS = regex(r"(?:\w+\.)*(?:\w+Field|Field|Column|mapped_column|attrib|ib|field)")
_STARTS = regex(r"start|boot|launch|process|instance_id|node_id|run_id")
_MODELS = regex(r"(?:\w+\.)*(?:BaseModel|SQLModel|Schema|BaseSchema)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Times, keys and random values that the body of a class makes for its fields' defaults."""
    reading = view.reading
    if is_script(view.path):
        return  # a migration says again what the models said then
    for call in reading.each(ast.Call):
        if _is_start(reading.parent(call)):
            continue
        if reading.function(call) is not None or not _FIELDS.fullmatch(dotted(call.func)):
            continue
        given = [it.value for it in call.keywords if it.arg in ("default", "insert_default")]
        if dotted(call.func).rpartition(".")[2] == "Field":
            given += call.args[:1]
        for it in given:
            made = _made(view, it)
            if made is not None:
                told = f"`{ast.unparse(made)}` runs once, when the class is made: all rows get the same."
                yield Hit(it, told, _fix(view, it))
            elif dotted(call.func).rpartition(".")[2] in ("JSONField", "ArrayField", "HStoreField") and _is_shared(it):
                yield Hit(it, "All objects share this default, and what one puts into it the others have.", _fix(view, it))
    for node in reading.each(ast.ClassDef):
        if any(_MODELS.fullmatch(dotted(it)) for it in node.bases):
            for row in node.body:
                if isinstance(row, ast.AnnAssign) and row.value is not None and (made := _made(view, row.value)) is not None:
                    yield Hit(row.value, f"`{ast.unparse(made)}` runs once, when the class is made: all objects get the same.")


def _made(view: View, node: ast.expr) -> ast.Call | None:
    """The call in a default that would give another value each time; None when there is none, or a function makes it later."""
    stack = [node]
    while stack:
        it = stack.pop()
        if isinstance(it, ast.Lambda):
            continue
        if isinstance(it, ast.Call):
            if _MAKES.fullmatch(view.callee(it)):
                return it
            if _FIELDS.fullmatch(dotted(it.func)):
                continue
        stack += [each for each in ast.iter_child_nodes(it) if isinstance(each, ast.expr)]
    return None


def _is_start(row: ast.AST | None) -> bool:
    """Whether a field is to hold when the process started."""
    target = row.target if isinstance(row, ast.AnnAssign) else row.targets[0] if isinstance(row, ast.Assign) else None
    return isinstance(target, ast.Name) and bool(_STARTS.search(target.id))


def _is_shared(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict | ast.List | ast.Set)


def _fix(view: View, node: ast.expr) -> tuple[Draft, ...]:
    """The function itself, where nothing but its call is the default of a field."""
    parent = view.reading.parent(node)
    if not isinstance(parent, ast.keyword) or dotted(getattr(view.reading.parent(parent), "func", node)).endswith(".Field"):
        return ()
    if isinstance(node, ast.Call) and not node.args and not node.keywords and _MAKES.fullmatch(view.callee(node)):
        field = view.reading.parent(parent)
        if isinstance(field, ast.Call) and dotted(field.func).rpartition(".")[2] not in ("Field", "field"):
            return (Draft("Give the function", (Change(node, ast.unparse(node.func)),)),)
    if isinstance(node, ast.Dict | ast.List) and not ast.unparse(node).strip("{}[]"):
        return (Draft("Give the function", (Change(node, "dict" if isinstance(node, ast.Dict) else "list"),)),)
    return ()
