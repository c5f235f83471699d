"""FastAPI and Starlette: routes in the order the framework tries them, with the prefixes of every `include_router` applied.

Source: https://fastapi.tiangolo.com/tutorial/path-params/#order-matters and Starlette's `Router.app`: the first full match wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.answers import value_status
from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.facts import HTTP_METHODS, Def
from architect_lsp.knowledge.frameworks.dependencies import decorators, listed, of_signature
from architect_lsp.knowledge.frameworks.hosts import Held, Host, Hosts, Told
from architect_lsp.knowledge.frameworks.scoped import Where, handler_of, items, text_at
from architect_lsp.knowledge.lineage import attributes
from architect_lsp.knowledge.nouns import Dependency, Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.knowledge.values import UNKNOWN, Value, shown
from architect_lsp.patterns import regex

_CONVERTERS = {"int": r"\d+", "float": r"\d+(?:\.\d+)?", "uuid": r"[0-9a-fA-F-]{32,36}", "path": r".*", "str": r"[^/]+"}
_SAMPLES = {"int": "7", "float": "7.5", "uuid": "0" * 32, "path": "x~/y~", "str": "x~"}
_PARAMETER = regex(r"{(\w+)(?::(\w+))?}")
_PACKAGES = ("fastapi", "starlette")
_KINDS = regex(r"(?:fastapi|starlette)\.(?:\w+\.)*(?:FastAPI|APIRouter|Starlette|Router)")
_ADDS = frozenset(("add_api_route", "add_route", "add_websocket_route", "add_api_websocket_route", "websocket_route"))
_WORDS = frozenset((*HTTP_METHODS, *_ADDS, "include_router", "mount", "host"))
_LISTED = ("Route", "WebSocketRoute", "Mount", "APIRoute", "APIWebSocketRoute", "Host")
_ENDPOINT_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_DEPTH = 8
"""How deep routers are followed into each other."""


class _Above(Struct, frozen=True):
    """What a router's routes have from those that include it."""

    prefix: str = ""
    via: tuple[Ref, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    optional: bool = False
    depth: int = _DEPTH


def is_route(project: Project, path: str, definition: Def) -> bool:
    """Whether the function is registered with a router of this framework."""
    words = [it.value for it in definition.decorators if it.value.last in HTTP_METHODS and it.path is not None]
    return any(
        project.kept("fastapi route", (path, definition.qualname, it), _is_told, project, path, definition, it) for it in words
    )


def _is_told(project: Project, path: str, definition: Def, value: Value) -> bool:
    held = Hosts(project, _PACKAGES, _KINDS, _WORDS).told_to(Where(path, definition.qualname.rpartition(".")[0]), value)
    return held is not None and bool(held.kind)


def tables(project: Project) -> list[list[Route]]:
    """For each application, and each router that nobody includes, its routes in the order they are tried."""
    return project.of_all("fastapi", lambda it: _Tables(it).all())


def routes(project: Project) -> Iterator[Route]:
    """Every route of every application and of every router that nobody includes."""
    for table in tables(project):
        yield from table


def takes_all_of(earlier: Route, later: Route) -> bool:
    """Whether no request can reach `later` because `earlier` is tried first and matches whatever `later` matches."""
    if "?" in earlier.path or "?" in later.path:
        return False
    if earlier.methods and not (later.methods and later.methods <= earlier.methods):
        return False
    if not earlier.methods and "WEBSOCKET" in later.methods:
        return False
    sample = _PARAMETER.sub(lambda it: _SAMPLES.get(it[2] or "str", "x~"), later.path)
    return pattern(earlier.path).fullmatch(sample) is not None


def pattern(path: str) -> re.Pattern[str]:
    """The regular expression a path stands for (Starlette's `compile_path`)."""
    parts, at = [], 0
    for it in _PARAMETER.finditer(path):
        parts += [re.escape(path[at : it.start()]), "(?:", _CONVERTERS.get(it[2] or "str", r"[^/]+"), ")"]
        at = it.end()
    return re.compile("".join(parts) + re.escape(path[at:]))


class _Tables:
    """Puts together what hosts are told."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.hosts = Hosts(project, _PACKAGES, _KINDS, _WORDS)
        self.inner: set[Host] = set()

    def all(self) -> list[list[Route]]:
        rows = [(it, list(self.table(it, _Above()))) for it in self.hosts.every() if self._speaks(it)]
        return [table for it, table in rows if table and it.host not in self.inner]

    def _speaks(self, held: Held) -> bool:
        """Whether something that is only known to be called `app` is of this framework, as far as its file tells."""
        return bool(held.kind) or self.project.uses(held.host.path, "fastapi", "starlette")

    def table(self, held: Held, above: _Above) -> Iterator[Route]:
        """The routes of a host in the order they are tried."""
        if above.depth <= 0:
            return
        self.inner.update(held.of)
        made = held.made or UNKNOWN
        here = replace(
            above,
            prefix=above.prefix + text_at(self.project, held.where, made.keyword("prefix")),
            dependencies=(*above.dependencies, *listed(self.project, held.where, made.keyword("dependencies"))),
            depth=above.depth - 1,
        )
        at = self.hosts.place(held)
        for where, it in items(self.project, held.where, made.keyword("routes")):
            yield from self._listed(where, it, at, here)
        for told in self.hosts.told(held):
            for where in self.hosts.turns(told, held.where):
                yield from self._told(held, told, where, here)

    def _told(self, held: Held, told: Told, where: Where, above: _Above) -> Iterator[Route]:
        value, last = told.value, told.value.last
        optional = above.optional or told.optional
        if told.hands:
            for outer, inner in self.hosts.handed(told, where):
                if outer.host == held.host:
                    yield from self._included(inner, replace(above, optional=optional), told)
        elif last == "include_router":
            router = self.hosts.held(where, value.argument(0, "router"))
            if router is not None and router.host != held.host:
                prefix = above.prefix + text_at(self.project, where, value.keyword("prefix"))
                more = (*above.dependencies, *listed(self.project, where, value.keyword("dependencies")))
                yield from self._included(router, replace(above, prefix=prefix, dependencies=more, optional=optional), told)
        elif last in ("mount", "host"):
            yield from self._mounted(where, value, told.at, replace(above, optional=optional))
        elif told.handler is not None or last in _ADDS:
            handler = told.handler or handler_of(self.project, where, value.argument(1, "endpoint") or value.argument(1, "route"))
            yield from self._route(where, value, told.at, handler, replace(above, optional=optional), _methods(value, last))

    def _included(self, inner: Held, above: _Above, told: Told) -> Iterator[Route]:
        self.inner.add(inner.host)
        yield from self.table(inner, replace(above, via=(*above.via, told.at)))

    def _listed(self, where: Where, value: Value, at: Ref, above: _Above) -> Iterator[Route]:
        """A `Route(...)`, `Mount(...)` or the like in a list."""
        if value.kind == "name":
            found = behind(self.project, where.path, value.text)
            if found is not None and found[1].kind == "call":
                where, value = Where(found[0]), found[1]
        last = value.last
        if value.kind != "call" or last not in _LISTED:
            return
        if last in ("Mount", "Host"):
            yield from self._mounted(where, value, at, above)
            return
        handler = handler_of(self.project, where, value.argument(1, "endpoint"))
        methods = frozenset(["WEBSOCKET"]) if "WebSocket" in last else _methods(value, "route")
        yield from self._route(where, value, at, handler, above, methods)

    def _mounted(self, where: Where, value: Value, at: Ref, above: _Above) -> Iterator[Route]:
        path = "" if value.last in ("host", "Host") else text_at(self.project, where, value.argument(0, "path")).rstrip("/")
        app = value.argument(1, "app")
        inner = self.hosts.held(where, app)
        listed_routes = value.keyword("routes")
        below = replace(above, prefix=above.prefix + path, via=(*above.via, at), dependencies=(), depth=above.depth - 1)
        if inner is not None:
            self.inner.add(inner.host)
            yield from self.table(inner, below)
        elif listed_routes is not None:
            for there, it in items(self.project, where, listed_routes):
                yield from self._listed(there, it, at, below)
        else:
            yield Route(frozenset(), f"{below.prefix}/{{path:path}}", None, at, above.via, above.optional, "starlette")

    def _route(
        self, where: Where, value: Value, at: Ref, handler: Ref | None, above: _Above, methods: frozenset[str]
    ) -> Iterator[Route]:
        path = above.prefix + text_at(self.project, where, value.argument(0, "path"))
        own = listed(self.project, where, value.keyword("dependencies"))
        status = value.keyword("status_code")
        model = value.keyword("response_model")
        route = Route(
            methods,
            path,
            handler,
            at,
            above.via,
            above.optional,
            "fastapi",
            text_at(self.project, where, value.keyword("name")),
            (*above.dependencies, *own),
            shown(model) if model is not None else "",
            value_status(status) if status is not None else None,
        )
        definition = self.project.definition(handler.path, handler.qualname) if handler is not None else None
        if handler is not None and definition is not None:
            signature = of_signature(self.project, handler.path, definition)
            said = definition.gives if model is None else None
            yield replace(
                route,
                optional=route.optional or definition.optional,
                dependencies=(*route.dependencies, *decorators(self.project, handler.path, definition, _WORDS), *signature),
                response=shown(said) if said is not None else route.response,
            )
            return
        kind = self.project.class_(handler.path, handler.qualname) if handler is not None else None
        if handler is not None and kind is not None and value.keyword("methods") is None:
            yield from self._of_class(route, ClassSymbol(handler.path, kind))
        else:
            yield route

    def _of_class(self, route: Route, symbol: ClassSymbol) -> Iterator[Route]:
        """An endpoint class answers each method by its function of that name."""
        known = attributes(self.project, symbol)
        found = False
        for name in _ENDPOINT_METHODS:
            it = known.get(name)
            if it is not None and it.call is not None and "WEBSOCKET" not in route.methods:
                found = True
                yield replace(route, methods=frozenset([name.upper()]), handler=it.ref, view=route.handler)
        if not found:
            yield replace(route, methods=route.methods if "WEBSOCKET" in route.methods else frozenset())


def _methods(value: Value, word: str) -> frozenset[str]:
    if "websocket" in word:
        return frozenset(["WEBSOCKET"])
    if word in HTTP_METHODS and word not in ("api_route", "route"):
        return frozenset([word.upper()])
    said = value.keyword("methods") or (value.argument(2) if word == "add_route" else None)
    return frozenset(it.text.upper() for it in said.items if it.kind == "text") if said is not None else frozenset(["GET"])
