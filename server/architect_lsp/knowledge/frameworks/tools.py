"""Tools that models call, in the ways all kits of agents share: what makes two mentions one tool, and what a list names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from architect_lsp.knowledge.assembly import Spot, symbol
from architect_lsp.knowledge.nouns import Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import FunctionSymbol, Ref
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
