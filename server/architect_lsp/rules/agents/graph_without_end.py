"""A graph goes round for ever: no way leads from some of its nodes to an end.

Why: each node of the circle hands on to the next, and none has an edge, a branch or a command that leads out. The run stops only
when the framework's step limit raises, after every model call of every turn was paid for, and gives no result at all.
Instead: let a node or a branch decide when it is done, and give that decision an edge to the end.

    def after_review(state: State) -> Literal["write", "__end__"]:
        return END if state["approved"] or state["rounds"] >= MAX_ROUNDS else "write"

    builder.add_conditional_edges("review", after_review)

Consequences: every run ends in `GraphRecursionError`, or in a worker that never comes back.
Trade-offs: none; a graph that is meant to serve for ever belongs into a loop around the graph, one run a request.
Tests: run the graph on a scripted model with a low `recursion_limit` and assert that it returns.
Observability: count steps for each run; a run at its limit is a defect, not a long answer.
Performance: tokens are spent until the limit, and the history grows with every turn.
Source: https://docs.langchain.com/oss/python/langgraph/errors/GRAPH_RECURSION_LIMIT; CWE-835
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.ways import ending, node_at, reached, way
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C2", "C4", "C5"],
    cwe=835,
    bad=[
        Bad("""
from langgraph.graph import START, StateGraph

def write(state): ...

def review(state): ...

builder = [|StateGraph|](dict)
builder.add_node("write", write)
builder.add_node("review", review)
builder.add_edge(START, "write")
builder.add_edge("write", "review")
builder.add_edge("review", "write")
graph = builder.compile()
"""),
        Bad("""
-- app/graph.py --
from langgraph.graph import END, START, StateGraph
from app.nodes import answer, plan, search, verify
from app.routes import after_verify

def build():
    flow = StateGraph(dict)
    flow.add_node(answer)
    [|flow.add_node("plan", plan)|]
    flow.add_node("search", search)
    flow.add_node("verify", verify)
    flow.add_conditional_edges(START, lambda s: "plan" if s["hard"] else "answer", ["plan", "answer"])
    flow.add_edge("answer", END)
    flow.add_edge("plan", "search")
    flow.add_edge("search", "verify")
    flow.add_conditional_edges("verify", after_verify)
    return flow.compile()
-- app/routes.py --
from typing import Literal

def after_verify(state) -> Literal["plan", "search"]:
    return "plan" if state["missing"] else "search"
-- app/nodes.py --
def answer(state): ...
def plan(state): ...
def search(state): ...
def verify(state): ...
"""),
        Bad("""
from crewai.flow.flow import Flow, listen, or_, start

[|class Writing(Flow):|]
    @start()
    def begin(self): ...

    @listen(or_(begin, "review"))
    def draft(self): ...

    @listen(draft)
    def review(self): ...
"""),
    ],
    good=[
        """
from langgraph.graph import END, START, StateGraph

def write(state): ...

def review(state): ...

def after_review(state):
    return END if state["rounds"] >= 3 else "write"

builder = StateGraph(dict)
builder.add_node("write", write)
builder.add_node("review", review)
builder.add_edge(START, "write")
builder.add_edge("write", "review")
builder.add_conditional_edges("review", after_review)
graph = builder.compile()
""",
        """
from typing import Literal
from langgraph.graph import START, StateGraph
from langgraph.types import Command

def write(state) -> Command[Literal["review"]]:
    return Command(goto="review")

def review(state) -> Command[Literal["write", "__end__"]]:
    return Command(goto="__end__" if state["rounds"] > 2 else "write")

graph = StateGraph(dict).add_node(write).add_node(review).add_edge(START, "write").compile()
""",
        """
from langgraph.graph import START, StateGraph

def build(decide):
    graph = StateGraph(dict)
    graph.add_node("write", lambda s: s)
    graph.add_edge(START, "write")
    graph.add_conditional_edges("write", decide)
    return graph.compile()
""",
    ],
)
_KITS = ("langgraph", "autogen-flow", "crewai-flow")


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Nodes that a run comes to and that lead to no end."""
    for graph in catalogue(project).graphs:
        if graph.framework not in _KITS or not graph.whole:
            continue
        here = reached(graph)
        lost = here - ending(graph)
        if not lost - {graph.start, graph.end}:
            continue
        trapped = [it.name for it in graph.nodes if it.name in lost]
        circle = way(graph, trapped)
        if graph.start in lost:
            yield ProjectHit(graph.at, f"The graph `{graph.name}` never ends: {circle} has no way out.")
        else:
            first = next(
                (it for it in trapped if any(row.target == it and row.source not in lost for row in graph.links)), trapped[0]
            )
            yield ProjectHit(
                node_at(graph, first), f"Once at `{first}`, the graph `{graph.name}` never ends: {circle} has no way out."
            )
