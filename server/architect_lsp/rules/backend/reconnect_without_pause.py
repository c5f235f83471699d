"""A loop that lost its connection tries again at once, without a pause.

Why: while the other side is down every attempt fails at once, so the loop turns as fast as the processor lets it: it floods the
log, keeps a core and the event loop busy, and meets the other side with a storm of connections when that comes back.
Instead: wait before the next attempt, longer each time, and begin short again after a success.

    delay_s = 1.0
    while True:
        try:
            async with connect(url) as socket:
                delay_s = 1.0
                async for message in socket:
                    await handle(message)
        except ConnectionError:
            logger.warning("connection lost, again in %s s", delay_s)
        await asyncio.sleep(delay_s * random.uniform(0.5, 1.5))
        delay_s = min(delay_s * 2, 60)

Consequences: one outage becomes two, the second one of your making.
Trade-offs: the first attempt after a hiccup comes a second later.
Tests: let `connect` fail three times and assert on what was slept.
Observability: count reconnects; a rate of thousands a second is this.
Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    needs=["while True", "while 1", "while not ", "while self."],
    bad=[
        Bad("""
import logging

logger = logging.getLogger(__name__)

async def listen(connect, handle):
    while True:
        try:
            socket = await connect()
            async for message in socket:
                await handle(message)
        [|except ConnectionError:|]
            logger.warning("lost the connection")
"""),
        Bad("""
import websockets

async def follow(url, handle):
    while True:
        try:
            async with websockets.connect(url) as socket:
                async for message in socket:
                    await handle(message)
        [|except (OSError, websockets.ConnectionClosed):|]
            continue
"""),
    ],
    good=[
        """
import asyncio
import logging

logger = logging.getLogger(__name__)

async def listen(connect, handle):
    while True:
        try:
            socket = await connect()
            async for message in socket:
                await handle(message)
        except ConnectionError:
            logger.warning("lost the connection")
            await asyncio.sleep(1)

async def listen_too(connect, handle):
    while True:
        try:
            await handle(await connect())
        except ConnectionError:
            logger.warning("lost the connection")
        await asyncio.sleep(1)

async def once(connect):
    while True:
        try:
            return await connect()
        except ConnectionError:
            raise

async def patient(connect, backoff):
    while True:
        try:
            await connect()
        except ConnectionError:
            await backoff.pause()

async def serve(queue, handle):
    while True:
        message = await queue.get()
        try:
            connection = await connect(message)
        except ConnectionError:
            logger.warning("not sent")
""",
    ],
)

_CONNECTS = regex(r"(?:a?re)?_?connect(?:_\w+)?|open_connection|create_connection|ws_connect|dial|subscribe")
_LOST = regex(
    r"Connection\w*|OSError|Exception|\w*Disconnect\w*|Timeout\w*|\w*ClosedError|\w*ClosedOK|ClientError|WebSocketException"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of a lost connection, in a loop that connects anew in each turn, with nothing on the way that takes time."""
    reading = view.reading
    for loop in reading.each(ast.While):
        if not isinstance(reading.function(loop), ast.AsyncFunctionDef) or loop.orelse:
            continue
        blocks = [it for it in loop.body if isinstance(it, ast.Try)]
        if len(blocks) != 1 or not _connects(blocks[0].body) or any(_takes_time(it) for it in loop.body if it is not blocks[0]):
            continue
        if any(_takes_time(it) for it in blocks[0].finalbody) or any(_takes_time(it) for it in _before(blocks[0].body)):
            continue
        for handler in blocks[0].handlers:
            names = [it.rpartition(".")[2] for it in _caught(handler)]
            if not names or not all(_LOST.fullmatch(it) for it in names) or _leaves(handler):
                continue
            if not any(map(_takes_time, handler.body)):
                yield Hit(handler, "The next attempt follows at once: while the other side is down, this loop spins. Wait first.")


def _caught(handler: ast.ExceptHandler) -> list[str]:
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type is not None else []
    return [dotted(it) for it in types]


def _connects(body: list[ast.stmt]) -> bool:
    """Whether a connection is opened first: before it nothing is waited for."""
    for it in run_by(body):
        if isinstance(it, ast.Await | ast.AsyncWith | ast.AsyncFor):
            calls = [each for each in run_by([it]) if isinstance(each, ast.Call)]
            return any(_CONNECTS.fullmatch(dotted(each.func).rpartition(".")[2]) for each in calls[:1])
    return False


def _before(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements before the one that connects."""
    return body[: next((index for index, it in enumerate(body) if _connects([it])), 0)]


def _leaves(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(it, ast.Raise | ast.Return | ast.Break) for it in run_by(handler.body))


def _takes_time(node: ast.stmt) -> bool:
    """Whether something is waited for, or a plain call may sleep."""
    calls = (dotted(it.func).rpartition(".")[2] for it in run_by([node]) if isinstance(it, ast.Call))
    return any(isinstance(it, ast.Await | ast.AsyncFor | ast.AsyncWith) for it in run_by([node])) or any(
        "sleep" in it or "wait" in it for it in calls
    )
