"""A graph stops to wait for a person, and nothing keeps its state until the answer comes.

Why: `interrupt` ends the run; going on is a second call, in another request or process, which needs what the first one knew.
Without a checkpointer there is nothing to go on from: LangGraph raises at the interrupt, and all work before it is lost.
Instead: compile the graph with a checkpointer that outlives the process, and give each conversation a thread of its own.

    graph = builder.compile(checkpointer=PostgresSaver(pool))
    graph.invoke(Command(resume=answer), {"configurable": {"thread_id": conversation.id}})

Consequences: the approval step fails the first time that someone is asked.
Trade-offs: `InMemorySaver` is enough for tests; it forgets with every deployment. A platform may bring its own.
Tests: interrupt, make a new process or a new graph on the same database, resume.
Security: a thread's id is the key to its state; check that it belongs to the caller.
Source: https://docs.langchain.com/oss/python/langgraph/interrupts; https://docs.langchain.com/oss/python/langgraph/persistence
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.nouns import AgentGraph
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C3", "C4"],
    bad=[
        Bad("""
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

def draft(state): ...

def approve(state):
    return {"approved": interrupt("Send it?")}

builder = StateGraph(dict)
builder.add_node("draft", draft)
builder.add_node("approve", approve)
builder.add_edge(START, "draft")
builder.add_edge("draft", "approve")
graph = [|builder.compile()|]

def run(question):
    return graph.invoke({"question": question})
"""),
        Bad("""
from langgraph.graph import START, StateGraph

def build(pay):
    flow = StateGraph(dict)
    flow.add_node("pay", pay)
    flow.add_edge(START, "pay")
    return [|flow.compile(interrupt_before=["pay"])|]

def run(question):
    graph = build(print)
    return graph.invoke(question)
"""),
    ],
    good=[
        """
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

def approve(state):
    return {"approved": interrupt("Send it?")}

def build(pool):
    builder = StateGraph(dict)
    builder.add_node("approve", approve)
    builder.add_edge(START, "approve")
    return builder.compile(checkpointer=PostgresSaver(pool))

def other(**how):
    builder = StateGraph(dict)
    builder.add_node("approve", approve)
    builder.add_edge(START, "approve")
    return builder.compile(**how)

def run(question):
    return build(None).invoke(question)
""",
        """
from langgraph.graph import START, StateGraph

builder = StateGraph(dict)
builder.add_node("answer", lambda state: state)
builder.add_edge(START, "answer")
graph = builder.compile()
graph.invoke({})
""",
    ],
)
_RUNS = ("invoke", "ainvoke", "stream", "astream", "astream_events", "batch", "abatch")


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Graphs that wait for a person and are compiled without a checkpointer, in projects that run their graphs themselves."""
    graphs = [it for it in catalogue(project).graphs if it.framework == "langgraph" and it.compiled is not None]
    if any(key in ("checkpointer", "**") and value != "None" for it in graphs for key, value in it.options):
        return  # a graph within a graph is kept by the outer one
    waiting = [(it, why) for it in graphs if (why := _waits(project, it))]
    if not waiting or not _runs(project):
        return
    for graph, why in waiting:
        if graph.compiled is not None:
            message = f"`{graph.name}` waits for a person ({why}), but no checkpointer keeps its state until then."
            yield ProjectHit(graph.compiled, message)


def _waits(project: Project, graph: AgentGraph) -> str:
    """What stops the graph for a person, "" when nothing does."""
    told = next((key for key, _ in graph.options if key in ("interrupt_before", "interrupt_after")), "")
    if told:
        return f"`{told}`"
    for node in graph.nodes:
        ref = node.ref
        definition = project.definition(ref.path, ref.qualname) if ref is not None else None
        if ref is None or definition is None:
            continue
        calls = (it.target for it in definition.calls if it.target.rpartition(".")[2] == "interrupt")
        if any(project.external(ref.path, it).startswith("langgraph.") for it in calls):
            return f"`interrupt` in `{node.name}`"
    return ""


def _runs(project: Project) -> bool:
    """Whether the project runs a graph itself; else a platform may, which brings its own checkpointer."""
    return any(project.of_file(path, _tells_to_run) for path in project.paths)


def _tells_to_run(facts: Facts) -> bool:
    return any(it.value.last in _RUNS for it in facts.registrations)
