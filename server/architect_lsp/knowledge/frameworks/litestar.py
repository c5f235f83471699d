"""Litestar: handlers, controllers and routers in the lists they are given in, with the guards of every layer."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.answers import value_status
from architect_lsp.knowledge.facts import Decorator
from architect_lsp.knowledge.frameworks.dependencies import listed
from architect_lsp.knowledge.frameworks.hosts import Held, Host, Hosts, Told
from architect_lsp.knowledge.frameworks.scoped import Where, handler_of, items, text_at
from architect_lsp.knowledge.lineage import attributes, dotted
from architect_lsp.knowledge.nouns import Dependency, Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Ref
from architect_lsp.knowledge.values import UNKNOWN, Value, shown
from architect_lsp.patterns import regex

_PACKAGES = ("litestar", "starlite")
_KINDS = regex(r"(?:litestar|starlite)\.(?:\w+\.)*(?:Litestar|Starlite|Router)")
_WORDS = frozenset(("register", "Litestar", "Router"))
_HANDLER = regex(r"(?:litestar|starlite)\.(?:\w+\.)*(get|post|put|patch|delete|head|route|websocket|websocket_listener|asgi)")
_STATUSES = {"post": 201, "delete": 204}
_DEPTH = 8
"""How deep routers are followed into each other."""


class _Above(Struct, frozen=True):
    """What the layers above a handler say."""

    path: str = ""
    guards: tuple[Dependency, ...] = ()
    via: tuple[Ref, ...] = ()
    optional: bool = False
    depth: int = _DEPTH


def tables(project: Project) -> list[list[Route]]:
    """For each application, and each router that is in none, its routes in the order of the lists."""
    return project.of_all("litestar", lambda it: _Tables(it).all())


def routes(project: Project) -> Iterator[Route]:
    """Every route of every application and of every router that is in none."""
    for table in tables(project):
        yield from table


class _Tables:
    """Puts together what the lists hold."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.hosts = Hosts(project, _PACKAGES, _KINDS, _WORDS)
        self.inner: set[Host] = set()

    def all(self) -> list[list[Route]]:
        rows = [(it, list(self.table(it, _Above()))) for it in self.hosts.every() if it.kind]
        return [table for it, table in rows if table and it.host not in self.inner]

    def table(self, held: Held, above: _Above) -> Iterator[Route]:
        """The routes of an application or router."""
        if above.depth <= 0:
            return
        self.inner.update(held.of)
        made, at = held.made or UNKNOWN, self.hosts.place(held)
        is_router = held.kind.endswith("Router")
        path = made.argument(0, "path") if is_router else made.keyword("path")
        below = self._below(above, held.where, path, made.keyword("guards"))
        handlers = made.keyword("route_handlers") or (None if is_router else made.argument(0))
        for where, it in items(self.project, held.where, handlers):
            yield from self._entry(where, it, at, below)
        for told in self.hosts.told(held):
            for where in self.hosts.turns(told, held.where):
                yield from self._told(held, told, where, below)

    def _below(self, above: _Above, where: Where, path: Value | None, guards: Value | None) -> _Above:
        own = text_at(self.project, where, path)
        return replace(
            above,
            path=joined(above.path, own),
            guards=(*above.guards, *listed(self.project, where, guards)),
            depth=above.depth - 1,
        )

    def _told(self, held: Held, told: Told, where: Where, above: _Above) -> Iterator[Route]:
        above = replace(above, optional=above.optional or told.optional)
        if told.hands:
            for outer, inner in self.hosts.handed(told, where):
                if outer.host == held.host:
                    self.inner.add(inner.host)
                    yield from self.table(inner, replace(above, via=(*above.via, told.at)))
        elif told.value.last == "register" and told.value.items:
            yield from self._entry(where, told.value.items[0], told.at, above)

    def _entry(self, where: Where, value: Value, at: Ref, above: _Above) -> Iterator[Route]:
        """What a list holds: a handler, a controller or a router."""
        inner = self.hosts.held(where, value)
        if inner is not None:
            self.inner.add(inner.host)
            yield from self.table(inner, replace(above, via=(*above.via, at)))
            return
        handler = handler_of(self.project, where, value)
        if handler is None:
            return
        definition = self.project.definition(handler.path, handler.qualname)
        kind = self.project.class_(handler.path, handler.qualname)
        if definition is not None:
            yield from self._handled(FunctionSymbol(handler.path, definition), above)
        elif kind is not None:
            yield from self._controller(ClassSymbol(handler.path, kind), replace(above, via=(*above.via, at)))

    def _controller(self, symbol: ClassSymbol, above: _Above) -> Iterator[Route]:
        known = attributes(self.project, symbol)
        said = [known[it].value if it in known else None for it in ("path", "guards")]
        below = self._below(above, Where(symbol.path, symbol.facts.qualname), *said)
        for it in known.values():
            if it.call is not None:
                yield from self._handled(
                    FunctionSymbol(it.path, it.call), below, Ref(symbol.path, symbol.facts.qualname, "class")
                )

    def _handled(self, symbol: FunctionSymbol, above: _Above, view: Ref | None = None) -> Iterator[Route]:
        """The routes of a function that a decorator makes a handler."""
        definition = symbol.facts
        where = Where(symbol.path, definition.qualname.rpartition(".")[0])
        for index, decorator in enumerate(definition.decorators):
            name = dotted(self.project.resolve(symbol.path, decorator.target, definition.owner))
            found = _HANDLER.fullmatch(name)
            if found is None:
                continue
            at = Ref(symbol.path, definition.qualname, "decorator", index)
            value = decorator.value
            status = value.keyword("status_code")
            rows = listed(self.project, where, value.keyword("guards"))
            for path in self._paths(where, decorator):
                yield Route(
                    self._methods(value, found[1]),
                    joined(above.path, path) or "/",
                    Ref(symbol.path, definition.qualname, "def"),
                    at,
                    above.via,
                    above.optional or definition.optional,
                    "litestar",
                    text_at(self.project, where, value.keyword("name")),
                    (*above.guards, *rows),
                    shown(definition.gives) if definition.gives is not None else "",
                    value_status(status) if status is not None else _STATUSES.get(found[1]),
                    view,
                )

    def _paths(self, where: Where, decorator: Decorator) -> list[str]:
        said = decorator.value.argument(0, "path") if decorator.value.kind == "call" else None
        listed_paths = [text_at(self.project, there, it) for there, it in items(self.project, where, said)]
        return listed_paths or [text_at(self.project, where, said)]

    def _methods(self, value: Value, word: str) -> frozenset[str]:
        if word.startswith("websocket"):
            return frozenset(["WEBSOCKET"])
        if word == "asgi":
            return frozenset()
        if word != "route":
            return frozenset([word.upper()])
        said = value.keyword("http_method")
        rows = said.items if said is not None and said.kind == "list" else (said,) if said is not None else ()
        return frozenset(it.last.upper() if it.kind == "name" else it.text.upper() for it in rows)


def joined(prefix: str, path: str) -> str:
    """A path below another, as Litestar puts them together: one slash between, none at the end. "" is the root."""
    parts = [it for it in f"{prefix}/{path}".split("/") if it]
    return "".join(f"/{it}" for it in parts)
