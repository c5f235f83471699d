"""A regular expression tries exponentially many ways to match.

Why: `(\\w+\\s?)+$` can divide a run of letters among its repetitions in as many ways as there are subsets; when the end does not
match, all of them are tried. Thirty letters take minutes.
Instead: let the repetitions begin with what must be there, so that there is one way only.

    re.compile(r"\\w+(?:\\s\\w+)*$")

Consequences: one request with a made text holds a worker until it is killed.
Trade-offs: `regex` and `re2` have time limits, or no backtracking at all; both are dependencies.
Security: CWE-1333.
Tests: match a text of forty fitting characters and one that doesn't fit, under a time limit.
Source: OWASP, "Regular expression Denial of Service"
"""

import ast
import warnings
from collections.abc import Iterator
from typing import Any

try:
    from re import _constants as sre  # type: ignore[attr-defined, unused-ignore]
    from re import _parser as sre_parse  # type: ignore[attr-defined, unused-ignore]
except ImportError:  # Python 3.10
    import sre_constants as sre  # type: ignore[no-redef, unused-ignore]
    import sre_parse  # type: ignore[no-redef, unused-ignore]

from architect_lsp.knowledge.reading import constant, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=1333,
    needs=["re.", "regex.", "compile", "match"],
    bad=[
        Bad(
            r"""
import re

WORDS = re.compile([|r"^(\w+,?)*$"|])

def is_list(text):
    return re.fullmatch([|r"(?:[a-z]*)*"|], text)

def is_path(text):
    return re.match([|"^(/?[a-z0-9]+)+/$"|], text)
"""
        ),
        Bad("""
import re

NAME = re.compile([|r"^(([a-z])+.)+[A-Z]([a-z])+$"|])
"""),
    ],
    good=[
        r"""
import re

WORDS = re.compile(r"^\w+(?:,\w+)*$")
PATH = re.compile(r"^(?:/[a-z0-9]+)+/$")
TAGS = re.compile(r"^(#\w+,?)*$")
LINES = re.compile(r"(?:\w+,?)*")

def is_list(text):
    return re.fullmatch(r"(?:[a-z]+;)*", text)
""",
        """
import re

NAME = re.compile(r"^(?:[a-z]+\\.)+[A-Z][a-z]+$")
""",
    ],
)

_USES = ("compile", "match", "search", "fullmatch", "findall", "finditer", "sub", "split")
_MODULES = ("re", "regex")
_MANY = 20
"""Repetitions from which on a bound does not help."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Patterns in which one unbounded repetition repeats another, with nothing that must stand between."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        node = keyword(call, "pattern") or (call.args[0] if call.args else None)
        pattern = constant(node)
        if last not in _USES or not isinstance(pattern, str) or node is None or ("*" not in pattern and "+" not in pattern):
            continue
        if view.callee(call).partition(".")[0] in _MODULES and _explodes(pattern, whole=last == "fullmatch"):
            yield Hit(
                node, "This expression takes exponential time for a text that almost matches: a repetition repeats another."
            )


def _explodes(pattern: str, *, whole: bool) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = list(sre_parse.parse(pattern))
    except (ValueError, OverflowError, RecursionError, sre.error):
        return False  # not an expression of this Python
    return _among(rows, fails=whole)


def _among(rows: list[Any], *, fails: bool) -> bool:
    """Whether one of the pieces explodes; `fails` tells whether what follows them may fail to match."""
    for index, (op, value) in enumerate(rows):
        follows = fails or any(_must(it) for it in rows[index + 1 :])
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            _, most, inner = value
            if most >= _MANY and follows and _is_ambiguous(_bare(list(inner))):
                return True
            if _among(list(inner), fails=follows):
                return True
        elif (op is sre.SUBPATTERN and _among(list(value[-1]), fails=follows)) or (
            op is sre.BRANCH and any(_among(list(it), fails=follows) for it in value[1])
        ):
            return True
    return False


def _bare(rows: list[Any]) -> list[Any]:
    """The pieces inside of groups that hold all there is."""
    while len(rows) == 1 and rows[0][0] is sre.SUBPATTERN:
        rows = list(rows[0][1][-1])
    return rows


def _is_ambiguous(rows: list[Any]) -> bool:
    """Whether the pieces may match no more than one unbounded repetition, so that a run divides in many ways."""
    repeated = [it for it in rows if it[0] in (sre.MAX_REPEAT, sre.MIN_REPEAT) and it[1][1] >= _MANY]
    others = [it for it in rows if not any(it is each for each in repeated)]
    others = [it for it in others if it[0] is not sre.ANY]  # `.` takes what the repetition takes, too
    return bool(repeated) and not any(_must(it) for it in others) and sum(it[1][0] > 0 for it in repeated) <= 1


def _must(row: Any) -> bool:
    """Whether a piece has to match something, or to stand at a place."""
    op, value = row
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        return bool(value[0] > 0)
    if op is sre.SUBPATTERN:
        return any(_must(it) for it in value[-1])
    return True
