"""Queries that are asked by looping over them: querysets of Django, and SQLAlchemy's `Query`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import Function, Reading
from architect_lsp.knowledge.summaries import call_effects

_BUILDS = frozenset(
    f"{it}()"
    for it in (
        *("query", "filter", "filter_by", "where", "order_by", "options", "join", "outerjoin", "limit", "offset", "distinct"),
        *("group_by", "having", "with_entities", "yield_per", "execution_options", "select_from", "populate_existing"),
        *("with_for_update", "params", "slice", "add_columns", "enable_eagerloads", "reset_joinpoint", "union", "union_all"),
    )
)
"""What gives a query of SQLAlchemy that has not been asked yet."""
_LISTS = ("list", "tuple", "set", "sorted", "enumerate", "dict", "frozenset", "iter")


def looped_queries(project: Project, path: str, reading: Reading) -> Iterator[tuple[ast.expr, Function | ast.Lambda | None, str]]:
    """(rows, the function around them, "django" or "sqlalchemy") of each loop, comprehension or list that asks a query."""
    of_django, of_sqlalchemy = "objects" in reading.unit.text, "query" in reading.unit.text
    for rows in _looped(reading) if of_django or of_sqlalchemy else ():
        query = queries(project, path, reading).query(rows) if of_django else None
        if query is not None and query.orm == "django" and query.gives in ("rows", "values") and not query.runs:
            yield rows, reading.function(rows), "django"
        target = reading.target(rows) if of_sqlalchemy else ""
        if target.rpartition(".")[2] in _BUILDS:  # it is asked as by `all`
            effect = call_effects(project, path, f"{target}.all", reading.owner(rows), through_async=False).get("blocking")
            if effect is not None and effect.call.startswith("sqlalchemy.") and not effect.path:
                yield rows, reading.function(rows), "sqlalchemy"


def _looped(reading: Reading) -> Iterator[ast.expr]:
    """What loops and comprehensions run over, and what is made a list."""
    for it in reading.each(ast.For):
        yield from _counted(it.iter)
    for each in reading.each(ast.comprehension):
        if not each.is_async:
            yield from _counted(each.iter)
    for call in reading.each(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id in _LISTS and call.args:
            yield call.args[0]


def _counted(node: ast.expr) -> Iterator[ast.expr]:
    """The rows of a loop, unless a builtin that is asked for by itself makes a list of them."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _LISTS):
        yield node
