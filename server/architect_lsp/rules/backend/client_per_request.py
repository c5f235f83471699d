"""A client is made anew for each request, or each turn of a loop.

Why: an HTTP client, an engine or a Redis client owns a pool of connections. One that lives as long as a request opens
connections, does the handshake for each, and throws them away.
Instead: make it once when the application starts, close it when it ends, and hand it to who needs it.

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=5) as client:
            app.state.http = client
            yield

    @app.get("/rates")
    async def rates(request: Request) -> Rates:
        try:
            answer = await request.app.state.http.get(RATES)
        except httpx.HTTPError as error:
            raise HTTPException(502, "no rates") from error
        return Rates.model_validate_json(answer.content)

Consequences: one to three round trips more for each request; under load ports or the database's connections run out.
Trade-offs: a client made once must be closed once, and a fork must not share it.
Tests: count the connections that a fake server sees over ten requests.
Performance: a TLS handshake costs more than most answers.
Source: https://www.python-httpx.org/advanced/clients/#why-use-a-client
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import handlers
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.loops import over_data
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, Reading, dotted, keyword
from architect_lsp.knowledge.sources import is_request
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Ref
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B1", "B5", "D3"],
    needs=["@", "for ", "web.Request"],
    bad=[
        Bad("""
import httpx
from fastapi import FastAPI

app = FastAPI()

@app.get("/rates/{currency}")
async def rates(currency: str, day: str):
    async with [|httpx.AsyncClient()|] as client:
        return (await client.get(f"https://rates.example/{currency}", params={"day": day})).json()
"""),
        Bad("""
-- app/main.py --
from fastapi import FastAPI
from app.store import connect

app = FastAPI()

@app.get("/rows")
def rows():
    return [|connect()|].execute("select 1")
-- app/store.py --
from sqlalchemy import create_engine

def connect():
    engine = create_engine("sqlite://")
    return engine.connect()
"""),
        Bad("""
import aiohttp
import boto3

async def prices(skus):
    for sku in skus:
        async with [|aiohttp.ClientSession()|] as http:
            yield await http.get(f"https://prices.example/{sku}")

def stored(keys):
    return [[|boto3.client("s3")|].head_object(Bucket="b", Key=it) for it in keys]
"""),
        Bad("""
import aiohttp
from contextlib import asynccontextmanager
from aiohttp import web

async def ask(word):
    async with aiohttp.ClientSession() as http:
        return await http.get(f"https://words.example/{word}")

async def show(request: web.Request):
    return web.json_response(await [|ask(request.match_info["word"])|])

@asynccontextmanager
async def lent():
    yield aiohttp.ClientSession()

async def held(request: web.Request):
    async with [|lent()|] as http:
        return web.json_response(http.closed)
"""),
    ],
    good=[
        """
import httpx
from fastapi import FastAPI, Depends, Request

app = FastAPI()
client = httpx.AsyncClient()

def http(request: Request):
    return request.app.state.http

@app.get("/rates")
async def rates(http=Depends(http)):
    return (await client.get("https://rates.example")).json()

def sync():
    with httpx.Client() as own:
        return own.get("https://rates.example")
""",
        """
-- app/main.py --
from functools import lru_cache
from fastapi import FastAPI
from sqlalchemy import create_engine

app = FastAPI()
_engine = None

@lru_cache
def engine():
    return create_engine("sqlite://")

def lazy():
    global _engine
    if _engine is None:
        _engine = create_engine("sqlite://")
    return _engine

@app.get("/rows")
def rows():
    return engine().connect(), lazy().connect()
""",
        """
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import create_engine

app = FastAPI()

class Source(BaseModel):
    address: str

def tables(source: Source):
    return create_engine(source.address).connect()

@app.post("/tables")
def show(source: Source):
    return tables(source)
""",
        """
import httpx
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()

class Server(BaseModel):
    url: str

@app.post("/servers/verify")
async def verify(form: Server):
    base = (form.url or "").rstrip("/")
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{base}/health")).is_success
""",
        """
import boto3
import httpx

def sizes(regions, urls):
    for region in regions:
        yield boto3.client("s3", region_name=region).list_buckets()
    for attempt in range(3):
        with httpx.Client() as client:
            client.get("https://prices.example")
    with httpx.Client() as client:
        for url in urls:
            client.get(url)
    clients = {it: httpx.Client() for it in urls}
    for url in urls:
        with httpx.Client() as client:
            while url:
                url = client.get(url).json()["next"]

def first(addresses):
    for address in addresses:
        try:
            with httpx.Client() as client:
                return client.get(address)
        except httpx.RequestError as error:
            print(error)
""",
        """
import openai
from fastapi import FastAPI
from shop.store import model_of

app = FastAPI()

@app.post("/words")
async def words(user: str):
    model = await model_of(user)
    client = openai.AsyncOpenAI(api_key=model.api_key)
    return await client.models.list()
""",
        """
import httpx
from fastapi import FastAPI, Request

app = FastAPI()
inner = FastAPI()

async def ask(path):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=inner), base_url="http://inner") as client:
        return await client.get(path)

@app.get("/tasks/{number}")
async def task(number: int):
    return (await ask(f"/tasks/{number}")).json()
""",
    ],
)

_CLIENTS = regex(
    r"httpx\.(?:Async)?Client|aiohttp\.(?:client\.)?ClientSession|requests\.(?:sessions\.)?Session"
    r"|sqlalchemy\.(?:ext\.asyncio\.)?(?:engine\.)?create_(?:async_)?engine|redis\.(?:asyncio\.)?(?:client\.)?(?:Redis|StrictRedis|from_url)"
    r"|(?:pymongo|motor\.motor_asyncio)\.(?:mongo_client\.)?(?:AsyncIOMotorClient|MongoClient|AsyncMongoClient)"
    r"|boto3\.(?:client|resource)|aioboto3\.Session|elasticsearch\.(?:Async)?Elasticsearch|asyncpg\.create_pool"
    r"|openai\.(?:Async)?(?:Azure)?OpenAI|anthropic\.(?:Async)?Anthropic|google\.cloud\.\w+\.Client"
)
_STEPS = 2
_LENDERS = ("contextmanager", "asynccontextmanager")
"""Decorators that keep nothing from one call to the next."""

_BOUND = regex(r"create_(?:async_)?engine|create_pool|MongoClient|Elasticsearch|psycopg")
"""Clients of one address, which they are made with."""
_SETS_UP = regex(r"(?:api_)?base(?:_url)?|\w*url|host|endpoint|proxy\w*|auth_token|api_key|timeout\w*")
"""Arguments that a client is made with, so that one for all is none."""
_ONCE = regex(r"(?:^|[_. ])(?:test|probe|oauth\w*|callback)(?:_|$| )")
"""What is asked for once in a while: nobody waits for its connection."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Clients that a route's handler makes, itself or through a plain helper, and those that a loop makes for each item."""
    reading = view.reading
    yield from _each_turn(view)
    for function in reading.functions:
        decorated = bool(function.decorator_list) and (view.path, reading.qualname(function)) in handlers(view.project)
        if not decorated and not _is_of_aiohttp(function):
            continue
        for call in reading.within(function):
            if not isinstance(call, ast.Call):
                continue
            symbol = view.symbol(call.func)
            if isinstance(symbol, External) and _CLIENTS.fullmatch(name := canonical(symbol.name)):
                if keyword(call, "transport") is None and not _goes_anywhere(view, function, call) and not _is_of_row(view, call):
                    yield Hit(call, f"`{name}` is made anew for each request of `{function.name}`, with connections of its own.")
            elif (
                isinstance(symbol, FunctionSymbol)
                and (path := _path(view.project, symbol, _STEPS))
                and not (_BOUND.search(path[-1][1]) and _is_of_request(view, call))
                and not any(_SETS_UP.fullmatch(it.arg or "") and not isinstance(it.value, ast.Constant) for it in call.keywords)
                and not _ONCE.search(f"{function.name} {dotted(call.func)}")
            ):
                told = f"`{ast.unparse(call.func)}` makes a client anew for each request of `{function.name}`."
                yield Hit(call, told, evidence=tuple(path))


def _goes_anywhere(view: View, function: Function, call: ast.Call) -> bool:
    """Whether the client asks what address a request says, so that there is no host whose connections could be kept."""
    holder = view.reading.parent(call)
    name = (
        holder.optional_vars
        if isinstance(holder, ast.withitem)
        else holder.targets[0]
        if isinstance(holder, ast.Assign)
        else None
    )
    if not isinstance(name, ast.Name):
        return False
    asked = (it for it in view.reading.within(function) if isinstance(it, ast.Call) and dotted(it.func).startswith(f"{name.id}."))
    return any(it.args and _is_chosen(view, next(iter(view.parts(it.args[0], "url")), "")) for it in asked)


def _is_of_row(view: View, call: ast.Call) -> bool:
    """Whether the client is made with the key or address that something loaded here holds: each has its own."""
    bindings = view.reading.bindings(view.reading.function(call))
    for given in (it.value for it in call.keywords if _SETS_UP.fullmatch(it.arg or "") and "timeout" not in (it.arg or "")):
        for value in bindings.get(given.id, []) if isinstance(given, ast.Name) else [given]:
            head = dotted(value).partition(".")[0] if isinstance(value, ast.Attribute) else ""
            if head and head != "self" and bindings.get(head):
                return True
    return False


def _is_of_request(view: View, call: ast.Call) -> bool:
    """Whether the request says what is connected to: such a client can't be shared."""
    found = (it for given in (*call.args, *(each.value for each in call.keywords)) for it in view.parts(given, "url"))
    return any(_is_chosen(view, it) for it in found)


def _is_chosen(view: View, part: str | Origin) -> bool:
    """Whether a piece of an address is what a request says."""
    if not isinstance(part, Origin) or part.name.partition(".")[0] == "request":
        return False
    return part.kind in ("checked", "parameter") or is_request(view.project, view.reading, part)


def _is_of_aiohttp(function: Function) -> bool:
    """Whether the function says that it answers a request of aiohttp: `async def show(request: web.Request)`."""
    first = function.args.args[0] if function.args.args else None
    return first is not None and dotted(first.annotation) in ("web.Request", "aiohttp.web.Request")


def _each_turn(view: View) -> Iterator[Hit]:
    """Clients that are all the same, one for each item of a loop over data."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        loop = reading.loop(call)
        if loop is None or reading.function(call) is None or isinstance(reading.parent(call), ast.DictComp):
            continue
        name = view.callee(call)
        if not _CLIENTS.fullmatch(name) or not over_data(reading, loop) or keyword(call, "transport") is not None:
            continue
        if isinstance(loop, ast.For) and any(isinstance(it, ast.Return | ast.Break) for it in run_by(loop.body)):
            continue  # one after the other is tried until one answers
        if _is_used_often(reading, call):
            continue
        targets = [it.target for it in ([loop] if isinstance(loop, ast.For) else loop.generators)]  # type: ignore[attr-defined]
        own = {it.id for target in targets for it in ast.walk(target) if isinstance(it, ast.Name)}
        own |= {it.id for it in ast.walk(loop) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
        given = [*call.args, *(it.value for it in call.keywords)]
        if not any(isinstance(it, ast.Name) and it.id in own for each in given for it in ast.walk(each)) and not _is_kept(
            reading, call
        ):
            yield Hit(call, f"`{name}` is made anew in each turn of this loop, with connections of its own.")


def _is_used_often(reading: Reading, call: ast.Call) -> bool:
    """Whether the turn asks many things by its client: `with Client() as client: while url: client.get(url)`."""
    block = reading.parent(reading.parent(call) or call)
    rows = block.body if isinstance(block, ast.With | ast.AsyncWith) else []
    return any(isinstance(it, ast.For | ast.AsyncFor | ast.While) for row in rows for it in ast.walk(row))


def _is_kept(reading: Reading, call: ast.Call) -> bool:
    """Whether each item gets a client of its own to keep: it is appended, or put in a table."""
    parent = reading.parent(call)
    if isinstance(parent, ast.Assign):
        return not isinstance(parent.targets[0], ast.Name)
    if isinstance(parent, ast.Attribute):
        return False
    return not isinstance(parent, ast.withitem)


def _path(project: Project, symbol: FunctionSymbol, steps: int) -> list[tuple[Ref, str]]:
    """The calls from a function that keeps nothing, none in a branch, to one that makes a client; [] when there are none."""
    definition = symbol.facts
    decorated = any(it.value.last not in _LENDERS for it in definition.decorators)
    if steps == 0 or decorated or definition.owner or definition.catches:
        return []  # a helper with a fallback of its own mostly looks into a cache first
    if any(it.target.endswith("ASGITransport") for it in definition.calls):
        return []  # it asks an application in this process
    for index, call in enumerate(definition.calls):
        inner = project.resolve(symbol.path, call.target, definition.owner) if call.certain else None
        ref = Ref(symbol.path, definition.qualname, "call", index)
        if isinstance(inner, External) and _CLIENTS.fullmatch(name := canonical(inner.name)):
            return [(ref, f"`{definition.qualname}` calls `{name}`")]
        if isinstance(inner, FunctionSymbol) and (rest := _path(project, inner, steps - 1)):
            return [(ref, f"`{definition.qualname}` calls `{inner.facts.qualname}`"), *rest]
    return []
