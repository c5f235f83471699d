"""A node of a graph is never run: no way leads to it from the start.

Why: the node was added, but no edge, branch or command that begins at the entry point comes to it. The step it stands for
(a check, a fallback, an approval) is skipped on every run, and nothing says so.
Instead: connect it, or remove it.

    builder.add_conditional_edges("draft", needs_approval, {"yes": "approve", "no": "send"})
    builder.add_edge("approve", "send")

Consequences: a reviewer reads a safety step in the code that the program does not take.
Tests: draw the compiled graph (`graph.get_graph().draw_mermaid()`) in a test and compare it with the kept drawing.
Security: an approval or moderation step that is not reached guards nothing.
Source: https://docs.langchain.com/oss/python/langgraph/graph-api (edges must lead to nodes; nodes need not be reached)
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.ways import reached
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C2", "C4"],
    cwe=561,
    bad=[
        Bad("""
from langgraph.graph import END, START, StateGraph

def draft(state): ...

def approve(state): ...

def send(state): ...

builder = StateGraph(dict)
builder.add_node("draft", draft)
[|builder.add_node("approve", approve)|]
builder.add_node("send", send)
builder.add_edge(START, "draft")
builder.add_edge("draft", "send")
builder.add_edge("approve", "send")
builder.add_edge("send", END)
graph = builder.compile()
"""),
        Bad("""
from typing import Literal
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

class Pipeline:
    def build(self):
        graph = StateGraph(dict)
        graph.add_node("classify", self.classify)
        graph.add_node("answer", self.answer)
        [|graph.add_node("escalate", self.escalate)|]
        graph.set_entry_point("classify")
        graph.add_edge("answer", END)
        return graph.compile()

    def classify(self, state) -> Command[Literal["answer"]]: ...

    def answer(self, state): ...

    def escalate(self, state): ...
"""),
        Bad("""
from crewai.flow.flow import Flow, listen, router, start

class Triage(Flow):
    @start()
    def read(self): ...

    @router(read, emit=["simple", "complex"])
    def judge(self): ...

    @listen("simple")
    def answer(self): ...

    @listen("complexe")
    [|def escalate(self): ...|]
"""),
    ],
    good=[
        """
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

def draft(state):
    return Command(goto="approve")

def approve(state): ...

def fan(state):
    return [Send("check", {"claim": it}) for it in state["claims"]]

def check(state): ...

builder = StateGraph(dict)
builder.add_node("draft", draft)
builder.add_node("approve", approve)
builder.add_node("check", check)
builder.add_edge(START, "draft")
builder.add_conditional_edges("approve", fan)
""",
        """
from langgraph.graph import MessagesState, START, StateGraph
from langgraph.prebuilt import create_react_agent
from langgraph.types import Command

def handoff(agent_name):
    def tool(state):
        return Command(goto=agent_name, graph=Command.PARENT, update=state)
    return tool

flights = create_react_agent("m", tools=[handoff("hotels")], name="flights")
hotels = create_react_agent("m", tools=[handoff("flights")], name="hotels")
graph = StateGraph(MessagesState)
graph.add_node("flights", flights)
graph.add_node("hotels", hotels)
graph.add_edge(START, "flights")
""",
        """
from langgraph.graph import START, StateGraph

def attach(graph, name):
    graph.add_edge(START, name)

graph = StateGraph(dict)
graph.add_node("one", lambda s: s)
graph.add_node("two", lambda s: s)
graph.add_edge(START, "one")
attach(graph, "two")
""",
    ],
)
_KITS = ("langgraph", "autogen-flow", "crewai-flow")


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Nodes of graphs that are told in whole to which no way leads."""
    for graph in catalogue(project).graphs:
        if graph.framework not in _KITS or not graph.whole or not any(it.source == graph.start for it in graph.links):
            continue
        here = reached(graph)
        for it in graph.nodes:
            if it.name not in here:
                yield ProjectHit(it.at, f"No way leads from the start of the graph `{graph.name}` to its node `{it.name}`.")
