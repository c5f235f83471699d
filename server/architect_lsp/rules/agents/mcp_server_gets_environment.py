"""A tool server is started with the whole environment of the agent.

Why: the environment of an agent holds the keys of its models, databases and clouds. A server over stdio is somebody else's
program; the SDK hands it a handful of harmless variables, and `env=os.environ` undoes that.
Instead: what the server needs, beside what the SDK gives by itself.

    StdioServerParameters(command="npx", args=["-y", "search-mcp"], env={**get_default_environment(), "SEARCH_KEY": key})

Trade-offs: a server that is a part of the same program may get more.
Tests: assert which variables the server's process is given.
Security: each tool server, and each of its dependencies, reads every secret of the process.
Source: CWE-526; https://github.com/modelcontextprotocol/python-sdk, `mcp.client.stdio.get_default_environment`
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.reading import Reading, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C1", "D4"],
    cwe=526,
    needs=["StdioServerParameters(", "MCPServerStdio(", "StdioTransport("],
    bad=[
        Bad("""
import os
from mcp import StdioServerParameters

def parameters(key):
    return StdioServerParameters(command="npx", args=["-y", "search-mcp"], env=[|{**os.environ, "SEARCH_KEY": key}|])
"""),
        Bad("""
import os

class Transport:
    async def connect(self):
        from mcp import StdioServerParameters
        env = os.environ.copy()
        env.update(self.env)
        return StdioServerParameters(command=self.command, args=self.args, env=[|env if env else None|])
"""),
    ],
    good=[
        """
import os
import sys
from mcp import StdioServerParameters
from mcp.client.stdio import get_default_environment

def parameters(key):
    env = get_default_environment()
    env["SEARCH_KEY"] = os.environ["SEARCH_KEY"]
    own = StdioServerParameters(command=sys.executable, args=["-m", "app.server"], env=dict(os.environ))
    return StdioServerParameters(command="npx", args=["-y", "search-mcp"], env=env), own

def some():
    env = {"PATH": os.environ.get("PATH", ""), "KEY": os.environ["KEY"]}
    return StdioServerParameters(command="npx", env=env)
""",
    ],
)

_STARTS = ("StdioServerParameters", "MCPServerStdio", "StdioTransport")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Server parameters whose `env` is a copy of `os.environ`."""
    reading = view.reading
    for call in reading.each(ast.Call):
        env = keyword(call, "env") if last_name(call.func) in _STARTS else None
        command = keyword(call, "command") or (call.args[0] if call.args else None)
        if env is None or (command is not None and dotted(command) == "sys.executable"):
            continue
        if any(_is_whole(it) for it in (env, *_made(reading, env))):
            yield Hit(env, "This hands every secret of this process to the server that is started.")


def _made(reading: Reading, env: ast.expr) -> Iterator[ast.expr]:
    """What the names in an expression were given in its function."""
    for it in ast.walk(env):
        if isinstance(it, ast.Name):
            yield from (found for found in reading.bindings(reading.function(env)).get(it.id, []) if found is not None)


def _is_whole(node: ast.expr) -> bool:
    """Whether an expression holds all of `os.environ`."""
    if isinstance(node, ast.IfExp | ast.BoolOp):
        return any(_is_whole(it) for it in ([node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values))
    if isinstance(node, ast.BinOp):
        return _is_whole(node.left) or _is_whole(node.right)
    if isinstance(node, ast.Dict):
        return any(key is None and _is_whole(it) for key, it in zip(node.keys, node.values, strict=True))
    if isinstance(node, ast.Call):
        if dotted(node.func) == "os.environ.copy":
            return True
        return dotted(node.func) in ("dict", "copy.copy") and any(_is_whole(it) for it in node.args)
    return dotted(node) == "os.environ"
