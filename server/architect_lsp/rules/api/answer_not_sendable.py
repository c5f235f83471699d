"""A handler returns what its framework can't send.

Why: Django and Starlette send responses alone; a dictionary is `AttributeError` or `TypeError` after the handler has done its
work. `JsonResponse` takes a list only with `safe=False`.
Instead: make a response of it.

    return JsonResponse(rows, safe=False)

Consequences: 500 for every request.
Tests: ask once.
Source: https://docs.djangoproject.com/en/stable/ref/request-response/#jsonresponse-objects; https://www.starlette.io/responses/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Reading, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A1"],
    needs=["JsonResponse", "return {", "return ["],
    bad=[
        Bad("""
from starlette.applications import Starlette
from starlette.routing import Route

async def home(request):
    return [|{"hello": "world"}|]

app = Starlette(routes=[Route("/", home)])
"""),
        Bad(
            """
from django.http import JsonResponse
from crm.models import Lead

def names(request):
    rows = list(Lead.objects.values_list("name", flat=True)[:50])
    return JsonResponse([|rows|])
""",
            fixed="""
from django.http import JsonResponse
from crm.models import Lead

def names(request):
    rows = list(Lead.objects.values_list("name", flat=True)[:50])
    return JsonResponse(rows, safe=False)
""",
        ),
        Bad("""
-- crm/views.py --
def names(request):
    return [|{"names": []}|]
-- crm/urls.py --
from django.urls import path
from crm.views import names

urlpatterns = [path("names/", names)]
"""),
    ],
    good=[
        """
-- crm/views.py --
from django.http import JsonResponse
from crm.decorators import as_json

def names(request):
    rows = [1, 2]
    if request.GET:
        return JsonResponse({"rows": rows})
    return JsonResponse(rows, safe=False)

@as_json
def wrapped(request):
    return {"names": []}
-- crm/urls.py --
from django.urls import path
from crm.views import names, wrapped

urlpatterns = [path("names/", names), path("wrapped/", wrapped)]
"""
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Lists in `JsonResponse`, and bodies that views of Django and Starlette return as they are."""
    for call in view.reading.each(ast.Call):
        if (
            (
                dotted(call.func).rpartition(".")[2] == "JsonResponse"
                and call.args
                and keyword(call, "safe") is None
                and len(call.args) == 1
            )
            and _is_list(view.reading, call, call.args[0])
            and view.callee(call).startswith("django.")
        ):
            fix = Draft("Let it be a list", (Change(call.args[0], ", safe=False", insert="after"),))
            yield Hit(call.args[0], "`JsonResponse` refuses a list unless it is told `safe=False`.", (fix,))
    for node in view.reading.each(ast.Return):
        function = view.reading.function(node)
        if not isinstance(node.value, ast.Dict | ast.List) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if function.decorator_list or view.reading.owner(function) or [it.arg for it in function.args.args[:1]] != ["request"]:
            continue
        routes = routes_of(view.project, view.path, view.reading.qualname(function))
        if routes and all(it.framework == "django" or _is_starlette(view, it) for it in routes):
            yield Hit(node.value, f"`{function.name}` returns no response, and nothing makes one of it.")


def _is_starlette(view: View, route: Route) -> bool:
    """Whether a plain route of Starlette hands the request on: what FastAPI registers makes a response of anything."""
    if route.framework != "fastapi" or route.at.kind == "decorator":
        return False
    return view.project.uses(route.at.path, "starlette") and not view.project.uses(route.at.path, "fastapi")


def _is_list(reading: Reading, at: ast.AST, node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        rows = [
            it.value
            for it in reading.within(reading.function(at))
            if isinstance(it, ast.Assign) and any(dotted(each) == node.id for each in it.targets)
        ]
        return bool(rows) and all(not isinstance(it, ast.Name) and _is_list(reading, at, it) for it in rows)
    return isinstance(node, ast.List | ast.ListComp) or (isinstance(node, ast.Call) and dotted(node.func) in ("list", "sorted"))
