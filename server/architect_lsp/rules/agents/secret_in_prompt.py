"""A secret is part of what a model is told.

Why: a prompt leaves your machines, is logged by kits and services, and comes back: a model can be asked to repeat what it
was told.
Instead: keep secrets in the tools. The model names what it wants done; your code holds the key.

    @tool
    def open_ticket(title: str) -> str:
        headers = {"Authorization": f"Bearer {settings.tracker_token}"}
        response = session.post(TRACKER, json={"title": title}, headers=headers, timeout=10)
        response.raise_for_status()
        return response.json()["id"]

Consequences: the secret is in the service's logs, in your traces, in saved conversations, and in answers to whoever asks
well.
Tests: build the prompt with a known secret in the settings and assert that it isn't in there.
Security: treat a secret that was sent as known; change it.
Source: OWASP LLM02:2025 Sensitive Information Disclosure; CWE-200
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.model_calls import model_calls, prompts
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import Reading, dotted, keyword
from architect_lsp.knowledge.secret_names import secret_name, secret_read
from architect_lsp.knowledge.sources import parts
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C4", "D4"],
    cwe=200,
    needs=["Agent(", "Task(", "create(", "generate_content", "completion(", "parse(", "stream("],
    bad=[
        Bad("""
import os
import anthropic

client = anthropic.Anthropic()

def ask(question):
    return client.messages.create(
        model="m",
        max_tokens=100,
        system=[|f"You can use the tracker with the key {os.environ['TRACKER_API_KEY']}."|],
        messages=[{"role": "user", "content": question}],
    )
"""),
        Bad("""
from openai import OpenAI

client = OpenAI()

def describe(user):
    prompt = f"Write to {user.name}, whose password is {user.password}"
    return client.responses.create(model="m", max_output_tokens=100, input=[|prompt|])
"""),
        Bad("""
from agents import Agent
from shop.settings import settings

agent = Agent(name="Shop", instructions=[|f"Sign in with {settings.client_secret}."|])

def check(order, clerk):
    return Task(description=[|f"Check the card {order.card_number}"|], expected_output="ok", agent=clerk)
"""),
        Bad("""
import os
import anthropic

client = anthropic.Anthropic()
DB_PASSWORD = os.environ["DB_PASSWORD"]

def ask(question):
    system = f"Connect with the password {DB_PASSWORD}."
    return client.messages.create(model="m", max_tokens=9, system=[|system|], messages=[{"role": "user", "content": question}])
"""),
        Bad("""
import os
import anthropic

client = anthropic.Anthropic()
SYSTEM = f"You write scripts for the database {os.environ['DB_NAME']}; its password is {os.environ['DB_PASSWORD']}."

def ask(question):
    return client.messages.create(model="m", max_tokens=9, system=[|SYSTEM|], messages=[{"role": "user", "content": question}])
"""),
    ],
    good=[
        """
import os
import anthropic

client = anthropic.Anthropic(api_key=os.environ["ANTHROPIC_API_KEY"])
REGION = os.environ["REGION"]

def ask(user, token_count):
    return client.messages.create(
        model="m",
        max_tokens=100,
        system=f"You help in {REGION}.",
        messages=[{"role": "user", "content": f"{user.name} has {token_count} tokens and reset the password"}],
    )
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Prompts that hold a secret by its name."""
    texts = [text for call in model_calls(view.project, view.path, view.reading) for _, text in prompts(call, view.reading)]
    for text in dict.fromkeys((*texts, *_instructions(view.reading))):
        for it in parts(view.project, view.path, view.reading, text):
            name = secret_name(view.reading, it) or _held(view, it) if isinstance(it, Origin) and it.kind != "checked" else ""
            if name:
                yield Hit(text, f"`{name}` is sent to the model as part of its prompt.")
                break


def _held(view: View, origin: Origin) -> str:
    """The secret in a text of the module that the value is: `SYSTEM = f"The password is {os.environ['DB_PASSWORD']}"`."""
    if origin.kind != "name" or not origin.name.replace(".", "").isidentifier() or not isinstance(origin.node, ast.Name):
        return ""
    rows = view.project.named(view.path, origin.node.id)
    found = rows[0].value if len(rows) == 1 else None
    inside = found.each() if found is not None and found.kind == "joined" else ()
    return next((name for it in inside if (name := secret_read(it))), "")


def _instructions(reading: Reading) -> Iterator[ast.expr]:
    """What agents are told once for all."""
    for call in reading.each(ast.Call):
        if (
            dotted(call.func) == "Task"
            and (told := keyword(call, "description")) is not None
            and keyword(call, "agent") is not None
        ):
            yield told
        if dotted(call.func).rpartition(".")[2].endswith("Agent"):
            yield from (
                it.value for it in call.keywords if it.arg in ("instructions", "system_prompt", "system_message", "backstory")
            )
