"""One conversation's history is kept where all users share it.

Why: a list of the module, or of the class, lives as long as the process and belongs to every request. The second user's question
is asked with the first one's answers in front of it, and the model quotes them.
Instead: keep each conversation under an id that belongs to its user, and load it for the request.

    @app.post("/chat")
    async def chat(body: Message, user: CurrentUser, store: Conversations) -> Reply:
        history = await store.load(user.id, body.conversation_id)
        ...

Consequences: private text of one person is shown to another; answers depend on who came before; the prompt grows for everyone.
Trade-offs: a dictionary by conversation in memory is enough for one process; it needs a limit, and a second one needs a store.
Tests: two clients in one test: the second's request to the scripted model must hold nothing of the first's.
Security: a cross-user leak of everything that was said; who asks for "all we have talked about" gets it.
Observability: log conversation ids with each call of the model.
Performance: every request pays for the history of all.
Source: CWE-488; OWASP LLM02:2025 Sensitive Information Disclosure
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Def, Facts
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.summaries import effects
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C3", "A2", "D4"],
    cwe=488,
    bad=[
        Bad("""
from anthropic import AsyncAnthropic
from fastapi import FastAPI

app = FastAPI()
client = AsyncAnthropic()
[|messages = []|]

@app.post("/chat")
async def chat(text: str):
    messages.append({"role": "user", "content": text})
    answer = await client.messages.create(model="m", max_tokens=100, messages=messages)
    messages.append({"role": "assistant", "content": answer.content})
    return answer
"""),
        Bad("""
-- app/assistant.py --
from openai import OpenAI

client = OpenAI()

class Assistant:
    [|history: list[dict] = []|]

    def ask(self, text):
        self.history.append({"role": "user", "content": text})
        return client.chat.completions.create(model="m", messages=self.history)
-- app/main.py --
from fastapi import FastAPI
from app.assistant import Assistant

app = FastAPI()

@app.post("/ask")
def ask(text: str):
    return Assistant().ask(text)
"""),
        Bad("""
from flask import Flask
from langchain.chains import ConversationChain
from langchain.memory import ConversationBufferMemory
from fastapi import FastAPI

app = FastAPI()
[|memory = ConversationBufferMemory()|]

@app.post("/chat")
def chat(text: str):
    return ConversationChain(llm=None, memory=memory).predict(input=text)
"""),
        Bad("""
from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()
[|chat_history = []|]

def remember(role, text):
    chat_history.append({"role": role, "content": text})

@app.post("/ask")
def ask(text: str):
    remember("user", text)
    return client.chat.completions.create(model="m", messages=chat_history[-30:])
"""),
    ],
    good=[
        """
from anthropic import AsyncAnthropic
from fastapi import FastAPI

app = FastAPI()
client = AsyncAnthropic()
conversations = {}
EXAMPLES = [{"role": "user", "content": "Hello"}]
messages = []

@app.post("/chat/{conversation}")
async def chat(conversation: str, text: str):
    history = conversations.setdefault(conversation, [])
    history.append({"role": "user", "content": text})
    return await client.messages.create(model="m", max_tokens=100, messages=EXAMPLES + history)

class Session:
    def __init__(self):
        self.history = []

    def ask(self, text):
        self.history.append(text)
        return client.messages.create(model="m", max_tokens=100, messages=self.history)
""",
        """
import anthropic

client = anthropic.Anthropic()
messages = []

def main():
    while True:
        messages.append({"role": "user", "content": input()})
        print(client.messages.create(model="m", max_tokens=100, messages=messages))
""",
    ],
)

_HISTORY = regex(
    r"_?(?:\w+_)?(?:messages|history|histories|conversation|chat_log|transcript|dialog(?:ue)?|turns|context|memory)",
    re.IGNORECASE,
)
_GROWS = ("append", "extend", "insert", "add", "add_message", "add_user_message", "add_ai_message", "save_context", "put")
_MEMORIES = regex(
    r"langchain[\w.]*\.(?:Conversation\w*Memory|InMemoryChatMessageHistory|ChatMessageHistory|ConversationChain)"
    r"|llama_index[\w.]*\.ChatMemoryBuffer(?:\.from_defaults)?"
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Histories of a module or a class that a service's code adds to before it asks a model."""
    found = catalogue(project)
    if not any(it.framework for it in found.routes):
        return
    for path in project.paths:
        if is_test(path) or not project.of_file(path, _has_history):
            continue
        facts = project.facts(path)
        for it in facts.variables:
            if "." in it.name or not _HISTORY.fullmatch(it.name):
                continue
            if it.value is not None and it.value.kind == "call" and _MEMORIES.fullmatch(project.external(path, it.value.text)):
                yield ProjectHit(Ref(path, it.name, "variable"), f"One `{it.value.last}` of the module remembers for all users.")
            elif _is_list(it.value) and (user := _user(project, path, it.name)) is not None:
                yield _shared(Ref(path, it.name, "variable"), it.name, path, user)
        for kind in facts.classes:
            for index, field in enumerate(kind.fields):
                if _HISTORY.fullmatch(field.name) and _is_list(field.value) and not kind.decorators and not _is_model(kind.bases):
                    set_anew = any(row[:2] == (kind.qualname, field.name) for row in facts.attributes)
                    user = None if set_anew else _user(project, path, f"self.{field.name}", kind.qualname)
                    if user is not None:
                        yield _shared(Ref(path, kind.qualname, "field", index), f"{kind.qualname}.{field.name}", path, user)


def _has_history(facts: Facts) -> bool:
    names = (*(it.name for it in facts.variables), *(field.name for it in facts.classes for field in it.fields))
    return any(_HISTORY.fullmatch(it) for it in names)


def _shared(at: Ref, name: str, path: str, user: Def) -> ProjectHit:
    evidence = ((Ref(path, user.qualname, "def"), f"`{user.qualname}` adds to it and asks the model"),)
    return ProjectHit(at, f"All users share the history `{name}`: what one says is sent with the next one's question.", evidence)


def _is_list(value: Value | None) -> bool:
    return value is not None and (
        (value.kind == "list") or (value.kind == "call" and value.text in ("list", "deque", "collections.deque"))
    )


def _is_model(bases: tuple[str, ...]) -> bool:
    """Whether each object gets a list of its own: Pydantic copies defaults; a typed dictionary has none."""
    return any(
        re.search(r"BaseModel|BaseSettings|SQLModel|TypedDict|NamedTuple|Struct|State|Schema|Model|Enum", it) for it in bases
    )


def _user(project: Project, path: str, name: str, owner: str = "") -> Def | None:
    """The function that adds to the history, by itself or by a helper of its file, and asks a model with it."""
    rows = [*project.methods(path, owner)] if owner else project.facts(path).defs
    ways = {f"{name}.{how}" for how in _GROWS}
    grows = {it.qualname for it in rows if any(call.target in ways for call in it.calls)}
    helpers = {f"self.{it.rpartition('.')[2]}" if owner else it for it in grows}
    for it in rows:
        grown = it.qualname in grows or any(call.target in helpers for call in it.calls)
        if grown and "llm" in effects(project, path, it):
            return it
    return None
