"""A GET route reads the body of its request.

Why: a body has no meaning in a GET request. Browsers and many clients can't send one, proxies and caches drop it, and two
requests that differ in it alone are the same to them.
Instead: take it from the query string, or answer POST.

    words = request.args.getlist("words")

Consequences: it works with curl and fails behind the first proxy; a cache answers one client with another's results.
Tests: ask with the client of another language.
Source: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A1", "A3"],
    needs=["request", "Body"],
    bad=[
        Bad("""
from flask import Flask, request

app = Flask(__name__)

@app.route("/search", methods=["GET"])
def search():
    return {"words": [|request.get_json()|]["words"]}

@app.get("/find")
def find():
    return {"words": [|request.form|]["words"]}
"""),
        Bad("""
from fastapi import FastAPI, Request

app = FastAPI()

@app.get("/search")
async def search(request: Request):
    return (await [|request.json()|])["words"]
"""),
    ],
    good=[
        """
from flask import Flask, render_template, request
from shop.forms import TagForm

app = Flask(__name__)

@app.get("/tags")
def tags():
    return render_template("tags.html", form=TagForm(request.form))
""",
        """
from flask import Flask, request

app = Flask(__name__)

@app.route("/search", methods=["GET", "POST"])
def search():
    if request.method == "POST":
        return {"words": request.form["words"]}
    return {"words": request.args.get("words")}

@app.post("/find")
def find():
    return {"words": request.get_json()["words"]}
""",
    ],
)

_BODY = regex(r"(?:flask\.)?request\.(?:get_json|json|form|get_data|data)|request\.(?:json|form)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The body of the request, in handlers that answer GET alone."""
    reading = view.reading
    for function in reading.functions:
        routes = routes_of(view.project, view.path, reading.qualname(function)) if function.decorator_list else ()
        if not routes or any(not it.methods or not it.methods <= {"GET", "HEAD"} for it in routes):
            continue
        if any(it.framework not in ("flask", "fastapi") for it in routes):
            continue
        for node in reading.within(function):
            if isinstance(node, ast.Attribute) and _BODY.fullmatch(dotted(node)) and not _is_tried(reading, node):
                parent = reading.parent(node)
                shown = parent if isinstance(parent, ast.Call) and parent.func is node else node
                yield Hit(shown, f"`{function.name}` answers GET, whose requests have no body that anyone keeps.")
                break


def _is_tried(reading: Reading, node: ast.Attribute) -> bool:
    """Whether the handler goes on without a body: in a `try`, by `silent=True`, in one half of a condition."""
    for up in reading.ancestors(node):
        if isinstance(up, ast.Try | ast.If | ast.IfExp | ast.BoolOp):
            return True
        if isinstance(up, ast.Call) and any(it.arg in ("silent", "default") for it in up.keywords):
            return True
        if isinstance(up, ast.Call) and node in up.args and node.attr == "form":
            return True  # a class of forms takes an empty one for a page that shows it
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
    return False
