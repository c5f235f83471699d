"""A value from outside is used as a regular expression.

Why: an expression such as `(a+)+$` takes years on a short text; Python's engine can't be stopped, and it holds the thread.
Instead: search for the text itself, or escape it.

    def matching(rows: list[str], wanted: str) -> list[str]:
        if len(wanted) > 100:
            raise HTTPException(422, "that is too long")
        pattern = re.compile(re.escape(wanted), re.IGNORECASE)
        return [it for it in rows if pattern.search(it)]

Trade-offs: where users are meant to write expressions, an engine with linear time (google-re2) and a bound on their length.
Tests: send `(a+)+$` with a text of forty `a`; the answer comes in milliseconds.
Security: one request keeps a worker busy for good.
Observability: alert on requests past their deadline, with the route.
Performance: compile once, outside the request.
Source: CWE-1333; https://owasp.org/www-community/attacks/Regular_expression_Denial_of_Service_-_ReDoS
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
    rows=["A2", "D4"],
    cwe=1333,
    bad=[
        Bad("""
import re
from fastapi import APIRouter

router = APIRouter()

@router.get("/lines")
def lines(pattern: str):
    with open("app.log") as file:
        return [it for it in file if re.search([|pattern|], it)]
"""),
    ],
    good=[
        """
import re
from flask import request

def lines(rows):
    wanted = request.args["wanted"]
    re.match(r"^[a-z]+$", wanted)
    re.sub(re.escape(wanted), "x", "text")
    return [it for it in rows if re.search(f"^{re.escape(wanted)}", it) or wanted in it]
""",
        """
import re
from flask import Flask, request

app = Flask(__name__)

@app.route("/logs")
def logs():
    try:
        wanted = re.compile(request.args["filter"])
    except re.error:
        return "no expression", 400
    return [it for it in open("app.log") if wanted.search(it)]

def preview(form):
    rules = form.getlist("rules")
    return [compiled(it) for it in rules]

def compiled(rule):
    return re.compile(rule)

@app.route("/preview", methods=["POST"])
def show():
    return preview(form=request.form)
""",
    ],
)

_WHOLE = ("flask.request.form", "flask.request.values", "request.POST", "request.GET", "flask.request.args")
"""All that a request says."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Expressions that someone outside writes."""
    for it in view.exposures("regex"):
        if len(it.steps) > 1 or (it.steps and it.source in _WHOLE) or _is_tried(view, it.call):
            continue  # some part of what was sent, or a mistake in it is expected: expressions are what is asked for
        message = f"`{it.source}` is used as a regular expression, which can take forever; escape it with `re.escape`."
        yield Hit(it.argument, message, (), it.steps)


def _is_tried(view: View, call: ast.Call) -> bool:
    """Whether a mistake in the expression is expected: `try: wanted = re.compile(said)`, alone or for `re.error`."""
    block = next((it for it in view.reading.ancestors(call) if isinstance(it, ast.Try)), None)
    if block is None:
        return False
    names = {dotted(it).rpartition(".")[2] for row in block.handlers if row.type is not None for it in ast.walk(row.type)}
    return len(block.body) == 1 or bool(names & {"error", "PatternError"})
