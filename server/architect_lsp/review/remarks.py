"""What a model says: the answer's schema, and the way from a remark to a finding that stands in the source.

A remark is text of unknown worth. It becomes a finding when its quote was found in the text under review; else it is dropped,
with a reason. What it says is made harmless (`review.markdown`), its fix may edit what the model was shown and is never
called safe. Nothing here raises on anything a model can write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from architect_lsp import text as texts
from architect_lsp.model import Confidence, Domain, Edit, Finding, Fix, Parts, Provenance, Severity, Snapshot, Span
from architect_lsp.patterns import regex
from architect_lsp.review import markdown
from architect_lsp.review.packing import shown_path

MAX_QUOTE = 4_000
MAX_MESSAGE = 300
MAX_PART = 4_000
MAX_EDITS = 20
MAX_REPLACEMENT = 20_000
"""Longest accepted texts, in characters, and most edits of one fix."""

MISLEADING = regex(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


class _Said(BaseModel):
    """Extra fields are let pass, null means nothing said; the schema asks for every field and for no other."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _nothing(cls, value: Any, info: Any) -> Any:
        if value is None:
            return cls.model_fields[info.field_name].get_default(call_default_factory=True)
        return value


class RemarkEdit(_Said):
    """Replace the code that `quote` shows."""

    quote: str = Field(description="The code to be replaced, copied exactly from the file; long enough to occur once.")
    replacement: str = Field("", description='What stands there instead; "" deletes it.')
    path: str = Field("", description='The file to edit, when another one that was shown is meant; "" is the file under review.')


class RemarkFix(_Said):
    """A change that removes the finding."""

    title: str = Field("", description='What the change does, as a command of at most 70 characters; "" when there is no fix.')
    edits: tuple[RemarkEdit, ...] = Field(
        (), description="Every edit the change needs, imports included; [] when there is no fix."
    )


class Remark(_Said):
    """One finding as the model writes it. The order of fields is the order they stream in: what a reader needs first is first."""

    quote: str = Field(description="One to six lines of the code, copied exactly, that show the finding; they must occur once.")
    symbol: str = Field("", description='Qualified name of the function or class around the quote; "" at module level.')
    rule: str = Field(description="The kind of finding in two to four lower-case words joined by hyphens: unbounded-retry.")
    domain: Domain = Field(description="Which of the six it belongs to.")
    severity: Severity = Field(description="error: breaks, leaks or loses data. warning: will hurt. note: worth knowing.")
    confidence: Confidence = Field(Confidence.MEDIUM, description="high only when the code shown proves it.")
    message: str = Field(description="One line that stands alone: what is wrong and what comes of it.")
    consequences: str = Field("", description="S1: what it does to scalability and maintainability.")
    instead: str = Field("", description="S2: a concrete code example with its error handling, in Markdown.")
    why: str = Field("", description="S3: the reasoning.")
    trade_offs: str = Field("", description="S3: what was weighed against it, and when the code may stay.")
    tests: str = Field("", description="S4: how to test it, and the edge cases.")
    security: str = Field("", description="S5: what an attacker gains, and the practice that prevents it.")
    observability: str = Field("", description="S6: what to log, measure, trace or alert on.")
    performance: str = Field("", description="S7: the cost now, and the cheaper way.")
    fix: RemarkFix = Field(RemarkFix(), description="A change that can be applied as it is, or an empty one.")

    @field_validator("domain", "severity", "confidence", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value


class Answer(BaseModel):
    """The whole answer; its schema is sent, its objects are read one by one as they arrive."""

    remarks: tuple[Remark, ...] = Field(description="The gravest first; [] when nothing is worth a senior engineer's word.")


class Drafts(BaseModel):
    """What a model answers when a fix is asked for."""

    fixes: tuple[RemarkFix, ...] = Field(
        description="One to three ways to mend it, the best first, each complete in itself; [] when none can be had so."
    )


class SaidTest(_Said):
    """What a model answers when a test is asked for that shows a finding."""

    name: str = Field("", description="What the test shows, in three to six lower-case words joined by underscores.")
    code: str = Field("", description='The whole file, imports first; "" when no such test can be written.')
    claim: str = Field("", description="One line: what the test shows, or what is missing to write it.")
    fails_with: str = Field("AssertionError", description="The exception that the test fails with on the code as it is.")


class Verdict(_Said):
    """What a second look says of one remark."""

    number: int = Field(description="The remark's number.")
    keep: bool = Field(description="Whether it is true of this code and worth a senior engineer's word.")
    reason: str = Field("", description='Why not, in one line; "" when it is kept.')


class Verdicts(BaseModel):
    """What a model answers when its remarks are looked at again."""

    verdicts: tuple[Verdict, ...] = Field(description="One for each remark.")


class Dropped(Struct, frozen=True):
    """A remark that did not become a finding; `reason` is one line for a log or a count."""

    reason: str
    quote: str = ""


def schema() -> dict[str, Any]:
    """The JSON schema of `Answer` in the subset that structured outputs accept: every property required, no defaults."""
    return _schema_of(Answer)


def draft_schema() -> dict[str, Any]:
    """The schema of `Drafts`, in the same subset."""
    return _schema_of(Drafts)


def said_test_schema() -> dict[str, Any]:
    """The schema of `SaidTest`, in the same subset."""
    return _schema_of(SaidTest)


def verdict_schema() -> dict[str, Any]:
    """The schema of `Verdicts`, in the same subset."""
    return _schema_of(Verdicts)


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    whole = model.model_json_schema()
    return cast("dict[str, Any]", _plain(whole, whole.get("$defs", {})))


def parsed(item: str | None) -> Remark | Dropped:
    """The remark in one object's text; None stands for an object that was too long or too deep to keep."""
    if item is None:
        return Dropped("too long or nested too deep")
    try:
        return Remark.model_validate_json(item)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = ".".join(str(it) for it in first["loc"])
        return Dropped(f"not a remark: {name or 'JSON'}: {markdown.line(first['msg'], 120)}")


def located(
    remark: Remark, snapshot: Snapshot, selection: Span, provenance: Provenance, others: Mapping[str, str] | None = None
) -> Finding | Dropped:
    """The finding the remark makes in this text, or why it makes none.

    The quote is sought in the whole file; when it stands in several places, the only one inside `selection` is meant. `others`
    are the texts of the other files that were shown, by path: a fix may edit them too.
    """
    quote = remark.quote.strip()
    short = markdown.line(quote, 80)
    if not quote:
        return Dropped("quotes nothing")
    if len(quote) > MAX_QUOTE:
        return Dropped("quote is too long", short)
    message, rule = markdown.line(remark.message, MAX_MESSAGE), kebab(remark.rule)
    if not message or not rule:
        return Dropped("says nothing", short)
    span = _place(snapshot.text, quote, [selection])
    if span is None:
        several = _occurs(snapshot.text, quote)
        return Dropped("quote stands in several places" if several else "quote is not in the file", short)
    drafted = proposed(remark.fix, snapshot, [span, selection], others or {})
    fix = drafted if isinstance(drafted, Fix) else None
    return Finding(
        rule=rule,
        domain=remark.domain,
        severity=remark.severity,
        confidence=remark.confidence,
        path=snapshot.path,
        span=span,
        message=message,
        symbol=remark.symbol if re.fullmatch(r"[\w.<>:#$]{1,200}", remark.symbol) else "",
        quote=snapshot.text[span.start : span.end],
        parts=_parts(remark, snapshot.language, unused_fix=fix is None),
        fixes=(fix,) if fix else (),
        provenance=provenance,
    )


def kebab(name: str) -> str:
    """A rule's name as lower-case words joined by hyphens, without a prefix set off by "/" or ":", at most 60 characters."""
    last = re.split(r"[/:]", name.strip(" /:"))[-1]
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", last).lower())
    return "-".join(words)[:60].strip("-")


def _parts(remark: Remark, language: str, *, unused_fix: bool) -> Parts:
    said = {
        name: markdown.clean(getattr(remark, name), MAX_PART)
        for name in ("consequences", "instead", "why", "trade_offs", "tests", "security", "observability", "performance")
    }
    if unused_fix:
        shown = [it.replacement[:MAX_PART].strip("\n") for it in remark.fix.edits[:MAX_EDITS] if it.replacement.strip()]
        code = "\n\n".join(it for it in shown if it.strip() not in said["instead"])[:MAX_PART]
        if code:
            said["instead"] = (said["instead"] + "\n\n" + markdown.clean(markdown.fenced(code, language), MAX_PART + 20)).strip()
    return Parts(**said)


def _place(text: str, quote: str, near: Sequence[Span]) -> Span | None:
    span = texts.locate(text, quote)
    for it in near:
        span = span or texts.locate(text, quote, it)
    return span


def _occurs(text: str, quote: str) -> bool:
    return re.search(r"\s+".join(re.escape(it) for it in quote.split()), text) is not None


def proposed(fix: RemarkFix, snapshot: Snapshot, near: Sequence[Span], others: Mapping[str, str]) -> Fix | str:
    """The fix in this text and the others that were shown, or why there is none, as a clause.

    Quotes that occur more than once in the snapshot's text are sought in `near`.
    """
    title = markdown.line(fix.title, 100)
    if not title or not fix.edits or len(fix.edits) > MAX_EDITS:
        return "it has no title or no edits" if len(fix.edits) <= MAX_EDITS else "it has too many edits"
    edits: list[Edit] = []
    for it in fix.edits:
        path = file_of(it, snapshot.path, others)
        if path is None:
            return f"it edits {markdown.line(it.path, 100)}, which was not shown"
        if len(it.quote) > MAX_QUOTE or len(it.replacement) > MAX_REPLACEMENT or MISLEADING.search(it.replacement):
            return "an edit is too long, or holds characters that are not what they seem"
        own = path == snapshot.path
        text = snapshot.text if own else others[path]
        span = _place(text, it.quote, near if own else ())
        if span is None:
            return "its quotes are not in the file exactly once"
        edits.append(replace(_edit(text, span, it), path=None if own else path))
    touched = {it.path for it in edits if it.path is not None}
    for path in (None, *touched):
        text = snapshot.text if path is None else others[path]
        if texts.apply(text, [it for it in edits if it.path == path]) is None:
            return "its edits overlap"
    if all((snapshot.text if it.path is None else others[it.path])[it.span.start : it.span.end] == it.text for it in edits):
        return "it changes nothing"
    counts_on = tuple((path, texts.digest(others[path])) for path in sorted(touched))
    return Fix(title, tuple(edits), safe=False, by_model=True, counts_on=counts_on)


def file_of(edit: RemarkEdit, path: str, others: Iterable[str]) -> str | None:
    """The path of the file that an edit means, as the model was shown it; None where it was not shown."""
    said = edit.path.strip().removeprefix("./")
    if said in ("", path, shown_path(path)):
        return path
    meant = [it for it in others if said in (it, shown_path(it))]
    return meant[0] if len(meant) == 1 else None


def _edit(text: str, span: Span, edit: RemarkEdit) -> Edit:
    """The edit with the file's own indentation and line ends, whatever margin the model copied the code at."""
    lines = edit.replacement.replace("\r\n", "\n").strip("\n").split("\n")
    if not "".join(lines).strip():
        return Edit(_whole_lines(text, span), "")
    indent = text[_line_start(text, span.start) : span.start]
    newline = "\r\n" if "\r\n" in text else "\n"
    if not indent.strip():
        base = _margin(lines[0])
        if base and _margin(edit.quote.strip("\r\n")) == indent:  # copied with its margin, so a new margin is meant
            return Edit(Span(span.start - len(indent), span.end), newline.join(lines))
        if base or (indent and not _stands_absolute(text[span.start : span.end], edit.quote, lines, indent)):
            lines[1:] = [indent + it.removeprefix(base) if it.strip() else "" for it in lines[1:]]
        lines[0] = lines[0].lstrip()
    return Edit(span, newline.join(lines))


def _stands_absolute(source: str, quote: str, lines: Sequence[str], indent: str) -> bool:
    """Whether the lines after the first are indented as in the file, told by the quote or by what the first line opens."""
    quoted = [it for it in quote.strip().splitlines()[1:] if it.strip()]
    copied = [it for it in source.splitlines()[1:] if it.strip()]
    if quoted and copied:
        return _margin(quoted[0]) == _margin(copied[0])
    rest = next((it for it in lines[1:] if it.strip()), indent)
    if lines[0].rstrip().endswith((":", "(", "[", "{")):
        return len(indent) < len(_margin(rest))
    return rest.startswith(indent)


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _margin(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _whole_lines(text: str, span: Span) -> Span:
    start = _line_start(text, span.start)
    match = re.compile(r"[ \t]*(?:\r\n?|\n|\Z)").match(text, span.end)
    if text[start : span.start].strip() or match is None:
        return span
    return Span(start, match.end())


def _plain(node: Any, definitions: Any) -> Any:
    """The schema without references, titles and defaults, every property required."""
    if isinstance(node, list):
        return [_plain(it, definitions) for it in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = {**definitions[node["$ref"].rpartition("/")[2]], **node}
    if "properties" in node:
        fields = {name: _plain(it, definitions) for name, it in node["properties"].items()}
        return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    kept = {key: it for key, it in node.items() if key not in ("title", "default", "$ref", "$defs")}
    return {key: _plain(it, definitions) for key, it in kept.items()}
