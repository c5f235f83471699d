"""Ways through a graph of agents: what is reached, what can come to an end, where it goes round."""

from __future__ import annotations

from collections.abc import Iterable

from architect_lsp.knowledge.nouns import AgentGraph, Link
from architect_lsp.knowledge.symbols import Ref


def reached(graph: AgentGraph) -> frozenset[str]:
    """The nodes that a run can come to, the start among them."""
    return _from([graph.start], graph.links)


def ending(graph: AgentGraph) -> frozenset[str]:
    """The nodes from which a run can come to its end: by a link to it, or because nothing follows."""
    sources = {it.source for it in graph.links}
    ends = [it.name for it in graph.nodes if it.name not in sources]
    return _from([graph.end, *ends], [Link(it.target, it.source) for it in graph.links])


def circles(graph: AgentGraph) -> list[frozenset[str]]:
    """The largest sets of reached nodes in which each leads to each other, by their first node's order."""
    here = reached(graph)
    ahead = {it: _from([link.target for link in graph.links if link.source == it], graph.links) for it in here}
    found: dict[frozenset[str], None] = {}
    for it in (node.name for node in graph.nodes):
        if it in here and it in ahead[it]:
            found[frozenset(other for other in here if other in ahead[it] and it in ahead.get(other, ()))] = None
    return list(found)


def node_at(graph: AgentGraph, name: str) -> Ref:
    """Where a node is added; where the graph is made for one that is not."""
    return next((it.at for it in graph.nodes if it.name == name), graph.at)


def way(graph: AgentGraph, names: Iterable[str]) -> str:
    """The circle through some nodes as a person would draw it: `plan -> write -> plan`, in the order of the graph's nodes."""
    inside = frozenset(names)
    order = [it.name for it in graph.nodes if it.name in inside]
    trail, here = [order[0]], order[0]
    while True:
        further = [it.target for it in graph.links if it.source == here and it.target in inside]
        new = [it for it in further if it not in trail]
        if not new:
            break
        here = new[0]
        trail.append(here)
    return " -> ".join(f"`{it}`" for it in (*trail, trail[0]))


def steps_from(graph: AgentGraph, source: str) -> dict[str, int]:
    """How many steps after `source` each node first runs, by links that no choice decides."""
    found = {source: 0}
    todo = [source]
    while todo:
        here = todo.pop(0)
        for it in graph.links:
            if it.source == here and not it.conditional and it.target not in found:
                found[it.target] = found[here] + 1
                todo.append(it.target)
    return found


def _from(starts: Iterable[str], links: Iterable[Link]) -> frozenset[str]:
    further: dict[str, list[str]] = {}
    for it in links:
        further.setdefault(it.source, []).append(it.target)
    seen = set(starts)
    todo = list(seen)
    while todo:
        for name in further.get(todo.pop(), ()):
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return frozenset(seen)
