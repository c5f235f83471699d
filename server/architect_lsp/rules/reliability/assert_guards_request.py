"""A request is refused by `assert`, which answers 500, and nothing at all under `python -O`.

Why: an assertion says what can't be otherwise; what a client sends can. When it fails the client is told that the server broke,
an alert wakes somebody, and with `-O` the check is not there.
Instead: raise the error that says whose fault it is.

    if order.user_id != user.id:
        raise HTTPException(404, "No such order.")

Consequences: clients retry what will never work; error budgets are spent on their mistakes.
Trade-offs: `assert x is not None` for a type checker, of what an earlier line has made sure of, may stay.
Tests: send what the assertion refuses and expect 4xx; run the suite once with `PYTHONOPTIMIZE=1`.
Security: CWE-617. A permission that is asserted is gone in an optimised run.
Source: https://docs.python.org/3/reference/simple_stmts.html#the-assert-statement
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import handlers
from architect_lsp.knowledge.definitions import arguments
from architect_lsp.knowledge.handlers import is_caught
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["E2", "A2"],
    cwe=617,
    equivalents=["S101", "B101"],
    needs=["assert "],
    bad=[
        Bad("""
from fastapi import FastAPI

app = FastAPI()

@app.post("/orders/{number}")
def change(number: int, amount: int, user: User):
    [|assert amount > 0, "the amount must be positive"|]
    [|assert user.is_admin|]
    return save(number, amount)
"""),
        Bad("""
from flask import Flask, session
from shop.store import wipe

app = Flask(__name__)

@app.post("/wipe")
def wipe_all():
    [|assert session.get("role") == "admin"|]
    wipe()
    return "", 204
"""),
    ],
    good=[
        """
from fastapi import FastAPI

app = FastAPI()

def check(amount):
    assert amount > 0

@app.post("/orders/{number}")
def change(number: int, amount: int, user: User, order: Order):
    assert order is not None
    assert isinstance(amount, int)
    assert order.owner
    total = save(number, amount)
    assert total >= 0
    try:
        assert number == amount
    except Exception:
        raise HTTPException(400)
    if amount <= 0:
        raise HTTPException(422)
    return total
""",
    ],
)

_USERS = {"current_user", "g", "session"}
"""What Flask has for everyone of who asks."""
_NARROWS = ("isinstance", "callable", "issubclass", "hasattr")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Assertions of handlers that compare, or ask a permission of, what the handler is given."""
    reading = view.reading
    for it in reading.each(ast.Assert):
        function = reading.function(it)
        if not isinstance(function, Function) or (view.path, reading.qualname(function)) not in handlers(view.project):
            continue
        if is_caught(reading, it, ["AssertionError"]):
            continue
        given = {each.arg for each in arguments(function)} - {"self", "cls"} | _USERS
        if _refuses(it.test, given):
            yield Hit(it, f"`{function.name}` refuses a request by `assert`: a 500, and no check under `python -O`.")


def _spoken(node: ast.expr) -> str:
    """The dotted name that an expression asks: `session.get` of `session.get("role")`, `session` of `session["role"]`."""
    if isinstance(node, ast.Call) and dotted(node.func).endswith(".get"):
        return dotted(node.func)
    return dotted(node.value if isinstance(node, ast.Subscript) else node)


def _refuses(test: ast.expr, given: set[str]) -> bool:
    """Whether a test compares what a client gave, or asks what a user may do."""
    if isinstance(test, ast.UnaryOp):
        return _refuses(test.operand, given)
    if isinstance(test, ast.BoolOp):
        return any(_refuses(it, given) for it in test.values)
    if isinstance(test, ast.Compare):
        sides = (test.left, *test.comparators)
        if any(isinstance(it, ast.Constant) and it.value is None for it in sides):
            return False
        return any(name.partition(".")[0] in given for it in sides if (name := _spoken(it)))
    name = dotted(test.func if isinstance(test, ast.Call) else test)
    if name in _NARROWS or name.partition(".")[0] not in given:
        return False
    last = name.rpartition(".")[2]
    return "." in name and last.startswith(("is_", "has_", "can_", "may_"))
