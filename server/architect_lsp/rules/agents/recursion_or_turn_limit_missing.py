"""Agents may go on as long as they like: the framework has a limit of turns, and it is not set.

Why: a team without a condition that stops it, an agent whose limit is None, or one whose kit has no limit unless it is told, runs
until someone notices. Agents that answer each other never run out of things to say.
Instead: set the limit to several times what a good run takes, beside the condition that means success.

    team = RoundRobinGroupChat(
        [writer, critic],
        termination_condition=TextMentionTermination("APPROVED") | MaxMessageTermination(20),
    )

Consequences: one run that goes wrong costs more than a week of those that do not, and holds its worker.
Trade-offs: a limit that is too low cuts off honest work: begin high and lower it by what is measured.
Tests: script the agents so that nobody is content, and assert that the run returns.
Security: whoever writes what an agent reads can keep it busy on purpose.
Observability: record the turns of each run and whether it ended by its condition or by its limit.
Source: OWASP LLM10:2025 Unbounded Consumption; https://microsoft.github.io/autogen/stable/user-guide/agentchat-user-guide/tutorial/termination.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, keyword
from architect_lsp.knowledge.wording import code
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C4", "C5"],
    yields_to=["agent-loop-unbounded"],
    cwe=770,
    needs=["GroupChat", "Swarm(", "ProxyAgent", "ConversableAgent", "Executor", "max_turns", "max_iter", "Options(", "_limit"],
    bad=[
        Bad("""
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat

def build(client):
    writer = AssistantAgent("writer", model_client=client)
    critic = AssistantAgent("critic", model_client=client)
    return [|RoundRobinGroupChat([writer, critic])|]
"""),
        Bad("""
from autogen import AssistantAgent, UserProxyAgent

assistant = AssistantAgent("assistant", llm_config={})
runner = [|UserProxyAgent("runner", human_input_mode="NEVER", code_execution_config={})|]
runner.initiate_chat(assistant, message="Plot it")
"""),
        Bad("""
from langchain.agents import AgentExecutor

def build(agent, tools):
    return AgentExecutor(agent=agent, tools=tools, [|max_iterations=None|])
"""),
        Bad("""
from agents import Agent, Runner

async def ask(agent: Agent, question: str):
    return await Runner.run(agent, question, [|max_turns=None|])

async def research(agent: Agent, topic: str):
    return await Runner.run(agent, topic, [|max_turns=10_000|])
"""),
        Bad("""
from claude_agent_sdk import ClaudeAgentOptions, query

async def fix(prompt):
    async for it in query(prompt=prompt, options=[|ClaudeAgentOptions(permission_mode="bypassPermissions", cwd="/repo")|]):
        print(it)
"""),
    ],
    good=[
        """
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat, SelectorGroupChat

def build(client, how):
    writer = AssistantAgent("writer", model_client=client)
    critic = AssistantAgent("critic", model_client=client)
    first = RoundRobinGroupChat([writer, critic], max_turns=6)
    second = SelectorGroupChat([writer, critic], model_client=client, termination_condition=MaxMessageTermination(9))
    return first, second, RoundRobinGroupChat([writer], **how)
""",
        """
from autogen import AssistantAgent, UserProxyAgent
from langchain.agents import AgentExecutor
from agents import Agent, Runner
from claude_agent_sdk import ClaudeAgentOptions

person = UserProxyAgent("person")
runner = UserProxyAgent("runner", human_input_mode="NEVER", max_consecutive_auto_reply=5)

def build(agent: Agent, tools):
    AgentExecutor(agent=agent, tools=tools)
    Runner.run_sync(agent, "question", max_turns=5)
    return ClaudeAgentOptions(permission_mode="bypassPermissions", max_turns=30), ClaudeAgentOptions(cwd="/repo")

def chat(assistant):
    proxy = UserProxyAgent("proxy", human_input_mode="NEVER")
    proxy.initiate_chat(assistant, message="Plot it", max_turns=4)
""",
    ],
)

_TEAM = regex(r"autogen_agentchat\.(?:[\w.]+\.)?(RoundRobinGroupChat|SelectorGroupChat|Swarm)")
_STOPS = ("termination_condition", "max_turns")
_CLASSIC = regex(r"(?:autogen|ag2|pyautogen)\.(?:[\w.]+\.)?(?:UserProxyAgent|ConversableAgent)")
_REPLIES = ("max_consecutive_auto_reply", "is_termination_msg")
_RUNNER = regex(
    r"agents\.(?:run\.)?Runner\.run(?:_sync|_streamed)?|langchain[\w.]*\.(?:AgentExecutor(?:\.from_agent_and_tools)?|initialize_agent)"
    r"|crewai\.(?:[\w.]+\.)?Agent|autogen_agentchat\.(?:[\w.]+\.)?\w+Chat|pydantic_ai\.(?:usage\.)?UsageLimits"
)
_UNATTENDED = regex(r"claude_(?:agent_sdk|code_sdk)\.(?:types\.)?Claude(?:Agent|Code)Options")
_BUDGETS = ("max_turns", "max_budget_usd", "task_budget")
_NO_LIMIT = 1000
"""So many turns are as good as no limit: the first runaway has cost a fortune by then."""
_LIMITS = ("max_turns", "max_iterations", "max_iter", "request_limit")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Teams and agents whose limit is missing or lifted."""
    for call in view.reading.each(ast.Call):
        if any(it.arg is None for it in call.keywords):
            continue
        name = view.callee(call)
        given = {it.arg for it in call.keywords}
        if _TEAM.fullmatch(name):
            if not given & {*_STOPS} and len(call.args) < 3:
                team = name.rpartition(".")[2]
                yield Hit(call, f"Nothing ends this `{team}`: it has neither a termination condition nor `max_turns`.")
        elif _CLASSIC.fullmatch(name) and constant(keyword(call, "human_input_mode")) == "NEVER":
            if not given & {*_REPLIES} and "max_turns" not in code(view.reading):
                yield Hit(call, "This agent answers without a person and without end: `max_consecutive_auto_reply` is not set.")
        elif _UNATTENDED.fullmatch(name):
            if constant(keyword(call, "permission_mode")) == "bypassPermissions" and not given & {*_BUDGETS}:
                yield Hit(call, "An agent that asks nobody for permission has no `max_turns` and no budget.")
        elif _RUNNER.fullmatch(name):
            for it in call.keywords:
                if it.arg not in _LIMITS or not isinstance(it.value, ast.Constant):
                    continue
                turns = it.value.value
                if turns is None or (isinstance(turns, int) and turns >= _NO_LIMIT):
                    yield Hit(it, f"`{ast.unparse(it)}` lifts the limit of turns: only the model ends the run.")
