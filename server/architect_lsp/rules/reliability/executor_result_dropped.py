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
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
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
import contextvars
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor()

def send(number):
    post(f"/orders/{number}/mail")

def place(order):
    order.save()
    [|pool.submit(send, order.id)|]
    [|pool.submit(contextvars.copy_context().run, send, order.id)|]

async def close(order):
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
    except Exception as error:
        failures.append(error)

def deliver(number):
    post(f"/orders/{number}/mail")

def place(order, form, unknown):
    future = pool.submit(deliver, order.id)
    pool.submit(send, order.id)
    pool.submit(unknown, order.id)
    pool.submit(deliver, order.id).result()
    form.submit(order)
    return [pool.submit(deliver, it) for it in order.lines]

async def close(order):
    await asyncio.get_running_loop().run_in_executor(None, deliver, order.id)
""",
    ],
)

_POOLS = regex(r"(?:concurrent\.futures\.(?:\w+\.)*)?(?:Thread|Process|Interpreter)PoolExecutor")
_LOGS = ("exception", "error", "warning", "critical", "print_exc", "format_exc", "capture_exception")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Statements that hand a function which handles nothing to an executor, and drop its future."""
    reading = view.reading
    if is_script(view.path):
        return
    for statement in reading.each(ast.Expr):
        call = statement.value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        name = call.func.attr
        if name == "run_in_executor" or (name == "submit" and _is_pool(view, call.func.value)):
            work = _work(call.args[name == "run_in_executor" :])
            if work is not None and _says_nothing(view, work):
                yield Hit(call, f"What `{ast.unparse(work)}` raises is lost: the future that `{name}` gives is dropped.")


def _work(given: list[ast.expr]) -> ast.expr | None:
    """The function among what is handed over, out of a `partial` or a context's `run`."""
    first = given[0] if given else None
    if isinstance(first, ast.Call) and dotted(first.func).rpartition(".")[2] == "partial":
        return first.args[0] if first.args else None
    return given[1] if isinstance(first, ast.Attribute) and first.attr == "run" and len(given) > 1 else first


def _is_pool(view: View, node: ast.expr) -> bool:
    return bool(_POOLS.fullmatch(view.name(node).replace("()", "")))


def _says_nothing(view: View, work: ast.expr) -> bool:
    """Whether the function is the project's, catches nothing and logs no failure."""
    symbol = view.symbol(work)
    if not isinstance(symbol, FunctionSymbol) or symbol.facts.catches:
        return False
    return not any(it.target.rpartition(".")[2] in _LOGS for it in symbol.facts.calls)
