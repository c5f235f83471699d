"""An error is caught and nobody is told.

Why: `except Exception: pass` takes what was foreseen (the other side is away) together with what was not (a renamed attribute,
a full disk, a bug of last week), and leaves neither a trace nor a different result.
Instead: catch what is expected, and say what it means; let the rest through, or log it with its trace.

    try:
        chat.post(text)
    except requests.RequestException:
        logger.warning("The packers were not told: %s", text, exc_info=True)

Consequences: work is lost in silence, and the first report of it comes from a customer.
Trade-offs: best effort is a fine choice where it is one; a comment or a log line at debug level says so and costs nothing.
Tests: make the call fail and assert on the log record, or on the answer that differs.
Security: a failed check that is swallowed is a check passed.
Observability: count handled errors by place; a rate that was never zero and now is, matters too.
Source: PEP 20, "Errors should never pass silently. Unless explicitly silenced."
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.handlers import after, is_other_way
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.symbols import External
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B1", "C4", "E2"],
    yields_to=["cancelled-error-swallowed"],
    cwe=390,
    equivalents=["S110", "S112", "BLE001", "B110", "B112", "W0718"],
    needs=["except", "suppress"],
    bad=[
        Bad(
            """
import logging
import requests

logger = logging.getLogger(__name__)

def tell(url, text):
    try:
        requests.post(url, json={"text": text}, timeout=3)
    [|except Exception:|]
        pass
""",
            fixed="""
import logging
import requests

logger = logging.getLogger(__name__)

def tell(url, text):
    try:
        requests.post(url, json={"text": text}, timeout=3)
    except Exception:
        logger.exception("tell failed")
""",
        ),
        Bad(
            """
import requests

def tell_all(urls, text):
    for url in urls:
        try:
            requests.post(url, json={"text": text}, timeout=3)
        [|except (ValueError, Exception):|]
            continue
""",
            fixed="""
import logging
import requests

def tell_all(urls, text):
    for url in urls:
        try:
            requests.post(url, json={"text": text}, timeout=3)
        except (ValueError, Exception):
            logging.getLogger(__name__).exception("tell_all failed")
            continue
""",
        ),
        Bad("""
-- app/orders.py --
from contextlib import suppress
from app.mail import send

def confirm(order):
    with [|suppress(Exception)|]:
        send(order.email)
-- app/mail.py --
import smtplib

def send(recipient):
    with smtplib.SMTP("mail.example", timeout=5) as server:
        server.sendmail("us@example.org", recipient, "Thank you")
"""),
    ],
    good=[
        """
import asyncio

async def ready(page):
    for _ in range(100):
        try:
            if await page.evaluate("document.readyState") == "complete":
                break
        except Exception:
            pass
        await asyncio.sleep(0.05)
""",
        """
import logging
import requests

def tell(url):
    try:
        requests.post(url, timeout=3)
    except requests.RequestException:
        pass
    try:
        requests.post(url, timeout=3)
    except Exception:
        logging.exception("not told")
    try:
        requests.post(url, timeout=3)
    except Exception:
        pass  # the page is complete without it
    try:
        requests.post(url, timeout=3)
    except Exception:
        # best effort
        pass
""",
        """
import requests

class Client:
    def close(self):
        try:
            requests.post("https://example.org/bye", timeout=3)
        except Exception:
            pass

    def __del__(self):
        try:
            self.close()
        except Exception:
            pass

    def work(self, connection):
        try:
            requests.get("https://example.org/", timeout=3)
        finally:
            try:
                requests.post("https://example.org/bye", timeout=3)
            except Exception:
                pass
""",
        """
def version():
    try:
        import torch
        torch.cuda.init()
        return torch.version
    except Exception:
        pass
    value = None
    try:
        value = int("7")
    except Exception:
        pass
    return value
""",
        """
from contextlib import suppress

async def start(docker, name):
    if not await docker.start(name):
        with suppress(Exception):
            await docker.wipe(name)
        raise RuntimeError("not started")

async def say(bot, chat, queues):
    try:
        await bot.send_chat_action(chat, "typing")
    except Exception:
        pass
    with suppress(Exception):
        await tell(bot)
    status = None
    with suppress(Exception):
        row = await bot.row(chat)
        status = row.status
    try:
        if status is None:
            status = await bot.guess(chat)
    except Exception:
        pass
    if not status:
        status = await bot.ask(chat)
    try:
        await bot.find(chat)
    except Exception:
        pass
    else:
        return None
    return status

async def tell(bot):
    try:
        await bot.send("hello")
    except Exception as error:
        print(error)
""",
        """
async def relay(websocket, response):
    detail = response.status
    try:
        body = await response.json()
        detail = body["error"]
    except Exception:
        pass
    with suppress(Exception):
        await websocket.send_json({"error": detail})
""",
        '''
import requests

def track(event):
    """Counts an event; never raises."""
    try:
        requests.post("https://stats.example/", json=event, timeout=3)
    except Exception:
        pass
''',
    ],
)

_KINDS = ("http", "db-read", "db-write", "commit", "llm", "mail")
"""Effects whose failure means that work was not done."""
_ENDINGS = regex(
    r"(?:__del__|__a?exit__|__repr__|__str__|main)$|(?:^|_)(?:close|aclose|shutdown|stop|cleanup|clean|teardown|tear_down|disconnect|dispose|"
    r"terminate|kill|release|unregister|rollback|abort|cancel|reset|flush|probe|detect|ping|warm|warmup|prefetch|telemetry|track)(?:_|$)",
)
_ENDING_CALLS = regex(
    r"(?:^|_)(?:a?close|shutdown|stop|cleanup|disconnect|dispose|terminate|kill|release|rollback|cancel|unlink|rmtree|remove|join|"
    r"unsubscribe|unregister|wait_closed|delete|shield|wait_for|gather|sleep)$"
    r"|typing|chat_action|reaction|reply_markup|^put$"
    r"|^(?:json|text|read|receive|recv|receive_(?:text|bytes|json)|send_(?:text|bytes|json|str))$"
)
"""Endings, waits, signs that somebody types or likes, talk over a connection that may be gone, or about an answer that failed."""
_ON_PURPOSE = regex(
    r"best[- ]effort|never raise|silent|swallow|ignor(?:e|es|ing) (?:any |all )?(?:error|exception|failure)|if possible|"
    r"fail[- ]?open|must never (?:kill|fail|break|block)|"
    r"(?:do not|don't|does not|doesn't|must not|should not) (?:raise|fail|block|break)",
    re.IGNORECASE,
)
_LOGGERS = ("logger", "log", "LOGGER", "LOG", "_logger", "_log")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of every exception that do nothing, around work that matters."""
    if is_script(view.path):
        return
    for handler in view.reading.each(ast.ExceptHandler):
        block = view.reading.parent(handler)
        if not isinstance(block, ast.Try) or not _catches_all(handler.type) or not _does_nothing(handler.body):
            continue
        if _explained(view, block, handler.lineno, handler.body[-1].end_lineno or 0) or _returns(block.body):
            continue
        if _matters(view, block, block.body):
            yield Hit(handler, _message(view, block.body), tuple(_fix(view, handler)))
    for it in view.reading.each(ast.withitem):
        block, call = view.reading.parent(it), it.context_expr
        if (
            not isinstance(block, ast.With | ast.AsyncWith)
            or not isinstance(call, ast.Call)
            or last_name(call.func) != "suppress"
        ):
            continue
        if not any(_catches_all(each) for each in call.args) or _explained(view, block, block.lineno, block.lineno):
            continue
        if _matters(view, block, block.body):
            yield Hit(call, _message(view, block.body))


def _message(view: View, body: list[ast.stmt]) -> str:
    call = next((it for it in _calls(body) if _kinds(view, it) or view.reading.awaited(it)), None)
    what = f"when `{ast.unparse(call.func)}` fails" if call is not None else "whatever goes wrong here"
    return f"Every error is swallowed: {what}, nobody is told."


def _catches_all(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Tuple):
        return any(_catches_all(it) for it in node.elts)
    return node is None or dotted(node) in ("Exception", "BaseException")


def _does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(it, ast.Pass | ast.Continue) or (isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant))
        for it in body
    )


def _explained(view: View, block: ast.stmt, first: int, last: int) -> bool:
    """Whether a comment says why: in the lines from `first` to `last` (as `ast` counts), right below them or above the block."""
    parsed = view.reading.parsed
    lines, above, below = parsed.lines, block.lineno - parsed.origin - 1, last - parsed.origin + 1
    if any("#" in it for it in lines[first - parsed.origin : below]):
        return True
    near = [lines[at].strip() for at in (above, below) if 0 <= at < len(lines)]
    return any(line.startswith("#") for line in near)


def _matters(view: View, block: ast.AST, body: list[ast.stmt]) -> bool:
    """Whether the block does work whose failure somebody should hear of, where it is not an ending or a probe."""
    if any(isinstance(it, ast.Import | ast.ImportFrom) for statement in body for it in ast.walk(statement)):
        return False
    below = block
    for up in view.reading.ancestors(block):
        if isinstance(up, ast.ExceptHandler) or (isinstance(up, ast.Try) and any(below is it for it in up.finalbody)):
            return False
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef) and (
            _ENDINGS.search(up.name) or _ON_PURPOSE.search(ast.get_docstring(up) or "")
        ):
            return False
        if isinstance(up, ast.For | ast.AsyncFor | ast.While) and _is_polled(up, block):
            return False
        below = up
    then = after(view.reading, block)
    if isinstance(then, ast.Raise) or getattr(block, "orelse", None) or is_other_way(then, body):
        return False  # it tidies up before the error that counts, or the error is the answer
    calls = [it for it in _calls(body) if not _ENDING_CALLS.search(last_name(it.func)) and not _handles(view, it)]
    return not _asks(body) and any(_kinds(view, it) or view.reading.awaited(it) for it in calls)


def _handles(view: View, call: ast.Call) -> bool:
    """Whether the project's own function that is called handles every error itself, or writes a log."""
    found, receiver = view.definition(call), dotted(call.func).rpartition(".")[0].rpartition(".")[2]
    return receiver.strip("_").lower() in ("log", "logger") or (found is not None and found[1].catches)


def _is_polled(loop: ast.For | ast.AsyncFor | ast.While, block: ast.AST) -> bool:
    """Whether the loop waits and tries again until the block ends it."""
    leaves = any(isinstance(it, ast.Break | ast.Return) for it in ast.walk(block))
    return leaves and any(last_name(it.func) == "sleep" for it in _calls(loop.body))


def _asks(body: list[ast.stmt]) -> bool:
    """Whether the block only sets names: what follows sees whether they were."""
    return all(isinstance(it, ast.Assign | ast.AnnAssign) for it in body)


def _returns(body: list[ast.stmt]) -> bool:
    """Whether the block gives an answer itself, so that what follows it is the other way to get one."""
    return any(isinstance(it, ast.Return) for statement in body for it in ast.walk(statement))


def _calls(body: list[ast.stmt]) -> Iterator[ast.Call]:
    for statement in body:
        yield from (it for it in ast.walk(statement) if isinstance(it, ast.Call))


def _kinds(view: View, call: ast.Call) -> list[str]:
    found = view.effects(call)
    return [it for it in _KINDS if it in found]


def _fix(view: View, handler: ast.ExceptHandler) -> Iterator[Draft]:
    if len(handler.body) != 1:
        return
    name = next((it for it in _LOGGERS if _is_logger(view, it)), "logging.getLogger(__name__)")
    place = view.reading.qualname(handler).rpartition(".")[2] or "module"
    text = f'{name}.exception("{place} failed")'
    statement = handler.body[0]
    if isinstance(statement, ast.Continue):
        indent = " " * view.reading.place(statement).column
        change = Change(statement, f"{text}\n{indent}", insert="before")
    else:
        change = Change(statement, text)
    yield Draft("Log the error with its trace", (change,), imports=("logging",) if name.startswith("logging.") else ())


def _is_logger(view: View, name: str) -> bool:
    found = view.project.resolve(view.path, name)
    return isinstance(found, External) and bool(re.search(r"getLogger|get_logger|loguru\.logger", found.name))
