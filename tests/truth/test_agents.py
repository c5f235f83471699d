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
