"""An MCP server listens on every network the machine is in, and asks nobody who they are.

Why: whoever can reach the port can list the tools and call them, with the rights of the service. A page in a browser on the same
network can, too.
Instead: listen on this machine alone, or let the server ask for a token.

    mcp = FastMCP("warehouse", auth=JWTVerifier(jwks_uri=JWKS, issuer=ISSUER, audience="warehouse"))

Consequences: the tools are an API without authentication, that describes itself.
Trade-offs: in a container the address has to be open; then a proxy in front must ask, or the server itself.
Tests: list the tools without a token and assert 401.
Security: CWE-306; the session of a client that is allowed adds nothing, since none is needed.
Source: https://modelcontextprotocol.io/specification/draft/basic/security_best_practices; OWASP ASI03:2026
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.wording import says
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "C1", "D4"],
    cwe=306,
    needs=["0.0.0", '"::"'],
    bad=[
        Bad("""
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("warehouse", [|host="0.0.0.0"|], port=8000)

@mcp.tool()
def stock(part: str) -> int:
    return STOCK[part]
"""),
        Bad("""
from fastmcp import FastMCP

mcp = FastMCP("warehouse")

if __name__ == "__main__":
    mcp.run(transport="http", [|host="0.0.0.0"|], port=8000)
"""),
        Bad("""
import uvicorn
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("warehouse")

def main():
    uvicorn.run(mcp.streamable_http_app(), [|host="0.0.0.0"|], port=8000)
"""),
    ],
    good=[
        """
from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier

mcp = FastMCP("warehouse", auth=JWTVerifier(jwks_uri=JWKS, audience="warehouse"))

if __name__ == "__main__":
    mcp.run(transport="http", host="0.0.0.0", port=8000)
""",
        """
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("warehouse", host="127.0.0.1")
""",
        """
import uvicorn
from fastapi import FastAPI

app = FastAPI()

def main():
    uvicorn.run(app, host="0.0.0.0", port=8000)
""",
    ],
)

_SERVER = regex(r"(?:mcp|fastmcp)\b[\w.()]*\.(?:FastMCP|MCPServer)")
_APPS = ("sse_app", "streamable_http_app", "http_app")
_ANY = regex(r"0\.0\.0\.0|::")
_ASKS = regex(r"auth|verif|token|middleware|oauth|api_?key|security|login", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Servers that are told to listen everywhere, in files that never speak of who may call them."""
    for call in view.reading.each(ast.Call):
        host = next((it for it in call.keywords if it.arg == "host" and _ANY.fullmatch(str(constant(it.value)))), None)
        if host is None or not _is_server(view, call) or keyword(call, "auth") or keyword(call, "token_verifier"):
            continue
        if not says(view.reading, _ASKS) and not view.project.of_file(view.path, _asks):
            yield Hit(host, "Whoever reaches this port may call the tools of this server: it asks nobody who they are.")


def _is_server(view: View, call: ast.Call) -> bool:
    name = view.callee(call)
    if name == "uvicorn.run" and call.args:
        made = call.args[0].func if isinstance(call.args[0], ast.Call) else None
        if isinstance(call.args[0], ast.Name):
            return view.project.of_file(view.path, _mounts)
        return isinstance(made, ast.Attribute) and made.attr in _APPS
    head = name.removesuffix(".run").removesuffix(".run_async").removesuffix(".run_http_async").removesuffix("()")
    return bool(_SERVER.fullmatch(head)) and dotted(call.func) != ""


def _mounts(facts: Facts) -> bool:
    """Whether a file puts a server's application into another one, or holds it."""
    values = [it.value for it in facts.variables if it.value is not None] + [it.value for it in facts.registrations]
    return any(it.kind == "call" and it.last in _APPS for value in values for it in value.each())


def _asks(facts: Facts) -> bool:
    """Whether a file names something that asks who calls."""
    told = (*(name for _, name in facts.imports), *(it.qualname for it in facts.defs), *(it.name for it in facts.variables))
    given = (key for it in facts.variables if it.value is not None for key, _ in it.value.keywords)
    return any(_ASKS.search(it) for it in (*told, *given))
