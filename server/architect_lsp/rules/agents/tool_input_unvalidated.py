"""What a model wants a tool to do is done unchecked.

Why: a tool call is text that a model wrote, under the influence of all it read. A name that is looked up among all functions
of an object calls whichever exists; arguments that are handed on as they are have any names, types and sizes.
Instead: look names up in a table of the tools you mean, and check arguments against the tool's own schema.

    tool = TOOLS.get(call.function.name)
    if tool is None:
        return refusal(f"no tool {call.function.name!r}")
    try:
        arguments = tool.schema.model_validate_json(call.function.arguments)
    except ValidationError as error:
        return refusal(str(error))
    return tool.run(arguments)

Consequences: `__init__`, `delete_all` or a private method is one odd answer away; a missing field is a `TypeError` in the
loop.
Tests: script calls of a tool that doesn't exist, with a field too many, one too few, and a wrong type.
Security: with `getattr` or `globals()`, who writes what the agent reads chooses among everything you import.
Source: OWASP LLM06:2025 Excessive Agency; CWE-470
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.handlers import caught
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.sources import is_model_output, origins
from architect_lsp.knowledge.wording import says
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4", "D4"],
    cwe=470,
    needs=["getattr(", "globals()", "loads(", "locals()"],
    bad=[
        Bad("""
from openai import OpenAI

client = OpenAI()

class Agent:
    def step(self, messages):
        message = client.chat.completions.create(model="m", messages=messages).choices[0].message
        for call in message.tool_calls:
            try:
                [|getattr(self, call.function.name)|]()
            except AttributeError as error:
                messages.append(str(error))
"""),
        Bad("""
import json

def use(tool_call, send_mail):
    return send_mail(**[|json.loads(tool_call.function.arguments)|])
"""),
    ],
    good=[
        """
import json
from pydantic import BaseModel, ValidationError

class Mail(BaseModel):
    to: str

class _Draft(Mail): ...

TOOLS = {}

def use(tool_call, send_mail):
    try:
        return send_mail(**json.loads(tool_call.function.arguments))
    except (TypeError, ValueError) as error:
        return str(error)

def checked(tool_call, send_mail):
    mail = Mail(**json.loads(tool_call.function.arguments))
    log(_Draft(**json.loads(tool_call.function.arguments)))
    return send_mail(mail)

def listed(self, block):
    if block.name not in TOOLS:
        raise ValueError(block.name)
    return getattr(self, block.name)()

def prefixed(self, block):
    return getattr(self, f"tool_{block.name}")()
""",
    ],
)

_NAMED = regex(
    r"(?:^|[._])(?:tool|block|call|tool_?call|function_?call|function|tool_use|action)(?:_?block)?\.(?:function\.)?name$"
)
_NAMES = regex(r"^(?:tool|function|func|action)_?name$")
_CHECKED = regex(
    r"\bnot in\b|\bin (?:self\.)?_?(?:allow\w*|[A-Z_]*TOOLS|tools|available\w*|handlers|registry)|validat|BaseModel|jsonschema"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Functions looked up among all there are by a model's word, and arguments handed on as a model wrote them."""
    reading = view.reading
    for call in reading.each(ast.Call):
        name = dotted(call.func)
        if name == "getattr" and len(call.args) > 1 and _is_named_by_model(view, call.args[1]) and not says(reading, _CHECKED):
            held = ast.unparse(call.args[0])
            yield Hit(call, f"A model chooses this attribute of `{held}`: any that exists, not only the tools you meant.")
        for it in call.keywords:
            if it.arg is None and isinstance(it.value, ast.Call) and dotted(it.value.func).endswith("loads") and it.value.args:
                made = name.rpartition(".")[2].lstrip("_")[:1].isupper() or name.endswith("model_validate")
                if not made and not caught(reading, call) and _is_tool_input(view, it.value.args[0]):
                    yield Hit(it.value, f"`{name or 'This function'}` takes what a model wrote as its arguments, unchecked.")
    for node in reading.each(ast.Subscript):
        if (
            isinstance(node.value, ast.Call)
            and dotted(node.value.func) in ("globals", "locals")
            and _is_named_by_model(view, node.slice)
        ) and not says(reading, _CHECKED):
            yield Hit(node, "A model chooses this function among all that the module has.")


def _is_named_by_model(view: View, node: ast.expr) -> bool:
    written = dotted(node)
    if _NAMED.search(written):
        return True
    found = origins(view.project, view.path, view.reading, node)
    if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        return False
    return any(is_model_output(view.project, view.path, view.reading, it) or _NAMED.search(it.name) for it in found) or bool(
        _NAMES.match(written) and any(word in view.reading.unit.text for word in ("tool_calls", "tool_use", "function_call"))
    )


def _is_tool_input(view: View, node: ast.expr) -> bool:
    found = origins(view.project, view.path, view.reading, node)
    return any(is_model_output(view.project, view.path, view.reading, it) for it in found)
