"""A value from outside is written into XML as it is.

Why: `<` and `&` in the value end the element it was meant to fill and begin others: a second price, another user's id.
Instead: `xml.sax.saxutils.escape`, or let `ElementTree` write the document.

    note = escape(request.form["note"])

Tests: send `</note><price>0</price><note>`.
Security: CWE-91.
Source: https://owasp.org/www-community/attacks/XML_Injection
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.knowledge.sources import is_request, is_terminal
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=91,
    needs=["/xml", "twiml", "ElementTree", "etree", "minidom"],
    bad=[
        Bad("""
from flask import Response, request

def order():
    note = request.form["note"]
    body = "<order><note>" + note + "</note><price>10</price></order>"
    return Response([|body|], mimetype="application/xml")
"""),
    ],
    good=[
        """
from xml.sax.saxutils import escape
from flask import Response, request

def order():
    note = escape(request.form["note"])
    body = "<order><note>" + note + "</note><price>10</price></order>"
    return Response(body, mimetype="application/xml")

def echoed():
    return Response(request.data, mimetype="application/xml")
""",
    ],
)

_TYPES = ("mimetype", "content_type", "media_type")
_ANSWERS = ("Response", "HttpResponse", "make_response", "StreamingResponse", "PlainTextResponse")
_PARSES = ("fromstring", "XML", "parseString")
_ELEMENT = regex(r"<\w[^<>]*>[^<>]*$|<\w[^<>]*=[\"'][^<>\"']*$")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Documents that are put together as text, with a part of the request inside an element."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        is_xml = last in _ANSWERS and any(it.arg in _TYPES and "/xml" in str(constant(it.value)) for it in call.keywords)
        given = call.args[0] if call.args and (is_xml or last in _PARSES) else None
        if last == "create" and any(it.arg == "twiml" for it in call.keywords):
            given = next(it.value for it in call.keywords if it.arg == "twiml")
        before = ""
        for it in view.parts(given, "xml") if given is not None else ():
            if isinstance(it, str):
                before += it
            elif _is_asked(view, it) and _ELEMENT.search(before) and given is not None:
                yield Hit(given, f"`{it.name}` is written into XML as it is: escape it, or let `ElementTree` write the document.")
                break


def _is_asked(view: View, origin: Origin) -> bool:
    return is_request(view.project, view.reading, origin) and not is_terminal(origin)
