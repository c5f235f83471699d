"""Pydantic AI: agents with the tools that decorators, lists and toolsets give them.

Source: https://ai.pydantic.dev/tools/ and https://ai.pydantic.dev/toolsets/; an agent without a name takes its variable's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from architect_lsp.knowledge.assembly import Decoration, Spot, calls, decorated, holder, kinds, parts, place, said
from architect_lsp.knowledge.frameworks.tools import function_at, name_of, once, options, ref_of
from architect_lsp.knowledge.nouns import Agent, Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.values import written
from architect_lsp.model import Place
from architect_lsp.patterns import regex

_AGENT = regex(r"pydantic_ai\.(?:agent\.)?Agent")
_TOOLSET = regex(r"pydantic_ai\.(?:toolsets\.(?:function\.)?)?FunctionToolset")
_TOOL = regex(r"pydantic_ai\.(?:tools\.)?Tool")
_LIMITS = regex(r"pydantic_ai\.(?:usage\.)?UsageLimits")
_DECORATORS = ("tool", "tool_plain")
_REGISTERS = ("tool", "tool_plain", "add_function", "add_tool")
_RUNS = ("run", "run_sync", "run_stream", "iter")
_WRAPPERS = ("filtered", "approval_required", "prepared")
_OPTIONS = ("requires_approval", "retries", "max_retries", "timeout", "strict", "args_validator", "prepare")
_MOST = 200
"""Tools that are listed of one agent."""

_Rows = dict[Place, list[Tool]]


def agents(project: Project) -> Iterator[Agent]:
    """Every agent of the project, in the order of its files."""
    given = _given(project)
    limits = _limits(project)
    seen: set[Place] = set()
    for path in project.paths:
        for spot in calls(project, path):
            here = place(project, spot) if _is(project, spot, _AGENT) else None
            if here is None or here in seen:
                continue
            seen.add(here)
            own = [it for listed in parts(project, spot.argument(-1, "tools")) if (it := _listed(project, listed)) is not None]
            names = [it.name for it in (*own, *given.get(here, ()))] + list(_of_toolsets(project, spot, given))
            model = spot.argument(0, "model")
            yield Agent(
                _name(project, spot),
                spot.at,
                tuple(dict.fromkeys(islice(names, _MOST))),
                model=(said(project, model) or written(model.value)) if model is not None else "",
                limits=(*options(spot, ("retries", "output_retries", "tool_timeout", "max_concurrency")), *limits.get(here, ())),
                framework="pydantic-ai",
            )


def tools(project: Project) -> Iterator[Tool]:
    """Every function that an agent or a toolset of the project is given."""
    listed = (
        tool
        for path in project.paths
        for spot in calls(project, path)
        if _is(project, spot, _AGENT)
        for it in parts(project, spot.argument(-1, "tools"))
        if (tool := _listed(project, it)) is not None
    )
    yield from once(project, (*once(project, (it for rows in _given(project).values() for it in rows)), *listed))


def _given(project: Project) -> _Rows:
    """The tools that each agent's decorators and calls add, and all of each toolset, by where those are made."""
    rows: _Rows = defaultdict(list)
    for path in project.paths:
        for it in decorated(project, path):
            if it.spot.value.last in _DECORATORS:
                for host in _hosts(project, it.spot):
                    rows[place(project, host)].append(_decorated(project, it, _owner(project, host)))
        for spot in calls(project, path):
            if spot.value.last in _REGISTERS and spot.value.items:
                for host in _hosts(project, spot):
                    tool = _added(project, spot, _owner(project, host))
                    rows[place(project, host)] += [tool] if tool is not None else []
            elif _is(project, spot, _TOOLSET):
                found = (_listed(project, it, _owner(project, spot)) for it in parts(project, spot.argument(0, "tools")))
                rows[place(project, spot)] += [it for it in found if it is not None]
    return {here: list(once(project, it)) for here, it in rows.items()}


def _is(project: Project, spot: Spot, pattern: re.Pattern[str]) -> bool:
    return spot.value.kind == "call" and any(pattern.fullmatch(it) for it in kinds(project, spot))


def _hosts(project: Project, spot: Spot) -> Iterator[Spot]:
    """The agents or toolsets whose method is called."""
    for it in parts(project, holder(spot)):
        if _is(project, it, _AGENT) or _is(project, it, _TOOLSET):
            yield it


def _owner(project: Project, host: Spot) -> str:
    """The name of a toolset; an agent's own tools have no owner."""
    if not _is(project, host, _TOOLSET):
        return ""
    return said(project, host.argument(-1, "id")) or host.name or "toolset"


def _name(project: Project, spot: Spot) -> str:
    return said(project, spot.argument(-1, "name")) or spot.name or "?"


def _decorated(project: Project, it: Decoration, owner: str) -> Tool:
    name = said(project, it.spot.argument(-1, "name"))
    return Tool(name or it.name, it.ref, it.spot.at, "pydantic-ai", owner, options(it.spot, _OPTIONS))


def _added(project: Project, spot: Spot, owner: str) -> Tool | None:
    """`agent.tool(search)`, `toolset.add_function(search, name="find")`, `toolset.add_tool(Tool(search))`."""
    first = spot.inner(spot.value.items[0])
    found = function_at(project, first)
    if found is None:
        return next((it for row in parts(project, first) if (it := _listed(project, row, owner)) is not None), None)
    name = said(project, spot.argument(-1, "name"))
    return Tool(name or name_of(found), ref_of(found), spot.at, "pydantic-ai", owner, options(spot, _OPTIONS))


def _listed(project: Project, spot: Spot, owner: str = "") -> Tool | None:
    """The tool that an entry of a list of tools is: a function, or `Tool(function, name="find")`."""
    if _is(project, spot, _TOOL):
        found = function_at(project, spot.argument(0, "function"))
        name = said(project, spot.argument(-1, "name"))
        return Tool(name or name_of(found), ref_of(found), spot.at, "pydantic-ai", owner, options(spot, _OPTIONS))
    found = function_at(project, spot)
    return Tool(name_of(found), ref_of(found), spot.at, "pydantic-ai", owner) if found is not None else None


def _of_toolsets(project: Project, spot: Spot, given: _Rows) -> Iterator[str]:
    """The names of the tools that an agent's toolsets bring, those of a prefixed one with the prefix."""
    for it in parts(project, spot.argument(-1, "toolsets")):
        prefix = ""
        inner: Spot | None = it
        while inner is not None and inner.value.kind == "call" and inner.value.last in ("prefixed", *_WRAPPERS):
            if inner.value.last == "prefixed":
                prefix += f"{said(project, inner.argument(0, 'prefix')) or '?'}_"
            inner = holder(inner)
        for host in parts(project, inner):
            if _is(project, host, _TOOLSET):
                yield from (f"{prefix}{tool.name}" for tool in given.get(place(project, host), ()))


def _limits(project: Project) -> dict[Place, tuple[tuple[str, str], ...]]:
    """What bounds the runs of each agent, by where it is made."""
    found: dict[Place, tuple[tuple[str, str], ...]] = {}
    for path in project.paths:
        for spot in calls(project, path):
            if spot.value.last in _RUNS:
                told = next(parts(project, spot.argument(-1, "usage_limits")), None)
                if told is not None and _is(project, told, _LIMITS):
                    rows = tuple((key, written(it)) for key, it in told.value.keywords)
                    found.update((place(project, it), rows) for it in parts(project, holder(spot)) if _is(project, it, _AGENT))
    return found
