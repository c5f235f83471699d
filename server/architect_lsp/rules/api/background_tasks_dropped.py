"""Background tasks are collected in an object that no answer carries.

Why: FastAPI runs the tasks of the `BackgroundTasks` that it injected, or of those that a response was given. One that the handler
makes for itself and leaves is a list that goes out of scope.
Instead: let it be injected.

    async def invite(email: str, tasks: BackgroundTasks):
        tasks.add_task(send_welcome, email)

Consequences: the mail is never sent, and the client is told that it will be.
Tests: call the route with `TestClient`, and assert that the task ran.
Source: https://fastapi.tiangolo.com/tutorial/background-tasks/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3"],
    needs=["BackgroundTasks("],
    bad=[
        Bad("""
from fastapi import BackgroundTasks
from app.mail import send

async def invite(email: str):
    tasks = BackgroundTasks()
    [|tasks.add_task(send, email)|]
    return {"queued": True}
"""),
    ],
    good=[
        """
from fastapi import BackgroundTasks
from fastapi.responses import JSONResponse
from app.mail import send

async def invite(email: str, tasks: BackgroundTasks):
    tasks.add_task(send, email)

async def own(email: str):
    tasks = BackgroundTasks()
    tasks.add_task(send, email)
    return JSONResponse({}, background=tasks)

async def run(email: str):
    tasks = BackgroundTasks()
    tasks.add_task(send, email)
    await tasks()
"""
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Names of a function that hold its own `BackgroundTasks`, of which it only asks to add."""
    for function in view.reading.functions:
        nodes = view.reading.within(function)
        for made in nodes:
            if (
                not isinstance(made, ast.Assign)
                or not isinstance(made.value, ast.Call)
                or not isinstance(made.targets[0], ast.Name)
            ):
                continue
            if dotted(made.value.func).rpartition(".")[2] != "BackgroundTasks" or made.value.args or made.value.keywords:
                continue
            name = made.targets[0].id
            uses = [it for it in ast.walk(function) if isinstance(it, ast.Name) and it.id == name and it is not made.targets[0]]
            added = [view.reading.parent(it) for it in uses]
            if added and all(isinstance(it, ast.Attribute) and it.attr == "add_task" for it in added):
                call = view.reading.parent(added[0]) if added[0] is not None else None
                yield Hit(call or made, f"Nothing runs `{name}`: no answer carries it.")
