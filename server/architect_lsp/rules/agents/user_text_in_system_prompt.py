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

from architect_lsp.knowledge.flow_facts import INSIDE
from architect_lsp.knowledge.model_calls import model_calls, prompts
from architect_lsp.knowledge.origins import Origin, is_own
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
    needs=["system", "System", "developer", "instruction", "description", "backstory", "dynamic_prompt", "assistant", "model"],
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
        Bad("""
from agents import Agent
from flask import Flask, request
from google.genai import types
from haystack.dataclasses import ChatMessage
from langchain_core.prompts import ChatPromptTemplate

app = Flask(__name__)

@app.post("/ask")
def ask():
    tone = request.json["tone"]
    message = ChatMessage.from_system([|f"Answer in a {tone} tone."|])
    config = types.GenerateContentConfig(system_instruction=[|"Talk like " + tone|])
    prompt = ChatPromptTemplate.from_messages([("system", [|f"You are {tone}."|]), ("human", "{input}")])
    agent = Agent(name="clerk", handoff_description=[|f"Takes over for {tone} customers"|])
    return run(agent, message, config, prompt)
"""),
        Bad("""
from pydantic_ai import Agent, RunContext

agent = Agent("m")

@app.post("/ask")
def ask(body: Question):
    return [{"role": "assistant", "content": [|"I am " + body.persona|]}, {"role": "user", "content": body.text}]

@agent.system_prompt
def rules(ctx: RunContext[Deps]) -> str:
    return [|f"You serve a shop. The user said: {ctx.deps.user_message}"|]
"""),
        Bad("""
from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()

def told(tone: str) -> str:
    return f"You serve a shop, in a {tone} tone."

@app.post("/ask")
def ask(question: str, tone: str):
    return client.responses.create(model="m", instructions=[|told(tone)|], input=question, max_output_tokens=100)
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
        """
from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()
TONES = {"formal": "Be formal."}

def told(tone: str) -> str:
    return f"You serve a shop. {TONES[tone]}"

@app.post("/ask")
def ask(question: str, tone: str):
    return client.responses.create(model="m", instructions=told(tone), input=question, max_output_tokens=100)
""",
    ],
)

_OF_USER = regex(
    r"^(?:ctx\.deps\.|context\.|ctx\.context\.)?(?:user_?(?:input|message|query|question|text|prompt|request|content|msg)|question|query|customer_(?:message|question|input)"
    r"|user_supplied\w*|(?:request|req|payload|body)\.(?:message|question|query|prompt|text|input|content))$"
)
_FOUND = regex(r"(?:^|\.)page_content$|\.(?:similarity_search\w*|get_relevant_documents|max_marginal_relevance_search)\(\)")
"""What a search brought: pages and files that anyone may have written."""
_AGENTS = regex(r"^(?:\w*Agent|create_agent|create_react_agent|AgentDefinition)$")
_KEYS = (
    "instructions",
    "instruction",
    "system_prompt",
    "system_message",
    "prompt",
    "state_modifier",
    "handoff_description",
    "backstory",
)
_MESSAGES = ("SystemMessage", "SystemMessagePromptTemplate", "from_system", "SystemChatMessage", "SystemPromptPart")
_MAKERS = ("system_prompt", "instructions", "dynamic_prompt")
"""Decorators of functions that give what an agent is told."""
_ANSWERS = ("assistant", "model")
_TOLD = {
    "as_tool": ("tool_description",),
    "FunctionTool": ("description",),
    "function_tool": ("description_override",),
    "GenerateContentConfig": ("system_instruction",),
    "CreateCachedContentConfig": ("system_instruction",),
    "LiveConnectConfig": ("system_instruction",),
    "GenerativeModel": ("system_instruction",),
    "ClaudeAgentOptions": ("system_prompt",),
    "ReActAgent": ("system_prompt",),
}
"""What else a model is told as instructions: by the call's last name, its arguments."""


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
        if origin is not None and (INSIDE in origin.through or any(isinstance(it, str) and len(it.strip()) > 3 for it in found)):
            yield Hit(
                text,
                f"`{_short(origin)}`, which {_writer(origin)} wrote, stands in the system prompt with the weight of your words.",
            )
    for text in _answers(view):
        found = parts(view.project, view.path, view.reading, text)
        origin = next((it for it in found if isinstance(it, Origin) and is_request(view.project, view.reading, it)), None)
        if origin is not None and any(isinstance(it, str) and len(it.strip()) > 3 for it in found):
            yield Hit(text, f"`{_short(origin)}`, which a user wrote, stands among what the model has said itself.")


def _answers(view: View) -> Iterator[ast.expr]:
    """What is given as an earlier answer of the model."""
    for table in view.reading.each(ast.Dict):
        rows = {constant(key): value for key, value in zip(table.keys, table.values, strict=True) if key is not None}
        if constant(rows.get("role")) in _ANSWERS:
            yield from (rows[it] for it in ("content",) if it in rows)
            pieces = rows.get("parts")
            for it in pieces.elts if isinstance(pieces, ast.List) else ():
                if isinstance(it, ast.Dict):
                    yield from (row for key, row in zip(it.keys, it.values, strict=True) if constant(key) == "text")
    for node in view.reading.each(ast.Call):
        said = keyword(node, "content")
        if said is not None and constant(keyword(node, "role")) in _ANSWERS:
            yield said


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
        elif last in _TOLD:
            yield from (it for key in _TOLD[last] if (it := keyword(node, key)) is not None)
        elif last == "create" and keyword(node, "instructions") is not None and isinstance(node.func, ast.Attribute):
            yield from (it for it in (keyword(node, "instructions"),) if it is not None)  # assistants, sessions of a voice
        elif _AGENTS.match(last):
            keys = _KEYS if last != "AgentDefinition" else ("prompt",)
            yield from (it for key in keys if (it := keyword(node, key)) is not None)
    for given in view.reading.each(ast.Return):
        if given.value is not None and _makes(view.reading.function(given)):
            yield given.value
    for pair in view.reading.each(ast.Tuple):
        if len(pair.elts) == 2 and constant(pair.elts[0]) == "system" and isinstance(view.reading.parent(pair), ast.List):
            yield pair.elts[1]
    for table in view.reading.each(ast.Dict):
        rows = {constant(key): value for key, value in zip(table.keys, table.values, strict=True) if key is not None}
        if constant(rows.get("role")) in ("system", "developer") and "content" in rows:
            yield rows["content"]


def _makes(function: ast.AST | None) -> bool:
    """Whether a kit asks the function for what its agent is told."""
    rows = function.decorator_list if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else []
    return any(dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] in _MAKERS for it in rows)


def _is_users(view: View, origin: Origin) -> bool:
    if origin.kind == "checked":
        return False
    if is_request(view.project, view.reading, origin) or _FOUND.search(origin.name):
        return True
    return origin.kind == "parameter" and is_own(origin) and bool(_OF_USER.match(origin.name))
