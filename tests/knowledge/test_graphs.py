"""Graphs of CrewAI and teams of AutoGen, as their documentation describes them; agents and tools of LangChain."""

from __future__ import annotations

from architect_lsp.knowledge.catalogue import Catalogue, catalogue
from support.projects import project_of


def read(text: str) -> Catalogue:
    return catalogue(project_of(text))


def links(found: Catalogue, name: str) -> set[str]:
    graph = next(it for it in found.graphs if it.name == name)
    return {f"{it.source} {'~' if it.conditional else '-'}{it.label}> {it.target}" for it in graph.links}


def test_a_flow_is_who_listens_to_whom() -> None:
    found = read("""
-- flow.py --
from typing import Literal
from crewai.flow.flow import Flow, and_, listen, or_, router, start

class Base(Flow):
    @start()
    def outline(self): ...

class Writing(Base):
    @listen("outline")
    def draft(self): ...
    @router(or_(draft, "retry"))
    def judge(self) -> Literal["good", "retry"]: ...
    @listen("good")
    def publish(self): ...
    @listen(and_(publish, draft))
    def report(self): ...
""")
    assert links(found, "Writing") == {
        "__start__ -> outline",
        "outline -> draft",
        "draft -> judge",
        "judge ~retry> judge",
        "judge ~good> publish",
        "publish -> report",
        "draft -> report",
    }


def test_a_crew_runs_its_tasks_in_order_or_as_its_manager_says() -> None:
    found = read("""
-- crew.py --
from crewai import Agent, Crew, Process, Task
from crewai.project import CrewBase, agent, crew, task

@CrewBase
class Lab:
    @agent
    def writer(self) -> Agent:
        return Agent(role="Writer", goal="g", backstory="b", max_iter=5)
    @task
    def draft(self) -> Task:
        return Task(config=self.tasks_config["draft"])
    @task
    def edit(self) -> Task:
        return Task(config=self.tasks_config["edit"])
    @crew
    def lab(self) -> Crew:
        return Crew(agents=self.agents, tasks=self.tasks, process=Process.sequential)

first = Task(description="a")
managed = Crew(agents=[], tasks=[first, Task(description="b", name="second")], process=Process.hierarchical)
""")
    assert links(found, "lab") == {"__start__ -> draft", "draft -> edit", "edit -> __end__"}
    assert links(found, "managed") == {
        *("__start__ -> manager", "manager ~> first", "manager ~> second", "first -> manager", "second -> manager"),
        "manager ~> __end__",
    }
    assert [(it.name, it.limits) for it in found.agents] == [("Writer", (("max_iter", "5"),))]


def test_a_team_ends_only_where_something_stops_it() -> None:
    found = read("""
-- team.py --
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat, Swarm

def build(client):
    writer = AssistantAgent("writer", model_client=client, handoffs=["critic"])
    critic = AssistantAgent(name="critic", model_client=client)
    endless = RoundRobinGroupChat([writer, critic])
    bounded = Swarm([writer, critic], max_turns=5)
    return endless, bounded
""")
    assert links(found, "endless") == {"__start__ -> writer", "writer -> critic", "critic -> writer"}
    assert links(found, "bounded") == {
        *("__start__ -> writer", "writer ~> critic", "writer ~> __end__", "critic ~> __end__"),
    }
    assert [(it.source, it.target) for it in found.handoffs] == [("writer", "critic")]


def test_agents_of_langchain_have_their_tools_and_limits() -> None:
    found = read("""
-- agents.py --
from langchain.agents import AgentExecutor, create_agent
from langchain_core.tools import StructuredTool, tool
from langgraph_swarm import create_handoff_tool

@tool("adder")
def add(one: int) -> int: ...

def plain(text: str) -> str: ...

alice = create_agent("gpt", tools=[add, plain, create_handoff_tool(agent_name="bob")], name="alice")
runner = AgentExecutor(agent=alice, tools=[StructuredTool.from_function(func=plain, name="other")], max_iterations=4)
""")
    assert [(it.name, it.tools, it.handoffs, it.limits) for it in found.agents] == [
        ("alice", ("adder", "plain"), ("bob",), ()),
        ("runner", ("other",), (), (("max_iterations", "4"),)),
    ]
