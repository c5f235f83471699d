"""An MCP server hands the caller's token on to another service.

Why: the token was made for this server. Handed on unchanged, it makes this server a proxy that nobody checks: the other service
can't tell who really asks, its own limits and records are bypassed, and a token stolen here opens the other door too.
Instead: check that the token was made for you, and get one of your own for the other service: by an exchange, or as this service.

    caller = get_access_token()
    token = await exchange(caller.claims["sub"], audience="crm")

Consequences: a token for one server works at all of them.
Security: the specification of MCP forbids it ("token passthrough").
Source: https://modelcontextprotocol.io/specification/2025-06-18/basic/security_best_practices; CWE-441
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant
from architect_lsp.knowledge.sources import origins
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C4", "A2", "D4"],
    cwe=441,
    needs=["get_http_headers", "get_http_request", "request_context"],
    bad=[
        Bad("""
import httpx
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_headers

mcp = FastMCP("crm")

@mcp.tool
async def contacts() -> str:
    token = get_http_headers()["authorization"]
    async with httpx.AsyncClient(timeout=10) as client:
        response = await client.get("https://crm.example.com/contacts", headers={"Authorization": [|token|]})
    return response.text
"""),
        Bad("""
import requests
from mcp.server.fastmcp import Context, FastMCP

mcp = FastMCP("crm")

@mcp.tool()
def contacts(ctx: Context) -> str:
    token = ctx.request_context.request.headers.get("Authorization")
    return requests.get("https://crm.example.com/contacts", headers={"Authorization": [|f"{token}"|]}, timeout=5).text
"""),
    ],
    good=[
        """
import httpx
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_access_token, get_http_headers
from crm.exchange import token_for

mcp = FastMCP("crm")

@mcp.tool
async def contacts() -> str:
    caller = get_access_token()
    trace = get_http_headers().get("x-request-id", "")
    token = await token_for(caller.claims["sub"])
    async with httpx.AsyncClient(timeout=10) as client:
        headers = {"Authorization": f"Bearer {token}", "X-Request-Id": trace}
        response = await client.get("https://crm.example.com/contacts", headers=headers)
    return response.text
""",
    ],
)

_OF_CALLER = regex(
    r"fastmcp\.(?:\w+\.)*get_http_(?:headers|request)\(\)(?:\.headers)?(?:\.get\(\))?$"
    r"|(?:\w+\.)?request_context\.request\.headers(?:\.get\(\))?$"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Headers `Authorization` of requests to others that hold the one this server was asked with."""
    for table in view.reading.each(ast.Dict):
        for key, it in zip(table.keys, table.values, strict=True):
            if str(constant(key)).lower() != "authorization":
                continue
            found = origins(view.project, view.path, view.reading, it)
            if any(_OF_CALLER.match(row.name) for row in found):
                yield Hit(it, "The caller's token was made for this server; another service is asked with it unchanged.")
