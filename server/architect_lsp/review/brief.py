"""A brief: everything one review sends, inside a budget of tokens, ranked, redacted, and named where it was left out.

What stays the same from review to review comes first and carries the cache marks: the agent and the rules of answering, then the
file. No time, no id and no absolute path stands before the last mark. Code and everything derived from it stands only inside
delimiters that can't occur in it, so that nothing in it can end its block and speak to the model.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from string import Template
from typing import Any

from architect_lsp.model import Finding, Snapshot, Span
from architect_lsp.review import remarks
from architect_lsp.review.agents import Agent, PromptError, prompt
from architect_lsp.review.context import Context, Excerpt
from architect_lsp.review.redact import Redaction, Redactor
from architect_lsp.settings import Settings
from architect_lsp.text import Lines

MIN_ROOM = 150
"""Tokens that must be left for code once the instructions are in."""

_WHOLE_FILE = 1_500
"""Tokens of a file that is shown whole whatever is selected; a larger one only where most of it is selected."""
_AROUND = 600
"""Most tokens that go to the lines around a selection: what it depends on tells more."""
_HEAD_LINES = 60
_FRAME = 120  # tokens of the task turn around the material
_INPUTS = {"review.md": {"task", "path", "material"}, "shape.md": {"schema"}}


@dataclass(frozen=True, slots=True)
class Brief:
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

    @property
    def redacted(self) -> tuple[str, ...]:
        """What was taken out, one line each, without the secrets."""
        return self.redaction.listed

    def body(self) -> dict[str, Any]:
        """The request's body, its keys in the order they are sent in."""
        return {
            "max_tokens": self.max_output_tokens,
            "messages": list(self.messages),
            "model": self.model,
            "output_config": {"effort": self.effort, "format": {"type": "json_schema", "schema": remarks.schema()}},
            "stream": True,
            "system": list(self.system),
        }

    def plain_body(self) -> dict[str, Any]:
        """The body for servers that know neither structured answers nor cache marks: the shape is asked for in words."""
        shape = turn("shape.md").substitute(schema=json.dumps(remarks.schema(), indent=1))
        blocks = [*self.messages[0]["content"], _block(shape)]
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
) -> Brief:
    """The brief of a review of `span`, extended to whole lines; most important first are what encloses it, facts, what is known.

    Raises PromptError when the budget has no room for code beside the instructions.
    """
    enclosing, facts = context.enclosing, context.facts
    said = [f"{it.rule}: {it.message}" + (f" (`{_one_line(it.quote)}`)" if it.quote else "") for it in known]
    instructions = [agent.body, prompt("answer.md")]
    related = [it for it in context.related if it.text]
    redactor = Redactor(agent.body, snapshot.text, *enclosing, *facts, *said, *(it.text for it in related))
    room = settings.max_input_tokens - sum(map(estimated, instructions)) - estimated(json.dumps(remarks.schema())) - _FRAME
    if room < MIN_ROOM:
        least = settings.max_input_tokens - room + MIN_ROOM
        raise PromptError(f"`architect.maxInputTokens` leaves no room for code: raise it to {least:,} at least.")
    packing = _Packing(snapshot, span, redactor, room, context.head)
    stable = packing.pack(enclosing, facts, said, related)
    path = shown_path(snapshot.path)
    asked = turn("review.md").substitute(task=packing.task, path=path, material=packing.material)
    file_block = [{**_block(f"{path}\n{stable}"), "cache_control": {"type": "ephemeral", "ttl": "5m"}}] if stable else []
    system = (
        _block(redactor.redacted(agent.body)),
        {**_block(instructions[1]), "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    )
    content = [*file_block, _block(asked)]
    return Brief(
        agent=agent.name,
        version=version(agent),
        model=model_of(agent, settings),
        system=system,
        messages=({"role": "user", "content": content},),
        max_output_tokens=settings.max_output_tokens,
        effort=settings.effort,
        tokens=sum(estimated(it["text"]) for it in (*system, *content)) + estimated(json.dumps(remarks.schema())),
        left_out=tuple(packing.left_out),
        redaction=redactor.redaction(),
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


def estimated(text: str) -> int:
    """About how many tokens the text is: its UTF-8 bytes by three, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // 3)


def turn(file_name: str) -> Template:
    """A prompt with inputs. Raises PromptError when its inputs are not the ones we have."""
    template = Template(prompt(file_name))
    found = {it["named"] or it["braced"] for it in template.pattern.finditer(template.template) if it["escaped"] is None}
    if found != _INPUTS[file_name]:
        wrong = ", ".join(sorted(str(it) for it in found ^ _INPUTS[file_name]))
        raise PromptError(f"The prompt {file_name} has unknown or missing inputs: {wrong}.")
    return template


def fenced(content: str, kind: str, lines: str = "", path: str = "") -> str:
    """The content between delimiters that don't occur in it; the same content has the same ones."""
    n = 0
    while True:
        nonce = hashlib.sha256(f"{n}{content}".encode("utf-8", "replace")).hexdigest()[:12]
        if nonce not in content:
            break
        n += 1
    where = (f' lines="{lines}"' if lines else "") + (f' path="{shown_path(path)}"' if path else "")
    return f'<data-{nonce} kind="{kind}"{where}>\n{content}\n</data-{nonce}>\n'


def shown_path(path: str) -> str:
    """The path as it may be sent: a file outside the project by its name alone, odd characters replaced."""
    absolute = path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", path)
    name = re.split(r"[/\\]", path)[-1] if absolute else path
    return re.sub(r"[^\w./@+-]", "_", name)[-200:] or "file"


class _Packing:
    """Fills the room of one brief; afterwards `material`, `task` and `left_out` say with what."""

    def __init__(self, snapshot: Snapshot, span: Span, redactor: Redactor, room: int, head: int | None) -> None:
        self.left_out: list[str] = []
        self._n_head, self._n_top = head, 0
        self._own_path = snapshot.path
        self._path = shown_path(snapshot.path)
        self._text, self._redactor, self._room = snapshot.text, redactor, room
        self._lines = Lines(snapshot.text)
        self._first = self._lines.line_of(min(span.start, span.end))
        self._last = self._lines.line_of(max(span.end - 1, span.start))
        self._blocks: list[str] = []
        whole = not snapshot.text[: self._lines.starts[self._first]].strip()
        self._is_whole = whole and not snapshot.text[self._lines.bounds(self._last)[1] :].strip()
        self.task = ""

    @property
    def material(self) -> str:
        """The blocks of the task turn."""
        return "\n".join(self._blocks)

    def pack(self, enclosing: Sequence[str], facts: Sequence[str], known: Sequence[str], related: Sequence[Excerpt] = ()) -> str:
        """Choose what fits; gives the block with the whole file, "" when it is not shown whole."""
        lists = (("enclosing", enclosing, "\n\n"), ("facts", facts, "\n"), ("known", known, "\n"))
        extra = sum(estimated(it) + 2 for _, texts, _ in lists for it in texts) + 40 * len(lists)
        n_file = estimated(self._text) + 40
        n_selection = 0 if self._is_whole else estimated(self._text[slice(*self._bounds(self._first, self._last))]) + 40
        stable = ""
        if n_file <= max(_WHOLE_FILE, 2 * n_selection, self._is_whole * n_file) and n_file + n_selection + extra <= self._room:
            stable = fenced(self._excerpt(0, len(self._lines) - 1), "file")
            self._room -= n_file
            inside = [it for it in enclosing if it.strip() not in self._text]
            lists = (("enclosing", inside, "\n\n"), *lists[1:])
        if stable and self._is_whole:
            self.task = "all"
        else:
            self._select()
        for kind, texts, joint in lists:
            self._add(kind, texts, joint)
        if not stable:
            self._top()
        for it in related:
            self._relate(it, whole=bool(stable))
        if not stable:
            self._surround()
        return stable

    def _select(self) -> None:
        last = self._first
        left = (self._room - 40) * 3 - self._n_bytes(last)
        cut = left < 0  # one line that is longer than all the room
        while last < self._last and self._n_bytes(last + 1) <= left:
            last += 1
            left -= self._n_bytes(last)
        excerpt = self._excerpt(self._first, last)
        if cut:
            excerpt = excerpt.encode()[: (self._room - 40) * 3].decode("utf-8", "ignore")
            self.left_out.append(f"the rest of line {self._first + 1} of {self._path}")
        if last < self._last:
            self.left_out.append(f"selected {_line_range(last + 1, self._last)} of {self._path}")
        self._last = last
        self.task = _line_range(self._first, last)
        self._put(excerpt, "selection", self.task)

    def _add(self, kind: str, texts: Sequence[str], joint: str) -> None:
        chosen = []
        left = self._room - 40
        for it in texts:
            text = self._redactor.redacted(it).strip()
            if estimated(text) + 2 <= left:
                chosen.append(text)
                left -= estimated(text) + 2
            elif text:
                self.left_out.append(f"{kind}: {_one_line(text)}")
        if chosen:
            self._put(joint.join(chosen), kind)

    def _relate(self, it: Excerpt, *, whole: bool) -> None:
        """Adds a definition from elsewhere, if there is room and it isn't shown already."""
        if it.ref.path == self._own_path and whole:
            return
        text = self._redactor.redacted(it.text).rstrip()
        block = fenced(f"# {it.ref.qualname}: {it.why}\n{text}", "related", path=it.ref.path)
        if estimated(block) <= self._room - 40:
            self._blocks.append(block)
            self._room -= estimated(block)
        else:
            self.left_out.append(f"related: {it.ref.qualname} of {shown_path(it.ref.path)}")

    def _top(self) -> None:
        """Adds the file's head: its imports and what else stands before the first definition."""
        left, n_head = (self._room - 120) * 3 // 2, 0
        while n_head < min(self._head(), self._first) and self._n_bytes(n_head) <= left:
            left -= self._n_bytes(n_head)
            n_head += 1
        self._n_top = n_head
        if n_head and self._excerpt(0, n_head - 1).strip():
            self._put(self._excerpt(0, n_head - 1), "head", _line_range(0, n_head - 1))

    def _surround(self) -> None:
        """Adds as many lines before and after the selection as fit and are of use."""
        n_lines, n_head = len(self._lines), self._n_top
        above, below = self._first, self._last
        n_selected = estimated(self._text[slice(*self._bounds(self._first, self._last))])
        left = min(self._room - 120, max(_AROUND // 3, min(_AROUND, n_selected))) * 3
        growing = True
        while growing:
            growing = False
            if n_head < above and self._n_bytes(above - 1) <= left:
                above, growing = above - 1, True
                left -= self._n_bytes(above)
            if below + 1 < n_lines and self._n_bytes(below + 1) <= left:
                below, growing = below + 1, True
                left -= self._n_bytes(below)
        for first, last, kind in ((above, self._first - 1, "before"), (self._last + 1, below, "after")):
            if first <= last and self._excerpt(first, last).strip():
                self._put(self._excerpt(first, last), kind, _line_range(first, last))
        for first, last in ((n_head, above - 1), (below + 1, n_lines - 1)):
            if first <= last and self._text[slice(*self._bounds(first, last))].strip():
                self.left_out.append(f"{_line_range(first, last)} of {self._path}")

    def _head(self) -> int:
        if self._n_head is not None:
            return min(_HEAD_LINES, self._n_head)
        for n in range(min(_HEAD_LINES, len(self._lines))):
            start, end = self._lines.bounds(n)
            if re.match(r"(?:async\s+def|def|class|@)\b", self._text[start:end]) or self._text.startswith("@", start):
                return n
        return min(_HEAD_LINES, len(self._lines))

    def _put(self, content: str, kind: str, lines: str = "") -> None:
        block = fenced(content, kind, lines.removeprefix("lines ").removeprefix("line "))
        self._blocks.append(block)
        self._room -= estimated(block)

    def _n_bytes(self, line: int) -> int:
        start, end = self._lines.bounds(line)
        return len(self._text[start:end].encode("utf-8", "replace")) + 2

    def _bounds(self, first: int, last: int) -> tuple[int, int]:
        return self._lines.starts[first], self._lines.bounds(last)[1]

    def _excerpt(self, first: int, last: int) -> str:
        text = self._redactor.redacted(self._text, Span(*self._bounds(first, last)))
        return text.encode("utf-8", "replace").decode()  # a lone surrogate can't be sent


def _line_range(first: int, last: int) -> str:
    """Lines from 0, shown from 1."""
    return f"line {first + 1}" if first == last else f"lines {first + 1}-{last + 1}"


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:79] + "…"


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@cache
def _turns_version() -> str:
    return hashlib.sha256("\0".join(map(prompt, ("answer.md", "review.md", "shape.md"))).encode()).hexdigest()[:8]
