"""Nodes that run side by side set the same key of the state, which has no reducer.

Why: in one step of a LangGraph graph a key without a reducer may be set once. Two nodes behind the same node, or one node that
`Send` starts many times, both set it: the run raises `InvalidUpdateError`, always, or only on inputs that start two.
Instead: say how two values become one, or let each branch have its own key.

    class State(TypedDict):
        question: str
        findings: Annotated[list[str], operator.add]

Consequences: the graph works in a demonstration with one branch and fails with the second.
Trade-offs: `operator.add` keeps everything, in the order in which branches end; give each entry its source where order matters.
Tests: run the graph with two items to fan out to.
Source: https://docs.langchain.com/oss/python/langgraph/errors/INVALID_CONCURRENT_GRAPH_UPDATE
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.lineage import lineage
from architect_lsp.knowledge.nouns import AgentGraph
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C2", "C3"],
    cwe=362,
    bad=[
        Bad("""
from typing import TypedDict
from langgraph.graph import END, START, StateGraph

class State(TypedDict):
    question: str
    answer: str

def web(state: State):
    return {"answer": "from the web"}

[|def wiki(state: State):|]
    return {"answer": "from a book"}

builder = StateGraph(State)
builder.add_node("web", web)
builder.add_node("wiki", wiki)
builder.add_edge(START, "web")
builder.add_edge(START, "wiki")
builder.add_edge(["web", "wiki"], END)
"""),
        Bad("""
-- app/state.py --
from typing import TypedDict

class State(TypedDict):
    claims: list[str]
    verdicts: list[str]
-- app/graph.py --
from langgraph.graph import START, StateGraph
from langgraph.types import Send
from app.state import State

def split(state: State):
    return {"claims": state["claims"]}

def fan(state: State):
    return [Send("check", {"claim": it}) for it in state["claims"]]

[|def check(state):|]
    return {"verdicts": [state["claim"]]}

builder = StateGraph(State)
builder.add_node(split)
builder.add_node(check)
builder.add_edge(START, "split")
builder.add_conditional_edges("split", fan, ["check"])
"""),
    ],
    good=[
        """
import operator
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import Send

class State(TypedDict):
    claims: list[str]
    verdicts: Annotated[list[str], operator.add]
    left: str
    right: str

def split(state: State):
    return {"claims": state["claims"]}

def fan(state: State):
    return [Send("check", {"claim": it}) for it in state["claims"]]

def check(state):
    return {"verdicts": [state["claim"]]}

def one(state: State):
    return {"left": "", "verdicts": []}

def other(state: State):
    return {"right": "", "verdicts": []}

builder = StateGraph(State)
builder.add_node(split)
builder.add_node(check)
builder.add_node(one)
builder.add_node(other)
builder.add_edge(START, "split")
builder.add_edge("split", "one")
builder.add_edge("split", "other")
builder.add_conditional_edges("split", fan, ["check"])
""",
        """
from typing import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict):
    answer: str

def one(state: State):
    return {"answer": "a"}

def other(state: State):
    return {"answer": "b"}

builder = StateGraph(State)
builder.add_node(one)
builder.add_node(other)
builder.add_conditional_edges(START, lambda s: "one" if s["answer"] else "other")
builder.add_edge("one", "other")
""",
    ],
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Keys that two nodes of one step set."""
    said: set[tuple[Ref, str]] = set()
    for graph in catalogue(project).graphs:
        single = _single(project, graph)
        if graph.framework != "langgraph" or not single:
            continue
        for ref, message, first in (*_side_by_side(project, graph, single), *_sent(project, graph, single)):
            if (ref, message) not in said:
                said.add((ref, message))
                yield ProjectHit(ref, message, ((first, "the other"),) if first != ref else ())


def _single(project: Project, graph: AgentGraph) -> frozenset[str]:
    """The keys of the state that one node a step may set, as far as its class is the project's."""
    ref = graph.schema
    kind = project.class_(ref.path, ref.qualname) if ref is not None else None
    if ref is None or kind is None:
        return frozenset()
    found: dict[str, bool] = {}
    for it in reversed(lineage(project, ClassSymbol(ref.path, kind))):
        for field in it.facts.fields if isinstance(it, ClassSymbol) else ():
            shape = field.shape
            found[field.name] = not (shape is not None and shape.last == "Annotated" and len(shape.items) > 1)
    return frozenset(name for name, single in found.items() if single)


def _writes(project: Project, ref: Ref | None) -> frozenset[str]:
    definition = project.definition(ref.path, ref.qualname) if ref is not None else None
    return frozenset(definition.step.writes) if definition is not None and definition.step is not None else frozenset()


def _side_by_side(project: Project, graph: AgentGraph, single: frozenset[str]) -> Iterator[tuple[Ref, str, Ref]]:
    refs = {it.name: it.ref for it in graph.nodes}
    for fork in dict.fromkeys(it.source for it in graph.links):
        targets = [it.target for it in graph.links if it.source == fork and not (it.conditional or it.joined or it.optional)]
        sets: dict[str, str] = {}
        for name in dict.fromkeys(targets):
            for key in sorted(_writes(project, refs.get(name)) & single):
                first = sets.setdefault(key, name)
                here, there = refs.get(name), refs.get(first)
                if first != name and here is not None and there is not None and here != there:
                    yield here, f"`{first}` and `{name}` run side by side and both set `{key}`, which has no reducer.", there


def _sent(project: Project, graph: AgentGraph, single: frozenset[str]) -> Iterator[tuple[Ref, str, Ref]]:
    """Nodes that a branch starts once for each of many items."""
    refs = {it.name: it.ref for it in graph.nodes}
    for branch in graph.branches:
        by = project.definition(branch.by.path, branch.by.qualname) if branch.by is not None else None
        rows = by.step.outcomes if by is not None and by.step is not None else ()
        many = [it.items[0].argument(0, "node") for it in rows if it.kind == "each" and it.items and it.items[0].last == "Send"]
        for value in many:
            ref = refs.get(value.text) if value is not None and value.kind == "text" else None
            for key in sorted(_writes(project, ref) & single):
                if ref is not None and value is not None:
                    yield ref, f"Many runs of `{value.text}` at once all set `{key}`, which has no reducer.", ref
