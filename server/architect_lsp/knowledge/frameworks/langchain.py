"""LangChain and LangGraph: agents that are made by one call, their tools, hand-offs and limits; supervisors and swarms as graphs.

Source: `langgraph.prebuilt.create_react_agent`, `langchain.agents.create_agent`, `AgentExecutor`, and the packages
langgraph-supervisor 0.0.31 and langgraph-swarm 0.1.0, whose names and links these are.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from architect_lsp.knowledge.assembly import Spot, calls, kinds, parts, place, said, symbol
from architect_lsp.knowledge.frameworks.langgraph_steps import END, START
from architect_lsp.knowledge.frameworks.tools import of_class, of_decorator
from architect_lsp.knowledge.nouns import Agent, AgentGraph, Handoff, Link, Node, Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Ref
from architect_lsp.knowledge.values import written
from architect_lsp.model import Place
from architect_lsp.patterns import regex

_AGENT = regex(
    r"lang(?:graph|chain)[\w.]*\.create_react_agent|langchain[\w.]*\.(?:create_agent|initialize_agent|AgentExecutor)"
    r"|langchain[\w.]*\.create_(?:tool_calling|openai_\w+|structured_chat|json_chat|xml|sql|pandas_dataframe|csv)_agent"
    r"|langchain[\w.]*\.AgentExecutor\.from_agent_and_tools|deepagents[\w.]*\.(?:async_)?create_deep_agent"
)
_SUPERVISOR = regex(r"langgraph_supervisor\.(?:[\w.]+\.)?create_supervisor")
_SWARM = regex(r"langgraph_swarm\.(?:[\w.]+\.)?create_swarm")
_HANDOFF = regex(r"langgraph_(?:swarm|supervisor)\.(?:[\w.]+\.)?create_handoff_tool")
_TOOL = regex(r"lang(?:chain|graph)[\w.]*\.tools?(?:\.[\w.]+)?|langchain[\w.]*\.agents\.tool")
_MAKES_TOOL = regex(r"langchain[\w.]*\.(?:StructuredTool|Tool)(?:\.from_function)?")
_BASE_TOOL = regex(r"langchain[\w.]*\.BaseTool")
_LIMIT = regex(r"langchain[\w.]*\.(?:Model|Tool)CallLimitMiddleware")
_LIMITS = ("max_iterations", "max_execution_time", "early_stopping_method", "recursion_limit", "run_limit", "thread_limit")


class _Made(Struct, frozen=True):
    spot: Spot
    agent: Agent


_Agents = dict[Place, _Made]


def agents(project: Project) -> Iterator[Agent]:
    """Every agent of the project, in the order of its files."""
    yield from (it.agent for it in _found(project).values())


def handoffs(project: Project) -> Iterator[Handoff]:
    """Who hands over to whom, by the tools that do so."""
    for it in _found(project).values():
        for part in parts(project, _tools_of(it.spot)):
            target = _hands_to(project, part)
            if target is not None:
                yield Handoff(it.agent.name, target, part.at)


def graphs(project: Project) -> Iterator[AgentGraph]:
    """Supervisors with their agents, and swarms."""
    seen: set[Place] = set()
    known: _Agents | None = None
    for path in project.paths:
        for spot in calls(project, path):
            names = tuple(kinds(project, spot)) if spot.value.last in ("create_supervisor", "create_swarm") else ()
            if not names or place(project, spot) in seen:
                continue
            seen.add(place(project, spot))
            team = spot.argument(0, "agents")
            known = known if known is not None else _found(project)
            if any(_SUPERVISOR.fullmatch(it) for it in names):
                yield _supervised(project, spot, team, known)
            elif any(_SWARM.fullmatch(it) for it in names):
                yield _swarm(project, spot, team, known)


def tools(project: Project) -> Iterator[Tool]:
    """Every function that is made a tool, and those that an agent is given as they are."""
    rows: dict[tuple[Place, str], Tool] = {}
    for path in project.paths:
        for it in project.decorated(path):
            found = of_decorator(project, FunctionSymbol(path, it), _TOOL, "langchain")
            if found is not None:
                rows.setdefault((project.place(found.ref or found.at), found.name), found)
    for made in _found(project).values():
        for part in parts(project, _tools_of(made.spot)):
            found = _tool(project, part)
            if found is not None:
                rows.setdefault((project.place(found.ref or found.at), found.name), found)
    yield from rows.values()


def _found(project: Project) -> _Agents:
    """The agents by where they stand now: not kept, since places move under what is."""
    found: _Agents = {}
    for path in project.paths:
        for spot in calls(project, path):
            if "gent" in spot.value.text and any(_AGENT.fullmatch(it) for it in kinds(project, spot)):
                found.setdefault(place(project, spot), _Made(spot, _agent(project, spot)))
    return found


def _agent(project: Project, spot: Spot) -> Agent:
    model = spot.argument(0, "model") or spot.argument(-1, "llm")
    executor = "Executor" in spot.value.text
    listed = list(parts(project, _tools_of(spot)))
    names = [it.name for part in listed if (it := _tool(project, part)) is not None]
    targets = [to for part in listed if (to := _hands_to(project, part)) is not None]
    return Agent(
        _name(project, spot),
        spot.at,
        tuple(dict.fromkeys(names)),
        tuple(dict.fromkeys(targets)),
        "" if model is None or executor else said(project, model) or written(model.value),
        tuple(_limits(project, spot)),
        "langchain" if executor or "langchain" in "".join(kinds(project, spot)) else "langgraph",
    )


def _limits(project: Project, spot: Spot) -> Iterator[tuple[str, str]]:
    """What bounds an agent: its own arguments, and the middleware it is given."""
    yield from ((key, written(it)) for key, it in spot.value.keywords if key in _LIMITS)
    for part in parts(project, spot.argument(-1, "middleware")):
        if part.value.kind == "call" and any(_LIMIT.fullmatch(it) for it in kinds(project, part)):
            yield from ((key, written(it)) for key, it in part.value.keywords if key in _LIMITS)


def _tools_of(spot: Spot) -> Spot | None:
    return spot.argument(-1, "tools") or (spot.argument(1, "tools") if "Executor" not in spot.value.text else None)


def _name(project: Project, spot: Spot) -> str:
    return said(project, spot.argument(-1, "name")) or spot.name or "?"


def _hands_to(project: Project, part: Spot) -> str | None:
    """The agent that a hand-off tool leads to."""
    if part.value.kind != "call" or not any(_HANDOFF.fullmatch(it) for it in kinds(project, part)):
        return None
    return said(project, part.argument(-1, "agent_name"))


def _tool(project: Project, part: Spot) -> Tool | None:
    """The tool that an entry of `tools` is; None for a hand-off and for what can't be told."""
    if part.value.kind == "name":
        found = symbol(project, part)
        if not isinstance(found, FunctionSymbol):
            return None
        ref = Ref(found.path, found.facts.qualname, "def")
        return of_decorator(project, found, _TOOL, "langchain") or Tool(
            found.facts.qualname.rpartition(".")[2], ref, part.at, "langchain"
        )
    if part.value.kind != "call":
        return None
    if any(_MAKES_TOOL.fullmatch(it) for it in kinds(project, part)):
        runs = part.argument(0 if "from_function" in part.value.text else 1, "func") or part.argument(-1, "coroutine")
        found = symbol(project, runs) if runs is not None and runs.value.kind == "name" else None
        own = found.facts.qualname.rpartition(".")[2] if isinstance(found, FunctionSymbol) else "?"
        function = Ref(found.path, found.facts.qualname, "def") if isinstance(found, FunctionSymbol) else None
        return Tool(said(project, part.argument(-1, "name")) or own, function, part.at, "langchain")
    made = symbol(project, part)
    if isinstance(made, ClassSymbol) and any(_BASE_TOOL.fullmatch(it) for it in kinds(project, part)):
        return of_class(project, made, "langchain", part.at)
    return None


def _members(project: Project, team: Spot | None, agents: _Agents) -> Iterator[tuple[str, Spot]]:
    """(name, agent) of each member of a team; "?" for a name that can't be told."""
    for part in parts(project, team):
        known = agents.get(place(project, part))
        if known is not None:
            yield known.agent.name, part
        else:
            yield said(project, part.argument(-1, "name") if part.value.kind == "call" else None) or "?", part


def _supervised(project: Project, spot: Spot, team: Spot | None, agents: _Agents) -> AgentGraph:
    chief = said(project, spot.argument(-1, "supervisor_name")) or "supervisor"
    members = list(_members(project, team, agents))
    links = [Link(START, chief), Link(chief, END, conditional=True)]
    for name, _ in members:
        links += [Link(chief, name, conditional=True), Link(name, chief)]
    nodes = (Node(chief, None, spot.at), *(Node(name, None, part.at) for name, part in members))
    whole = bool(members) and all(name != "?" for name, _ in members)
    return AgentGraph(spot.name or chief, spot.at, nodes, tuple(links), whole, "langgraph", start=START, end=END)


def _swarm(project: Project, spot: Spot, team: Spot | None, agents: _Agents) -> AgentGraph:
    members = list(_members(project, team, agents))
    links = [Link(START, name, conditional=True) for name, _ in members]
    for name, part in members:
        made = agents.get(place(project, part))
        links += [Link(name, other, conditional=True) for other in (made.agent.handoffs if made is not None else ())]
    whole = bool(members) and all(place(project, part) in agents and name != "?" for name, part in members)
    nodes = tuple(Node(name, None, part.at) for name, part in members)
    return AgentGraph(spot.name or "swarm", spot.at, nodes, tuple(links), whole, "langgraph", start=START, end=END)
