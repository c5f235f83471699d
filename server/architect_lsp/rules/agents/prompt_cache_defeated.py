"""A time stamp or an id stands in front of the part of a prompt that never changes.

Why: a provider's prompt cache keeps what requests have in common from their first character on. When the first line differs each
time, nothing is in common: the long instructions behind it are paid for in full, on every call.
Instead: what is the same for all goes first; what changes goes to the end, or into the user's message.

    system = [{"type": "text", "text": INSTRUCTIONS, "cache_control": {"type": "ephemeral"}}]
    messages = [{"role": "user", "content": f"Today is {date.today()}.\\n\\n{question}"}]

Consequences: input tokens cost up to ten times as much as they need to, and the first token comes later.
Trade-offs: a date that changes once a day spoils the cache once a day; a clock or an id spoils it always.
Tests: assert in a test that two prompts built a second apart begin alike.
Observability: record cached and fresh input tokens of each answer; a rate near zero is this defect.
Performance: cached tokens are read for a tenth of the price on Anthropic's service, and skip most of the time to first token.
Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching; https://platform.openai.com/docs/guides/prompt-caching
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.constants import text
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.sources import is_model_call
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C5", "B5"],
    needs=["system", "instructions"],
    bad=[
        Bad("""
from datetime import datetime
import anthropic

client = anthropic.Anthropic()
RULES = "You help the customers of a shop. " * 60

def ask(question):
    return client.messages.create(
        model="m",
        max_tokens=100,
        system=f"Now it is {[|datetime.now()|]}. {RULES}",
        messages=[{"role": "user", "content": question}],
    )
"""),
        Bad("""
import uuid
from openai import OpenAI

client = OpenAI()
GUIDE = "Answer as a lawyer would. " * 100

def ask(question):
    run = uuid.uuid4()
    prompt = f"Run {[|run|]}\\n{GUIDE}"
    return client.chat.completions.create(
        model="m",
        messages=[{"role": "system", "content": prompt}, {"role": "user", "content": question}],
    )
"""),
    ],
    good=[
        """
from datetime import date, datetime
import anthropic

client = anthropic.Anthropic()
RULES = "You help the customers of a shop. " * 60

def ask(question):
    return client.messages.create(
        model="m",
        max_tokens=100,
        system=f"{RULES} Now it is {datetime.now()}.",
        messages=[{"role": "user", "content": f"{datetime.now()} {question}"}],
    )

def short(question):
    return client.messages.create(
        model="m",
        max_tokens=100,
        system=f"It is {datetime.now()}.",
        messages=[{"role": "user", "content": question}],
    )

def daily(question):
    return client.messages.create(
        model="m",
        max_tokens=100,
        system=f"Today is {date.today()}. {RULES}",
        messages=[{"role": "user", "content": question}],
    )
"""
    ],
)

_CLOCKS = regex(
    r"(?:datetime\.)*datetime\.(?:now|utcnow)|time\.(?:time|time_ns)|uuid\.uuid[14]|uuid[14]|(?:timezone|django\.utils\.timezone)\.now"
)
_DAILY = regex(r"%[YmdBbAa]|date\(\)|\.date\b|%x", re.IGNORECASE)
_TIMED = regex(r"%[HMSfXcTs]")
_STABLE = 120
"""Characters of unchanging text behind the changing part from which on the order costs something."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Clocks and fresh ids in front of the constant text of a system prompt."""
    for call in view.reading.each(ast.Call):
        prompt = _system(call)
        if prompt is not None and is_model_call(view.project, view.path, view.reading, call):
            changing = _before_stable(view, _followed(view, prompt))
            if changing is not None:
                yield Hit(
                    changing,
                    f"`{ast.unparse(changing)}` changes with each request and stands before the constant part of the prompt.",
                )


def _system(call: ast.Call) -> ast.expr | None:
    """The system prompt that a call is given."""
    told = keyword(call, "system") or keyword(call, "instructions")
    if told is None:
        messages = keyword(call, "messages")
        first = messages.elts[0] if isinstance(messages, ast.List) and messages.elts else None
        if isinstance(first, ast.Dict):
            entry = {constant(key): value for key, value in zip(first.keys, first.values, strict=True)}
            told = entry.get("content") if constant(entry.get("role")) in ("system", "developer") else None
    if isinstance(told, ast.List) and told.elts and isinstance(told.elts[0], ast.Dict):
        block = told.elts[0]
        return next((value for key, value in zip(block.keys, block.values, strict=True) if constant(key) == "text"), None)
    return told


def _followed(view: View, node: ast.expr) -> ast.expr:
    """A local name's one value."""
    if isinstance(node, ast.Name):
        bound = view.reading.bindings(view.reading.function(node)).get(node.id, [])
        if len(bound) == 1 and bound[0] is not None:
            return bound[0]
    return node


def _before_stable(view: View, prompt: ast.expr) -> ast.expr | None:
    """The changing piece of a prompt that has enough unchanging text behind it."""
    changing: ast.expr | None = None
    stable = 0
    for piece in _pieces(prompt):
        if _changes(view, piece):
            changing = changing or piece
        elif changing is not None:
            stable += _length(view, piece)
        elif _length(view, piece) >= _STABLE:
            return None
    return changing if stable >= _STABLE else None


def _pieces(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.JoinedStr):
        for it in node.values:
            yield from _pieces(it.value if isinstance(it, ast.FormattedValue) else it)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _pieces(node.left)
        yield from _pieces(node.right)
    else:
        yield node


def _changes(view: View, node: ast.expr) -> bool:
    """Whether a piece is a clock or a fresh id; a date alone changes once a day."""
    value = _followed(view, node)
    written = ast.unparse(value)
    if _DAILY.search(written) and not _TIMED.search(written):
        return False
    return any(isinstance(it, ast.Call) and _CLOCKS.fullmatch(view.name(it.func) or dotted(it.func)) for it in ast.walk(value))


def _length(view: View, node: ast.expr) -> int:
    """Characters of a constant piece, as far as they can be told: a constant's name counts as long."""
    told = constant(node)
    if isinstance(told, str):
        return len(told)
    name = dotted(node)
    if not name:
        return 0
    said = text(view.project, view.path, Value("name", name), view.reading.owner(node))
    return len(said) if said is not None else _STABLE if name.rpartition(".")[2].isupper() else 0
