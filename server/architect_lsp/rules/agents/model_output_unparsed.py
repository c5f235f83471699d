"""What a model wrote is taken for well-formed JSON.

Why: a model may wrap its answer in a code fence, add a sentence, stop in the middle, or leave out a field. `json.loads`
then raises, or gives something of another shape, deep inside the work.
Instead: ask for a shape that the service enforces, check what came with a schema, and say what happens when it does not fit.

    try:
        order = Order.model_validate_json(answer.content[0].text)
    except ValidationError as error:
        raise AnswerNotUnderstood(run.id) from error

Consequences: one odd answer in a thousand becomes a stack trace for a user, or half a record.
Trade-offs: a second request with the error in it mends most answers and costs one call more; bound it.
Tests: script answers with a fence, a sentence in front, a missing field and a cut end; assert the error or the mended answer.
Security: fields that were never checked carry what someone wrote into the prompt to wherever the object goes.
Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.handlers import is_caught
from architect_lsp.knowledge.sources import is_model_output, origins
from architect_lsp.knowledge.wording import says
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4"],
    yields_to=["tool-input-unvalidated"],
    cwe=20,
    needs=["loads("],
    bad=[
        Bad("""
import json
from openai import OpenAI

client = OpenAI()

def classify(text):
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    return [|json.loads(answer.choices[0].message.content)|]["label"]
"""),
        Bad("""
-- app/model.py --
import anthropic

client = anthropic.Anthropic()

def ask(prompt):
    return client.messages.create(model="m", max_tokens=100, messages=[{"role": "user", "content": prompt}]).content[0].text
-- app/plan.py --
import json
from app.model import ask

def plan(goal):
    text = ask(f"Plan {goal}")
    return [|json.loads(text)|]
"""),
    ],
    good=[
        """
import json
from openai import OpenAI
from pydantic import TypeAdapter

client = OpenAI()

def classify(text):
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    try:
        return json.loads(answer.choices[0].message.content)["label"]
    except (json.JSONDecodeError, KeyError):
        return "unknown"

def strict(text):
    answer = client.chat.completions.create(model="m", messages=text, response_format={"type": "json_schema", "json_schema": {}})
    return json.loads(answer.choices[0].message.content)

def typed(text):
    answer = client.chat.completions.create(model="m", messages=text, response_format=Label)
    return Label(**json.loads(answer.choices[0].message.content))

def read(path):
    return json.loads(path.read_text())
""",
    ],
)

_ENFORCED = regex(
    r"response_format=(?!None)[A-Za-z_.]+\b|json_schema|output_config|output_format|response_schema|text_format|strict\W+True"
)
_ERRORS = ("JSONDecodeError", "ValueError", "DecodeError")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`json.loads` of a model's text with nobody to take its error."""
    reading = view.reading
    for call in reading.each(ast.Call):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if name != "loads" or not call.args or view.callee(call) not in ("json.loads", "orjson.loads", "ujson.loads"):
            continue
        if is_caught(reading, call, _ERRORS) or says(reading, _ENFORCED):
            continue
        found = origins(view.project, view.path, reading, call.args[0])
        origin = next((it for it in found if is_model_output(view.project, view.path, reading, it)), None)
        if origin is not None:
            yield Hit(call, "A model wrote this text: when it is no JSON, or of another shape, the error has nobody to take it.")
