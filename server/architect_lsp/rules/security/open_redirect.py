"""A value from outside decides where the user is sent.

Why: a link to your own site lands on someone else's, which then asks for the password again; codes and tokens in the URL travel
along.
Instead: send users to paths of your own, by name, or check that the target is one.

    def after_login(request: HttpRequest) -> HttpResponse:
        target = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=True):
            target = reverse("home")
        return redirect(target)

Trade-offs: a check of the first character is not enough: `//host` and `/\\host` lead away too.
Tests: `https://evil.example`, `//evil.example`, `/\\evil.example` and `javascript:alert(1)` all end at the home page.
Security: phishing from a trusted address; stolen codes of OAuth.
Observability: count refused targets.
Source: CWE-601; https://cheatsheetseries.owasp.org/cheatsheets/Unvalidated_Redirects_and_Forwards_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.answers import number
from architect_lsp.knowledge.exposures import Exposure
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.knowledge.sources import is_terminal
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=601,
    bad=[
        Bad("""
from flask import redirect, request, url_for

def login():
    return redirect([|request.args.get("next") or url_for("home")|])
"""),
        Bad("""
from flask import redirect
from flask_wtf import FlaskForm
from wtforms import HiddenField

class LoginForm(FlaskForm):
    next_url = HiddenField()

def login():
    form = LoginForm()
    if form.validate_on_submit():
        return redirect([|form.next_url.data or "/"|])
"""),
        Bad("""
from django.http import HttpResponseRedirect

def leave(request):
    target = request.GET["to"]
    return HttpResponseRedirect([|target|])
"""),
        Bad("""
from fastapi import APIRouter
from fastapi.responses import RedirectResponse

router = APIRouter()

@router.get("/out")
def out(host: str):
    return RedirectResponse([|f"https://{host}/welcome"|])
"""),
        Bad("""
from flask import redirect, request

def leave():
    if is_known(request.args.get("from")):
        return redirect([|request.args.get("next")|])
    return "", 404
"""),
        Bad("""
from flask import redirect, request

def login():
    target = request.args.get("next", "/")
    if target.startswith("/"):
        return redirect([|target|])
    return redirect("/")
"""),
        Bad("""
from django.contrib.auth import login
from django.http import HttpResponseRedirect

def wanted(request, default="/"):
    target = request.POST.get("next") or request.GET.get("next")
    return target or default

def enter(request):
    login(request, user_of(request))
    return HttpResponseRedirect([|wanted(request)|])
"""),
        Bad("""
from flask import Response, request

def leave():
    answer = Response(status=302)
    answer.headers["Location"] = [|request.args["to"]|]
    return answer
"""),
    ],
    good=[
        """
from django.http import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

class Accept:
    def post(self, request):
        if "next" in request.GET and url_has_allowed_host_and_scheme(request.GET.get("next"), allowed_hosts=None):
            return HttpResponseRedirect(request.GET.get("next"))
        return HttpResponseRedirect("/")
""",
        """
from urllib.parse import urlparse
from flask import abort, redirect, request, url_for

def login():
    target = request.args.get("next", "")
    if urlparse(target).netloc != "shop.example.com":
        abort(400)
    return redirect(target)

def go():
    redirect(url_for("show", name=request.args["name"]))
    redirect("/users/" + request.args["name"])
    redirect(f"https://shop.example.com/{request.args['name']}")
    return redirect(request.path)
""",
        """
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

def after(request):
    target = request.POST.get("next")
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return redirect(target)
    return redirect("home")

def login(request):
    target = request.GET.get("next")
    if not target or not url_has_allowed_host_and_scheme(url=target, allowed_hosts=request.get_host()):
        if request.user.is_staff:
            target = "/admin"
        else:
            target = "/"
    return redirect(target)

def wanted(request, default="/"):
    target = request.POST.get("next")
    if target and url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return target
    return default

def enter(request):
    return redirect(wanted(request))

def leave(request, default):
    return redirect(default)

def added(request, shop: Shop):
    return redirect(shop)

def checked(request):
    target = request.GET.get("next")
    is_safe = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    target = target if is_safe else ""
    return redirect(target)
""",
        """
from urllib.parse import urljoin, urlparse
from flask import redirect, request

def login():
    target = request.args.get("next", "/")
    if not target.startswith("/") or target.startswith("//"):
        target = "/"
    return redirect(target)

def after():
    target = request.args.get("next", "/")
    address = urlparse(urljoin(request.host_url, target))
    if address.netloc != urlparse(request.host_url).netloc:
        return redirect("/")
    return redirect(target)
""",
        """
from flask import Response, request, url_for

def leave():
    answer = Response(status=302)
    answer.headers["Location"] = url_for("page", name=request.args["to"])
    made = make_response("", 201)
    made.headers["Location"] = request.args["to"]
    return answer
""",
        """
from django.http import HttpResponsePermanentRedirect, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic import UpdateView

class Change(UpdateView):
    def get_success_url(self):
        if "next" in self.request.GET and url_has_allowed_host_and_scheme(self.request.GET.get("next"), allowed_hosts=None):
            return self.request.GET.get("next")
        return reverse("settings")

    def post(self, request):
        return HttpResponseRedirect(self.get_success_url())

def moved(request, path):
    query = request.META["QUERY_STRING"]
    if query:
        query = f"?{query}"
    place = reverse("show", kwargs={"path": path})
    return HttpResponsePermanentRedirect(f"{place}{query}")
""",
        """
from urllib.parse import quote
from flask import current_app, redirect, request, url_for

def built(base, path):
    return f"{base}/{path}" if base else path

def moved():
    return redirect(built(current_app.config["BASE"], quote(request.args["path"].lstrip("/"))))

def back():
    return redirect(request.environ["HTTP_REFERER"])

def known(target, prefix):
    target = target or url_for("home")
    adapter = current_app.url_map.bind("localhost")
    if not len(adapter.allowed_methods(remove_prefix(target, prefix))):
        target = url_for("home")
    return target

def login():
    return redirect(known(request.form.get("next"), request.environ.get("HTTP_X_SCRIPT_NAME", "")))
""",
        """
from fastapi import APIRouter
from fastapi.responses import JSONResponse, RedirectResponse
from shop.clients import known

router = APIRouter()

def rejected(client_id, redirect_uri):
    if redirect_uri not in known(client_id).addresses:
        return JSONResponse({"error": "invalid_request"}, 400)
    return None

@router.get("/authorize")
def authorize(client_id: str, redirect_uri: str):
    refusal = rejected(client_id, redirect_uri)
    if refusal is not None:
        return refusal
    return RedirectResponse(redirect_uri, status_code=303)
""",
    ],
)

_OWN = regex(
    r"\.(?:path|full_path|url|base_url|url_root|build_absolute_uri|get_full_path|get_raw_uri|referrer|get_host|host|rel_url|path_qs)(?:\.\w+)?(?:\(\))?$"
)
"""What tells of the request's own address, or of the page the user comes from."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Redirects whose target someone outside decides."""
    yield from _headers(view)
    for it in view.exposures("redirect"):
        if not _OWN.search(it.origin.name) and not _is_back(view, it):
            yield Hit(
                it.argument,
                f"`{it.source}` decides where `{it.used_by}` sends the user, other sites too; check its host.",
                (),
                it.steps,
            )


def _headers(view: View) -> Iterator[Hit]:
    """Answers whose `Location` someone outside decides."""
    for node in view.reading.each(ast.Assign):
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and str(constant(target.slice)).lower() == "location" and not _is_made(view, target):
            origin = view.untrusted(node.value, "redirect")
            if origin is not None and not is_terminal(origin) and not _OWN.search(origin.name):
                yield Hit(node.value, f"`{origin.name}` decides where this answer leads, other sites too; check its host.")


def _is_made(view: View, target: ast.Subscript) -> bool:
    """Whether the answer says where something was made (201), which no browser follows."""
    name = dotted(target.value).partition(".")[0]
    values = view.reading.bindings(view.reading.function(target)).get(name, [])
    return any(
        number(node) in (200, 201, 202) for it in values if it is not None for node in ast.walk(it) if isinstance(node, ast.expr)
    )


def _is_back(view: View, exposure: Exposure) -> bool:
    """Whether the target is the page that the user comes from, as the browser says."""
    if not re.search(r"\.(?:META|headers|environ)\b", exposure.origin.name):
        return False
    up = next((it for it in view.reading.ancestors(exposure.origin.node) if isinstance(it, ast.stmt)), exposure.argument)
    return bool(re.search(r"referr?er|host|origin", ast.unparse(up), re.IGNORECASE))
