"""Tools that models call, in the ways all kits of agents share: what makes two mentions one tool, and what a list names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec.structs import replace

from architect_lsp.knowledge.assembly import Spot, decorations, symbol
from architect_lsp.knowledge.lineage import dotted
from architect_lsp.knowledge.nouns import Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Ref
from architect_lsp.knowledge.values import written
from architect_lsp.model import Place


def identity(project: Project, tool: Tool) -> tuple[Place, str]:
    """One tool is one function, or one place, by one name."""
    return project.place(tool.ref or tool.at), tool.name


def once(project: Project, tools: Iterable[Tool]) -> tuple[Tool, ...]:
    """Each tool once, with the first owner that any mention of it says."""
    found: dict[tuple[Place, str], Tool] = {}
    for it in tools:
        key = identity(project, it)
        known = found.get(key)
        found[key] = it if known is None else replace(known, owner=known.owner or it.owner)
    return tuple(found.values())


def function_at(project: Project, spot: Spot | None) -> FunctionSymbol | None:
    """The function of the project that a name stands for; None for anything else."""
    found = symbol(project, spot) if spot is not None and spot.value.kind == "name" else None
    return found if isinstance(found, FunctionSymbol) else None


def ref_of(found: FunctionSymbol | None) -> Ref | None:
    """How a function is named in a noun."""
    return Ref(found.path, found.facts.qualname, "def") if found is not None else None


def name_of(found: FunctionSymbol | None) -> str:
    """A function's own name, "?" where it can't be told."""
    return found.facts.qualname.rpartition(".")[2] if found is not None else "?"


def options(spot: Spot, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """What a decorator or a constructor says under these names, as written."""
    wanted = frozenset(names)
    return tuple((key, written(it)) for key, it in spot.value.keywords if key in wanted)


def name_of_class(found: ClassSymbol) -> str:
    """What a class of tools calls itself: its field `name`, else its own name."""
    name = next((it.value for it in found.facts.fields if it.name == "name" and it.value is not None), None)
    return name.text if name is not None and name.kind == "text" else found.facts.qualname


def of_class(project: Project, found: ClassSymbol, framework: str, at: Ref | None = None) -> Tool:
    """The tool that a class of `BaseTool` is, run by its `_run`."""
    run = project.definition(found.path, f"{found.facts.qualname}._run")
    ref = Ref(found.path, run.qualname, "def") if run is not None else None
    return Tool(name_of_class(found), ref, at or Ref(found.path, found.facts.qualname, "class"), framework)


def of_decorator(project: Project, found: FunctionSymbol, pattern: re.Pattern[str], framework: str) -> Tool | None:
    """The tool that a kit's `@tool` makes of a function, whose first argument may name it."""
    for it in decorations(found):
        if it.spot.value.last == "tool" and pattern.fullmatch(
            dotted(project.resolve(found.path, it.spot.value.text)).removesuffix("()")
        ):
            first = it.spot.value.argument(0, "name_or_callable") if it.spot.value.kind == "call" else None
            name = first.text if first is not None and first.kind == "text" else it.name
            return Tool(name, it.ref, it.spot.at, framework)
    return None
