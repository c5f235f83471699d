"""URLconfs of installed packages and of a project of our own: the routes we see are those that Django resolves, both ways."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.nouns import Route
from support.examples import files_of
from support.truth import environment, project_of, said, source

pytestmark = pytest.mark.realworld

PINS = [
    *("django==5.2.19", "djangorestframework==3.18.3", "drf-nested-routers==0.95.3", "djoser==2.3.5", "dj-rest-auth==7.2.0"),
    *("django-allauth==65.21.1", "django-oauth-toolkit==3.4.1", "wagtail==8.0.1"),
]
RESOLVED = r"""
    import functools, inspect, json, os, re, sys
    import django

    sys.path.insert(0, os.getcwd())
    os.environ["DJANGO_SETTINGS_MODULE"] = "house.settings"
    django.setup()
    from django.contrib.admindocs.views import simplify_regex
    from django.urls import get_resolver
    from django.utils.regex_helper import normalize
    from django.urls.resolvers import LocalePrefixPattern, RegexPattern, URLResolver

    NAMES = ("get", "post", "put", "patch", "delete", "head", "trace")

    def piece(pattern):
        if isinstance(pattern, LocalePrefixPattern):
            return "<language>/"
        if isinstance(pattern, RegexPattern):
            if re.search(r"\((?!\?P)", pattern._regex):  # `simplify_regex` is at a loss with these
                shown = normalize(pattern._regex)[-1][0]
                return re.sub(r"%\((\w+)\)s", lambda it: f"<{'var' if it[1][0] == '_' else it[1]}>", shown)
            shown = re.sub(r"\\([^\w])", r"\1", simplify_regex(pattern._regex))[1:]
            return "/" * pattern._regex.lstrip("^").startswith("/") + shown
        return re.sub(r"<\w+:", "<", str(pattern._route))

    def allowed(view):
        found = None
        while view is not None:
            told = inspect.getclosurevars(view).nonlocals.get("request_method_list") if inspect.isfunction(view) else None
            if told is not None:
                found = set(told) if found is None else found & set(told)
            view = getattr(view, "__wrapped__", None)
        return found

    def told(view):
        # what answers as `module:name`, and its methods
        view = view.func if isinstance(view, functools.partial) else view
        only = allowed(view)
        kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
        if getattr(view, "actions", None):
            methods = {it for it in view.actions if it not in ("head", "options") and it in kind.http_method_names}
        elif kind is not None and kind.__qualname__ != "WrappedAPIView":
            methods = {it for it in kind.http_method_names if it in NAMES and callable(getattr(kind, it, None))}
        elif kind is not None:
            methods = set(kind.http_method_names) - {"options"}
            return f"{kind.__module__}:{kind.__name__}", sorted(it.upper() for it in methods)
        else:
            kind, methods = inspect.unwrap(view), only or set()
        home = kind if hasattr(kind, "__qualname__") else type(kind)
        methods = {it.upper() for it in methods} & (only or {it.upper() for it in methods})
        return f"{home.__module__}:{home.__qualname__}", sorted(methods)

    def walk(patterns, prefix, spaces):
        for it in patterns:
            path = prefix + piece(it.pattern)
            if isinstance(it, URLResolver):
                yield from walk(it.url_patterns, path, spaces + [it.namespace] * bool(it.namespace))
            elif "<format>" not in path:
                yield [path, *told(it.callback), ":".join(spaces + [it.name]) if it.name else ""]

    print(json.dumps(list(walk(get_resolver().url_patterns, "/", []))))
"""


def module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def shown(path: str) -> str:
    return re.sub(r"{(\w+)(?::\w+)?}", r"<\1>", path)


def rows(routes: list[Route], ours: tuple[str, ...]) -> dict[tuple[str, str], tuple[list[str], str]]:
    """(path, name) -> (methods, what answers): the rows of one URL together, as Django has one view for them."""
    found: dict[tuple[str, str], tuple[set[str], str]] = {}
    for it in routes:
        ref = it.view or it.handler
        answers = f"{module(ref.path)}:{ref.qualname}" if ref is not None and module(ref.path).startswith(ours) else ""
        methods, _ = found.setdefault((shown(it.path), it.name), (set(), answers))
        methods |= it.methods
    return {key: (sorted(methods), answers) for key, (methods, answers) in found.items()}


def resolved(patterns: list[Any], ours: tuple[str, ...]) -> dict[tuple[str, str], tuple[list[str], str]]:
    return {(path, name): (methods, home if home.startswith(ours) else "") for path, home, methods, name in reversed(patterns)}


APPS = [
    *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"),
    *("django.contrib.sites", "django.contrib.admindocs", "rest_framework", "rest_framework.authtoken", "djoser", "dj_rest_auth"),
    *("allauth", "allauth.account", "allauth.socialaccount", "oauth2_provider", "taggit", "modelcluster"),
    *("wagtail", "wagtail.documents", "wagtail.images", "wagtail.users", "wagtail.sites"),
]
SETTINGS = """
SECRET_KEY = "x"
STATIC_URL = "/s/"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
ROOT_URLCONF = "house.urls"
INSTALLED_APPS = {apps}
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]
SITE_ID = 1
USE_TZ = True
WAGTAILADMIN_BASE_URL = "http://x"
"""


def settle(folder: Path, confs: list[str]) -> Path:
    """A site that includes these URLconfs, each below a prefix of its own."""
    house = folder / "house"
    house.mkdir(exist_ok=True)
    (house / "__init__.py").touch()
    (house / "settings.py").write_text(SETTINGS.format(apps=APPS))
    lines = [f'    path("c{index}/", include("{it}")),' for index, it in enumerate(confs)]
    (house / "urls.py").write_text("\n".join(["from django.urls import include, path", "", "urlpatterns = [", *lines, "]", ""]))
    return folder


def compare(root: Path, running: list[Any], ours: tuple[str, ...], *, unknown: int = 0) -> None:
    """What is under a condition may be missing from a running program; all else is equal, but for parts that we call `?`."""
    routes = [it for it in catalogue(project_of(root)).routes if it.framework == "django" and re.match(r"/c\d+/", it.path)]
    expected = resolved(running, ours)
    known, sure = rows(routes, ours), rows([it for it in routes if not it.optional], ours)
    for path, name in [key for key in known if "?" in key[0]]:
        pattern = re.compile(".*".join(re.escape(it) for it in path.split("?")))
        for key in (key for key in expected if key[1] == name and pattern.fullmatch(key[0])):
            known[key], sure[key] = known[path, name], sure.pop((path, name), known[path, name])
    assert {key: known.get(key) for key in expected} == expected
    assert sure.keys() <= expected.keys()
    assert sum("?" in path for path, _ in known) == unknown


def test_packages_have_the_routes_that_django_resolves(tmp_path: Path) -> None:
    confs = [
        *("djoser.urls", "djoser.urls.jwt", "djoser.urls.authtoken", "dj_rest_auth.urls", "oauth2_provider.urls"),
        *("allauth.account.urls", "allauth.socialaccount.urls", "wagtail.urls", "wagtail.documents.urls"),
    ]
    python = environment("django-routes", PINS)
    running = said(python, RESOLVED, cwd=settle(tmp_path, confs))
    assert len(running) > 60
    packages = ("allauth", "dj_rest_auth", "djoser", "oauth2_provider", "wagtail")
    compare(settle(source(python, *packages), confs), running, packages, unknown=2)


def test_django_has_the_routes_that_it_resolves(tmp_path: Path) -> None:
    confs = ["django.contrib.auth.urls", "django.contrib.admindocs.urls", "rest_framework.urls"]
    python = environment("django-routes", PINS)
    running = said(python, RESOLVED, cwd=settle(tmp_path, confs))
    assert len(running) > 15
    packages = ("django", "rest_framework")
    compare(settle(source(python, *packages), confs), running, packages)


SITE = """
-- house/__init__.py --
-- house/settings.py --
SECRET_KEY = "x"
ROOT_URLCONF = "house.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
REST_FRAMEWORK = {"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"]}
USE_I18N = True
-- house/urls.py --
from functools import partial
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.conf.urls.static import static
from django.contrib.auth.decorators import login_required
from django.urls import include, path, re_path
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView, TemplateView
from rest_framework.urlpatterns import format_suffix_patterns

from shop import urls as shop_urls
from shop import views
from shop.api import api_urls, router
from house import pages

app = ([path("inner/", views.index, name="inner")], "inner_app")
plain = [path("plain/<slug:word>/", views.index, {"x": 1}, "plain")]

urlpatterns = [
    path("", TemplateView.as_view(template_name="x.html"), name="home"),
    path("go/", RedirectView.as_view(url="/"), name="go"),
    path("shop/", include(shop_urls)),
    path("again/", include("shop.urls", namespace="again")),
    path("app/", include(app)),
    path("list/", include(plain)),
    path("pair/", include((plain, "pair"), namespace="second")),
    path("direct/", include([path("one/", views.index), re_path(r"^two/(?P<n>[0-9]+)/$", views.by_number)])),
    *plain,
    path("secret/", login_required(views.Detail.as_view()), name="secret"),
    path("lambda/", lambda request: None, name="lambda"),
    path("partial/", partial(views.index, extra=True), name="partial"),
    path("instance/", views.Callable(), name="instance"),
    path("api/", include(router.urls)),
    path("api/v2/", include((router.urls, "api2"))),
    path("more/", include(api_urls)),
] + static("/media/")
urlpatterns += i18n_patterns(path(_("users/"), views.index, name="users"), path("about/", include("house.pages")))
urlpatterns.append(path("late/", views.index, name="late"))
urlpatterns.extend([re_path(r"^archive/(?P<year>\\d{4})/(?:page-(?P<page>\\d+)/)$", views.Archive.as_view(), name="archive")])
if not settings.DEBUG:
    urlpatterns += [path("live/", views.index, name="live")]
urlpatterns = urlpatterns + format_suffix_patterns([path("suffixed/", views.index, name="suffixed")])
-- house/pages.py --
from django.urls import path
from shop.views import *
from shop.views import form as renamed

urlpatterns = [path("", index, name="about"), path("form/", renamed, name="form")]
-- house/unused.py --
from django.urls import path
urlpatterns = []
-- shop/__init__.py --
-- shop/urls.py --
from django.urls import path
from shop import views

app_name = "shop"
PREFIX = "orders"
details = [path(f"{PREFIX}/<int:pk>/", views.Detail.as_view(), name="detail")]
urlpatterns = [path(PREFIX + "/", views.Orders.as_view(), name="orders"), *details]
urlpatterns += [
    path("save/", views.save, name="save"),
    path("edit/<uuid:key>/", views.Edit.as_view(), name="edit"),
    path("only/", views.Only.as_view(), name="only"),
    path("function/", views.numbers, name="numbers"),
    path("dates/<int:year>/", views.Year.as_view()),
]
-- shop/views.py --
from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.decorators.http import require_GET, require_http_methods
from django.views.generic import CreateView, DetailView, ListView, UpdateView, View, YearArchiveView
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny

def index(request, **kw): ...
def by_number(request, n): ...

@require_http_methods(["POST", "PUT"])
def save(request): ...

@api_view(["GET", "POST"])
@permission_classes([AllowAny])
def numbers(request): ...

class Orders(LoginRequiredMixin, ListView):
    def post(self, request): ...

class Base(View):
    def get(self, request): ...
    def put(self, request): ...

class Detail(Base):
    http_method_names = ["get", "post", "delete"]
    def delete(self, request): ...

class Edit(UpdateView):
    fields = []
    post = None

class Only(CreateView):
    http_method_names = ["post"]

class Archive(View):
    async def get(self, request, **kw): ...
    head = get

class Year(YearArchiveView): ...

class Form(CreateView): ...
form = require_GET(Form.as_view())

class Callable:
    def __call__(self, request): ...
-- shop/api.py --
from django.contrib.auth.models import Group, User
from django.urls import include, path
from rest_framework import generics, mixins, routers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny, IsAdminUser
from rest_framework_nested import routers as nested

class Things(generics.ListCreateAPIView):
    permission_classes = [AllowAny]

class Thing(mixins.UpdateModelMixin, generics.RetrieveAPIView):
    lookup_field = "slug"
    def patch(self, request, slug): ...

class Users(viewsets.ModelViewSet):
    queryset = User.objects.all()
    lookup_field = "username"
    http_method_names = ["get", "post", "patch", "delete", "head"]

    @action(detail=True, methods=["post", "get"], url_path="set-password", url_name="change", permission_classes=[AllowAny])
    def set_password(self, request, username=None): ...

    @set_password.mapping.delete
    def remove_password(self, request, username=None): ...

    @action(detail=False)
    def recent(self, request): ...

class Groups(mixins.CreateModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet):
    queryset = Group.objects.all()
    lookup_url_kwarg = "group"
    def destroy(self, request, group): ...
    @action(detail=True, url_path=r"members/(?P<member>[^/.]+)")
    def member(self, request, group, member): ...

class Session(viewsets.ViewSet):
    permission_classes = [IsAdminUser]
    def list(self, request): ...
    def partial_update(self, request, pk=None): ...

router = routers.DefaultRouter()
router.register("users", Users)
router.register(r"groups", Groups, basename="team")
plain = routers.SimpleRouter(trailing_slash=False)
plain.register(prefix="sessions", viewset=Session, basename="session")
inner = nested.NestedSimpleRouter(router, r"users", lookup="user")
inner.register("groups", Groups, basename="user-groups")
deep = nested.NestedSimpleRouter(inner, "groups", lookup="group")
deep.register("sessions", Session, basename="deep")

api_urls = [
    path("things/", Things.as_view(), name="things"),
    path("things/<slug:slug>/", Thing.as_view(), name="thing"),
    path("one/", Users.as_view({"get": "list", "post": "create"}), name="one"),
    path("nested/", include(inner.urls)),
    path("deep/", include(deep.urls)),
]
api_urls += plain.urls
"""


def test_a_site_of_many_files_has_the_routes_that_django_resolves(tmp_path: Path) -> None:
    for path, code in files_of(textwrap.dedent(SITE)).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(code)
    (tmp_path / "pyproject.toml").touch()
    running = said(environment("django-routes", PINS), RESOLVED, cwd=tmp_path)
    routes = [it for it in catalogue(project_of(tmp_path)).routes if it.framework == "django"]
    expected = resolved(running, ("house", "shop"))
    expected["/lambda/", "lambda"] = ([], "")  # it has no name to be told by
    assert rows(routes, ("house", "shop")) == expected
    order = list(dict.fromkeys((shown(it.path), it.name) for it in routes))
    assert order == list(dict.fromkeys((it[0], it[3]) for it in running))
