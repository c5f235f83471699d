"""A passing error of the model's service ends the work.

Why: model services answer 429 and 529 when they are busy, and drop connections. `anthropic` and `openai` try twice more by
themselves; that is lost with `max_retries=0`, and a plain HTTP request or `google-genai` never had it.
Instead: leave the kit its retries, or bring your own with a growing pause, a bit of chance in it, and an end.

    client = anthropic.Anthropic(max_retries=3)

    @retry(retry=retry_if_exception_type(TransientError), wait=wait_random_exponential(max=30), stop=stop_after_attempt(4))
    async def ask(messages: list[Message]) -> Answer: ...

Consequences: a run of twenty turns fails as a whole when one of its calls met a busy second.
Trade-offs: retries multiply load and waiting time; bound both, and do not retry what can't succeed (400, 401).
Off by default: on real code `max_retries=0` mostly stands where the program brings its own retries and rate limits elsewhere.
Tests: script a 529 and then an answer; assert that the answer comes. Script five and assert the error.
Observability: count retries; a rising count tells of a limit before users do.
Source: https://github.com/anthropics/anthropic-sdk-python#retries and https://github.com/openai/openai-python#retries
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.handlers import caught
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.model_calls import made_with, model_calls
from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C4", "D3"],
    needs=["max_retries", "api.openai.com", "api.anthropic.com", "generate_content"],
    bad=[
        Bad("""
import anthropic

client = anthropic.Anthropic([|max_retries=0|], timeout=20)

def ask(messages):
    return client.messages.create(model="m", max_tokens=100, messages=messages)
"""),
        Bad("""
import requests

def ask(messages, key):
    answer = [|requests.post(
        "https://api.openai.com/v1/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json={"model": "m", "messages": messages},
        timeout=30,
    )|]
    answer.raise_for_status()
    return answer.json()
"""),
        Bad("""
from google import genai
from google.genai import types

client = genai.Client(http_options=types.HttpOptions(timeout=10_000))

def ask(text):
    return [|client.models.generate_content(model="m", contents=text)|].text
"""),
    ],
    good=[
        """
import time
import anthropic
import requests
from openai import OpenAI
from tenacity import retry, stop_after_attempt

client = anthropic.Anthropic()
own = OpenAI(max_retries=0)

def ask(messages):
    return client.messages.create(model="m", max_tokens=100, messages=messages)

@retry(stop=stop_after_attempt(3))
def persistent(messages):
    return requests.post("https://api.openai.com/v1/chat/completions", json=messages, timeout=30).json()

def patient(messages):
    for attempt in range(3):
        try:
            return requests.post("https://api.anthropic.com/v1/messages", json=messages, timeout=30).json()
        except requests.ConnectionError:
            time.sleep(2**attempt)
    raise TimeoutError
""",
    ],
)

_HOSTS = regex(
    r"api\.(?:openai|anthropic|mistral|groq|deepseek|together|x|cohere)\.(?:com|ai|xyz)"
    r"(?:/v\d/(?:chat|messages|responses|completions)|/openai/v1/chat)"
)
_RETRIES = regex(r"retry|retries|backoff|tenacity|stamina", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Retries that are switched off, and calls that never had any."""
    if is_script(view.path):
        return
    reading = view.reading
    for call in reading.each(ast.Call):
        off = keyword(call, "max_retries")
        if off is not None and constant(off) == 0 and not isinstance(constant(off), bool):
            name = dotted(call.func).rpartition(".")[2]
            known = view.callee(call).partition(".")[0] in ("anthropic", "openai")
            if known and name[:1].isupper() and not _has_own(reading, call):
                argument = next(it for it in call.keywords if it.arg == "max_retries")
                yield Hit(argument, f"`{name}` is told not to retry: one busy second of the service ends the run.")
        elif _is_plain(call) and not _has_own(reading, call):
            yield Hit(call, f"`{dotted(call.func)}` asks a model once: a busy service, or a lost connection, ends the work.")
    for it in model_calls(view.project, view.path, reading):
        if it.kit == "google.genai" and not _has_own(reading, it.node) and it.keyword("config") is None:
            told = made_with(view.project, view.path, reading, it.client)
            if told is not None and "retry" not in _text_of_client(view, it.client):
                yield Hit(it.node, f"`{dotted(it.node.func)}` asks a model once: `google-genai` retries only when told to.")


def _is_plain(call: ast.Call) -> bool:
    """Whether a model's service is asked by a plain HTTP request."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("post", "request", "stream"):
        return False
    given = [*call.args[:2], keyword(call, "url")]
    return any(isinstance(value := constant(it), str) and _HOSTS.search(value) for it in given)


def _has_own(reading: Reading, node: ast.AST) -> bool:
    """Whether the code around brings a retry of its own: a decorator, a loop around a `try`, or a word of it."""
    if isinstance(reading.loop(node), ast.While | ast.For) and caught(reading, node):
        return True
    return bool(_RETRIES.search(reading.unit.text.replace("max_retries=0", "")))


def _text_of_client(view: View, node: ast.expr | None) -> str:
    """What the file, or the one that makes the client, says of retries: as far as it is at hand."""
    name = dotted(node)
    for path in (view.path, *(it for it in _homes(view, name))):
        for row in view.project.named(path, name.rpartition(".")[2]):
            if row.name == name.rpartition(".")[2] and row.value is not None:
                return " ".join(f"{it.text} {' '.join(key for key, _ in it.keywords)}" for it in row.value.each())
    return ""


def _homes(view: View, name: str) -> Iterator[str]:
    imported = view.project.name(view.path, name.partition(".")[0])
    if isinstance(imported, str):
        module, _ = view.project.module(view.path, imported)
        if module is not None:
            yield module.path
