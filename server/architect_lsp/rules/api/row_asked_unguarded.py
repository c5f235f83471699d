"""A row that the address names is loaded so that a missing one is answered 500.

Why: `Model.objects.get` raises `DoesNotExist`, which Django takes for a fault of the program. An old link, a typing error or a
robot that counts up then sets off the alarm, and the visitor sees the error page instead of "not found".
Instead: ask for the row or for 404.

    lead = get_object_or_404(Lead, pk=pk, owner=request.user)

Consequences: 500 for what is an ordinary 404, and noise in the error tracker.
Tests: ask for a key that does not exist, and assert 404.
Source: https://docs.djangoproject.com/en/stable/topics/http/shortcuts/#get-object-or-404
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.handlers import is_caught
from architect_lsp.knowledge.operations import parameters, routes_of
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A1", "A3"],
    needs=[".objects.get("],
    bad=[
        Bad("""
-- crm/views.py --
from django.shortcuts import render
from crm.models import Lead

def lead(request, pk):
    return render(request, "lead.html", {"lead": [|Lead.objects.get(pk=pk, owner=request.user)|]})
-- crm/urls.py --
from django.urls import path
from crm.views import lead

urlpatterns = [path("leads/<int:pk>/", lead)]
"""),
    ],
    good=[
        """
-- crm/views.py --
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from crm.models import Lead, Setting

def lead(request, pk):
    return render(request, "lead.html", {"lead": get_object_or_404(Lead, pk=pk), "kind": Setting.objects.get(name="kind")})

def tried(request, pk):
    try:
        found = Lead.objects.get(pk=pk)
    except Lead.DoesNotExist:
        raise Http404
    return render(request, "lead.html", {"lead": found})

def asked(request, pk):
    if not Lead.objects.filter(pk=pk).exists():
        raise Http404
    return render(request, "lead.html", {"lead": Lead.objects.get(pk=pk)})
-- crm/urls.py --
from django.urls import path
from crm.views import asked, lead, tried

urlpatterns = [path("leads/<int:pk>/", lead), path("t/<int:pk>/", tried), path("a/<int:pk>/", asked)]
"""
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`objects.get` with a part of the address, in views of Django, where nothing catches what it raises."""
    for function in view.reading.functions:
        routes = routes_of(view.project, view.path, view.reading.qualname(function))
        if not routes or any(it.framework != "django" for it in routes):
            continue
        named = {name for it in routes for name in parameters(it.path)}
        if _is_asked(view.reading, function):
            continue
        for node in view.reading.within(function):
            if not isinstance(node, ast.Call) or not dotted(node.func).endswith(".objects.get") or not _asks(node, named):
                continue
            if not is_caught(view.reading, node, ("DoesNotExist", "ObjectDoesNotExist")):
                yield Hit(node, "A row that is not there is answered 500: `get_object_or_404` says what it is.")
                break


def _asks(call: ast.Call, named: set[str]) -> bool:
    """Whether the row is chosen by a part of the address."""
    return any(isinstance(it.value, ast.Name) and it.value.id in named for it in call.keywords)


def _is_asked(reading: Reading, function: Function) -> bool:
    """Whether the function, or a decorator above it, may know already that the row is there."""
    calls = (it for it in reading.within(function) if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute))
    known = ("login_required", "require_POST", "require_GET", "require_http_methods", "csrf_exempt", "permission_required")
    above = (dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] for it in function.decorator_list)
    return any(it.func.attr == "exists" for it in calls if isinstance(it.func, ast.Attribute)) or any(
        it not in known for it in above
    )
