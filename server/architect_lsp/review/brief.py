"""A brief: everything one review sends, inside a budget of tokens, ranked, redacted, and named where it was left out.

What stays the same from review to review comes first and carries the cache marks: the agent and the rules of answering, then the
file. No time, no id and no absolute path stands before the last mark. What is said of the code is packed by `packing.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence, Set
from functools import cache
from string import Template
from typing import Any

from msgspec import Struct

from architect_lsp.model import Finding, Snapshot, Span
from architect_lsp.review import remarks
from architect_lsp.review.agents import SHIPPED, Agent, PromptError, prompt
from architect_lsp.review.context import Context
from architect_lsp.review.packing import Packing, estimated, fenced, one_line, shown_path
from architect_lsp.review.redact import Redaction, Redactor
from architect_lsp.settings import Settings

MIN_ROOM = 150
"""Tokens that must be left for code once the instructions are in."""

_FRAME = 120  # tokens of the task turn around the material
_COMMON = frozenset(("task", "path", "material"))
PAGES = ("api", "data", "async", "agents", "quality")
"""What a selection may be part of; each has a page of what to look at, shown where facts say so."""


class Turn(Struct, frozen=True):
    """What is asked: a prompt file, the inputs it takes beside the material, and the answer's schema, None for plain Markdown."""

    file_name: str
    inputs: frozenset[str] = frozenset()
    schema: Callable[[], dict[str, Any]] | None = None


REVIEW = Turn("review.md", schema=remarks.schema)
DRAFT = Turn("fix.md", frozenset(("finding",)), remarks.draft_schema)
DRAFT_TEST = Turn("test.md", frozenset(("finding", "habits")), remarks.said_test_schema)
SECOND_LOOK = Turn("second-look.md", frozenset(("remarks",)), remarks.verdict_schema)
CONSULT = Turn("consult.md", frozenset(("question",)))
TURNS = (REVIEW, DRAFT, DRAFT_TEST, SECOND_LOOK, CONSULT)


class Brief(Struct, frozen=True):
    """One request, ready to be sent. `tokens` is an estimate of its input; `left_out` names what the budget had no room for."""

    agent: str
    version: str
    model: str
    system: tuple[dict[str, Any], ...]
    messages: tuple[dict[str, Any], ...]
    max_output_tokens: int
    effort: str
    tokens: int
    left_out: tuple[str, ...]
    redaction: Redaction
    schema: dict[str, Any] | None = None
    others: tuple[str, ...] = ()
    """Paths of other files that are shown in part, and may be edited by a fix."""

    @property
    def redacted(self) -> tuple[str, ...]:
        """What was taken out, one line each, without the secrets."""
        return self.redaction.listed

    def body(self) -> dict[str, Any]:
        """The request's body, its keys in the order they are sent in."""
        shape = {"format": {"type": "json_schema", "schema": self.schema}} if self.schema is not None else {}
        return {
            "max_tokens": self.max_output_tokens,
            "messages": list(self.messages),
            "model": self.model,
            "output_config": {"effort": self.effort, **shape},
            "stream": True,
            "system": list(self.system),
        }

    def plain_body(self) -> dict[str, Any]:
        """The body for servers that know neither structured answers nor cache marks: the shape is asked for in words."""
        blocks = list(self.messages[0]["content"])
        if self.schema is not None:
            blocks.append(_block(template("shape.md", {"schema"}).substitute(schema=json.dumps(self.schema, indent=1))))
        return {
            "max_tokens": self.max_output_tokens,
            "messages": [{"role": "user", "content": [_block(it["text"]) for it in blocks]}],
            "model": self.model,
            "stream": True,
            "system": [_block(it["text"]) for it in self.system],
        }

    def as_json(self) -> str:
        """The exact text of the request's body."""
        return encoded(self.body()).decode()


def brief(
    snapshot: Snapshot,
    span: Span,
    context: Context,
    *,
    known: Sequence[Finding],
    agent: Agent,
    settings: Settings,
    turn: Turn = REVIEW,
    **inputs: str,
) -> Brief:
    """The brief of a review of `span`, extended to whole lines; most important first are what encloses it, facts, what is known.

    Another `turn` asks something else of the same material, with its own `inputs`, which are shown as data. Raises PromptError
    when the budget has no room for code beside the instructions.
    """
    enclosing, facts = context.enclosing, context.facts
    said = [f"{it.rule}: {it.message}" + (f" (`{one_line(it.quote)}`)" if it.quote else "") for it in known]
    instructions = [agent.body, prompt("answer.md")]
    related = [it for it in context.related if it.text]
    redactor = Redactor(agent.body, snapshot.text, *enclosing, *facts, *said, *(it.text for it in related), *inputs.values())
    schema = turn.schema() if turn.schema is not None else None
    n_shape = estimated(json.dumps(schema)) if schema is not None else 0
    given = {name: fenced(redactor.redacted(it), name) for name, it in inputs.items()}
    pages = [prompt(f"pages/{it}.md").strip() for it in context.pages] if agent.name in SHIPPED and turn is REVIEW else []
    room = settings.max_input_tokens - sum(map(estimated, (*instructions, *given.values(), *pages))) - n_shape - _FRAME
    if room < MIN_ROOM:
        least = settings.max_input_tokens - room + MIN_ROOM
        raise PromptError(f"`architect.maxInputTokens` leaves no room for code: raise it to {least:,} at least.")
    packing = Packing(snapshot, span, redactor, room, context.head)
    stable = packing.pack(enclosing, facts, said, related)
    path = shown_path(snapshot.path)
    asked = template(turn.file_name, _COMMON | turn.inputs).substitute(
        task=packing.task, path=path, material=packing.material, **given
    )
    file_block = [{**_block(f"{path}\n{stable}"), "cache_control": {"type": "ephemeral", "ttl": "5m"}}] if stable else []
    system = (
        _block(redactor.redacted(agent.body)),
        {**_block(instructions[1]), "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    )
    content = [*file_block, *map(_block, pages), _block(asked)]
    return Brief(
        agent=agent.name,
        version=version(agent),
        model=model_of(agent, settings),
        system=system,
        messages=({"role": "user", "content": content},),
        max_output_tokens=settings.max_output_tokens,
        effort=settings.effort,
        tokens=sum(estimated(it["text"]) for it in (*system, *content)) + n_shape,
        left_out=tuple(packing.left_out),
        redaction=redactor.redaction(),
        schema=schema,
        others=tuple(packing.others),
    )


def version(agent: Agent) -> str:
    """What an answer depends on besides the code: the agent's text and our turns, as a short hash."""
    return f"{agent.version}.{_turns_version()}"


def model_of(agent: Agent, settings: Settings) -> str:
    """A person's setting, else what the agent file asks for; on a server of one's own always the setting."""
    if "model" in settings.model_fields_set or settings.base_url or not agent.model:
        return settings.model
    return agent.model


def encoded(body: dict[str, Any]) -> bytes:
    """The bytes of a body as they are sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def template(file_name: str, inputs: Set[str]) -> Template:
    """A prompt with inputs. Raises PromptError when its inputs are not these."""
    made = Template(prompt(file_name))
    found = {it["named"] or it["braced"] for it in made.pattern.finditer(made.template) if it["escaped"] is None}
    if found != inputs:
        wrong = ", ".join(sorted(str(it) for it in found ^ inputs))
        raise PromptError(f"The prompt {file_name} has unknown or missing inputs: {wrong}.")
    return made


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@cache
def _turns_version() -> str:
    return hashlib.sha256(
        "\0".join(map(prompt, ("answer.md", "review.md", "shape.md", *(f"pages/{it}.md" for it in PAGES)))).encode()
    ).hexdigest()[:8]
