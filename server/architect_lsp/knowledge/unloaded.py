"""Why a relation that the query did not bring along costs no query a row: few rows, one other side, a row of its own.

Pure functions of a unit's nodes and of what its queries are known to ask.
"""

from __future__ import annotations

import ast

from architect_lsp.knowledge.chains import Query
from architect_lsp.knowledge.models import Side
from architect_lsp.knowledge.queries import Queries
from architect_lsp.knowledge.reading import Reading

_FEW = frozenset(("first", "one", "one_or_none", "get", "scalar_one", "scalar_one_or_none"))


def bound_anew(name: ast.Name, reading: Reading) -> bool:
    """Whether the turn itself has given the loop's name another row before: `order = Order.objects.get(pk=order.pk)`."""
    for up in reading.ancestors(name):
        if isinstance(up, ast.For | ast.AsyncFor) and any(
            isinstance(it, ast.Name) and it.id == name.id for it in ast.walk(up.target)
        ):
            inside = (it for row in up.body for it in ast.walk(row))
            return any(
                isinstance(it, ast.Name) and it.id == name.id and isinstance(it.ctx, ast.Store) and it.lineno < name.lineno
                for it in inside
            )
    return False


def is_set(node: ast.Attribute, asked: Queries) -> bool:
    """Whether the function gives the relation a value of its own before: `line.order = order` loads nothing."""
    reading = asked.reading
    name = ast.unparse(node)
    owner = ast.unparse(node.value)
    called = isinstance(reading.parent(node), ast.Call)
    before = (it for it in reading.each(ast.Attribute) if isinstance(it.ctx, ast.Store) and it.lineno <= node.lineno)
    return any(ast.unparse(it) == name or (called and ast.unparse(it.value) == owner) for it in before)


def once_a_group(node: ast.Attribute, asked: Queries) -> bool:
    """Whether it is read only when the rows come to another group: `if seen != row.parent_id: ...; seen = row.parent_id`."""
    row = ast.unparse(node.value)
    for up in asked.reading.ancestors(node):
        if not isinstance(up, ast.If) or any(it is node for it in ast.walk(up.test)):
            continue
        kept = {it.id for each in up.body if isinstance(each, ast.Assign) for it in each.targets if isinstance(it, ast.Name)}
        for it in ast.walk(up.test):
            if isinstance(it, ast.Compare) and isinstance(it.ops[0], ast.NotEq):
                sides = (it.left, it.comparators[0])
                if any(isinstance(each, ast.Name) and each.id in kept for each in sides) and any(
                    ast.unparse(each).startswith(f"{row}.") for each in sides
                ):
                    return True
    return False


def is_small(query: Query) -> bool:
    """Whether a query gives only a row or two, or its rows from somewhere else."""
    for it in query.steps:
        if (
            it.name == "limit"
            and it.call.args
            and isinstance(it.call.args[0], ast.Constant)
            and it.call.args[0].value in (1, 2, 3)
        ):
            return True
    return query.has(*_FEW, "raw", "from_statement", "union")


def is_one(side: Side, query: Query) -> bool:
    """Whether all rows have the same other side, which a session of SQLAlchemy asks for once: their key is compared with it."""
    if query.orm != "sqlalchemy" or side.many or query.model is None:
        return False
    keys = {it.name for it in query.model.columns if it.references.startswith(f"{side.model.table}.")} | {side.name}
    for step in query.steps:
        compared = (it.left for given in step.call.args for it in ast.walk(given) if isinstance(it, ast.Compare))
        if any(isinstance(it, ast.Attribute) and it.attr in keys for it in compared) or any(
            it.arg in keys for it in step.call.keywords
        ):
            return True
    return False
