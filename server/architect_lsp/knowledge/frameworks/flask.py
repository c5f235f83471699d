"""Flask and Quart: routes of applications and blueprints, views as classes, Flask-RESTful, Flask-RESTX and flask-smorest.

Source: `Blueprint.register` and `BlueprintSetupState` of Flask: a prefix given at the registration replaces the blueprint's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.facts import ClassDef, Def
from architect_lsp.knowledge.frameworks.dependencies import decorators, dependency, listed
from architect_lsp.knowledge.frameworks.hosts import Held, Host, Hosts, Told
from architect_lsp.knowledge.frameworks.scoped import Where, handler_of, text_at
from architect_lsp.knowledge.lineage import Attribute, attributes
from architect_lsp.knowledge.nouns import Dependency, Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.knowledge.values import UNKNOWN, Value
from architect_lsp.patterns import regex

_KINDS = regex(
    r"(?:flask|quart|apiflask|flask_openapi3)\.(?:\w+\.)*(?:Flask|Quart|APIFlask|OpenAPI|Blueprint|APIBlueprint)"
    r"|(?:flask_restful|flask_restx|flask_restplus|flask_smorest)\.(?:\w+\.)*(?:Api|Namespace|Blueprint|Api\(\)\.namespace)"
)
_FLASKS = ("flask", "quart", "flask_restful", "flask_restx", "flask_smorest")
_METHODS = ("get", "post", "put", "patch", "delete")
_BEFORE = ("before_request", "before_app_request", "url_value_preprocessor")
_WORDS = frozenset(
    (
        *(*_METHODS, "route", "add_url_rule", "register_blueprint", "add_resource", "resource", "add_namespace", "init_app"),
        *(*_BEFORE, "add_websocket", "websocket"),
    )
)
_PARAMETER = regex(r"<(?:([^>:]+):)?\s*(\w+)\s*>")
_DEPTH = 8
"""How deep blueprints are followed into each other."""


class _Above(Struct, frozen=True):
    """What a blueprint's routes have from those that register it. `over` replaces its own prefix, where it is not None."""

    prefix: str = ""
    over: str | None = None
    via: tuple[Ref, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    optional: bool = False
    depth: int = _DEPTH


def tables(project: Project) -> list[list[Route]]:
    """For each application, and each blueprint that nobody registers, its routes in the order of the source."""
    return project.of_all("flask", lambda it: _Tables(it).all())


def routes(project: Project) -> Iterator[Route]:
    """Every route of every application and of every blueprint that nobody registers."""
    for table in tables(project):
        yield from table


def joined(prefix: str, rule: str) -> str:
    """A rule below a prefix, as Flask puts them together; parameters as `{name:converter}`."""
    path = rule if not prefix else f"{prefix.rstrip('/')}/{rule.lstrip('/')}" if rule else prefix
    return _PARAMETER.sub(_parameter, path)


def _parameter(found: re.Match[str]) -> str:
    kind = (found[1] or "").partition("(")[0]
    return f"{{{found[2]}}}" if kind in ("", "string", "default") else f"{{{found[2]}:{kind}}}"


class _Tables:
    """Puts together what hosts are told."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.hosts = Hosts(project, _FLASKS, _KINDS, _WORDS)
        self.inner: set[Host] = set()
        self.attached: dict[Host, list[tuple[Held, Ref]]] = {}

    def all(self) -> list[list[Route]]:
        for held in self.hosts.every():
            self._attach(held)
        rows = [(it, list(self.table(it, _Above()))) for it in self.hosts.every() if self._speaks(it)]
        return [table for it, table in rows if table and it.host not in self.inner]

    def _speaks(self, held: Held) -> bool:
        """Whether something that is only known to be called `app` is of this framework, as far as its file tells."""
        return bool(held.kind) or self.project.uses(held.host.path, *_FLASKS)

    def _attach(self, held: Held) -> None:
        """An API of an extension belongs to the application or blueprint it is given, at once or by `init_app`."""
        if not held.kind.endswith(("Api", "Api().namespace")) or held.made is None:
            return
        at = self.hosts.place(held)
        if held.kind.endswith("namespace"):
            outer = self.hosts.told_to(held.where, held.made)
            rows = [(outer, at)]
        else:
            first = held.made.argument(0, "app") or held.made.argument(0, "blueprint")
            rows = [(self.hosts.held(held.where, first), at)]
            rows += [(self.hosts.held(it.where, it.value.argument(0, "app")), it.at) for it in self._inits(held)]
        for outer, place in rows:
            if outer is not None and outer.host != held.host:
                self.inner.add(held.host)
                self.attached.setdefault(outer.host, []).append((held, place))

    def _inits(self, held: Held) -> list[Told]:
        return [it for it in self.hosts.told(held) if it.value.last == "init_app"]

    def table(self, held: Held, above: _Above) -> Iterator[Route]:
        """The routes of a host, in the order of the source."""
        if above.depth <= 0:
            return
        self.inner.update(held.of)
        rows = self.hosts.told(held)
        before = [it for told in rows if told.value.last in _BEFORE if (it := self._before(told)) is not None]
        here = replace(
            above,
            prefix=self._prefix(held, above),
            over=None,
            dependencies=(*above.dependencies, *before),
            depth=above.depth - 1,
        )
        for told in rows:
            for where in self.hosts.turns(told, held.where):
                yield from self._told(held, told, where, replace(here, optional=here.optional or told.optional))
        for inner, at in self.attached.get(held.host, ()):
            yield from self.table(inner, replace(here, via=(*here.via, at)))

    def _prefix(self, held: Held, above: _Above) -> str:
        made = held.made or UNKNOWN
        if held.kind.endswith("Blueprint"):
            own = above.over if above.over is not None else text_at(self.project, held.where, made.keyword("url_prefix"))
            return f"{above.prefix.rstrip('/')}/{own.lstrip('/')}" if own and above.prefix else own or above.prefix
        if held.kind.endswith(("Namespace", "namespace")):
            said, name = made.keyword("path"), made.argument(0, "name")
            own = text_at(self.project, held.where, said) if said is not None else f"/{text_at(self.project, held.where, name)}"
            return above.prefix + (above.over if above.over is not None else own)
        if held.kind.endswith("Api"):
            return above.prefix + text_at(self.project, held.where, made.keyword("prefix"))
        return above.prefix

    def _before(self, told: Told) -> Dependency | None:
        if told.handler is not None:
            where = replace(told.where, scope="")
            return dependency(self.project, where, Value("name", told.handler.qualname))
        first = told.value.argument(0, "f")
        return dependency(self.project, told.where, first) if first is not None else None

    def _told(self, held: Held, told: Told, where: Where, above: _Above) -> Iterator[Route]:
        value, last = told.value, told.value.last
        if told.hands:
            for outer, inner in self.hosts.handed(told, where):
                if outer.host == held.host:
                    self.inner.add(inner.host)
                    yield from self.table(inner, replace(above, via=(*above.via, told.at)))
        elif last in ("register_blueprint", "add_namespace"):
            inner_host = self.hosts.held(where, value.argument(0, "blueprint") or value.argument(0, "ns"))
            said = value.keyword("url_prefix") if last == "register_blueprint" else value.argument(1, "path")
            if inner_host is not None and inner_host.host != held.host:
                self.inner.add(inner_host.host)
                over = text_at(self.project, where, said) if said is not None and said.text != "None" else None
                yield from self.table(inner_host, replace(above, over=over, via=(*above.via, told.at)))
        elif last == "add_resource":
            handler = handler_of(self.project, where, value.argument(0, "resource"))
            yield from self._routes(where, value, value.items[1:], told.at, handler, above)
        elif last == "add_url_rule":
            given = value.argument(2, "view_func") or value.argument(1)
            handler = handler_of(self.project, where, given) if given is not None and given.kind != "text" else None
            guards = tuple(_wrappers(self.project, where, given)) if given is not None else ()
            below = replace(above, dependencies=(*above.dependencies, *guards))
            yield from self._routes(where, value, (value.argument(0, "rule") or UNKNOWN,), told.at, handler, below)
        elif told.handler is not None and last not in _BEFORE:
            rules = value.items if last == "resource" or _is_class(self.project, told.handler) else value.items[:1]
            rule = value.argument(0, "rule")
            yield from self._routes(where, value, rules or ((rule,) if rule is not None else ()), told.at, told.handler, above)

    def _routes(
        self, where: Where, value: Value, rules: tuple[Value, ...], at: Ref, handler: Ref | None, above: _Above
    ) -> Iterator[Route]:
        for rule in rules:
            path = joined(above.prefix, text_at(self.project, where, rule))
            methods = self._methods(value)
            route = Route(methods, path, handler, at, above.via, above.optional, "flask", dependencies=above.dependencies)
            known = self.project.name(handler.path, handler.qualname) if handler is not None else None
            if handler is not None and isinstance(known, ClassDef):
                yield from self._of_class(route, ClassSymbol(handler.path, known), said=value.keyword("methods") is not None)
            elif handler is not None and isinstance(known, Def):
                more = decorators(self.project, handler.path, known, _WORDS)
                yield replace(route, optional=route.optional or known.optional, dependencies=(*route.dependencies, *more))
            else:
                yield route

    def _methods(self, value: Value) -> frozenset[str]:
        if value.last in _METHODS:
            return frozenset([value.last.upper()])
        said = value.keyword("methods")
        if said is None:
            return frozenset(["WEBSOCKET"] if "websocket" in value.last else ["GET"])
        return frozenset(it.text.upper() for it in said.items if it.kind == "text")

    def _of_class(self, route: Route, symbol: ClassSymbol, *, said: bool) -> Iterator[Route]:
        """A view's class answers each method by its function of that name; a plain `View` by `dispatch_request`."""
        known = attributes(self.project, symbol)
        field = known.get("decorators") or known.get("method_decorators")
        outer = listed(self.project, Where(symbol.path), field.value) if field is not None else ()
        route = replace(route, view=route.handler, dependencies=(*route.dependencies, *outer))
        methods = [it for it in (*_METHODS, "head", "options") if it in known and known[it].call is not None]
        if said:
            methods = [it for it in methods if it.upper() in route.methods]
        if methods and "dispatch_request" not in known:
            for name in methods:
                yield self._of_method(replace(route, methods=frozenset([name.upper()])), known[name])
        elif "dispatch_request" in known:
            listed_methods = known["methods"].value if "methods" in known else None
            if listed_methods is not None and not said:
                route = replace(route, methods=frozenset(it.text.upper() for it in listed_methods.items))
            yield self._of_method(route, known["dispatch_request"])
        else:
            yield route

    def _of_method(self, route: Route, method: Attribute) -> Route:
        if method.call is None:
            return route
        more = decorators(self.project, method.path, method.call, _WORDS)
        return replace(route, handler=method.ref, dependencies=(*route.dependencies, *more))


def _wrappers(project: Project, where: Where, value: Value) -> Iterator[Dependency]:
    """`login_required` of `login_required(View.as_view("name"))`."""
    while value.kind == "call" and value.last != "as_view" and value.items:
        found = dependency(project, where, Value("name", value.text))
        if found is not None:
            yield found
        value = value.items[0]


def _is_class(project: Project, handler: Ref) -> bool:
    return handler.kind == "class" and project.class_(handler.path, handler.qualname) is not None
