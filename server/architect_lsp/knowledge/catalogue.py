"""All nouns of a project together, whatever framework they are of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

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
)
from architect_lsp.knowledge.nouns import Agent, AgentGraph, Handoff, OrmModel, Resolver, Route, Task, Tool
from architect_lsp.knowledge.project import Project

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
)
_HANDOFFS: tuple[Callable[[Project], Iterable[Handoff]], ...] = (openai_agents.handoffs, langchain.handoffs, autogen.handoffs)
_GRAPHS: tuple[Callable[[Project], Iterable[AgentGraph]], ...] = (
    langgraph.graphs,
    langchain.graphs,
    autogen.graphs,
    crewai.graphs,
)


@dataclass(frozen=True, slots=True)
class Catalogue:
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
        routes=tuple(it for find in _ROUTES for it in find(project)),
        models=tuple(it for find in _MODELS for it in find(project)),
        tasks=tuple(it for find in _TASKS for it in find(project)),
        resolvers=tuple(it for find in _RESOLVERS for it in find(project)),
        agents=tuple(it for find in _AGENTS for it in find(project)),
        tools=tuple(it for find in _TOOLS for it in find(project)),
        handoffs=tuple(it for find in _HANDOFFS for it in find(project)),
        graphs=tuple(it for find in _GRAPHS for it in find(project)),
    )


Key = tuple[str, str]
"""(file, qualified name) of a function or class."""


def handlers(project: Project) -> frozenset[Key]:
    """The functions and classes that answer the project's routes."""
    return project.of_all("handlers", _handlers)


def task_functions(project: Project) -> frozenset[Key]:
    """The functions that a queue's workers run."""
    return project.of_all("task functions", _task_functions)


def model_classes(project: Project) -> frozenset[Key]:
    """The classes whose objects are rows."""
    return project.of_all("model classes", _model_classes)


def _handlers(project: Project) -> frozenset[Key]:
    return frozenset((it.handler.path, it.handler.qualname) for it in catalogue(project).routes if it.handler is not None)


def _task_functions(project: Project) -> frozenset[Key]:
    return frozenset((it.ref.path, it.ref.qualname) for it in catalogue(project).tasks)


def _model_classes(project: Project) -> frozenset[Key]:
    return frozenset((it.ref.path, it.ref.qualname) for it in catalogue(project).models)
