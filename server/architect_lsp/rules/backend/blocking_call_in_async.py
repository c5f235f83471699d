"""A blocking call holds the event loop, and every request with it.

Why: a coroutine runs on the one thread that serves all the others. Until a blocking call returns, no request is read, no answer
written and no timeout fires, whether the call stands in the coroutine or in a plain function it calls.
Instead: use the library's async twin, or hand the call to a thread.

    import asyncio

    async def quote(sku: str) -> Price:
        try:
            return await asyncio.wait_for(asyncio.to_thread(pricing.fetch, sku), timeout=2)
        except TimeoutError as error:
            raise HTTPException(503, "pricing is slow") from error

Consequences: throughput falls to one slow call at a time; health checks fail under load and the orchestrator restarts it.
Trade-offs: a thread costs memory and its pool is bounded (40 in Starlette); an async client is faster, and a second dependency.
Tests: call the endpoint and a trivial one together and assert that the trivial one does not wait.
Security: one slow upstream, or one client that provokes it, stops the service for everyone.
Observability: turn on asyncio's debug mode in staging (`loop.slow_callback_duration`) and graph the loop's lag.
Performance: the latency of every request in flight grows by the length of the call.
Source: https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Variable
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.looped_queries import looped_queries
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.knowledge.starts import is_alone, runs_once
from architect_lsp.knowledge.summaries import Effect, described
from architect_lsp.knowledge.waiting import waits_elsewhere
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3", "D3"],
    equivalents=["ASYNC210", "ASYNC220", "ASYNC221", "ASYNC222", "ASYNC251"],
    bad=[
        Bad(
            """
import asyncio
import time

async def poll():
    [|time.sleep(1)|]
""",
            fixed="""
import asyncio
import time

async def poll():
    await asyncio.sleep(1)
""",
        ),
        Bad("""
-- app/routes.py --
from app.prices import fetch

async def quote(sku):
    return [|fetch(sku)|]
-- app/prices.py --
import requests

def fetch(sku):
    return requests.get(f"https://prices.example/{sku}", timeout=2).json()
"""),
        Bad("""
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import websockets

async def chat(url):
    async with websockets.connect(url) as socket:
        await socket.send([|input("> ")|])

inbox = queue.Queue()
pool = ThreadPoolExecutor()

async def run(worker: threading.Thread, password, known):
    [|inbox.get()|]
    [|worker.join()|]
    [|pool.submit(print).result()|]
    return [|bcrypt.checkpw(password, known)|]
"""),
        Bad("""
from shop.models import Basket

async def basket(request, key):
    if [|Basket.objects.filter(open=True, key=key).exists()|]:
        return [|Basket.objects.get(key=key)|]
    return await Basket.objects.acreate(key=key)
"""),
        Bad("""
from sqlalchemy.orm import Session
from shop.models import Basket

async def keys(request, session: Session):
    found = [it.key for it in [|session.query(Basket).filter(Basket.open)|]]
    for basket in [|Basket.objects.filter(open=True)|]:
        found.append(basket.key)
    async for basket in Basket.objects.filter(open=False):
        found.append(basket.key)
    return found, list([|session.query(Basket)|]), session.query(Basket)
"""),
    ],
    good=[
        """
import asyncio
import requests

async def quote(sku):
    return await asyncio.to_thread(requests.get, sku)

def plain():
    requests.get("https://prices.example", timeout=2)
""",
        """
import asyncio
import time

async def wait(loop):
    await asyncio.sleep(1)
    await loop.run_in_executor(None, lambda: time.sleep(1))
""",
        """
import requests

class Client:
    def start(self, remote):
        if remote:
            requests.get("https://example.org/ready", timeout=1)

async def run(client: Client):
    client.start(remote=False)
""",
        """
from contextlib import asynccontextmanager
import requests
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.keys = requests.get("https://keys.example", timeout=3).json()
    yield

app = FastAPI(lifespan=lifespan)

@app.on_event("startup")
async def warm():
    requests.get("https://keys.example", timeout=3)
""",
        """
-- shop/cli/fetch.py --
import subprocess

async def fetch():
    subprocess.run(["git", "pull"])
""",
        """
import requests
from rq.decorators import job

@job("default", timeout=600)
async def export(url):
    requests.get(url, timeout=60)
""",
        """
import os
import click
import requests

@click.group()
def tools(): ...

@tools.command("load")
@click.option("--url")
async def load(url):
    requests.get(url, timeout=60)

def reap():
    while os.waitpid(-1, os.WNOHANG)[0]:
        pass

async def ended(pid):
    reap()
    return os.waitpid(pid, os.WNOHANG)
""",
        """
import asyncio
import queue
import threading

inbox = queue.Queue()

async def run(worker: threading.Thread):
    inbox.get(block=False)
    inbox.get_nowait()
    inbox.get(timeout=0)
    worker.join(0)
    task = asyncio.create_task(asyncio.sleep(1))
    await asyncio.wait([task])
    return task.result()
""",
        """
-- app/steps.py --
import time
import uuid

class Step:
    def __init__(self):
        time.sleep(0.001)
        self.number = uuid.uuid4()

async def run():
    time.sleep(0.002)
    return Step()

async def ask():
    return input("Go on? ")
""",
        """
-- app/tools.py --
import subprocess

_version = None

def version():
    global _version
    if _version is not None:
        return _version
    _version = subprocess.run(["ssh", "-V"], capture_output=True).stderr
    return _version
-- app/routes.py --
from app.tools import version

async def shown():
    return version()
""",
        """
import boto3

s3 = boto3.client("s3")

async def size(answer):
    return {"a": s3.meta}.get("a")
""",
        """
from asgiref.sync import sync_to_async
from shop.models import Basket

async def basket(request, key):
    found = Basket.objects.filter(key=key)
    await sync_to_async(found.update)(open=True)
    return await found.afirst()
""",
    ],
)

_STEPS = 4
"""How many calls away the blocking one may be; a longer path mostly is not taken."""
_BRIEF_S = 0.01
_TERMINAL = ("builtins.input", "getpass.getpass")
_HASHES = regex(r"bcrypt\.|flask_bcrypt\.|passlib\.|pwdlib\.|argon2\.|hashlib\.(?:pbkdf2_hmac|scrypt)|werkzeug\.security\.")
"""Hashes of passwords, which are slow by design: a tenth of a second and more."""
_DJANGO = frozenset(
    ("get", "first", "last", "earliest", "latest", "create", "count", "exists", "update", "delete", "bulk_create", "bulk_update")
)
"""What asks the database at once; each has an `a` twin."""
_ANEW = regex(r"(?:^|[._])(?:re_?load|refresh|force|reset|clear|renew)")
"""Functions that forget what was found out."""
_ASKS = {
    "django": "This loop asks the database from a coroutine: Django raises here; use `async for`.",
    "sqlalchemy": "The event loop waits for the rows of this query; ask for them with an `AsyncSession`, or in a thread.",
}
_TITLES = {"time.sleep": "sleeps", "subprocess": "waits for a process", "requests": "waits for HTTP", "httpx": "waits for HTTP"}


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls in a coroutine that block, at once or through plain functions."""
    reading = view.reading
    if not reading.has(ast.AsyncFunctionDef) or is_script(view.path):
        return  # a command has its event loop for itself
    yield from _loops(view)
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if not isinstance(function, ast.AsyncFunctionDef) or reading.awaited(call) or is_alone(view.project, view.path, function):
            continue
        effects = view.effects(call, through_async=False)
        effect = effects.get("blocking")
        if effect is None:
            yield from _waits(view, call)
            yield from _asks_django(view, call)
            hashes = effects.get("cpu-heavy")
            if hashes is not None and _HASHES.match(hashes.call) and len(hashes.path) <= _STEPS and not _is_kept(view, hashes):
                told = (
                    f"`{hashes.call}` keeps the event loop busy for as long as it is meant to take; nothing else runs meanwhile."
                )
                yield Hit(call, told, evidence=tuple(described(hashes, view.project)), severity=Severity.WARNING)
            continue
        if len(effect.path) > _STEPS or _is_kept(view, effect) or _is_brief(view, call, effect):
            continue
        if effect.call in _TERMINAL and not _is_served(reading, function):
            continue
        if effect.call != "time.sleep" and _is_start(view, function, call):
            continue
        steps = tuple(described(effect, view.project))
        does = next((text for name, text in _TITLES.items() if effect.call.startswith(name)), "blocks")
        if steps:
            message = f"`{_name(call)}` {does} on the event loop: it reaches `{effect.call}`."
        else:
            message = f"`{effect.call}` {does} on the event loop; nothing else runs meanwhile."
        yield Hit(call, message, tuple(_fix(reading, call, effect.call)) if not steps else (), steps)


def _loops(view: View) -> Iterator[Hit]:
    """Loops over a query, which ask the database for its rows."""
    for rows, function, orm in looped_queries(view.project, view.path, view.reading):
        if isinstance(function, ast.AsyncFunctionDef) and not is_alone(view.project, view.path, function):
            yield Hit(rows, _ASKS[orm])


def _is_brief(view: View, call: ast.Call, effect: Effect) -> bool:
    """Whether all it does is to sleep for a few thousandths of a second."""
    if effect.call != "time.sleep":
        return False
    if not effect.path:
        seconds = constant(call.args[0]) if call.args else None
        return isinstance(seconds, int | float) and seconds <= _BRIEF_S
    last = effect.path[-1]
    definition = view.project.definition(last.path, last.qualname)
    about = definition.calls[last.index].about if definition is not None and last.index < len(definition.calls) else ""
    return bool(about) and float(about) <= _BRIEF_S


def _is_served(reading: Reading, function: ast.AsyncFunctionDef) -> bool:
    """Whether something goes on beside a question at the terminal: a connection is held open, or tasks were started."""
    told = (it for it in reading.within(function) if isinstance(it, ast.AsyncWith | ast.Call))
    return any(
        isinstance(it, ast.AsyncWith) or dotted(it.func).rpartition(".")[2] in ("create_task", "ensure_future", "gather")
        for it in told
    )


def _is_kept(view: View, effect: Effect) -> bool:
    """Whether a function on the way keeps what it found out: by a decorator, or in a name of its module, all that it gives."""
    if any(_ANEW.search(it.qualname) for it in effect.path):
        return False
    for it in effect.path:
        found = view.project.definition(it.path, it.qualname)
        if found is None:
            continue
        is_held = found.hands and isinstance(view.project.name(it.path, found.hands), Variable)
        if is_held or any("cache" in each.target for each in found.decorators):
            return True
    return False


def _is_start(view: View, function: ast.AsyncFunctionDef, call: ast.Call) -> bool:
    """Whether a call runs once, before an application serves anybody, or after."""
    return view.reading.loop(call) is None and runs_once(view.project, view.path, view.reading.qualname(function))


def _waits(view: View, call: ast.Call) -> Iterator[Hit]:
    """A wait for a thread, a process, a queue or a future, unless it may take no time."""
    if isinstance(call.func, ast.Attribute) and waits_elsewhere(name := view.callee(call), call):
        yield Hit(call, f"`{name}` waits on the event loop for another thread; nothing else runs meanwhile.")


def _asks_django(view: View, call: ast.Call) -> Iterator[Hit]:
    """A queryset of Django that is asked without `await`, by the look of its chain: it raises `SynchronousOnlyOperation`."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _DJANGO or "objects" not in view.reading.unit.text:
        return
    query = queries(view.project, view.path, view.reading).query(call)
    if query is not None and query.orm == "django" and query.runs and query.steps[-1].call is call and query.name:
        told = f"`{call.func.attr}` asks the database from a coroutine: Django raises here; await `a{call.func.attr}`."
        yield Hit(call, told)


def _fix(reading: Reading, call: ast.Call, name: str) -> Iterator[Draft]:
    if name == "time.sleep" and isinstance(reading.parent(call), ast.Expr):
        changes = (Change(call.func, "asyncio.sleep"), Change(call, "await ", insert="before"))
        yield Draft("Await asyncio.sleep instead", changes, imports=("asyncio",))


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func)
