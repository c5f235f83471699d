"""Branches of a graph that run side by side come together at a node that does not wait for them: it runs twice.

Why: LangGraph runs a node whenever one of its edges fires. Branches of equal length arrive in the same step and are one run;
when one is longer, the node runs first on half of the results, and again when the other branch arrives, with all that follows it.
Instead: name all sources in one edge, which waits for them, or defer the node.

    builder.add_edge(["summarise", "check_facts"], "publish")
    builder.add_node("publish", publish, defer=True)

Consequences: answers are sent, rows written and models called twice, and the first time with half of the state.
Trade-offs: a joined edge waits for every source on every run; with branches that are not always taken, use `defer=True`.
Tests: count the runs of the joining node in a test with scripted models.
Performance: all nodes behind the join are run once too often.
Source: https://docs.langchain.com/oss/python/langgraph/use-graph-api#defer-node-execution
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.nouns import AgentGraph, Link
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.ways import steps_from
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C2", "C3"],
    bad=[
        Bad("""
from langgraph.graph import END, START, StateGraph

def step(state): ...

builder = StateGraph(dict)
for name in ("draft", "summarise", "search", "check", "publish"):
    builder.add_node(name, step)
builder.add_edge(START, "draft")
builder.add_edge("draft", "summarise")
builder.add_edge("draft", "search")
builder.add_edge("search", "check")
builder.add_edge("summarise", "publish")
[|builder.add_edge("check", "publish")|]
builder.add_edge("publish", END)
"""),
    ],
    good=[
        """
from langgraph.graph import END, START, StateGraph

def step(state): ...

builder = StateGraph(dict)
for name in ("draft", "summarise", "search", "check", "publish"):
    builder.add_node(name, step)
builder.add_edge(START, "draft")
builder.add_edge("draft", "summarise")
builder.add_edge("draft", "search")
builder.add_edge("search", "check")
builder.add_edge(["summarise", "check"], "publish")
builder.add_edge("publish", END)
""",
        """
from langgraph.graph import END, START, StateGraph

def step(state): ...

def build():
    builder = StateGraph(dict)
    builder.add_node("a", step)
    builder.add_node("b", step)
    builder.add_node("c", step)
    builder.add_node("d", step, defer=True)
    builder.add_node("e", step)
    builder.add_edge(START, "a")
    builder.add_edge(START, "b")
    builder.add_edge("a", "e")
    builder.add_edge("b", "e")
    builder.add_edge("b", "c")
    builder.add_edge("c", "d")
    builder.add_edge("a", "d")
    return builder.compile()
""",
    ],
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Nodes where branches of unequal length meet without waiting."""
    for graph in catalogue(project).graphs:
        if graph.framework == "langgraph" and graph.whole:
            yield from _meetings(graph)


def _meetings(graph: AgentGraph) -> Iterator[ProjectHit]:
    deferred = {it.name for it in graph.nodes if it.deferred}
    plain = [it for it in graph.links if not (it.conditional or it.joined or it.optional)]
    said: set[str] = set()
    for fork in dict.fromkeys(it.source for it in plain):
        if sum(it.source == fork for it in plain) < 2:
            continue
        steps = steps_from(graph, fork)
        for node in (it.name for it in graph.nodes):
            ways: list[Link] = [it for it in plain if it.target == node and it.source in steps and it.source != fork]
            late = max(ways, key=lambda it: steps[it.source], default=None)
            early = min(ways, key=lambda it: steps[it.source], default=None)
            if late is None or early is None or steps[late.source] == steps[early.source] or late.at is None:
                continue
            if (
                node in deferred
                or node in said
                or late.source in _after(graph, node)
                or late.source in _after(graph, early.source)
            ):
                continue
            said.add(node)
            yield ProjectHit(
                late.at,
                f"`{node}` runs twice: after `{early.source}`, and again when `{late.source}` is done. Join the two in one edge.",
            )


def _after(graph: AgentGraph, source: str) -> dict[str, int]:
    return {name: count for name, count in steps_from(graph, source).items() if count}
