"""Agent programs of several files: the agents, tools and hand-offs we see are those that each SDK's own objects tell of."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from architect_lsp.knowledge.catalogue import Catalogue, catalogue
from support.examples import files_of
from support.truth import environment, project_of, said

pytestmark = pytest.mark.realworld

PINS = ["openai-agents==0.24.0", "pydantic-ai-slim==2.68.0", "claude-agent-sdk==0.2.189", "mcp==2.3.0"]

OPENAI = '''
-- desk/__init__.py --
-- desk/search.py --
from agents import FunctionTool, RunContextWrapper, WebSearchTool, FileSearchTool, function_tool

@function_tool
def find_order(order: str) -> str:
    """Find an order."""
    return order

@function_tool(name_override="refund", needs_approval=True, failure_error_function=None)
async def pay_back(ctx: RunContextWrapper[None], order: str) -> str:
    """Pay an order back."""
    return order

def plain(text: str) -> str:
    """Nothing."""
    return text

async def invoke(ctx, arguments: str) -> str:
    return arguments

raw = FunctionTool(name="raw", description="As it is", params_json_schema={}, on_invoke_tool=invoke)
wrapped = function_tool(plain)
renamed = function_tool(plain, name_override="echo")
HOSTED = [WebSearchTool()]
COMMON = [find_order, *HOSTED]
COMMON.append(FileSearchTool(vector_store_ids=["v"]))

class Kit:
    @staticmethod
    @function_tool
    def measure(size: int) -> str:
        """Measure."""
        return str(size)
-- desk/staff.py --
from typing import Any
from agents import Agent, handoff, RunContextWrapper
from agents.extensions.handoff_prompt import RECOMMENDED_PROMPT_PREFIX
from desk import search
from desk.search import COMMON, Kit, pay_back, raw, renamed, wrapped

MODEL = "gpt-" + "nano"

class Context:
    pass

billing = Agent[Context](
    name="Billing desk",
    instructions=f"{RECOMMENDED_PROMPT_PREFIX} Bill.",
    tools=COMMON + [pay_back],
    model=MODEL,
)
returns: Agent[Any] = Agent("Returns", tools=[search.raw, wrapped, renamed, Kit.measure])
french = returns.clone(name="Retours", tools=[raw])
triage = Agent(
    name="Triage",
    tools=[
        billing.as_tool(tool_name="ask_billing", tool_description="Ask"),
        returns.as_tool(tool_name=None, tool_description="Ask"),
    ],
    handoffs=[billing, handoff(returns, tool_name_override="to_returns"), handoff(agent=french)],
)
for it in (billing, returns):
    it.handoffs.append(triage)
french.handoffs = [triage]
-- desk/office.py --
from agents import Agent
from desk.search import find_order
import desk.staff

def clerk() -> Agent:
    tools = [find_order]
    return Agent(name="Clerk", tools=tools)

def manager() -> Agent:
    assistant = Agent(name="Assistant")
    assistant.handoffs.append(desk.staff.triage)
    return Agent(name="Manager", handoffs=[clerk(), assistant])

class Office:
    def __init__(self) -> None:
        self.chief = Agent(name="Chief", handoffs=[manager()])
        self.guard = Agent(name="Guard")

    def open(self) -> Agent:
        self.guard.handoffs += [self.chief]
        return self.guard

def front():
    return Office().open()

class SpecialAgent(Agent):
    pass

special = SpecialAgent(name="Special", handoffs=[Agent(name="Nested", tools=[find_order])])
'''


def _program(code: str, folder: Path) -> Catalogue:
    for name, text in files_of(textwrap.dedent(code)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return catalogue(project_of(folder))


def _rows(found: Catalogue, framework: str) -> dict[str, Any]:
    """What we say of each agent: its tools and those it hands over to."""
    handed = defaultdict(set)
    for it in found.handoffs:
        handed[it.source].add(it.target)
    rows = {it.name: [sorted(it.tools), sorted(it.handoffs)] for it in found.agents if it.framework == framework}
    assert {name: set(row[1]) for name, row in rows.items() if row[1]} == {k: v for k, v in handed.items() if k in rows}
    return rows


def test_openai_agents_have_the_same_tools_and_handoffs(tmp_path: Path) -> None:
    found = _program(OPENAI, tmp_path)
    script = """
        import json, sys
        sys.path.insert(0, ".")
        from agents import Agent, Handoff
        from desk import office, staff, search
        rows = {}
        known = {}
        def take(agent):
            if agent.name in rows:
                return
            rows[agent.name] = None
            known[agent.name] = agent
            names = []
            for it in agent.handoffs:
                if isinstance(it, Handoff):
                    names.append(it.agent_name)
                else:
                    names.append(it.name)
                    take(it)
            rows[agent.name] = [sorted(it.name for it in agent.tools), sorted(names)]
        for it in (staff.triage, staff.french, staff.billing, staff.returns, office.front(), office.special):
            take(it)
        models = {name: it.model for name, it in known.items() if it.model}
        print(json.dumps([rows, models]))
    """
    expected, models = said(environment("agents", PINS), script, cwd=tmp_path)
    assert len(expected) == 11
    assert _rows(found, "openai-agents") == expected
    assert {it.name: it.model for it in found.agents if it.model} == models
    tools = {it.name: it for it in found.tools}
    assert dict(tools["refund"].options) == {"needs_approval": "True", "failure_error_function": "None"}
    assert {it.name for it in found.tools if it.ref is not None} == {"find_order", "refund", "raw", "plain", "echo", "measure"}


PYDANTIC = '''
-- bank/__init__.py --
-- bank/kit.py --
from pydantic_ai import FunctionToolset, RunContext, Tool

def rates(currency: str) -> str:
    """The rate."""
    return currency

async def balance(ctx: RunContext[int], account: str) -> str:
    """The balance."""
    return account

def close(account: str) -> str:
    """Close it."""
    return account

desk = FunctionToolset(tools=[rates])
vault = FunctionToolset([Tool(close, name="close_account", requires_approval=True)], id="vault")

@desk.tool
def opening_hours(ctx: RunContext[int]) -> str:
    """When it is open."""
    return "9"

@desk.tool_plain(name="find_branch")
def branch(town: str) -> str:
    """Where it is."""
    return town

desk.add_function(close)
READING = [rates, Tool(balance, takes_ctx=True)]
-- bank/agents.py --
from dataclasses import dataclass
from pydantic_ai import Agent, RunContext, UsageLimits
from pydantic_ai.models.test import TestModel
from bank import kit
from bank.kit import READING, desk, vault

@dataclass
class Customer:
    number: int

support = Agent("test", deps_type=Customer, name="Support", tools=READING, retries=2)
loans: Agent[Customer, str] = Agent(TestModel(), deps_type=Customer, toolsets=[desk, vault.prefixed("safe")])
plain = Agent[None, str]("test", name="Plain", toolsets=[kit.desk.filtered(lambda ctx, tool: True)])

@support.tool
async def transfer(ctx: RunContext[Customer], to: str) -> str:
    """Send money."""
    return to

@support.tool_plain(requires_approval=True, name="block")
def block_card(number: str) -> str:
    """Block a card."""
    return number

@loans.tool(retries=3)
def ask_support(ctx: RunContext[Customer], question: str) -> str:
    """Ask."""
    return support.run_sync(question, usage_limits=UsageLimits(request_limit=3)).output


@loans.output_validator
def check(value: str) -> str:
    return value
-- bank/desk.py --
from pydantic_ai import Agent
from bank.kit import rates

def make() -> Agent:
    clerk = Agent("test", name="Clerk")

    @clerk.tool_plain
    def stamp(form: str) -> str:
        """Stamp it."""
        return form

    return clerk

class Branch:
    def __init__(self) -> None:
        self.teller = Agent("test", name="Teller", tools=[rates])
        self.teller.tool_plain(self.count)

    def count(self, coins: str) -> str:
        """Count."""
        return coins
'''


def test_agents_of_pydantic_ai_have_the_same_tools(tmp_path: Path) -> None:
    found = _program(PYDANTIC, tmp_path)
    script = """
        import json, sys
        sys.path.insert(0, ".")
        from pydantic_ai import RunContext
        from pydantic_ai.models.test import TestModel
        from pydantic_ai.usage import RunUsage
        import asyncio
        from bank import agents, desk
        async def names(agent):
            context = RunContext(deps=None, model=TestModel(), usage=RunUsage())
            return sorted([name for it in agent.toolsets for name in await it.get_tools(context)])
        rows = {}
        for it in (agents.support, agents.loans, agents.plain, desk.make(), desk.Branch().teller):
            rows[it.name or "loans"] = asyncio.run(names(it))
        print(json.dumps(rows))
    """
    expected = said(environment("agents", PINS), script, cwd=tmp_path)
    assert sum(len(it) for it in expected.values()) > 15
    assert {it.name: sorted(it.tools) for it in found.agents if it.framework == "pydantic-ai"} == expected
    options = {it.name: dict(it.options) for it in found.tools}
    assert options["block"] == options["close_account"] == {"requires_approval": "True"}
    limits = {it.name: dict(it.limits) for it in found.agents}
    assert limits["Support"] == {"retries": "2", "request_limit": "3"}


CLAUDE = """
-- crew/__init__.py --
-- crew/tools.py --
from typing import Any
from claude_agent_sdk import SdkMcpTool, create_sdk_mcp_server, tool

@tool("add", "Add two numbers", {"a": float, "b": float})
async def add_numbers(args: dict[str, Any]) -> dict[str, Any]:
    return {"content": []}

@tool(name="greet", description="Greet", input_schema={"name": str})
async def greet(args: dict[str, Any]) -> dict[str, Any]:
    return {"content": []}

async def divide(args: dict[str, Any]) -> dict[str, Any]:
    return {"content": []}

calculator = create_sdk_mcp_server(
    name="calculator",
    version="1.0.0",
    tools=[add_numbers, SdkMcpTool(name="divide", description="Divide", input_schema={"a": float}, handler=divide)],
)
hall = create_sdk_mcp_server("hall", "1.0.0", [greet])
-- crew/main.py --
from claude_agent_sdk import AgentDefinition, ClaudeAgentOptions, ClaudeSDKClient, query
from crew.tools import calculator, hall

READ = ["Read", "Grep"]
reviewer = AgentDefinition(description="Reviews", prompt="You review.", tools=[*READ, "Glob"], model="sonnet")
AGENTS = {"reviewer": reviewer, "writer": AgentDefinition(description="Writes", prompt="Write.", tools=READ + ["Write"])}

options = ClaudeAgentOptions(
    allowed_tools=[*READ, "mcp__calculator__add"],
    permission_mode="acceptEdits",
    max_turns=7,
    mcp_servers={"calculator": calculator, "hall": hall},
    agents=AGENTS,
)

async def main() -> None:
    async with ClaudeSDKClient(options=options) as client:
        await client.query("hello")

def lonely() -> ClaudeAgentOptions:
    return ClaudeAgentOptions(
        model="haiku",
        agents={"tester": AgentDefinition(description="Tests", prompt="Test.", tools=["Bash"], model="inherit")},
    )
"""


def test_agents_of_claude_have_the_same_tools(tmp_path: Path) -> None:
    found = _program(CLAUDE, tmp_path)
    script = """
        import json, sys
        sys.path.insert(0, ".")
        from crew import main, tools
        def told(options):
            agents = {name: [it.tools, it.model or ""] for name, it in options.agents.items()}
            return [options.allowed_tools, options.model or "", options.max_turns, agents]
        names = ["add_numbers", "greet"]
        print(json.dumps([told(main.options), told(main.lonely()), [getattr(tools, it).name for it in names]]))
    """
    first, second, names = said(environment("agents", PINS), script, cwd=tmp_path)
    known = {it.name: it for it in found.agents}
    for name, (allowed, model, turns, below) in (("options", first), ("main", second)):
        assert list(known[name].tools) == allowed
        assert known[name].model == model
        assert dict(known[name].limits).get("max_turns") == (str(turns) if turns else None)
        assert list(known[name].handoffs) == list(below)
        assert {it: [list(known[it].tools), known[it].model] for it in below} == below
    assert len(known) == 5
    assert {(it.name, it.owner) for it in found.tools} == {("add", "calculator"), ("divide", "calculator"), ("greet", "hall")}
    assert {"add", "greet"} == set(names)


SERVERS = '''
-- weather/__init__.py --
-- weather/app.py --
HEADER
mcp = FAST("weather")

@mcp.tool()
def forecast(town: str) -> str:
    """The forecast."""
    return town

@mcp.tool(name="warn")
async def warnings(town: str) -> str:
    """Warnings."""
    return town

@mcp.tool("rain")
def precipitation(town: str) -> str:
    """Rain."""
    return town

def wind(town: str) -> str:
    """Wind."""
    return town

mcp.add_tool(wind)
mcp.add_tool(wind, name="gusts")

@mcp.resource("town://{name}")
def town(name: str) -> str:
    return name

@mcp.prompt()
def ask(name: str) -> str:
    return name
-- weather/more.py --
from weather.app import mcp

@mcp.tool()
def tides(coast: str) -> str:
    """Tides."""
    return coast

def make():
    server = mcp.__class__("inner")

    return server
'''

FAST = "from mcp.server.fastmcp import FastMCP"
LATER = "from mcp.server.mcpserver import MCPServer"


@pytest.mark.parametrize(
    ("name", "pins", "header"), [("agents", PINS, LATER), ("mcp1", ["mcp==1.27.1"], FAST)], ids=["mcp 2", "mcp 1"]
)
def test_servers_offer_the_same_tools(tmp_path: Path, name: str, pins: list[str], header: str) -> None:
    code = SERVERS.replace("HEADER", header).replace("FAST(", f"{header.rpartition(' ')[2]}(")
    found = _program(code, tmp_path)
    script = """
        import asyncio, json, sys
        sys.path.insert(0, ".")
        from weather import app, more
        print(json.dumps(sorted(it.name for it in asyncio.run(app.mcp.list_tools()))))
    """
    expected = said(environment(name, pins), script, cwd=tmp_path)
    assert len(expected) == 6
    assert sorted(it.name for it in found.tools) == expected
    assert {it.owner for it in found.tools} == {"weather"}


LOW_LEVEL = """
from mcp import types
from mcp.server.lowlevel import Server

async def search(arguments: dict) -> list:
    return []

async def listed(ctx, params) -> types.ListToolsResult:
    return types.ListToolsResult(
        tools=[
            types.Tool(name="search", description="Search", input_schema={"type": "object"}),
            types.Tool(name="fetch", description="Fetch", input_schema={"type": "object"}),
        ]
    )

async def called(ctx, params) -> types.CallToolResult:
    return types.CallToolResult(content=[])

server = Server("library", on_list_tools=listed, on_call_tool=called)
"""


def test_a_low_level_server_lists_the_same_tools(tmp_path: Path) -> None:
    found = _program(f"-- library.py --{LOW_LEVEL}", tmp_path)
    script = """
        import asyncio, json, sys
        sys.path.insert(0, ".")
        import library
        print(json.dumps([library.server.name, [it.name for it in asyncio.run(library.listed(None, None)).tools]]))
    """
    name, tools = said(environment("agents", PINS), script, cwd=tmp_path)
    assert [(it.name, it.owner) for it in found.tools] == [(it, name) for it in tools]
    assert [it.ref is not None for it in found.tools] == [True, False]
