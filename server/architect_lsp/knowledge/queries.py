"""What the expressions of one unit ask of a database by Django or SQLAlchemy: querysets and statements, and the rows they give.

A query is a chain of calls, put together over the names that it is bound to on the way. What can't be told is None: rules that
ask here stay silent then. Source: Django's QuerySet API and SQLAlchemy's `Query` and `Session`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.models import Models
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.symbols import ClassSymbol, External, Instance

_MANAGERS = frozenset(["objects", "_default_manager", "_base_manager", "all_objects"])
_SESSION = re.compile(r"(?:\w+_)?(?:session|sess)|_?db|database_session")
_SESSION_CLASSES = re.compile(
    r"(?:sqlalchemy|sqlmodel|flask_sqlalchemy)(?:\.\w+)*\.(?:Async)?Session(?:\(\))?|.*\.SQLAlchemy\(?\)?\.session"
)
_SQLALCHEMY = ("sqlalchemy", "sqlmodel", "flask_sqlalchemy")
_EXECUTES = frozenset(["execute", "scalars", "scalar", "exec", "stream", "stream_scalars"])
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
_MADE = frozenset(["list", "tuple", "sorted", "reversed", "set"])
_STEPS = 8
"""How many names a query may be followed through."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a chain."""

    name: str
    call: ast.Call


@dataclass(frozen=True, slots=True)
class Query:
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

    def has(self, *names: str) -> bool:
        """Whether one of these calls is part of it."""
        return any(it.name in names for it in self.steps)


@dataclass(slots=True)
class Queries:
    """The queries of one unit."""

    project: Project
    path: str
    reading: Reading
    known: dict[ast.AST, Query | None] = field(default_factory=dict)

    @property
    def models(self) -> Models:
        """The models of the project."""
        return Models.of(self.project)

    @property
    def speaks_sqlalchemy(self) -> bool:
        """Whether the file imports it, or what is made of it."""
        names = (name for _, name in self.project.facts(self.path).imports)
        return any(it.partition(".")[0] in _SQLALCHEMY or it.endswith(("session", "Session", "db")) for it in names)

    def query(self, node: ast.expr, depth: int = _STEPS) -> Query | None:
        """What an expression asks a database for, None when it asks nothing that we know of."""
        if node not in self.known:
            self.known[node] = None  # a name that leads to itself
            self.known[node] = self._query(node, depth)
        return self.known[node]

    def is_session(self, node: ast.expr) -> bool:
        """Whether an expression is a session of SQLAlchemy, by its type or, where that can't be told, by its name."""
        target = self.reading.target(node)
        found = self.project.resolve(self.path, target, self.reading.owner(node)) if target else None
        if isinstance(found, External) and not found.name.startswith("?"):
            name = canonical(found.name)
            if _SESSION_CLASSES.fullmatch(name):
                return True
            if name.partition(".")[0] in ("requests", "aiohttp", "httpx", "django", "boto3"):
                return False
        elif isinstance(found, Instance):
            return any(
                isinstance(it, External) and _SESSION_CLASSES.fullmatch(canonical(it.name)) for it in self.project.bases(found)
            )
        written = dotted(node)
        return (
            bool(_SESSION.fullmatch(written.rpartition(".")[2])) and self.speaks_sqlalchemy and not isinstance(found, ClassSymbol)
        )

    def model_of(self, node: ast.expr, depth: int = _STEPS) -> tuple[OrmModel, Query | None] | None:
        """The model of which an expression is one object, with the query that gave it where there is one."""
        if depth <= 0:
            return None
        if isinstance(node, ast.Await):
            return self.model_of(node.value, depth)
        found = self.query(node, depth - 1)
        if found is not None and found.gives == "row" and found.model is not None:
            return found.model, found
        if isinstance(node, ast.Name):
            loop = self.loop_of(node)
            if loop is not None:
                asked = self.query(loop, depth - 1)
                return (asked.model, asked) if asked is not None and asked.model is not None and asked.gives == "rows" else None
        if isinstance(node, ast.Attribute):
            outer = self.model_of(node.value, depth - 1)
            there = self.models.across(outer[0], node.attr) if outer is not None else None
            if outer is not None and there is not None and not there.many:
                return there.model, self._below(outer[1], node.attr, there.model)
            return None
        target = self.reading.target(node)
        symbol = self.project.resolve(self.path, target, self.reading.owner(node)) if target else None
        model = self.models.at(symbol) if isinstance(symbol, Instance) else None
        return (model, None) if model is not None else None

    def loop_of(self, name: ast.Name) -> ast.expr | None:
        """What the loop or comprehension around a name runs over, where it gives the name its value."""
        for up in self.reading.ancestors(name):
            if isinstance(up, ast.For | ast.AsyncFor):
                if _gives(up.target, up.iter, name.id) and not _within(name, up.iter, self.reading):
                    return _given(up.iter)
            elif isinstance(up, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
                for it in up.generators:
                    if _gives(it.target, it.iter, name.id) and not _within(name, up.generators[0].iter, self.reading):
                        return _given(it.iter)
            elif isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                return None
        return None

    def _query(self, node: ast.expr, depth: int) -> Query | None:
        if depth <= 0:
            return None
        if isinstance(node, ast.Await):
            return self.query(node.value, depth)
        if isinstance(node, ast.Name):
            return self._bound(node, depth)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in _MADE and len(node.args) == 1:
                return self.query(node.args[0], depth)
            if name in ("select", "get_object_or_404", "aget_object_or_404", "get_list_or_404") and node.args:
                return self._selected(node, name, depth)
            return None
        if isinstance(node, ast.Subscript):
            inner = self.query(node.value, depth)
            if inner is None:
                return None
            return inner if isinstance(node.slice, ast.Slice) else self._stepped(inner, Step("first", ast.Call(node, [], [])))
        if isinstance(node, ast.Attribute):
            return self._attribute(node, depth)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self._called(node, node.func, depth)
        return None

    def _called(self, node: ast.Call, function: ast.Attribute, depth: int) -> Query | None:
        step = Step(function.attr, node)
        if function.attr == "select" and node.args:
            return self._selected(node, "select", depth)
        if self.is_session(function.value):
            if function.attr == "query" and node.args:
                return self._entity(node.args, "sqlalchemy", step)
            if function.attr in _EXECUTES and node.args:
                asked = self.query(node.args[0], depth - 1)
                return self._stepped(asked, step) if asked is not None else None
            if function.attr in ("get", "get_one") and len(node.args) > 1:
                asked = self._entity(node.args[:1], "sqlalchemy", step)
                return Query("sqlalchemy", asked.model, asked.name, (step,), "row", runs=True) if asked is not None else None
            return None
        inner = self.query(function.value, depth)
        return self._stepped(inner, step) if inner is not None else None

    def _attribute(self, node: ast.Attribute, depth: int) -> Query | None:
        """A manager of a model, `Order.objects`, `order.items`; or the `query` of Flask-SQLAlchemy."""
        target = self.reading.target(node.value)
        symbol = self.project.resolve(self.path, target, self.reading.owner(node)) if target else None
        if isinstance(symbol, ClassSymbol):
            model = self.models.at(symbol)
            if (
                model is not None
                and model.framework == "django"
                and (node.attr in _MANAGERS or self._is_manager(symbol, node.attr))
            ):
                return Query("django", model, model.name, ())
            if model is not None and model.framework != "django" and node.attr == "query":
                return Query("sqlalchemy", model, model.name, ())
        elif node.attr in _MANAGERS and not isinstance(symbol, Instance):
            return Query("django", None, dotted(node.value).rpartition(".")[2], ())
        outer = self.model_of(node.value, depth - 1)
        there = self.models.across(outer[0], node.attr) if outer is not None else None
        if outer is None or there is None or not there.many:
            return None
        below = self._below(outer[1], node.attr, there.model)
        orm = "django" if outer[0].framework == "django" else "sqlalchemy"
        return Query(orm, there.model, there.model.name, (), loaded=below.loaded if below is not None else frozenset())

    def _is_manager(self, symbol: ClassSymbol, name: str) -> bool:
        found = self.project.resolve(symbol.path, f"{symbol.facts.qualname}.{name}")
        return isinstance(found, External) and canonical(found.name).startswith("django.db.models.Model.objects")

    @staticmethod
    def _below(outer: Query | None, name: str, model: OrmModel) -> Query | None:
        """A query for what a relation of a query's rows leads to: what is loaded with it is loaded."""
        if outer is None:
            return None
        loaded = None if outer.loaded is None else frozenset(
            it.partition("__")[2] for it in outer.loaded if it.startswith(f"{name}__")
        )  # fmt: skip
        if outer.orm == "sqlalchemy" and loaded is not None:
            loaded = outer.loaded  # options name attributes, whatever they hang on
        return Query(outer.orm, model, model.name, (), "row", loaded)

    def _selected(self, node: ast.Call, name: str, depth: int) -> Query | None:
        step = Step(name, node)
        if name == "select":
            target = self.project.external(self.path, self.reading.target(node.func), self.reading.owner(node))
            return self._entity(node.args, "sqlalchemy", step) if target.partition(".")[0] in ("sqlalchemy", "sqlmodel") else None
        asked = self.query(node.args[0], depth - 1) or self._entity(node.args[:1], "django", step)
        if asked is None:
            return None
        gives = "rows" if name == "get_list_or_404" else "row"
        return Query("django", asked.model, asked.name, (*asked.steps, step), gives, asked.loaded, True)

    def _entity(self, given: list[ast.expr], orm: str, step: Step) -> Query | None:
        """A query for what `select(...)` or `query(...)` is given: a model, or columns and functions."""
        target = self.reading.target(given[0])
        symbol = self.project.resolve(self.path, target, self.reading.owner(given[0])) if target else None
        model = self.models.at(symbol) if isinstance(symbol, ClassSymbol) else None
        written = dotted(given[0])
        whole = len(given) == 1 and (model is not None or (written[:1].isupper() and "." not in written))
        if isinstance(given[0], ast.Starred) or (not written and not isinstance(given[0], ast.Call)):
            return None
        if isinstance(given[0], ast.Call) and dotted(given[0].func).endswith("func.count"):
            return Query(orm, None, "", (step,), "number")
        return Query(orm, model if whole else None, written, (step,), "rows" if whole else "values")

    def _bound(self, node: ast.Name, depth: int) -> Query | None:
        function = self.reading.function(node)
        if function is None or self.loop_of(node) is not None:
            return None
        found: list[Query] = []
        for value in self.reading.bindings(function).get(node.id, []):
            if value is None or not isinstance(value, ast.expr) or value.__class__.__name__ == "_Annotation":
                return None
            inner = self.query(value, depth - 1)
            if inner is not None:
                found.append(inner)
            elif not _mentions(value, node.id):
                return None
        if not found or len({(it.name, it.gives) for it in found}) > 1:
            return None
        steps = tuple(dict.fromkeys(step for it in found for step in it.steps))
        loaded: frozenset[str] | None = frozenset()
        for it in found:
            loaded = None if loaded is None or it.loaded is None else loaded | it.loaded
        return Query(found[0].orm, found[0].model, found[0].name, steps, found[0].gives, loaded, any(it.runs for it in found))

    def _stepped(self, query: Query, step: Step) -> Query:
        """The query after one more call."""
        gives, loaded, runs = query.gives, query.loaded, query.runs
        name = step.name
        if name in _ROW[query.orm] and gives in ("rows", "row") and not (name == "get" and query.orm == "sqlalchemy" and runs):
            gives, runs = "row", True
        elif name in _OTHER and not (query.orm == "sqlalchemy" and name == "values"):
            gives, runs = _OTHER[name], name not in ("values", "values_list", "dates", "with_entities")
        elif name in _EXECUTES:
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
        if name in ("select_related", "prefetch_related", "options", "fetch_mode"):
            more = _loads(step.call, name, query.model)
            loaded = None if loaded is None or more is None else loaded | more
        return Query(query.orm, query.model, query.name, (*query.steps, step), gives, loaded, runs)


def _loads(call: ast.Call, name: str, model: OrmModel | None) -> frozenset[str] | None:
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
            if any(isinstance(each, ast.Constant) and each.value == "*" for each in ast.walk(it)):
                return None
        else:
            return None
    return frozenset(found)


def _gives(target: ast.expr, source: ast.expr, name: str) -> bool:
    """Whether a loop's target gives the name one thing of what it runs over: `for it in x`, `for n, it in enumerate(x)`."""
    if isinstance(target, ast.Name):
        return target.id == name
    last = target.elts[-1] if isinstance(target, ast.Tuple) and len(target.elts) == 2 else None
    counted = isinstance(source, ast.Call) and dotted(source.func) == "enumerate"
    return counted and isinstance(last, ast.Name) and last.id == name


def _given(source: ast.expr) -> ast.expr:
    """What is run over, `enumerate`, `iterator()` and the like opened."""
    while isinstance(source, ast.Call):
        if dotted(source.func) in ("enumerate", *_MADE) and source.args:
            source = source.args[0]
        elif isinstance(source.func, ast.Attribute) and source.func.attr in ("iterator", "aiterator"):
            source = source.func.value
        else:
            break
    return source


def _within(node: ast.AST, outer: ast.AST, reading: Reading) -> bool:
    return node is outer or any(it is outer for it in reading.ancestors(node))


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(it, ast.Name) and it.id == name for it in ast.walk(node))


def queries(project: Project, path: str, reading: Reading) -> Queries:
    """The queries of a unit, kept with its reading as long as the project says the same."""
    key = f"queries {id(project)} {project.generation} {path}"
    if reading.memo.get("queries key") != key:
        reading.memo["queries key"] = key
        reading.memo["queries"] = Queries(project, path, reading)
    found: Queries = reading.memo["queries"]
    return found
