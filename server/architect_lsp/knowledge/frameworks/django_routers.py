"""Routers of Django REST framework, nested ones too: the URLs that each registered viewset gets.

The twins of these URLs with a format at their end (`users.json`) are left out: they are the same operations.
Source: `SimpleRouter.get_urls` and `DefaultRouter.get_urls`; `NestedMixin` of drf-nested-routers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from architect_lsp.knowledge.constants import text
from architect_lsp.knowledge.facts import Facts, Registration, Variable
from architect_lsp.knowledge.frameworks.django_answers import Answer
from architect_lsp.knowledge.frameworks.django_patterns import of_expression, of_route
from architect_lsp.knowledge.frameworks.django_rest import extra_actions, is_open_ended, of_viewset
from architect_lsp.knowledge.lineage import attributes, dotted, lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, Ref
from architect_lsp.knowledge.values import UNKNOWN, Value
from architect_lsp.patterns import regex

_ROUTER = regex(r"(?:rest_framework|rest_framework_nested|rest_framework_extensions|drf_\w+)\.(?:\w+\.)*\w*Router")
_LIST = (("GET", "list"), ("POST", "create"))
_DETAIL = (("GET", "retrieve"), ("PUT", "update"), ("PATCH", "partial_update"), ("DELETE", "destroy"))
_DEPTH = 8
"""How many routers may be nested."""


class Home(Struct, frozen=True):
    """A variable of a module, where it is set."""

    path: str
    name: str


class Row(Struct, frozen=True):
    """One URL of a router, `path` below the place that includes it."""

    path: str
    name: str
    answers: tuple[Answer, ...]
    at: Ref
    optional: bool = False


class _Registered(Struct, frozen=True):
    path: str  # the file that registers
    number: int
    facts: Registration
    prefix: str
    view: ClassSymbol | External | None


def home(project: Project, path: str, name: str) -> Home | None:
    """The module and name where a variable is set, through imports; None when it is none of the project's."""
    for _ in range(_DEPTH):
        first, _, rest = name.partition(".")
        found = project.name(path, first)
        if isinstance(found, Variable) and not rest:
            return Home(path, name)
        if found is None and not rest:
            starred = (project.module(path, it) for it in project.stars(path))
            module = next((it for it, more in starred if it and not more and project.name(it.path, name) is not None), None)
            if module is None:
                return None
            path = module.path
            continue
        if not isinstance(found, str):
            return None
        module, names = project.module(path, f"{found}.{rest}" if rest else found)
        if module is None or module.path.endswith("/") or len(names) != 1:
            return None
        path, name = module.path, names[0]
    return None


def rows_of(project: Project, router: Home) -> tuple[Row, ...] | None:
    """The URLs of a router in the order in which they are tried, None when the name is no router's."""
    known: dict[Home, tuple[Row, ...] | None] = project.memo("drf routers")
    if router not in known:
        known[router] = None
        kinds = _kinds(project, router)
        known[router] = tuple(_rows(project, router, kinds)) if kinds else None
    return known[router]


def _kinds(project: Project, router: Home) -> tuple[str, ...]:
    """The names of a router's class and its bases, () when it is no router."""
    found = project.name(router.path, router.name)
    if not isinstance(found, Variable) or not found.target.endswith("()"):
        return ()
    symbol = project.resolve(router.path, found.target.removesuffix("()"))
    names = tuple(dotted(it) for it in lineage(project, symbol)) if isinstance(symbol, ClassSymbol) else (dotted(symbol),)
    return names if any(_ROUTER.fullmatch(it) for it in names) else ()


def _rows(project: Project, router: Home, kinds: tuple[str, ...]) -> Iterator[Row]:
    found = project.name(router.path, router.name)
    told = found.value if isinstance(found, Variable) and found.value is not None else UNKNOWN
    at = Ref(router.path, router.name, "variable")
    before = _nested_in(project, router, told, _DEPTH)
    slash = _slash(project, router, told)
    convert = of_route if (told.keyword("use_regex_path") or UNKNOWN).text == "False" else of_expression
    for it in _registered(project).get(router, ()):
        base = f"{before}{convert(it.prefix)}"
        at_it = Ref(it.path, "", "registration", it.number)
        optional = it.facts.optional
        name = _basename(project, it)
        if not isinstance(it.view, ClassSymbol):
            yield Row(f"{base}{slash}", f"{name}-list", (Answer(),), at_it, optional)
            yield Row(f"{base}/{{pk}}{slash}", f"{name}-detail", (Answer(),), at_it, optional)
            continue
        field = _lookup(project, it.view)
        lookup = "?" if field == "?" else f"{{{field}}}"
        extra = extra_actions(project, it.view)
        unknown = (Answer(view=Ref(it.view.path, it.view.facts.qualname, "class")),) if is_open_ended(project, it.view) else ()
        for detail, verbs in ((False, _LIST), (True, _DETAIL)):
            place = f"{base}/{lookup}" if detail else base
            answers = of_viewset(project, it.view, verbs) or unknown
            if answers:
                yield Row(_tidy(place + slash, before), f"{name}-{'detail' if detail else 'list'}", answers, at_it, optional)
            for action in (row for row in extra if row.detail is detail):
                answers = of_viewset(project, it.view, action.verbs, dict(action.told))
                place_of_action = f"{place}/{convert(action.url_path.removeprefix('^'))}"
                if answers:
                    yield Row(_tidy(place_of_action + slash, before), f"{name}-{action.url_name}", answers, at_it, optional)
    if any(re.fullmatch(r"\w*DefaultRouter", it.rpartition(".")[2]) for it in kinds) and not _is_false(told, "include_root_view"):
        yield Row(before, "api-root", (Answer(frozenset(["GET"])),), at)


def _tidy(path: str, before: str) -> str:
    """A prefix may be empty; then its own slash goes."""
    return path if before or not path.startswith("/") else path[1:]


def _slash(project: Project, router: Home, told: Value, depth: int = _DEPTH) -> str:
    """What ends the URLs: nothing where `trailing_slash=False`; a nested router does as its parent does."""
    said = told.keyword("trailing_slash")
    if said is not None:
        return "" if said.text == "False" else "/"
    symbol = project.resolve(router.path, told.text)
    if isinstance(symbol, ClassSymbol):
        own = attributes(project, symbol).get("trailing_slash")
        if own is not None and own.value is not None:
            shown = text(project, own.path, own.value)
            return "/" if shown is None else of_expression(shown)
    parent = _parent(project, router, told)
    if parent is not None and depth > 0:
        above = project.name(parent.path, parent.name)
        return _slash(project, parent, above.value or UNKNOWN, depth - 1) if isinstance(above, Variable) else "/"
    return "/"


def _parent(project: Project, router: Home, told: Value) -> Home | None:
    given = told.argument(0, "parent_router") if "Nested" in told.text else None
    return home(project, router.path, given.text) if given is not None and given.kind == "name" else None


def _nested_in(project: Project, router: Home, told: Value, depth: int) -> str:
    """The path of what a nested router lies in: `domains/{domain_pk}/`, "" for others."""
    parent = _parent(project, router, told)
    if parent is None or depth <= 0:
        return ""
    prefix = text(project, router.path, told.argument(1, "parent_prefix"))
    above = project.name(parent.path, parent.name)
    outer = _nested_in(project, parent, above.value or UNKNOWN, depth - 1) if isinstance(above, Variable) else ""
    lookup = text(project, router.path, told.keyword("lookup")) or f"nested_{outer.count('{') + 1}"
    owner = next((it for it in _registered(project).get(parent, ()) if it.prefix == prefix), None)
    field = _lookup(project, owner.view) if owner is not None and isinstance(owner.view, ClassSymbol) else "pk"
    return f"{outer}{of_expression(prefix or '?')}/{{{lookup}_{field}}}/"


def _lookup(project: Project, view: ClassSymbol) -> str:
    names = attributes(project, view)
    for key in ("lookup_url_kwarg", "lookup_field"):
        if key in names and (names[key].value or UNKNOWN).text != "None":
            return text(project, names[key].path, names[key].value) or "?"
    return "pk"


def _basename(project: Project, it: _Registered) -> str:
    said = text(project, it.path, it.facts.value.argument(2, "basename") or it.facts.value.keyword("base_name"))
    if said:
        return said
    rows = attributes(project, it.view).get("queryset") if isinstance(it.view, ClassSymbol) else None
    target = rows.field.target if rows is not None and rows.field is not None else ""
    model = target.partition(".objects")[0].rpartition(".")[2]
    return model.replace("()", "").lower() or "?"


def _registered(project: Project) -> dict[Home, list[_Registered]]:
    """What is registered with which router, in the order of the source."""
    return project.of_all("drf registrations", _found)


def _found(project: Project) -> dict[Home, list[_Registered]]:
    found: dict[Home, list[_Registered]] = {}
    for path in project.paths:
        for number, it in project.of_file(path, _registers):
            head = it.value.text.rpartition(".")[0]
            router = home(project, path, head)
            if router is None or not _kinds(project, router):
                continue
            view = it.value.argument(1, "viewset")
            symbol = project.resolve(path, view.text) if view is not None and view.kind == "name" else None
            prefix = text(project, path, it.value.argument(0, "prefix"))
            row = _Registered(
                path,
                number,
                it,
                "?" if prefix is None else prefix,
                symbol if isinstance(symbol, ClassSymbol | External) else None,
            )
            found.setdefault(router, []).append(row)
    return found


def _registers(facts: Facts) -> tuple[tuple[int, Registration], ...]:
    """The calls of a file that may register a viewset, with their numbers."""
    return tuple(
        (number, it)
        for number, it in enumerate(facts.registrations)
        if it.value.last == "register" and "." in it.value.text and len(it.value.items) + len(it.value.keywords) >= 2
    )


def _is_false(value: Value, name: str) -> bool:
    found = value.keyword(name)
    return found is not None and found.text == "False"
