"""A task or route catches everything, logs the exception's words and drops its trace.

Why: a broad handler stands there for what nobody expected. The words of such an exception (`'id'`, `list index out of range`) do
not say where it was raised; the trace did, and after this line it is gone. Above a task or a route stands only the framework,
which is told that all went well, so nobody else will log it.
Instead: `logger.exception`, which logs at the same level and adds the trace.

    try:
        await mailer.send(invitation)
    except Exception:
        logger.exception("invitation %s was not sent", invitation.id)

Consequences: the same fault is met again and again before someone can reproduce it.
Trade-offs: where one fault repeats thousands of times a minute the traces cost money; sample them, or name the expected exception
in a handler of its own and log that one line.
Tests: make the call inside raise, and assert with `caplog` that the record has `exc_info`.
Observability: error trackers group by trace; a record without one is grouped by its text, which differs each time.
Source: https://docs.python.org/3/library/logging.html#logging.Logger.exception
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, Reading, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["E2", "C4"],
    equivalents=["TRY400", "G201"],
    needs=["except"],
    bad=[
        Bad(
            """
import logging

logger = logging.getLogger(__name__)

@shared_task
def send(mailer, mail):
    try:
        mailer.send(mail)
    except Exception as exc:
        [|logger.error(f"could not send: {exc}")|]
""",
            fixed="""
import logging

logger = logging.getLogger(__name__)

@shared_task
def send(mailer, mail):
    try:
        mailer.send(mail)
    except Exception as exc:
        logger.exception(f"could not send: {exc}")
""",
        ),
        Bad("""
import logging

@app.post("/sync")
async def sync(client):
    try:
        client.pull()
        client.push()
    except Exception as error:
        [|logging.error("sync failed: %s", str(error))|]
        return False
    return True
"""),
    ],
    good=[
        """
import logging

logger = logging.getLogger(__name__)

@shared_task
def parse(text):
    try:
        return int(text)
    except ValueError as exc:
        logger.error("not a number: %s", exc)

@shared_task
def send(mailer, mail):
    try:
        mailer.send(mail)
    except Exception as exc:
        logger.error("could not send: %s", exc, exc_info=True)

@shared_task
def wrap(mailer, mail):
    try:
        mailer.send(mail)
    except Exception as exc:
        logger.error("could not send: %s", exc)
        raise

@shared_task
def report(mailer, mail, tracker):
    try:
        mailer.send(mail)
    except Exception as exc:
        logger.error("could not send: %s", exc)
        tracker.capture_exception(exc)

def helper(mailer, mail):
    try:
        mailer.send(mail)
    except Exception as exc:
        logger.error("could not send: %s", exc)
""",
    ],
)

_LOGGER = regex(r"(?:^|[._])(?:log|logger|logging|_log|_logger|applog)$", re.IGNORECASE)
_BROAD = ("Exception", "BaseException", "builtins.Exception", "builtins.BaseException")
_TRACED = regex(
    r"traceback|exc_info|\.exception\(|capture_exception|format_exc|print_exc|record_exception|stack_info|set_exception|log_exception|opt\(exception"
)
_ENTRIES = regex(
    r"^(?:\w*task|get|post|put|patch|delete|route|api_route|websocket|api_view|action|on_event|event_handler|receiver|listen\w*"
    r"|subscri\w+|consumer?|on_message|handler|job|actor|cron|scheduled_job|worker|middleware|hook|webhook)$"
)
_LEAVES = ("sys.exit", "exit", "os._exit", "SystemExit", "quit")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Broad handlers of entry points whose only record of the exception is its text."""
    reading = view.reading
    for handler in reading.each(ast.ExceptHandler):
        if not _is_broad(handler.type) or not handler.name or not _is_entry(reading.function(handler)):
            continue
        inside = [it for statement in handler.body for it in ast.walk(statement)]
        if any(isinstance(it, ast.Raise) or (isinstance(it, ast.Call) and dotted(it.func) in _LEAVES) for it in inside):
            continue
        if _TRACED.search("\n".join(ast.unparse(it) for it in handler.body)) or _is_handed_on(reading, handler, inside):
            continue
        calls = [it for it in inside if isinstance(it, ast.Call) and _is_log(it) and _speaks_of(it, handler.name)]
        if calls and keyword(calls[0], "extra") is None:
            call = calls[0]
            name = ast.unparse(call.func)
            yield Hit(
                call,
                f"`{name}` keeps the exception's words and drops its trace, and this is the last place that has it.",
                tuple(_fix(call)),
            )


def _is_entry(function: Function | ast.Lambda | None) -> bool:
    """Whether a framework calls the function, by the last name of a decorator."""
    decorators = [] if function is None or isinstance(function, ast.Lambda) else function.decorator_list
    names = (dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] for it in decorators)
    return any(_ENTRIES.match(it) for it in names)


def _is_broad(node: ast.expr | None) -> bool:
    return node is None or dotted(node) in _BROAD


def _is_log(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in ("error", "critical")
        and bool(_LOGGER.search(dotted(call.func.value)))
    )


def _speaks_of(call: ast.Call, name: str) -> bool:
    return any(isinstance(it, ast.Name) and it.id == name for argument in call.args for it in ast.walk(argument))


def _is_handed_on(reading: Reading, handler: ast.ExceptHandler, inside: list[ast.AST]) -> bool:
    """Whether the exception itself, not its text, leaves the handler: returned, stored, tested or passed to another function."""
    for it in inside:
        if isinstance(it, ast.Name) and it.id == handler.name and isinstance(it.ctx, ast.Load):
            up = reading.parent(it)
            if isinstance(up, ast.FormattedValue | ast.BinOp):
                continue
            if isinstance(up, ast.Tuple) and isinstance(reading.parent(up), ast.BinOp):
                continue
            if isinstance(up, ast.Call) and (
                _is_log(up)
                or dotted(up.func) in ("str", "repr", "type")
                or dotted(up.func).rpartition(".")[2] in ("format", "warning", "info", "debug")
            ):
                continue
            if isinstance(up, ast.Attribute) and up.attr.startswith("__"):
                continue
            return True
    return False


def _fix(call: ast.Call) -> Iterator[Draft]:
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr == "error":
        yield Draft("Log the trace too", (Change(call.func, f"{ast.unparse(call.func.value)}.exception"),))
