"""A test asks a server on the internet, so it fails when that server, or the way to it, does.

Why: the answer is not the test's to decide. It changes with time, is refused when a runner has no network or asks too often, and
takes a second where the code under test takes a millisecond.
Instead: put the edge of your own code under test, and give it an answer you wrote down.

    @respx.mock
    def test_rate():
        respx.get("https://rates.example/latest").respond(json={"EUR": 0.9})
        assert rate("EUR") == Decimal("0.9")

Consequences: a release waits for somebody else's outage.
Trade-offs: that the other side still speaks as you think is worth a test of its own, marked, run apart and allowed to fail.
Tests: run the suite without a network (`pytest --disable-socket`).
Security: what a test sends to a real service, keys and addresses of people included, has left the house.
Source: Michael Feathers, "A Set of Unit Testing Rules".
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.addresses import about
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["E1"],
    tests_too=True,
    needs=["://"],
    bad=[
        Bad("""
import requests

def test_rate():
    assert [|requests.get("https://api.rates.io/latest")|].ok
"""),
    ],
    good=[
        """
import requests

def test_local(server):
    assert requests.get("http://localhost:8000/rates").ok
    assert requests.get("http://127.0.0.1/rates").ok
    assert requests.get("https://rates.example/latest").ok
    assert requests.get(f"http://{server}/rates").ok
""",
        """
import requests
import responses

@responses.activate
def test_rate():
    responses.get("https://api.rates.io/latest", json={})
    assert requests.get("https://api.rates.io/latest").ok
""",
        """
import pytest
import requests

def test_refuses():
    with pytest.raises(BlockedAddress):
        requests.get("http://142.42.1.1/")

@pytest.mark.network
def test_real_rate():
    assert requests.get("https://api.rates.io/latest").ok
""",
    ],
)

_FAKES = regex(
    r"^(?:responses|respx|requests_mock|pytest_httpx|aioresponses|vcr|pook|httpretty|betamax|pytest_recording|mocket|unittest\.mock"
    r"|mock|pytest_mock|moto|testcontainers|wiremock)\b"
)
_PATCHED = regex(
    r"mock|patch|fake|stub|skip|cassette|recorder|vcr|responses|respx|httpserver|TestClient|transport", re.IGNORECASE
)
_BROKEN = regex(r"Timeout|Connect|HTTP|Request(?:Exception|Error)|Transport|Status")
"""Errors of a request that was sent."""
_MARKED = regex(r"network|integration|e2e|live|external|internet|online|slow|skip|remote|smoke|functional|system|acceptance")
_NEAR = regex(
    r"://(?:localhost|127\.|0\.0\.0\.0|\[?::1|10\.|192\.168\.|host\.docker|test(?:server)?[:/]|test$|testserver|[\w-]+(?::\d+)?$"
    r"|[^/]*(?:\bexample\b|\.test\b|\.local\b|\.invalid\b|\.internal\b|\.localhost\b))"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Requests of tests to hosts elsewhere, in files that fake nothing."""
    reading = view.reading
    if not is_test(view.path) or _MARKED.search(view.path) or _PATCHED.search(reading.unit.text):
        return
    if any(_FAKES.match(it) for _, it in view.project.imports(view.path)):
        return
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if not isinstance(function, Function) or not function.name.startswith("test") or _is_marked(reading.ancestors(call)):
            continue
        host = about(reading, call)
        if _is_refused(reading, call):
            continue
        if "://" in host and not _NEAR.search(host) and "http" in view.project.table.kinds(view.callee(call)):
            yield Hit(call, f"`{function.name}` needs {host.partition('://')[2]} to be there and to answer as it does today.")


def _is_refused(reading: Reading, call: ast.Call) -> bool:
    """Whether the test expects that the request is not even sent: `with pytest.raises(BlockedAddress): ...`."""
    for up in reading.ancestors(call):
        for it in up.items if isinstance(up, ast.With | ast.AsyncWith) else ():
            raised = it.context_expr
            if isinstance(raised, ast.Call) and dotted(raised.func).rpartition(".")[2] in (
                "raises",
                "assertRaises",
                "assertRaisesRegex",
            ):
                return not (raised.args and _BROKEN.search(ast.unparse(raised.args[0])))
    return False


def _is_marked(around: Iterator[ast.AST]) -> bool:
    holders = (it for it in around if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef))
    return any(_MARKED.search(ast.unparse(mark)) for it in holders for mark in it.decorator_list)
