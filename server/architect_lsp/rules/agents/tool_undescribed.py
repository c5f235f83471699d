"""A tool says nothing of what it does: the model has its name alone to choose by.

Why: kits make the description of a tool from its docstring. Without one, the model guesses from the function's name when to call
it and what its arguments mean, and guesses anew with each request.
Instead: say in the docstring what the tool does, when to use it, what each argument means and what comes back.

    @function_tool
    def find_contacts(part_of_name: str, limit: int = 10) -> str:
        \"\"\"Find contacts by a part of their name, one a line.\"\"\"

Consequences: tools that are called for the wrong thing, with wrong arguments, or never.
Tests: ask the model what needs the tool; assert that it calls it.
Source: https://www.anthropic.com/engineering/writing-tools-for-agents; https://openai.github.io/openai-agents-python/tools/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Function, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["C3", "C4"],
    needs=["tool"],
    bad=[
        Bad("""
from agents import function_tool
from crm import contacts

@function_tool
[|def lookup(q: str, n: int) -> str:|]
    return contacts(q)[:n]
"""),
        Bad("""
from mcp.server.fastmcp import FastMCP
from pydantic_ai import Agent

mcp = FastMCP("crm")
agent = Agent("m")

@mcp.tool()
[|def lookup(q: str, n: int) -> str:|]
    return q

@agent.tool_plain
[|def find(q: str) -> str:|]
    return q
"""),
    ],
    good=[
        """
from agents import function_tool
from langchain_core.tools import tool
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("crm")

@function_tool
def lookup(q: str) -> str:
    \"\"\"Find contacts by a part of their name.\"\"\"
    return q

@function_tool(description_override="Find contacts by a part of their name.")
def find(q: str) -> str:
    return q

@mcp.tool(description=TEXTS["find"])
def told(q: str) -> str:
    return q

@mcp.tool()
def time() -> str:
    return "12:00"

def make(run, about):
    @tool
    def any_of(*args, **kwargs) -> str:
        return run(*args, **kwargs)

    @tool
    def later(q: str) -> str:
        return run(q)

    later.__doc__ = about
    return any_of, later

@register.tool
def other(q: str) -> str:
    return q
""",
    ],
)

_TOLD = ("description", "description_override", "func", "docstring", "doc", "docstring_format")
_KITS = regex(
    r"agents\.(?:\w+\.)*function_tool|(?:langchain_core|langchain|crewai|smolagents|agno|strands|anthropic)\.(?:\w+\.)*(?:tool|beta_tool|beta_async_tool)"
    r"|(?:mcp|fastmcp)\.[\w.()]*\.tool|pydantic_ai\.[\w.()]*\.(?:tool|tool_plain)"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Functions with arguments that a kit's decorator makes tools of, without a docstring or a description."""
    if is_script(view.path):
        return
    for function in view.reading.functions:
        if ast.get_docstring(function) is not None or not _takes(function):
            continue
        if f"{function.name}.__doc__" in view.reading.unit.text or f"{function.name}.description" in view.reading.unit.text:
            continue
        if any(_makes_tool(view, it) for it in function.decorator_list):
            yield Hit(function, f"The model learns nothing of `{function.name}` but its name: say what it does and takes.")


def _takes(function: Function) -> bool:
    """Whether the model gives it an argument by a name: those of the kit and the class aside."""
    named = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    return any(it.arg not in ("self", "cls", "ctx", "context", "wrapper", "run_context") for it in named)


def _makes_tool(view: View, decorator: ast.expr) -> bool:
    head = decorator.func if isinstance(decorator, ast.Call) else decorator
    if not dotted(head).rpartition(".")[2].endswith(("tool", "tool_plain")):
        return False
    if isinstance(decorator, ast.Call) and any(keyword(decorator, it) is not None for it in (*_TOLD,)):
        return False
    if isinstance(decorator, ast.Call) and (len(decorator.args) > 1 or any(it.arg is None for it in decorator.keywords)):
        return False
    return bool(_KITS.fullmatch(view.name(head)))
