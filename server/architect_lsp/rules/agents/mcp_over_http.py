"""An MCP server elsewhere is spoken to without encryption.

Why: over plain HTTP everybody on the way reads the token and the results, and can change what the tools are said to do: a model
follows a changed description as it follows the true one.
Instead: `https://`, and keep plain HTTP for servers on this machine.

    streamablehttp_client("https://mcp.example.com/mcp", headers=headers)

Consequences: stolen tokens, and an agent that does what the network tells it.
Security: authorisation of MCP demands HTTPS for all but the loopback address.
Source: https://modelcontextprotocol.io/specification/2025-06-18/basic/authorization; CWE-319
"""

import ast
import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C4", "D4"],
    cwe=319,
    needs=["http://"],
    bad=[
        Bad("""
from mcp.client.streamable_http import streamablehttp_client

async def tools(headers):
    async with streamablehttp_client([|"http://mcp.partner.example.com/mcp"|], headers=headers) as (read, write, _):
        return read
"""),
        Bad("""
from agents.mcp import MCPServerStreamableHttp
from langchain_mcp_adapters.client import MultiServerMCPClient

MCP_SERVER_URL = [|"http://tools.example.org/mcp"|]
client = MultiServerMCPClient({"crm": {"transport": "streamable_http", "url": [|"http://crm.example.com/mcp"|]}})

def server():
    return MCPServerStreamableHttp(params={"url": [|"http://93.184.216.34:8000/mcp"|]})
"""),
    ],
    good=[
        """
from agents.mcp import MCPServerStreamableHttp
from mcp.client.sse import sse_client

MCP_SERVER_URL = "http://localhost:8000/mcp"
DOCS_URL = "http://docs.example.com"

def servers():
    sse_client("http://127.0.0.1:8000/sse")
    sse_client("http://mcp:8000/sse")
    sse_client("http://tools.default.svc.cluster.local/sse")
    sse_client("http://10.0.0.8/sse")
    return MCPServerStreamableHttp(params={"url": "https://crm.example.com/mcp"})
""",
    ],
)

_CLIENTS = regex(r"MCP|mcp|streamable_?http|sse_client|SSETransport|StreamableHttpTransport")
_NAMES = regex(r"\w*MCP\w*(?:URL|URI|SERVER|ENDPOINT)\w*")
_NEAR = regex(r"(?:.*\.)?(?:localhost|local|internal|lan|home|test|localdomain|docker\.internal)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Addresses of servers elsewhere that begin with `http://`, where a client of MCP is given one."""
    if is_script(view.path):
        return
    for it in view.reading.each(ast.Constant):
        if isinstance(it.value, str) and it.value.startswith("http://") and _is_far(it.value) and _is_server(view.reading, it):
            yield Hit(it, "Tokens and tools of this server can be read and changed on the way: it is asked without encryption.")


def _is_far(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and "{" not in host and _NEAR.fullmatch(host) is None


def _is_server(reading: Reading, node: ast.Constant) -> bool:
    """Whether the address is given to a client of MCP, or is called one's address."""
    below: ast.AST = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.Call):
            return below is not up.func and bool(_CLIENTS.search(dotted(up.func).rpartition(".")[2]))
        if isinstance(up, ast.Dict) and any(
            constant(key) == "type" and constant(it) == "mcp" for key, it in zip(up.keys, up.values, strict=True)
        ):
            return True
        if isinstance(up, ast.Assign):
            return up.value is node and any(_NAMES.fullmatch(dotted(it)) for it in up.targets)
        if isinstance(up, ast.stmt) and not isinstance(up, ast.AsyncWith | ast.With | ast.Return | ast.Expr):
            return False
        below = up
    return False
