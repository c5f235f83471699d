"""What stands before the routes of Django and of its REST framework, where they are registered, and how their paths read."""

from __future__ import annotations

import pytest

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.frameworks.django_patterns import of_expression, of_route
from support.projects import project_of

VIEWS = """
-- shop/settings.py --
REST_FRAMEWORK = {"DEFAULT_PERMISSION_CLASSES": ("rest_framework.permissions.IsAuthenticatedOrReadOnly",)}
-- shop/urls.py --
from django.contrib import admin
from django.contrib.auth.decorators import login_required, permission_required
from django.urls import include, path
from shop import views

inner = [path("inner/", views.open_)]
urlpatterns = [
    path("admin/", admin.site.urls),
    path("open/", views.open_),
    path("wrapped/", permission_required("shop.pay")(views.open_)),
    path("login/", login_required(views.Open.as_view())),
    path("decorated/", views.decorated),
    path("own/", views.own),
    path("mixin/", views.Mixin.as_view()),
    path("inherited/", views.Inherited.as_view()),
    path("method/", views.Method.as_view()),
    path("dispatch/", views.Dispatch.as_view()),
    path("guests/", views.guests),
    path("rest/", views.Rest.as_view()),
    path("free/", views.Free.as_view()),
    path("either/", views.Either.as_view()),
    path("function/", views.function),
]
-- shop/views.py --
from functools import wraps
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny, IsAdminUser
from rest_framework.views import APIView

def open_(request): ...

class Open(View):
    def get(self, request): ...

@login_required
def decorated(request): ...

def members(view):
    @wraps(view)
    def inner(request):
        if not request.user.is_member:
            raise PermissionDenied()
        return view(request)
    return inner

@members
def own(request): ...

def anonymous_only(view): ...

@anonymous_only
def guests(request): ...

class Mixin(LoginRequiredMixin, View):
    def get(self, request): ...

class Inherited(Mixin): ...

@method_decorator([login_required], name="dispatch")
class Method(View):
    def get(self, request): ...

class Dispatch(View):
    def dispatch(self, request):
        if request.user.is_anonymous:
            raise PermissionDenied()
        return super().dispatch(request)
    def get(self, request): ...

class Rest(APIView):
    def get(self, request): ...
    def post(self, request): ...

class Free(APIView):
    permission_classes = [AllowAny]
    def get(self, request): ...

class Either(APIView):
    permission_classes = [AllowAny | IsAdminUser]
    serializer_class = OrderSerializer
    def get(self, request): ...

@api_view(["POST"])
@permission_classes([IsAdminUser])
def function(request): ...
"""


def test_what_stands_before_a_route_and_whether_it_guards() -> None:
    found = {(it.path, *sorted(it.methods)): it for it in catalogue(project_of(VIEWS)).routes}
    guarded = {key: [f"{row.name}{'!' * row.guards}" for row in it.dependencies] for key, it in found.items()}
    assert guarded == {
        ("/admin/?",): [],
        ("/open/",): [],
        ("/wrapped/",): ["permission_required!"],
        ("/login/", "GET"): ["login_required!"],
        ("/decorated/",): ["login_required!"],
        ("/own/",): ["members!"],
        ("/mixin/", "GET"): ["LoginRequiredMixin!"],
        ("/inherited/", "GET"): ["LoginRequiredMixin!"],
        ("/method/", "GET"): ["login_required!"],
        ("/dispatch/", "GET"): ["dispatch!"],
        ("/guests/",): ["anonymous_only"],
        ("/rest/", "GET"): ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
        ("/rest/", "POST"): ["rest_framework.permissions.IsAuthenticatedOrReadOnly!"],
        ("/free/", "GET"): ["AllowAny"],
        ("/either/", "GET"): ["AllowAny | IsAdminUser"],
        ("/function/", "POST"): ["IsAdminUser!"],
    }
    assert found["/either/", "GET"].response == "OrderSerializer"
    assert found["/inherited/", "GET"].view != found["/inherited/", "GET"].handler


def test_a_middleware_that_asks_for_a_login_stands_before_all() -> None:
    project = project_of("""
-- settings.py --
MIDDLEWARE = ["django.contrib.auth.middleware.LoginRequiredMiddleware"]
-- urls.py --
from django.urls import path
import views
urlpatterns = [path("a/", views.a)]
-- views.py --
def a(request): ...
""")
    assert [[it.guards for it in route.dependencies] for route in catalogue(project).routes] == [[True]]


def test_a_route_stands_where_its_path_is_said() -> None:
    project = project_of("""
-- urls.py --
from django.urls import include, path, re_path
import views

urlpatterns = [
    path("a/", views.a),
    path("b/", include([path("c/", views.a)])),
]
urlpatterns += [
    path("d/", views.a),
]
-- views.py --
def a(request): ...
""")
    assert {it.path: project.place(it.at).line for it in catalogue(project).routes} == {"/a/": 4, "/b/c/": 5, "/d/": 8}
    assert [project.place(it).line for route in catalogue(project).routes for it in route.via] == [5]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (r"^users/(?P<pk>\d+)/$", "users/{pk:int}/"),
        (r"^(?P<slug>[\w-]+)/edit/?$", "{slug}/edit/"),
        (r"^a/([0-9]{4})/(.*)$", "a/{var:regex}/{var:path}"),
        (r"^(?:old|new)/\.well-known/$", "old|new/.well-known/"),
        (r"^x/(?P<key>[^()\]]+\(\))/", "x/{key:regex}/"),
        (r"^broken/(?P<key>[", "broken/{key:regex}"),
    ],
)
def test_an_expression_reads_as_a_path(written: str, path: str) -> None:
    assert of_expression(written) == path


def test_a_converter_stays() -> None:
    assert of_route("a/<int:pk>/<str:word>/<name>/<path:rest>") == "a/{pk:int}/{word}/{name}/{rest:path}"
