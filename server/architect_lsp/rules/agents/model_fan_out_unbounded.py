"""A model is asked about every item of an input at once, however many there are.

Why: `gather` over a list starts all requests together. A list of ten is quick; a list of two thousand is two thousand open
requests, a wall of 429s that all retry at the same time, and a bill nobody agreed to.
Instead: let a semaphore, or a pool of workers, say how many run at a time.

    gate = asyncio.Semaphore(8)

    async def one(document: str) -> str:
        async with gate:
            return await summarise(document)

    summaries = await asyncio.gather(*(one(it) for it in documents))

Consequences: one large upload takes the whole account's rate limit from everyone else.
Trade-offs: fewer at a time is slower at the top; begin with what the provider's tier allows and measure.
Tests: count concurrent calls of a scripted client with a hundred items.
Security: whoever decides the length of the input decides the load and the cost.
Observability: record queue length and 429s.
Performance: with retries, unbounded is often slower than eight at a time.
Source: OWASP LLM10:2025 Unbounded Consumption; https://docs.python.org/3/library/asyncio-sync.html#asyncio.Semaphore
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.fan_outs import FEW, GATES, GATHERS, is_few, is_group, started
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.knowledge.sources import is_model_call
from architect_lsp.knowledge.wording import says
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C5", "D3"],
    cwe=770,
    needs=["gather(", "TaskGroup", "create_task(", "as_completed(", "wait(", "abatch("],
    bad=[
        Bad("""
import asyncio
from anthropic import AsyncAnthropic

client = AsyncAnthropic()

async def summarise(text):
    return await client.messages.create(model="m", max_tokens=100, messages=[{"role": "user", "content": text}])

async def summaries(documents):
    return await [|asyncio.gather(*[summarise(it) for it in documents])|]
"""),
        Bad("""
-- app/model.py --
from openai import AsyncOpenAI

client = AsyncOpenAI()

async def ask(prompt):
    answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])
    return answer.choices[0].message.content
-- app/jobs.py --
import asyncio
from app.model import ask

async def classify(rows):
    tasks = []
    for row in rows:
        tasks.append(asyncio.create_task(ask(row.text)))
    return await [|asyncio.gather(*tasks)|]
"""),
        Bad("""
import asyncio
from openai import AsyncOpenAI

client = AsyncOpenAI()

async def classify(rows):
    async with asyncio.TaskGroup() as group:
        for row in rows:
            [|group.create_task(client.responses.create(model="m", input=row))|]
"""),
    ],
    good=[
        """
import asyncio
from anthropic import AsyncAnthropic

client = AsyncAnthropic()
gate = asyncio.Semaphore(5)
MODELS = ["a", "b"]

async def ask(text, model="m"):
    return await client.messages.create(model=model, max_tokens=100, messages=[{"role": "user", "content": text}])

async def gated(text):
    async with gate:
        return await ask(text)

async def all_of(documents, size):
    await asyncio.gather(*[gated(it) for it in documents])
    await asyncio.gather(ask("one"), ask("two"))
    await asyncio.gather(*[ask("same", it) for it in MODELS])
    await asyncio.gather(*[ask(it) for it in ("a", "b", "c")])
    await asyncio.gather(*(ask(it) for it in documents[:5]))
    for batch in chunks(documents, size):
        await asyncio.gather(*(ask(it) for it in batch))

async def inner(documents):
    limit = asyncio.Semaphore(3)

    async def one(it):
        async with limit:
            return await ask(it)

    return await asyncio.gather(*(one(it) for it in documents))

async def panel(self, text):
    async def one(model):
        return await ask(text, model)

    return await asyncio.gather(*[one(it) for it in self.references])

async def other(urls):
    return await asyncio.gather(*(fetch(it) for it in urls))
""",
    ],
)

_PATH = 4


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Requests to a model that are started once for each item of something whose length is not known."""
    reading = view.reading
    if says(reading, GATES):
        return
    for call in reading.each(ast.Call):
        last = dotted(call.func).rpartition(".")[2]
        if last in GATHERS:
            for over, asked in started(reading, call):
                if _asks(view, asked) and not is_few(reading, over):
                    yield Hit(call, _message(asked, over))
                    break
        elif last == "create_task" and call.args and is_group(reading, call):
            loop, made = reading.loop(call), call.args[0]
            turns = loop.generators[0] if isinstance(loop, ast.ListComp | ast.SetComp | ast.GeneratorExp) else loop
            if not isinstance(turns, ast.For | ast.AsyncFor | ast.comprehension) or not isinstance(made, ast.Call):
                continue
            if _asks(view, made) and not is_few(reading, turns.iter):
                yield Hit(call, _message(made, turns.iter))
        elif last == "abatch" and len(call.args) == 1 and keyword(call, "config") is None:
            asks = is_model_call(view.project, view.path, reading, call)
            if asks and not is_few(reading, call.args[0]):
                yield Hit(call, _message(call, call.args[0]))


def _message(asked: ast.Call, over: ast.expr) -> str:
    return f"Asks the model by `{ast.unparse(asked.func)}` for all of `{ast.unparse(over)}` at once; nothing limits how many run."


def _asks(view: View, call: ast.Call) -> bool:
    """Whether a call asks a model and no function on the way waits for its turn."""
    if not is_model_call(view.project, view.path, view.reading, call, _PATH):
        return False
    found = view.definition(call)
    if found is not None and (found[1].gated or _takes_part(found[1])):
        return False
    effect = view.effects(call).get("llm")
    return effect is None or not any(_is_gated(view.project, it.path, it.qualname) for it in effect.path)


def _takes_part(definition: Def) -> bool:
    """Whether what each call is given is a part of the program, such as a model or an agent, of which there are few."""
    names = [name for name, _ in definition.parameters if name not in ("self", "cls")]
    return bool(names) and bool(FEW.search(names[0]))


def _is_gated(project: Project, path: str, qualname: str) -> bool:
    definition = project.definition(path, qualname)
    return definition is not None and definition.gated
