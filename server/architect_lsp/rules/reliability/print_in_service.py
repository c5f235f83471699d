"""A request or a task reports by `print`, which has no level, no time and no request.

Why: what is printed goes to stdout, where no level can be turned down, no handler sends it on and nothing says which request it
belongs to; under some servers it is buffered or thrown away. In an `async` handler it may also block while a pipe is full.
Instead: a logger, with the values as arguments.

    logger = logging.getLogger(__name__)

    logger.info("order %s was paid", order.id)

Consequences: in an incident the line is missing, or stands among others without a time.
Security: printed objects carry what their `repr` shows, past every filter that masks secrets in logs.
Observability: a log record has a level, a logger's name and the trace of an exception; printed text has none.
Source: https://docs.python.org/3/howto/logging.html#when-to-use-logging
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["E2"],
    equivalents=["T201"],
    needs=["print("],
    bad=[
        Bad("""
from fastapi import FastAPI

app = FastAPI()

@app.post("/orders")
def create(order: dict):
    [|print("creating", order)|]
    return order
"""),
        Bad("""
from celery import shared_task

@shared_task
def send(mail):
    [|print(f"sending {mail}")|]
"""),
    ],
    good=[
        """
import sys
from fastapi import FastAPI

app = FastAPI()

def describe(order):
    print(order)

@app.post("/orders")
def create(order: dict):
    print("raw", file=sys.stderr)
    return order

if __name__ == "__main__":
    print("listening")
""",
        """
-- scripts/serve.py --
from fastapi import FastAPI

app = FastAPI()

@app.get("/")
def home():
    print("asked")
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`print` to stdout in functions that a framework calls for a request or a task."""
    if is_script(view.path):
        return
    reading = view.reading
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Name) or call.func.id != "print" or keyword(call, "file") is not None:
            continue
        function = reading.function(call)
        if isinstance(function, Function) and (view.path, reading.qualname(function)) in view.project.of_all("entries", _entries):
            yield Hit(call, f"`{function.name}` reports by `print`: no level, no time, and nothing that tells the request.")


def _entries(project: Project) -> frozenset[tuple[str, str]]:
    """(file, function) of whatever answers a route or a field, or runs as a task."""
    nouns = catalogue(project)
    refs = (*(it.handler for it in nouns.routes), *(it.ref for it in nouns.tasks), *(it.ref for it in nouns.resolvers))
    return frozenset((it.path, it.qualname) for it in refs if it is not None)
