"""A signed-in user reaches the things of all others.

Why: the route asks who the user is, then loads a thing by the number in the path, and never compares the two. Numbers can be
counted: whoever has an account reads and changes what belongs to everyone.
Instead: look the thing up among those of the user, so that no comparison can be forgotten.

    order = session.scalar(select(Order).where(Order.id == number, Order.owner_id == user.id))
    if order is None:
        raise HTTPException(status_code=404)

Consequences: the most common hole of APIs; nothing fails, and logs show well-formed requests of a signed-in user.
Trade-offs: what all may see needs no such check; say so by a guard on the router in place of an unread parameter.
Tests: for each route with a number, ask for the thing of another user and expect 404.
Security: CWE-639.
Source: OWASP API Security Top 10 2023, API1
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import ClassDef
from architect_lsp.knowledge.frameworks.dependencies import guarding
from architect_lsp.knowledge.loads import loaded, unnarrowed
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.operations import parameters, routes_of
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_MODELS = """
-- shop/db.py --
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase): ...

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int]

class Currency(Base):
    __tablename__ = "currencies"
    id: Mapped[int] = mapped_column(primary_key=True)
"""

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=639,
    needs=[
        "object_or_404",
        "objects.get(",
        "def get_queryset",
        "LoginRequiredMixin",
        "Depends",
        "login_required",
        "current_user",
        "IsAuthenticated",
        "jwt_required",
        "Annotated",
    ],
    bad=[
        Bad("""
from rest_framework import permissions, viewsets
from shop.models import Card
from shop.serializers import CardSerializer

class CardViewSet(viewsets.ModelViewSet):
    serializer_class = CardSerializer
    permission_classes = [permissions.IsAuthenticated]
    [|queryset = Card.objects.all()|]

    def perform_create(self, serializer):
        serializer.save(user=self.request.user)
"""),
        Bad("""
from rest_framework import permissions, viewsets
from shop.models import Card
from shop.serializers import CardSerializer

class CardViewSet(viewsets.ModelViewSet):
    serializer_class = CardSerializer
    permission_classes = [permissions.IsAuthenticated]

    def get_queryset(self):
        return [|Card.objects.order_by("id")|]

    def perform_create(self, serializer):
        serializer.save(user=self.request.user)
"""),
        Bad("""
from flask import Blueprint, abort, jsonify
from flask_login import login_required
from bank.models import Statement

pages = Blueprint("statements", __name__)

@pages.get("/statements/<int:number>")
@login_required
def statement(number):
    found = [|Statement.query.get(number)|]
    return jsonify(month=found.month) if found else abort(404)
"""),
        Bad(
            _MODELS
            + """
-- shop/orders.py --
from fastapi import APIRouter, Depends
from shop.db import Order
from shop.users import current_user

router = APIRouter()

@router.delete("/orders/{number}")
def remove(number: int, session, user=Depends(current_user)):
    order = [|session.get(Order, number)|]
    session.delete(order)
"""
        ),
        Bad(
            """
-- shop/models.py --
from django.conf import settings
from django.db import models

class Parcel(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    street = models.CharField(max_length=80)
-- shop/views.py --
from django.contrib.auth.decorators import login_required
from django.shortcuts import get_object_or_404, render
from shop.models import Parcel

@login_required
def parcel(request, pk):
    return render(request, "parcel.html", {"parcel": [|get_object_or_404(Parcel, pk=pk)|]})
"""
        ),
    ],
    good=[
        _MODELS
        + """
-- shop/orders.py --
from fastapi import APIRouter, Depends
from shop.db import Currency, Order
from shop.users import current_admin, current_user

router = APIRouter()

@router.get("/orders/{number}")
def read(number: int, session, user=Depends(current_user)):
    order = session.get(Order, number)
    return order if order.owner_id == user.id else None

@router.get("/currencies/{number}")
def currency(number: int, session, user=Depends(current_user)):
    return session.get(Currency, number)

@router.get("/all/{number}")
def any_order(number: int, session, admin=Depends(current_admin)):
    return session.get(Order, number)
""",
        """
-- shop/models.py --
from django.conf import settings
from django.db import models

class Parcel(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
-- shop/views.py --
from django.contrib.auth.decorators import login_required, permission_required
from django.shortcuts import get_object_or_404, render
from shop.models import Parcel

@login_required
def parcel(request, pk):
    return render(request, "parcel.html", {"parcel": get_object_or_404(Parcel, pk=pk, owner=request.user)})

@login_required
@permission_required("shop.view_parcel")
def any_parcel(request, pk):
    return render(request, "parcel.html", {"parcel": get_object_or_404(Parcel, pk=pk)})
""",
    ],
)

_OWNER = regex(r"(?:owner|user|author|creator|created_by|customer|account|member|tenant|patient|employee|client|sender)(?:_id)?")
_PRIVILEGED = regex(r"admin|super|staff|role|perm|scope|polic|can_|allowed|owner|member|access", re.IGNORECASE)
_USER = regex(r"(?:current_?|auth_?|logged_in_?)?(?:user|account|customer|principal|identity)")
_SIGNED_IN = frozenset(("login_required", "jwt_required", "token_required", "auth_required", "authenticated"))
_SHARED = regex(
    r"product|categor|item|tag|post|article|page|plan|countr|currenc|event|course|book|film|movie|city|topic|team|group|project|user"
    r"|role|setting|job|task|run|model|agent|flow|tool|node|template|file|image|media|device",
    re.IGNORECASE,
)
"""Names of what may well be for all."""
_MODULE_OF_MODELS = regex(r"^(?:\w+\.)*models\.")


_GENERIC = frozenset(
    ("UpdateView", "DetailView", "DeleteView", "RetrieveAPIView", "UpdateAPIView", "DestroyAPIView", "ModelViewSet")
) | {
    "RetrieveUpdateAPIView",
    "RetrieveUpdateDestroyAPIView",
    "RetrieveDestroyAPIView",
}
_OWN_CHECKS = frozenset(
    ("get_queryset", "get_object", "test_func", "dispatch", "has_permission", "check_object_permissions", "filter_queryset")
)


def _classes(view: View) -> Iterator[Hit]:
    """Views of Django and its REST framework that load by the key alone, for everyone who is signed in."""
    for kind in view.reading.each(ast.ClassDef):
        bases = {dotted(it).rpartition(".")[2] for it in kind.bases}
        rows = {it.targets[0].id: it for it in kind.body if isinstance(it, ast.Assign) and isinstance(it.targets[0], ast.Name)}
        permissions = rows.get("permission_classes")
        signed_in = "LoginRequiredMixin" in bases
        if permissions is not None and isinstance(permissions.value, ast.List | ast.Tuple):
            signed_in = [dotted(it).rpartition(".")[2] for it in permissions.value.elts] == ["IsAuthenticated"]
        if not signed_in or bases - _GENERIC - {"LoginRequiredMixin"}:
            continue
        name = view.reading.qualname(kind)
        if any(view.project.definition(view.path, f"{name}.{it}") is not None for it in _OWN_CHECKS):
            continue
        if _PRIVILEGED.search(kind.name) or "permission" in " ".join(rows).replace("permission_classes", ""):
            continue
        at = rows.get("queryset") or rows.get("model")
        if bases & _GENERIC and at is not None and "filter_backends" not in rows:
            model = unnarrowed(at.value)
            if isinstance(model, ast.Name) and (_has_owner(view, model) or _gives_owner(view, name)):
                yield Hit(at, _TOLD.format(kind.name, dotted(model)))


_TOLD = "`{}` gives any `{}` to everyone who is signed in: narrow it to those of the user."


def _given_whole(view: View, function: Function) -> Iterator[Hit]:
    """What such a view gives by a `get_queryset` that narrows it to nothing, though it knows whose each is."""
    value = function.body[0].value if len(function.body) == 1 and isinstance(function.body[0], ast.Return) else None
    kind = view.project.class_(view.path, view.reading.owner(function))
    model = unnarrowed(value) if isinstance(value, ast.Call) else None
    if value is None or kind is None or not isinstance(model, ast.Name) or _PRIVILEGED.search(kind.qualname):
        return
    bases = {it.rpartition(".")[2] for it in kind.bases}
    said = {it.name for it in kind.fields}
    others = _OWN_CHECKS - {"get_queryset"}
    if not bases & _GENERIC or bases - _GENERIC - {"LoginRequiredMixin"} or "filter_backends" in said:
        return
    if any(view.project.definition(view.path, f"{kind.qualname}.{it}") is not None for it in others):
        return
    if _signed_in(kind) and _gives_owner(view, kind.qualname):
        yield Hit(value, _TOLD.format(kind.qualname, dotted(model)))


def _gives_owner(view: View, name: str) -> bool:
    """Whether the view itself makes who asks the owner of what it stores: `serializer.save(user=self.request.user)`."""
    made = view.project.definition(view.path, f"{name}.perform_create")
    return made is not None and made.asks and any(it.target.endswith(".save") for it in made.calls)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers that load a thing with an owner by the number in the path, and never look at the user they asked for."""
    yield from _classes(view)
    for function in view.reading.functions:
        if function.name == "get_queryset":
            yield from _given_whole(view, function)
        keys = _keys(view, function)
        if not keys or not _is_for_users(view, function):
            continue
        for call in view.reading.within(function):
            if isinstance(call, ast.Call):
                model = loaded(call, keys)
                if model is not None and _has_owner(view, model):
                    message = f"`{function.name}` loads any `{dotted(model)}` by its number, and never looks at who asks."
                    yield Hit(call, message)
                    break


def _keys(view: View, function: Function) -> set[str]:
    """The parameters that the path's parts fill."""
    routes = routes_of(view.project, view.path, view.reading.qualname(function)) if function.decorator_list else ()
    arguments = [it.arg for it in (*function.args.args, *function.args.kwonlyargs)]
    named = {name for it in routes for name in parameters(it.path)} & {*arguments}
    owner = view.reading.owner(function)
    if owner and arguments[:2] == ["self", "request"] and function.name in ("get", "put", "patch", "delete", "post"):
        arguments = arguments[1:]
        owner = ""
    if not named and arguments[:1] == ["request"] and not owner:  # a view, addressed elsewhere
        named = {it for it in arguments[1:] if re.search(r"(?:^|_)(?:id|pk|uuid|number|slug)$", it)}
    return named


def _is_for_users(view: View, function: Function) -> bool:
    """Whether signing in is all that is asked, and what is known of the user is not looked at."""
    names = [dotted(it.func if isinstance(it, ast.Call) else it) for it in function.decorator_list]
    if any(_PRIVILEGED.search(it.rpartition(".")[2]) for it in names) or _PRIVILEGED.search(view.reading.qualname(function)):
        return False
    users = _injected(function)
    if users is None:
        return False
    if not users and not any(it.rpartition(".")[2] in _SIGNED_IN for it in names) and not _in_class(view, function):
        return False
    for node in view.reading.within(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not _stands_in_head(node, function):
            if node.id in users or node.id == "g" or _USER.fullmatch(node.id):
                return False
            if node.id == "session" and isinstance(view.reading.parent(node), ast.Subscript):  # a visitor's, not a database's
                return False
        if isinstance(node, ast.Attribute) and (node.attr == "user" or "permission" in node.attr or node.attr == "auth"):
            return False
        if isinstance(node, ast.Call) and re.search(
            r"identity|current_user|permission|authori|check_|ensure|require", dotted(node.func)
        ):
            return False
    return True


def _in_class(view: View, function: Function) -> bool:
    """Whether the function's class asks for a signed-in user and for nothing else."""
    kind = view.project.class_(view.path, view.reading.owner(function))
    return kind is not None and _signed_in(kind)


def _signed_in(kind: ClassDef) -> bool:
    said = next((it.value for it in kind.fields if it.name == "permission_classes"), None)
    if said is not None:
        return [it.last for it in said.items] == ["IsAuthenticated"]
    return any(it.rpartition(".")[2] == "LoginRequiredMixin" for it in kind.bases)


def _stands_in_head(node: ast.Name, function: Function) -> bool:
    """Whether a name stands in the decorators or the signature."""
    return node.lineno < function.body[0].lineno


def _injected(function: Function) -> set[str] | None:
    """The parameters that a guard fills; None where one of them asks for more than a user, or others may."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*([None] * (len(positional) - len(arguments.defaults))), *arguments.defaults]
    found: set[str] = set()
    for it, default in (*zip(positional, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)):
        said = ast.unparse(default) if default is not None else ast.unparse(it.annotation) if it.annotation is not None else ""
        if "Depends" not in said and "Security" not in said and not guarding(said.rpartition("[")[2]):
            continue
        if _PRIVILEGED.search(f"{it.arg} {said}"):
            return None
        if _USER.fullmatch(it.arg.lstrip("_")):
            found.add(it.arg)
    return found


def _has_owner(view: View, node: ast.expr) -> bool:
    """Whether rows of a model belong to someone: by its columns, or where it is not at hand, by its name."""
    found = view.symbol(node)
    if isinstance(found, ClassSymbol):
        model = view.project.of_all("models by class", _models).get((found.path, found.facts.qualname))
        names = [*(it.name for it in model.columns), *(it.name for it in model.relations)] if model is not None else []
        return any(_OWNER.fullmatch(it) for it in names)
    name = dotted(node)
    target = view.project.imported(view.path, name.partition(".")[0])
    return (
        (target.startswith(".") or _MODULE_OF_MODELS.search(target) is not None)
        and name.rpartition(".")[2][:1].isupper()
        and not _SHARED.search(name)
    )


def _models(project: Project) -> dict[tuple[str, str], OrmModel]:
    return {(it.ref.path, it.ref.qualname): it for it in catalogue(project).models}
