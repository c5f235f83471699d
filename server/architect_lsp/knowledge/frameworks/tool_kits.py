"""Tools of kits whose agents are not told apart: LlamaIndex, Google's ADK and genai, smolagents, DSPy, Haystack, Agno, Strands.

A tool is a function in a list of tools or wrapped as one, or the method that runs a class of tools; classes count of every kit.
"""

from __future__ import annotations

from collections.abc import Iterator

from architect_lsp.knowledge.assembly import Spot, calls, kinds, parts, said
from architect_lsp.knowledge.facts import ClassDef, Facts
from architect_lsp.knowledge.frameworks.tools import function_at, name_of, name_of_class, once, ref_of
from architect_lsp.knowledge.lineage import classes, lineage, methods
from architect_lsp.knowledge.nouns import Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, Ref
from architect_lsp.patterns import regex

PACKAGES = (
    *("llama_index", "google", "smolagents", "dspy", "haystack", "agno", "phi", "strands", "semantic_kernel", "camel", "swarm"),
    *("langchain", "langgraph", "crewai", "autogen", "ag2", "openai", "anthropic", "ollama", "qwen_agent", "transformers", "mcp"),
    *("fastmcp", "pydantic_ai", "agents", "claude_", "litellm", "deepagents", "letta", "metagpt", "atomic_agents"),
)
"""How the names of packages begin that bring models, and tools for them."""
_LISTS = regex(
    r"(?:google\.(?:adk|genai)|llama_index|smolagents|dspy|haystack|agno|phi|strands|camel|swarm|langchain\w*|langgraph|ollama)\b.*"
)
_WRAPS = regex(
    r"(?:google\.adk|llama_index|haystack|dspy|camel|langchain\w*|langgraph|strands|agno)\b.*\.(?:\w*Tool|from_defaults|from_function"
    r"|create_tool_from_function)"
)
_BASE = regex(
    r"(?:llama_index|google\.adk|smolagents|transformers|haystack|agno|phi|qwen_agent|camel|autogen_core|langchain\w*|crewai\w*"
    r"|semantic_kernel|openhands|atomic_agents|fastmcp|strands)\b.*\.(\w*(?:Tool|ToolSpec|Toolkit|BaseToolkit|BaseAction))"
)
_RUN = ("_run", "_arun", "run", "arun", "forward", "call", "acall", "__call__", "run_async", "execute", "invoke", "ainvoke")
"""The methods by which a class of tools is run."""
_TAKES = ("bind_tools", "ToolNode", "with_tools")
"""Calls whose first argument is a list of tools."""
_MANY = ("ToolSpec", "Toolkit")
"""How the names of classes end of which each method is a tool."""


def tools(project: Project) -> Iterator[Tool]:
    """The functions and methods that a model may call, by whatever kit."""
    yield from once(project, (*_listed(project), *_of_classes(project)))


def _listed(project: Project) -> Iterator[Tool]:
    for path in project.paths:
        for spot in calls(project, path):
            given = spot.argument(0 if spot.value.last in _TAKES else -1, "tools")
            if (given is not None and spot.value.last in _TAKES) or (
                given is not None and any(_LISTS.fullmatch(it) for it in kinds(project, spot))
            ):
                for part in parts(project, given):
                    yield from _made(project, part)
            else:
                yield from _made(project, spot)


def _made(project: Project, part: Spot) -> Iterator[Tool]:
    """The tool that an entry of a list is: a function, or what wraps one."""
    found = function_at(project, part)
    if found is not None:
        yield Tool(name_of(found), ref_of(found), part.at, "tools")
    elif part.value.kind == "call" and any(_WRAPS.fullmatch(it) for it in kinds(project, part)):
        for slot in (part.argument(0, "fn"), part.argument(-1, "func"), part.argument(-1, "function"), part.argument(1, "func")):
            found = function_at(project, slot)
            if found is not None:
                yield Tool(said(project, part.argument(-1, "name")) or name_of(found), ref_of(found), part.at, "tools")
                return


def _of_classes(project: Project) -> Iterator[Tool]:
    for found in classes(project):
        names = (it.name for it in lineage(project, found) if isinstance(it, External))
        base = next((match[1] for name in names if (match := _BASE.fullmatch(name)) is not None), "")
        if base:
            yield from _runs(project, found, many=base.endswith(_MANY))


def plain_tools(project: Project) -> Iterator[Tool]:
    """The methods that run classes which tell a model their name and description, without any kit."""
    for path in project.paths:
        for row in project.of_file(path, _described):
            yield from _runs(project, ClassSymbol(path, row), many=False)


def _described(facts: Facts) -> tuple[ClassDef, ...]:
    rows = (it for it in facts.classes if it.qualname.endswith("Tool"))
    return tuple(it for it in rows if {"name", "description"} <= {field.name for field in it.fields if field.value is not None})


def _runs(project: Project, found: ClassSymbol, *, many: bool) -> Iterator[Tool]:
    for name, method in methods(project, found).items():
        if name in _RUN or (many and not name.startswith("_")):
            told = name_of_class(found) if not many else name
            yield Tool(told, Ref(found.path, method.qualname, "def"), Ref(found.path, method.qualname, "def"), "tools")
