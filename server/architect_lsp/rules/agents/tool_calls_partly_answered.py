"""Of several tool calls of one answer only the first is answered.

Why: a model may ask for several tools at once. Its next turn must have a result for each: the API refuses a history with a call
that has none, and what the model wanted besides is never done.
Instead: answer all of them, or tell the API that one at a time is allowed.

    results = [answered(block) for block in reply.content if block.type == "tool_use"]

Consequences: a 400 in the middle of a run, on the day that the model first asks for two things.
Tests: script a model that calls two tools in one answer; assert that both results are sent.
Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use;
    https://platform.openai.com/docs/guides/function-calling
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.knowledge.wording import says
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C3", "C4"],
    needs=["tool_calls[0]", "tool_use"],
    bad=[
        Bad("""
import anthropic
from bot.tools import TOOLS, dispatch

client = anthropic.Anthropic()

def run(messages):
    reply = client.messages.create(model="m", max_tokens=2000, tools=TOOLS, messages=messages)
    call = [|next(block for block in reply.content if block.type == "tool_use")|]
    messages.append({"role": "assistant", "content": reply.content})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": dispatch(call.name, call.input)}
    messages.append({"role": "user", "content": [result]})
"""),
        Bad("""
from openai import OpenAI
from bot.tools import TOOLS, dispatch

client = OpenAI()

def run(messages):
    message = client.chat.completions.create(model="m", tools=TOOLS, messages=messages).choices[0].message
    messages.append(message)
    call = [|message.tool_calls[0]|]
    messages.append({"role": "tool", "tool_call_id": call.id, "content": dispatch(call.function)})
"""),
    ],
    good=[
        """
def first_answer(client, history):
    '''Only the first tool call is processed: one is asked for.'''
    message = client.chat(history)
    call = message.tool_calls[0]
    history.append({"role": "tool", "tool_call_id": call.id, "content": run(call)})
""",
        """
from openai import OpenAI
from bot.tools import TOOLS, dispatch

client = OpenAI()

def run(messages):
    message = client.chat.completions.create(model="m", tools=TOOLS, messages=messages).choices[0].message
    messages.append(message)
    for call in message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": dispatch(call.function)})

def one(messages):
    message = client.chat.completions.create(
        model="m", tools=TOOLS, messages=messages, parallel_tool_calls=False
    ).choices[0].message
    messages.append(message)
    call = message.tool_calls[0]
    messages.append({"role": "tool", "tool_call_id": call.id, "content": dispatch(call.function)})

def key(message):
    return f"call:{message.tool_calls[0].id}" if message.tool_calls else f"result:{message.tool_call_id}"

def extracted(messages):
    message = client.chat.completions.create(model="m", tools=TOOLS, messages=messages, tool_choice=FORCED).choices[0].message
    return message.tool_calls[0].function.arguments
""",
    ],
)

_ANSWERED = ("tool_call_id", "tool_use_id")
_ONE = regex(r"parallel_tool|len\([\w.]*(?:tool_calls|tool_uses|tool_blocks|content)\)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first tool call alone, in functions that send its result and look at no other."""
    reading = view.reading
    if says(reading, _ONE):
        return
    for function in reading.functions:
        if "only the first" in (ast.get_docstring(function) or "").lower():
            continue
        found = next((it for it in reading.within(function) if _is_first(it)), None)
        if found is None or not _answers(reading, function) or _goes_over(reading, function):
            continue
        yield Hit(found, "A model may call several tools at once; only the first is answered, and the next request is refused.")


def _is_first(node: ast.AST) -> bool:
    """`message.tool_calls[0]`, `next(block for block in content if block.type == "tool_use")`."""
    if isinstance(node, ast.Subscript):
        return dotted(node.value).endswith("tool_calls") and constant(node.slice) == 0
    if not isinstance(node, ast.Call) or dotted(node.func) != "next" or not node.args:
        return False
    given = node.args[0]
    return isinstance(given, ast.GeneratorExp) and any(
        isinstance(it, ast.Compare) and constant(it.comparators[0]) == "tool_use" and isinstance(it.ops[0], ast.Eq)
        for row in given.generators
        for it in row.ifs
    )


def _answers(reading: Reading, function: ast.AST) -> bool:
    """Whether the function makes the result of a tool call."""
    for it in reading.within(function):
        if isinstance(it, ast.Dict) and any(constant(key) in _ANSWERED for key in it.keys):
            return True
        if isinstance(it, ast.keyword) and it.arg in _ANSWERED:
            return True
    return False


def _goes_over(reading: Reading, function: ast.AST) -> bool:
    """Whether the function runs over the tool calls elsewhere."""
    for it in reading.within(function):
        over = it.iter if isinstance(it, ast.For | ast.AsyncFor) else None
        if over is not None and regex(r"tool_calls|tool_use|\.content\b|calls").search(ast.unparse(over)):
            return True
        if isinstance(it, ast.ListComp) and regex(r"tool_calls|tool_use").search(ast.unparse(it)):
            return True
    return False
