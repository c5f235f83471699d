"""A tool answers with a secret, and so tells it to the model.

Why: what a tool returns becomes part of the conversation: it leaves your machines, is logged by kits and services, and comes back
to whoever asks the model well.
Instead: use the secret inside the tool, and answer with what it was for. Of an environment or a record, name what may be shown.

    SHOWN = ("TZ", "LANG", "LOG_LEVEL")

    @mcp.tool()
    def environment() -> dict[str, str]:
        return {name: os.environ.get(name, "") for name in SHOWN}

Consequences: one question is enough to have the key of the database.
Trade-offs: for a diagnosis the last four characters tell which key it is.
Tests: set a known secret, call every tool, and assert that no answer holds it.
Security: treat a secret that was sent as known; change it.
Source: OWASP LLM02:2025 Sensitive Information Disclosure; CWE-200
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.secret_names import secret_name
from architect_lsp.knowledge.sources import is_tool
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C1", "D4"],
    cwe=200,
    needs=["return"],
    bad=[
        Bad("""
import os
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("diagnostics")

@mcp.tool()
def environment() -> dict:
    return [|dict(os.environ)|]
"""),
        Bad("""
from agents import function_tool
from app.settings import settings

@function_tool
def connection() -> str:
    return [|f"postgresql://app:{settings.database_password}@db/app"|]
"""),
        Bad("""
import os
from langchain_core.tools import tool

@tool
def user(mail: str) -> dict:
    \"\"\"A user.\"\"\"
    found = session.query(User).filter_by(mail=mail).first()
    return [|{"id": found.id, "hash": found.password_hash}|]

@tool
def variable(name: str) -> str:
    \"\"\"A variable of the environment.\"\"\"
    return [|os.environ[name]|]
"""),
    ],
    good=[
        """
import os
import requests
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("tickets")
KEY = os.environ["TRACKER_API_KEY"]
SHOWN = ("TZ", "LANG")

@mcp.tool()
def environment() -> dict:
    return {name: os.environ.get(name, "") for name in SHOWN}

@mcp.tool()
def tickets() -> str:
    return requests.get("https://tracker.example", headers={"X-Key": KEY}, timeout=5).text

@mcp.tool()
def region() -> str:
    return os.environ["REGION"]

@mcp.tool()
def has_key() -> str:
    return "set" if os.environ.get("TRACKER_API_KEY") else "missing"

def password() -> str:
    return os.environ["DB_PASSWORD"]
""",
    ],
)

_WHOLE = ("os.environ", "os.environ.copy()", "os.environ.items()", "environ")
_COPIES = ("dict", "str", "repr", "list", "json.dumps", "dumps")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """What tools return that is a secret by its name, the whole environment, or a variable of it that the model names."""
    reading = view.reading
    for function in reading.functions:
        if not is_tool(view.project, view.path, reading, function):
            continue
        for node in reading.within(function):
            if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
                name = _told(view, node.value, function)
                if name:
                    yield Hit(node.value, f"The tool `{function.name}` tells the model {name}.")


def _told(view: View, node: ast.expr, function: Function) -> str:
    """What an answer tells that it must not, "" where it is nothing."""
    while isinstance(node, ast.Call) and node.args and dotted(node.func) in _COPIES:
        node = node.args[0]
    if isinstance(node, ast.Call | ast.Attribute) and _written(view, node) in _WHOLE:
        return "the whole environment, secrets and all"
    if isinstance(node, ast.Call | ast.Subscript) and _is_any_variable(view, node, function):
        return "any variable of the environment that it asks for"
    for it in view.parts(node, "prompt"):
        if isinstance(it, Origin) and it.kind != "checked" and (name := secret_name(view.reading, it)):
            return f"`{name}`"
    return ""


def _written(view: View, node: ast.Call | ast.Attribute) -> str:
    if isinstance(node, ast.Call):
        return f"{view.name(node.func)}()" if not node.args else ""
    return view.name(node)


def _is_any_variable(view: View, node: ast.Call | ast.Subscript, function: Function) -> bool:
    """`os.environ[name]`, `os.getenv(name)` of a name that is the tool's argument."""
    key = node.slice if isinstance(node, ast.Subscript) else node.args[0] if node.args else None
    held = view.name(node.value if isinstance(node, ast.Subscript) else node.func)
    given = {it.arg for it in (*function.args.args, *function.args.kwonlyargs)}
    return held in ("os.environ", "os.environ.get", "os.getenv") and isinstance(key, ast.Name) and key.id in given
