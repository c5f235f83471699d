"""Parameters that a framework fills with one of few values, or with what has a shape: by their types, and by their routes."""

from __future__ import annotations

import ast
import re

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.definitions import arguments, owner_of, parameters
from architect_lsp.knowledge.fields import admits_few
from architect_lsp.knowledge.operations import routes_of, routes_of_view, shaped_parameters
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, Reading
from architect_lsp.knowledge.threats import ALL
from architect_lsp.knowledge.values import value_of
from architect_lsp.patterns import regex

_OPEN_SHAPES = frozenset(("", "str", "string", "path", "default", "regex"))
"""Converters that let any text through."""
_PART = regex(r"(?:^|\.)(?:kwargs|view_args|path_params|match_info)\.(\w+)$")
_SEGMENT = frozenset(("path",))
"""What a part of an address without a slash can't do harm to."""
_FILLS_BY_PATH = ("flask", "quart")
_HANDS_FIELDS = regex(r"arg|param|body|query|form|json|valid|schema|expect|input|field", re.IGNORECASE)
"""Decorators that give a handler more than its path."""


def is_one_of_few(project: Project, path: str, reading: Reading, origin: Origin) -> bool:
    """Whether a framework checks a parameter: its type says all that it may be, or its routes do."""
    if _PART.search(origin.name):
        return ALL in (of_address(project, path, reading, origin) or ())
    if origin.kind != "parameter":
        return False
    name = origin.name.partition(".")[0]
    function = owner_of(reading, origin.node, name)
    return function is not None and (
        _is_converted(project, path, reading, function, name) or is_typed(project, path, reading, origin)
    )


def of_address(project: Project, path: str, reading: Reading, origin: Origin) -> frozenset[str] | None:
    """The kinds of sink that a part of the address is harmless for, asked for by its name: `self.kwargs["pk"]`; None for others.

    A part that no address is known of is left alone.
    """
    part = _PART.search(origin.name)
    if part is None:
        return None
    owner, function = reading.owner(origin.node), reading.function(origin.node)
    routes = routes_of_view(project, path, owner) if owner else ()
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        routes = routes_of(project, path, reading.qualname(function)) or routes
    shapes = [shape for it in routes for given, shape in shaped_parameters(it.path) if given == part[1]]
    if not shapes:
        return None
    if not _OPEN_SHAPES.intersection(shapes):
        return frozenset((ALL,))
    return frozenset() if "path" in shapes else _SEGMENT


def is_typed(project: Project, path: str, reading: Reading, origin: Origin) -> bool:
    """Whether the type of a parameter, or of the field of its class that the origin names, lets no text of choice through."""
    name, *fields = origin.name.split(".")
    function = owner_of(reading, origin.node, name)
    found = next(((it, default) for it, default in parameters(function) if it.arg == name), None) if function else None
    if found is None or found[0].annotation is None:
        return False
    value = value_of(reading, found[1]) if found[1] is not None else None
    return admits_few(project, path, reading.owner(origin.node), value_of(reading, found[0].annotation), value, fields)


def is_helper(project: Project, path: str, reading: Reading, origin: Origin) -> bool:
    """Whether a function looks like a view of Django's by its parameters alone, and no address of the project leads to it.

    What it reads of the request itself is a client's all the same.
    """
    name = origin.name.partition(".")[0]
    function = owner_of(reading, origin.node, name) if name != "request" else None
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.decorator_list or reading.owner(function):
        return False
    takes_request = next((it.arg for it in arguments(function)), "") == "request"
    return (
        takes_request
        and project.of_all("addresses of views", _has_addresses)
        and not routes_of(project, path, reading.qualname(function))
    )


def _has_addresses(project: Project) -> bool:
    return any(it.framework == "django" and it.handler is not None for it in catalogue(project).routes)


def _defaulted(function: Function) -> set[str]:
    """The parameters with a default of a function whose decorators hand it nothing of the body or the query."""
    if any(_HANDS_FIELDS.search(ast.unparse(it)) for it in function.decorator_list):
        return set()
    return {it.arg for it, default in parameters(function) if default is not None}


def _is_converted(project: Project, path: str, reading: Reading, function: Function, name: str) -> bool:
    """Whether every route of a handler takes the parameter by a converter that refuses what is of another shape: `<int:pk>`.

    A parameter that no path names, of a framework that fills only those, is left to its default: `def missing(error=None)`.
    """
    routes = routes_of(project, path, reading.qualname(function))
    shapes = [shape for it in routes for given, shape in shaped_parameters(it.path) if given == name]
    if routes and not shapes and name in _defaulted(function):
        return all(it.framework in _FILLS_BY_PATH and it.path.startswith("/") for it in routes)
    return bool(shapes) and not _OPEN_SHAPES.intersection(shapes)
