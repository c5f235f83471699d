"""A request without a timeout waits for as long as the other side likes.

Why: `requests`, `urllib` and `smtplib` have no timeout of their own. When the other side accepts the connection and then says
nothing, the call never returns, and neither does the thread, worker or task that made it.
Instead: say how long the answer is worth waiting for, and what happens when it does not come.

    try:
        response = requests.get(url, timeout=(3.05, 10))  # seconds to connect, seconds between two bytes
        response.raise_for_status()
    except requests.RequestException as error:
        raise CarrierUnavailable(url) from error

Consequences: one silent upstream takes the workers one by one until the service answers nobody.
Trade-offs: a timeout too short turns a slow day into an outage; take it from the slowest answer that still is of use.
Tests: point the call at a socket that accepts and never answers, and assert that the caller's error comes in time.
Security: whoever can make the service call a host of theirs can hold its workers for nothing.
Observability: count timeouts apart from other errors, by upstream.
Source: https://requests.readthedocs.io/en/latest/user/quickstart/#timeouts
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.comments import comments
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Reading, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B1", "D3"],
    cwe=400,
    equivalents=["S113", "W3101"],
    needs=["requests", "session", "Session", "urlopen", "SMTP", "get(", "post(", "timeout=None", "total=None", "open_connection"],
    bad=[
        Bad(
            """
import requests

def quote(sku):
    return [|requests.get(f"https://carrier.example/{sku}")|].json()
""",
            fixed="""
import requests

def quote(sku):
    return requests.get(f"https://carrier.example/{sku}", timeout=10).json()
""",
        ),
        Bad(
            """
from requests import post

def tell(url, text):
    [|post(
        url,
        json={"text": text},  # the chat's own format 😀
    )|]
""",
            fixed="""
from requests import post

def tell(url, text):
    post(
        url,
        json={"text": text},
        timeout=10,  # the chat's own format 😀
    )
""",
        ),
        Bad(
            """
import smtplib
import urllib.request

def send(message, host):
    with [|smtplib.SMTP(host)|] as server:
        server.send_message(message)
    return urllib.request.urlopen("https://example.org/sent", None, 5)
""",
            fixed="""
import smtplib
import urllib.request

def send(message, host):
    with smtplib.SMTP(host, timeout=10) as server:
        server.send_message(message)
    return urllib.request.urlopen("https://example.org/sent", None, 5)
""",
        ),
        Bad("""
-- app/http.py --
import requests

session = requests.Session()
-- app/rates.py --
from app.http import session

def rates():
    return [|session.get("https://rates.example")|].json()
"""),
        Bad("""
import asyncio
import httpx

async def ask(host, line):
    reader, writer = await [|asyncio.open_connection(host, 4000)|]
    writer.write(line)
    return await reader.readline()

client = httpx.AsyncClient([|timeout=None|])
"""),
        Bad("""
import aiohttp
import openai

def session():
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout([|total=None|]))

def model():
    return openai.OpenAI([|timeout=None|])
"""),
    ],
    good=[
        """
import requests
import smtplib

def quote(sku, **options):
    requests.get(sku, timeout=5)
    requests.get(sku, **options)
    smtplib.SMTP("mail.example", 25, None, 5)
""",
        """
-- app/http.py --
import requests

class Patient(requests.Session):
    def request(self, *args, timeout=10, **kwargs):
        return super().request(*args, timeout=timeout, **kwargs)

session = Patient()
-- app/rates.py --
from app.http import session

def rates():
    return session.get("https://rates.example").json()
""",
        """
import asyncio
import httpx

async def ask(host, line):
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(host, 4000)
    await asyncio.wait_for(asyncio.open_connection(host, 4001), 5)

async def follow(url):
    # events come for as long as the page is open
    async with httpx.AsyncClient(timeout=None) as client:
        async with client.stream("GET", url, timeout=None) as events:
            return events
""",
        """
-- scripts/fetch.py --
import requests

print(requests.get("https://example.org/").text)
""",
    ],
)

_HTTP = regex(r"requests\.(?:Session\.|session\.)?(?:get|post|put|patch|delete|head|options|request)")
_CLIENTS = regex(
    r"aiohttp\.(?:client\.)?ClientTimeout|(?:openai|anthropic)\.(?:Async)?(?:Azure)?(?:OpenAI|Anthropic)|(?:httpx|httpx2|requests|niquests)\.(?:Session\.|session\.|(?:Async)?Client\.?)?(?:get|post|put|patch|delete|head|options|request)?"
)
_CONNECTS = regex(r"asyncio\.(?:streams\.)?open_(?:unix_)?connection")
_BOUNDS = regex(r"timeout|fail_after|move_on_after")
_POSITIONS = {"urllib.request.urlopen": 3, "smtplib.SMTP": 4, "smtplib.SMTP_SSL": 6}
"""Callables other than those of requests: how many positional arguments reach their timeout."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that wait for the network and say nothing of how long."""
    if is_script(view.path):
        return
    for call in view.reading.each(ast.Call):
        yield from _endless(view, call)
        if keyword(call, "timeout") is not None or any(it.arg is None for it in call.keywords):
            continue
        name = view.callee(call)
        limit = 99 if _HTTP.fullmatch(name) else _POSITIONS.get(name, 0)
        if len(call.args) < limit and not any(isinstance(it, ast.Starred) for it in call.args) and not _own_session(view, call):
            yield Hit(
                call, f"`{name}` has no timeout: a silent server holds this call for ever.", tuple(_fix(view.reading, call))
            )


def _endless(view: View, call: ast.Call) -> Iterator[Hit]:
    """A client that is told to wait for ever, with no word why; a connection that nothing around bounds."""
    reading = view.reading
    given = next((it for it in call.keywords if it.arg in ("timeout", "total")), None)
    if given is not None and given.arg == "total" and (len(call.keywords) > 1 or "ClientTimeout" not in dotted(call.func)):
        return  # it may bound the wait for each piece
    if given is not None and isinstance(given.value, ast.Constant) and given.value.value is None:
        name = view.callee(call)
        if _CLIENTS.fullmatch(name) and not any(comments(reading, call)):
            yield Hit(given, f"`{given.arg}=None` lets `{name}` wait for as long as the other side likes.")
    elif reading.awaited(call) and _CONNECTS.fullmatch(name := view.callee(call)):
        around = " ".join(
            ast.unparse(it.context_expr) for up in reading.ancestors(call) if isinstance(up, ast.AsyncWith) for it in up.items
        )
        if not _BOUNDS.search(around):
            yield Hit(call, f"`{name}` has no timeout of its own, and nothing around it bounds the wait.")


def _own_session(view: View, call: ast.Call) -> bool:
    """Whether the call goes through a class of the project, which may well bring the timeout."""
    return isinstance(call.func, ast.Attribute) and view.instance(call.func.value) is not None


def _fix(reading: Reading, call: ast.Call) -> Iterator[Draft]:
    arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if not arguments:
        return
    last = max(arguments, key=lambda it: (it.end_lineno or 0, it.end_col_offset or 0))
    place, end = reading.place(last), reading.place(call)
    lines = reading.parsed.lines
    tail = "\n".join([*lines[place.end_line : end.end_line], lines[end.end_line][: end.end_column]])[place.end_column :]
    if end.end_line == place.end_line:
        tail = lines[end.end_line][place.end_column : end.end_column]
    if not re.fullmatch(r"(?:[\s,]|#.*\n)*\)", tail):
        return
    before = lines[place.line][: place.column]
    space = f"\n{before}" if not before.strip() else " "
    yield Draft("Wait ten seconds at most", (Change(last, f",{space}timeout=10", insert="after"),))
