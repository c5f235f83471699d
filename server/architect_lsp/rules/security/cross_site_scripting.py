"""A value from outside is put into a page as markup.

Why: `<script>` in the value runs in the browser of whoever opens the page, as that user. `mark_safe`, `Markup` and a string built
by hand switch off the escaping that templates do.
Instead: hand the value to a template, or let `format_html` escape it.

    @app.get("/hello")
    def hello():
        try:
            return render_template("hello.html", name=request.args["name"])
        except KeyError:
            abort(400)

Consequences: every place that builds markup must remember to escape.
Trade-offs: text that may hold some markup goes through a cleaner with a list of allowed tags (nh3), when it is shown.
Tests: send `<img src=x onerror=alert(1)>` and assert that the answer holds `&lt;img`.
Security: acting as the user who looks; reading what they see.
Observability: a Content-Security-Policy with reports shows what got through.
Source: CWE-79; https://cheatsheetseries.owasp.org/cheatsheets/Cross_Site_Scripting_Prevention_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.exposures import Exposure, is_untrusted
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.formatting import ways
from architect_lsp.knowledge.origins import Origin, is_own
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.sources import is_request, is_terminal
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=79,
    equivalents=["S308", "S704", "B703", "B704"],
    bad=[
        Bad("""
from flask import Flask, request

app = Flask(__name__)

@app.route("/hello")
def hello():
    page = "<p>Hello "
    page += request.args.get("name", "")
    return [|page|]
"""),
        Bad("""
from django.utils.safestring import mark_safe

def banner(request):
    return mark_safe([|"<b>%s</b>" % request.GET["text"]|])
"""),
        Bad("""
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter()

@router.get("/page")
def page(title: str):
    return HTMLResponse([|f"<h1>{title}</h1>"|])
"""),
        Bad("""
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

app = FastAPI()

@app.get("/hello", response_class=HTMLResponse)
def hello(name: str):
    return [|"<h1>Hello " + name + "</h1>"|]

@app.get("/data")
def data(name: str):
    return "<h1>Hello " + name + "</h1>"
"""),
        Bad(
            """
from django import template
from django.utils.safestring import mark_safe

register = template.Library()

@register.simple_tag
def price(amount, currency):
    return mark_safe([|f"<b>{amount}</b> {currency}"|])
""",
        ),
        Bad("""
def handler(event, context):
    name = event["queryStringParameters"]["name"]
    return {"statusCode": 200, "headers": {"Content-Type": "text/html"}, "body": [|"<h1>" + name + "</h1>"|]}
"""),
        Bad("""
from flask import make_response, request

def hello():
    answer = make_response([|"<p>" + request.args["name"] + "</p>"|])
    answer.headers["X-Frame-Options"] = "DENY"
    return answer
"""),
        Bad("""
import falcon
from pyramid.response import Response
from pyramid.view import view_config

class Page:
    def on_get(self, req, resp):
        resp.content_type = falcon.MEDIA_HTML
        resp.text = [|"<h1>" + req.get_param("title") + "</h1>"|]

@view_config(route_name="hello")
def hello(request):
    return Response([|"<p>Hello %s</p>" % request.params["name"]|])
"""),
    ],
    good=[
        """
-- shop/messages.py --
from markupsafe import Markup, escape

def flash(message, allow_html=False):
    if allow_html:
        return Markup(message)
    save(Markup(request.args["plain"]).unescape())
    return escape(message)
-- shop/views.py --
from flask import request
from shop.messages import flash

def show():
    flash(request.args["name"])
""",
        """
from django.urls import reverse
from django.utils.safestring import mark_safe

def footer(request):
    return mark_safe('<a href="{}">source</a>'.format(request.build_absolute_uri(reverse("source"))))
""",
        """
import html
from flask import Flask, jsonify, make_response, render_template, request
from markupsafe import escape

app = Flask(__name__)

@app.route("/hello")
def hello():
    name = request.args.get("name", "")
    make_response({"name": name})
    make_response(jsonify(name=name))
    return f"<p>Hello {escape(name)} {html.escape(name)}</p>"

@app.route("/data")
def data(error=None):
    return error if error else {"name": "none"}

@app.route("/text")
def text():
    answer = make_response(request.args["name"])
    answer.mimetype = "text/plain"
    return answer

@app.route("/page/<int:number>")
def page(number):
    if number > 9:
        return f"<p>no page {number}</p>", 404
    return render_template("page.html", number=number, name=request.args["name"])
""",
        """
from django.http import HttpResponse
from django.utils.html import format_html

def banner(request):
    HttpResponse(request.GET["text"], content_type="text/plain")
    return HttpResponse(format_html("<b>{}</b>", request.GET["text"]))
""",
        """
from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import mark_safe

register = template.Library()

@register.simple_tag
def price(amount, currency):
    return format_html("<b>{}</b> {}", amount, currency)

@register.filter
def strong(value):
    return mark_safe("<strong>" + escape(value) + "</strong>")

def described(text, to_markup=None):
    if to_markup:
        text = to_markup(text)
    else:
        text = escape(text).replace("\n", "<br />")
        text = "<p>" + text + "</p>"
    return mark_safe(text)

def wrapped(rendered_html, field, **kwargs):
    return mark_safe(f"<div id={kwargs['id']}>{rendered_html} {field}</div>")
""",
        """
def handler(event, context):
    name = event["queryStringParameters"]["name"]
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": name}
""",
        """
import falcon
import html
from pyramid.response import Response

class Page:
    def on_get(self, req, resp):
        resp.content_type = falcon.MEDIA_HTML
        resp.text = "<h1>" + html.escape(req.get_param("title")) + "</h1>"

class Plain:
    def on_get(self, req, resp):
        resp.text = req.get_param("title")

def hello(request):
    return Response(request.params["name"], content_type="text/plain")
""",
    ],
)

_FLASKS = ("flask", "quart", "bottle")
_ROUTES = ("route", "get", "post", "put", "delete", "patch")
_PARSED = regex(r"\.(?:json|get_json|files|FILES|data|stream)(?:\(\))?$|\.(?:read|iter_content)\(\)$")
"""What is no text of a form or a query: data that is sent back as data."""
_FALCON = regex(r"content_type\s*=\s*(?:falcon\.)?(?:MEDIA_HTML|[\"']text/html)")
"""By which a response is said to be a page."""
_RESPONSES = ("resp", "response", "res")
_DECLARES = ("mark_safe", "SafeString", "SafeText", "Markup")
_SAFE = ("django.utils.safestring.mark_safe", "django.utils.safestring.SafeString", "markupsafe.Markup", "flask.Markup")
_MARKUP = regex(
    r"^(?:sub)?field\b|^kwargs\b|html|markup|safe|svg|icon|attr|class|css|style|body|content|children|inner|rendered|tag|widget|url|href|src|\.|^(?:self|cls)\b"
    r"|(?:^|_)(?:id|pk|lang(?:uage)?|count|number|index|size|width|height|colou?r|level|n)$",
    re.IGNORECASE,
)
"""Names of what is markup already, or is no text."""
_TYPES = ("content_type", "mimetype", "media_type")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Markup that holds what a request gave."""
    for it in view.exposures("html"):
        is_plain = getattr(view.reading.parent(it.call), "attr", "") in ("unescape", "striptags")
        if not it.steps and (is_plain or _is_other_type(view, it.call) or _is_data(it)):
            continue
        if it.origin.name.endswith("build_absolute_uri()") or _is_choice(view, it):
            continue
        message = f"`{it.source}` is put into the page as markup by `{it.used_by}`; let a template or `format_html` escape it."
        yield Hit(it.argument, message, (), it.steps)
    yield from _built(view)
    if "text/html" in view.reading.unit.text:
        yield from _answered(view)
    if _FALCON.search(view.reading.unit.text):
        yield from _assigned(view)
    if view.project.of_file(view.path, _speaks_flask) or "HTMLResponse" in view.reading.unit.text:
        yield from _returned(view)


def _built(view: View) -> Iterator[Hit]:
    """Markup that a tag or a filter of templates writes around what it is given, and declares to be safe."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last not in _DECLARES or len(call.args) != 1 or view.callee(call) not in _SAFE:
            continue
        if not getattr(view.reading.function(call), "decorator_list", ()):
            continue  # what its callers give may well be text of their own
        each = (way for way in ways(view.parts(call.args[0], "html")) if any("<" in it for it in way if isinstance(it, str)))
        origins = (it for way in each for it in way if isinstance(it, Origin) and is_own(it))
        given = next((it for it in origins if not _MARKUP.search(it.name)), None)
        if given is not None and not is_request(view.project, view.reading, given):
            message = f"`{given.name}` is written into markup that is declared safe; use `format_html` or `Markup.format`."
            yield Hit(call.args[0], message)


def _assigned(view: View) -> Iterator[Hit]:
    """Pages that are set as the text of a response which is said to be one."""
    for node in view.reading.each(ast.Assign):
        target = node.targets[0]
        if isinstance(target, ast.Attribute) and target.attr in ("text", "body", "data") and dotted(target.value) in _RESPONSES:
            origin = view.untrusted(node.value, "html")
            if origin is not None:
                yield Hit(node.value, f"`{origin.name}` is sent to the browser as part of a page; escape it.")


def _answered(view: View) -> Iterator[Hit]:
    """Pages that a handler of AWS Lambda puts into its answer."""
    for made in view.reading.each(ast.Dict):
        rows = {str(constant(key)): value for key, value in zip(made.keys, made.values, strict=True) if key is not None}
        if {"body", "headers"} <= rows.keys() and "text/html" in ast.unparse(rows["headers"]):
            origin = view.untrusted(rows["body"], "html")
            if origin is not None:
                yield Hit(rows["body"], f"`{origin.name}` is sent to the browser as part of a page; escape it.")


def _speaks_flask(facts: Facts) -> bool:
    return any(target.partition(".")[0] in _FLASKS for _, target in facts.imports)


def _returned(view: View) -> Iterator[Hit]:
    """What a handler of Flask gives back as text, which is sent as a page."""
    for node in view.reading.each(ast.Return):
        function = view.reading.function(node)
        value = node.value.elts[0] if isinstance(node.value, ast.Tuple) and node.value.elts else node.value
        if (
            value is None
            or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
            or isinstance(value, ast.Dict | ast.List)
        ):
            continue
        routes = [it for it in function.decorator_list if isinstance(it, ast.Call)]
        if not any(_is_page_route(view, it) for it in routes):
            continue
        if isinstance(value, ast.Name) and not _is_text(view, function, value.id):
            continue
        found = view.parts(value, "html")
        text = "".join(it for it in found if isinstance(it, str)).strip("; \n")
        for it in found:
            if isinstance(it, Origin) and is_untrusted(view.project, view.path, view.reading, it) and not is_terminal(it):
                is_answer = isinstance(value, ast.Call) and view.definition(value) is not None  # what a helper made of it
                if text or not (is_answer or _PARSED.search(it.name)):
                    yield Hit(value, f"`{it.name}` is sent to the browser as part of a page; escape it, or let a template do so.")
                break


def _is_page_route(view: View, decorator: ast.Call) -> bool:
    """Whether what the handler gives back is sent as a page: always by Flask, by FastAPI where the route says so."""
    last = decorator.func.attr if isinstance(decorator.func, ast.Attribute) else dotted(decorator.func)
    if last not in _ROUTES or (isinstance(decorator.func, ast.Name) and not view.callee(decorator).startswith("bottle.")):
        return False
    said = keyword(decorator, "response_class")
    return dotted(said).endswith("HTMLResponse") if said is not None else view.project.of_file(view.path, _speaks_flask)


def _is_text(view: View, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Whether a name holds text, not a dictionary or a response, as far as what it is set to tells."""
    values = view.reading.bindings(function).get(name, [])
    return not any(isinstance(it, ast.Dict | ast.List | ast.ListComp | ast.DictComp) for it in values)


def _is_choice(view: View, exposure: Exposure) -> bool:
    """Whether the function that makes markup of it does so in a branch: when its callers say that it is markup."""
    ref = exposure.steps[-1][0] if exposure.steps else None
    definition = view.project.definition(ref.path, ref.qualname) if ref is not None else None
    return (
        ref is not None
        and definition is not None
        and ref.index < len(definition.calls)
        and not definition.calls[ref.index].certain
    )


def _is_data(exposure: Exposure) -> bool:
    text = "".join(it for it in exposure.parts if isinstance(it, str)).strip("; \n")
    return isinstance(exposure.argument, ast.Dict) or (not text and bool(_PARSED.search(exposure.origin.name)))


def _says_type(target: ast.Attribute | ast.Subscript) -> bool:
    """Whether it is headers that are set as a whole, or the one that tells the type."""
    if "headers" not in ast.unparse(target):
        return False
    key = constant(target.slice) if isinstance(target, ast.Subscript) else None
    return not isinstance(key, str) or key.lower() == "content-type"


def _is_other_type(view: View, call: ast.Call) -> bool:
    """Whether the answer says that it is no page."""
    for name in _TYPES:
        said = keyword(call, name)
        if said is not None:
            return "html" not in str(constant(said) or "").lower()
    if any("html" in str(it.value) for it in call.keywords if isinstance(it.value, ast.Constant)):
        return False
    if dotted(call.func).endswith("web.Response") or any(it.arg in ("headers", "direct_passthrough") for it in call.keywords):
        return True
    up = view.reading.parent(call)
    names = [dotted(it) for it in up.targets] if isinstance(up, ast.Assign) else []
    return any(
        isinstance(target, ast.Attribute | ast.Subscript)
        and dotted(target.value).partition(".")[0] in names
        and (getattr(target, "attr", "") in _TYPES or _says_type(target))
        for node in view.reading.each(ast.Assign)
        for target in node.targets
    )
