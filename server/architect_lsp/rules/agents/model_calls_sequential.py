"""Independent questions to a model are awaited one after the other.

Why: each answer takes seconds, and none needs the one before it. Twenty documents at three seconds are a minute in a row and a
few seconds side by side, for the same money.
Instead: ask together, with a limit on how many run at a time.

    gate = asyncio.Semaphore(8)

    async def one(document: str) -> str:
        async with gate:
            return await summarise(document)

    summaries = await asyncio.gather(*(one(it) for it in documents))

Consequences: the user waits for the sum of all answers; a worker is held for as long.
Trade-offs: a rate limit may make a row the right choice: say so in a comment. Where nobody waits, a batch interface costs half.
Tests: a scripted client that sleeps shows the difference in one assertion on time.
Performance: the latency of the slowest answer instead of the sum of all.
Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.gather
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.sources import is_model_call
from architect_lsp.knowledge.turns import is_independent, is_short, uses
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C5", "B5"],
    needs=["await "],
    bad=[
        Bad("""
from anthropic import AsyncAnthropic

client = AsyncAnthropic()

async def summarise(text):
    return await client.messages.create(model="m", max_tokens=100, messages=[{"role": "user", "content": text}])

async def all_of(documents):
    return [[|await summarise(it)|] for it in documents]

async def by_loop(documents):
    found = {}
    for it in documents:
        answer = [|await summarise(it.text)|]
        found[it.id] = answer.content
    return found
"""),
        Bad("""
from openai import AsyncOpenAI

client = AsyncOpenAI()

async def ask(prompt, text):
    return await client.responses.create(model="m", input=prompt + text)

async def review(text):
    security = await ask("Look for holes.", text)
    style = [|await ask("Look at the style.", text)|]
    return security, style
"""),
    ],
    good=[
        """
import asyncio
from anthropic import AsyncAnthropic

client = AsyncAnthropic()

async def ask(text):
    return await client.messages.create(model="m", max_tokens=100, messages=[{"role": "user", "content": text}])

async def refine(parts):
    summary = ""
    for it in parts:
        summary = await ask(f"{summary}\\n{it}")
    return summary

async def chat(questions):
    history = []
    for it in questions:
        history.append(it)
        answer = await ask(history)
        history.append(answer)

async def first_good(candidates):
    for it in candidates:
        answer = await ask(it)
        if answer.good:
            return answer

async def attempts(text):
    for _ in range(3):
        answer = await ask(text)
        print(answer)

async def slowly(documents):
    for it in documents:
        print(await ask(it))
        await asyncio.sleep(1)

async def steps(text):
    outline = await ask(text)
    draft = await ask(outline)
    return draft

async def steered(text):
    plan = await ask(text)
    if not plan:
        return None
    return await ask("other")
""",
    ],
)

_STATEFUL = regex(r"send|send_message|chat|step|reply|run_turn|handle|say|next|execute|process_message|act|observe|reflect")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Awaited questions in a loop, or side by side, of which none uses another's answer."""
    reading = view.reading
    for node in reading.each(ast.Await):
        call = node.value
        if not isinstance(call, ast.Call) or _STATEFUL.fullmatch(dotted(call.func).rpartition(".")[2]):
            continue
        loop = reading.loop(node)
        if isinstance(loop, ast.For) and is_independent(loop, call) and _asks(view, call):
            yield Hit(node, f"`{ast.unparse(call.func)}` asks the model for one of `{ast.unparse(loop.iter)}` after the other.")
        elif (
            isinstance(loop, ast.ListComp)
            and len(loop.generators) == 1
            and loop.elt is node
            and not is_short(loop.generators[0].iter)
        ):
            if not loop.generators[0].is_async and uses(call, loop.generators[0].target) and _asks(view, call):
                over = ast.unparse(loop.generators[0].iter)
                yield Hit(node, f"`{ast.unparse(call.func)}` asks the model for one of `{over}` after the other.")
        elif loop is None:
            yield from _pair(view, node, call)


def _asks(view: View, call: ast.Call) -> bool:
    return is_model_call(view.project, view.path, view.reading, call, 2)


def _pair(view: View, node: ast.Await, call: ast.Call) -> Iterator[Hit]:
    """The second of two statements in a row that ask without need of the first's answer."""
    reading = view.reading
    here = reading.parent(node)
    if not isinstance(here, ast.Assign) or len(here.targets) != 1 or not isinstance(here.targets[0], ast.Name):
        return
    block = getattr(reading.parent(here), "body", None)
    if not isinstance(block, list):
        return
    at = next((index for index, it in enumerate(block) if it is here), 0)
    before = block[at - 1] if at else None
    if (
        not isinstance(before, ast.Assign)
        or not isinstance(before.value, ast.Await)
        or not isinstance(before.value.value, ast.Call)
    ):
        return
    first = before.value.value
    names = {it.id for target in before.targets for it in ast.walk(target) if isinstance(it, ast.Name)}
    used = {it.id for it in ast.walk(call) if isinstance(it, ast.Name)}
    if names & used or _STATEFUL.fullmatch(dotted(first.func).rpartition(".")[2]):
        return
    if (
        isinstance(first.func, ast.Attribute)
        and dotted(first.func.value).partition(".")[0] == "self"
        and dotted(first.func) != dotted(call.func)
    ):
        return  # two methods of one object may share what it keeps
    if _asks(view, first) and _asks(view, call):
        yield Hit(node, f"`{ast.unparse(call.func)}` waits for the question before it, of whose answer it needs nothing.")
