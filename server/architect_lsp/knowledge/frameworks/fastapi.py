"""FastAPI and Starlette: routes in the order the framework tries them, with the prefixes of every `include_router` applied.

Source: https://fastapi.tiangolo.com/tutorial/path-params/#order-matters and Starlette's `Router.app`: the first full match wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from architect_lsp.knowledge.constants import text
from architect_lsp.knowledge.facts import HTTP_METHODS, Decorator, Def, Variable
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import External, Ref

_HOSTS = re.compile(r"^(fastapi|starlette)\.[\w.]*?(FastAPI|APIRouter|Starlette|Router)\(\)$")
_CONVERTERS = {"int": r"\d+", "float": r"\d+(?:\.\d+)?", "uuid": r"[0-9a-fA-F-]{32,36}", "path": r".*", "str": r"[^/]+"}
_SAMPLES = {"int": "7", "float": "7.5", "uuid": "0" * 32, "path": "x~/y~", "str": "x~"}
_PARAMETER = re.compile(r"{(\w+)(?::(\w+))?}")
_DEPTH = 8
"""How deep routers are followed into each other."""

Order = tuple[int, int]
"""(line, place among the decorators of one function): Python applies the lowest decorator first."""


@dataclass(frozen=True, slots=True)
class Host:
    """A router or application, by the file and the name that hold it."""

    path: str
    name: str


def registrations(definition: Def) -> Iterator[tuple[int, Decorator, str, str]]:
    """(index, decorator, name of the host, method) of each decorator that looks like a route's."""
    for index, decorator in enumerate(definition.decorators):
        host, _, method = decorator.target.rpartition(".")
        if host and method in HTTP_METHODS and decorator.path is not None:
            yield index, decorator, host, method


def is_route(project: Project, path: str, definition: Def) -> bool:
    """Whether the function is registered with a router of this framework."""
    return any(_host(project, path, host) is not None for _, _, host, _ in registrations(definition))


def tables(project: Project) -> list[list[Route]]:
    """For each application, and each router that nobody includes, its routes in the order they are tried."""
    known = project.memo("fastapi")
    if "tables" not in known:
        known["tables"] = _tables(project)
    found: list[list[Route]] = known["tables"]
    return found


def routes(project: Project) -> Iterator[Route]:
    """Every route of every application and of every router that nobody includes."""
    for table in tables(project):
        yield from table


def takes_all_of(earlier: Route, later: Route) -> bool:
    """Whether no request can reach `later` because `earlier` is tried first and matches whatever `later` matches."""
    if not later.methods <= earlier.methods or "?" in earlier.path or "?" in later.path:
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


def _tables(project: Project) -> list[list[Route]]:
    own: dict[Host, list[tuple[Order, Route]]] = {}
    includes: dict[Host, list[tuple[Order, Host, str, Ref]]] = {}
    included: set[Host] = set()
    for path in project.paths:
        facts = project.facts(path)
        for definition in facts.defs:
            for index, decorator, name, method in registrations(definition):
                host = _host(project, path, name)
                if host is None:
                    continue
                listed = decorator.value.keyword("methods")
                several = frozenset(it.text.upper() for it in listed.items) if listed else frozenset(["GET"])
                methods = several if method in ("api_route", "route") else frozenset([method.upper()])
                handler = Ref(path, definition.qualname, "def")
                route = Route(
                    methods,
                    _or_unknown(text(project, path, decorator.path)),
                    handler,
                    Ref(path, definition.qualname, "decorator", index),
                    optional=definition.optional,
                    framework="fastapi",
                )
                own.setdefault(host, []).append(((project.place(handler).line, -index), route))
        for number, registration in enumerate(facts.registrations):
            value = registration.value
            router = value.argument(0, "router")
            if value.last != "include_router" or router is None or router.kind != "name":
                continue
            name = value.text.rpartition(".")[0]
            outer, inner = _host(project, path, name) or Host(path, name), _host(project, path, router.text)
            if inner is not None and inner != outer:
                included.add(inner)
                step = Ref(path, "", "registration", number)
                prefix = value.keyword("prefix")
                more = _or_unknown(text(project, path, prefix)) if prefix is not None else ""
                includes.setdefault(outer, []).append(((project.place(step).line, 0), inner, more, step))
    roots = [it for it in dict.fromkeys([*includes, *own]) if it not in included]
    return [_table(project, it, own, includes, "", (), _DEPTH) for it in roots]


def _table(
    project: Project,
    host: Host,
    own: dict[Host, list[tuple[Order, Route]]],
    includes: dict[Host, list[tuple[Order, Host, str, Ref]]],
    prefix: str,
    via: tuple[Ref, ...],
    depth: int,
) -> list[Route]:
    if depth <= 0:
        return []
    prefix += _prefix(project, host)
    rows: list[tuple[str, Order, list[Route]]] = []
    for line, route in own.get(host, []):
        rows.append((route.at.path, line, [replace(route, path=prefix + route.path, via=via)]))
    for line, inner, more, step in includes.get(host, []):
        rows.append((step.path, line, _table(project, inner, own, includes, prefix + more, (*via, step), depth - 1)))
    rows.sort(key=lambda it: (it[0] != host.path, it[0], it[1]))
    return [it for _, _, routes in rows for it in routes]


def _host(project: Project, path: str, name: str) -> Host | None:
    """The router that `name` means in the file, None when it is not one of this framework's."""
    return project.kept("fastapi hosts", (path, name), _sought, project, path, name)


def _sought(project: Project, path: str, name: str) -> Host | None:
    symbol = project.resolve(path, name)
    return _home(project, path, name) if isinstance(symbol, External) and _HOSTS.match(symbol.name) else None


def _home(project: Project, path: str, name: str) -> Host:
    """The file and name where the router was made, through imports."""
    for _ in range(_DEPTH):
        first, _, rest = name.partition(".")
        found = project.name(path, first)
        if not isinstance(found, str):
            return Host(path, name)
        module, names = project.module(path, f"{found}.{rest}" if rest else found)
        if module is None or module.path.endswith("/"):
            return Host(path, name)
        path, name = module.path, ".".join(names)
    return Host(path, name)


def _prefix(project: Project, host: Host) -> str:
    found = project.name(host.path, host.name)
    if not isinstance(found, Variable):
        return ""
    prefix = found.value.keyword("prefix") if found.value is not None else None
    return _or_unknown(text(project, host.path, prefix)) if prefix is not None else ""


def _or_unknown(path: str | None) -> str:
    return "?" if path is None else path
