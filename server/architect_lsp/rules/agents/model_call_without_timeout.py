"""A model is asked with no word of how long its answer is worth waiting for.

Why: kits wait long by themselves. `anthropic` and `openai` give up after ten minutes, and then try twice more; `litellm`
waits 6,000 seconds, `google-genai` and `ollama` for as long as the connection stands. Whoever asked is gone by then.
Instead: say on the client, or at the call, how long an answer is of use, and what happens without one.

    client = anthropic.Anthropic(timeout=30.0, max_retries=2)

    try:
        answer = client.messages.create(model=MODEL, max_tokens=1024, messages=messages)
    except anthropic.APITimeoutError as error:
        raise AnswerTooLate(question.id) from error

Consequences: one slow model holds worker after worker until the service answers nobody, while each of them is still paid for.
Trade-offs: long answers need long limits; stream them, and bound the wait for the next piece instead.
Tests: point the client's `base_url` at a socket that accepts and says nothing; assert that the caller's error comes in time.
Observability: record how long each call took and alert on its 99th percentile before users do.
Source: https://github.com/anthropics/anthropic-sdk-python#timeouts and https://github.com/openai/openai-python#timeouts
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.model_calls import ModelCall, made_with, model_calls
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.knowledge.wording import code
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C4", "D3"],
    cwe=400,
    needs=["create(", "parse(", "stream(", "completion(", "generate_content", "chat("],
    bad=[
        Bad("""
from fastapi import FastAPI
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI()

@app.post("/ask")
async def ask(question: str):
    answer = await [|client.chat.completions.create(
        model="m", max_completion_tokens=500, messages=[{"role": "user", "content": question}]
    )|]
    return answer.choices[0].message.content
"""),
        Bad("""
-- app/model.py --
from google import genai

client = genai.Client()
-- app/ask.py --
from app.model import client

def summary(text):
    return [|client.models.generate_content(model="m", contents=text)|].text
"""),
    ],
    good=[
        """
import asyncio
import anthropic
from litellm import acompletion
from google import genai
from google.genai import types

client = anthropic.Anthropic(timeout=20)
patient = anthropic.Anthropic()
google = genai.Client(http_options=types.HttpOptions(timeout=20_000))

async def ask(messages, given: anthropic.Anthropic):
    client.messages.create(model="m", max_tokens=10, messages=messages)
    patient.with_options(timeout=5).messages.create(model="m", max_tokens=10, messages=messages)
    patient.messages.create(model="m", max_tokens=10, messages=messages, timeout=5)
    given.messages.create(model="m", max_tokens=10, messages=messages)
    google.models.generate_content(model="m", contents="x")
    await asyncio.wait_for(acompletion(model="m", messages=messages), 20)
    async with asyncio.timeout(20):
        await acompletion(model="m", messages=messages)
""",
    ],
)

_WAITS = {
    "anthropic": "ten minutes, three times over",
    "openai": "ten minutes, three times over",
    "google.genai": "for as long as the connection stands",
    "ollama": "for as long as the connection stands",
    "litellm": "6,000 seconds",
}
"""How long each kit waits where nothing is said."""
_SAID = ("timeout", "http_options", "http_client", "request_timeout", "transport", "**")
_BOUNDS = ("wait_for", "timeout", "timeout_at", "fail_after", "move_on_after", "timeout_after")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls of a model whose wait nothing bounds, as far as their client can be seen."""
    if is_script(view.path):
        return
    for call in model_calls(view.project, view.path, view.reading):
        waits = _WAITS.get(call.kit)
        if waits is None or call.is_open or call.keyword("timeout", "request_timeout", "config") is not None:
            continue
        if _is_bounded(view, call.node) or not _client_is_silent(view, call):
            continue
        yield Hit(call.node, f"`{ast.unparse(call.node.func)}` says no timeout: it may wait {waits}.")


def _client_is_silent(view: View, call: ModelCall) -> bool:
    """Whether the client is seen to be made without a timeout; a function of a module has none."""
    if call.kit == "litellm" or call.name in ("ollama.chat", "ollama.generate"):
        return "timeout" not in code(view.reading)
    told = made_with(view.project, view.path, view.reading, call.client)
    return told is not None and not any(it in told for it in _SAID)


def _is_bounded(view: View, node: ast.AST) -> bool:
    for up in view.reading.ancestors(node):
        if isinstance(up, ast.Call) and dotted(up.func).rpartition(".")[2] in _BOUNDS:
            return True
        if isinstance(up, ast.With | ast.AsyncWith):
            calls = [it.context_expr for it in up.items if isinstance(it.context_expr, ast.Call)]
            if any(dotted(it.func).rpartition(".")[2] in _BOUNDS or keyword(it, "timeout") is not None for it in calls):
                return True
    return False
