"""A password or key is taken from the query string.

Why: the query is part of the address, and addresses are kept: in the access logs of every proxy on the way, in the browser's
history, in bookmarks, and in the `Referer` header of the next request.
Instead: take it from the body or from the Authorization header.

    @router.post("/login")
    async def login(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token: ...

Consequences: whoever reads a log can sign in.
Trade-offs: WebSockets and links in mails can't send headers; give those a token of their own that works once and for minutes.
Tests: assert that the route refuses the secret in the query.
Security: CWE-598. Take secrets that were logged for stolen: change them.
Source: RFC 6750 section 2.3: the query "SHOULD NOT be used"
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.annotations import annotation
from architect_lsp.knowledge.openapi import snake
from architect_lsp.knowledge.operations import parameters, routes_of
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, Hit, OpenApiView, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=598,
    needs=["password", "passwd", "secret", "api_key", "apikey", "access_token", "private_key"],
    bad=[
        Bad("""
from fastapi import APIRouter, Query

router = APIRouter()

@router.post("/login")
def login(username: str, [|password: str|]): ...

@router.get("/data")
def data([|api_key: str|] = Query(...)): ...
"""),
        Bad("""
from flask import Flask, request

app = Flask(__name__)

@app.get("/login")
def login():
    return check(request.args["user"], [|request.args.get("password")|])
"""),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /login:
    post:
      parameters:
        - name: user
          in: query
        - name: [|password|]
          in: query
components:
  securitySchemes:
    key:
      type: apiKey
      [|in|]: query
      name: api_key
"""),
    ],
    good=[
        """
from typing import Annotated
from fastapi import APIRouter, Body, Depends, Form, Header, WebSocket
from pydantic import BaseModel

router = APIRouter()

class Login(BaseModel):
    password: str

@router.post("/login")
def login(username: Annotated[str, Form()], password: Annotated[str, Form()]): ...

@router.post("/login2")
def login2(body: Login, password: str = Body(...), api_key: str = Header()): ...

@router.post("/reset/{secret}")
def reset(secret: str, token: str, has_password: bool = False): ...

@router.get("/me")
def me(password: str = Depends(lambda: "x")): ...

@router.websocket("/ws")
async def ws(socket: WebSocket, access_token: str): ...

def helper(password: str): ...
""",
        """
from flask import Flask, request

app = Flask(__name__)

@app.post("/login")
def login():
    return check(request.form["user"], request.form["password"])
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /login:
    post:
      parameters:
        - {name: X-Api-Key, in: header}
        - {name: has_password, in: query, schema: {type: boolean}}
        - {name: access_token, in: query, schema: {type: boolean}}
      requestBody:
        content:
          application/json:
            schema: {type: object, properties: {password: {type: string}}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Api-Key}
""",
    ],
)

_SECRET = regex(
    r"(?:\w+_)?(?:password|passwd|passphrase)|(?:client_|app_|shared_)?secret(?:_key|_access_key)?"
    r"|(?:x_)?api_?key|access_token|private_key"
)
_PLAIN = frozenset(("str", "SecretStr", ""))
_ELSEWHERE = frozenset(("Body", "Form", "Header", "Cookie", "Path", "Depends", "Security", "File"))
_ARGS = regex(r"(?:\w+\.)*request\.(?:args|query_params)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Parameters of handlers that come from the query, and what is read from it."""
    reading = view.reading
    for function in reading.functions:
        routes = routes_of(view.project, view.path, reading.qualname(function))
        if not routes or all("WEBSOCKET" in it.methods for it in routes):
            continue
        if routes[0].framework in ("fastapi", "litestar"):
            named = {name for it in routes for name in parameters(it.path)}
            guarded = any(each.guards for it in routes for each in it.dependencies)
            yield from _parameters(
                function, named | ({"api_key"} if guarded else set())
            )  # which filters, where another guard asks
    reads: tuple[ast.Call | ast.Subscript, ...] = (*reading.each(ast.Call), *reading.each(ast.Subscript))
    for node in reads:
        name = _read(node)
        if name and _SECRET.fullmatch(name.lower()):
            yield Hit(node, f"`{name}` comes in the query string, which logs and histories keep.")


def _parameters(function: Function, named: set[str]) -> Iterator[Hit]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*([None] * (len(positional) - len(arguments.defaults))), *arguments.defaults, *arguments.kw_defaults]
    for argument, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True):
        if not _SECRET.fullmatch(argument.arg) or argument.arg in named:
            continue
        said = list(ast.walk(argument.annotation)) if argument.annotation is not None else []
        calls = {dotted(it.func).rpartition(".")[2] for it in (*said, default) if isinstance(it, ast.Call)}
        if calls & _ELSEWHERE or annotation(argument.annotation) not in _PLAIN:
            continue
        yield Hit(argument, f"`{argument.arg}` comes in the query string, which logs and histories keep.")


def _read(node: ast.Call | ast.Subscript) -> str:
    """The name that is read from a request's query, "" when none is."""
    if isinstance(node, ast.Call):
        key, asked = node.args[0] if node.args else None, node.func
        is_query = isinstance(asked, ast.Attribute) and asked.attr in ("get", "getlist") and _is_query(asked.value)
    else:
        key, is_query = node.slice, _is_query(node.value)
    return key.value if is_query and isinstance(key, ast.Constant) and isinstance(key.value, str) else ""


def _is_query(node: ast.expr) -> bool:
    return bool(_ARGS.fullmatch(dotted(node)))


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Parameters of the query that are secrets by their names, and keys that are asked for there."""
    told: set[int] = set()
    for operation in view.api.operations:
        for it in operation.parameters:
            is_text = it.schema["type"].text in ("", "string")
            if it.place == "query" and is_text and _SECRET.fullmatch(snake(it.name)) and it.at.start not in told:
                told.add(it.at.start)
                yield FileHit(
                    it.at, f"`{it.name}` comes in the query string, which logs and histories keep.", symbol=operation.spoken
                )
    for scheme in (*view.api.root["components"]["securitySchemes"].entries, *view.api.root["securityDefinitions"].entries):
        if scheme["type"].text == "apiKey" and scheme["in"].text == "query":
            words = f"`{scheme['name'].text}` is a key in the query string, which logs and histories keep."
            yield FileHit(scheme["in"].key, words, symbol=scheme.name)
