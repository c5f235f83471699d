"""A function becomes root and stays it.

Why: `os.seteuid(0)` holds for the whole process, until it is taken back. An error on the way, or a forgotten line, leaves all
that follows with the rights of root.
Instead: take it back in a `finally`.

    os.seteuid(0)
    try:
        os.makedirs(folder)
    finally:
        os.seteuid(user)

Tests: let the work fail, and assert that `os.geteuid()` is the user's.
Security: CWE-250, CWE-272.
Source: https://cwe.mitre.org/data/definitions/250.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=250,
    needs=["seteuid", "setegid"],
    bad=[
        Bad("""
import os

def scratch(user):
    [|os.seteuid(0)|]
    os.makedirs("/home/" + user)
"""),
    ],
    good=[
        """
import os

def scratch(user, uid):
    os.seteuid(0)
    try:
        os.makedirs("/home/" + user)
    finally:
        os.seteuid(uid)
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Functions that take the rights of root and never give them back."""
    calls = [it for it in view.reading.each(ast.Call) if view.callee(it) in ("os.seteuid", "os.setegid") and it.args]
    for call in calls:
        function = view.reading.function(call)
        alike = [it for it in calls if view.callee(it) == view.callee(call) and view.reading.function(it) is function]
        work = len(view.reading.within(function)) > 6 and getattr(function, "body", [])[1:]
        if function is not None and constant(call.args[0]) == 0 and len(alike) == 1 and work:
            yield Hit(call, "All that follows runs as root: take it back in a `finally`.")
