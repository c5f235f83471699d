"""What a streamed answer used is read, and never sent.

Why: OpenAI's service tells the usage of a stream only where it was asked to: without `stream_options={"include_usage": True}`
each chunk's `usage` is None, and the sum that is kept, shown or billed stays zero.
Instead: ask for it; the last chunk then has it, and no choices.

    client.chat.completions.create(..., stream=True, stream_options={"include_usage": True})

Consequences: budgets that never fill, bills that nobody can explain.
Tests: script a stream; assert that a number other than zero is kept.
Source: https://platform.openai.com/docs/api-reference/chat/create (`stream_options`)
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.model_calls import model_calls
from architect_lsp.knowledge.reading import constant
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C5", "E2"],
    needs=[".usage"],
    bad=[
        Bad("""
from openai import AsyncOpenAI

client = AsyncOpenAI()

async def write(messages):
    tokens = 0
    stream = await [|client.chat.completions.create(model="m", messages=messages, stream=True)|]
    async for chunk in stream:
        if chunk.usage:
            tokens = chunk.usage.total_tokens
    return tokens
"""),
    ],
    good=[
        """
from openai import AsyncOpenAI

client = AsyncOpenAI()

async def write(messages, options):
    stream = await client.chat.completions.create(
        model="m", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    async for chunk in stream:
        print(chunk.usage)
    async for chunk in await client.chat.completions.create(model="m", messages=messages, stream=True, **options):
        print(chunk.usage)
    return (await client.chat.completions.create(model="m", messages=messages)).usage

async def other(messages):
    return [it async for it in await client.chat.completions.create(model="m", messages=messages, stream=True)]
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Streams that were not told to send their usage, in functions that read it and ask in no other way."""
    calls = [it for it in model_calls(view.project, view.path, view.reading) if it.kit == "openai"]
    for it in calls:
        function = view.reading.function(it.node)
        if constant(it.keyword("stream")) is not True or it.is_open or it.keyword("stream_options", "extra_body") is not None:
            continue
        if "completions" not in it.name or any(
            other is not it and view.reading.function(other.node) is function for other in calls
        ):
            continue
        if any(isinstance(node, ast.Attribute) and node.attr == "usage" for node in view.reading.within(function)):
            yield Hit(it.node, "The usage that is read from this stream is always None: `stream_options` does not ask for it.")
