"""An answer is used as if it were whole, whatever made it end.

Why: an answer ends because the model was done, or because `max_tokens` was reached, a filter stopped it, or a tool is to be
called. Only the first is a whole answer; the text looks the same in all cases.
Instead: look at the reason before the text.

    answer = client.messages.create(model=MODEL, max_tokens=2048, messages=messages)
    if answer.stop_reason == "max_tokens":
        raise AnswerCutOff(run.id, answer.usage.output_tokens)
    order = Order.model_validate_json(answer.content[0].text)

Consequences: half a JSON object fails to parse with a puzzling error; half a file is written over a whole one.
Trade-offs: for a line of chat that a person reads, half a sentence tells by itself.
Tests: script an answer with `stop_reason="max_tokens"` and assert the error.
Observability: count answers by the reason they ended.
Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.handlers import is_caught
from architect_lsp.knowledge.model_calls import model_calls
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.sources import is_model_output, origins
from architect_lsp.knowledge.wording import says
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C4"],
    needs=["max_tokens", "max_completion_tokens", "max_output_tokens"],
    bad=[
        Bad("""
import anthropic
from pydantic import BaseModel

client = anthropic.Anthropic()

class Extract(BaseModel):
    names: list[str]

def extract(text):
    answer = [|client.messages.create(model="m", max_tokens=256, messages=[{"role": "user", "content": text}])|]
    return Extract.model_validate_json(answer.content[0].text)
"""),
        Bad("""
from openai import OpenAI

client = OpenAI()

def rewrite(path):
    answer = [|client.chat.completions.create(
        model="m", max_completion_tokens=4000, messages=[{"role": "user", "content": path.read_text()}]
    )|]
    path.write_text(answer.choices[0].message.content)

def summarise(contract):
    answer = [|client.chat.completions.create(
        model="m", max_completion_tokens=800, messages=[{"role": "user", "content": contract.text}]
    )|]
    contract.summary = answer.choices[0].message.content
    contract.save()
"""),
    ],
    good=[
        """
import json
import anthropic

client = anthropic.Anthropic()

def extract(text):
    answer = client.messages.create(model="m", max_tokens=256, messages=[{"role": "user", "content": text}])
    if answer.stop_reason != "end_turn":
        raise ValueError(answer.stop_reason)
    return json.loads(answer.content[0].text)

def taken(text):
    answer = client.messages.create(model="m", max_tokens=256, messages=[{"role": "user", "content": text}])
    try:
        return json.loads(answer.content[0].text)
    except json.JSONDecodeError:
        return {}

def chat(messages):
    return client.messages.create(model="m", max_tokens=256, messages=messages).content[0].text
""",
    ],
)

_LOOKED_AT = regex(r"stop_reason|finish_reason|incomplete_details|\.status\b|parse\(|tool_runner|response_format")
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_PARSES = ("loads", "model_validate_json", "parse_raw", "literal_eval", "validate_json", "safe_load")
_WRITES = ("write_text", "write", "writelines")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls with a limit whose text is parsed or written to a file, in a unit that never looks at why it ended."""
    reading = view.reading
    if says(reading, _LOOKED_AT):
        return
    calls = [it for it in model_calls(view.project, view.path, reading) if it.keyword(*_LIMITS) and not it.keyword("stream")]
    for it in calls:
        function = reading.function(it.node)
        use = _use(view, reading, function)
        if use:
            yield Hit(it.node, f"Why this answer ended is never looked at: cut off at its limit, half of it is {use}.")


def _use(view: View, reading: Reading, function: ast.AST | None) -> str:
    """How the function uses what a model wrote in a way that half of it breaks; "" where it does not."""
    for call in reading.within(function):
        if isinstance(call, ast.Assign) and _is_stored(reading, function, call) and _is_answer(view, call.value):
            return "stored"
        if not isinstance(call, ast.Call):
            continue
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        is_write = last in _WRITES and isinstance(call.func, ast.Attribute) and not _is_stream(call.func.value)
        if (last not in _PARSES and not is_write) or not call.args:
            continue
        if last in _PARSES and is_caught(reading, call, ("JSONDecodeError", "ValueError", "ValidationError", "Exception")):
            continue  # half of it is no JSON: the handler takes it
        if last == "loads":
            continue  # `model-output-unparsed` says the more important of it
        found = origins(view.project, view.path, reading, call.args[0])
        if any(is_model_output(view.project, view.path, reading, it) for it in found):
            return "parsed" if last in _PARSES else "written"
    return ""


def _is_answer(view: View, node: ast.expr) -> bool:
    found = origins(view.project, view.path, view.reading, node)
    return any(is_model_output(view.project, view.path, view.reading, it) for it in found)


def _is_stored(reading: Reading, function: ast.AST | None, assigned: ast.Assign) -> bool:
    """`contract.summary = answer`, and then `contract.save()`."""
    target = assigned.targets[0]
    row = dotted(target.value) if isinstance(target, ast.Attribute) else ""
    if not row or row == "self":
        return False
    saves = (f"{row}.save", f"{row}.asave")
    return any(isinstance(it, ast.Call) and dotted(it.func) in saves for it in reading.within(function))


def _is_stream(node: ast.expr) -> bool:
    return dotted(node) in ("sys.stdout", "sys.stderr", "stdout", "response", "self.wfile")
