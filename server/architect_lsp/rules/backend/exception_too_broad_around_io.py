"""Any error at all becomes an answer: "not found", "none", "no".

Why: `except Exception: return None` around a request or a query says the same of a record that is not there, of a service that
is down, of a password that has expired and of a misspelt attribute. The caller goes on with an answer that nobody gave: it
creates the customer a second time, or takes the order for unpaid.
Instead: give that answer for the one error that means it, and let the others through or name them.

    try:
        answer = client.get(f"/customers/{number}", timeout=5)
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        if error.response.status_code == 404:
            return None
        raise CustomersUnavailable from error
    except httpx.TransportError as error:
        raise CustomersUnavailable from error

Consequences: an outage of the other side is read as a fact about the data, and written down as one.
Trade-offs: where the answer is a nicety (a badge, a hint), none is better than an error: log it, so that it is seen when it is
gone for good.
Tests: answer 404, then 500, then close the connection; assert that the first alone gives None.
Security: a check that answers "no" is safe when the error means no, and open when it means yes.
Observability: log with the trace what is turned into an answer, and count it.
Source: https://docs.python.org/3/howto/logging.html and PEP 8, "Programming Recommendations": limit the `try` and the
exceptions
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.comments import comments
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4", "B1", "A5"],
    yields_to=["tool-error-hidden"],
    cwe=396,
    equivalents=["BLE001", "W0718"],
    needs=["except"],
    bad=[
        Bad("""
import requests

def customer(number):
    try:
        answer = requests.get(f"https://crm.example/customers/{number}", timeout=5)
        return answer.json()
    [|except Exception:|]
        return None
"""),
        Bad("""
from sqlalchemy.orm import Session

def orders_of(session: Session, customer):
    try:
        return session.query(Order).filter(Order.customer == customer).limit(50).all()
    [|except:|]
        return []
"""),
    ],
    good=[
        """
import logging
import requests

logger = logging.getLogger(__name__)

def customer(number):
    try:
        answer = requests.get(f"https://crm.example/customers/{number}", timeout=5)
        return answer.json()
    except requests.RequestException:
        return None

def logged(number):
    try:
        return requests.get(f"https://crm.example/customers/{number}", timeout=5).json()
    except Exception:
        logger.exception("no customer %s", number)
        return None

def told(number):
    try:
        return requests.get(f"https://crm.example/customers/{number}", timeout=5).json()
    except Exception as error:
        return {"error": str(error)}

def explained(number):
    try:
        return requests.get(f"https://crm.example/badges/{number}", timeout=5).json()
    except Exception:  # the page is complete without it
        return None

def is_reachable():
    try:
        requests.get("https://crm.example/", timeout=5)
        return True
    except Exception:
        return False

def parsed(text):
    try:
        return int(text)
    except Exception:
        return None
""",
        '''
import requests

def latest():
    """The newest version there is, None when that can't be asked."""
    try:
        return requests.get("https://versions.example/", timeout=5).json()
    except Exception:
        return None
''',
    ],
)

_KINDS = ("http", "db-read", "db-write", "commit", "llm")
_PROBES = regex(
    r"(?:^|_)(?:is|has|can|could|try|check|test|ping|probe|health\w*|exists?|available|reachable|alive|ready|detect|verify|validate|supports?"
    r"|safe|safely|optional|maybe|best|close|stop|cleanup|shutdown|version|latest|telemetry|track|repr|str)(?:_|$)|__"
)
"""Functions that ask whether something works, or promise never to fail."""
_PROMISES = regex(
    r"\b(?:none|null|empty|false|fail\w*|errors?|raises?|otherwise|unavailable|best[- ]effort|if possible)\b", re.IGNORECASE
)
"""What a docstring says that foresees the empty answer."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of any error that return an empty answer and tell nobody, around requests and queries."""
    reading = view.reading
    if is_script(view.path):
        return
    for handler in reading.each(ast.ExceptHandler):
        block, function = reading.parent(handler), reading.function(handler)
        if not isinstance(block, ast.Try) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        answer = _empty_answer(handler)
        if answer is None or not _catches_all(handler.type) or len(block.handlers) > 1 or _PROBES.search(function.name):
            continue
        if _PROMISES.search(ast.get_docstring(function) or "") or any(comments(view.reading, block)):
            continue
        for call in run_by(block.body):
            if isinstance(call, ast.Call) and _is_io(view, call):
                failed = f"a failed `{ast.unparse(call.func)}` looks like a fact"
                told = f"Whatever goes wrong here is answered with `{answer}`: {failed}."
                yield Hit(handler, told)
                break


def _is_io(view: View, call: ast.Call) -> bool:
    """Whether the call itself, or what the called function does at once, is a request or a query."""
    effects = view.effects(call)
    return any(len(effects[it].path) <= 1 for it in _KINDS if it in effects)


def _empty_answer(handler: ast.ExceptHandler) -> str | None:
    """What the handler returns, where that is all it does and it says nothing of the error."""
    if len(handler.body) != 1 or not isinstance(handler.body[0], ast.Return):
        return None
    value = handler.body[0].value
    if value is None:
        return "None"
    held = value.keys if isinstance(value, ast.Dict) else getattr(value, "elts", None)
    if held == [] or (isinstance(value, ast.Constant) and value.value in (None, False, "", 0)):
        return ast.unparse(value)
    return None


def _catches_all(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Tuple):
        return any(_catches_all(it) for it in node.elts)
    return node is None or dotted(node) in ("Exception", "BaseException")
