"""A template is given every local name of its view.

Why: `locals()` hands over whatever the function happens to hold: tokens, forms with passwords, whole querysets. A new variable is
in the template before anybody decided that, and one that is renamed is gone from it without an error.
Instead: name what the template shows.

    return render(request, "report.html", {"report": report, "link": link})

Consequences: nobody can tell from the view what its template uses.
Security: whoever may edit a template, or makes it print its context on an error, reads all of it.
Source: https://docs.djangoproject.com/en/stable/topics/http/shortcuts/#render
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4", "B1"],
    cwe=200,
    equivalents=["DJ003"],
    needs=["locals()", "globals()"],
    bad=[
        Bad("""
from django.shortcuts import render

def report(request, key):
    token = request.user.token()
    return render(request, "report.html", [|locals()|])
"""),
        Bad("""
from flask import render_template

def report(key):
    return render_template("report.html", **[|locals()|])
"""),
    ],
    good=[
        """
from django.shortcuts import render

def report(request, key):
    names = locals()
    return render(request, "report.html", {"key": names["key"]})
""",
    ],
)

_RENDERS = (
    "render",
    "render_to_string",
    "render_to_response",
    "render_template",
    "render_template_string",
    "TemplateResponse",
    "Context",
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`locals()` or `globals()` as the context of a template."""
    for call in view.reading.each(ast.Call):
        if dotted(call.func).rpartition(".")[2] not in _RENDERS:
            continue
        for it in (*call.args, *(each.value for each in call.keywords)):
            if isinstance(it, ast.Call) and dotted(it.func) in ("locals", "globals") and not it.args:
                yield Hit(it, f"`{dotted(it.func)}()` gives the template all that is here, whether it shows it or not.")
