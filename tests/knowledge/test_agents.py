"""Tools of plain model calls, told by schemas: which there are, and which function answers for each."""

from __future__ import annotations

from architect_lsp.knowledge.catalogue import catalogue, tool_functions
from architect_lsp.knowledge.store import encode
from support.projects import project_of

PROGRAM = """
-- app/tools.py --
def forecast(town): ...

def mail(to, text): ...

HANDLERS = {"get_weather": forecast, "send_mail": mail}
-- app/chat.py --
import anthropic
from anthropic import beta_tool
from openai import OpenAI
from app.tools import HANDLERS

TOOLS = [
    {"name": "get_weather", "description": "The weather", "input_schema": {"type": "object", "properties": {}}},
    {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
]
NAMES = [{"name": "Ann", "description": "A person"}, {"name": "x", "parameters": {}}]

def stop(reason): ...

@beta_tool(name="add_up")
def add(a: int, b: int) -> str: ...

def ask(client: OpenAI, messages):
    return client.chat.completions.create(
        model="m",
        messages=messages,
        tools=[
            {"type": "function", "function": {"name": "send_mail", "parameters": {}}},
            {"type": "function", "name": "stop", "description": "Stop", "parameters": {}},
        ],
    )
"""


def test_schemas_name_tools_and_tables_their_functions() -> None:
    project = project_of(PROGRAM)
    found = {it.name: it.ref.qualname if it.ref is not None else "" for it in catalogue(project).tools}
    assert found == {"get_weather": "forecast", "web_search": "", "send_mail": "mail", "stop": "stop", "add_up": "add"}


def test_half_a_surrogate_pair_is_no_text_that_can_be_kept() -> None:
    project = project_of('LIMIT = ["\\ud800", {"\\udfff": 1}]\n')
    assert encode(project.facts("module.py"))


KITS = """
-- app/kits.py --
from crewai.tools import BaseTool
from google.adk.agents import LlmAgent
from langchain_openai import ChatOpenAI
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.tool_spec.base import BaseToolSpec

def listed(): ...

def wrapped(): ...

def bound(): ...

def alone(): ...

class Search(BaseTool):
    name: str = "search"

    def _run(self, query): ...

    def helper(self): ...

class Mail(BaseToolSpec):
    def send(self, to): ...

    def _open(self): ...

agent = LlmAgent(name="a", model="m", tools=[listed])
tool = FunctionTool.from_defaults(fn=wrapped)
llm = ChatOpenAI(model="m").bind_tools([bound])
-- app/own.py --
class EchoTool:
    name = "echo"
    description = "Says it again."

    def run(self, text): ...

class Hammer:
    name = "hammer"

    def run(self): ...
"""


def test_functions_and_methods_are_tools_by_whatever_kit() -> None:
    found = {name for _, name in tool_functions(project_of(KITS))}
    assert found == {"listed", "wrapped", "bound", "Search._run", "Mail.send", "EchoTool.run"}
