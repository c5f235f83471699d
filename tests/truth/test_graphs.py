"""Graphs of agents: what we see in the source is what LangGraph draws: nodes, links, conditions and labels."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.nouns import AgentGraph
from architect_lsp.knowledge.project import Project
from support.examples import files_of
from support.realworld import Release, source
from support.truth import environment, project_of, said

pytestmark = pytest.mark.realworld

LANGGRAPH = ["langgraph==1.2.24", "langgraph-supervisor==0.0.31", "langgraph-swarm==0.1.0"]

DRAWN = """
    import contextlib, importlib, importlib.abc, importlib.machinery, io, json, sys
    sys.path.insert(0, ".")

    class Absent(type):
        def __getattr__(cls, name):
            return Absent(name, (), {}) if not name.startswith("__") else super().__getattribute__(name)
        def __call__(cls, *given, **named):
            return given[0] if len(given) == 1 and callable(given[0]) else cls
        def __or__(cls, other):
            return cls
        __ror__ = __or__
        def __getitem__(cls, key):
            return cls

    class Stand(importlib.abc.MetaPathFinder, importlib.abc.Loader):  # for packages that are not installed
        def find_spec(self, name, path=None, target=None):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        def create_module(self, spec):
            return None
        def exec_module(self, module):
            module.__getattr__ = lambda name: getattr(Absent("absent", (), {}), name)

    sys.meta_path.append(Stand())

    def bare(cls):
        return object.__new__(cls)

    drawn = {}
    for it in sys.argv[1:]:
        module, _, expression = it.partition(":")
        with contextlib.redirect_stdout(io.StringIO()):
            found = importlib.import_module(module)
            graph = eval(expression, {**vars(found), "bare": bare, "Absent": Absent("absent", (), {})}).get_graph()
        edges = [[e.source, e.target, bool(e.conditional), e.data or ""] for e in graph.edges]
        drawn[it] = {"nodes": sorted(graph.nodes), "edges": sorted(edges)}
    print(json.dumps(drawn))
"""


def drawing(graph: AgentGraph) -> dict[str, Any]:
    """A graph as LangGraph draws it: what is reached, an end where nothing follows, nothing that only a body tells."""
    links = [it for it in graph.links if it.declared]
    reached, todo = {graph.start}, [graph.start]
    while todo:
        here = todo.pop()
        further = {it.target for it in links if it.source == here} - reached
        reached |= further
        todo += further
    labels: dict[tuple[str, str, bool], set[str]] = {}
    for it in links:
        if it.source in reached:
            labels.setdefault((it.source, it.target, it.conditional), set()).add(it.label)
    edges = {(*it, min(found) if len(found) == 1 else "?") for it, found in labels.items()}
    sources = {it[0] for it in edges}
    edges |= {(it, graph.end, False, "") for it in reached - sources - {graph.start, graph.end}}
    ends = [graph.end] if any(it[1] == graph.end for it in edges) else []
    nodes = sorted([graph.start, *(it.name for it in graph.nodes), *ends])
    return {"nodes": nodes, "edges": sorted([*it] for it in edges)}


def without_choice(drawn: Any, ours: Any) -> Any:
    """What is drawn, without the labels of links that are drawn once although several branches lead there."""
    unsure = {(key, *edge[:3]) for key, it in ours.items() for edge in it["edges"] if edge[3] == "?"}
    for key, it in drawn.items():
        it["edges"] = sorted([*edge[:3], "?" if (key, *edge[:3]) in unsure else edge[3]] for edge in it["edges"])
    return drawn


def graph_of(project: Project, path: str, name: str) -> AgentGraph:
    found = [it for it in catalogue(project).graphs if it.at.path == path and name in (it.name, it.at.qualname)]
    assert len(found) == 1, f"{name} of {path}: {[(it.at.path, it.name) for it in catalogue(project).graphs]}"
    return found[0]


PROGRAM = """
-- team/__init__.py --
-- team/names.py --
from enum import Enum

PLAN = "plan"
PREFIX = "worker"

class Step(str, Enum):
    SEARCH = "search"
    WRITE = "write"
-- team/state.py --
import operator
from typing import Annotated, TypedDict

class State(TypedDict):
    question: str
    notes: Annotated[list[str], operator.add]
-- team/nodes.py --
from __future__ import annotations
from typing import Literal, Union
from langgraph.graph import END
from langgraph.types import Command, Send
from team.state import State

Route = Literal["search", "write"]

def plan(state: State) -> dict:
    return {}

async def search(state: State): ...

def write(state: State): ...

def review(state: State) -> Command[Literal["write", "__end__"]]:
    return Command(goto="write" if not state["notes"] else END)

def triage(state: State) -> Union[dict, Command[Literal["plan", END]]]:
    return Command(goto=END)

def quoted(state: State) -> "Command[Literal['search']]":
    return Command(goto="search")

def route(state: State) -> Route:
    return "search" if state["question"] else "write"

def fan(state: State) -> list[Send]:
    return [Send("search", {"question": it}) for it in state["notes"]]

def decide(state):
    if state["notes"]:
        return "write"
    return END

class Critic:
    def __call__(self, state: State) -> Command[Literal["plan", "__end__"]]:
        return Command(goto="plan")
-- team/plain.py --
from langgraph.graph import END, START, StateGraph
from langgraph.checkpoint.memory import MemorySaver
from team import nodes
from team.names import PLAN, Step
from team.nodes import Critic, plan, route, search as find, write
from team.state import State

builder = StateGraph(State)
builder.add_node(PLAN, plan)
builder.add_node(Step.SEARCH.value, find)
builder.add_node(write)
builder.add_node("critic", Critic())
builder.add_node("end_note", lambda state: state)
builder.add_edge(START, PLAN)
builder.add_conditional_edges(PLAN, route)
builder.add_edge([Step.SEARCH.value, "write"], "critic")
builder.add_conditional_edges("end_note", nodes.decide, {"write": "write", END: END, "again": PLAN})
graph = builder.compile(checkpointer=MemorySaver(), interrupt_before=["write"])
-- team/chained.py --
from functools import partial
from langgraph.graph import StateGraph, END
from team.nodes import decide, fan, plan, review, search, write
from team.state import State

chained = (
    StateGraph(State)
    .add_node(plan)
    .add_node("search", partial(search))
    .add_node("write", write)
    .add_node("review", review)
    .add_edge("__start__", "plan")
    .add_conditional_edges("plan", fan, ["search"])
    .add_edge("search", "write")
    .add_edge("write", "review")
    .compile(name="chained")
)

def sequence():
    inner = StateGraph(State)
    inner.add_sequence([plan, ("seek", search), write])
    inner.set_entry_point("plan")
    inner.set_finish_point("write")
    return inner.compile(name="inner")

def outer():
    workflow = StateGraph(State)
    workflow.add_node("inner", sequence())
    workflow.add_node(chained)
    workflow.set_conditional_entry_point(lambda s: "a" if s["question"] else "b", {"a": "inner", "b": "chained"})
    workflow.add_edge("inner", END)
    return workflow.compile()
-- team/loops.py --
import itertools
from langgraph.graph import END, START, StateGraph
from team.names import PREFIX
from team.nodes import plan, quoted, search, write
from team.state import State

STEPS = {"plan": plan, "search": search, "write": write}

def by_tables():
    flow = StateGraph(State)
    for name, step in STEPS.items():
        flow.add_node(name, step)
    order = ["plan", "search", "write"]
    for first, then in zip(order, ["search", "write", END]):
        flow.add_edge(first, then)
    flow.add_edge(START, "plan")
    return flow.compile()

def by_numbers():
    flow = StateGraph(State)
    flow.add_node("plan", plan)
    flow.add_node("join", write)
    workers = [f"{PREFIX}_a", f"{PREFIX}_b"]
    for worker in workers:
        flow.add_node(worker, search)
        flow.add_edge("plan", worker)
    for index in range(2):
        flow.add_node(f"extra_{index}", search)
        flow.add_edge("plan", f"extra_{index}")
        flow.add_edge(f"extra_{index}", "join")
    flow.add_edge(workers, "join")
    for one, other in itertools.pairwise([START, "plan"]):
        flow.add_edge(one, other)
    flow.add_edge("join", END)
    return flow.compile()

def by_pairs():
    flow = StateGraph(State)
    for number, (name, step) in enumerate([("search", search), ("quoted", quoted)]):
        flow.add_node(name, step)
    flow.set_entry_point("quoted")
    return flow.compile()
-- team/crews.py --
from langgraph.graph import END, START, StateGraph
from team.helpers import Shared, add_steps
from team.nodes import route, triage, plan
from team.state import State

class Crew(Shared):
    def __init__(self):
        self.workflow = StateGraph(State)
        self._add()
        self._link()

    def _add(self):
        self.workflow.add_node("plan", self.plan)
        self.workflow.add_node("answer", self.answer)
        add_steps(self.workflow)

    def _link(self):
        self.workflow.add_edge(START, "plan")
        self.workflow.add_conditional_edges("plan", self.choose, {"more": "search", "done": "answer"})
        self.workflow.add_edge("answer", END)

    def plan(self, state): ...

    def answer(self, state): ...

    def choose(self, state):
        return "done"

    def compiled(self):
        return self.workflow.compile()

def crew():
    return Crew().compiled()

def made():
    builder = new_builder()
    builder.add_node("triage", triage)
    builder.add_node(plan)
    builder.add_edge(START, "triage")
    app = builder.compile()
    return app

def new_builder():
    return_me = StateGraph(State)
    return return_me

def nested():
    g = StateGraph(State)

    def first(state): ...

    def second(state): ...

    def attach():
        g.add_node(first)
        g.add_node(second)

    attach()
    g.add_edge(START, first.__name__)
    g.add_edge("first", "second")
    return g.compile()
-- team/helpers.py --
from langgraph.graph import StateGraph
from team.nodes import search, write

class Shared:
    def choose(self, state): ...

def add_steps(graph: StateGraph) -> None:
    graph.add_node("search", search)
    graph.add_node("write", write, destinations=("plan",))
    graph.add_edge("search", "write")
"""

TEAMS = """
-- teams.py --
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent
from langgraph_supervisor import create_supervisor
from langgraph_swarm import create_handoff_tool, create_swarm

class Model(GenericFakeChatModel):
    def bind_tools(self, tools, **how):
        return self

model = Model(messages=iter([]))

@tool
def add(one: int, other: int) -> int:
    "Adds."
    return one + other

CARL = "carl"
math = create_react_agent(model, [add], name="math")
search = create_react_agent(model=model, tools=[], name="search")
experts = [math, search]
workflow = create_supervisor(experts, model=model, supervisor_name="chief")
supervised = workflow.compile()

def swarm():
    alice = create_react_agent(model, [add, create_handoff_tool(agent_name="bob")], name="alice")
    bob = create_react_agent(model, [create_handoff_tool(agent_name="alice"), create_handoff_tool(agent_name=CARL)], name="bob")
    carl = create_react_agent(model, [add], name="carl")
    return create_swarm([alice, bob, carl], default_active_agent="alice").compile()
"""

FLOW = """
-- flows.py --
from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.teams import DiGraphBuilder, GraphFlow
from autogen_core.models import ModelFamily

class Client:
    model_info = {"vision": False, "function_calling": True, "json_output": True, "family": ModelFamily.UNKNOWN,
                  "structured_output": False}

def build(client):
    writer = AssistantAgent("writer", model_client=client)
    critic = AssistantAgent(name="critic", model_client=client)
    editor = AssistantAgent("editor", client)
    user = UserProxyAgent("user")
    builder = DiGraphBuilder()
    builder.add_node(writer).add_node(critic).add_node(user)
    builder.add_node(editor)
    builder.set_entry_point(writer)
    builder.add_edge(writer, critic)
    builder.add_edge(critic, "writer", condition="REVISE")
    builder.add_conditional_edges(critic, {"APPROVE": editor, "ASK": "user"})
    builder.add_edge("editor", user, condition=lambda message: True)
    return builder

builder = build(Client())
graph = builder.build()
flow = GraphFlow(participants=builder.get_participants(), graph=graph)
"""

GRAPHS = {
    "team.plain:graph": ("team/plain.py", "builder"),
    "team.chained:chained": ("team/chained.py", "chained"),
    "team.chained:sequence()": ("team/chained.py", "inner"),
    "team.chained:outer()": ("team/chained.py", "workflow"),
    "team.loops:by_tables()": ("team/loops.py", "by_tables.flow"),
    "team.loops:by_numbers()": ("team/loops.py", "by_numbers.flow"),
    "team.loops:by_pairs()": ("team/loops.py", "by_pairs.flow"),
    "team.crews:crew()": ("team/crews.py", "workflow"),
    "team.crews:made()": ("team/crews.py", "return_me"),
    "team.crews:nested()": ("team/crews.py", "g"),
}


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("langgraph", LANGGRAPH)


def test_a_program_with_every_construction_is_drawn_alike(tmp_path: Path, python: Path) -> None:
    drawn = said(python, DRAWN, *GRAPHS, cwd=written(tmp_path, PROGRAM))
    project = project_of(tmp_path)
    ours = {key: drawing(graph_of(project, *where)) for key, where in GRAPHS.items()}
    assert sum(len(it["nodes"]) for it in drawn.values()) > 45
    assert ours == without_choice(drawn, ours)
    assert all(it.whole for it in catalogue(project).graphs)
    assert len(catalogue(project).graphs) == len(GRAPHS)


PUBLISHED: dict[Release, dict[str, tuple[str, str]]] = {
    Release("open-deep-research", "0.0.16"): {
        "legacy.graph:section_builder.compile()": ("legacy/graph.py", "section_builder"),
        "legacy.graph:graph": ("legacy/graph.py", "builder"),
        "legacy.multi_agent:research_builder.compile()": ("legacy/multi_agent.py", "research_builder"),
        "legacy.multi_agent:graph": ("legacy/multi_agent.py", "supervisor_builder"),
        "open_deep_research.deep_researcher:supervisor_subgraph": ("open_deep_research/deep_researcher.py", "supervisor_builder"),
        "open_deep_research.deep_researcher:researcher_subgraph": ("open_deep_research/deep_researcher.py", "researcher_builder"),
        "open_deep_research.deep_researcher:deep_researcher": (
            "open_deep_research/deep_researcher.py",
            "deep_researcher_builder",
        ),
    },
    Release("annukriti", "0.1.8"): {
        "spark.create:graph": ("spark/create.py", "builder"),
        "spark.error:workflow": ("spark/error.py", "builder"),
        "spark.ok:workdone": ("spark/ok.py", "builder"),
    },
    Release("agentic-pr-reviewer", "0.3.0"): {"reviewer.graph:build_graph()": ("reviewer/graph.py", "builder")},
    Release("agentic-rag-pdf", "0.1.5"): {
        "generate_workflow_png:_build_topology_only()": ("generate_workflow_png.py", "b"),
    },
    Release("ai-research-assistant", "0.2.0"): {
        "research_assistant.graphs.interview_graph:build_interview_graph(Absent, Absent)": (
            "research_assistant/graphs/interview_graph.py",
            "builder",
        ),
    },
    Release("advanced-agent", "0.1.1"): {"src.workflow:bare(Workflow)._build_graph()": ("src/workflow.py", "graph")},
    Release("gpt-researcher", "0.15.1"): {
        "multi_agents.agents.orchestrator:bare(ChiefEditorAgent)._create_workflow("
        "{it: Absent for it in ('research', 'editor', 'writer', 'publisher', 'human')}).compile()": (
            "multi_agents/agents/orchestrator.py",
            "workflow",
        ),
    },
    Release("agent-patterns", "0.2.4"): {
        f"agent_patterns.patterns.{module}:[it := bare({name}), it.build_graph(), it.graph][-1]": (
            f"agent_patterns/patterns/{module}.py",
            "workflow",
        )
        for module, name in (("rewoo_agent", "REWOOAgent"), ("storm_agent", "STORMAgent"))
    },
}


@pytest.mark.parametrize("release", PUBLISHED, ids=lambda it: it.name)
def test_published_programs_are_drawn_alike(release: Release, python: Path) -> None:
    folder = source(release)
    drawn = said(python, DRAWN, *PUBLISHED[release], cwd=folder)
    project = project_of(folder)
    ours = {key: drawing(graph_of(project, *where)) for key, where in PUBLISHED[release].items()}
    assert ours == without_choice(drawn, ours)


def written(folder: Path, program: str) -> Path:
    for name, code in files_of(textwrap.dedent(program)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)
    return folder


def test_supervisors_and_swarms_are_drawn_alike(tmp_path: Path, python: Path) -> None:
    where = {"teams:supervised": ("teams.py", "workflow"), "teams:swarm()": ("teams.py", "swarm")}
    drawn = said(python, DRAWN, *where, cwd=written(tmp_path, TEAMS))
    project = project_of(tmp_path)
    ours = {key: drawing(graph_of(project, *it)) for key, it in where.items()}
    assert ours == without_choice(drawn, ours)


def test_a_flow_of_autogen_has_the_same_links(tmp_path: Path) -> None:
    python = environment("autogen", ["autogen-agentchat==0.7.5"])
    script = """
        import json, sys
        sys.path.insert(0, ".")
        from flows import graph
        edges = [(name, it) for name, node in graph.nodes.items() for it in node.edges]
        rows = [[name, it.target, it.condition or bool(it.condition_function)] for name, it in edges]
        print(json.dumps({"nodes": list(graph.nodes), "edges": rows, "starts": sorted(graph.get_start_nodes())}))
    """
    expected = said(python, script, cwd=written(tmp_path, FLOW))
    ours = graph_of(project_of(tmp_path), "flows.py", "builder")
    links = [it for it in ours.links if ours.start != it.source and ours.end != it.target]
    assert [it.name for it in ours.nodes] == expected["nodes"]
    rows = [[it.source, it.target, it.label or it.conditional] for it in links]
    assert sorted(rows, key=str) == sorted(expected["edges"], key=str)
    assert [it.target for it in ours.links if it.source == ours.start] == expected["starts"]
    assert ours.whole
