"""What a workspace asks a model: the brief of a selection, its parts that were answered before, and the review of the others.

A part is a definition, or what stands between two. Its answer is kept in the ledger by what it depends on, so a review of
unchanged code sends nothing and says the same, and one after an edit asks about the edited parts alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Container, Iterator, Sequence
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from architect_lsp.engine import Skipped, Workspace
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.files import withheld
from architect_lsp.knowledge.foreign import Foreign
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Finding, Provenance, Span
from architect_lsp.patterns import regex
from architect_lsp.review import brief as briefs
from architect_lsp.review import budget, markdown
from architect_lsp.review.agents import Agent, PromptError, chosen
from architect_lsp.review.brief import Brief
from architect_lsp.review.claims import judged
from architect_lsp.review.context import context, cuts
from architect_lsp.review.ledger import Ledger, key_of
from architect_lsp.review.redact import Redactor
from architect_lsp.review.remarks import Dropped, Verdicts, located, parsed
from architect_lsp.review.reviewing import Notice, Piece, Reviewer, ReviewError, restored, review
from architect_lsp.review.reviewing import Receipt as Sent

_CODE_SHARE = 2
"""Characters of code in a request for each token of its budget: about three make a token, and the facts need room too."""
_LINES = regex(r"\(line \d+\)|, lines \d+-\d+")
"""What facts of other languages say of places; an answer does not depend on them."""


class Part(Struct, frozen=True):
    """A piece of a selection that is asked about, and answered, as one; `key` is all that its answer depends on.

    `others` are other files of which its brief may show a part.
    """

    span: Span
    key: bytes
    others: tuple[str, ...] = ()


def brief(workspace: Workspace, name: str, span: Span, agent: Agent) -> Brief:
    """What the model would be asked about `span`. Effect: reads files that are not open.

    Raises ReviewError when the file can't be read, PromptError when the budget has no room for code.
    """
    return request(workspace, document(workspace, name), span, agent)


def who_reviews(workspace: Workspace, document: Document, folders: Sequence[Path]) -> Agent:
    """Who reviews a document, by the settings and by what it is part of. Raises PromptError."""
    about = context(workspace.project, document, Span(0, len(document.text))).pages if workspace.settings.agent == "auto" else ()
    return chosen(workspace.settings, document.path, folders, about)


def document(workspace: Workspace, name: str) -> Document:
    """A file in work: the open one, else as it stands on disk. Raises ReviewError when it can't be read."""
    found = workspace.document(name)
    if isinstance(found, Skipped):
        raise ReviewError(f"{found.path} {found.reason}.")
    return found


def texts_of(workspace: Workspace, names: Sequence[str]) -> dict[str, str]:
    """The texts of files that a brief shows in part, by path; those that can't be had or may not leave are not in it."""
    found: dict[str, str] = {}
    for name in names:
        it = workspace.document(name)
        if not isinstance(it, Skipped) and not withheld(workspace.root, name, workspace.settings.never_send):
            found[name] = it.text
    return found


def parts(workspace: Workspace, document: Document, span: Span, agent: Agent) -> list[Part]:
    """`span` cut between definitions, each part with the key of its answer."""
    settings = workspace.settings
    who = (
        agent.name,
        briefs.version(agent),
        briefs.model_of(agent, settings),
        settings.effort,
        settings.base_url,
        settings.provider,
    )
    asked = (*who, "second look") if settings.second_look else who
    found: list[Part] = []
    borders = [span.start, *(it for it in cuts(document) if span.start < it < span.end), span.end]
    for start, end in pairwise(borders):
        text = document.text[start:end]
        if not text.strip():
            continue
        bearing = context(workspace.project, document, Span(start, end))
        facts = _LINES.sub("", "\n".join((*bearing.enclosing, *bearing.facts)))
        others = dict.fromkeys(it.ref.path for it in bearing.related if it.ref.path != document.path)
        found.append(Part(Span(start, end), key_of(*asked, document.path, text.strip(), facts), tuple(others)))
    return found


async def inquire(
    workspace: Workspace,
    document: Document,
    span: Span,
    agent: Agent,
    reviewer: Reviewer,
    ledger: Ledger,
    *,
    frozen: bool = False,
) -> AsyncGenerator[Finding | Dropped | Notice | Sent, None]:
    """The findings of a review of `span`: those of parts that were answered before at once, then the others as they stream.

    A receipt follows each request. Raises ReviewError when an answer can't be had; `frozen` asks nobody, and raises instead.
    """
    every = parts(workspace, document, span, agent)
    known = ledger.known([it.key for it in every])
    n_known = sum(it.key in known for it in every)
    replayed = Provenance("model", briefs.version(agent), briefs.model_of(agent, workspace.settings), agent.name, "ledger")
    rules = workspace.check(document).findings
    secrets = Redactor(document.text).redaction().lasting(ledger.salt)
    for part in every:
        for item in known.get(part.key, ()):
            remark = parsed(item)
            if isinstance(remark, Dropped):
                yield remark
            else:
                others = texts_of(workspace, part.others) if any(it.path for it in remark.fix.edits) else {}
                hidden = Redactor(document.text, *others.values()).redaction().lasting(ledger.salt) if others else secrets
                back = restored(remark, hidden, document.snapshot, others)
                found = located(back, document.snapshot, part.span, replayed, others)
                yield judged(workspace.project, document, found, rules) if isinstance(found, Finding) else found
    if n_known:
        yield Notice(f"{n_known} of {len(every)} parts were answered before.")
    if frozen and n_known < len(every):
        missing = next(it for it in every if it.key not in known)
        line = document.lines.line_of(missing.span.start) + 1
        raise ReviewError(f"{document.path}:{line} has no recorded answer, and nobody may be asked (--frozen).")
    run = budget.Run()
    for group in _grouped(every, known, workspace.settings.max_input_tokens * _CODE_SHARE):
        whole = True
        async with aclosing(_asked(workspace, document, group, agent, reviewer, ledger, run)) as events:
            async for event in events:
                whole = whole and not (isinstance(event, Sent) and not event.complete)
                if not isinstance(event, Finding):
                    yield event
                elif any(it.span.covers(event.span) for it in every if it.key in known):
                    yield Dropped("speaks of code that was answered before", event.quote)
                else:
                    yield judged(workspace.project, document, event, rules)
        if not whole:
            return


async def sent(
    workspace: Workspace, asked: Brief, agent: Agent, reviewer: Reviewer, ledger: Ledger, run: budget.Run
) -> AsyncGenerator[Piece | Notice | Sent, None]:
    """A request within the caps, noted in the ledger. Raises ReviewError when the answer is missing or ended early."""
    where = str(workspace.root)
    within = budget.within(asked, workspace.settings, ledger, where, run)
    async with aclosing(reviewer.review(within)) as events:
        async for event in events:
            if isinstance(event, Sent):
                run.usd += event.cost_usd or 0.0
                if event.bytes_sent:
                    ledger.note(event, where, agent.name)
            yield event


AnswerT = TypeVar("AnswerT", bound=BaseModel)


def answer_in(shape: type[AnswerT], text: str, asked: Brief) -> AnswerT:
    """The answer in its shape; what stands around the object is left out. Raises ReviewError when there is none."""
    begin, end = text.find("{"), text.rfind("}")
    try:
        return shape.model_validate_json(text[begin : end + 1])
    except ValidationError as error:
        raise ReviewError(f"{asked.model} didn't answer in the shape that was asked for: try again.") from error


async def _looked_again(
    workspace: Workspace,
    document: Document,
    span: Span,
    findings: Sequence[Finding],
    agent: Agent,
    reviewer: Reviewer,
    ledger: Ledger,
    run: budget.Run,
) -> AsyncGenerator[Finding | Dropped | Notice | Sent, None]:
    """The findings that a second look keeps. One that fails keeps them all, and says so."""
    listed = "\n".join(f"{number}. {it.rule}: {it.message} (`{it.quote}`)" for number, it in enumerate(findings, 1))
    refused: dict[int, str] = {}
    try:
        asked = request(workspace, document, span, agent, briefs.SECOND_LOOK, remarks=listed)
        text = ""
        async with aclosing(sent(workspace, asked, agent, reviewer, ledger, run)) as events:
            async for event in events:
                if isinstance(event, Piece):
                    text += event.text
                else:
                    yield event
        verdicts = answer_in(Verdicts, text, asked).verdicts
        refused = {it.number: markdown.line(it.reason, 120) or "no reason given" for it in verdicts if not it.keep}
    except (ReviewError, PromptError) as error:
        yield Notice(f"There was no second look: {error}")
    for number, it in enumerate(findings, 1):
        yield Dropped(f"a second look: {refused[number]}", it.quote) if number in refused else it


async def _asked(
    workspace: Workspace,
    document: Document,
    group: Sequence[Part],
    agent: Agent,
    reviewer: Reviewer,
    ledger: Ledger,
    run: budget.Run,
) -> AsyncGenerator[Finding | Dropped | Notice | Sent, None]:
    span = Span(group[0].span.start, group[-1].span.end)
    where = str(workspace.root)
    asked = budget.within(request(workspace, document, span, agent), workspace.settings, ledger, where, run)
    kept: list[tuple[str, Span]] = []

    lasting = asked.redaction.lasting(ledger.salt)

    def keep(item: str, finding: Finding) -> None:
        kept.append((asked.redaction.renamed(item, lasting), finding.span))

    waiting: list[Finding] = []
    whole = False
    others = texts_of(workspace, asked.others)
    async with aclosing(review(document.snapshot, span, asked, reviewer, keep, others)) as events:
        async for event in events:
            if isinstance(event, Sent):
                run.usd += event.cost_usd or 0.0
                if event.bytes_sent:
                    ledger.note(event, where, agent.name)
                whole = event.complete and not any(it.startswith("selected ") for it in asked.left_out)
            if isinstance(event, Finding) and workspace.settings.second_look:
                waiting.append(event)
            else:
                yield event
    if waiting:
        looked = _looked_again(workspace, document, span, waiting, agent, reviewer, ledger, run)
        stayed: list[Finding] = []
        async with aclosing(looked) as again:
            async for later in again:
                if isinstance(later, Finding):
                    stayed.append(later)
                yield later
        kept = [(item, at) for (item, at), it in zip(kept, waiting, strict=True) if it in stayed]
    if whole:
        ledger.keep(((it.key, [item for item, at in kept if _within(it, at, group)]) for it in group), asked.model)


def _within(part: Part, span: Span, group: Sequence[Part]) -> bool:
    """Whether a remark at `span` is this part's; one outside of all is the first's, so that it is not lost."""
    home = next((it for it in group if it.span.start <= span.start < it.span.end), group[0])
    return home is part


def _grouped(every: Sequence[Part], known: Container[bytes], room: int) -> Iterator[list[Part]]:
    """Neighbours that nobody answered yet, together as far as one request has room for them."""
    group: list[Part] = []
    for part in every:
        answered = part.key in known
        if group and (answered or part.span.end - group[0].span.start > room):
            yield group
            group = []
        if not answered:
            group.append(part)
    if group:
        yield group


def request(
    workspace: Workspace, document: Document, span: Span, agent: Agent, turn: briefs.Turn = briefs.REVIEW, **inputs: str
) -> Brief:
    """What a turn asks about `span`. Raises ReviewError when the file may not leave, PromptError when code has no room."""
    why = withheld(workspace.root, document.path, workspace.settings.never_send)
    if why:
        raise ReviewError(f"{document.path} {why}: nothing of it is sent.")
    known = [it for it in workspace.check(document).findings if it.span.touches(span)]
    found = context(workspace.project, document, span)
    related = [replace(it, text=_code_of(workspace, it.ref)) for it in found.related]
    bearing = replace(found, related=related)
    return briefs.brief(
        document.snapshot, span, bearing, known=known, agent=agent, settings=workspace.settings, turn=turn, **inputs
    )


def _code_of(workspace: Workspace, ref: Ref) -> str:
    """The text of a definition, "" where it can't be had or may not leave. Effect: reads the disk where its file is not open."""
    if withheld(workspace.root, ref.path, workspace.settings.never_send):
        return ""
    try:
        found = document(workspace, ref.path)
    except ReviewError:
        return ""
    if isinstance(found, Foreign):
        return ""
    for unit, facts in found.parts:
        if ref.qualname in {it.qualname for it in facts.defs} | {it.qualname for it in facts.classes}:
            lines = found.text.split("\n")
            return "\n".join("\n".join(lines[begin : begin + count]) for _, begin, count in unit.runs).strip("\n")
    return ""
