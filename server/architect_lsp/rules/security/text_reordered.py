"""The source shows other code than it is.

Why: characters that turn the direction of writing make a line look as if its end stood in the middle. A reviewer reads a comment
where the program has code.
Instead: write text that needs them with escapes, `"\\u202e"`.

Security: CWE-1007, CVE-2021-42574.
Source: https://trojansource.codes
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=1007,
    equivalents=["PLE2502", "B613"],
    needs=["\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068"],
    bad=[
        Bad("""
def is_admin(level):
    return [|level == "user\u202e"|]
"""),
    ],
    good=[
        """
def is_admin(level):
    return level == "admin" or level == "\\u202e"
""",
    ],
)

_TURNS = regex("[\u202a\u202b\u202d\u202e\u2066\u2067\u2068]")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The innermost expression, or statement, with such a character in it."""
    lines = view.reading.parsed.lines
    told: set[int] = set()
    for node in (
        *view.reading.each(ast.Compare),
        *view.reading.each(ast.Assign),
        *view.reading.each(ast.Expr),
        *view.reading.each(ast.Return),
    ):
        line = view.reading.place(node).line
        if line not in told and line < len(lines) and _TURNS.search(lines[line]):
            told.add(line)
            yield Hit(node, "A character in this line turns the direction of writing: what is shown is not what runs.")
