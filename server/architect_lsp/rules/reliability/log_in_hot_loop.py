"""A log line is built for every turn of a loop within a loop, whether anybody reads it or not.

Why: an f-string is put together before the logger looks at its level. In an inner loop that costs more than the work, and where
the level is on, the few lines that matter drown.
Instead: log once, with the count; or hand the values over unformatted and let the level decide.

    logger.debug("matched %d of %d rows", n_matched, n_rows)

Trade-offs: while one looks for a fault a line a turn is what one wants; guard it with `logger.isEnabledFor(logging.DEBUG)`.
Off by default: how often a loop turns is not in the code.
Performance: formatting a record costs microseconds even when nothing is written; writing it costs a lock.
Source: https://docs.python.org/3/howto/logging.html#optimization
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B5", "E2"],
    preview=True,
    needs=["debug("],
    bad=[
        Bad("""
def match(orders, rows):
    for order in orders:
        for row in rows:
            [|logger.debug(f"{order} against {row}")|]
"""),
    ],
    good=[
        """
def match(orders, rows):
    for order in orders:
        logger.debug(f"{order}")
        for row in rows:
            logger.debug("%s against %s", order, row)
            if row.odd:
                logger.debug(f"odd: {row}")
            logger.info(f"{row}")
""",
    ],
)

_LOGGER = regex(r"(?:^|[._])(?:log|logger|logging)$", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`debug` with a text made anew, each turn of a loop within a loop."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "debug" or not call.args:
            continue
        if not isinstance(call.args[0], ast.JoinedStr) or not _LOGGER.search(dotted(call.func.value)):
            continue
        inner = reading.loop(call)
        statement = reading.parent(call)
        if inner is not None and reading.parent(statement or call) is inner and reading.loop(inner) is not None:
            yield Hit(call, f"`{ast.unparse(call.func)}` builds this text for every turn of a loop within a loop.")
