"""Templates are rendered without escaping.

Why: Jinja escapes nothing unless it is told to: a value with `<script>` in it becomes part of the page.
Instead: switch it on for markup.

    environment = jinja2.Environment(loader=loader, autoescape=jinja2.select_autoescape())
    try:
        page = environment.get_template("page.html").render(name=name)
    except jinja2.TemplateError as error:
        raise RenderingFailed("page.html") from error

Trade-offs: for templates of text, code or configuration escaping is wrong; keep them in an environment of their own.
Tests: render `<b>` and assert `&lt;b&gt;`.
Security: scripts in the pages of other users.
Source: CWE-79; https://jinja.palletsprojects.com/en/stable/api/#autoescaping
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=79,
    equivalents=["S701", "B701"],
    needs=["Environment", "autoescape"],
    bad=[
        Bad(
            """
from jinja2 import Environment, FileSystemLoader

environment = Environment(loader=FileSystemLoader("pages"), autoescape=[|False|])
""",
            fixed="""
from jinja2 import Environment, FileSystemLoader

environment = Environment(loader=FileSystemLoader("pages"), autoescape=True)
""",
        ),
        Bad("""
import jinja2

def page(name):
    environment = [|jinja2.Environment(loader=jinja2.FileSystemLoader("pages"))|]
    return environment.get_template("page.html").render(name=name)
"""),
        Bad(
            """

from jinja2 import Environment, FileSystemLoader

pages = [|Environment(loader=FileSystemLoader("shop/pages"))|]
""",
        ),
        Bad("""
from django.template import Context, Template

def card(text):
    return Template("<p>{{ text }}</p>").render(Context({"text": text}, autoescape=[|False|]))
"""),
        Bad("""
from fastapi import FastAPI
from jinja2 import Environment, FileSystemLoader

app = FastAPI()
files = [|Environment(loader=FileSystemLoader("files"))|]
"""),
    ],
    good=[
        """
from django.template import Context, Template
from shop.templating import PlainEngine

def subject(template, order):
    return Template(template, engine=PlainEngine()).render(Context({"order": order}, autoescape=False))
""",
        """
import jinja2

def page(name):
    jinja2.Environment(autoescape=jinja2.select_autoescape())
    jinja2.Environment(autoescape=True)
    code = jinja2.Environment(loader=jinja2.FileSystemLoader("templates"))
    return code.get_template("module.py.j2").render(name=name)
""",
        '''
from jinja2 import BaseLoader, Environment

def rows_of(view, query_template: str):
    """Build the query that joins the rows of a feature view."""
    return Environment(loader=BaseLoader()).from_string(source=query_template).render(view=view)
''',
    ],
)

_MARKUP = regex(r"\.x?html?\b|html|mail|\bpages?\b|\bviews?\b", re.IGNORECASE)
_TEXT = regex(
    r"\.(?:py|sql|ya?ml|toml|sh|conf|cfg|md|rst|tf|json|txt|tex|cpp|h)(?:\.j(?:inja)?2)?\b|prompt|latex|codegen"
    r"|\bsql\b|_sql\b|\bsql_|query_?template",
    re.IGNORECASE,
)


_WEB = (
    "flask",
    "fastapi",
    "starlette",
    "aiohttp",
    "sanic",
    "tornado",
    "django",
    "bottle",
    "falcon",
    "pyramid",
    "quart",
    "litestar",
)


def _has_engine(view: View) -> bool:
    """Whether templates of the unit are rendered by an engine of their own, which is not the one of pages."""
    made = (it for it in view.reading.each(ast.Call) if dotted(it.func).rpartition(".")[2] == "Template")
    return any(keyword(it, "engine") is not None for it in made)


def _serves(facts: Facts) -> bool:
    return any(target.partition(".")[0] in _WEB for _, target in facts.imports)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Environments for pages that escape nothing."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last == "Context" and constant(off := keyword(call, "autoescape")) is False and off is not None:
            if view.callee(call) == "django.template.Context" and not _has_engine(view):
                yield Hit(off, "Nothing is escaped: a value with markup becomes part of the page.")
            continue
        if last != "Environment" or view.callee(call) not in ("jinja2.Environment", "jinja2.environment.Environment"):
            continue
        said = keyword(call, "autoescape")
        text = view.reading.unit.text
        if keyword(call, "variable_start_string") is not None or is_script(view.path) or "prompt" in view.path:
            continue  # its templates are code, or are shown in a terminal
        if constant(said) is False and said is not None and not _TEXT.search(text):
            yield Hit(
                said,
                "Nothing is escaped: a value with markup becomes part of the page.",
                (Draft("Escape", (Change(said, "True"),)),),
            )
        elif (
            said is None
            and not any(it.arg is None for it in call.keywords)
            and (_MARKUP.search(text) or view.project.of_file(view.path, _serves))
            and not _TEXT.search(text)
        ):
            yield Hit(call, "Jinja escapes nothing by default: pass `autoescape=select_autoescape()` for pages.")
