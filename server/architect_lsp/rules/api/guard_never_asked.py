"""A guard stands where nothing ever asks it.

Why: a mixin works through `dispatch`, and Python takes the first one it finds: after the view's own class, the mixin's is never
reached. A decorator for functions makes a function of a class, and `permission_class` is an attribute that nobody reads. All of
them look like protection in a review.
Instead: the mixin first, the decorator by `method_decorator`, the attribute by its name.

    class Leads(LoginRequiredMixin, ListView): ...

Consequences: the view answers everyone.
Tests: ask without signing in, and assert 302, 401 or 403.
Security: broken access control, the first of OWASP's ten.
Source: https://docs.djangoproject.com/en/stable/topics/auth/default/#the-loginrequiredmixin-mixin;
https://www.django-rest-framework.org/api-guide/permissions/#setting-the-permission-policy
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.lineage import dotted as dotted_name
from architect_lsp.knowledge.lineage import lineage
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=862,
    needs=["Mixin", "permission", "authenticat", "throttle", "_required", "require_", "csrf"],
    bad=[
        Bad("""
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.generic import ListView
from rest_framework import permissions, viewsets
from rest_framework.decorators import api_view, permission_classes

class Leads(ListView, [|LoginRequiredMixin|]):
    paginate_by = 50

@[|login_required|]
class Deals(ListView):
    paginate_by = 50

class Notes(viewsets.ModelViewSet):
    [|permission_class|] = [permissions.IsAdminUser]

@[|permission_classes([permissions.IsAuthenticated])|]
@api_view(["GET"])
def me(request): ...
"""),
    ],
    good=[
        """
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.utils.decorators import method_decorator
from django.views.generic import ListView, View
from rest_framework import permissions, viewsets
from rest_framework.decorators import api_view, permission_classes

class Leads(LoginRequiredMixin, ListView):
    paginate_by = 50

@method_decorator(login_required, name="dispatch")
class Deals(ListView):
    paginate_by = 50

class Notes(viewsets.ModelViewSet):
    permission_classes = [permissions.IsAdminUser]

@api_view(["GET"])
@permission_classes([permissions.IsAuthenticated])
def me(request): ...

class Own:
    permission_class = None

class Guarded(LoginRequiredMixin, View): ...

class Narrower(Guarded, LoginRequiredMixin): ...
"""
    ],
)

_MIXINS = frozenset(("LoginRequiredMixin", "PermissionRequiredMixin", "UserPassesTestMixin", "AccessMixin"))
_DECORATORS = frozenset(
    (
        *("login_required", "permission_required", "user_passes_test", "staff_member_required", "csrf_exempt", "csrf_protect"),
        *("require_POST", "require_GET", "require_safe", "require_http_methods", "never_cache", "cache_page"),
    )
)
_MISSPELT = regex(
    r"(permission|authentication|throttle|renderer|parser)_class|(permission|authentication)s_class(?:es)?|(permission)s|filter_backend"
)
_BELOW = frozenset(("permission_classes", "authentication_classes", "throttle_classes", "renderer_classes", "parser_classes"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Mixins behind views, decorators of functions on views, attributes that no view reads, and decorators above `api_view`."""
    for node in view.reading.each(ast.ClassDef):
        rows = _lineage(view, node)
        if not any(it.startswith(("django.views", "rest_framework")) for it in rows):
            continue
        yield from _behind(view, node)
        for it in node.decorator_list:
            name = dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2]
            if name in _DECORATORS and view.name(it.func if isinstance(it, ast.Call) else it).startswith("django."):
                yield Hit(it, f'`{name}` decorates functions: use `method_decorator({name}, name="dispatch")` on a class.')
        if any(it.startswith("rest_framework.") for it in rows):
            yield from _misspelt(node)
    for function in view.reading.functions:
        names = [dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] for it in function.decorator_list]
        if "api_view" in names:
            for at, it in enumerate(function.decorator_list[: names.index("api_view")]):
                if names[at] in _BELOW:
                    yield Hit(it, f"`{names[at]}` stands above `api_view`, which has made the view by then: put it below.")


def _lineage(view: View, node: ast.ClassDef) -> list[str]:
    facts = view.project.class_(view.path, view.reading.qualname(node)) if node.bases else None
    return [dotted_name(it) for it in lineage(view.project, ClassSymbol(view.path, facts))] if facts is not None else []


def _behind(view: View, node: ast.ClassDef) -> Iterator[Hit]:
    """A mixin that guards, behind a base whose `dispatch` comes first and that does not guard itself."""
    for at, base in enumerate(node.bases):
        if at == 0 or not isinstance(base, ast.Name | ast.Attribute):
            continue
        name = view.name(base)
        if not name.startswith("django.contrib.auth.") or name.rpartition(".")[2] not in _MIXINS:
            continue
        for earlier in node.bases[:at]:
            found = view.symbol(earlier)
            names = (
                [dotted_name(it) for it in lineage(view.project, found)]
                if isinstance(found, ClassSymbol)
                else [view.name(earlier)]
            )
            is_view = any(it.startswith("django.views.generic") and it.endswith("View") for it in names)
            guarded = any(it.rpartition(".")[2] in _MIXINS for it in names)
            if is_view and not guarded:
                yield Hit(base, f"`{dotted(earlier)}` comes first, and its `dispatch` never reaches that of `{dotted(base)}`.")
                break


def _misspelt(node: ast.ClassDef) -> Iterator[Hit]:
    for it in node.body:
        if not isinstance(it, ast.Assign) or not isinstance(it.value, ast.List | ast.Tuple):
            continue
        if isinstance(it.targets[0], ast.Name) and _MISSPELT.fullmatch(it.targets[0].id):
            yield Hit(it.targets[0], f"No view reads `{it.targets[0].id}`, so that it guards nothing.")
