"""Work is handed to a thread or a process, and nobody ever asks what became of it.

Why: `submit` keeps an exception in the future it gives. When the future is dropped, so is the exception: no log line, no trace,
no retry; the work was not done, and nothing says so.
Instead: keep the future and look at it, or log in the function that is handed over.

    future = pool.submit(send, mail)
    future.add_done_callback(log_failure)

    def log_failure(future: Future) -> None:
        if error := future.exception():
            logger.error("mail was not sent", exc_info=error)

Consequences: mails, webhooks or exports are missing now and then, and the logs are clean.
Tests: make the function raise and assert that the log has it.
Observability: count failures of the pool as of any other worker.
Source: https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.Future.exception
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["E2", "B2"],
    cwe=390,
    needs=[".submit(", "run_in_executor("],
    bad=[
        Bad("""
import asyncio
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor()

def place(order, send):
    order.save()
    [|pool.submit(send, order.id)|]

async def close(order, send):
    [|asyncio.get_running_loop().run_in_executor(None, send, order.id)|]
"""),
    ],
    good=[
        """
import asyncio
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor()

def send(number):
    try:
        deliver(number)
    except Exception:
        logger.exception("order %s was not sent", number)

def place(order, form):
    future = pool.submit(deliver, order.id)
    pool.submit(send, order.id)
    pool.submit(deliver, order.id).result()
    form.submit(order)
    return [pool.submit(deliver, it) for it in order.lines]

async def close(order):
    await asyncio.get_running_loop().run_in_executor(None, deliver, order.id)
""",
    ],
)

_POOLS = re.compile(r"(?:concurrent\.futures\.(?:\w+\.)*)?(?:Thread|Process|Interpreter)PoolExecutor")
_LOGS = ("exception", "error", "warning", "critical", "print_exc", "format_exc", "capture_exception")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Statements that hand work to an executor and drop its future."""
    reading = view.reading
    if is_script(view.path):
        return
    for statement in reading.each(ast.Expr):
        call = statement.value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not call.args:
            continue
        name = call.func.attr
        work = call.args[0] if name == "submit" else call.args[1] if name == "run_in_executor" and len(call.args) > 1 else None
        if work is None or (name == "submit" and not _is_pool(view, call.func.value)) or _answers(view, work):
            continue
        shown = ast.unparse(work) if dotted(work) else "the work"
        yield Hit(call, f"What `{shown}` raises is lost: the future that `{name}` gives is dropped.")


def _is_pool(view: View, node: ast.expr) -> bool:
    return bool(_POOLS.fullmatch(view.name(node).replace("()", "")))


def _answers(view: View, work: ast.expr) -> bool:
    """Whether the function that is handed over logs what goes wrong itself, or may: all but what is known not to."""
    if isinstance(work, ast.Call) and dotted(work.func).rpartition(".")[2] == "partial" and work.args:
        work = work.args[0]
    if not dotted(work) or re.search(r"safe|log|wrap|catch|shutdown|close|stop|cancel", dotted(work), re.IGNORECASE):
        return True
    symbol = view.symbol(work)
    calls = symbol.facts.calls if isinstance(symbol, FunctionSymbol) else ()
    return any(it.target.rpartition(".")[2] in _LOGS for it in calls)
