"""A GET request changes something.

Why: GET and HEAD are safe by definition: crawlers, link previews, prefetching browsers, proxies and retrying clients send them
unasked and more than once. What a GET handler writes, it writes for all of these.
Instead: take a POST (or PUT, PATCH, DELETE) for what changes state, and let GET read.

    @router.post("/orders/{order_id}/cancel", status_code=202)
    async def cancel(order_id: int, user: CurrentUser) -> OrderOut: ...

Consequences: an order is cancelled by a link preview; a cache answers and nothing is written at all.
Trade-offs: links in mails must be GET; let them show a page whose button posts.
Tests: send the request twice and assert that the second changes nothing.
Security: protection against forged requests leaves GET out, so an image tag on any page can send it with the user's cookies.
Source: RFC 9110 section 9.2.1, Safe Methods
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.operations import routes_of, spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.summaries import Effect, described, effects
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, ProjectHit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A1", "A3"],
    cwe=650,
    bad=[
        Bad("""
-- blog/views.py --
from django.contrib.auth.decorators import login_required
from django.shortcuts import get_object_or_404, redirect
from blog.models import Post

@login_required
[|def delete_post(request, pk):|]
    post = get_object_or_404(Post, pk=pk, author=request.user)
    post.delete()
    return redirect("blog:index")
-- blog/urls.py --
from django.urls import path
from blog import views

urlpatterns = [path("posts/<int:pk>/delete/", views.delete_post)]
"""),
        Bad("""
-- app/routes.py --
from fastapi import APIRouter
from sqlalchemy.orm import Session
from app.orders import cancel_order

router = APIRouter()

@[|router.get("/orders/{order_id}/cancel")|]
def cancel(order_id: int, session: Session):
    cancel_order(session, order_id)
-- app/orders.py --
from sqlalchemy.orm import Session

def cancel_order(session: Session, order_id: int):
    order = session.get(Order, order_id)
    order.status = "cancelled"
    session.commit()
"""),
        Bad(
            """

from django.views.decorators.http import require_GET
from shop.models import Parcel

@[|require_GET|]
def hide(request, pk):
    parcel = Parcel.objects.get(pk=pk)
    parcel.hidden = True
    parcel.save()
""",
        ),
        Bad("""
from django.contrib.auth.decorators import login_required
from shop.models import Order

@login_required
def cancel(request):
    order = Order.objects.get(pk=request.GET["order"], owner=request.user)
    [|order.delete()|]
"""),
    ],
    good=[
        """
-- blog/views.py --
from django.views.decorators.http import require_POST
from blog.models import Post

@require_POST
def delete_post(request, pk):
    Post.objects.get(pk=pk).delete()

def asked(request, pk):
    if request.method == "POST":
        Post.objects.get(pk=pk).delete()
-- blog/urls.py --
from django.urls import path
from blog import views

urlpatterns = [path("posts/<int:pk>/delete/", views.delete_post), path("posts/<int:pk>/", views.asked)]
""",
        """
from fastapi import APIRouter
from sqlalchemy.orm import Session

router = APIRouter()

@router.post("/orders/{order_id}/cancel")
def cancel(order_id: int, session: Session):
    session.commit()

@router.get("/orders")
def orders(session: Session):
    return session.query(Order).all()

@router.get("/auth/callback")
def callback(session: Session):
    session.commit()

@router.get("/teams")
def teams(session: Session):
    rows = session.query(Team).all()
    session.commit()
    session.close()
    return rows

@router.get("/settings")
def settings(session: Session):
    return first(session) or defaults(session)

def first(session: Session):
    return session.query(Settings).first()

def defaults(session: Session):
    row = Settings()
    session.add(row)
    session.commit()
    return row
""",
        """
from django.views.decorators.http import require_POST
from shop.models import Order

@require_POST
def cancel(request):
    order = Order.objects.get(pk=request.GET["order"], owner=request.user)
    order.delete()

def shown(request):
    order = Order.objects.get(pk=request.GET["order"], owner=request.user)
    if request.method == "POST":
        order.delete()
    return order
""",
    ],
)

_SAVES = ("save", "delete")
_KINDS = ("commit", "db-write", "mail", "queue")
_WORDS = {
    "commit": "commits",
    "db-write": "writes to the database",
    "mail": "sends mail",
    "queue": "sends a message",
}
_LINKS = regex(
    r"callback|oauth|sso|saml|log_?(in|out)|sign_?(in|out)|verify|verification|confirm|activate|unsubscribe|track|redirect|health"
    r"|authori[sz]e|token|session|invite|accept|webhook|cron|download|export|init|setup|sync|refresh|ping|heartbeat|metrics",
    re.IGNORECASE,
)
"""Paths and handlers that answer links by their nature, or that keep a record of having been asked."""
_STEPS = 3
"""How many calls away the change may be; what is further mostly is a record of the request."""
_PLUMBING = regex(
    r"execute|process|dispatch|handle|^run|invoke|wrap|commit|connect|session|transaction|begin|get_db|__|query|fetch|read|get_|list_"
    r"|find|load|select"
)
"""Functions that write whatever they do, or make what they are asked for where it is not there yet."""


_SESSION = regex(r"(?:^|\.)(?:get_)?(?:db|\w*session)(?:\(\))?(?:\.session)?\.(?:commit|add|add_all|delete|merge)$")
"""A call of what everyone calls the database, where its class can't be told."""


@rule.check
def find_django(view: View) -> Iterator[Hit]:
    """Views of Django that say they only answer GET, or that answer it like all methods, and save or delete."""
    yield from _any_method(view)
    for function in view.reading.functions:
        said = next(
            (it for it in function.decorator_list if dotted(it).rpartition(".")[2] in ("require_GET", "require_safe")), None
        )
        if said is None and _takes_query_alone(view, function):
            yield from _changes(view, function)
        if said is None or _LINKS.search(function.name):
            continue
        for call in view.reading.within(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.args:
                continue
            if call.func.attr in _SAVES and not dotted(call.func.value).startswith(("request.session", "self.request.session")):
                yield Hit(said, f"`{function.name}` answers GET and changes state by `{_spoken(call.func)}`.")
                break


def _spoken(called: ast.expr) -> str:
    """What is called, in short: `Order.objects...delete` for a chain of calls."""
    begin, _, rest = ast.unparse(called).partition("(")
    return f"{begin}(...).{rest.rpartition('.')[2]}" if rest else begin


_OTHER_METHODS = regex(r"\bPOST\b|\.method\b|require_|http_method|api_view|\.body\b|is_valid\(|csrf_exempt")
_TRACKED = regex(r"log|audit|visit|view|seen|stat|count|event|session|cache|token", re.IGNORECASE)


def _takes_query_alone(view: View, function: Function) -> bool:
    """Whether a view of Django reads the query and never asks which method it was called by."""
    if not function.args.args or function.args.args[0].arg != "request" or _LINKS.search(function.name):
        return False
    text = view.reading.source(function)
    above = " ".join(ast.unparse(it) for it in function.decorator_list)
    return "request.GET" in text and not _OTHER_METHODS.search(text) and not _OTHER_METHODS.search(above)


def _changes(view: View, function: Function) -> Iterator[Hit]:
    """Rows that the query names and the view deletes, or saves."""
    for it in view.reading.within(function):
        row = it.func.value if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and not it.args else None
        if not isinstance(row, ast.Name) or not isinstance(it, ast.Call) or not isinstance(it.func, ast.Attribute):
            continue
        values = [each for each in view.reading.bindings(function).get(row.id, []) if each is not None]
        is_asked = len(values) == 1 and "request.GET" in (said := ast.unparse(values[0])) and "objects" in said
        if is_asked and it.func.attr in _SAVES and not _TRACKED.search(ast.unparse(values[0]).partition("(")[0]):
            yield Hit(
                it, f"`{function.name}` answers GET and changes state by `{dotted(it.func)}`: a link or an image does, too."
            )
            return


def _any_method(view: View) -> Iterator[Hit]:
    """Views of functions that answer every method, never ask which it is, and delete or update by what the address names."""
    for function in view.reading.functions:
        if (
            [it.arg for it in function.args.args[:1]] != ["request"]
            or len(function.args.args) < 2
            or _LINKS.search(function.name)
        ):
            continue
        routes = routes_of(view.project, view.path, view.reading.qualname(function))
        if not routes or any(it.framework != "django" or it.methods or _LINKS.search(it.path) for it in routes):
            continue
        source = " ".join(ast.unparse(it) for it in (*function.decorator_list, *function.body))
        if _ASKS_HOW.search(source):
            continue
        changed = next((it for it in view.reading.within(function) if isinstance(it, ast.Call) and _edits(it)), None)
        if changed is not None:
            yield Hit(
                function, f"`{function.name}` answers GET like every method, and changes state by `{_spoken(changed.func)}`."
            )


_ASKS_HOW = regex(r"request\.(?:method|POST|FILES|body)|require_|Form\b|is_valid|ajax|htmx|token|key\b")


def _edits(call: ast.Call) -> bool:
    """Whether rows are deleted or updated: `row.delete()`, `Model.objects.filter(...).update(...)`."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr == "delete":
        return not call.args and "request" not in ast.unparse(call.func.value).partition(".")[0]
    return call.func.attr == "update" and ".objects." in ast.unparse(call.func.value)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """GET routes whose handler reaches a commit, a write, a mail or a message."""
    told: set[Ref] = set()
    for route in catalogue(project).routes:
        if not route.methods or not route.methods <= {"GET", "HEAD"} or route.handler is None or route.at in told:
            continue
        definition = project.definition(route.handler.path, route.handler.qualname)
        if definition is None or is_script(route.handler.path) or _LINKS.search(f"{route.path} {definition.qualname}"):
            continue
        found = effects(project, route.handler.path, definition)
        is_said = bool(_CHANGES.search(f"{route.path} {definition.qualname.rpartition('.')[2]}"))
        kind = next((it for it in _KINDS if it in found and _tells(found[it], is_said) and not _undone(project, found[it])), None)
        is_change = is_said or _writes(definition)
        if kind == "commit" and len(found[kind].path) == 1 and not is_change:
            kind = None
        if kind is None:
            session = next((it.target for it in definition.calls if _SESSION.search(it.target)), "") if is_change else ""
            if session:
                told.add(route.at)
                name = definition.qualname.rpartition(".")[2]
                yield ProjectHit(route.at, f"`{spoken(route)}` changes state: `{name}` calls `{session}`.")
            continue
        told.add(route.at)
        name = definition.qualname.rpartition(".")[2]
        message = f"`{spoken(route)}` changes state: `{name}` {_WORDS[kind]} by `{found[kind].call}`."
        yield ProjectHit(route.at, message, tuple(described(found[kind], project)))


_CHANGES = regex(
    r"(?<![a-zA-Z])(?:add|set|create|update|delete|remove|cancel|approve|reject|accept|enable|disable|toggle|send|mark|archive|restore|reset|start|stop"
    r"|publish|close|open|join|leave|pay|order|buy|assign|move|copy|clear|purge|run|trigger|retry|vote|like|follow|rename|hide|change|save|submit)(?![a-z])"
)
"""Verbs of a path or a handler that promise a change."""
_RECORD = regex(
    r"log|audit|track|telemetry|analytics|last_?(seen|used|access)|touch|usage|metric|cache|event|record|history|ensure"
)


def _writes(definition: Def) -> bool:
    """Whether a function does more to a session than end its transaction, as many do that have only read."""
    return any(_CHANGED.fullmatch(it.target.rpartition(".")[2]) for it in definition.calls)


_CHANGED = regex(
    r"add|add_all|delete|merge|insert|update|bulk_\w+|save|create|exec|executemany|\w*(?:creat|delet|remov|updat|sav|sett?)\w*"
)


def _tells(effect: Effect, is_said: bool) -> bool:
    """Whether an effect is a change that the route is about: near enough, and neither plumbing nor a record of the request.

    Through further functions only where the route says (`is_said`) that it changes something: a list may settle what it shows.
    """
    if len(effect.path) > 1 and not is_said:
        return False
    names = [ref.qualname.rpartition(".")[2].lower() for ref in effect.path[1:]]
    return len(effect.path) <= _STEPS and not any(_RECORD.search(it) or _PLUMBING.search(it) for it in names)


def _undone(project: Project, effect: Effect) -> bool:
    """Whether a function on the way takes back what it wrote: a preview inside of a transaction that never ends well."""
    rows = (project.definition(it.path, it.qualname) for it in effect.path)
    return any(re.search(r"rolled?_?back", call.target, re.IGNORECASE) for it in rows if it is not None for call in it.calls)
