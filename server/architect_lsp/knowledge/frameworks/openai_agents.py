"""The OpenAI Agents SDK: agents with their tools, hand-offs and limits.

Source: https://openai.github.io/openai-agents-python/ and `transform_string_function_style` of the SDK for the names it makes up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from architect_lsp.knowledge.assembly import Spot, calls, decorations, grown, holder, kinds, parts, place, said, symbol
from architect_lsp.knowledge.frameworks.tools import identity
from architect_lsp.knowledge.nouns import Agent, Handoff, Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import FunctionSymbol, Ref
from architect_lsp.knowledge.values import written
from architect_lsp.model import Place
from architect_lsp.patterns import regex

_AGENT = regex(r"agents\.(?:(?:agent|realtime|realtime\.agent|sandbox|sandbox\.sandbox_agent)\.)?(?:Realtime|Sandbox)?Agent")
_HANDOFF = regex(r"agents\.(?:handoffs\.|realtime\.(?:handoffs\.)?)?(?:realtime_)?handoff")
_TOOL = regex(r"agents\.(?:tool\.)?(?:function_tool|FunctionTool|CustomTool)|agents\.decorators\.tool")
_RUN = regex(r"agents\.(?:run\.)?Runner\.(?:run|run_sync|run_streamed)")
_HOSTED = {
    "FileSearchTool": "file_search",
    "WebSearchTool": "web_search",
    "ComputerTool": "computer_use_preview",
    "HostedMCPTool": "hosted_mcp",
    "CodeInterpreterTool": "code_interpreter",
    "ImageGenerationTool": "image_generation",
    "LocalShellTool": "local_shell",
    "ShellTool": "shell",
    "ApplyPatchTool": "apply_patch",
    "ToolSearchTool": "tool_search",
}
_OPTIONS = ("needs_approval", "failure_error_function", "timeout", "is_enabled", "tool_input_guardrails", "strict_mode")
_MOST = 200
"""Tools or hand-offs that are listed of one agent."""


def agents(project: Project) -> Iterator[Agent]:
    """Every agent of the project, in the order of its files."""
    yield from (it for _, it in _found(project))


def tools(project: Project) -> Iterator[Tool]:
    """Every function that is made a tool, and what else agents are given."""
    rows = {identity(project, it): it for path in project.paths for it in _decorated(project, path)}
    for spot, _ in _found(project):
        for part in _listed(project, spot, "tools"):
            tool = _tool(project, part)
            if tool is not None:
                rows.setdefault(identity(project, tool), tool)
    yield from rows.values()


def handoffs(project: Project) -> Iterator[Handoff]:
    """Who hands over to whom."""
    for spot, agent in _found(project):
        for part in _listed(project, spot, "handoffs"):
            other = _target(project, part)
            if other is not None:
                yield Handoff(agent.name, _name(project, other), part.via or part.at)


def function_name(name: str) -> str:
    """The name that the SDK makes of an agent's for a function."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", name).lower()


def _found(project: Project) -> tuple[tuple[Spot, Agent], ...]:
    return project.of_all("openai agents", _agents)


def _agents(project: Project) -> tuple[tuple[Spot, Agent], ...]:
    """Where each agent is made, and the agent."""
    spots = [it for path in project.paths for it in calls(project, path) if _is_agent(project, it)]
    runs = [it for path in project.paths for it in calls(project, path) if it.value.keyword("max_turns") is not None]
    limits: dict[Place, tuple[tuple[str, str], ...]] = {}
    for it in runs:
        if any(_RUN.fullmatch(name) for name in kinds(project, it)):
            turns = it.value.keyword("max_turns")
            for part in parts(project, it.argument(0, "starting_agent")):
                limits[place(project, part)] = (("max_turns", written(turns) if turns is not None else ""),)
    found: dict[Place, tuple[Spot, Agent]] = {}
    for it in spots:
        here = place(project, it)
        if here not in found:
            found[here] = (it, _agent(project, it, limits.get(here, ())))
    return tuple(found.values())


def _is_agent(project: Project, spot: Spot) -> bool:
    if spot.value.last == "clone":
        return _cloned(project, spot) is not None
    return spot.value.last.endswith("Agent") and any(_AGENT.fullmatch(it) for it in kinds(project, spot))


def _cloned(project: Project, spot: Spot) -> Spot | None:
    """The agent that `agent.clone(...)` begins as."""
    head = holder(spot)
    rows = list(parts(project, head)) if head is not None else []
    return next((it for it in rows if it.value.kind == "call" and it.value is not spot.value and _is_agent(project, it)), None)


def _agent(project: Project, spot: Spot, limits: tuple[tuple[str, str], ...]) -> Agent:
    model = _argument(project, spot, "model")
    names = (tool.name for part in _listed(project, spot, "tools") if (tool := _tool(project, part)) is not None)
    others = (other for part in _listed(project, spot, "handoffs") if (other := _target(project, part)) is not None)
    return Agent(
        _name(project, spot),
        spot.at,
        tuple(dict.fromkeys(names)),
        tuple(dict.fromkeys(_name(project, it) for it in others)),
        (said(project, model) or written(model.value)) if model is not None else "",
        limits,
        "openai-agents",
    )


def _argument(project: Project, spot: Spot, name: str) -> Spot | None:
    """What an agent is told, by itself or by the one it is a clone of."""
    found = spot.argument(0 if name == "name" and spot.value.last != "clone" else -1, name)
    if found is None and spot.value.last == "clone":
        original = _cloned(project, spot)
        return _argument(project, original, name) if original is not None else None
    return found


def _name(project: Project, spot: Spot) -> str:
    return said(project, _argument(project, spot, "name")) or spot.name or "?"


def _listed(project: Project, spot: Spot, name: str) -> Iterator[Spot]:
    """The tools or hand-offs of an agent, those added later too."""
    yield from islice(parts(project, _argument(project, spot, name)), _MOST)
    yield from islice(grown(project, spot, name), _MOST)


def _target(project: Project, part: Spot) -> Spot | None:
    """The agent that an entry of `handoffs` leads to."""
    if part.value.kind != "call":
        return None
    if _is_agent(project, part):
        return part
    if any(_HANDOFF.fullmatch(it) for it in kinds(project, part)):
        return next((it for it in parts(project, part.argument(0, "agent")) if _is_agent(project, it)), None)
    return None


def _tool(project: Project, part: Spot) -> Tool | None:
    """The tool that an entry of `tools` is."""
    value = part.value
    if value.kind == "name":
        found = symbol(project, part)
        return _of_function(project, found) if isinstance(found, FunctionSymbol) else None
    if value.kind != "call":
        return None
    if value.last == "as_tool":
        head = holder(part)
        agent = next((it for it in parts(project, head) if it.value.kind == "call" and _is_agent(project, it)), None)
        name = said(project, part.argument(0, "tool_name"))
        if name is None and agent is not None:
            name = function_name(_name(project, agent))
        return Tool(name or "?", None, part.at, "openai-agents", options=_options(part)) if agent or name else None
    names = tuple(kinds(project, part))
    if any(_TOOL.fullmatch(it) for it in names):
        return _made(project, part)
    hosted = next(
        (_HOSTED[last] for it in names if (last := it.rpartition(".")[2]) in _HOSTED and it.startswith("agents.")), None
    )
    return Tool(hosted, None, part.at, "openai-agents", options=_options(part)) if hosted is not None else None


def _made(project: Project, part: Spot) -> Tool:
    """`function_tool(search)`, `FunctionTool(name="search", on_invoke_tool=...)`."""
    wraps = part.value.last in ("function_tool", "tool")
    function = part.argument(0, "func") if wraps else part.argument(-1, "on_invoke_tool")
    found = symbol(project, function) if function is not None and function.value.kind == "name" else None
    ref = Ref(found.path, found.facts.qualname, "def") if isinstance(found, FunctionSymbol) else None
    name = said(project, part.argument(-1, "name_override") if wraps else part.argument(0, "name"))
    own = found.facts.qualname.rpartition(".")[2] if isinstance(found, FunctionSymbol) and wraps else "?"
    return Tool(name or own, ref, part.at, "openai-agents", options=_options(part))


def _options(part: Spot) -> tuple[tuple[str, str], ...]:
    return tuple((key, written(it)) for key, it in part.value.keywords if key in _OPTIONS)


def _decorated(project: Project, path: str) -> Iterator[Tool]:
    for it in project.decorated(path):
        tool = _of_function(project, FunctionSymbol(path, it))
        if tool is not None:
            yield tool


def _of_function(project: Project, found: FunctionSymbol) -> Tool | None:
    """The tool that a decorated function is."""
    for it in decorations(found):
        if any(_TOOL.fullmatch(name) for name in kinds(project, it.spot)):
            name = said(project, it.spot.argument(-1, "name_override"))
            return Tool(name or it.name, it.ref, it.spot.at, "openai-agents", options=_options(it.spot))
    return None
