"""A spreadsheet runs what someone outside wrote into a file of comma-separated values.

Why: a cell that begins with `=`, `+`, `-` or `@` is a formula to the program that opens the file. It may send other cells
elsewhere, or start a program, in the name of the colleague who opens the export.
Instead: put a quote before such a text, in one function that all exports share.

    def cell(text: str) -> str:
        return "'" + text if text.startswith(("=", "+", "-", "@", "\\t", "\\r")) else text

Trade-offs: a program that reads the file back sees the quote; write numbers as numbers, which need none.
Tests: export a name that begins with `=`.
Security: CWE-1236.
Source: https://owasp.org/www-community/attacks/CSV_Injection
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.sources import is_terminal
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=1236,
    needs=["writerow"],
    bad=[
        Bad("""
import csv
from flask import request

def feedback():
    with open("/srv/feedback.csv", "a", newline="") as sheet:
        csv.writer(sheet).writerow([[|request.form["name"]|], 1])
"""),
        Bad("""
import csv
from django.http import HttpResponse
from feedback.models import Message

def export(request):
    response = HttpResponse(content_type="text/csv")
    writer = csv.writer(response)
    for message in Message.objects.all():
        writer.writerow([message.pk, [|message.comment|]])
    return response
"""),
    ],
    good=[
        """
import csv
from django.http import HttpResponse
from feedback.models import Message
from flask import request

def cell(text):
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text

def feedback():
    with open("/srv/feedback.csv", "a", newline="") as sheet:
        csv.writer(sheet).writerow([cell(request.form["name"]), int(request.form["age"])])

def export(request):
    response = HttpResponse(content_type="text/csv")
    writer = csv.writer(response)
    for message in Message.objects.all():
        writer.writerow([message.pk, message.sent_at, cell(message.comment)])
    return response
""",
    ],
)

_WRITERS = ("writerow", "writerows")
_WRITTEN_BY_PEOPLE = regex(
    r"(?:\w+_)?(?:comments?|message|feedback|text|note|description|subject|(?:first|last|full)_?name|name|title|bio|answer)"
)
_QUOTES = regex(r"startswith\(|[\"']=[\"'+@-]|formula|lstrip\([\"'][=+]", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Rows with a cell that a request or a stored text of a visitor fills."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if last not in _WRITERS or not call.args:
            continue
        function = view.reading.function(call)
        if function is not None and _QUOTES.search(view.reading.source(function)):
            continue
        is_sheet = function is not None and "text/csv" in view.reading.source(function)
        for it in _cells(call.args[0]):
            origin = view.untrusted(it, "csv") if isinstance(it, ast.expr) else None
            if origin is not None and not is_terminal(origin) and not _is_cleaned(view, it):
                yield Hit(it, f"`{origin.name}` may begin with `=`, and a spreadsheet runs it: put a quote before it.")
                break
            if is_sheet and isinstance(it, ast.Attribute) and _is_row_text(view.reading, it):
                yield Hit(it, f"`{dotted(it)}` may begin with `=`, and a spreadsheet runs it: put a quote before it.")
                break


def _cells(node: ast.expr) -> list[ast.expr]:
    """The cells of a row that is written out."""
    if isinstance(node, ast.Dict):
        return node.values
    return node.elts if isinstance(node, ast.List | ast.Tuple) else [node]


def _is_cleaned(view: View, node: ast.expr) -> bool:
    """Whether a function of the project's own is given it, and looks how it begins."""
    if not isinstance(node, ast.Call) or view.definition(node) is None:
        return False
    return isinstance(node.func, ast.Name)


def _is_row_text(reading: Reading, node: ast.Attribute) -> bool:
    """Whether it is a text that people write, of a row that a loop takes from a query."""
    if not isinstance(node.value, ast.Name) or not _WRITTEN_BY_PEOPLE.fullmatch(node.attr):
        return False
    for up in reading.ancestors(node):
        if isinstance(up, ast.For) and dotted(up.target) == node.value.id:
            values = (
                reading.bindings(reading.function(up)).get(dotted(up.iter), []) if isinstance(up.iter, ast.Name) else [up.iter]
            )
            return any(it is not None and ".objects" in ast.unparse(it) for it in values)
    return False
