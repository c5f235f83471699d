"""A value from outside is part of a template's text.

Why: template languages can walk from any object to the interpreter: `{{ 7 * 7 }}` in the value is computed, and so is a chain of
attributes that ends at a shell.
Instead: keep the template constant and hand the value to it.

    def greeting(name: str) -> str:
        try:
            return render_template("greeting.html", name=name)
        except TemplateError:
            logger.exception("greeting.html can't be rendered")
            raise

Trade-offs: templates that users write need a language without logic, or a sandbox such as Jinja's with its limits known.
Tests: send `{{ 7 * 7 }}` and assert that the answer holds it as it is.
Security: running code as the service; at the least, reading its settings and keys.
Observability: alert on template syntax errors in production.
Source: CWE-1336; https://owasp.org/www-project-web-security-testing-guide/ (server-side template injection)
"""

import re
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=1336,
    bad=[
        Bad("""
from flask import render_template_string, request

def hello():
    page = "<h1>Hello " + request.args.get("name", "") + "</h1>"
    return render_template_string([|page|])
"""),
        Bad("""
from jinja2 import Environment

def mail(request):
    template = Environment().from_string([|request.POST["body"]|])
    return template.render(user=request.user)
"""),
        Bad("""
from fastapi import FastAPI
from langchain_core.prompts import PromptTemplate

app = FastAPI()

@app.post("/render")
async def render(template: str, name: str):
    return PromptTemplate.from_template([|template|], template_format="jinja2").format(name=name)
"""),
    ],
    good=[
        """
from flask import request
from opaque_keys.edx.keys import CourseKey

def show():
    return CourseKey.from_string(request.args["course"]).org
""",
        """
from flask import render_template, render_template_string, request
from jinja2 import Environment, Template

def hello():
    name = request.args["name"]
    render_template_string("<h1>Hello {{ name }}</h1>", name=name)
    Template("Hello {{ name }}").render(name=name)
    Environment().from_string("Hello {{ name }}").render(name=name)
    return render_template("hello.html", name=name)
""",
    ],
)

_ENGINES = regex(r"env|jinja|templ|engine|mako|tornado|^\?", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Templates whose text someone outside writes."""
    for it in view.exposures("template"):
        if it.sink.endswith(".from_string") and not _ENGINES.search(it.sink):
            continue  # many things are made of a text
        yield Hit(
            it.argument,
            f"`{it.source}` becomes part of the template's text and is run by it; hand it over as a value.",
            (),
            it.steps,
        )
