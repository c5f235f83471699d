"""A value from outside is written into a header as it is.

Why: a line break in the value ends the header: what follows is another header, or the body. Frameworks refuse such values; raw
servers and clients do not.
Instead: let the framework set headers, or refuse control characters.

    def send_name(self, name: str) -> None:
        if not name.isprintable():
            self.send_error(400)
            return
        self.send_header("X-Name", quote(name))

Tests: send a value with `\\r\\nSet-Cookie: a=b` and assert that no such header comes back.
Security: setting cookies for the user, poisoning caches.
Source: CWE-113; https://owasp.org/www-community/attacks/HTTP_Response_Splitting
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.sources import is_request
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=113,
    bad=[
        Bad("""
from flask import request

def answer(handler):
    handler.send_header("X-Name", [|request.args["name"]|])
"""),
        Bad("""
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlparse

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        language = parse_qs(urlparse(self.path).query)["language"][0]
        self.send_header("Content-Language", [|language|])
"""),
        Bad("""
from urllib.parse import parse_qs

def application(environ, start_response):
    language = parse_qs(environ["QUERY_STRING"])["language"][0]
    start_response("200 OK", [|[("Content-Language", language)]|])
    return [b"hello"]
"""),
        Bad("""
import smtplib
from flask import request

def contact():
    message = "From: web@example.com\\r\\nSubject: " + request.form["subject"] + "\\r\\n\\r\\n" + request.form["text"]
    with smtplib.SMTP("localhost") as smtp:
        smtp.sendmail("web@example.com", ["help@example.com"], [|message|])
"""),
    ],
    good=[
        """
from urllib.parse import quote
from flask import request

def answer(handler, response):
    handler.send_header("X-Name", quote(request.args["name"]))
    handler.send_header("X-Number", str(int(request.args["number"])))
    response.headers["X-Name"] = request.args["name"]
""",
        """
import smtplib
from flask import request

def contact():
    message = "From: web@example.com\\r\\nSubject: A question\\r\\n\\r\\n" + request.form["text"]
    with smtplib.SMTP("localhost") as smtp:
        smtp.sendmail("web@example.com", ["help@example.com"], message)
""",
    ],
)

_IN_HEADERS = regex(r"(?:^|\n)(?:Subject|To|From|Cc|Bcc|Reply-To):[^\n]*$", re.IGNORECASE)
_AFTER = regex(r"\r?\n\r?\n")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Headers that nobody checks for line breaks."""
    for it in view.exposures("header"):
        message = f"`{it.source}` is written into a header: a line break in it begins another; refuse or encode it."
        yield Hit(it.argument, message, (), it.steps)
    yield from _mails(view)


def _mails(view: View) -> Iterator[Hit]:
    """Messages that are put together as text, with a header that someone outside ends."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if last != "sendmail" or len(call.args) < 3 or "smtplib" not in view.callee(call):
            continue
        before = ""
        for it in view.parts(call.args[2], "header"):
            if isinstance(it, str):
                before += it
            elif is_request(view.project, view.reading, it) and _IN_HEADERS.search(before) and not _AFTER.search(before):
                yield Hit(call.args[2], f"`{it.name}` is written into a header of the mail: a line break in it begins another.")
                break
