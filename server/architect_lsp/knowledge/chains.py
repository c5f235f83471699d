"""A query as a chain of calls: what each call makes of it, which rows it gives and which relations come along. Pure.

Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/ and https://docs.sqlalchemy.org/en/20/orm/queryguide/
"""

from __future__ import annotations

import ast

from msgspec import Struct

from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.reading import dotted

EXECUTES = frozenset(["execute", "scalars", "scalar", "exec", "stream", "stream_scalars"])
_ROW = {
    "django": frozenset(("get", "first", "last", "earliest", "latest", "create", "aget", "afirst", "alast", "acreate")),
    "sqlalchemy": frozenset(
        (
            "first",
            "one",
            "one_or_none",
            "scalar_one",
            "scalar_one_or_none",
            "get",
            "get_one",
            "scalar",
            "get_or_404",
            "first_or_404",
        )
    ),
}
_OTHER = {
    "count": "number",
    "acount": "number",
    "exists": "truth",
    "aexists": "truth",
    "update": "nothing",
    "delete": "nothing",
    "bulk_create": "nothing",
    "bulk_update": "nothing",
    "aupdate": "nothing",
    "adelete": "nothing",
    **dict.fromkeys(
        ("values", "values_list", "dates", "datetimes", "aggregate", "in_bulk", "get_or_create", "update_or_create"), "values"
    ),
    **dict.fromkeys(("with_entities", "mappings", "columns", "explain", "paginate", "iterator_of"), "values"),
}
_ANEW = frozenset(("filter", "exclude", "order_by", "annotate", "distinct", "filter_by"))
"""Calls after which what was prefetched is asked for again."""
_KNOWN = frozenset(
    (
        *(
            "all",
            "filter",
            "exclude",
            "annotate",
            "alias",
            "order_by",
            "reverse",
            "distinct",
            "using",
            "only",
            "defer",
            "none",
            "extra",
        ),
        *(
            "select_related",
            "prefetch_related",
            "select_for_update",
            "iterator",
            "aiterator",
            "union",
            "intersection",
            "difference",
        ),
        *("complex_filter", "get_list_or_404"),
    )
)
"""What Django's querysets give rows by."""


class Step(Struct, frozen=True):
    """One call of a chain."""

    name: str
    call: ast.Call


class Query(Struct, frozen=True):
    """What a chain of calls asks for. `model` is None where it is not of the project; `name` is as written.

    `gives` is "rows" of the model, one "row", "values" of columns, a "number", a "truth" or "nothing". `loaded` are the relations
    that come along, nested ones joined by `__`, None where that can't be told. `runs` tells whether the database was asked.
    """

    orm: str
    model: OrmModel | None
    name: str
    steps: tuple[Step, ...]
    gives: str = "rows"
    loaded: frozenset[str] | None = frozenset()
    runs: bool = False
    owner: str = ""  # of the rows of a relation: what leads back to the row that was asked

    def has(self, *names: str) -> bool:
        """Whether one of these calls is part of it."""
        return any(it.name in names for it in self.steps)


ROWS = frozenset(
    (
        *("all", "filter", "exclude", "order_by", "distinct", "annotate", "alias", "select_related", "prefetch_related"),
        *("values", "values_list", "only", "defer", "using", "reverse", "union", "intersection", "difference"),
    )
)
"""Methods of Django that give a queryset; one of a manager of the project's own may give anything."""
_LOADERS = ("select_related", "prefetch_related", "options", "fetch_mode")


def stepped(query: Query, step: Step) -> Query:
    """The query after one more call."""
    gives, loaded, runs = query.gives, query.loaded, query.runs
    name = step.name
    if query.orm == "sqlalchemy" and name == "exists":
        gives = "values"  # a clause of another statement
    elif name in _ROW[query.orm] and gives in ("rows", "row") and not (name == "get" and query.orm == "sqlalchemy" and runs):
        gives, runs = "row", True
    elif name in _OTHER and not (query.orm == "sqlalchemy" and name == "values"):
        gives, runs = _OTHER[name], name not in ("values", "values_list", "dates", "with_entities")
    elif name in EXECUTES:
        runs = True
        gives = "values" if gives == "rows" and name in ("execute", "stream") else gives
        if name == "scalar" and gives == "rows":
            gives = "row"
    elif name in ("scalars", "all", "fetchall") and query.orm == "sqlalchemy":
        runs = True
    if name == "scalars" and gives == "values" and query.model is not None:
        gives = "rows"
    if name in ("scalar_one", "scalar_one_or_none", "scalar") and gives == "values" and query.model is not None:
        gives = "row"
    if name in _ANEW and loaded is None and query.owner:  # whoever loaded the owner did not load these rows
        before = [loads(it.call, it.name, query.model) for it in query.steps if it.name in _LOADERS]
        loaded = None if None in before else frozenset[str]().union(*(it for it in before if it is not None))
    if query.orm == "django" and query.gives == "rows" and gives == "rows" and name not in _KNOWN:
        loaded = None  # a method of the project's own may load anything
    if name in _LOADERS:
        more = loads(step.call, name, query.model)
        loaded = None if loaded is None or more is None else loaded | more
    return Query(query.orm, query.model, query.name, (*query.steps, step), gives, loaded, runs, query.owner)


def loads(call: ast.Call, name: str, model: OrmModel | None) -> frozenset[str] | None:
    """The relations that a call loads with its rows, None where that can't be told."""
    found: set[str] = set()
    if name == "fetch_mode":
        return None
    if name == "select_related" and not call.args:
        return frozenset(it.name for it in model.relations if not it.many) if model is not None else None
    for it in call.args:
        if isinstance(it, ast.Constant) and isinstance(it.value, str):
            parts = it.value.split("__")
            found |= {"__".join(parts[: n + 1]) for n in range(len(parts))}
        elif isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2] == "Prefetch" and it.args:
            first = it.args[0]
            if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
                return None
            parts = first.value.split("__")
            found |= {"__".join(parts[: n + 1]) for n in range(len(parts))}
            if len(it.args) > 1 or it.keywords:
                return None  # its own queryset may load more
        elif name == "options" and isinstance(it, ast.Call):
            found |= {each.attr for each in ast.walk(it) if isinstance(each, ast.Attribute)}
            found |= {str(each.value) for each in ast.walk(it) if isinstance(each, ast.Constant)}
            if any(isinstance(each, ast.Constant) and each.value == "*" for each in ast.walk(it)):
                return None
        else:
            return None
    return frozenset(found)
