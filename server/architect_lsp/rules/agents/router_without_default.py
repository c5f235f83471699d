"""A router of a graph has an answer that leads nowhere.

Why: when none of its cases match, the function ends without a return, or it returns a label that its map does not list. LangGraph
then raises in the middle of the run (`Branch did not return a valid destination`, a `KeyError`); a CrewAI flow just stops.
What a router looks at is mostly what a model wrote, and models write what nobody listed.
Instead: end the router with a return for everything else, and list every label.

    def route(state: State) -> Literal["search", "answer", "clarify"]:
        match state["intent"]:
            case "question":
                return "search"
            case "chat":
                return "answer"
            case _:
                return "clarify"

Consequences: the run fails after the expensive steps before it, on inputs that no test had.
Trade-offs: a fallback that answers anyhow hides misrouted requests; let it ask back or hand over, and count it.
Tests: call the router with an intent that does not exist.
Observability: count how often the fallback is taken; a rise means that prompt and router have drifted apart.
Source: https://docs.langchain.com/oss/python/langgraph/graph-api#conditional-edges
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import StepFacts
from architect_lsp.knowledge.frameworks.langgraph_steps import END, node_name
from architect_lsp.knowledge.nouns import AgentGraph, Branch
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.scope import Scope
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C1", "C4"],
    cwe=478,
    bad=[
        Bad("""
from langgraph.graph import END, START, StateGraph

def classify(state): ...

[|def route(state):|]
    if state["intent"] == "search":
        return "search"
    elif state["intent"] == "chat":
        return "answer"

builder = StateGraph(dict)
builder.add_node("classify", classify)
builder.add_node("search", classify)
builder.add_node("answer", classify)
builder.add_edge(START, "classify")
builder.add_conditional_edges("classify", route, {"search": "search", "answer": "answer"})
"""),
        Bad("""
-- app/routes.py --
def after_plan(state):
    if not state["steps"]:
        return "done"
    return "act" if state["ready"] else "wait"
-- app/graph.py --
from langgraph.graph import END, START, StateGraph
from app.routes import after_plan

def build(plan, act):
    graph = StateGraph(dict)
    graph.add_node("plan", plan)
    graph.add_node("act", act)
    graph.add_edge(START, "plan")
    [|graph.add_conditional_edges("plan", after_plan, {"act": "act", "done": END})|]
    graph.add_edge("act", "plan")
    return graph.compile()
"""),
        Bad("""
from crewai.flow.flow import Flow, listen, router, start

class Support(Flow):
    @start()
    def read(self): ...

    @router(read)
    [|def judge(self):|]
        if self.state.kind == "bug":
            return "bug"
        if self.state.kind == "question":
            return "question"

    @listen("bug")
    def file(self): ...

    @listen("question")
    def answer(self): ...
"""),
    ],
    good=[
        """
from langgraph.graph import END, START, StateGraph

def classify(state): ...

def route(state):
    if state["intent"] == "search":
        return "search"
    elif state["intent"] == "chat":
        return "answer"
    else:
        raise ValueError(state["intent"])

def by_case(state):
    match state["intent"]:
        case "search":
            return "search"
        case _:
            return END

builder = StateGraph(dict)
builder.add_node("classify", classify)
builder.add_node("search", classify)
builder.add_node("answer", classify)
builder.add_edge(START, "classify")
builder.add_conditional_edges("classify", route, {"search": "search", "answer": "answer"})
builder.add_conditional_edges("answer", by_case, {"search": "search", END: END, "more": "answer"})
""",
        """
from langgraph.graph import START, StateGraph

def helper(state):
    if state["a"]:
        return "a"

graph = StateGraph(dict)
graph.add_node("x", helper)
graph.add_edge(START, "x")
""",
    ],
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Routers with a way out that is no node."""
    seen: set[tuple[Ref, str]] = set()
    for graph in catalogue(project).graphs:
        for branch in graph.branches:
            for at, message, evidence in _wrong(project, graph, branch):
                if (at, message) not in seen:
                    seen.add((at, message))
                    yield ProjectHit(at, message, evidence)


def _wrong(project: Project, graph: AgentGraph, branch: Branch) -> Iterator[tuple[Ref, str, tuple[tuple[Ref, str], ...]]]:
    definition = project.definition(branch.by.path, branch.by.qualname) if branch.by is not None else None
    step: StepFacts | None = definition.step if definition is not None else None
    if branch.by is None or definition is None or step is None or definition.is_generator:
        return
    name = definition.qualname.rpartition(".")[2]
    there = ((branch.at, f"`{graph.name}` asks it after `{branch.source}`"),)
    if step.falls:
        stops = "the flow just stops" if graph.framework == "crewai-flow" else "the graph has nowhere to go"
        yield branch.by, f"The router `{name}` returns nothing when none of its cases match: {stops}.", there
    if not branch.labels or "" in branch.labels:
        return
    scope = Scope(project, branch.by.path, definition.qualname)
    for value in step.outcomes:
        for leaf in _texts(value):
            label = node_name(scope, leaf)
            if label is not None and label not in branch.labels and not (label == END and END in branch.labels):
                message = f"`{name}` may return `{label}`, which the map of this branch does not list."
                yield branch.at, message, ((branch.by, f"`{name}`"),)


def _texts(value: Value) -> Iterator[Value]:
    if value.kind == "either":
        for it in value.items:
            yield from _texts(it)
    elif value.kind in ("text", "name"):
        yield value
