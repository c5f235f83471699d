"""A range of characters takes in more than letters.

Why: between `Z` and `a` lie `[`, `\\\\`, `]`, `^`, `_` and a backtick. `[A-z]` lets them through, mostly in a
check of a name.
Instead: `[A-Za-z]`.

Tests: send `[` and a backtick.
Security: CWE-20, CWE-185.
Source: https://codeql.github.com/codeql-query-help/python/py-overly-large-range/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=185,
    needs=["A-z"],
    bad=[
        Bad("""
import re

def is_word(text):
    return re.match([|r"^[A-z0-9]+$"|], text)
"""),
    ],
    good=[
        """
import re

def is_word(text):
    return re.match(r"^[A-Za-z0-9]+$", text) or re.match("A-z", text)
""",
    ],
)

_RANGE = regex(r"\[[^\]]*A-z")
_TAKES = (
    "compile",
    "match",
    "search",
    "fullmatch",
    "findall",
    "finditer",
    "sub",
    "subn",
    "split",
    "RegexValidator",
    "Regexp",
    "regex",
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Patterns with `A-z` in a class of characters."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        given = [*call.args[:1], *(it.value for it in call.keywords if it.arg in ("pattern", "regex"))]
        if last in _TAKES or any(it.arg in ("pattern", "regex") for it in call.keywords):
            found = next((it for it in given if isinstance(constant(it), str) and _RANGE.search(str(constant(it)))), None)
            if found is not None:
                yield Hit(found, r"`A-z` is not only letters: `[`, `\`, `]`, `^`, `_` and a backtick, too; write `A-Za-z`.")
