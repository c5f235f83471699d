"""What is worth knowing of an agent or a graph, where its name or its constructor stands: its tools, ways and limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.facts import Variable
from architect_lsp.knowledge.nouns import Agent, AgentGraph, Link, Node
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Span
from architect_lsp.patterns import regex

_WORD = regex(r"\w+")
_CALLEE = regex(r"[\w.]+(?=\s*[(\[])")
_WAYS = 12
"""Ways of a graph that are written out."""


def likeness(project: Project, document: Document, offset: int) -> tuple[list[str], Span] | None:
    """(paragraphs of Markdown, span of the word) of the agent or graph that is named or made at an offset; None elsewhere."""
    line = document.lines.line_of(offset)
    start, end = document.lines.bounds(line)
    word = next((it for it in _WORD.finditer(document.text, start, end) if it.start() <= offset <= it.end()), None)
    if word is None:
        return None
    known = catalogue(project)
    homes = _homes(project, document.path, word[0])
    made: tuple[Agent | AgentGraph, ...] = (*known.agents, *known.graphs)
    for it in made:
        if (it.at.path, it.at.qualname) not in homes and not _stands(project, document, it, line, word):
            continue
        found = _agent(it) if isinstance(it, Agent) else _graph(it)
        return list(found), Span(word.start(), word.end())
    return None


def step(graph: AgentGraph, node: Node) -> str:
    """A sentence on a step of a graph: what comes before it and after."""
    before = [_end(graph, it.source) for it in graph.links if it.target == node.name]
    after = [_way(graph, it) for it in graph.links if it.source == node.name]
    said = [f"after {', '.join(before)}" if before else "", f"before {', '.join(after)}" if after else ""]
    return f"Is the step `{node.name}` of `{graph.name}`{': ' if any(said) else ''}{', '.join(it for it in said if it)}."


def _homes(project: Project, path: str, word: str) -> set[tuple[str, str]]:
    """(file, variable) that a name of a file may mean."""
    found = project.name(path, word)
    if isinstance(found, Variable):
        return {(path, word)}
    if isinstance(found, str):
        module, rest = project.module(path, found)
        if module is not None and len(rest) == 1:
            return {(module.path, rest[0])}
    return set()


def _stands(project: Project, document: Document, it: Agent | AgentGraph, line: int, word: re.Match[str]) -> bool:
    """Whether it is made in this line and the word is its constructor's name, or the name it is given."""
    place = project.place(it.at)
    if it.at.path != document.path or place.line != line:
        return False
    start = document.lines.bounds(line)[0] + place.column
    callee = _CALLEE.match(document.text, start)
    if callee is not None and callee.start() <= word.start() and word.end() <= callee.end():
        return True
    between = document.text[word.end() : start]
    return word.end() <= start and re.fullmatch(r"\s*(?::[^=]*)?=\s*(?:await\s+)?", between) is not None


def _agent(agent: Agent) -> Iterator[str]:
    model = f" · `{agent.model}`" if agent.model else ""
    yield f"`{agent.name}` · agent{model}"
    if agent.tools:
        yield f"May call {_listed(agent.tools)}."
    if agent.handoffs:
        yield f"Hands over to {_listed(agent.handoffs)}."
    if agent.limits:
        yield f"Bounded by {_listed([f'{name}={value}' for name, value in agent.limits])}."


def _graph(graph: AgentGraph) -> Iterator[str]:
    state = f" · state `{graph.schema}`" if graph.schema else ""
    yield f"`{graph.name}` · graph of {len(graph.nodes)} step{'s' if len(graph.nodes) != 1 else ''}{state}"
    ways = [f"- {_end(graph, it.source)} → {_way(graph, it)}" for it in graph.links[:_WAYS]]
    if len(graph.links) > _WAYS:
        ways.append(f"- and {len(graph.links) - _WAYS} more")
    if ways:
        yield "\n".join(ways)
    if not graph.whole:
        yield "Some of its ways can't be told from the code."
    options = [f"{name}={value}" for name, value in (*graph.limits, *graph.options)]
    if options:
        yield f"Made with {_listed(options)}."


def _end(graph: AgentGraph, name: str) -> str:
    if name and name in (graph.start, graph.end):
        return "its start" if name == graph.start else "its end"
    return f"`{name}`"


def _way(graph: AgentGraph, link: Link) -> str:
    if not link.conditional:
        return _end(graph, link.target)
    return f"{_end(graph, link.target)} ({f'if `{link.label}`' if link.label else 'by choice'})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{it}`" for it in names)
