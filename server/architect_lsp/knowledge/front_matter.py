"""Front matter of Markdown files as agents, skills and commands have it: a lenient reader that says where each field stands.

Lenient, because many published agent files are no strict YAML: a `description` with colons and examples in it, in one long line
or in several. `strict` says what a strict reader of YAML would refuse. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from architect_lsp.model import Span
from architect_lsp.patterns import regex

_KEY = regex(r"([A-Za-z][\w-]*)[ \t]*:(?:[ \t]+(.*)|[ \t]*)$")
_KNOWN = ("name", "description", "model", "color", "tools")
_LATE = ("maxTurns", "permissionMode", "skills", "hooks", "memory", "effort", "license", "mcpServers", "version")
"""Names that begin a field after a description too, as those of `_KNOWN` do."""
_SPEAKERS = ("user", "assistant", "human", "system", "agent", "context", "commentary", "example", "examples", "note", "notes")
"""What begins a line of an example in a description."""
_QUOTES = "\"'"
_OPENS_BADLY = regex(r"[@`%]|[&*!](?=\S)|[|>](?![+-]?\d?[ \t]*(?:#.*)?$)|[\]},]|[?:-](?=\s|$)")
"""What no plain text of YAML may begin with."""


class Field(Struct, frozen=True):
    """One field. `value` is the text it means, `lines` how it is written, the first without the name.

    `key` is where its name stands in the file's text, `span` all that is written after the name.
    """

    name: str
    value: str
    lines: tuple[str, ...]
    key: Span
    span: Span

    @property
    def entries(self) -> tuple[str, ...]:
        """The value as a list: `Read, Bash(git diff:*)` are two entries, as are lines with a dash."""
        return listed(self.value)


@dataclass(slots=True)
class FrontMatter:
    """What stands above a Markdown text. `notes` say, one a line, what the reader had to guess; `opened` whether there is any."""

    fields: dict[str, Field] = field(default_factory=dict)
    repeated: list[Field] = field(default_factory=list)
    body: str = ""
    body_at: int = 0
    notes: list[str] = field(default_factory=list)
    opened: bool = False
    closed: bool = False

    def text(self, name: str) -> str:
        """The value of a field, "" where it is missing."""
        found = self.fields.get(name)
        return found.value if found is not None else ""


def front_matter(text: str) -> FrontMatter:
    """The front matter of a text."""
    found = FrontMatter()
    starts = [0, *(it.end() for it in re.finditer("\n", text))]
    lines = [it.rstrip("\r") for it in text.split("\n")]
    first = next((n for n, it in enumerate(lines) if it.strip()), 0)
    if lines[first].removeprefix("\ufeff").rstrip() != "---":
        found.notes.append("no front matter; the whole file is the prompt")
        found.body = text
        return found
    found.opened = True
    last = next((n for n in range(first + 1, len(lines)) if lines[n].rstrip() in ("---", "...")), None)
    found.closed = last is not None
    after = (last or 0) + 1
    if last is None:
        last = after = next((n for n in range(first + 1, len(lines)) if not lines[n].strip()), len(lines))
        found.notes.append("the front matter has no closing `---`; it is taken to end at the first empty line")
    found.body = "\n".join(lines[after:])
    found.body_at = starts[after] if after < len(starts) else len(text)
    for name, rows in _raw(lines, first + 1, last, found.notes):
        at = starts[rows[0][0]]
        begin = at + len(lines[rows[0][0]]) - len(rows[0][1])
        end = starts[rows[-1][0]] + len(lines[rows[-1][0]].rstrip())
        written = tuple(it for _, it in rows)
        it = Field(name, _value(name, written, found.notes), written, Span(at, at + len(name)), Span(begin, max(begin, end)))
        if name in found.fields:
            found.notes.append(f"`{name}` is given twice; the last one holds")
            found.repeated.append(found.fields[name])
        found.fields[name] = it
    return found


def listed(value: str) -> tuple[str, ...]:
    """The entries of a list in one line; "Bash(git diff:*)" is one."""
    value = value.strip().removeprefix("[").removesuffix("]")
    parts = re.findall(r"[^,(]+(?:\([^)]*\))?", value)
    return tuple(it for it in (part.strip().strip(_QUOTES) for part in parts) if it)


def strict(it: Field) -> str:
    """Why a strict reader of YAML refuses a field, or reads another text than the lenient one; "" where it does neither."""
    first = it.lines[0].strip()
    rest = [row for row in it.lines[1:] if row.strip()]
    if re.fullmatch(r"[|>][+-]?\d?[+-]?(?:\s+#.*)?", first):
        indents = {row[:1] for row in rest}
        return "" if indents <= {" "} else "a line of its block is not indented"
    if any(not row[:1].isspace() and not (row.startswith("- ") and not first) for row in rest):
        return "a line of it is not indented"
    if first[:1] in _QUOTES and first:
        return _of_quoted("\n".join([first, *(row.strip() for row in rest)]))
    if not first:
        return _of_items(rest)
    if first[:1] in "[{":
        return _of_brackets(" ".join([first, *(row.strip() for row in rest)]))
    return _of_plain([first, *(row.strip() for row in rest)])


def quoted(it: Field) -> str:
    """A field's text as any reader of YAML takes it for the same: in single quotes, or as a block where it has several lines."""
    value = it.value if not it.lines[0].strip().startswith(tuple(_QUOTES)) else " ".join(row.strip() for row in it.lines)
    if "\n" in value:
        return "|-\n" + "\n".join(f"  {row}".rstrip() for row in value.split("\n"))
    return "'" + value.replace("'", "''") + "'"


def _of_plain(rows: Sequence[str]) -> str:
    for row in rows:
        if re.search(r":(?:\s|$)", row):
            return "`: ` in it begins a new entry"
        if re.search(r"(?:^|\s)#", row):
            return "` #` in it begins a comment"
    if _OPENS_BADLY.match(rows[0]):
        return f"plain text can't begin with `{rows[0][0]}`"
    return ""


def _of_brackets(text: str) -> str:
    depth, quote = 0, ""
    for index, it in enumerate(text):
        if quote:
            quote = "" if it == quote else quote
        elif it in _QUOTES and re.match(r"[\[{,:\s]", text[index - 1]):
            quote = it
        elif it in "[{":
            depth += 1
        elif it in "]}":
            depth -= 1
            if depth == 0:
                return "" if re.fullmatch(r"\s*(?:#.*)?", text[index + 1 :]) else f"text follows its `{it}`"
    return f"its `{text[0]}` does not close"


def _of_items(rows: Sequence[str]) -> str:
    for row in rows:
        item = row.strip().removeprefix("-").strip()
        if row.lstrip().startswith("- ") and item[:1] not in (*_QUOTES, "[", "{") and _of_plain([item or "x"]):
            return _of_plain([item])
    return ""


def _of_quoted(text: str) -> str:
    quote = text[0]
    inner = re.sub(r"''", "", text[1:]) if quote == "'" else re.sub(r"\\.", "", text[1:], flags=re.DOTALL)
    end = inner.find(quote)
    if end < 0:
        return "its quotation does not close"
    return "" if re.fullmatch(r"\s*(?:#.*)?", inner[end + 1 :]) else "text follows its quotation"


def _raw(lines: Sequence[str], start: int, end: int, notes: list[str]) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """(field, its rows with their numbers), the first row without the name."""
    current: tuple[str, list[tuple[int, str]]] | None = None
    seen: set[str] = set()
    for n in range(start, end):
        it = lines[n]
        match = _KEY.match(it)
        # inside a description, "Context: ..." at the margin is prose; only names an agent file knows begin a field there
        in_text = current is not None and current[0] == "description" and not _is_block(current[1], n)
        if match and (match[1] in _KNOWN or (not in_text and match[1] not in seen) or (in_text and _is_field(match[1], seen))):
            if current is not None:
                yield current
            current = (match[1], [(n, match[2] or "")])
            seen.add(match[1])
        elif current is not None and not it.lstrip().startswith("#"):
            if it.strip() and not it[0].isspace() and not it.startswith("- "):
                notes.append(f"a line that is no field was taken to go on with `{current[0]}`: {it.strip()[:40]}")
            current[1].append((n, it))
    if current is not None:
        while len(current[1]) > 1 and not current[1][-1][1].strip():
            current[1].pop()
        yield current


def _is_block(rows: Sequence[tuple[int, str]], n: int) -> bool:
    """Whether the line `n` comes after a block whose lines are all indented: a line that is not ends it for any reader."""
    opens = re.fullmatch(r"[|>][+-]?\d?[+-]?(?:\s+#.*)?", rows[0][1].strip())
    return bool(opens) and len(rows) > 1 and all(it[:1] in ("", " ") for row, it in rows[1:] if row < n)


def _is_field(name: str, seen: set[str]) -> bool:
    """Whether a name after a description is a field's: as fields are written, not as a sentence or a speaker's turn begins."""
    return name not in seen and ("-" in name or name in _LATE or (name.islower() and name not in _SPEAKERS))


def _value(name: str, lines: Sequence[str], notes: list[str]) -> str:
    first, rest = lines[0].strip(), [it.strip() for it in lines[1:]]
    if re.fullmatch(r"[|>][+-]?\d?", first):
        return ("\n" if first[0] == "|" else " ").join(rest).strip()
    if first == "" and rest and all(it.startswith("-") for it in rest if it):
        return ", ".join(it.lstrip("- ").strip(_QUOTES) for it in rest if it)
    text = "\n".join([first, *rest]).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        inner = text[1:-1]
        if text[0] == "'":
            return inner.replace("''", "'")
        return re.sub(r"\\(.)", lambda it: {"n": "\n", "t": "\t"}.get(it[1], it[1]), inner)
    if text[:1] in ("'", '"'):
        notes.append(f"`{name}` opens a quotation that doesn't close; it is taken as it stands")
    if re.search(r":\s", text):
        notes.append(f"`{name}` holds a colon without quotes, which is no strict YAML; it is taken as it stands")
    if "\\n" in text:
        notes.append(f"`{name}` holds `\\n` written out; line breaks are put in")
        text = text.replace("\\n", "\n")
    return re.sub(r"\s+#\s.*$", "", text) if name != "description" else text
