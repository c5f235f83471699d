"""A tool that fails ends the whole run.

Why: the model can mend most failures itself: a wrong argument, a file that isn't there, a page that is gone. It can do so
only when it is told. An error that leaves the loop loses the turns before it, and what they cost.
Instead: give the error back as the tool's result, and let only those leave that no model can mend.

    try:
        tool = HANDLERS[block.name]
        content, failed = tool(**block.input), False
    except Exception as error:
        log.exception("tool %s failed", block.name)
        content, failed = f"{type(error).__name__}: {error}", True
    results.append({"type": "tool_result", "tool_use_id": block.id, "content": str(content), "is_error": failed})

Consequences: one mistyped file name costs a run of many turns; the user sees an error that is none of theirs.
Trade-offs: an error's text may tell the model what it should not know; give a short one, keep the long one in the log.
Tests: script a call of a tool that raises, and of one that doesn't exist; assert that the model is told and the run goes on.
Observability: count failures by tool.
Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.handlers import caught
from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.knowledge.sources import is_model_output, origins
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4"],
    cwe=755,
    needs=["tool_use", "tool_call", "function_call", "failure_error_function"],
    bad=[
        Bad("""
import anthropic

client = anthropic.Anthropic()

def run(messages, tools, handlers):
    for _ in range(10):
        answer = client.messages.create(model="m", max_tokens=1000, messages=messages, tools=tools)
        results = []
        for block in answer.content:
            if block.type == "tool_use":
                tool = handlers[block.name]
                results.append([|tool(**block.input)|])
        messages.append({"role": "user", "content": results})
"""),
        Bad("""
import json
from openai import OpenAI

client = OpenAI()
TOOLS = {}

def run(messages):
    for _ in range(10):
        message = client.chat.completions.create(model="m", messages=messages).choices[0].message
        for call in message.tool_calls:
            function = TOOLS.get(call.function.name)
            arguments = json.loads(call.function.arguments)
            messages.append([|function(**arguments)|])
"""),
        Bad("""
from agents import function_tool

@function_tool([|failure_error_function=None|])
def read(path: str) -> str:
    return open(path).read()
"""),
    ],
    good=[
        """
import anthropic
from agents import function_tool

client = anthropic.Anthropic()

def run(messages, tools, handlers):
    for _ in range(10):
        answer = client.messages.create(model="m", max_tokens=1000, messages=messages, tools=tools)
        for block in answer.content:
            if block.type == "tool_use":
                try:
                    tool = handlers[block.name]
                    messages.append(tool(**block.input))
                except Exception as error:
                    messages.append({"is_error": True, "content": str(error)})

def use(block):
    return str(block.input)

def message(block, kind):
    return Message[kind](content=block.input)

@function_tool
def read(path: str) -> str:
    return open(path).read()
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls of a function that the model chose, outside of any `try`; tools of the OpenAI kit that are told to raise."""
    reading = view.reading
    for call in reading.each(ast.Call):
        raising = keyword(call, "failure_error_function")
        if raising is not None and isinstance(raising, ast.Constant) and constant(raising) is None:
            argument = next(it for it in call.keywords if it.arg == "failure_error_function")
            yield Hit(argument, "An error of this tool ends the run: `failure_error_function=None` keeps it from the model.")
            continue
        chooser = _chosen(reading, call.func)
        if chooser is None or caught(reading, call) or not (call.args or call.keywords):
            continue
        given = [*call.args, *(it.value for it in call.keywords)]
        for node in (chooser, *given):
            found = origins(view.project, view.path, reading, node)
            if any(is_model_output(view.project, view.path, reading, it) for it in found):
                name = ast.unparse(call.func)
                yield Hit(call, f"An error of the tool that `{name}` stands for ends the run: the model is not told.")
                break


def _chosen(reading: Reading, function: ast.expr) -> ast.expr | None:
    """What a function is chosen by, where it is looked up by a name: `TOOLS[name]`, `TOOLS.get(name)`, `getattr(tools, name)`."""
    if isinstance(function, ast.Subscript):
        held = dotted(function.value).rpartition(".")[2]
        if held[:1].isupper() and not held.isupper():
            return None  # a generic class and its parameter
        return function.slice if not isinstance(function.slice, ast.Constant) else None
    if isinstance(function, ast.Call):
        last = function.func.attr if isinstance(function.func, ast.Attribute) else dotted(function.func)
        if last == "get" and function.args:
            return function.args[0]
        return function.args[1] if last == "getattr" and len(function.args) > 1 else None
    if isinstance(function, ast.Name):
        rows = definitions(reading, reading.function(function)).get(function.id, ())
        values = [it.value for it in rows if it.how == "set" and it.value is not None]
        if len(values) == 1 and not isinstance(values[0], ast.Name):
            return _chosen(reading, values[0])
    return None
