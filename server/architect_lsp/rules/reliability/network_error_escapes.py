"""A failed request is planned for when the server answers, and not when it can't be reached.

Why: `HTTPStatusError` is raised by `raise_for_status` alone. A connection that is refused, a name that is not found and a timeout
are other exceptions, and they go past the handler that was to turn a failure into an answer.
Instead: name the family of both.

    except httpx.HTTPError as error:
        logger.warning("no answer from %s: %s", url, error)
        return None

Consequences: the most frequent failure of a remote service ends in an error of this one.
Tests: a transport that raises `ConnectError`, and one that raises `ReadTimeout`.
Observability: `ConnectError` and `ReadTimeout` as unhandled errors in the log.
Source: CWE-755; https://www.python-httpx.org/exceptions/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.handlers import EVERY, caught
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4", "A5"],
    cwe=755,
    needs=["HTTPStatusError", "requests.HTTPError", "exceptions.HTTPError", "ClientResponseError"],
    bad=[
        Bad("""
import httpx
import logging

logger = logging.getLogger(__name__)

async def site(url):
    try:
        async with httpx.AsyncClient() as client:
            response = await client.get(url, timeout=5)
            response.raise_for_status()
            return response.json()
    except [|httpx.HTTPStatusError|] as error:
        logger.error("no site: %s", error)
        return None
"""),
        Bad("""
import requests

def site(url):
    try:
        answer = requests.get(url, timeout=5)
        answer.raise_for_status()
    except [|requests.HTTPError|]:
        return {}
    return answer.json()
"""),
    ],
    good=[
        """
import httpx
import requests

async def site(client, url):
    try:
        response = await client.get(url)
        response.raise_for_status()
    except httpx.HTTPStatusError as error:
        if error.response.status_code == 404:
            return None
        raise
    try:
        response = await client.get(url)
        response.raise_for_status()
    except httpx.HTTPStatusError:
        return 1
    except httpx.RequestError:
        return 2
    try:
        response.raise_for_status()
    except httpx.HTTPStatusError:
        return 3
    try:
        response = await client.get(url)
        response.raise_for_status()
    except httpx.HTTPStatusError as error:
        raise Refused(url) from error

def tried(url):
    try:
        try:
            answer = requests.get(url, timeout=5)
            answer.raise_for_status()
        except requests.HTTPError:
            return {}
    except requests.RequestException:
        return None
""",
    ],
)

_STATUS = {
    "HTTPStatusError": ("HTTPError", "RequestError", "TransportError", "ConnectError", "NetworkError", "TimeoutException"),
    "HTTPError": ("RequestException", "ConnectionError", "Timeout", "OSError", "IOError"),
    "ClientResponseError": ("ClientError", "ClientConnectionError", "ClientConnectorError", "ClientOSError", "OSError"),
}
"""The exception of an answer, and those of which one takes a failed connection."""
_ASKS = ("get", "post", "put", "patch", "delete", "request", "head")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers that turn the bad answer of a server into a result, beside a request that may get no answer."""
    reading = view.reading
    for block in reading.each(ast.Try):
        for handler in block.handlers:
            if handler.type is None:
                continue
            name = dotted(handler.type).rpartition(".")[2]
            if name not in _STATUS or (name == "HTTPError" and not view.name(handler.type).startswith("requests")):
                continue
            first = next((it for row in block.body for it in ast.walk(row) if isinstance(it, ast.Call)), None)
            if first is None or caught(reading, first) & (EVERY | {*_STATUS[name]}):
                continue
            if _asks(reading, block) and not any(_goes_on(it) for row in handler.body for it in ast.walk(row)):
                yield Hit(handler.type, "A connection that fails, or a timeout, is another exception and goes past this handler.")


def _asks(reading: Reading, block: ast.Try) -> bool:
    """Whether the body makes a request and looks at its status."""
    names = [
        it.func.attr
        for row in block.body
        for it in ast.walk(row)
        if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and reading.function(it) is reading.function(block)
    ]
    return "raise_for_status" in names and any(it in _ASKS for it in names)


def _goes_on(node: ast.AST) -> bool:
    """Whether a handler raises in some case, so that the caller knows of failures; one that answers a client is an answer."""
    is_answer = isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and last_name(node.exc.func) == "HTTPException"
    return isinstance(node, ast.Raise) and not is_answer
