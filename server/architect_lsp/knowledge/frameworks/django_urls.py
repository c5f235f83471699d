"""Django's URLconfs: every route with the prefixes, namespaces and decorators of the includes that lead to it.

The roots are what `ROOT_URLCONF` names, and the URLconfs that nobody includes. What only a running program knows, such as the
pages of `admin.site.urls` or an include of a package outside the project, is one route whose path ends in `?`.
Source: https://docs.djangoproject.com/en/stable/topics/http/urls/ and `django.urls.conf`.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.facts import Facts, Variable
from architect_lsp.knowledge.frameworks.django_answers import Answer, dependency
from architect_lsp.knowledge.frameworks.django_patterns import of_expression, of_route
from architect_lsp.knowledge.frameworks.django_routers import Home, Row, home, rows_of
from architect_lsp.knowledge.frameworks.django_views import answers
from architect_lsp.knowledge.nouns import Dependency, Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import Module, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Place

_LIST = "urlpatterns"
_EXPRESSIONS = ("re_path", "url")
_GROWS = ("extend", "append", "insert")
_FILES = ("static", "staticfiles_urlpatterns", "debug_toolbar_urls")
"""What serves files while a project is developed: no operation of its own."""
_DEPTH = 24
"""How deep URLconfs, lists and calls may lie in each other."""


class _Step(Struct, frozen=True):
    """One statement that sets or grows a list of patterns."""

    value: Value
    kind: str
    number: int  # of a registration
    sets: bool
    optional: bool

    def at(self, conf: Home) -> Ref:
        """Where it stands, in the file and list that it belongs to."""
        is_call = self.kind == "registration"
        return Ref(conf.path, "", self.kind, self.number) if is_call else Ref(conf.path, conf.name, self.kind)


class _Way(Struct, frozen=True):
    """How a list of patterns is come to, from the root of the site."""

    prefix: str = "/"
    spaces: tuple[str, ...] = ()
    via: tuple[Ref, ...] = ()
    before: tuple[Dependency, ...] = ()
    optional: bool = False


class _Spot(Struct, frozen=True):
    """The statement that is read: its file, the list it belongs to, how many statements of that list come before, its values."""

    path: str
    name: str
    index: int
    at: Ref
    entries: dict[int, int]

    def ref(self, value: Value) -> Ref:
        """Where a value of the statement stands."""
        entry = self.entries.get(id(value), -1)
        return replace(self.at, entry=entry) if self.at.kind in ("value", "registration") and entry >= 0 else self.at


def routes(project: Project) -> Iterator[Route]:
    """Every route of every root, in the order in which Django tries them."""
    yield from project.of_all("django routes", lambda it: tuple(_Site(it).routes()))


class _Site:
    """The URLconfs of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.included: set[Home] = set()
        self.before = (Dependency("LoginRequiredMiddleware", None, True),) if _is_closed(project) else ()

    def routes(self) -> Iterator[Route]:
        """The routes of the roots: first those that settings name."""
        confs = [Home(path, _LIST) for path in self.project.paths if isinstance(self.project.name(path, _LIST), Variable)]
        named = [it for it in dict.fromkeys(_roots(self.project)) if it in confs]
        found = {it: list(self.of_list(it, _Way(before=self.before), _DEPTH)) for it in [*named, *confs]}
        for it in [*named, *(conf for conf in confs if conf not in named and conf not in self.included)]:
            yield from found[it]

    def of_list(self, conf: Home, way: _Way, depth: int, upto: int | None = None) -> Iterator[Route]:
        """The routes of a list of patterns, as it is after its first `upto` statements; None asks for all."""
        if depth <= 0:
            return
        steps = (self.project.row_of_file(conf.path, _steps, conf.name) or [])[:upto]
        start = max((index for index, it in enumerate(steps) if it.sets and not it.optional), default=-1)
        if start < 0 and (inherited := _inherited(self.project, conf)) is not None:
            yield from self.of_list(inherited, way, depth - 1)
        for index, it in enumerate(steps):
            if index >= start:
                entries = {id(value): number for number, value in enumerate(it.value.each())}
                spot = _Spot(conf.path, conf.name, index, it.at(conf), entries)
                value = it.value.items[-1] if it.kind == "registration" and it.value.items else it.value
                yield from self.of_value(spot, value, replace(way, optional=way.optional or it.optional), depth - 1)

    def of_value(self, spot: _Spot, value: Value, way: _Way, depth: int) -> Iterator[Route]:
        """The routes of an expression that gives patterns, or is one."""
        if depth <= 0:
            return
        if value.kind in ("list", "joined", "star"):
            for it in value.items:
                yield from self.of_value(spot, it, way, depth - 1)
        elif value.kind == "either":
            for it in value.items:
                yield from self.of_value(spot, it, replace(way, optional=True), depth - 1)
        elif value.kind == "name":
            yield from self.of_name(spot, value, way, depth)
        elif value.kind == "call" and value.last not in _FILES:
            yield from self.of_call(spot, value, way, depth)

    def of_name(self, spot: _Spot, value: Value, way: _Way, depth: int) -> Iterator[Route]:
        """The routes of a list by its name, or of a router's `urls`."""
        if value.text == spot.name:
            yield from self.of_list(Home(spot.path, spot.name), way, depth - 1, spot.index)
            return
        head, _, last = value.text.rpartition(".")
        router = home(self.project, spot.path, head) if last == "urls" and head else None
        rows = rows_of(self.project, router) if router is not None else None
        if rows is not None:
            for row in rows:
                for answer in row.answers:
                    yield self.route(way, row, answer)
            return
        found = home(self.project, spot.path, value.text)
        if found is not None:
            self.included.add(found)
            yield from self.of_list(found, way, depth - 1)
        else:
            yield self.unknown(spot, value, way)

    def of_call(self, spot: _Spot, value: Value, way: _Way, depth: int) -> Iterator[Route]:
        """The routes of `path(...)`, `i18n_patterns(...)`, `include(...)` and of a function that is given patterns."""
        last = value.last
        first = value.argument(0)
        if last == "i18n_patterns":
            for it in value.items:
                yield from self.of_value(spot, it, replace(way, prefix=f"{way.prefix}{{language}}/"), depth - 1)
        elif last == "include":
            yield from self.of_include(spot, value, way, depth - 1)
        elif first is not None and (last in ("path", *_EXPRESSIONS) or (last.endswith(("path", "url")) and len(value.items) > 1)):
            yield from self.of_pattern(spot, value, way, depth)
        else:  # what decorates or sorts patterns
            lists = [it for it in (*value.items, *(row for _, row in value.keywords)) if self.holds_patterns(spot, it)]
            others = [it for it in value.items if it.kind == "name" and it not in lists]
            guards = [it for it in (dependency(self.project, spot.path, row.text) for row in others) if it.guards]
            for it in lists:
                yield from self.of_value(spot, it, replace(way, before=(*way.before, *guards)), depth - 1)
            if not lists:
                yield self.unknown(spot, value, way)

    def holds_patterns(self, spot: _Spot, value: Value) -> bool:
        """Whether an argument is a list of patterns."""
        if value.kind in ("list", "joined", "star"):
            return any(it.kind in ("call", "name", "list", "star") for it in value.items)
        if value.kind != "name":
            return value.kind == "call" and value.last in ("path", "include", "i18n_patterns", *_EXPRESSIONS)
        found = home(self.project, spot.path, value.text)
        return value.text == spot.name or (found is not None and found.name.endswith(("patterns", "urls")))

    def of_pattern(self, spot: _Spot, value: Value, way: _Way, depth: int) -> Iterator[Route]:
        """The routes of one `path(...)`, `re_path(...)` or `url(...)`."""
        said = value.argument(0, "route") or value.keyword("regex")
        if said is not None and said.kind == "call" and said.items:  # `_("users/")`
            said = said.items[0]
        shown = text(self.project, spot.path, said)
        is_expression = value.last in _EXPRESSIONS or (shown is not None and shown.startswith("^"))
        piece = "?" if shown is None else of_expression(shown) if is_expression else of_route(shown)
        view = value.argument(1, "view")
        if view is None:
            return
        below = replace(way, prefix=way.prefix + piece)
        if view.kind == "call" and view.last in ("include", "decorator_include"):
            yield from self.of_include(spot, view, replace(below, via=(*way.via, spot.ref(value))), depth - 1)
        elif view.kind == "list":
            yield from self.of_included(spot, view, "", replace(below, via=(*way.via, spot.ref(value))), depth - 1)
        elif view.kind == "name" and view.text.endswith(".urls"):
            yield self.unknown(spot, value, below)
        elif view.kind == "unknown":
            yield self.unknown(spot, value, replace(below, prefix=below.prefix))
        else:
            name = text(self.project, spot.path, value.argument(3, "name")) or ""
            row = Row(piece, name, answers(self.project, spot.path, view), spot.ref(value))
            for answer in row.answers:
                yield self.route(way, row, answer)

    def of_include(self, spot: _Spot, value: Value, way: _Way, depth: int) -> Iterator[Route]:
        """The routes of `include(...)`, whatever it is given."""
        inner = value.argument(0, "arg")
        if value.last == "decorator_include" and len(value.items) > 1:
            guard = dependency(self.project, spot.path, value.items[0].text)
            way, inner = replace(way, before=(*way.before, guard)), value.items[1]
        space = text(self.project, spot.path, value.argument(1, "namespace")) or ""
        if inner is not None:
            yield from self.of_included(spot, inner, space, way, depth)

    def of_included(self, spot: _Spot, inner: Value, space: str, way: _Way, depth: int) -> Iterator[Route]:
        """The routes of a module, a list, or `(patterns, app_name)`."""
        if inner.kind == "name" and (found := behind(self.project, spot.path, inner.text)) is not None:
            if found[1].kind == "text":
                inner = found[1]
            elif found[1].kind == "list" and _is_pair(found[1]):
                spot, inner = replace(spot, path=found[0], name="", entries={}), found[1]
        if inner.kind == "list" and _is_pair(inner):
            space = space or text(self.project, spot.path, inner.items[-1]) or ""
            yield from self.of_included(spot, inner.items[0], space, way, depth - 1)
            return
        module: Module | None = None
        if inner.kind == "text":
            module, rest = self.project.module(spot.path, inner.text)
            module = None if rest else module
        elif inner.kind == "name":
            symbol = self.project.resolve(spot.path, inner.text)
            module = symbol if isinstance(symbol, Module) else None
        if module is not None and not module.path.endswith("/"):
            conf = Home(module.path, _LIST)
            self.included.add(conf)
            label = self.project.name(module.path, "app_name")
            space = space or (text(self.project, module.path, label.value) if isinstance(label, Variable) else "") or ""
            yield from self.of_list(conf, _named(way, space), depth - 1)
        elif inner.kind == "text":
            yield self.unknown(spot, inner, way)
        else:
            yield from self.of_value(spot, inner, _named(way, space), depth - 1)

    def unknown(self, spot: _Spot, value: Value, way: _Way) -> Route:
        """What can't be told, as one route."""
        prefix = way.prefix if way.prefix.endswith("?") else f"{way.prefix}?"
        return Route(frozenset(), prefix, None, spot.ref(value), way.via, way.optional, "django", dependencies=way.before)

    @staticmethod
    def route(way: _Way, row: Row, answer: Answer) -> Route:
        """One operation."""
        return Route(
            answer.methods,
            way.prefix + row.path,
            answer.handler,
            row.at,
            way.via,
            way.optional or row.optional,
            "django",
            ":".join((*way.spaces, row.name)) if row.name else "",
            (*way.before, *answer.dependencies),
            answer.response,
            view=answer.view,
        )


def _named(way: _Way, space: str) -> _Way:
    return replace(way, spaces=(*way.spaces, space)) if space else way


def _is_pair(value: Value) -> bool:
    """Whether a list is `(patterns, app_name)` or `(patterns, app_name, namespace)`."""
    return 2 <= len(value.items) <= 3 and value.items[1].kind in ("text", "constant")


def _steps(facts: Facts) -> dict[str, list[_Step]]:
    """The statements of a module that set or grow its lists, by the list's name, in the order of the source."""
    found: dict[str, list[tuple[tuple[int, int], _Step]]] = {}
    last = {it.name: index for index, it in enumerate(facts.variables)}
    for index, it in enumerate(facts.variables):
        if "." not in it.name:
            value = it.value or Value("name", it.target)
            step = _Step(value, "value" if last[it.name] == index else "variable", -1, True, it.optional)
            found.setdefault(it.name, []).append((_place(it.place), step))
    for number, row in enumerate(facts.registrations):
        name, _, verb = row.value.text.rpartition(".")
        if verb in _GROWS and name in found and not row.scope:
            step = _Step(row.value, "registration", number, False, row.optional)
            found[name].append((_place(row.place), step))
    return {name: [step for _, step in sorted(rows, key=lambda it: it[0])] for name, rows in found.items()}


def _place(place: Place) -> tuple[int, int]:
    return place.line, place.column


def _inherited(project: Project, conf: Home) -> Home | None:
    """The list of another module that a module's own begins with: `from .base import *` and then `urlpatterns += ...`."""
    told = dict(project.imports(conf.path)).get(conf.name)
    names = [told] if told is not None else [f"{it}.{conf.name}" for it in project.stars(conf.path)]
    for name in names:
        module, rest = project.module(conf.path, name)
        if module is None or len(rest) != 1 or module.path == conf.path:
            continue
        if project.row_of_file(module.path, _steps, rest[0]) is not None:
            return Home(module.path, rest[0])
    return None


def _roots(project: Project) -> Iterator[Home]:
    """What settings call the root of the site."""
    for path in project.paths:
        found = project.name(path, "ROOT_URLCONF")
        if isinstance(found, Variable):
            module, rest = project.module(path, text(project, path, found.value) or "")
            if module is not None and not rest:
                yield Home(module.path, _LIST)


def _is_closed(project: Project) -> bool:
    """Whether settings ask that every view be logged in to."""
    for path in project.paths:
        found = project.name(path, "MIDDLEWARE")
        value = found.value if isinstance(found, Variable) else None
        if value is not None and any(it.kind == "text" and it.text.endswith("LoginRequiredMiddleware") for it in value.items):
            return True
    return False
