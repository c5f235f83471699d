"""AutoGen: agents with their tools and hand-offs, teams and their graphs, of the agentchat kit and of pyautogen and ag2.

A team's links say who may speak after whom. Where something stops the chat (a condition, a number of turns), every member may be
the last.

Source: `autogen_agentchat.teams` of version 0.7, `autogen.GroupChat` of ag2.
"""

from __future__ import annotations

from collections.abc import Iterator

from architect_lsp.knowledge.assembly import Spot, calls, kinds, parts, place, said, symbol
from architect_lsp.knowledge.facts import Registration
from architect_lsp.knowledge.frameworks.builders import Made, told
from architect_lsp.knowledge.frameworks.langgraph_steps import END, START
from architect_lsp.knowledge.nouns import Agent, AgentGraph, Handoff, Link, Node, Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.scope import Scope
from architect_lsp.knowledge.symbols import FunctionSymbol, Ref
from architect_lsp.knowledge.values import Value, written
from architect_lsp.model import Place
from architect_lsp.patterns import regex

_AGENT = regex(r"(?:autogen_agentchat|autogen_ext|autogen|ag2|pyautogen)\.(?:[\w.]+\.)?\w*Agent")
_TEAM = regex(
    r"autogen_agentchat\.(?:[\w.]+\.)?(RoundRobinGroupChat|SelectorGroupChat|Swarm|MagenticOneGroupChat)"
    r"|(?:autogen|ag2|pyautogen)\.(?:[\w.]+\.)?(GroupChat)"
)
_HANDOFF = regex(r"autogen_agentchat\.(?:[\w.]+\.)?Handoff")
_TOOL = regex(r"autogen_core\.(?:[\w.]+\.)?FunctionTool")
_LIMITS = ("max_turns", "max_round", "max_tool_iterations", "max_consecutive_auto_reply", "max_stalls", "human_input_mode")
_STOPS = ("termination_condition", "is_termination_msg")
_DEFAULT = {"MagenticOneGroupChat": ("max_turns", "20"), "GroupChat": ("max_round", "10")}


_Agents = dict[Place, tuple[Spot, Agent]]


def agents(project: Project) -> Iterator[Agent]:
    """Every agent of the project, in the order of its files."""
    yield from (agent for _, agent in _found(project).values())


def tools(project: Project) -> Iterator[Tool]:
    """The functions that agents are given, and those that are made tools for whoever takes them."""
    rows: dict[tuple[Place, str], Tool] = {}
    for path in project.paths:
        for spot in calls(project, path):
            made = _tool(project, spot) if spot.value.last == "FunctionTool" else None
            if made is not None and made.ref is not None:
                rows.setdefault((project.place(made.ref), made.name), made)
    for spot, _ in _found(project).values():
        for part in parts(project, spot.argument(-1, "tools")):
            found = _tool(project, part)
            if found is not None:
                rows.setdefault((project.place(found.ref or found.at), found.name), found)
    yield from rows.values()


def handoffs(project: Project) -> Iterator[Handoff]:
    """Who hands over to whom."""
    for spot, agent in _found(project).values():
        for part in parts(project, spot.argument(-1, "handoffs")):
            target = _target(project, part)
            if target is not None:
                yield Handoff(agent.name, target, part.at)


def graphs(project: Project) -> Iterator[AgentGraph]:
    """Teams, and what a `DiGraphBuilder` was told."""
    seen: set[Place] = set()
    known: _Agents | None = None
    for path in project.paths:
        for spot in calls(project, path):
            kind = _kind(project, spot)
            if kind:
                here = place(project, spot)
                if here not in seen:
                    seen.add(here)
                    known = known if known is not None else _found(project)
                    yield _team(project, spot, kind, known)
    for made, rows in told(project, "autogen"):
        yield _directed(project, made, rows)


def _kind(project: Project, spot: Spot) -> str:
    if not spot.value.last.endswith(("GroupChat", "Swarm")):
        return ""
    found = next((it for name in kinds(project, spot) if (it := _TEAM.fullmatch(name)) is not None), None)
    return (found[1] or found[2]) if found is not None else ""


def _found(project: Project) -> _Agents:
    """The agents by where they stand now: not kept, since places move under what is."""
    found: _Agents = {}
    for path in project.paths:
        for spot in calls(project, path):
            if spot.value.last.endswith("Agent") and any(_AGENT.fullmatch(it) for it in kinds(project, spot)):
                found.setdefault(place(project, spot), (spot, _agent(project, spot)))
    return found


def _agent(project: Project, spot: Spot) -> Agent:
    model = spot.argument(1, "model_client") or spot.argument(-1, "llm_config")
    names = [it.name for part in parts(project, spot.argument(-1, "tools")) if (it := _tool(project, part)) is not None]
    targets = [to for part in parts(project, spot.argument(-1, "handoffs")) if (to := _target(project, part)) is not None]
    return Agent(
        said(project, spot.argument(0, "name")) or spot.name or "?",
        spot.at,
        tuple(dict.fromkeys(names)),
        tuple(dict.fromkeys(targets)),
        written(model.value) if model is not None else "",
        tuple((key, written(it)) for key, it in spot.value.keywords if key in (*_LIMITS, *_STOPS)),
        "autogen",
    )


def _tool(project: Project, part: Spot) -> Tool | None:
    if part.value.kind == "call" and any(_TOOL.fullmatch(it) for it in kinds(project, part)):
        runs = part.argument(0, "func")
        inner = _tool(project, runs) if runs is not None else None
        name = said(project, part.argument(-1, "name")) or (inner.name if inner is not None else "?")
        return Tool(name, inner.ref if inner is not None else None, part.at, "autogen")
    found = symbol(project, part) if part.value.kind == "name" else None
    if not isinstance(found, FunctionSymbol):
        return None
    ref = Ref(found.path, found.facts.qualname, "def")
    return Tool(found.facts.qualname.rpartition(".")[2], ref, part.at, "autogen")


def _target(project: Project, part: Spot) -> str | None:
    """The agent that an entry of `handoffs` names."""
    if part.value.kind == "call":
        is_handoff = any(_HANDOFF.fullmatch(it) for it in kinds(project, part))
        return said(project, part.argument(-1, "target")) if is_handoff else None
    return said(project, part)


def _team(project: Project, spot: Spot, kind: str, agents: _Agents) -> AgentGraph:
    members = list(parts(project, spot.argument(0, "agents" if kind == "GroupChat" else "participants")))
    known = [agents.get(place(project, it)) for it in members]
    names = [row[1].name if row is not None else "?" for row in known]
    limits = [(key, written(it)) for key, it in spot.value.keywords if key in (*_LIMITS, *_STOPS) and it.text != "None"]
    if kind in _DEFAULT and not any(key == _DEFAULT[kind][0] for key, _ in limits):
        limits.append(_DEFAULT[kind])
    links: list[Link] = []
    if names:
        links.append(Link(START, names[0]))
    if kind == "RoundRobinGroupChat":
        links += [Link(one, other) for one, other in zip(names, [*names[1:], *names[:1]], strict=True)]
    elif kind == "Swarm":
        links += [Link(row[1].name, other, True) for row in known if row is not None for other in row[1].handoffs]
    else:
        links += [Link(one, other, True) for one in names for other in names if one != other]
    if limits:
        links += [Link(it, END, True) for it in names]
    nodes = tuple(Node(name, None, part.at) for name, part in zip(names, members, strict=True))
    whole = bool(names) and "?" not in names
    return AgentGraph(spot.name or kind, spot.at, nodes, tuple(dict.fromkeys(links)), whole, "autogen", tuple(limits), START, END)


def _directed(project: Project, made: Made, rows: list[tuple[str, int, Registration]]) -> AgentGraph:
    """What was said to a `DiGraphBuilder`."""
    nodes: dict[str, Node] = {}
    links: dict[Link, None] = {}
    whole, entry = True, ""
    for path, number, row in rows:
        turns = Scope(project, path, row.scope).turns(row.loops)
        whole = whole and turns is not None
        for scope in turns or ():
            at = Ref(path, row.scope, "registration", number)
            first, second = (_named(scope, row.value.argument(index, name)) for index, name in _ARGUMENTS[row.value.last])
            condition = row.value.argument(2, "condition")
            if row.value.last == "add_node" and first:
                nodes.setdefault(first, Node(first, None, at))
            elif row.value.last == "set_entry_point" and first:
                entry = first
            elif row.value.last == "add_edge" and first and second:
                label = scope.text(condition) or "" if condition is not None else ""
                links[Link(first, second, condition is not None, label)] = None
            elif row.value.last == "add_conditional_edges" and first:
                table = scope.table(row.value.argument(1, "condition_to_target"))
                whole = whole and table is not None
                for key, it in table or ():
                    target = _named(it.scope, it.value)
                    links[Link(first, target, True, key.scope.text(key.value) or "")] = None
                    whole = whole and bool(target)
            elif row.value.last != "build":
                whole = False
    targets = {it.target for it in links}
    starts = [entry] if entry else [it for it in nodes if it not in targets]
    ends = [it for it in nodes if not any(row.source == it for row in links)]
    every = [*(Link(START, it) for it in starts), *links, *(Link(it, END) for it in ends)]
    return AgentGraph(made.name, made.at, tuple(nodes.values()), tuple(every), whole, "autogen-flow", start=START, end=END)


_ARGUMENTS = {
    "add_node": ((0, "agent"), (9, "")),
    "add_edge": ((0, "source"), (1, "target")),
    "add_conditional_edges": ((0, "source"), (9, "")),
    "set_entry_point": ((0, "name"), (9, "")),
    "build": ((9, ""), (9, "")),
}


def _named(scope: Scope, value: Value | None) -> str:
    """The name of the agent that a value is or names, "" when it can't be told."""
    if value is None:
        return ""
    text = scope.text(value)
    if text is not None and value.kind != "name":
        return text
    found = scope.meant(value)
    if found is not None and found.value.kind == "call":
        name = found.value.argument(0, "name")
        return found.scope.text(name) or "" if name is not None else ""
    return text or ""
