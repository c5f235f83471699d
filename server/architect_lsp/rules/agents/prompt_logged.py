"""The whole conversation is written to the log.

Why: a prompt holds what the user wrote, what was retrieved for them and what tools answered: names, mails, contracts. The log is
kept longer, copied further and read by more people than the conversation itself.
Instead: log what tells calls apart and what they cost; keep texts in a store of traces that has an owner and an end.

    log.info("asked %s with %d messages: %s tokens", MODEL, len(messages), reply.usage.total_tokens)

Consequences: private data in places that nobody thinks of when someone asks for its deletion.
Trade-offs: at the level DEBUG, off in production, it helps.
Security: secrets that a tool answered with lie in the log too.
Observability: OpenTelemetry's conventions for generative models leave contents out unless they are asked for.
Source: OWASP LLM02:2025 Sensitive Information Disclosure; https://opentelemetry.io/docs/specs/semconv/gen-ai/; CWE-532
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.model_calls import model_calls, prompts
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C5", "D4", "E2"],
    cwe=532,
    needs=[".info(", ".warning(", ".error(", ".exception("],
    bad=[
        Bad("""
import logging
from openai import AsyncOpenAI

client = AsyncOpenAI()
log = logging.getLogger(__name__)

async def answer(messages):
    log.info("Asking the model: %s", [|messages|])
    return await client.chat.completions.create(model="m", messages=messages, max_completion_tokens=500)
"""),
        Bad("""
import logging
import anthropic

client = anthropic.Anthropic()
logger = logging.getLogger(__name__)

def answer(question, pages):
    prompt = f"Answer from {pages}: {question}"
    logger.info(f"prompt: {[|prompt|]}")
    return client.messages.create(model="m", max_tokens=99, messages=[{"role": "user", "content": prompt}])
"""),
    ],
    good=[
        """
import logging
from openai import AsyncOpenAI

client = AsyncOpenAI()
log = logging.getLogger(__name__)

async def answer(messages, user):
    log.debug("Asking the model: %s", messages)
    log.info("Asking with %d messages for %s: %s", len(messages), user.id, messages[-1]["role"])
    return await client.chat.completions.create(model="m", messages=messages, max_completion_tokens=500, user=user.id)
""",
    ],
)

_LEVELS = ("info", "warning", "error", "exception", "critical")
_LOGS = regex(r"(?:^|[._])log(?:ger|ging)?$", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Names that are a call's prompt, logged whole at a level that is kept."""
    if is_script(view.path):
        return
    reading = view.reading
    sent: dict[ast.AST | None, set[str]] = {}
    for call in model_calls(view.project, view.path, reading):
        function = reading.function(call.node)
        names = {it.id for _, it in prompts(call, reading) if isinstance(it, ast.Name)}
        names |= {it.id for key in ("messages", "input") if isinstance(it := call.keyword(key), ast.Name)}
        sent.setdefault(function, set()).update(names)
    for node in reading.each(ast.Call) if sent else ():
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in _LEVELS or not _LOGS.search(dotted(node.func.value)):
            continue
        names = sent.get(reading.function(node), set())
        found = next((it for given in node.args for it in _whole(given) if it.id in names), None)
        if found is not None:
            yield Hit(found, f"The whole `{found.id}` goes to the log: all that users, documents and tools said.")


def _whole(node: ast.expr) -> Iterator[ast.Name]:
    """The names whose whole text is logged."""
    if isinstance(node, ast.Name):
        yield node
    elif isinstance(node, ast.JoinedStr):
        for it in node.values:
            if isinstance(it, ast.FormattedValue):
                yield from _whole(it.value)
    elif isinstance(node, ast.BinOp):
        yield from (*_whole(node.left), *_whole(node.right))
    elif isinstance(node, ast.Call) and dotted(node.func) in ("str", "repr", "json.dumps", "pformat", "pprint.pformat"):
        yield from (name for it in node.args[:1] for name in _whole(it))
