"""A format string comes from outside, and reaches into the objects it is given.

Why: `"{user.name}"` reads an attribute, and `"{user.__init__.__globals__}"` everything the module knows: settings, keys,
passwords. Who writes the format string reads them all.
Instead: give it texts, not objects, or take a template language made for it.

    pattern.replace("{name}", customer.name)
    string.Template(pattern).safe_substitute(name=customer.name)

Consequences: `{customer.__class__.__init__.__globals__[settings].SECRET_KEY}` prints the key.
Security: CWE-134.
Source: Armin Ronacher, "Be Careful with Python's New-Style String Format"
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=134,
    needs=[".format(", ".format_map("],
    bad=[
        Bad(
            """
from flask import Blueprint, request
from shop.orders import find

site = Blueprint("site", __name__)

@site.get("/receipts/<int:number>")
def receipt(number):
    layout = request.args.get("layout", "")
    return {"text": [|layout|].format(order=find(number))}
"""
        ),
    ],
    good=[
        """
from flask import Blueprint, request
from shop.orders import find

site = Blueprint("site", __name__)

@site.get("/receipts/<int:number>")
def receipt(number):
    layout = request.args.get("layout", "")
    order = find(number)
    return {"text": layout.replace("{total}", str(order.total)), "title": "{0.title}".format(order)}

@site.get("/greetings")
def greeting():
    return {"text": "Hello {}".format(request.args["name"]), "count": request.args["pattern"].format(3)}
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls of `format` on what a request gave, with an object among the arguments."""
    for call in view.reading.each(ast.Call):
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr not in ("format", "format_map"):
            continue
        given = [*call.args, *(it.value for it in call.keywords)]
        if isinstance(function.value, ast.Constant) or all(isinstance(it, ast.Constant | ast.JoinedStr) for it in given):
            continue
        origin = view.untrusted(function.value, "format")
        if origin is not None:
            yield Hit(function.value, f"`{origin.name}` is a format string, and reads any attribute of what it is given.")
