"""Scripts are taken out of markup by a regular expression.

Why: browsers take `</script >`, `</SCRIPT foo>` and a line break inside for an end, and a tag may be put together by what was
taken out of its middle. What a pattern leaves is run.
Instead: a sanitiser that parses the markup as a browser does and keeps what is allowed.

    return nh3.clean(content, tags={"a", "b", "p"})

Tests: `<scr<script></script>ipt>alert(1)</script >`.
Security: CWE-116, CWE-80.
Source: https://codeql.github.com/codeql-query-help/python/py-bad-tag-filter/
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=116,
    needs=["script"],
    bad=[
        Bad("""
import re

def strip_scripts(content):
    return [|re.sub(r"<script.*?>.*?</script>", "", content)|]
"""),
    ],
    good=[
        """
import re
import nh3

def strip_scripts(content):
    return nh3.clean(content, tags=set())

def data_of(page):
    return re.search(r"<script id='data'>(.*?)</script>", page)

def _strip_tags(page):
    page = re.sub(r"<script.*?</script>", "", page)
    return re.sub(r"<[^>]+>", "", page)

def words_of_page(page):
    return re.sub(r"<script.*?>.*?</script>", " ", page)
""",
    ],
)

_SCRIPT = regex(r"<script.*/script", re.IGNORECASE | re.DOTALL)
_CLEANS = regex(r"sanit|clean|safe|xss|strip|remove|filter|escape|purify", re.IGNORECASE)
_READS = regex(r"text|words|plain|extract|parse|scrape|crawl|fetch|markdown|to_md|html_to|token", re.IGNORECASE)
"""Functions that read a page: what they make is no markup."""
_ALL_TAGS = regex(r"<\[\^<?>\]|<\.[*+]\??>")
"""A pattern of any tag: what takes them all out leaves words."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Patterns of scripts that are replaced by nothing in what is called a cleaner."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last == "sub" and len(call.args) > 2 and constant(call.args[1]) == "" and _SCRIPT.search(str(constant(call.args[0]))):
            name = _place(view.reading, call)
            if _CLEANS.search(name) and not _READS.search(name) and not _leaves_words(view.reading, call):
                yield Hit(call, "Browsers run what this leaves, `</script >` for one: use a sanitiser such as `nh3`.")


def _leaves_words(reading: Reading, call: ast.Call) -> bool:
    """Whether the same function takes out every tag."""
    others = (it for it in reading.within(reading.function(call)) if isinstance(it, ast.Call) and it is not call and it.args)
    return any(
        dotted(it.func).rpartition(".")[2] in ("sub", "compile") and _ALL_TAGS.search(str(constant(it.args[0]))) for it in others
    )


def _place(reading: Reading, node: ast.AST) -> str:
    """The function around, or what the result is called."""
    function = reading.function(node)
    return function.name if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else ""
