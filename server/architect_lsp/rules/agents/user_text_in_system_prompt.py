"""What a user wrote stands among the instructions of the system prompt.

Why: a model gives the system prompt more weight than anything else it reads. Text that is pasted there has that weight too,
and no border tells where your words end and theirs begin.
Instead: keep the system prompt constant, and give what users write as a message of theirs.

    answer = client.messages.create(
        model=MODEL,
        max_tokens=1024,
        system=SYSTEM_PROMPT,
        messages=[{"role": "user", "content": question}],
    )

Consequences: "ignore the above" works; what the prompt forbids is one sentence away from being allowed.
Trade-offs: facts about a user that you looked up yourself (a plan, a language) may stand there, each checked against known
values.
Tests: ask with a sentence that contradicts the prompt and assert that the tools it names are not called.
Security: prompt injection with the highest rank there is.
Performance: a system prompt that differs for each request defeats the prompt cache.
Source: OWASP LLM01:2025 Prompt Injection
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.flows import Origin, is_own
from architect_lsp.knowledge.model_calls import model_calls, prompts
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.sources import is_request, parts
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4", "D4"],
    cwe=1427,
    needs=["system", "System", "instructions"],
    bad=[
        Bad("""
from fastapi import FastAPI
import anthropic

app = FastAPI()
client = anthropic.Anthropic()

@app.post("/ask")
def ask(question: str, style: str):
    return client.messages.create(
        model="m",
        max_tokens=100,
        system=[|f"You are a helpful assistant. Answer in this style: {style}"|],
        messages=[{"role": "user", "content": question}],
    )
"""),
        Bad("""
from openai import OpenAI

client = OpenAI()

def answer(user_message):
    messages = [{"role": "system", "content": [|"You help. The user says: " + user_message|]}]
    return client.chat.completions.create(model="m", messages=messages)
"""),
        Bad("""
from agents import Agent

def make(user_input: str) -> Agent:
    return Agent(name="Helper", instructions=[|f"Help with {user_input}."|])
"""),
        Bad("""
from openai import OpenAI

client = OpenAI()

def answer(store, question):
    pages = store.similarity_search(question)
    known = " ".join(it.page_content for it in pages)
    return client.chat.completions.create(model="m", max_tokens=100, messages=[
        {"role": "system", "content": [|f"What is known: {known}"|]},
        {"role": "user", "content": question},
    ])
"""),
    ],
    good=[
        """
import anthropic
from agents import Agent

client = anthropic.Anthropic()
SYSTEM = "You help."

def answer(user_message, language, today):
    return client.messages.create(
        model="m",
        max_tokens=100,
        system=f"{SYSTEM} Answer in {language}. Today is {today}.",
        messages=[{"role": "user", "content": user_message}],
    )

def make(tone: str) -> Agent:
    return Agent(name="Helper", instructions=f"Help in a {tone} tone.")
""",
    ],
)

_OF_USER = regex(
    r"^(?:user_?(?:input|message|query|question|text|prompt|request|content|msg)|question|query|customer_(?:message|question|input)"
    r"|user_supplied\w*|(?:request|req|payload|body)\.(?:message|question|query|prompt|text|input|content))$"
)
_FOUND = regex(r"(?:^|\.)page_content$|\.(?:similarity_search\w*|get_relevant_documents|max_marginal_relevance_search)\(\)")
"""What a search brought: pages and files that anyone may have written."""
_AGENTS = regex(r"^(?:\w*Agent|create_agent|create_react_agent|AgentDefinition)$")
_KEYS = ("instructions", "system_prompt", "system_message", "prompt", "state_modifier")
_MESSAGES = ("SystemMessage", "SystemMessagePromptTemplate")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """System prompts, and instructions of agents, that hold what a request or a user's message says."""
    seen: set[ast.AST] = set()
    for text in _systems(view):
        if text in seen:
            continue
        seen.add(text)
        found = parts(view.project, view.path, view.reading, text)
        origin = next((it for it in found if isinstance(it, Origin) and _is_users(view, it)), None)
        if origin is not None and any(isinstance(it, str) and len(it.strip()) > 3 for it in found):
            yield Hit(
                text,
                f"`{_short(origin)}`, which {_writer(origin)} wrote, stands in the system prompt with the weight of your words.",
            )


def _short(origin: Origin) -> str:
    return origin.name.replace("()", "") or "This text"


def _writer(origin: Origin) -> str:
    return "somebody else" if _FOUND.search(origin.name) else "a user"


def _systems(view: View) -> Iterator[ast.expr]:
    for call in model_calls(view.project, view.path, view.reading):
        yield from (text for role, text in prompts(call, view.reading) if role == "system")
    for node in view.reading.each(ast.Call):
        last = dotted(node.func).rpartition(".")[2]
        if last in _MESSAGES:
            yield from (it for it in (keyword(node, "content"), *node.args[:1]) if it is not None)
        elif _AGENTS.match(last):
            keys = _KEYS if last != "AgentDefinition" else ("prompt",)
            yield from (it for key in keys if (it := keyword(node, key)) is not None)
    for table in view.reading.each(ast.Dict):
        rows = {constant(key): value for key, value in zip(table.keys, table.values, strict=True) if key is not None}
        if constant(rows.get("role")) == "system" and "content" in rows:
            yield rows["content"]


def _is_users(view: View, origin: Origin) -> bool:
    if origin.kind == "checked":
        return False
    if is_request(view.project, view.reading, origin) or _FOUND.search(origin.name):
        return True
    return origin.kind == "parameter" and is_own(origin) and bool(_OF_USER.match(origin.name))
