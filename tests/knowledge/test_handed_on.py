"""A function that is run elsewhere gets what a request says as if it were called: in a thread, in a pool, after the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.settings import Settings

HEAD = """\
import asyncio
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from celery import shared_task
from fastapi import BackgroundTasks, FastAPI
from fastapi.concurrency import run_in_threadpool

app = FastAPI()
pool = ThreadPoolExecutor()

def show(host):
    print(host)

def ping(host):
    subprocess.run(["ping", "--", host], timeout=5)

def run(line, where="/"):
    os.system(line)

@shared_task(bind=True)
def later(self, line, where="/"):
    os.system(line)

"""
ROUTE = '@app.get("/run")\nasync def answer(text: str, number: int, tasks: BackgroundTasks):\n    '


def found(call: str) -> list[str]:
    workspace = Workspace(Path("/project"), Settings())
    checked = workspace.check(workspace.open("app.py", f"{HEAD}{ROUTE}{call}\n"))
    assert checked.broken == ()
    return [it.rule for it in checked.findings if it.rule == "command-injection"]


@pytest.mark.parametrize(
    "call",
    [
        "tasks.add_task(os.system, text)",
        "tasks.add_task(run, text)",
        'tasks.add_task(run, where="/", line=text)',
        'await asyncio.to_thread(os.system, "ping " + text)',
        "await asyncio.to_thread(subprocess.run, text, shell=True)",
        "await run_in_threadpool(run, text)",
        "await asyncio.get_running_loop().run_in_executor(None, run, text)",
        "pool.submit(run, text)",
        "threading.Thread(target=run, args=(text,)).start()",
        "threading.Timer(1, run, args=[text]).start()",
        "later.delay(text)",
        "later.apply_async((text,), countdown=5)",
        'later.apply_async(kwargs={"line": text})',
        "queue.enqueue(run, text)",
    ],
)
def test_what_a_request_says_reaches_it(call: str) -> None:
    assert found(call) == ["command-injection"]


@pytest.mark.parametrize(
    "call",
    [
        "tasks.add_task(run, number)",
        'tasks.add_task(run, "date", text)',
        "tasks.add_task(show, text)",
        "tasks.add_task(ping, text)",
        "await asyncio.to_thread(subprocess.run, [text], timeout=5)",
        'await asyncio.get_running_loop().run_in_executor(pool, run, "date")',
        'threading.Thread(target=run, args=("date",)).start()',
        "threading.Thread(target=run).start()",
        "pool.submit()",
        "tasks.add_task(*text)",
        'later.delay("date", text)',
        'later.apply_async(kwargs={"where": text})',
        "show.delay(text)",
        "later.apply_async(text)",
    ],
)
def test_what_is_not_its_line_does_not(call: str) -> None:
    assert found(call) == []
