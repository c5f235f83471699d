"""A route asks nobody who they are, where its neighbours do.

Why: what guards a route is written at each route, and the one where it was forgotten works all the better. Nothing fails, no
test misses it, and whoever guesses the address is in.
Instead: guard the router instead of each route, and open on purpose what must be open.

    router = APIRouter(prefix="/orders", dependencies=[Depends(current_user)])

Consequences: orders are changed by whoever finds the address; what was changed is nobody's.
Trade-offs: a guard on the router is asked for each request; open routes then need a router of their own, which also shows them.
Tests: for every route of the application, assert that a request without credentials is refused, and list the exceptions.
Security: CWE-306. Broken authentication and authorisation are the first two risks of OWASP's list for APIs.
Source: OWASP API Security Top 10 2023, API2 and API5
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.entrances import OPEN, is_guarded
from architect_lsp.knowledge.frameworks.dependencies import decorators
from architect_lsp.knowledge.habits import MIN_NEIGHBOURS, by_router, odd_ones
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, constant, dotted, keyword
from architect_lsp.knowledge.summaries import effects
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, Hit, OpenApiView, ProjectHit, Rule, View

_SHOP = """
from fastapi import APIRouter, Depends, HTTPException, Request

router = APIRouter()

def current_user(request: Request): ...

@router.get("/a")
def a(user=Depends(current_user)): ...

@router.get("/b")
def b(user=Depends(current_user)): ...

@router.post("/c")
def c(user=Depends(current_user)): ...

@router.put("/d")
def d(user=Depends(current_user)): ...

@router.delete("/e")
def e(user=Depends(current_user)): ...
"""

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=306,
    bad=[
        Bad(
            _SHOP
            + """
@[|router.delete("/f/{key}")|]
def f(key: int): ...
"""
        ),
        Bad(
            """

from flask import Blueprint
from shop.users import token_required

parcels = Blueprint("parcels", __name__)

@parcels.get("/parcels")
@token_required
def all_of_them(): ...

@parcels.post("/parcels")
@token_required
def send(): ...

@[|parcels.delete("/parcels/<int:number>")|]
def drop(number): ...
""",
        ),
        Bad("""
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny

@api_view(["DELETE"])
@permission_classes([|[AllowAny]|])
def close(request, key): ...

@api_view(["GET", "POST"])
@permission_classes([AllowAny])
def talk(request): ...
"""),
        Bad("""
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

class DeactivateUser(APIView):
    [|permission_classes = [AllowAny]|]

    def post(self, request, key):
        ...

class ParcelView(APIView):
    [|permission_classes = (AllowAny,)|]

    def patch(self, request, key):
        ...

class Feedback(APIView):
    permission_classes = [AllowAny]

    def post(self, request):
        ...
"""),
        Bad("""
from flask import Flask
from shop.users import login_required
from shop.store import forget

app = Flask(__name__)

@app.get("/users")
@login_required
def users(): ...

@[|app.post("/users/<int:key>/delete")|]
def delete_user(key):
    forget(key)
"""),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /parcels:
    get: {security: [{bearer: []}]}
    post: {security: [{bearer: []}]}
  /parcels/{id}:
    get: {security: [{bearer: []}]}
    put: {security: [{bearer: []}]}
    [|delete|]: {summary: Removes a parcel}
  /labels:
    post: {security: [{bearer: []}]}
  /status:
    get: {}
"""),
    ],
    good=[
        _SHOP
        + """
@router.post("/login")
def login(): ...

@router.get("/public/info")
def info(): ...

@router.get("/kinds")
def kinds():
    return ["a", "b"]

@router.post("/g")
def g(request: Request):
    if request.headers.get("Authorization") is None:
        raise HTTPException(401)
""",
        """
from fastapi import APIRouter

router = APIRouter()

@router.post("/a")
def a(): ...

@router.delete("/b")
def b(): ...
""",
        """

from flask import Blueprint
from shop.users import token_required

parcels = Blueprint("parcels", __name__)

@parcels.post("/parcels/<int:number>")
@token_required
def send(number): ...

@parcels.delete("/parcels/<int:number>")
@token_required
def drop(number): ...

@parcels.get("/parcels/<int:number>/position")
def position(number): ...
""",
        """
-- openapi.yaml --
openapi: 3.0.3
security: [{bearer: []}]
paths:
  /parcels:
    get: {security: [{bearer: []}]}
    post: {security: [{bearer: []}]}
  /parcels/{id}:
    get: {security: [{bearer: []}]}
    put: {security: [{bearer: []}]}
    patch: {security: [{bearer: []}]}
    delete: {summary: Removes a parcel}
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /parcels:
    get: {security: [{bearer: []}]}
    post: {security: [{bearer: []}]}
  /parcels/{id}:
    get: {security: [{bearer: []}]}
    put: {security: [{bearer: []}]}
    patch: {security: [{bearer: []}]}
    delete: {security: [{bearer: []}]}
  /login:
    post: {}
  /feedback:
    post: {security: []}
""",
    ],
)

_FEW = 2
_WRITES = frozenset(("POST", "PUT", "PATCH", "DELETE"))
_CHANGES = _WRITES - {"POST"}
"""Methods for what is somebody's already; what a description opens to all beside them, it mostly means to."""
_POSTS = ("require_POST", "require_http_methods")
_OPENS = ("AllowAny",)


@rule.check
def find_open(view: View) -> Iterator[Hit]:
    """Viewsets that let anyone write, and actions that let anyone do what their viewset keeps for some."""
    for kind in view.reading.each(ast.ClassDef):
        rows = {
            dotted(it.targets[0]): it for it in kind.body if isinstance(it, ast.Assign) and isinstance(it.targets[0], ast.Name)
        }
        said = rows.get("permission_classes")
        is_open = said is not None and _lets_all(said.value)
        if said is not None and is_open and any(dotted(it).rpartition(".")[2] == "ModelViewSet" for it in kind.bases):
            if not _has(view, kind, "get_permissions") and "http_method_names" not in rows and not OPEN.search(kind.name):
                yield Hit(said, f"`{kind.name}` lets anyone create, change and delete, without asking who they are.")
        elif said is not None and is_open and any(dotted(it).rpartition(".")[2] == "APIView" for it in kind.bases):
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.name)
            is_grave = bool(_GRAVE.search(words)) and _has(view, kind, "post")
            changes = _has(view, kind, "put", "patch", "delete") and not OPEN.search(kind.name)
            if (is_grave or changes) and not _has(view, kind, "get_permissions", "check_permissions", "initial"):
                yield Hit(said, f"`{kind.name}` lets anyone change what is stored, without asking who they are.")
    for function in view.reading.functions:
        if OPEN.search(function.name):
            continue
        for it in function.decorator_list:
            name = dotted(it.func).rpartition(".")[2] if isinstance(it, ast.Call) else ""
            is_open = isinstance(it, ast.Call) and name == "permission_classes" and bool(it.args) and _lets_all(it.args[0])
            if isinstance(it, ast.Call) and is_open and _answers_changes(function):
                yield Hit(it.args[0], f"`{function.name}` lets anyone change what is stored, without asking who they are.")
            if isinstance(it, ast.Call) and name == "action":
                permissions, verbs = keyword(it, "permission_classes"), keyword(it, "methods")
                if permissions is not None and verbs is not None and _lets_all(permissions) and _writes(verbs):
                    yield from _opened(view, function, permissions)


def _has(view: View, kind: ast.ClassDef, *names: str) -> bool:
    """Whether a class has one of these methods."""
    owner = view.reading.qualname(kind)
    return any(view.project.definition(view.path, f"{owner}.{it}") is not None for it in names)


def _answers_changes(function: Function) -> bool:
    """Whether a view of a function answers PUT, PATCH or DELETE, which a first visitor has no business with."""
    views = (
        it for it in function.decorator_list if isinstance(it, ast.Call) and dotted(it.func).endswith("api_view") and it.args
    )
    words = {str(constant(each)).upper() for it in views for each in ast.walk(it.args[0]) if isinstance(each, ast.Constant)}
    return bool(words & {"PUT", "PATCH", "DELETE"})


_ASKS_ITSELF = regex(r"has_(?:\w+_)?perm\w*\(|check_(?:\w+_)?permissions?\(|\.is_authenticated\b")


def _opened(view: View, function: Function, permissions: ast.expr) -> Iterator[Hit]:
    """An action that is open to all, in a viewset that asks."""
    if _ASKS_ITSELF.search(view.reading.source(function)):
        return
    kind = view.project.class_(view.path, view.reading.owner(function))
    said = next((it.value for it in kind.fields if it.name == "permission_classes"), None) if kind is not None else None
    if kind is not None and said is not None and not any(it.last in _OPENS for it in said.items):
        yield Hit(permissions, f"`{function.name}` is open to all, where `{kind.qualname}` asks who they are.")


def _lets_all(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple) and all(dotted(it).rpartition(".")[2] in _OPENS for it in node.elts)


def _writes(node: ast.expr) -> bool:
    return any(str(constant(it)).upper() in _WRITES for it in ast.walk(node) if isinstance(it, ast.Constant))


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Routes without a guard in a router where nine of ten have one."""
    routers = {name: [it for it in routes if "WEBSOCKET" not in it.methods] for name, routes in by_router(project).items()}
    routers.update((name, list(routes)) for name, routes in _views(project))
    rows = list(odd_ones(routers, lambda route: is_guarded(project, route), _FEW))
    n_odd = Counter(it.group for it in rows)
    yield from _grave(project, routers, {it.member.at for it in rows})
    for it in rows:
        route, example = it.member, it.example
        if route.handler is None or example.handler is None:
            continue
        if it.n_all <= MIN_NEIGHBOURS and not route.methods & _WRITES:
            continue  # too few to tell a habit by, unless something is changed
        if route.methods <= {"GET", "HEAD"} and (n_odd[it.group] > 1 or not _reads(project, route)):
            continue  # several that may be read by all were meant so
        guard = next((each.name for each in example.dependencies if each.guards), "a guard")
        message = f"`{spoken(route)}` asks nobody who they are; {it.counts} routes of `{it.group}` do, by `{guard}` for one."
        evidence: tuple[tuple[Ref, str], ...] = ((example.at, f"`{example.handler.qualname}` is guarded by `{guard}`"),)
        yield ProjectHit(route.at, message, evidence)


_GRAVE = regex(
    r"(?:^|[/_.])(?:delete|remove|destroy|purge|wipe|promote|demote|grant|revoke|ban|admin|suspend|deactivate|impersonate)(?:$|[/_.\s])",
    re.IGNORECASE,
)
"""What nobody may do without having said who they are, in a path or a handler's name."""


def _grave(project: Project, routers: Mapping[str, Sequence[Route]], told: set[Ref]) -> Iterator[ProjectHit]:
    """The one route of a router that deletes, or is an administrator's, and has no guard, where any other has one."""
    for routes in routers.values():
        judged = [(it, is_guarded(project, it, grave=True)) for it in routes] if 1 < len(routes) <= MIN_NEIGHBOURS else []
        guarded = [it for it, is_guarded in judged if is_guarded]
        bare = [it for it, is_guarded in judged if is_guarded is False]
        if len(bare) != 1 or not guarded or bare[0].at in told or bare[0].handler is None:
            continue
        route, example = bare[0], guarded[0]
        words = f"{route.path} {bare[0].handler.qualname}"
        if "DELETE" in route.methods or (_GRAVE.search(words) and route.methods != frozenset(["GET"])):
            message = f"`{spoken(route)}` asks nobody who they are, where `{spoken(example)}` beside it does."
            yield ProjectHit(route.at, message)


def _views(project: Project) -> Iterator[tuple[str, tuple[Route, ...]]]:
    """The views of each file of Django that no table of addresses of the project names, as routes of their own."""
    routed = {it.handler.path for it in catalogue(project).routes if it.handler is not None}
    for path in project.paths:
        if path in routed or is_test(path) or not any(it.startswith("django.") for _, it in project.imports(path)):
            continue
        found: list[Route] = []
        for it in project.decorated(path):
            if it.parameters[:1] and it.parameters[0][0] == "request" and not it.owner and it.decorators:
                ref = Ref(path, it.qualname, "def")
                writes = any(each.value.last in _POSTS for each in it.decorators)
                guarded = tuple(decorators(project, path, it, frozenset()))
                methods = frozenset(["POST"] if writes else ["GET"])
                found.append(Route(methods, it.qualname, ref, ref, framework="django", dependencies=guarded))
        yield path, tuple(found)


def _reads(project: Project, route: Route) -> bool:
    """Whether a route tells more than what stands in its code: it asks a database, a service, a file."""
    definition = project.definition(route.handler.path, route.handler.qualname) if route.handler is not None else None
    return definition is not None and route.handler is not None and bool(effects(project, route.handler.path, definition))


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Operations that change something and say of no guard, where nine of ten say of one."""
    rows = [it for it in view.api.operations if not OPEN.search(f"{it.path} {it.node['operationId'].text}")]
    for it in odd_ones({"": rows}, lambda each: None if each.security == () else each.security is not None):
        if it.member.method in _CHANGES:
            message = (
                f"`{it.member.spoken}` asks nobody who they are; {it.counts} operations here do, `{it.example.spoken}` for one."
            )
            yield FileHit(it.member.at, message, symbol=it.member.spoken)
