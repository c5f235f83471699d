"""A value from outside decides which server is asked.

Why: the request comes from inside: it reaches the cloud's metadata service, admin pages and databases that trust the network.
A check of the text alone can be walked around by redirects, DNS and other spellings of an address.
Instead: let the caller choose among hosts that you name.

    HOSTS = {"github": "https://api.github.com"}

    async def fetch(source: str, path: str) -> bytes:
        try:
            answer = await client.get(f"{HOSTS[source]}/{quote(path)}", follow_redirects=False, timeout=5)
            answer.raise_for_status()
        except KeyError as error:
            raise HTTPException(422, "unknown source") from error
        except httpx.HTTPError as error:
            raise HTTPException(502, "the source does not answer") from error
        return answer.content

Trade-offs: webhooks and link previews must go anywhere: resolve the name, refuse private addresses, connect to the address that
was checked, follow no redirects, or send all of it through a proxy without a way inside.
Tests: `http://169.254.169.254/`, `http://localhost`, `http://[::1]`, a name that resolves to 10.0.0.1: refused.
Security: reading the credentials of the machine; reaching what was never meant to be public.
Observability: log host and address of each outgoing request, and alert on private ones.
Performance: bound the size and the time of what is fetched.
Source: CWE-918; OWASP API7:2023; https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import arguments, definitions, last_name
from architect_lsp.knowledge.exposures import Exposure
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=918,
    equivalents=["S310", "B310"],
    bad=[
        Bad("""
import requests
from flask import request

def preview():
    url = request.args.get("url")
    return requests.get([|url|], timeout=5).text
"""),
        Bad("""
import requests
from django import forms
from django.views.generic import FormView

class PreviewForm(forms.Form):
    link = forms.URLField()

class Preview(FormView):
    form_class = PreviewForm

    def form_valid(self, form):
        return requests.get([|form.cleaned_data["link"]|], timeout=5)
"""),
        Bad("""
import httpx
from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter()

class Hook(BaseModel):
    host: str

@router.post("/hooks")
async def ping(hook: Hook):
    async with httpx.AsyncClient() as client:
        return (await client.post([|f"https://{hook.host}/ping"|])).status_code
"""),
        Bad("""
-- app/views.py --
from app.client import Client

def fetch(request):
    return Client([|request.GET["base"]|]).status()
-- app/client.py --
import requests

class Client:
    def __init__(self, base):
        self.base = base

    def status(self):
        return requests.get(f"{self.base}/status", timeout=5).json()
"""),
        Bad("""
import re
import requests
from flask import abort, request

def preview():
    url = request.args["url"]
    if not url.startswith(("http://", "https://")):
        abort(400)
    return requests.get([|url|], timeout=5).text

def mirror():
    url = request.args["url"]
    if not re.match(r"https://mirror\\.example\\.com", url):
        abort(400)
    return requests.get([|url|], timeout=5).text
"""),
    ],
    good=[
        """
import httpx
from fastapi import APIRouter, HTTPException, Request
from shop.chat import verify_chat_signature

router = APIRouter()

@router.post("/events")
async def event(request: Request):
    if not verify_chat_signature(await request.body(), request.headers.get("X-Signature", "")):
        raise HTTPException(403)
    data = await request.json()
    async with httpx.AsyncClient(timeout=5) as client:
        return (await client.get(data["file"]["url"])).status_code
""",
        """
import requests
from flask import request

STORE = "https://store.example.com"

def target():
    _, _, path = request.full_path.rstrip("?").partition("/mirror/")
    return STORE + "/" + path

def forward():
    return requests.request(method=request.method, url=target(), timeout=3).text
""",
        """
import httpx
from fastapi import APIRouter, Depends
from shop.users import get_admin_user

router = APIRouter()

@router.post("/servers/verify")
async def verify(url: str, user=Depends(get_admin_user)):
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).status_code
""",
        """
import asyncio
import httpx
from fastapi import APIRouter
from pydantic import BaseModel
from shop.addresses import HOSTS, is_base_safe, validate_url

router = APIRouter()

class Page(BaseModel):
    url: str

@router.post("/pages")
async def read(page: Page):
    if not any(page.url.startswith(host) for host in HOSTS):
        return None
    async with httpx.AsyncClient() as client:
        return (await client.get(page.url)).text

@router.post("/bases")
async def base(page: Page):
    ok, reason = is_base_safe(page.url)
    if not ok:
        return {"error": reason}
    async with httpx.AsyncClient() as client:
        return (await client.get(page.url)).text

@router.post("/others")
async def other(page: Page):
    await asyncio.to_thread(validate_url, page.url)
    async with httpx.AsyncClient() as client:
        return (await client.get(page.url)).text
""",
        """
import httpx
from starlette.requests import Request

async def asked_again(request: Request, app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://app") as client:
        return await client.post(request.query_params["path"])

async def asked_here(request: Request, client: httpx.AsyncClient):
    return await client.post(str(request.url.replace(path="/v1/messages", query="")))
""",
        """
import requests
from flask import abort, request

def details(releases):
    link = request.args["link"]
    release = next((it for it in releases if it.link == link), None)
    if release is None:
        abort(404)
    return requests.get(link, timeout=5).json()

@app.get("/details/{link}")
def shown(link: str, releases):
    release = next((it for it in releases if it.link == link), None)
    if not release:
        abort(404)
    return requests.get(link, timeout=5).json()
""",
        """
import requests
from urllib.parse import urlparse
from flask import abort, request

BASE = "https://api.example.com"
HOSTS = {"a.example.com"}

def user():
    name = request.args["name"]
    requests.get(f"https://api.example.com/users/{name}", timeout=5)
    requests.get(BASE + "/users/" + name, timeout=5)
    requests.get(BASE, params={"name": name}, timeout=5)
    url = request.args["url"]
    if urlparse(url).hostname not in HOSTS:
        abort(400)
    return requests.get(url, timeout=5).text
""",
        """
import re
import requests
from enum import Enum
from urllib.parse import urlparse
from fastapi import APIRouter, HTTPException

router = APIRouter()

class Region(Enum):
    EAST = "east"
    WEST = "west"

@router.get("/weather")
def weather(region: Region):
    return requests.get(f"https://{region.value}.example.com/weather", timeout=5).json()

@router.get("/preview")
def preview(url: str):
    host = urlparse(url).hostname or ""
    if not (host == "example.com" or host.endswith(".example.com")):
        raise HTTPException(400)
    return requests.get(url, timeout=5).text

@router.get("/mirror")
def mirror(url: str):
    if not url.startswith("https://mirror.example.com/"):
        raise HTTPException(400)
    if re.search(r"[^a-z/]", url):
        raise HTTPException(400)
    return requests.get(url, timeout=5).text
""",
    ],
)

_OWN_ADDRESS = regex(
    r"(?:^|\.)request\.(?:url|base_url|host_url|url_root|root_url)(?:\.(?:replace|include_query_params|replace_query_params)\(\))?$"
)
"""Where the request itself was sent: the service's own address."""
_IN_PROCESS = regex(r"\bapp=|\b(?:ASGI|WSGI)Transport\(")
"""What a client is made with that calls an application of this process, and no server."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Requests whose host someone outside decides."""
    for it in view.exposures("url"):
        if (
            _OWN_ADDRESS.search(it.origin.name)
            or _is_looked_up(view, it)
            or _is_in_process(view, it.call)
            or _is_for_admins(view, it)
            or _is_signed(view.reading, it.call)
        ):
            continue
        message = f"`{it.source}` decides which server `{it.used_by}` asks, internal ones too; choose it from a list."
        yield Hit(it.argument, message, (), it.steps)


_SIGNATURES = regex(r"^(?:is_)?(?:verif\w*|valid\w*|check\w*)_(?:\w+_)?signature$|^construct_event$")


def _is_signed(reading: Reading, call: ast.Call) -> bool:
    """Whether the sender's signature is checked before: the service that signed it chose the address."""
    function = reading.function(call)
    rows = (it for it in reading.within(function) if isinstance(it, ast.Call) and it.lineno < call.lineno)
    return function is not None and any(_SIGNATURES.match(last_name(it.func)) for it in rows)


_ADMINS = regex(r"admin|superuser|staff|operator|root_user", re.IGNORECASE)


def _is_for_admins(view: View, exposure: Exposure) -> bool:
    """Whether only who runs the service may ask for it, by a dependency or a decorator: they choose its servers."""
    function = view.reading.function(exposure.call)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    said: list[ast.expr] = [*function.decorator_list, *function.args.defaults]
    said += [it for it in function.args.kw_defaults if it is not None]
    said += [it.annotation for it in arguments(function) if it.annotation is not None]
    calls = (it for each in said for it in ast.walk(each) if isinstance(it, ast.Call | ast.Name))
    guards = (it for it in calls if isinstance(it, ast.Name) or dotted(it.func).rpartition(".")[2] in ("Depends", "Security"))
    return any(_ADMINS.search(ast.unparse(it)) for it in guards)


def _is_in_process(view: View, call: ast.Call) -> bool:
    """Whether the client asks an application that runs in this process."""
    name = dotted(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    rows = definitions(view.reading, view.reading.function(call)).get(name, ()) if name else ()
    return any(isinstance(it.value, ast.Call) and _IN_PROCESS.search(ast.unparse(it.value)) for it in rows)


def _is_looked_up(view: View, exposure: Exposure) -> bool:
    """Whether the function looked for an entry of its own with this value before: `next(it for it in rows if it.url == url)`."""
    function = view.reading.function(exposure.call)
    names = {exposure.origin.name, *(it.id for it in ast.walk(exposure.argument) if isinstance(it, ast.Name))}
    for node in view.reading.each(ast.comprehension):
        if view.reading.function(node) is not function or getattr(node.iter, "lineno", 0) > exposure.call.lineno:
            continue
        for test in (each for it in node.ifs for each in ast.walk(it) if isinstance(each, ast.Compare)):
            sides = (test.left, test.comparators[0])
            is_equal = isinstance(test.ops[0], ast.Eq) and any(isinstance(it, ast.Attribute | ast.Subscript) for it in sides)
            if is_equal and any(isinstance(it, ast.Name) and it.id in names for it in sides):
                return True
    return False
