"""What answers behind a URL of Django: functions and class-based views, their methods, and what stands before them.

Source: https://docs.djangoproject.com/en/stable/topics/class-based-views/, `View.setup` and `View.dispatch`, and the bodies of
the libraries' own views for `_METHODS_OF`.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.frameworks import django_rest
from architect_lsp.knowledge.frameworks.django_answers import Answer, allowed, before_class, decorations, dependency
from architect_lsp.knowledge.lineage import attributes, lineage, methods
from architect_lsp.knowledge.nouns import Dependency
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance, Ref, Symbol
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_VERBS = ("get", "post", "put", "patch", "delete", "head", "trace")
"""What a view may have a method for; `options` every view answers."""
_FORM, _RETRIEVE = ("get", "post", "put"), ("get",)
_METHODS_OF: dict[str, dict[str, tuple[str, ...]]] = {
    "django": {
        "View": (),
        "RedirectView": ("get", "post", "put", "patch", "delete", "head"),
        **dict.fromkeys(("FormView", "CreateView", "UpdateView", "ProcessFormView"), _FORM),
        **dict.fromkeys(("BaseFormView", "BaseCreateView", "BaseUpdateView"), _FORM),
        **dict.fromkeys(("LoginView", "PasswordChangeView", "PasswordResetView", "PasswordResetConfirmView"), _FORM),
        "DeletionMixin": ("post", "delete"),
        **dict.fromkeys(("DeleteView", "BaseDeleteView"), ("get", "post", "delete")),
        "LogoutView": ("post",),
        **dict.fromkeys(("TemplateView", "ListView", "DetailView", "BaseListView", "BaseDetailView"), _RETRIEVE),
        **dict.fromkeys(("ArchiveIndexView", "YearArchiveView", "MonthArchiveView", "WeekArchiveView"), _RETRIEVE),
        **dict.fromkeys(("DayArchiveView", "TodayArchiveView", "DateDetailView", "BaseDateListView"), _RETRIEVE),
        **dict.fromkeys(("PasswordChangeDoneView", "PasswordResetDoneView", "PasswordResetCompleteView"), _RETRIEVE),
        **dict.fromkeys(("JavaScriptCatalog", "JSONCatalog"), _RETRIEVE),
    },
    "rest_framework": {
        **dict.fromkeys(("APIView", "GenericAPIView", "GenericViewSet", "ViewSet"), ()),
        "ListAPIView": ("get",),
        "RetrieveAPIView": ("get",),
        "CreateAPIView": ("post",),
        "UpdateAPIView": ("put", "patch"),
        "DestroyAPIView": ("delete",),
        "ListCreateAPIView": ("get", "post"),
        "RetrieveUpdateAPIView": ("get", "put", "patch"),
        "RetrieveDestroyAPIView": ("get", "delete"),
        "RetrieveUpdateDestroyAPIView": ("get", "put", "patch", "delete"),
        "APIRootView": ("get",),
        "ObtainAuthToken": ("post",),
        "SchemaView": ("get",),
    },
    "rest_framework_simplejwt": dict.fromkeys(
        ("TokenObtainPairView", "TokenRefreshView", "TokenVerifyView", "TokenBlacklistView", "TokenViewBase"), ("post",)
    ),
    "drf_spectacular": dict.fromkeys(
        (
            "SpectacularAPIView",
            "SpectacularJSONAPIView",
            "SpectacularYAMLAPIView",
            "SpectacularSwaggerView",
            "SpectacularRedocView",
        ),
        _RETRIEVE,
    ),
    "django_filters": {"FilterView": _RETRIEVE},
    "django_tables2": {"SingleTableView": _RETRIEVE},
    "formtools": dict.fromkeys(("WizardView", "SessionWizardView", "CookieWizardView"), ("get", "post")),
}
_WITHOUT = regex(r"builtins\.object|typing\.\w+|abc\.ABC|(?:.*\.)?\w*Mixin|(?:[\w.]+\.)?ContextMixin")
"""Bases that answer nothing themselves."""
_DEPTH = 8
"""How many wrappers and names may stand before a view."""


def answers(project: Project, path: str, value: Value, depth: int = _DEPTH) -> tuple[Answer, ...]:
    """How what a file gives for a view answers; one that can't be told answers anything, by nobody we know."""
    return _found(project, path, value, depth) or (Answer(),)


def _found(project: Project, path: str, value: Value, depth: int) -> tuple[Answer, ...]:
    if depth <= 0:
        return ()
    if value.kind == "call" and value.last == "as_view":
        head = value.text.rpartition(".")[0] if value.of is None else f"{value.of.text}()"
        return _of_class(project, project.resolve(path, head), value)
    if value.kind == "call":
        return _wrapped(project, path, value, depth)
    if value.kind != "name":
        return ()
    symbol = project.resolve(path, value.text)
    if isinstance(symbol, FunctionSymbol):
        return (_of_function(project, symbol),)
    if isinstance(symbol, Instance):
        call = project.resolve(symbol.path, f"{symbol.facts.qualname}.__call__")
        if isinstance(call, FunctionSymbol):
            kind = Ref(symbol.path, symbol.facts.qualname, "class")
            return (replace(_of_function(project, call), view=kind),)
    named = behind(project, path, value.text)
    return _found(project, named[0], named[1], depth - 1) if named is not None and named[1] is not value else ()


def _wrapped(project: Project, path: str, value: Value, depth: int) -> tuple[Answer, ...]:
    """The answers of a view that a call gives back: `login_required(view)`, `cache_page(60)(view)`, `partial(view, ...)`."""
    inner = next((it for item in value.items if (it := _found(project, path, item, depth - 1))), ())
    if not inner:
        made = project.resolve(path, f"{value.text}()") if value.of is None else None
        if isinstance(made, Instance):
            call = project.resolve(path, f"{value.text}().__call__")
            if isinstance(call, FunctionSymbol):
                return (replace(_of_function(project, call), view=Ref(made.path, made.facts.qualname, "class")),)
        return ()
    wrapper = value if value.of is None or value.text else value.of
    through = allowed(project, path, wrapper)
    if through is not None:
        return tuple(replace(it, methods=it.methods & through if it.methods else through) for it in inner)
    before = dependency(project, path, wrapper.text, "")
    if before.name.rpartition(".")[2] == "partial":
        return inner
    return tuple(replace(it, dependencies=(before, *it.dependencies)) for it in inner)


def _of_function(project: Project, symbol: FunctionSymbol) -> Answer:
    path, facts = symbol.path, symbol.facts
    through: frozenset[str] = frozenset()
    before: list[Dependency] = []
    for it in facts.decorators:
        found = allowed(project, path, it.value, facts.owner)
        if found is not None:
            through = through & found if through else found
        before += decorations(project, path, it, facts.owner)
    if any(it.value.last == "api_view" for it in facts.decorators):
        rest = django_rest.of_function(project, path, facts, through)
        before = [*rest, *(it for it in before if not it.name.endswith("_classes"))]
    return Answer(through, Ref(path, facts.qualname, "def"), dependencies=tuple(before))


def _of_class(project: Project, symbol: Symbol | None, value: Value) -> tuple[Answer, ...]:
    if isinstance(symbol, External):
        known = _methods_of(symbol.name)
        return (Answer(frozenset(it.upper() for it in known or ())),)
    if isinstance(symbol, Instance):  # a class that a function gives
        return ()
    if not isinstance(symbol, ClassSymbol):
        return ()
    actions = value.argument(0, "actions")
    if actions is not None and actions.kind == "dict":
        rows = tuple((verb.upper(), it.text) for verb, it in actions.keywords if it.kind == "text")
        return django_rest.of_viewset(project, symbol, rows)
    return tuple(class_answers(project, symbol, dict(value.keywords)))


def class_answers(project: Project, symbol: ClassSymbol, told: dict[str, Value]) -> Iterator[Answer]:
    """How a class-based view answers, a row for each function that does; `told` is what `as_view` was given."""
    rows = lineage(project, symbol)
    kind = Ref(symbol.path, symbol.facts.qualname, "class")
    names = attributes(project, symbol)
    by_handler: dict[Ref, list[str]] = {}
    for verb in _verbs(project, symbol):
        handler = _handler(project, rows, verb, kind)
        if handler is not None:
            by_handler.setdefault(handler, []).append(verb.upper())
    before = tuple(before_class(project, symbol))
    rest = django_rest.is_rest(rows)
    serializer = told.get("serializer_class") or (names["serializer_class"].value if "serializer_class" in names else None)
    response = serializer.text if serializer is not None and serializer.kind == "name" else ""
    for handler, verbs in by_handler.items():
        own = project.definition(handler.path, handler.qualname) if handler.kind == "def" else None
        decorated = [it for row in (own.decorators if own else ()) for it in decorations(project, handler.path, row, "")]
        checks = django_rest.of_class(project, symbol, frozenset(verbs), told) if rest else ()
        yield Answer(frozenset(verbs), handler, kind, (*before, *checks, *decorated), response)
    if not by_handler:
        unknown = any(
            isinstance(it, External) and _methods_of(it.name) is None and not _WITHOUT.fullmatch(it.name) for it in rows
        )
        checks = django_rest.of_class(project, symbol, frozenset(), told) if rest else ()
        if unknown or "dispatch" in names:
            yield Answer(frozenset(), kind, kind, (*before, *checks), response)


def _verbs(project: Project, symbol: ClassSymbol) -> tuple[str, ...]:
    """The methods that a view's `http_method_names` lets through."""
    said = attributes(project, symbol).get("http_method_names")
    if said is None or said.value is None or said.value.kind != "list":
        return _VERBS
    listed = [text(project, said.path, it) for it in said.value.items]
    return tuple(it for it in _VERBS if it in [name.lower() for name in listed if name])


def _handler(project: Project, rows: tuple[ClassSymbol | External, ...], verb: str, kind: Ref) -> Ref | None:
    """What answers a method: a method of the nearest class that has one, the class itself where a library's does."""
    for it in rows:
        if isinstance(it, External):
            if verb in (_methods_of(it.name) or ()):
                return kind
            continue
        own = methods(project, it)
        if verb in own:
            return Ref(it.path, own[verb].qualname, "def")
        field = next((row for row in it.facts.fields if row.name == verb), None)
        if field is not None:
            if field.value is not None and field.value.text == "None":
                return None
            same = own.get(field.target)
            return Ref(it.path, same.qualname, "def") if same is not None else kind
    return None


def _methods_of(name: str) -> tuple[str, ...] | None:
    """The methods that a library's view answers, None where we don't know it."""
    head, _, last = name.rpartition(".")
    return _METHODS_OF.get(head.partition(".")[0], {}).get(last)
