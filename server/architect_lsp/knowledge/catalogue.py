"""All nouns of a project together, whatever framework they are of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

from msgspec import Struct

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.frameworks import (
    autogen,
    celery,
    claude_agent,
    crewai,
    django_models,
    django_urls,
    fastapi,
    flask,
    graphql,
    langchain,
    langgraph,
    litestar,
    mcp,
    model_clients,
    openai_agents,
    pydantic_ai,
    sqlalchemy,
    tool_kits,
)
from architect_lsp.knowledge.nouns import Agent, AgentGraph, Handoff, OrmModel, Resolver, Route, Task, Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.steps import MODEL_NAMED
from architect_lsp.knowledge.streams import slot_parameter
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.patterns import regex

_ROUTES: tuple[Callable[[Project], Iterable[Route]], ...] = (fastapi.routes, flask.routes, litestar.routes, django_urls.routes)
_MODELS: tuple[Callable[[Project], Iterable[OrmModel]], ...] = (sqlalchemy.models, django_models.models)
_TASKS: tuple[Callable[[Project], Iterable[Task]], ...] = (celery.tasks,)
_RESOLVERS: tuple[Callable[[Project], Iterable[Resolver]], ...] = (graphql.resolvers,)
_AGENTS: tuple[Callable[[Project], Iterable[Agent]], ...] = (
    openai_agents.agents,
    pydantic_ai.agents,
    claude_agent.agents,
    langchain.agents,
    autogen.agents,
    crewai.agents,
)
_TOOLS: tuple[Callable[[Project], Iterable[Tool]], ...] = (
    openai_agents.tools,
    pydantic_ai.tools,
    claude_agent.tools,
    mcp.tools,
    model_clients.tools,
    langchain.tools,
    autogen.tools,
    crewai.tools,
    tool_kits.tools,
)
_HANDOFFS: tuple[Callable[[Project], Iterable[Handoff]], ...] = (openai_agents.handoffs, langchain.handoffs, autogen.handoffs)
_GRAPHS: tuple[Callable[[Project], Iterable[AgentGraph]], ...] = (
    langgraph.graphs,
    langchain.graphs,
    autogen.graphs,
    crewai.graphs,
)
_KITS: dict[str, tuple[str, ...]] = {
    openai_agents.__name__: ("agents",),
    pydantic_ai.__name__: ("pydantic_ai",),
    claude_agent.__name__: ("claude_",),
    langchain.__name__: ("langchain", "langgraph", "deepagents"),
    langgraph.__name__: ("langgraph",),
    autogen.__name__: ("autogen", "ag2", "pyautogen"),
    crewai.__name__: ("crewai",),
    mcp.__name__: ("mcp", "fastmcp"),
    tool_kits.__name__: tool_kits.PACKAGES,
}
"""How the names begin under which a kit of agents is imported: where none is, there is nothing of it to find."""
_OF_MODELS = regex(r"llm(?!s_txt)|gpt|openai|claude|gemini|bedrock|prompt|agents?\b", re.IGNORECASE)
"""Words of packages, folders and files of programs that ask a model."""
_KITS_OF_MODELS = regex(
    rf"(?:{'|'.join(it for it in tool_kits.PACKAGES if it != 'google')})|google\.(?:genai|adk|generativeai)"
    r"|google\.cloud\.aiplatform|vertexai|(?:groq|cohere|mistralai|together|huggingface_hub|fireworks|cerebras|instructor|streamlit|chainlit|gradio)\b"
)
"""How the names begin under which such programs import what asks one."""
NounT = TypeVar("NounT")


class Catalogue(Struct, frozen=True):
    """What a project has of each noun, in the order of its files."""

    routes: tuple[Route, ...] = ()
    models: tuple[OrmModel, ...] = ()
    tasks: tuple[Task, ...] = ()
    resolvers: tuple[Resolver, ...] = ()
    agents: tuple[Agent, ...] = ()
    tools: tuple[Tool, ...] = ()
    handoffs: tuple[Handoff, ...] = ()
    graphs: tuple[AgentGraph, ...] = ()


def catalogue(project: Project) -> Catalogue:
    """The nouns of the project, found once for each of its generations."""
    return project.of_all("catalogue", _catalogue)


def _catalogue(project: Project) -> Catalogue:
    return Catalogue(
        routes=_all(project, _ROUTES),
        models=_all(project, _MODELS),
        tasks=_all(project, _TASKS),
        resolvers=_all(project, _RESOLVERS),
        agents=_all(project, _AGENTS),
        tools=_tools(project),
        handoffs=_all(project, _HANDOFFS),
        graphs=_all(project, _GRAPHS),
    )


def _all(project: Project, finders: Iterable[Callable[[Project], Iterable[NounT]]]) -> tuple[NounT, ...]:
    """What the frameworks find, each asked again only when what it read has changed."""
    return tuple(it for find in finders for it in project.of_all(find, partial(_listed, find)))


def _tools(project: Project) -> tuple[Tool, ...]:
    """All tools; a function that several kits tell of is a tool of the first, where it may have several names."""
    kits: dict[Key, str] = {}
    every = _all(project, _TOOLS)
    for it in every:
        if it.ref is not None:
            kits.setdefault((it.ref.path, it.ref.qualname), it.framework)
    return tuple(it for it in every if it.ref is None or kits[it.ref.path, it.ref.qualname] == it.framework)


def _listed(find: Callable[[Project], Iterable[NounT]], project: Project) -> tuple[NounT, ...]:
    begins = _KITS.get(find.__module__)
    if begins is not None and not any(it.startswith(begins) for it in project.of_all("packages imported", _imported)):
        return ()
    return tuple(find(project))


def _imported(project: Project) -> frozenset[str]:
    """The first names of all modules that the project imports, and the names of its own folders."""
    found = {part for path in project.paths for part in path.split("/")[:-1]}
    return frozenset(found.union(*(project.of_file(path, _modules) for path in project.paths)))


def _modules(facts: Facts) -> frozenset[str]:
    return frozenset(it.partition(".")[0] for it in (*(name for _, name in facts.imports), *facts.stars)) - {""}


Key = tuple[str, str]
"""(file, qualified name) of a function or class."""


def handlers(project: Project) -> frozenset[Key]:
    """The functions and classes that answer the project's routes."""
    return project.of_all("handlers", _handlers)


def task_functions(project: Project) -> frozenset[Key]:
    """The functions that a queue's workers run."""
    return project.of_all("task functions", _task_functions)


def tool_functions(project: Project) -> frozenset[Key]:
    """The functions that models call as their tools, whatever makes them tools."""
    return project.of_all("tool functions", _tool_functions)


def asks_models(project: Project) -> bool:
    """Whether something of the project may ask a model: it imports a kit that does, names a model, or is called after one."""
    return project.of_all("asks models", _asks_models)


def model_classes(project: Project) -> frozenset[Key]:
    """The classes whose objects are rows."""
    return project.of_all("model classes", _model_classes)


def thread_functions(project: Project) -> frozenset[Key]:
    """The functions that are handed to threads by name."""
    return project.of_all("thread functions", _thread_functions)


def parallel_functions(project: Project) -> dict[Key, frozenset[str]]:
    """The functions that are run side by side, once for each item of something, and their parameters that all runs share."""
    return project.of_all("parallel functions", _parallel_functions)


def _handlers(project: Project) -> frozenset[Key]:
    return frozenset((it.handler.path, it.handler.qualname) for it in catalogue(project).routes if it.handler is not None)


def _task_functions(project: Project) -> frozenset[Key]:
    return frozenset((it.ref.path, it.ref.qualname) for it in catalogue(project).tasks)


def _tool_functions(project: Project) -> frozenset[Key]:
    rows = (*_all(project, _TOOLS), *tool_kits.plain_tools(project))
    return frozenset((it.ref.path, it.ref.qualname) for it in rows if it.ref is not None and it.ref.kind == "def")


def _asks_models(project: Project) -> bool:
    return any(_OF_MODELS.search(path) or project.of_file(path, _names_model) for path in project.paths)


def _names_model(facts: Facts) -> bool:
    if any(it.startswith(MODEL_NAMED) for it in facts.mentions):
        return True
    names = {*(name for _, name in facts.imports), *facts.stars}
    return any(_KITS_OF_MODELS.match(it) or _OF_MODELS.search(it.partition(".")[0]) for it in names)


def _model_classes(project: Project) -> frozenset[Key]:
    return frozenset((it.ref.path, it.ref.qualname) for it in catalogue(project).models)


def _thread_functions(project: Project) -> frozenset[Key]:
    rows = ((path, *row) for path in project.paths for row in project.of_file(path, _threads))
    found = (project.resolve(path, target, owner) for path, owner, target in rows)
    return frozenset((it.path, it.facts.qualname) for it in found if isinstance(it, FunctionSymbol))


def _threads(facts: Facts) -> tuple[tuple[str, str], ...]:
    return tuple((it.owner, target) for it in facts.defs for target in it.threads)


def _parallel_functions(project: Project) -> dict[Key, frozenset[str]]:
    found: dict[Key, frozenset[str]] = {}
    for path in project.paths:
        for owner, target, slots in project.of_file(path, _started):
            symbol = project.resolve(path, target, owner)
            if isinstance(symbol, FunctionSymbol):
                key = symbol.path, symbol.facts.qualname
                shared = {"self"} if target.startswith("self.") else set()
                shared |= {slot_parameter(symbol.facts, slot) for slot in slots} - {""}
                found[key] = found.get(key, frozenset()) | shared
    return found


def _started(facts: Facts) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return tuple((it.owner, target, slots) for it in facts.defs for target, slots in it.starts)
