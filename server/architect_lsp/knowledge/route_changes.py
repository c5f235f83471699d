"""What clients of the routes in a project's code rely on and the code no longer answers, or now asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.lineage import Attribute, attributes, dotted, lineage
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import parameters, shape
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.knowledge.values import Value

_NAMED = 6
"""Routes that one message names."""
_BODIES = frozenset(("POST", "PUT", "PATCH"))
_ASKED = {"Query": "query", "Header": "headers", "Form": "form", "File": "form", "Cookie": "cookies", "Body": "body"}
_PLAIN = frozenset(("str", "int", "float", "bool", "UUID", "uuid.UUID", "datetime", "datetime.datetime", "date", "datetime.date"))
_MODELS = ("pydantic.", "sqlmodel.")


class RouteChange(Struct, frozen=True):
    """One promise that is broken. `at` is the nearest place now, `was` where it stood in the older project."""

    at: Ref
    message: str
    was: Ref | None = None


def changes(before: Project, after: Project) -> Iterator[RouteChange]:
    """What is broken by routes that have gone, and by what others ask for since."""
    yield from _gone(before, after)
    yield from _asked(before, after)


def _gone(before: Project, after: Project) -> Iterator[RouteChange]:
    now = catalogue(after).routes
    answered = {(method, shape(it.path)) for it in now for method in it.methods}
    whole = {shape(it.path) for it in now if not it.methods}
    unclear = {it.path.rpartition("/")[2] for it in now if "?" in it.path}
    told: set[tuple[str, str]] = set()
    found: dict[Ref, list[tuple[str, Route]]] = {}  # a file that lost several is told so once
    for route in catalogue(before).routes:
        path = shape(route.path)
        if not _counts(route) or path in whole or route.path.rpartition("/")[2] in unclear:
            continue
        gone = sorted(it for it in route.methods if (it, path) not in answered and (it, path) not in told)
        if gone and _is_unclear(after, route, now):
            continue
        at = _nearest(after, route) if gone else None
        if at is not None:
            told.update((it, path) for it in gone)
            found.setdefault(at, []).append((f"`{','.join(gone)} {route.path}`", route))
    for at, rows in found.items():
        if len(rows) == 1:
            yield RouteChange(at, f"{rows[0][0]} has gone, which `{_handler(rows[0][1])}` answered.", rows[0][1].at)
        else:
            more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
            named = ", ".join(words for words, _ in rows[:_NAMED])
            yield RouteChange(at, f"{len(rows)} routes have gone: {named}{more}.", rows[0][1].at)


def _is_unclear(after: Project, route: Route, now: Iterable[Route]) -> bool:
    """Whether the handler is still registered with a router, and only where that is included can't be told, then or now."""
    for it in now:
        if it.methods & route.methods and it.handler == route.handler and it.handler is not None:
            if not route.via and it.path.endswith(route.path):
                return True
            if not it.via and route.path.endswith(it.path) and _is_imported(after, it.handler.path):
                return True
    return False


def _is_imported(project: Project, path: str) -> bool:
    """Whether another file may import this one, by the last part of its name."""
    name = path.removesuffix(".py").removesuffix("/__init__").rpartition("/")[2]
    others = (it for it in project.paths if it != path and not is_test(it))
    return any(name in dotted_name.split(".") for it in others for _, dotted_name in project.imports(it))


def _counts(route: Route) -> bool:
    return "?" not in route.path and not route.optional and not is_test(route.at.path) and not is_script(route.at.path)


def _handler(route: Route) -> str:
    return f"{route.handler.qualname}` of `{route.handler.path}" if route.handler is not None else route.at.path


def _nearest(project: Project, route: Route) -> Ref | None:
    """Where a route that has gone would stand now: its handler, its file, or what included it; None where all of it has gone."""
    known = frozenset(project.paths)
    for it in (route.handler, route.at, *reversed(route.via)):
        if it is not None and it.path in known:
            definition = project.definition(it.path, it.qualname) if it is route.handler else None
            return it if definition is not None else Ref(it.path, "", "module")
    return None


def _asked(before: Project, after: Project) -> Iterator[RouteChange]:
    """What requests to routes of FastAPI must hold now and need not before."""
    old = {(method, shape(it.path)): it for it in catalogue(before).routes if it.framework == "fastapi" for method in it.methods}
    told: set[tuple[Ref, str]] = set()
    for route in catalogue(after).routes:
        was = next((old[it] for it in ((method, shape(route.path)) for method in sorted(route.methods)) if it in old), None)
        if was is None or route.framework != "fastapi" or route.handler is None or was.handler is None or not _counts(was):
            continue
        new_def = after.definition(route.handler.path, route.handler.qualname)
        old_def = before.definition(was.handler.path, was.handler.qualname)
        if new_def is None or old_def is None:
            continue
        spoken = f"`{','.join(sorted(route.methods))} {route.path}`"
        for at, words in (*_needs(route, new_def, old_def), *_fields(before, after, (was, old_def), (route, new_def))):
            if (at, words) not in told:
                told.add((at, words))
                yield RouteChange(at, f"{spoken} now requires {words}.", was.handler)


def _needs(route: Route, new: Def, old: Def) -> Iterator[tuple[Ref, str]]:
    """Plain parameters without a default that the older handler did not need."""
    assert route.handler is not None
    named, said, injected = parameters(route.path), dict(new.parameters), dict(new.injected)
    for name in new.needed:
        call = injected.get(name)
        if name in named or name in old.needed or (call is not None and call.last not in _ASKED):
            continue
        if call is None and said.get(name) not in _PLAIN:
            continue
        alias = call.keyword("alias") if call is not None else None
        if any(
            _alias(it, value) == (alias.text if alias is not None else name) for it, value in old.injected if it in old.needed
        ):
            continue  # another name in the code, the same one outside
        place = _ASKED[call.last] if call is not None else "query"
        yield route.handler, f"`{alias.text if alias is not None else name}` in the {place}"


def _alias(name: str, value: Value) -> str:
    alias = value.keyword("alias")
    return alias.text if alias is not None else name


def _fields(before: Project, after: Project, was: tuple[Route, Def], now: tuple[Route, Def]) -> Iterator[tuple[Ref, str]]:
    """Fields of the body that must be sent now."""
    if not now[0].methods & _BODIES:
        return
    (new_name, new), (_, old) = _body(after, *now), _body(before, *was)
    if new is None or old is None:
        return
    optional = {name for name, needed in old.items() if needed is None}
    for name, needed in new.items():
        if needed is not None and (name in optional or name not in old):
            yield needed.ref, f"`{name}` in `{new_name}`"


def _body(project: Project, route: Route, definition: Def) -> tuple[str, Mapping[str, Attribute | None] | None]:
    """(the one model that a handler takes, its fields, None for one that need not be sent); None where that can't be told."""
    assert route.handler is not None
    found: list[ClassSymbol] = []
    for name, kind in definition.parameters:
        symbol = project.resolve(route.handler.path, kind) if kind and name not in dict(definition.injected) else None
        if isinstance(symbol, ClassSymbol) and name in definition.needed and _is_model(project, symbol):
            found.append(symbol)
    if len(found) != 1:
        return "", None
    rows = [it for it in attributes(project, found[0]).values() if it.field is not None and it.field.annotation]
    return found[0].facts.qualname, {_sent_as(it): it if _is_needed(it) else None for it in rows}


def _sent_as(field: Attribute) -> str:
    """The name that clients know a field by."""
    value = field.value
    alias = (value.keyword("validation_alias") or value.keyword("alias")) if value is not None and value.kind == "call" else None
    return alias.text if alias is not None and alias.kind == "text" else field.name


def _is_model(project: Project, symbol: ClassSymbol) -> bool:
    return any(dotted(it).startswith(_MODELS) for it in lineage(project, symbol))


def _is_needed(field: Attribute) -> bool:
    """Whether a field of a model has no default, as far as its body shows."""
    assert field.field is not None
    value, shape_ = field.value, field.shape
    if shape_ is not None and (shape_.text.rpartition(".")[2] == "ClassVar" or any(_has_default(it) for it in shape_.items)):
        return False
    if value is None:
        return shape_ is None or not _is_optional(shape_)
    first = value.argument(0, "default")
    return (
        value.kind == "call"
        and value.last == "Field"
        and (first is None or first.text in ("Ellipsis", "..."))
        and not any(name in ("default_factory", "exclude", "init") for name, _ in value.keywords)
    )


def _is_optional(value: Value) -> bool:
    """Whether an annotation allows None, which one version of pydantic takes for a default and another does not."""
    return value.text.rpartition(".")[2] == "Optional" or any(it.text == "None" or _is_optional(it) for it in value.items)


def _has_default(value: Value) -> bool:
    return value.kind == "call" and any(name in ("default", "default_factory") for name, _ in value.keywords)
