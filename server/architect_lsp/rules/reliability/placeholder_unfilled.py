"""A message says `{name}` instead of what the name stands for.

Why: without the `f` before the quotes a text is taken as it is written, so that whoever reads the log or the answer is told
`{name}`.
Instead: an f-string, or arguments of the logger.

    raise ValueError(f"no such plan: {plan}")

Consequences: the one detail that was to help is missing when it is needed.
Tests: assert that the message holds the value.
Observability: the log shows the name of a variable in braces.
Source: https://docs.python.org/3/reference/lexical_analysis.html#f-strings
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import arguments
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["E2", "A5"],
    equivalents=["RUF027"],
    needs=["{"],
    bad=[
        Bad(
            """
def price(plan):
    if plan not in ("free", "paid"):
        raise ValueError([|"no such plan: {plan}"|])
""",
            fixed="""
def price(plan):
    if plan not in ("free", "paid"):
        raise ValueError(f"no such plan: {plan}")
""",
        ),
        Bad("""
import logging
from fastapi import HTTPException

logger = logging.getLogger(__name__)

def show(key):
    row = load(key)
    if row is None:
        logger.warning([|"no row {key!r}"|])
        raise HTTPException(404, detail=[|"no row {key}"|])
    return row
"""),
    ],
    good=[
        """
import logging

logger = logging.getLogger(__name__)

def price(plan, path):
    logger.info("plan {plan}", plan=plan)
    logger.info("plan {plan}".format(plan=plan))
    logger.info(f"plan {plan}")
    logger.warning("use GET /plans/{plan} and `{plan}` instead")
    logger.warning("a template: {other}")
    raise KnownError("plan", "no plan {plan}", {"plan": plan})
""",
    ],
)

_NAMES = regex(r"\{([a-z_]\w*)(?:![rsa])?\}")
_TELLS = regex(r"(?:.*\.)?_?(?:log|logger|logging)\.\w+|(?:.*\.)?\w*(?:Error|Exception)|print|warnings\.warn")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Plain texts with names of the function in braces, handed to a log or an exception."""
    reading = view.reading
    for text in reading.each(ast.Constant):
        if not isinstance(text.value, str) or "{" not in text.value or "{{" in text.value:
            continue
        call = _told_by(reading, text)
        names = [it[1] for it in _NAMES.finditer(text.value)]
        if call is None or not names or text.value.count("{") != len(names):
            continue
        if any(text.value[it.start() - 1 : it.start()] in ("/", "`", "<") and it.start() for it in _NAMES.finditer(text.value)):
            continue
        given = [*call.args, *(it.value for it in call.keywords)]
        if any(it.arg in names or it.arg is None for it in call.keywords) or any(isinstance(it, ast.Dict) for it in given):
            continue
        function = reading.function(text)
        known = _known(reading, function)
        if function is not None and all(it in known for it in names):
            source = reading.source(text)
            fix = Draft("Make it an f-string", (Change(text, f"f{source}"),))
            is_plain = source[:1] in "\"'" and "\n" not in source
            yield Hit(text, f"This says `{{{names[0]}}}` as it stands: an `f` is missing.", fixes=(fix,) if is_plain else ())


def _told_by(reading: Reading, text: ast.Constant) -> ast.Call | None:
    """The call of a logger or an exception that a text is handed to as it is."""
    up = reading.parent(text)
    call = reading.parent(up) if isinstance(up, ast.keyword) else up
    return call if isinstance(call, ast.Call) and call.func is not text and _TELLS.fullmatch(dotted(call.func)) else None


def _known(reading: Reading, function: ast.AST | None) -> set[str]:
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return set()
    return {it.arg for it in arguments(function)} | set(reading.bindings(function))
