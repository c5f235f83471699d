"""What the expressions of one unit ask of a database by Django or SQLAlchemy: querysets and statements, and the rows they give.

A query is a chain of calls, put together over the names that it is bound to on the way. What can't be told is None: rules that
ask here stay silent then. Source: Django's QuerySet API and SQLAlchemy's `Query` and `Session`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from architect_lsp.knowledge.chains import EXECUTES, Query, Step, stepped
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.loops import COPIES, source_of
from architect_lsp.knowledge.models import Models
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance
from architect_lsp.patterns import regex

_CLASSES = regex(r"model|cls|klass|class|type|sender|user", re.IGNORECASE)
_MANAGERS = frozenset(["objects", "_default_manager", "_base_manager", "all_objects"])
_SESSION = regex(r"(?:\w+_)?(?:session|sess)|_?db|database_session")
_SESSION_CLASSES = regex(
    r"(?:sqlalchemy|sqlmodel|flask_sqlalchemy)(?:\.\w+)*\.(?:Async)?Session(?:\(\))?|.*\.SQLAlchemy\(?\)?\.session"
)
_SQLALCHEMY = ("sqlalchemy", "sqlmodel", "flask_sqlalchemy")
_TALKS = (
    r"\.(?:query\(|commit\(\)|flush\(\)|scalars?\(|add_all\(|get\(\s*[A-Z]\w*\s*,|execute\(\s*(?:select|update|insert|delete)\()"
)
"""What is called of a session and of little else."""
_CONTAINERS = (ast.DictComp, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.Dict, ast.List, ast.Set, ast.Tuple)
_STEPS = 8
"""How many names a query may be followed through."""


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
        return self.project.of_file(self.path, _speaks_sqlalchemy)

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
        elif isinstance(found, FunctionSymbol):
            return False
        elif isinstance(found, Instance):
            return any(
                isinstance(it, External) and _SESSION_CLASSES.fullmatch(canonical(it.name)) for it in self.project.bases(found)
            )
        written = dotted(node)
        if not _SESSION.fullmatch(written.rpartition(".")[2]) or isinstance(found, ClassSymbol):
            return False
        return self.speaks_sqlalchemy or bool(re.search(rf"\b{re.escape(written)}{_TALKS}", self.reading.unit.text))

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
        return source_of(self.reading, name)

    def _query(self, node: ast.expr, depth: int) -> Query | None:
        if depth <= 0:
            return None
        if isinstance(node, ast.Await):
            return self.query(node.value, depth)
        if isinstance(node, ast.Name):
            return self._bound(node, depth)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in COPIES and len(node.args) == 1:
                return self.query(node.args[0], depth)
            if name in ("select", "get_object_or_404", "aget_object_or_404", "get_list_or_404") and node.args:
                return self._selected(node, name, depth)
            return None
        if isinstance(node, ast.Subscript):
            inner = self.query(node.value, depth)
            if inner is None:
                return None
            return inner if isinstance(node.slice, ast.Slice) else stepped(inner, Step("first", ast.Call(node, [], [])))
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
            if function.attr in EXECUTES and node.args:
                asked = self.query(node.args[0], depth - 1)
                return stepped(asked, step) if asked is not None else None
            if (
                function.attr in ("get", "get_one")
                and len(node.args) > 1
                and dotted(node.args[0]).rpartition(".")[2][:1].isupper()
            ):
                asked = self._entity(node.args[:1], "sqlalchemy", step)
                return Query("sqlalchemy", asked.model, asked.name, (step,), "row", runs=True) if asked is not None else None
            return None
        inner = self.query(function.value, depth)
        return stepped(inner, step) if inner is not None else None

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
                own = self.project.resolve(self.path, f"{target}.{node.attr}")
                return Query("django", model, model.name, (), loaded=None if isinstance(own, Instance) else frozenset())
            if model is not None and model.framework != "django" and node.attr == "query":
                return Query("sqlalchemy", model, model.name, ())
        elif node.attr == "query" and dotted(node.value).rpartition(".")[2][:1].isupper() and isinstance(symbol, External | None):
            return Query("sqlalchemy", None, dotted(node.value).rpartition(".")[2], ())
        elif node.attr in _MANAGERS and not isinstance(symbol, Instance) and _may_be_class(dotted(node.value)):
            return Query("django", None, dotted(node.value).rpartition(".")[2], ())
        outer = self.model_of(node.value, depth - 1)
        there = self.models.across(outer[0], node.attr) if outer is not None else None
        if outer is None or there is None or not there.many:
            return None
        below = self._below(outer[1], node.attr, there.model)
        orm = "django" if outer[0].framework == "django" else "sqlalchemy"
        back = there.relation.back if there.relation.name == node.attr else there.relation.name
        return Query(orm, there.model, there.model.name, (), loaded=below.loaded if below is not None else None, owner=back)

    def _is_manager(self, symbol: ClassSymbol, name: str) -> bool:
        found = self.project.resolve(symbol.path, f"{symbol.facts.qualname}.{name}")
        if isinstance(found, Instance):
            return any(isinstance(it, External) and _is_manager(it.name) for it in self.project.bases(found))
        return isinstance(found, External) and _is_manager(found.name)

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
        made: list[str] = []
        for value in self.reading.bindings(function).get(node.id, []):
            if value is None or not isinstance(value, ast.expr) or value.__class__.__name__ == "_Annotation":
                return None
            inner = self.query(value, depth - 1)
            if inner is not None:
                found.append(inner)
            elif isinstance(value, ast.Call) and dotted(value.func) and not _mentions(value.func, node.id):
                made.append(dotted(value.func).rpartition(".")[2])  # found, or else made
            elif not _mentions(value, node.id) or isinstance(value, _CONTAINERS):
                return None
        if not found or len({(it.name, it.gives) for it in found}) > 1:
            return None
        if any(it != found[0].name.rpartition(".")[2] for it in made) or (made and found[0].gives != "row"):
            return None
        steps = tuple(dict.fromkeys(step for it in found for step in it.steps))
        loaded: frozenset[str] | None = frozenset()
        for it in found:
            loaded = None if loaded is None or it.loaded is None else loaded | it.loaded
        return Query(
            found[0].orm,
            found[0].model,
            found[0].name,
            steps,
            found[0].gives,
            loaded,
            any(it.runs for it in found),
            found[0].owner,
        )


def _speaks_sqlalchemy(facts: Facts) -> bool:
    names = (name for _, name in facts.imports)
    return any(it.partition(".")[0] in _SQLALCHEMY or it.endswith(("session", "Session", "db")) for it in names)


def _may_be_class(name: str) -> bool:
    """Whether a name can be a model's: `Order`, `self.model`, but no `results` or `bucket`, whose `objects` are others."""
    last = name.rpartition(".")[2]
    return not last or last[:1].isupper() or bool(_CLASSES.search(last))


def _is_manager(name: str) -> bool:
    return canonical(name).startswith("django.db.models.Model.objects")


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
