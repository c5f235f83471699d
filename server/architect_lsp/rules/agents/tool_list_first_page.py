"""The tools of an MCP server are asked for once, though the answer may be the first page of several.

Why: a server may cut its list of tools, resources or prompts, and say in `nextCursor` how to go on. `session.list_tools()` gives
one page; what is on the next does not exist for the agent.
Instead: ask until there is no cursor.

    tools, cursor = [], None
    while True:
        page = await session.list_tools(cursor=cursor)
        tools.extend(page.tools)
        cursor = page.nextCursor
        if cursor is None:
            break

Consequences: tools are missing without any error, and which ones depends on the server's size of a page.
Tests: a server with a page size of one, and two tools.
Source: https://modelcontextprotocol.io/specification/2025-06-18/server/utilities/pagination
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C4"],
    cwe=394,
    needs=["list_tools(", "list_resources(", "list_prompts("],
    bad=[
        Bad("""
from mcp import ClientSession

class Client:
    def __init__(self, session: ClientSession):
        self.session = session

    async def specs(self):
        result = await [|self.session.list_tools()|]
        return [it.name for it in result.tools]

async def names(session: ClientSession):
    return [it.name for it in (await [|session.list_tools()|]).tools]
"""),
    ],
    good=[
        """
from fastmcp import Client
from mcp import ClientSession

async def specs(session: ClientSession):
    tools, cursor = [], None
    while True:
        page = await session.list_tools(cursor=cursor)
        tools.extend(page.tools)
        cursor = page.nextCursor
        if cursor is None:
            return tools

async def count(session: ClientSession):
    page = await session.list_tools()
    if page.nextCursor:
        raise ValueError("more than one page")
    return len(page.tools)

async def is_there(session: ClientSession):
    await session.list_tools()

async def all_of(client: Client):
    tools = await client.list_tools()
    return [it.name for it in tools]
""",
    ],
)

_LISTS = {"list_tools": "tools", "list_resources": "resources", "list_prompts": "prompts"}


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls of a session's lists without a cursor, whose page is read and nothing after it."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _LISTS or call.args or call.keywords:
            continue
        if not dotted(call.func.value).rpartition(".")[2].endswith("session") or not _is_awaited(reading.ancestors(call)):
            continue
        within = reading.within(reading.function(call))
        names = {it.attr for it in within if isinstance(it, ast.Attribute)}
        if _LISTS[call.func.attr] in names and not names & {"nextCursor", "next_cursor"}:
            what = _LISTS[call.func.attr]
            yield Hit(call, f"This is the first page of the server's {what}: `nextCursor` says whether there are more.")


def _is_awaited(ups: Iterator[ast.AST]) -> bool:
    for up in ups:
        if isinstance(up, ast.Await):
            return True
        if isinstance(up, ast.stmt):
            return False
    return False
