"""A client is made anew for each request.

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
import re
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import handlers
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B1", "B5", "D3"],
    needs=["@"],
    bad=[
        Bad("""
import httpx
from fastapi import FastAPI

app = FastAPI()

@app.get("/rates")
async def rates():
    async with [|httpx.AsyncClient()|] as client:
        return (await client.get("https://rates.example")).json()
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
    ],
)

_CLIENTS = re.compile(
    r"httpx\.(?:Async)?Client|aiohttp\.(?:client\.)?ClientSession|requests\.(?:sessions\.)?Session"
    r"|sqlalchemy\.(?:ext\.asyncio\.)?(?:engine\.)?create_(?:async_)?engine|redis\.(?:asyncio\.)?(?:client\.)?(?:Redis|StrictRedis|from_url)"
    r"|(?:pymongo|motor\.motor_asyncio)\.(?:mongo_client\.)?(?:AsyncIOMotorClient|MongoClient|AsyncMongoClient)"
    r"|boto3\.(?:client|resource)|aioboto3\.Session|elasticsearch\.(?:Async)?Elasticsearch|asyncpg\.create_pool"
    r"|openai\.(?:Async)?(?:Azure)?OpenAI|anthropic\.(?:Async)?Anthropic|google\.cloud\.\w+\.Client"
)
_STEPS = 2


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Clients that a route's handler makes, itself or through a plain helper."""
    reading = view.reading
    for function in reading.functions:
        if not function.decorator_list or (view.path, reading.qualname(function)) not in handlers(view.project):
            continue
        for call in reading.within(function):
            if not isinstance(call, ast.Call):
                continue
            symbol = view.symbol(call.func)
            if isinstance(symbol, External) and _CLIENTS.fullmatch(name := canonical(symbol.name)):
                yield Hit(call, f"`{name}` is made anew for each request of `{function.name}`, with connections of its own.")
            elif isinstance(symbol, FunctionSymbol) and (path := _path(view.project, symbol, _STEPS)):
                told = f"`{ast.unparse(call.func)}` makes a client anew for each request of `{function.name}`."
                yield Hit(call, told, evidence=tuple(path))


def _path(project: Project, symbol: FunctionSymbol, steps: int) -> list[tuple[Ref, str]]:
    """The calls from a function that keeps nothing, none in a branch, to one that makes a client; [] when there are none."""
    definition = symbol.facts
    if steps == 0 or definition.decorators or definition.owner or definition.catches:
        return []  # a helper with a fallback of its own mostly looks into a cache first
    for index, call in enumerate(definition.calls):
        inner = project.resolve(symbol.path, call.target, definition.owner) if call.certain else None
        ref = Ref(symbol.path, definition.qualname, "call", index)
        if isinstance(inner, External) and _CLIENTS.fullmatch(name := canonical(inner.name)):
            return [(ref, f"`{definition.qualname}` calls `{name}`")]
        if isinstance(inner, FunctionSymbol) and (rest := _path(project, inner, steps - 1)):
            return [(ref, f"`{definition.qualname}` calls `{inner.facts.qualname}`"), *rest]
    return []
