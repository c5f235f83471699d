"""A log call's arguments do not fit its message, so what it should say is lost.

Why: `logging` puts the arguments into the message only when the record is written, and when they do not fit it prints
"--- Logging error ---" to stderr and drops the record. The line that was to explain the incident is not there.
Instead: one placeholder an argument.

    logger.warning("order %s: attempt %s failed", order.id, attempt)

Tests: provoke the branch and assert on `caplog.messages`; the error is raised when `logging.raiseExceptions` is turned into one.
Observability: the record that is dropped is mostly of a branch that is seldom run, such as an error's.
Source: https://docs.python.org/3/library/logging.html#logging.Logger.debug
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["E2", "C4"],
    equivalents=["PLE1205", "PLE1206", "E1205", "E1206"],
    needs=["log", "LOG"],
    bad=[
        Bad(
            """
import logging

logger = logging.getLogger(__name__)

def pay(order, error):
    [|logger.error("payment failed", error)|]
    [|logger.warning("order %s: attempt %s failed", order.id)|]
""",
            fixed="""
import logging

logger = logging.getLogger(__name__)

def pay(order, error):
    logger.error("payment failed: %s", error)
    logger.warning("order %s: attempt %s failed", order.id)
""",
        ),
        Bad("""
import logging

def pay(order, error):
    [|logging.info("order %s was paid by %s", order.id, order.user, error)|]
"""),
    ],
    good=[
        """
import logging
from loguru import logger as loguru_logger
import structlog

logger = logging.getLogger(__name__)
log = structlog.get_logger()

def pay(order, error, values):
    logger.error("payment failed: %s", error)
    logger.info("%d%% of %s", 50, order.id)
    logger.info("100% done")
    logger.info("%(id)s was paid", {"id": order.id})
    logger.info("%s and %s", *values)
    logger.info("%*d", 5, 3)
    logger.info(f"paid {order.id}")
    logger.error("payment failed", exc_info=error)
    loguru_logger.info("paid {} by {}", order.id, order.user)
    log.info("paid", order.id)
""",
    ],
)

_LEVELS = ("debug", "info", "warning", "warn", "error", "critical", "exception")
_PLACE = regex(r"%(?:\((?P<name>[^)]*)\))?[#0\- +]*(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d+))?[hlL]?(?P<kind>.)", re.DOTALL)
_KINDS = "diouxXeEfFgGcrsa"


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls of `logging` whose literal message takes more or fewer values than they give."""
    for call in view.reading.each(ast.Call):
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr not in _LEVELS or not call.args:
            continue
        message = constant(call.args[0])
        values = call.args[1:]
        if not isinstance(message, str) or not values or any(isinstance(it, ast.Starred) for it in values):
            continue
        n_taken = _taken(message)
        if n_taken is None or n_taken == len(values) or not _is_logging(view, function):
            continue
        if n_taken == 0 and len(values) == 1 and isinstance(values[0], ast.Dict):
            continue  # a mapping for no names: written as it is
        yield Hit(call, _message(function.attr, n_taken, len(values)), tuple(_fix(call, message, n_taken)))


def _message(level: str, n_taken: int, n_given: int) -> str:
    values = f"{n_given} value{'s' if n_given > 1 else ''}"
    places = f"{n_taken} placeholder{'s' if n_taken != 1 else ''}" if n_taken else "no placeholder"
    return f"`{level}` is given {values} for {places}: `logging` drops the record and prints an error instead."


def _taken(message: str) -> int | None:
    """Values that a message takes; None where it takes a mapping or can't be told."""
    n = 0
    for it in _PLACE.finditer(message):
        if it["kind"] == "%":
            continue
        if it["name"] is not None or it["kind"] not in _KINDS:
            return None
        n += 1 + (it["width"] == "*") + (it["precision"] == "*")
    return n


def _is_logging(view: View, function: ast.Attribute) -> bool:
    name = view.name(function).replace("()", "")
    return name in {f"logging.{it}" for it in _LEVELS} or bool(re.fullmatch(r"logging\.(?:getLogger|Logger|root)\.\w+", name))


def _fix(call: ast.Call, message: str, n_taken: int) -> Iterator[Draft]:
    text = call.args[0]
    if n_taken == 0 and len(call.args) == 2 and "%" not in message and dotted(call.args[1]) and '"' not in message:
        ending = message.rstrip(" :.")
        if "\n" not in message and "\\" not in message:
            yield Draft("Give it a placeholder", (Change(text, f'"{ending}: %s"'),), safe=False)
