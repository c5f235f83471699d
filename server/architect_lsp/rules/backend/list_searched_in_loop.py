"""A list is searched from its beginning in each turn of a loop.

Why: `in` compares with one item after the other. For a thousand rows and a thousand keys that is a million comparisons, where a
set needs a thousand look-ups.
Instead: make it a set, once, before the loop.

    known = {it.sku for it in stock}
    missing = [it for it in lines if it.sku not in known]

Consequences: fine in a test, minutes for a large customer; in a coroutine nobody else is served meanwhile.
Trade-offs: a set needs hashable items, and has no order.
Tests: ten times the rows must not take a hundred times as long.
Performance: quadratic becomes linear.
Source: https://wiki.python.org/moin/TimeComplexity
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.loops import over_data
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B5", "D3"],
    cwe=407,
    preview=True,  # true of what was read, but most such lists are short
    needs=[" in "],
    bad=[
        Bad("""
from app.models import Stock

def missing(lines):
    known = list(Stock.objects.values_list("sku", flat=True))
    return [it for it in lines if it.sku not in [|known|]]
"""),
        Bad("""
from sqlalchemy import select
from sqlalchemy.orm import Session
from app.models import Stock

def missing(session: Session, lines):
    stock = session.scalars(select(Stock)).all()
    known = [it.sku for it in stock]
    for line in lines:
        if line.sku not in [|known|]:
            yield line
"""),
    ],
    good=[
        """
from app.models import Stock

def missing(lines, wanted):
    known = set(Stock.objects.values_list("sku", flat=True))
    states = [it for it in ("new", "old")]
    given = list(wanted)
    for line in lines:
        if line.state in states and line.sku in known and line.sku in given:
            yield line

def once(line):
    known = list(Stock.objects.values_list("sku", flat=True))
    return line in known

def few(lines):
    newest = list(Stock.objects.values_list("sku", flat=True)[:5])
    return [it for it in lines if it.sku in newest]
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`in` a list that a query filled, in a loop over data."""
    reading = view.reading
    if is_script(view.path):
        return
    for node in reading.each(ast.Compare):
        if len(node.ops) != 1 or not isinstance(node.ops[0], ast.In | ast.NotIn) or isinstance(node.left, ast.Constant):
            continue
        held, loop = node.comparators[0], reading.loop(node)
        if not isinstance(held, ast.Name) or loop is None or not over_data(reading, loop):
            continue
        values = reading.bindings(reading.function(node)).get(held.id, [])
        if len(values) != 1 or values[0] is None or any(it is loop for it in reading.ancestors(values[0])):
            continue
        if _is_filled(view, reading, values[0]):
            yield Hit(held, f"`{held.id}` is a list of rows, and each turn searches it from its beginning: make it a set.")


def _is_filled(view: View, reading: Reading, value: ast.expr) -> bool:
    """Whether a list holds what a query gives for any number of rows, hashable as it is."""
    asked = queries(view.project, view.path, reading)
    if isinstance(value, ast.ListComp):
        if len(value.generators) != 1 or not isinstance(value.elt, ast.Attribute | ast.Name):
            return False
        rows = asked.query(value.generators[0].iter)
        return rows is not None and rows.gives == "rows" and isinstance(value.elt, ast.Attribute)
    if isinstance(value, ast.Call) and dotted(value.func) == "list" and len(value.args) == 1:
        rows = asked.query(value.args[0])
        return rows is not None and rows.has("values_list") and not isinstance(value.args[0], ast.Subscript)
    return False
