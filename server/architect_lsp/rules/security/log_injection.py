"""A value from outside is logged with its line breaks.

Why: a line break in the value begins a line that looks like one of the program's own: false traces, broken parsers, markup for
whoever reads the log in a browser.
Instead: log it as a field of a structured record, or with `%r`.

    try:
        user = load(name)
    except NotFound:
        logger.warning("unknown user %r", name)
        raise

Trade-offs: off by default: a formatter that escapes, such as JSON, makes it harmless in one place, and the code does not show it.
Tests: log a value with a line break and assert that one record of one line is written.
Security: hiding an attack among invented lines.
Source: CWE-117; https://owasp.org/www-community/attacks/Log_Injection
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    rows=["C4", "D4"],
    cwe=117,
    preview=True,
    bad=[
        Bad("""
import logging
from flask import request

logger = logging.getLogger(__name__)

def login():
    logger.info("login of %s", [|request.form["name"]|])
"""),
    ],
    good=[
        """
import logging
from flask import request

logger = logging.getLogger(__name__)

def login():
    logger.info("login of %r", request.form["name"])
    name = request.form["name"].replace("\\n", "").replace("\\r", "")
    logger.info("login of %s", name)
    logger.info("number %d", int(request.form["number"]))
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Log lines with a part that someone outside writes."""
    for it in view.exposures("log"):
        first = it.call.args[0] if it.call.args else None
        shown = isinstance(first, ast.Constant) and "%r" in str(first.value)
        stripped = any(isinstance(node, ast.Attribute) and node.attr == "replace" for node in view.reading.each(ast.Attribute))
        if not it.steps and not shown and not stripped:
            yield Hit(it.argument, f"`{it.source}` is logged as it is: a line break in it forges a line; log it with `%r`.")
