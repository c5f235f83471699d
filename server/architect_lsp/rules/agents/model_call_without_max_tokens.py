"""The length of an answer is left to the model.

Why: without a limit a model writes up to its own maximum, tens of thousands of tokens. A question can ask for that on
purpose, and a loop of turns pays for it each time.
Instead: give the most an answer of use can need, and look at why it ended.

    answer = client.chat.completions.create(model=MODEL, max_completion_tokens=800, messages=messages)
    if answer.choices[0].finish_reason == "length":
        raise AnswerCutOff(question.id)

Consequences: cost and waiting time of one request are bounded by nothing that you chose.
Trade-offs: a limit that is too low cuts off answers in the middle of a sentence or of a JSON object; take it from answers
seen.
Tests: assert that a scripted answer with `finish_reason="length"` becomes an error, not half an answer.
Security: whoever may ask can make each answer as expensive as they like.
Source: OWASP LLM10:2025 Unbounded Consumption
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.model_calls import ModelCall, made_with, model_calls, prompts
from architect_lsp.knowledge.reading import Reading
from architect_lsp.knowledge.request_handlers import is_handler
from architect_lsp.knowledge.sources import is_request, origins
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C4", "C5"],
    cwe=770,
    needs=["create(", "parse(", "stream(", "completion(", "generate_content", "chat("],
    bad=[
        Bad("""
from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI(timeout=20)

@app.post("/ask")
def ask(question: str):
    answer = [|client.chat.completions.create(model="m", messages=[{"role": "user", "content": question}])|]
    return answer.choices[0].message.content
"""),
        Bad("""
import litellm

def run(messages, tools):
    for _ in range(10):
        answer = [|litellm.completion(model="m", messages=messages, tools=tools, timeout=20)|]
        if not answer.choices[0].message.tool_calls:
            return answer
        messages += results(answer)
"""),
    ],
    good=[
        """
from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI(timeout=20)

@app.post("/ask")
def ask(question: str):
    first = client.chat.completions.create(
        model="m", max_completion_tokens=500, messages=[{"role": "user", "content": question}]
    )
    second = client.responses.create(model="m", max_output_tokens=500, input=question)
    return first, second

def label(text, options):
    client.chat.completions.create(messages=text, **options)
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
""",
    ],
)

_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample", "config", "generation_config")
_KITS = ("openai", "litellm", "google.genai", "groq", "together", "mistralai", "fireworks", "cerebras")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls without a limit that a request pays for, or a loop of turns."""
    if is_script(view.path):
        return
    for call in model_calls(view.project, view.path, view.reading):
        if call.kit not in _KITS or call.is_open or call.keyword(*_LIMITS, "extra_body") is not None:
            continue
        if "max_tokens" in (made_with(view.project, view.path, view.reading, call.client) or {}):
            continue
        why = "whoever asks" if _of_request(view, call) else "each turn of the loop" if _of_turns(view.reading, call) else ""
        if why:
            yield Hit(
                call.node,
                f"`{ast.unparse(call.node.func)}` has no limit of tokens: {why} decides what the answer costs.",
            )


def _of_request(view: View, call: ModelCall) -> bool:
    """Whether a request's text is in the prompt."""
    function = view.reading.function(call.node)
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and is_handler(view.reading, function):
        return True
    return any(
        is_request(view.project, view.reading, it)
        for _, text in prompts(call, view.reading)
        for it in origins(view.project, view.path, view.reading, text)
    )


def _of_turns(reading: Reading, call: ModelCall) -> bool:
    """Whether the call is a turn of an agent: in a loop, with tools."""
    return call.keyword("tools", "functions") is not None and isinstance(reading.loop(call.node), ast.While | ast.For)
