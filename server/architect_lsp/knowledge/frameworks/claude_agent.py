"""The Claude Agent SDK: the agent that options describe, its subagents, and the tools of servers in the same process.

Source: https://platform.claude.com/docs/en/agent-sdk/python; a subagent is called as a tool and comes back, so the way to it is
listed among the hand-offs of its agent, but is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from msgspec.structs import replace

from architect_lsp.knowledge.assembly import Decoration, Spot, calls, decorated, decorations, kinds, parts, place, said
from architect_lsp.knowledge.frameworks.tools import function_at, name_of, once, options, ref_of
from architect_lsp.knowledge.nouns import Agent, Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.values import written
from architect_lsp.model import Place
from architect_lsp.patterns import regex

_OPTIONS = regex(r"(?:claude_agent_sdk|claude_code_sdk)\.(?:types\.)?Claude(?:Agent|Code)Options")
_DEFINITION = regex(r"claude_agent_sdk\.(?:types\.)?AgentDefinition")
_SERVER = regex(r"(?:claude_agent_sdk|claude_code_sdk)\.create_sdk_mcp_server")
_TOOL = regex(r"(?:claude_agent_sdk|claude_code_sdk)\.tool")
_MADE = regex(r"(?:claude_agent_sdk|claude_code_sdk)\.SdkMcpTool")
_LIMITS = ("max_turns", "max_budget_usd", "permission_mode", "maxTurns", "permissionMode")
_MOST = 200
"""Tools or subagents that are listed of one agent."""


def agents(project: Project) -> Iterator[Agent]:
    """The agent of each set of options, and each subagent by its name."""
    seen: set[Place] = set()
    for path in project.paths:
        for spot in calls(project, path):
            if _is(project, spot, _OPTIONS) and place(project, spot) not in seen:
                seen.add(place(project, spot))
                below = tuple(islice(_subagents(project, spot), _MOST))
                names = tuple(name for name, _ in below)
                yield _agent(project, spot, spot.name or "main", "allowed_tools", names)
                for name, it in below:
                    if place(project, it) not in seen:
                        seen.add(place(project, it))
                        yield _agent(project, it, name, "tools")
    for path in project.paths:
        for spot in calls(project, path):
            if _is(project, spot, _DEFINITION) and place(project, spot) not in seen:
                seen.add(place(project, spot))
                yield _agent(project, spot, spot.name or "?", "tools")


def tools(project: Project) -> Iterator[Tool]:
    """The tools that run in the same process, each with the server that offers it."""
    yield from once(project, (*_served(project), *_defined(project)))


def _is(project: Project, spot: Spot, pattern: re.Pattern[str]) -> bool:
    return spot.value.kind == "call" and any(pattern.fullmatch(it) for it in kinds(project, spot))


def _agent(project: Project, spot: Spot, name: str, key: str, below: tuple[str, ...] = ()) -> Agent:
    listed = (said(project, it) for it in islice(parts(project, spot.argument(-1, key)), _MOST))
    model = spot.argument(-1, "model")
    return Agent(
        name,
        spot.at,
        tuple(dict.fromkeys(it for it in listed if it)),
        below,
        (said(project, model) or written(model.value)) if model is not None else "",
        options(spot, _LIMITS),
        "claude-agent-sdk",
    )


def _subagents(project: Project, spot: Spot) -> Iterator[tuple[str, Spot]]:
    for table in parts(project, spot.argument(-1, "agents")):
        for name, value in table.value.keywords if table.value.kind == "dict" else ():
            for it in parts(project, table.inner(value)):
                if _is(project, it, _DEFINITION):
                    yield name, it


def _served(project: Project) -> Iterator[Tool]:
    for path in project.paths:
        for spot in calls(project, path):
            if _is(project, spot, _SERVER):
                owner = said(project, spot.argument(0, "name")) or "?"
                for it in parts(project, spot.argument(2, "tools")):
                    tool = _tool(project, it, owner)
                    if tool is not None:
                        yield tool


def _tool(project: Project, spot: Spot, owner: str) -> Tool | None:
    """The tool that an entry of a server's list is: a decorated function, `tool(...)(function)`, or `SdkMcpTool(...)`."""
    found = function_at(project, spot)
    if found is not None:
        tool = next((made for it in decorations(found) if (made := _of_decorator(project, it)) is not None), None)
        return replace(tool, owner=owner) if tool is not None else None
    if _is(project, spot, _MADE):
        handler = function_at(project, spot.argument(3, "handler"))
        name = said(project, spot.argument(0, "name"))
        return Tool(name or name_of(handler), ref_of(handler), spot.at, "claude-agent-sdk", owner)
    return None


def _defined(project: Project) -> Iterator[Tool]:
    for path in project.paths:
        for it in decorated(project, path):
            tool = _of_decorator(project, it)
            if tool is not None:
                yield tool


def _of_decorator(project: Project, it: Decoration) -> Tool | None:
    if it.spot.value.last != "tool" or not _is(project, it.spot, _TOOL):
        return None
    name = said(project, it.spot.argument(0, "name"))
    return Tool(name or it.name, it.ref, it.spot.at, "claude-agent-sdk", options=options(it.spot, ("annotations",)))
