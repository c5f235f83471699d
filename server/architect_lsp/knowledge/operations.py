"""Routes by the function that answers them, and the parts of their paths: what rules about services ask first."""

from __future__ import annotations

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.project import Project
from architect_lsp.patterns import regex

_PARAMETER = regex(r"{(\w+)(?::([^}]*))?}")
_CONVERTERS = {"": "str", "string": "str", "str": "str", "default": "str"}


def routes_of(project: Project, path: str, qualname: str) -> tuple[Route, ...]:
    """The routes that a function answers, in the order of the catalogue; none for what is no handler."""
    return project.of_all("routes by handler", _by_handler).get((path, qualname), ())


def _by_handler(project: Project) -> dict[tuple[str, str], tuple[Route, ...]]:
    rows: dict[tuple[str, str], dict[object, Route]] = {}
    for it in catalogue(project).routes:
        if it.handler is not None:
            rows.setdefault((it.handler.path, it.handler.qualname), {}).setdefault((it.at, it.methods, it.path), it)
    return {key: tuple(found.values()) for key, found in rows.items()}


def routes_of_view(project: Project, path: str, qualname: str) -> tuple[Route, ...]:
    """The routes that the methods of a class answer."""
    return project.of_all("routes by view", _by_view).get((path, qualname), ())


def _by_view(project: Project) -> dict[tuple[str, str], tuple[Route, ...]]:
    rows: dict[tuple[str, str], dict[object, Route]] = {}
    for it in catalogue(project).routes:
        owners = {(ref.path, ref.qualname) for ref in (it.view,) if ref is not None}
        owners |= {(ref.path, ref.qualname.rpartition(".")[0]) for ref in (it.handler,) if ref is not None}
        for key in owners:
            rows.setdefault(key, {}).setdefault((it.at, it.methods, it.path), it)
    return {key: tuple(found.values()) for key, found in rows.items()}


def parameters(path: str) -> tuple[str, ...]:
    """The names of the parts of a path that a client fills in, in order."""
    return tuple(it[1] for it in _PARAMETER.finditer(path))


def shaped_parameters(path: str) -> tuple[tuple[str, str], ...]:
    """(name, converter) of each part that a client fills in, the converter "" where any text will do."""
    return tuple((it[1], it[2] or "") for it in _PARAMETER.finditer(path))


def shape(path: str) -> str:
    """A path without the names of its parameters: two of one shape match the same requests."""
    return _PARAMETER.sub(lambda it: f"{{{_CONVERTERS.get(it[2] or '', it[2])}}}", path)


def spoken(route: Route) -> str:
    """A route as a message names it: `GET,POST /users/{id}`."""
    return f"{','.join(sorted(route.methods)) or 'any method'} {route.path}"
