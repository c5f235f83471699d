"""How a view of Django answers, and what stands before it: decorators, mixins, a `dispatch` that turns people away.

Source: https://docs.djangoproject.com/en/stable/topics/auth/default/#limiting-access-to-logged-in-users
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.facts import Decorator
from architect_lsp.knowledge.lineage import dotted, lineage, methods
from architect_lsp.knowledge.nouns import Dependency
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Ref, Symbol
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_REQUIRES = {
    "require_GET": frozenset(["GET"]),
    "require_POST": frozenset(["POST"]),
    "require_safe": frozenset(["GET", "HEAD"]),
}
_GUARDS = regex(
    r"log(?:ged)?_?in|auth(?!or)|permi|staff|admin|superuser|passes_test|token|jwt|protect|owner|api_?key|signature|verified"
    r"|require\w*(?:user|access|role|scope|member)|(?:user|access|role|scope|member)\w*require|restrict",
    re.IGNORECASE,
)
_NO_GUARD = regex(r"anonym|unauth|not_required|prohibit|exempt|csrf|logout", re.IGNORECASE)
_GUARD_CLASS = regex(r"\w*(?:Login|Permission|Staff|Superuser|Admin|Group|Access|Auth|User)\w*Required\w*|UserPassesTest\w*")
_REFUSES = frozenset(
    (
        *("PermissionDenied", "redirect_to_login", "HttpResponseForbidden", "NotAuthenticated", "AuthenticationFailed"),
        *("login_required", "user_passes_test", "permission_required", "handle_no_permission", "permission_denied"),
    )
)
"""What is called by code that turns people away."""


class Answer(Struct, frozen=True):
    """One way in which a view answers; no methods mean any. The fields are those of a `Route`."""

    methods: frozenset[str] = frozenset()
    handler: Ref | None = None
    view: Ref | None = None
    dependencies: tuple[Dependency, ...] = ()
    response: str = ""


def refuses(project: Project, symbol: Symbol | None, name: str) -> bool:
    """Whether what stands before a view asks who the user is, as far as its name and the calls of its body show."""
    last = name.replace("()", "").rpartition(".")[2]
    if _NO_GUARD.search(last):
        return False
    if _GUARDS.search(last) or _GUARD_CLASS.search(last):
        return True
    if not isinstance(symbol, FunctionSymbol):
        return False
    inside = f"{symbol.facts.qualname}."
    bodies = (it for it in project.facts(symbol.path).defs if f"{it.qualname}.".startswith(inside))
    return any(call.target.replace("()", "").rpartition(".")[2] in _REFUSES for it in bodies for call in it.calls)


def allowed(project: Project, path: str, value: Value, owner: str = "") -> frozenset[str] | None:
    """The methods that a decorator lets through, None when it does not tell them apart."""
    last = value.last
    if last in _REQUIRES:
        return _REQUIRES[last]
    if last not in ("require_http_methods", "api_view"):
        return None
    given = value.argument(0, "http_method_names" if last == "api_view" else "request_method_list")
    if given is not None and given.kind == "name":
        given = (behind(project, path, given.text) or ("", given))[1]
    if given is None:
        return frozenset(["GET"]) if last == "api_view" else frozenset()
    names = [text(project, path, it, owner) for it in given.items]
    return frozenset(it.upper() for it in names if it is not None) - {"OPTIONS"}


def dependency(project: Project, path: str, name: str, owner: str = "") -> Dependency:
    """What a name puts before a view."""
    symbol = project.resolve(path, name, owner) if name else None
    ref = Ref(symbol.path, symbol.facts.qualname, "def") if isinstance(symbol, FunctionSymbol) else None
    return Dependency(name, ref, refuses(project, symbol, name))


def decorations(project: Project, path: str, row: Decorator, owner: str = "") -> Iterator[Dependency]:
    """What a decorator puts before a view: itself, or what `method_decorator` is given."""
    if row.value.last != "method_decorator":
        if allowed(project, path, row.value, owner) is None:
            yield dependency(project, path, row.target, owner)
        return
    given = row.value.argument(0, "decorator")
    if given is not None and given.kind == "name":
        listed = behind(project, path, given.text)
        given = listed[1] if listed is not None and listed[1].kind == "list" else given
    for it in () if given is None else given.items if given.kind == "list" else (given,):
        if allowed(project, path, it, owner) is None:
            yield dependency(project, path, it.text, owner)


def before_class(project: Project, symbol: ClassSymbol) -> Iterator[Dependency]:
    """Mixins and decorators of a class that may refuse a request, and a `dispatch` that does."""
    for it in lineage(project, symbol):
        last = dotted(it).rpartition(".")[2]
        if _GUARD_CLASS.fullmatch(last):
            yield Dependency(last, Ref(it.path, it.facts.qualname, "class") if isinstance(it, ClassSymbol) else None, True)
        if not isinstance(it, ClassSymbol):
            continue
        for row in it.facts.decorators:
            yield from decorations(project, it.path, row)
        dispatch = methods(project, it).get("dispatch")
        if dispatch is not None:
            for row in dispatch.decorators:
                yield from decorations(project, it.path, row)
            if refuses(project, FunctionSymbol(it.path, dispatch), "dispatch"):
                yield Dependency("dispatch", Ref(it.path, dispatch.qualname, "def"), True)
