"""Django REST framework: what a viewset does under which method, and who may.

Source: https://www.django-rest-framework.org/api-guide/viewsets/ and `.../permissions/`; the mixins' bodies for `_ACTIONS_OF`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.facts import Def, Variable
from architect_lsp.knowledge.frameworks.django_answers import Answer, before_class, decorations
from architect_lsp.knowledge.lineage import Attribute, attributes, dotted, lineage, methods
from architect_lsp.knowledge.nouns import Dependency
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_REST = regex(r"rest_framework\.(?:views|generics|viewsets|mixins)\.\w+")
_ALL = ("list", "create", "retrieve", "update", "partial_update", "destroy")
_ACTIONS_OF = {
    "ListModelMixin": ("list",),
    "CreateModelMixin": ("create",),
    "RetrieveModelMixin": ("retrieve",),
    "UpdateModelMixin": ("update", "partial_update"),
    "DestroyModelMixin": ("destroy",),
    "ModelViewSet": _ALL,
    "ReadOnlyModelViewSet": ("list", "retrieve"),
    **dict.fromkeys(("GenericViewSet", "ViewSet", "ViewSetMixin", "APIView", "GenericAPIView", "View"), ()),
}
_OPEN = frozenset(["AllowAny"])
_READ_ONLY = regex(r"\w*(?:OrReadOnly|OrAnonReadOnly|ReadOnly)")
_SAFE = frozenset(["GET", "HEAD", "OPTIONS"])
_DEPTH = 8


class Action(Struct, frozen=True):
    """What `@action` makes of a viewset's method. `verbs` are (HTTP method, method of the class)."""

    name: str
    detail: bool
    url_path: str
    url_name: str
    verbs: tuple[tuple[str, str], ...]
    told: tuple[tuple[str, Value], ...] = ()


def is_rest(rows: Sequence[ClassSymbol | External]) -> bool:
    """Whether a class with this lineage is a view of the framework."""
    return any(_REST.fullmatch(dotted(it)) or dotted(it).endswith("rest_framework.views.APIView") for it in rows)


def of_function(project: Project, path: str, facts: Def, verbs: frozenset[str]) -> Iterator[Dependency]:
    """Who may call a function with `@api_view`."""
    said = next((it.value for it in facts.decorators if it.value.last == "permission_classes"), None)
    if said is None:
        yield from _default(project, verbs)
    elif (given := said.argument(0, "permission_classes")) is not None:
        yield from _permissions(project, path, given, verbs)


def of_class(project: Project, symbol: ClassSymbol, verbs: frozenset[str], told: dict[str, Value]) -> Iterator[Dependency]:
    """Who may use these methods of a class; `told` is what `as_view` or `@action` says over the class."""
    names = attributes(project, symbol)
    given = told.get("permission_classes")
    if given is not None:
        yield from _permissions(project, symbol.path, given, verbs)
        return
    asked = names.get("get_permissions")
    if asked is not None and asked.call is not None:
        yield Dependency("get_permissions", asked.ref, True)
        return
    said = names.get("permission_classes")
    if said is None:
        yield from _default(project, verbs)
    elif said.value is None or said.call is not None:
        yield Dependency("permission_classes", said.ref, True)
    else:
        yield from _permissions(project, said.path, said.value, verbs)


def of_viewset(
    project: Project, symbol: ClassSymbol, rows: Sequence[tuple[str, str]], told: dict[str, Value] | None = None
) -> tuple[Answer, ...]:
    """How a viewset answers methods, each with the name of what does; actions that it has not are left out."""
    kind = Ref(symbol.path, symbol.facts.qualname, "class")
    names = attributes(project, symbol)
    before = tuple(before_class(project, symbol))
    serializer = (told or {}).get("serializer_class") or (
        names["serializer_class"].value if "serializer_class" in names else None
    )
    response = serializer.text if serializer is not None and serializer.kind == "name" else ""
    listed = names.get("http_method_names")
    allowed = None
    if listed is not None and listed.value is not None and listed.value.kind == "list":
        allowed = {(text(project, listed.path, it) or "").upper() for it in listed.value.items}
    by_handler: dict[Ref, list[str]] = {}
    for verb, action in rows:
        handler = _handler(project, symbol, action, kind)
        if handler is not None and verb not in ("OPTIONS", "HEAD") and (allowed is None or verb in allowed):
            by_handler.setdefault(handler, []).append(verb)
    found: list[Answer] = []
    for handler, verbs in by_handler.items():
        own = project.definition(handler.path, handler.qualname) if handler.kind == "def" else None
        extra = (it for row in (own.decorators if own else ()) if row.value.last != "action" and ".mapping" not in row.target
                 for it in decorations(project, handler.path, row))  # fmt: skip
        checks = of_class(project, symbol, frozenset(verbs), told or {})
        found.append(Answer(frozenset(verbs), handler, kind, (*before, *checks, *extra), response))
    return tuple(found)


def extra_actions(project: Project, symbol: ClassSymbol) -> list[Action]:
    """What `@action` adds to a viewset, in the order in which a router takes it: by name."""
    found: list[Action] = []
    names = attributes(project, symbol)
    for name in sorted(names):
        call = names[name].call
        row = next((it for it in call.decorators if it.value.last == "action"), None) if call is not None else None
        if row is None:
            continue
        path, value = names[name].path, row.value
        given = value.argument(0, "methods")
        if given is not None and given.kind == "name":
            given = (behind(project, path, given.text) or ("", given))[1]
        verbs = [(text(project, path, it) or "?").upper() for it in given.items] if given is not None else ["GET"]
        rows = [(it, name) for it in verbs]
        rows += [(verb, other) for other in sorted(names) for verb in _mapped(names[other], name)]
        detail = value.argument(1, "detail")
        url_path = text(project, path, value.argument(2, "url_path"), symbol.facts.qualname)
        url_name = text(project, path, value.argument(3, "url_name"), symbol.facts.qualname)
        found.append(
            Action(
                name,
                detail is not None and detail.text == "True",
                url_path or name,
                url_name or name.replace("_", "-"),
                tuple(rows),
                value.keywords,
            )
        )
    return found


def is_open_ended(project: Project, symbol: ClassSymbol) -> bool:
    """Whether a viewset has bases outside the project that we don't know, so that it may do more than we see."""
    outside = (it.name for it in lineage(project, symbol) if isinstance(it, External))
    return any(
        not it.startswith(("builtins.", "typing.", "django.", "rest_framework.")) and not it.endswith("Mixin") for it in outside
    )


def _mapped(row: Attribute, name: str) -> list[str]:
    """The methods for which a method stands in for the action `name`: `@password.mapping.delete`."""
    targets = [it.target.split(".") for it in row.call.decorators] if row.call is not None else []
    return [it[2].upper() for it in targets if len(it) == 3 and it[0] == name and it[1] == "mapping"]


def _handler(project: Project, symbol: ClassSymbol, action: str, kind: Ref) -> Ref | None:
    """The method of the nearest class that has it, the class itself where the framework's mixin does."""
    for it in lineage(project, symbol):
        if isinstance(it, External):
            if action in _ACTIONS_OF.get(it.name.rpartition(".")[2], ()):
                return kind
            continue
        own = methods(project, it).get(action)
        if own is not None:
            return Ref(it.path, own.qualname, "def")
        if any(row.name == action and row.value is not None and row.value.text == "None" for row in it.facts.fields):
            return None
    return None


def _default(project: Project, verbs: frozenset[str]) -> Iterator[Dependency]:
    """Who may use a view that does not say: what the settings say of all."""
    found = project.of_all("drf settings", _default_permissions)
    if found is not None:
        yield from _permissions(project, *found, verbs)


def _default_permissions(project: Project) -> tuple[str, Value] | None:
    for path in project.paths:
        said = project.name(path, "REST_FRAMEWORK")
        value = said.value.keyword("DEFAULT_PERMISSION_CLASSES") if isinstance(said, Variable) and said.value else None
        if value is not None:
            return path, value
    return None


def _permissions(project: Project, path: str, value: Value, verbs: frozenset[str], depth: int = _DEPTH) -> Iterator[Dependency]:
    """The permissions that a list names: all must agree, `A | B` is one of them."""
    if depth <= 0:
        return
    if value.kind == "joined" and any(it.kind == "list" for it in value.items):
        for it in value.items:
            yield from _permissions(project, path, it, verbs, depth - 1)
    elif value.kind == "list":
        for it in value.items:
            yield _permission(project, path, it, verbs)
    elif value.kind == "name" and (found := behind(project, path, value.text)) is not None and found[1] is not value:
        yield from _permissions(project, *found, verbs, depth - 1)
    else:
        yield Dependency(value.text or "permission_classes", None, True)


def _permission(project: Project, path: str, value: Value, verbs: frozenset[str]) -> Dependency:
    if value.kind == "joined":
        parts = [_permission(project, path, it, verbs) for it in value.items]
        return Dependency(" | ".join(it.name for it in parts), None, all(it.guards for it in parts))
    name = value.text or "?"
    symbol = project.resolve(path, name) if value.kind in ("name", "call") else None
    ref = Ref(symbol.path, symbol.facts.qualname, "class") if isinstance(symbol, ClassSymbol) else None
    last = name.rpartition(".")[2]
    reads = bool(verbs) and verbs <= _SAFE
    return Dependency(name, ref, last not in _OPEN and not (reads and _READ_ONLY.fullmatch(last) is not None))
