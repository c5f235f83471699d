"""Whether a file may be read is asked first, and it is opened after.

Why: between the question and the opening the name may come to stand for another file, by a link for one. A program that runs
with more rights than who asks opens what they may not read.
Instead: open it, and take the refusal for the answer.

    try:
        handle = open(path)
    except PermissionError:
        return ""

Tests: replace the file by a link between the two.
Security: CWE-367.
Source: https://docs.python.org/3/library/os.html#os.access
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=367,
    needs=["os.access"],
    bad=[
        Bad("""
import os

def read_for(path):
    if [|os.access(path, os.R_OK)|]:
        with open(path) as handle:
            return handle.read()
    return ""
"""),
    ],
    good=[
        """
import os

def read_for(path):
    try:
        with open(path) as handle:
            return handle.read()
    except PermissionError:
        return ""

def check(path):
    if not os.access(path, os.R_OK):
        raise SystemExit("can't be read")
    if os.access(path, os.X_OK):
        return "program"
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`os.access` of what the same branch opens."""
    for call in view.reading.each(ast.Call):
        up = view.reading.parent(call)
        if not isinstance(up, ast.If) or up.test is not call or not call.args or view.callee(call) != "os.access":
            continue
        asked = dotted(call.args[0])
        inside = (it for row in up.body for it in ast.walk(row))
        if asked and any(
            isinstance(it, ast.Call) and dotted(it.func) == "open" and it.args and dotted(it.args[0]) == asked for it in inside
        ):
            yield Hit(call, f"`{asked}` may stand for another file by the time it is opened: open it, and catch the refusal.")
