"""A test sleeps for a second or more, and hopes that what it waits for is over by then.

Why: on a busy machine it is not, and the test fails now and then for no reason of the code's; on all other days every run of the
suite pays the whole second.
Instead: wait for the thing itself with a deadline, or move the clock.

    await asyncio.wait_for(queue.join(), timeout=5)      # ends as soon as it is done

    with time_machine.travel("2030-01-01T12:00:05Z"):    # nobody waits
        assert token.expired

Consequences: tests that fail by chance are run again until they pass, and then failures that mean something are too.
Trade-offs: a test of a clock or of a real timeout has to wait; keep it to a tenth of a second.
Performance: the sleeps of a suite add up, and no parallel runner makes one shorter.
Source: Martin Fowler, "Eradicating Non-Determinism in Tests", Asynchronous Behavior.
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.reading import Function, constant
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["E1"],
    tests_too=True,
    needs=["sleep("],
    bad=[
        Bad("""
import asyncio
import time

def test_expires(token):
    [|time.sleep(2)|]
    assert token.expired

async def test_sent(mailer, mails):
    mailer.send()
    await [|asyncio.sleep(1.5)|]
    assert mails
"""),
    ],
    good=[
        """
import asyncio
import time

def test_expires(token):
    time.sleep(0.05)
    assert token.expired

def test_polls(job):
    while not job.done:
        time.sleep(1)

async def test_cancels(run):
    async def slow():
        await asyncio.sleep(60)
    await run(slow)

def test_patched(mocker, job):
    mocker.patch("time.sleep")
    time.sleep(5)

async def test_times_out():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asyncio.sleep(10)
""",
    ],
)

_SLEEPS = ("time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep")
_LONG_S = 1
_FAKED = regex(
    r"patch|freeze|frozen|travel|fake|timeout|cancel|wait_for|move_on_after|fail_after|slow|raises|retry", re.IGNORECASE
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first sleep of a second or more that a test itself makes, out of loops."""
    reading = view.reading
    if not is_test(view.path) or _FAKED.search(reading.unit.text):
        return
    told: set[ast.AST] = set()
    for call in reading.each(ast.Call):
        seconds = constant(call.args[0]) if len(call.args) == 1 else None
        if not isinstance(seconds, int | float) or seconds < _LONG_S or reading.loop(call) is not None:
            continue
        function = reading.function(call)
        if not isinstance(function, Function) or function in told or not function.name.startswith("test"):
            continue
        if view.callee(call) in _SLEEPS:
            told.add(function)
            yield Hit(call, f"`{function.name}` waits {seconds:g} s on every run, and fails by chance where that is not enough.")
