"""`format_html` is given a text that is put together already, so that it escapes nothing.

Why: it escapes its arguments, and none of the text they go into. An f-string has put the values in before it is called: a
`<script>` in one of them is markup then, and declared to be safe. Django 6.0 refuses a call without arguments.
Instead: give the text with `{}` in it, and the values after it.

    return format_html("<a href='{}'>{}</a>", ticket.get_absolute_url(), ticket.subject)

Consequences: a `{` in a value raises besides.
Trade-offs: what is markup already goes through as it is, when it is a `SafeString`.
Tests: a subject of `<b>` is shown as `&lt;b&gt;`.
Security: CWE-79. What a user typed acts as whoever opens the page; in the admin, as its staff.
Source: https://docs.djangoproject.com/en/stable/ref/utils/#django.utils.html.format_html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name, value_set
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=79,
    needs=["format_html("],
    bad=[
        Bad("""
from django.contrib import admin
from django.utils import html
from django.utils.html import format_html

class TicketAdmin(admin.ModelAdmin):
    def link(self, ticket):
        return format_html([|f"<a href='/tickets/{ticket.pk}'>{ticket.subject}</a>"|])

    def name(self, ticket):
        text = "<b>" + ticket.name + "</b>"
        return html.format_html([|text|])

    def mail(self, ticket):
        return format_html([|"<i>{}</i>".format(ticket.mail)|])

    def tag(self, ticket):
        return format_html([|"<i>%s</i>" % ticket.tag|])
"""),
    ],
    good=[
        """
from django.utils.html import escape, format_html
from django.utils.translation import gettext as _

TAG = "b"

def link(ticket):
    return format_html("<a href='/tickets/{}'>{}</a>", ticket.pk, ticket.subject)

def wrapped(tag, content):
    return format_html(f"<{tag}>{{}}</{tag}>", content)

def fixed(count):
    format_html(f"<{TAG}>{len(count)}</{TAG}>")
    format_html("<b>" + _("none") + "</b>")
    return format_html(f"<b>{escape(count)}</b>")

def given(text):
    return format_html(text)
""",
    ],
)

_MADE_SAFE = regex(
    r"escape|reverse|static|gettext|_html$|mark_safe|render|url|slugify|quote|^(?:_|len|int|float|round|sum|Decimal)$"
)
"""Calls that give no markup of anyone else's: a number, an address, a translation, what is escaped."""
_NUMBERS = regex(
    r"(?:^|\.)(?:id|pk|count|total|number|size|width|height|colou?r|html|markup)$|_(?:id|count|url|html)$|^[A-Z_\d.]+$"
)
"""Names of what is a number, markup already or a constant."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls with nothing but a text that values were put into."""
    for call in view.reading.each(ast.Call):
        if last_name(call.func) != "format_html" or len(call.args) != 1 or call.keywords or isinstance(call.args[0], ast.Starred):
            continue
        given = next((it for it in _put_in(value_set(view.reading, call.args[0])) if not _is_harmless(it)), None)
        if given is not None and view.callee(call) == "django.utils.html.format_html":
            said = f"`{dotted(given)}`" if dotted(given) else "this value"
            yield Hit(call.args[0], f"The text is put together before `format_html` sees it: {said} is not escaped; pass it on.")


def _put_in(node: ast.expr) -> Iterator[ast.expr]:
    """The values that a text is put together of: by an f-string, `+`, `%` or `.format`."""
    if isinstance(node, ast.JoinedStr):
        yield from (it.value for it in node.values if isinstance(it, ast.FormattedValue))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(constant(node.left), str):
        yield from node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for side in (node.left, node.right):
            inner = [*_put_in(side)]
            yield from inner or ([] if isinstance(side, ast.Constant | ast.JoinedStr | ast.BinOp) else [side])
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        is_text = isinstance(constant(node.func.value), str)
        yield from (*node.args, *(it.value for it in node.keywords)) if is_text else ()


def _is_harmless(node: ast.expr) -> bool:
    """Whether a value is no text that somebody else may have written."""
    if isinstance(node, ast.Call):
        return bool(_MADE_SAFE.search(last_name(node.func)))
    return isinstance(node, ast.Constant | ast.Compare) or bool(_NUMBERS.search(dotted(node)))
