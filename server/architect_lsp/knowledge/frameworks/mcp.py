"""MCP servers in Python: the tools of FastMCP, of its later name MCPServer, and of the low-level `Server`.

Source: https://modelcontextprotocol.github.io/python-sdk/ and https://gofastmcp.com/servers/tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from architect_lsp.knowledge.assembly import Spot, calls, decorated, decorations, holder, kinds, parts, said
from architect_lsp.knowledge.frameworks.tools import function_at, name_of, once, options, ref_of
from architect_lsp.knowledge.nouns import Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_HOST = regex(
    r"mcp\.server\.(?:(?:fastmcp\.)?(?:server\.)?FastMCP|(?:mcpserver\.)?(?:server\.)?MCPServer)"
    r"|fastmcp\.(?:server\.(?:server\.)?)?FastMCP"
)
_SERVER = regex(r"mcp\.server\.(?:lowlevel\.(?:server\.)?|server\.)?Server")
_TOOL = regex(r"(?:mcp\.(?:types\.)?|mcp_types\.)Tool")
_FROM_FUNCTION = regex(r"(?:fastmcp|mcp\.server)\.[\w.]*Tool\.from_function")
_OPTIONS = ("annotations", "tags", "timeout", "structured_output", "enabled")


def tools(project: Project) -> Iterator[Tool]:
    """The tools of the project's servers."""
    yield from once(project, (it for path in project.paths for it in (*_decorated(project, path), *_made(project, path))))


def _is(project: Project, spot: Spot, pattern: re.Pattern[str]) -> bool:
    return spot.value.kind == "call" and any(pattern.fullmatch(it) for it in kinds(project, spot))


def _owner(project: Project, spot: Spot, pattern: re.Pattern[str] = _HOST) -> str | None:
    """The name of the server whose method is called; None when it is no server's."""
    for it in parts(project, holder(spot)):
        if _is(project, it, pattern):
            return said(project, it.argument(0, "name")) or it.name or "server"
    return None


def _decorated(project: Project, path: str) -> Iterator[Tool]:
    for it in decorated(project, path):
        owner = _owner(project, it.spot) if it.spot.value.last == "tool" else None
        if owner is not None:
            name = said(project, it.spot.argument(0, "name")) if it.spot.value.kind == "call" else None
            yield Tool(name or it.name, it.ref, it.spot.at, "mcp", owner, options(it.spot, _OPTIONS))


def _made(project: Project, path: str) -> Iterator[Tool]:
    """`server.add_tool(search)`, `server.tool(search)`, and what a low-level server lists."""
    for spot in calls(project, path):
        if spot.value.last in ("add_tool", "tool") and spot.value.items:
            owner = _owner(project, spot)
            if owner is None:
                continue
            first = spot.inner(spot.value.items[0])
            made = next((it for it in parts(project, first) if _is(project, it, _FROM_FUNCTION)), None)
            told = made or spot
            found = function_at(project, made.argument(0, "fn") if made is not None else first)
            name = said(project, told.argument(-1, "name"))
            if found is not None:
                yield Tool(name or name_of(found), ref_of(found), spot.at, "mcp", owner, options(told, _OPTIONS))
        elif spot.value.last == "Tool" and _is(project, spot, _TOOL):
            name = said(project, spot.argument(-1, "name"))
            if name is not None:
                found = function_at(project, Spot(path, "", Value("name", name), spot.at, spot.root))
                yield Tool(name, ref_of(found), spot.at, "mcp", _lister(project, spot))


def _lister(project: Project, spot: Spot) -> str:
    """The name of the low-level server whose list the tool is in, "" where that can't be told."""
    function = project.definition(spot.path, spot.scope)
    if function is None:
        return ""
    for it in decorations(FunctionSymbol(spot.path, function)):
        if it.spot.value.last == "list_tools":
            return _owner(project, it.spot, _SERVER) or ""
    for made in calls(project, spot.path):
        handler = made.argument(-1, "on_list_tools")
        if handler is not None and handler.value.text == function.qualname and _is(project, made, _SERVER):
            return said(project, made.argument(0, "name")) or ""
    return ""
