"""Only a model's judgement ends a circle of a graph: nothing in it counts turns, and no step limit is set.

Why: a reviewer that is never content, or an agent that calls the same failing tool again, keeps the circle going. LangGraph's own
limit counts steps of the whole graph (10,007 by default in current versions, 25 before), which is no limit a person has chosen.
Instead: count the turns in the state and leave when they are used up; set `recursion_limit` as the second line.

    def after_review(state: State) -> Literal["write", "__end__"]:
        if state["approved"] or state["revisions"] >= MAX_REVISIONS:
            return END
        return "write"

    graph.invoke(question, {"recursion_limit": 25})

Consequences: one bad conversation costs as much as a thousand good ones before it fails, and it fails without an answer.
Trade-offs: a counter gives the best draft so far instead of an exception; `recursion_limit` alone raises and loses it. Catch
`GraphRecursionError` where a partial answer is better than none.
Tests: script the model so that it is never content, and assert that the run returns after the limit.
Observability: record turns for each run and alert on runs that leave by the limit.
Performance: each turn sends the history of all before it.
Source: https://docs.langchain.com/oss/python/langgraph/errors/GRAPH_RECURSION_LIMIT; OWASP LLM10:2025 Unbounded Consumption
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Def, Facts
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.nouns import AgentGraph
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import FunctionSymbol, Ref
from architect_lsp.knowledge.ways import circles, ending, way
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4", "C5"],
    cwe=770,
    bad=[
        Bad("""
from langgraph.graph import END, START, StateGraph

def write(state): ...

def review(state): ...

def after_review(state):
    if state["score"] >= 8:
        return END
    return "write"

builder = StateGraph(dict)
builder.add_node("write", write)
builder.add_node("review", review)
builder.add_edge(START, "write")
builder.add_edge("write", "review")
[|builder.add_conditional_edges("review", after_review)|]
graph = builder.compile()
"""),
        Bad("""
from langgraph.graph import MessagesState, START, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

def assistant(state: MessagesState): ...

def build(tools):
    builder = StateGraph(MessagesState)
    builder.add_node("assistant", assistant)
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "assistant")
    [|builder.add_conditional_edges("assistant", tools_condition, {"tools": "tools", "__end__": "__end__"})|]
    builder.add_edge("tools", "assistant")
    return builder.compile()
"""),
        Bad("""
from typing import Literal
from langgraph.graph import START, StateGraph
from langgraph.types import Command

def plan(state) -> Command[Literal["act"]]: ...

def act(state) -> Command[Literal["plan", "__end__"]]:
    if state["done"]:
        return Command(goto="__end__")
    return Command(goto="plan")

graph = StateGraph(dict)
graph.add_node(plan)
[|graph.add_node(act)|]
graph.add_edge(START, "plan")
"""),
    ],
    good=[
        """
from langgraph.graph import END, START, StateGraph

def write(state): ...

def review(state): ...

def after_review(state):
    if state["score"] >= 8 or state["revisions"] > 3:
        return END
    return "write"

builder = StateGraph(dict)
builder.add_node("write", write)
builder.add_node("review", review)
builder.add_edge(START, "write")
builder.add_edge("write", "review")
builder.add_conditional_edges("review", after_review)
graph = builder.compile()
""",
        """
-- app/graph.py --
from langgraph.graph import MessagesState, START, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

def assistant(state: MessagesState): ...

builder = StateGraph(MessagesState)
builder.add_node("assistant", assistant)
builder.add_node("tools", ToolNode([]))
builder.add_edge(START, "assistant")
builder.add_conditional_edges("assistant", tools_condition)
builder.add_edge("tools", "assistant")
graph = builder.compile()
-- app/main.py --
from app.graph import graph

def ask(question):
    return graph.invoke(question, {"recursion_limit": 12})
""",
        """
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

def draft(state): ...

def ask_person(state):
    return {"answer": interrupt("Is this what you meant?")}

def route(state):
    return END if state["answer"] == "yes" else "draft"

builder = StateGraph(dict)
builder.add_node("draft", draft)
builder.add_node("ask", ask_person)
builder.add_edge(START, "draft")
builder.add_edge("draft", "ask")
builder.add_conditional_edges("ask", route)
""",
    ],
)
_ASKS_A_PERSON = ("interrupt", "input", "NodeInterrupt", "prompt", "confirm")
_HELPERS = 40


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Circles with a way out that no count decides."""
    graphs = [it for it in catalogue(project).graphs if it.framework == "langgraph"]
    if not graphs or any(project.of_file(path, _limits) for path in project.paths if not is_test(path)):
        return
    for graph in graphs:
        ends = ending(graph)
        for circle in circles(graph):
            if circle <= ends and not _is_bounded(project, graph, circle):
                leaving = [
                    it
                    for it in graph.links
                    if it.source in circle and it.target not in circle and it.target in ends | {graph.end}
                ]
                at = next((it.at for it in leaving if it.at is not None), None)
                if at is not None:
                    what = way(graph, circle)
                    yield ProjectHit(
                        at, f"Nothing bounds the circle {what} of `{graph.name}`: no count of turns, no `recursion_limit`."
                    )


def _limits(facts: Facts) -> bool:
    return any(": " not in it for it in facts.mentions)


def _is_bounded(project: Project, graph: AgentGraph, circle: frozenset[str]) -> bool:
    """Whether a function of the circle counts or asks a person, or can't be told."""
    stops = dict(graph.options)
    if any(name in stops.get(key, "") for key in ("interrupt_before", "interrupt_after") for name in circle):
        return True
    refs: list[Ref] = [it.ref for it in graph.nodes if it.name in circle and it.ref is not None]
    for it in graph.branches:
        if it.source in circle:
            if it.by is None and not it.library.endswith("tools_condition"):
                return True
            refs += [it.by] if it.by is not None else []
    return any(_counts(project, ref) for ref in refs)


def _counts(project: Project, ref: Ref) -> bool:
    definition = project.definition(ref.path, ref.qualname)
    if definition is None:
        return True
    if _says(definition):
        return True
    for it in definition.calls[:_HELPERS]:
        if it.target.rpartition(".")[2] in _ASKS_A_PERSON:
            return True
        found = project.resolve(ref.path, it.target, definition.owner)
        if isinstance(found, FunctionSymbol) and _says(found.facts):
            return True
    return False


def _says(definition: Def) -> bool:
    return definition.step is not None and definition.step.counts
