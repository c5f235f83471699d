"""An XML parser is told to fetch what the document names.

Why: an entity in the document may name a file or a URL; a parser that resolves it puts the file's content where the attacker
sees it, or asks servers inside. Entities that hold entities grow until the memory is full.
Instead: parse documents from outside with entities switched off.

    def order_of(body: bytes) -> Order:
        try:
            return read_order(defusedxml.ElementTree.fromstring(body))
        except (ParseError, DefusedXmlException) as error:
            raise HTTPException(422, "that is no order") from error

Trade-offs: documents that need their DTD are read from files of your own, with no network.
Tests: a document whose entity names a canary file fails to parse, or comes without its text.
Security: reading files and internal services; running out of memory.
Observability: count refused documents by sender.
Source: CWE-611; https://docs.python.org/3/library/xml.html#xml-security
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=611,
    equivalents=["S314", "S317", "S318", "S319", "S320"],
    needs=[
        "fromstring",
        "parse(",
        ".XML(",
        "xml",
        "minidom",
        "parseString",
        "sax",
        "etree",
        "resolve_entities",
        "feature_external",
    ],
    bad=[
        Bad("""
from lxml import etree

def order(body):
    parser = [|etree.XMLParser(resolve_entities=True, no_network=False)|]
    return etree.fromstring(body, parser)
"""),
        Bad("""
import xml.sax
from xml.sax.handler import feature_external_ges

def read(text, handler):
    parser = xml.sax.make_parser()
    parser.setContentHandler(handler)
    [|parser.setFeature(feature_external_ges, True)|]
    parser.parse(text)
"""),
        Bad(
            """
from flask import request
from lxml import etree

def order():
    return etree.fromstring([|request.data|]).tag
"""
        ),
        Bad(
            """

import xml.etree.ElementTree as tree
from flask import request

def total():
    return tree.fromstring([|request.data|]).findtext("total")
""",
        ),
        Bad("""
from xml.dom import minidom

def receive(request):
    return minidom.parseString([|request.body|])
"""),
    ],
    good=[
        """
import xml.sax
from flask import request
from lxml import etree
from defusedxml.ElementTree import fromstring
from xml.sax.handler import feature_external_ges, feature_namespaces

def order(handler):
    parser = xml.sax.make_parser()
    parser.setFeature(feature_external_ges, False)
    parser.setFeature(feature_namespaces, True)
    fromstring(request.data)
    etree.parse("own.xml")
    safe = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.fromstring(request.data, safe)
""",
        """

import xml.etree.ElementTree as tree
from defusedxml import ElementTree
from flask import request

def total():
    return ElementTree.fromstring(request.data).findtext("total")

def own():
    return tree.parse("catalogue.xml").getroot()
""",
    ],
)

_FEATURES = regex(r"feature_external_[gp]es$|external-(?:general|parameter)-entities$")
_PARSERS = ("lxml.etree.XMLParser", "lxml.etree.XMLPullParser", "lxml.etree.iterparse", "lxml.etree.ETCompatXMLParser")
_DANGEROUS = (("resolve_entities", True), ("load_dtd", True), ("no_network", False))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Parsers that resolve external entities, and documents of others given to one that does so by default."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if last == "setFeature" and len(call.args) == 2 and constant(call.args[1]) in (True, 1):
            feature = constant(call.args[0])
            if _FEATURES.search(feature if isinstance(feature, str) else dotted(call.args[0])):
                yield Hit(
                    call, "This parser fetches what the document's entities name: files and servers of the attacker's choice."
                )
        elif "Parser" in last or last == "iterparse":
            said = next((f"{name}={value}" for name, value in _DANGEROUS if constant(keyword(call, name)) is value), "")
            if said and view.callee(call) in _PARSERS:
                yield Hit(call, f"`{said}` lets the document name files and servers that the parser reads; leave it off.")
    for it in view.exposures("xml"):
        if it.used_by.startswith("xml.") and not it.steps:
            message = f"`{it.source}` is parsed by `{it.used_by}`, which unfolds entities without a bound; use `defusedxml`."
            yield Hit(it.argument, message)
        elif it.used_by.startswith("lxml.") and not it.steps and len(it.call.args) < 2 and keyword(it.call, "parser") is None:
            message = f"`{it.source}` is parsed with entities on; give a parser with `resolve_entities=False`."
            yield Hit(it.argument, message, (), it.steps)
