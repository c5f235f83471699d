"""A row that may not be there is used as if it were.

Why: `first()`, `last()` and `one_or_none()` give None when the query finds nothing. An attribute of it is then an
`AttributeError`, which a client sees as 500 where it should be told 404.
Instead: say what happens without it, or ask with a method that raises.

    sensor = Sensor.objects.order_by("calibrated").first()
    if sensor is None:
        raise NotFound("no sensor yet")

Consequences: the first call on an empty table fails, on a customer's first day.
Tests: call it with an empty table.
Observability: `'NoneType' object has no attribute` in the log.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#first
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B2", "A5"],
    cwe=476,
    needs=["first()", "last()", "one_or_none()"],
    bad=[
        Bad("""
from app.models import Sensor

def latest():
    return [|Sensor.objects.order_by("calibrated").first().serial|]
"""),
        Bad("""
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from app.models import Sensor

async def name(session: AsyncSession, key):
    return [|(await session.scalars(select(Sensor).where(Sensor.id == key))).first().name|]
"""),
        Bad("""
from sqlalchemy.orm import Session
from app.models import Sensor

def name(session: Session, key):
    sensor = session.query(Sensor).filter(Sensor.id == key).first()
    print(key)
    return {"name": [|sensor.name|], "unit": sensor.unit}
"""),
    ],
    good=[
        """
from app.models import Sensor

def latest(sensors):
    sensor = Sensor.objects.order_by("calibrated").first()
    return sensor.serial if sensor else None

def tried():
    try:
        return Sensor.objects.first().serial
    except AttributeError:
        return None

def known():
    if Sensor.objects.exists():
        return Sensor.objects.first().serial

def page(soup):
    return soup.find("a").first().text
""",
        """
from sqlalchemy.orm import Session
from app.models import Sensor

def name(session: Session, key, check):
    sensor = session.query(Sensor).filter(Sensor.id == key).first()
    if not sensor:
        raise KeyError(key)
    return sensor.name

def checked(session: Session, key, check):
    sensor = session.query(Sensor).filter(Sensor.id == key).first()
    check(sensor)
    return sensor.name

def made(session: Session, key):
    session.add(Sensor(id=key))
    session.flush()
    sensor = session.query(Sensor).filter(Sensor.id == key).first()
    return sensor.name

def asserted(session: Session, key):
    sensor = session.query(Sensor).filter(Sensor.id == key).first()
    assert sensor is not None
    return sensor.name
""",
    ],
)

_MAYBE = ("first", "last", "one_or_none", "scalar_one_or_none", "afirst", "alast")
_STORES = ("add", "add_all", "create", "save", "flush", "commit", "bulk_create", "merge")
_GUARDS = ("exists", "aexists", "count", "acount")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Attributes read off the answer of a query that may have found nothing."""
    reading = view.reading
    if is_script(view.path):
        return
    yield from _named(view)
    for node in reading.each(ast.Attribute):
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if (
            not isinstance(call, ast.Call)
            or not isinstance(call.func, ast.Attribute)
            or call.func.attr not in _MAYBE
            or call.args
        ):
            continue
        query = queries(view.project, view.path, reading).query(call)
        if query is None or query.gives != "row" or not query.steps or query.steps[-1].call is not call:
            continue
        if not query.name or _is_expected(reading, node):
            continue
        yield Hit(node, f"`{call.func.attr}()` gives None when no row is found, and None has no `{node.attr}`.")


def _named(view: View) -> Iterator[Hit]:
    """The first attribute of a name that such an answer was given, where nobody asks whether there is one."""
    reading = view.reading
    for node in reading.each(ast.Assign):
        made = node.value.value if isinstance(node.value, ast.Await) else node.value
        target, function = node.targets[0], reading.function(node)
        if (
            not isinstance(made, ast.Call)
            or not isinstance(made.func, ast.Attribute)
            or made.func.attr not in _MAYBE
            or made.args
        ):
            continue
        if function is None or not isinstance(target, ast.Name) or len(reading.bindings(function).get(target.id, [])) != 1:
            continue
        query = queries(view.project, view.path, reading).query(made)
        if query is None or query.gives != "row" or not query.name or not query.has("filter", "filter_by", "where"):
            continue
        uses = [it for it in reading.each(ast.Name) if it.id == target.id and isinstance(it.ctx, ast.Load)]
        read = [reading.parent(it) for it in sorted(uses, key=lambda it: (it.lineno, it.col_offset))]
        first = read[0] if read else None
        if not isinstance(first, ast.Attribute) or not all(isinstance(it, ast.Attribute) for it in read):
            continue
        if not _is_expected(reading, first) and not _is_expected(reading, node) and not _was_made(reading, function, node):
            yield Hit(first, f"`{made.func.attr}()` gives None when no row is found, and None has no `{first.attr}`.")


def _was_made(reading: Reading, function: ast.AST, node: ast.Assign) -> bool:
    """Whether the function stores something before it asks."""
    before = (it for it in reading.within(function) if isinstance(it, ast.Call) and it.lineno < node.lineno)
    return any(isinstance(it.func, ast.Attribute) and it.func.attr in _STORES for it in before)


def _is_expected(reading: Reading, node: ast.AST) -> bool:
    """Whether a branch or a handler around it knows that there may be none, or that there is one."""
    function = reading.function(node)
    for up in reading.ancestors(node):
        if isinstance(up, ast.Try | ast.If | ast.IfExp | ast.BoolOp):
            return True
        if up is function:
            break
    scope = reading.within(function) if function is not None else []
    return any(isinstance(it, ast.Attribute) and it.attr in _GUARDS for it in scope)
