"""A worker takes messages in an endless loop and never learns that it is to stop.

Why: a deployment, a scale-down or a spot machine that is taken away sends SIGTERM, and Python's answer to SIGTERM is to be
gone: no `finally`, no `atexit`. The message in work is cut off where it is.
Instead: let the signal set a flag, finish the message in hand, and leave.

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())

    while not stopping.is_set():
        for message in queue.receive_messages(WaitTimeSeconds=10):
            try:
                handle(message)
            except TransientError:
                logger.exception("left for later: %s", message.message_id)
                continue
            message.delete()

Consequences: with each deployment some messages are done by half, and once more by the next worker, or never.
Trade-offs: work that may be repeated at any point needs no more than that; say so in a comment. The wait must be shorter than
the grace period of the platform (30 s in Kubernetes), after which SIGKILL comes.
Off by default: work that may be cut off at any point needs no care.
Tests: start the worker as a process, send SIGTERM in the middle of a message, and assert that it was finished and the exit code
is 0.
Observability: log when the signal comes and when the loop ends; an exit without the second line was a loss.
Source: https://12factor.net/disposability; https://docs.python.org/3/library/signal.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import constant
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["E2", "B3", "D3"],
    needs=["while "],
    bad=[
        Bad("""
import boto3

sqs = boto3.client("sqs")

def work(url):
    [|while True:|]
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)
        for message in answer.get("Messages", []):
            handle(message)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
"""),
        Bad("""
import redis

queue = redis.Redis()

def main():
    [|while 1:|]
        _, job = queue.blpop("jobs")
        handle(job)
"""),
    ],
    good=[
        """
import signal
import redis

queue = redis.Redis()
stopping = False

def stop(*_):
    global stopping
    stopping = True

signal.signal(signal.SIGTERM, stop)

def main():
    while True:
        if stopping:
            break
        _, job = queue.blpop("jobs")
        handle(job)
""",
        """
import redis

queue = redis.Redis()

def drain():
    while True:
        job = queue.blpop("jobs", timeout=1)
        if job is None:
            break
        handle(job)

def numbers():
    while True:
        yield queue.blpop("numbers")

async def listen(socket):
    while True:
        await socket.receive()
""",
    ],
)

_TAKES = regex(
    r"receive_messages?|b[lr]pop|brpoplpush|blmove|xread(?:group)?|reserve|basic_get|get_message|poll|consume|drain_events|pull|lmove|rpoplpush"
)
_QUEUES = regex(r"sqs|redis|kafka|pika|kombu|pubsub|queue|consumer|broker|stream|channel|beanstalk|nats|pulsar", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Endless loops that take from a queue and hold no way out, in projects that never speak of signals."""
    reading = view.reading
    for loop in reading.each(ast.While):
        function = reading.function(loop)
        if not constant(loop.test) or not isinstance(function, ast.FunctionDef):
            continue
        body = list(run_by(loop.body))
        if any(isinstance(it, ast.Break | ast.Return | ast.Yield | ast.YieldFrom) for it in body):
            continue
        taken = next((it for it in body if isinstance(it, ast.Call) and _takes(it)), None)
        if taken is not None and not view.project.of_all("signals", _handles_signals):
            told = f"SIGTERM ends this loop in the middle of what `{ast.unparse(taken.func)}` gave it; nothing here hears of it."
            yield Hit(loop, told)


def _takes(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or not _TAKES.fullmatch(call.func.attr):
        return False
    return call.func.attr.startswith(("receive_message", "bl", "br", "xread")) or bool(
        _QUEUES.search(ast.unparse(call.func.value))
    )


def _handles_signals(project: Project) -> bool:
    """Whether any file of the project has to do with signals."""
    return any(full.partition(".")[0] == "signal" for path in project.paths for _, full in project.imports(path))
