"""A value from outside becomes part of an XPath expression.

Why: a quote in the value ends the literal, and `or 1=1` after it selects every node.
Instead: bind the value as a variable of the expression.

    def find_user(root: etree._Element, name: str) -> etree._Element:
        found = root.xpath("/users/user[@name = $name]", name=name)
        if not found:
            raise NotFound(name)
        return found[0]

Trade-offs: libraries without variables (ElementTree) need a comparison in Python, over the nodes of a constant expression.
Tests: send `x' or '1'='1` and assert that nothing is found and nothing fails.
Security: reading the whole document; passing a check of a password that is kept in it.
Source: CWE-643; https://owasp.org/www-community/attacks/XPATH_Injection
"""

from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=643,
    bad=[
        Bad("""
from flask import request
from lxml import etree

def user():
    root = etree.parse("users.xml").getroot()
    return root.xpath([|"/users/user[@name='" + request.args["name"] + "']"|])
"""),
        Bad("""
import elementpath

def find(request, root):
    query = f"//user[@id='{request.GET['id']}']"
    return elementpath.select(root, [|query|])
"""),
        Bad("""
import xml.etree.ElementTree as tree
from flask import request

def user(users):
    return users.find([|"./user[@name='" + request.args["name"] + "']"|])
"""),
    ],
    good=[
        """
import re
from flask import request
from lxml import etree

def user():
    root = etree.parse("users.xml").getroot()
    name = request.args["name"]
    re.findall(name, "x")
    root.xpath("/users/user[@id=%d]" % int(request.args["id"]))
    if "'" in name:
        return None
    root.xpath("/users/user[@name='" + name + "']")
    return root.xpath("/users/user[@name=$name]", name=request.args["name"])
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Expressions with a part that someone outside writes."""
    for it in view.exposures("xpath"):
        text = "".join(piece for piece in it.parts if isinstance(piece, str))
        if it.used_by.endswith("find") and not ("[" in text and ("@" in text or "=" in text)):
            continue  # of text, or of a database
        if "/" in text or "[" in text or "xpath" in it.used_by.lower() or "elementpath" in it.used_by:
            message = (
                f"`{it.source}` becomes part of the XPath expression: a quote in it changes what is found; bind it as a variable."
            )
            yield Hit(it.argument, message, (), it.steps)
