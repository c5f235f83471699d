"""The commands that are about a model: `brief` shows what would be sent, `review` sends it, `consult` asks a
design question, `usage` says what it has cost, `eval` measures a reviewer.

Where code goes is a person's own word: the options, or ARCHITECT_BASE_URL, ARCHITECT_MODEL and ARCHITECT_LEDGER in the
environment; never a file of the project. A key is read from ANTHROPIC_API_KEY.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from architect_lsp import evaluation
from architect_lsp.drafting import consult
from architect_lsp.engine import Checked, Workspace
from architect_lsp.inquiry import brief, document, inquire, texts_of, who_reviews
from architect_lsp.knowledge.files import relative, root_of
from architect_lsp.model import Finding, Span
from architect_lsp.patterns import regex
from architect_lsp.report import Report, Section, as_json, as_text
from architect_lsp.review import prices
from architect_lsp.review.agents import Agent, load
from architect_lsp.review.budget import DAY_S
from architect_lsp.review.claude import Claude
from architect_lsp.review.ledger import Ledger, ledger_file
from architect_lsp.review.remarks import Dropped
from architect_lsp.review.reviewing import Notice, Reviewer, ReviewError
from architect_lsp.review.scripted import Recorder, Replayer
from architect_lsp.review.team import ledger_at
from architect_lsp.settings import Settings, parse, project_table
from architect_lsp.text import Lines

if TYPE_CHECKING:
    from architect_lsp.knowledge.document import Document

_WHERE = regex(r"(?P<file>.+?)(?::(?P<first>\d+)(?:-(?P<last>\d+))?)?$", re.DOTALL)


def show_brief(arguments: argparse.Namespace) -> int:
    """Print the request of a review, its price, and what is not in it."""
    workspace, name, agent = _opened(arguments, arguments.where)
    found = document(workspace, name)
    asked = brief(workspace, name, _span(found, arguments.where), agent)
    if arguments.format == "json":
        print(asked.as_json())
        return 0
    for it in (*asked.system, *asked.messages[0]["content"]):
        print(it["text"].rstrip() + "\n")
    price = None if workspace.settings.base_url else prices.longest(asked.model, asked.tokens)
    cost = "no price is known"
    if price is not None:
        most = price.input_usd + asked.max_output_tokens * price.usd_per_output_token
        cost = f"about ${price.input_usd:.4f} to ask, at most ${most:.2f} with the longest answer (prices of {prices.dated()})"
    print(f"--\n{asked.model}: about {asked.tokens:,} tokens of {workspace.settings.max_input_tokens:,}; {cost}.")
    print(f"taken out: {', '.join(asked.redacted) or 'nothing'}")
    print(f"left out: {'; '.join(asked.left_out) or 'nothing'}")
    return 0


def review(arguments: argparse.Namespace) -> int:
    """Review files; 1 when something was found. Effect: sends code to the model, unless `frozen` or `replay`."""
    here = Path.cwd()
    sections: list[Section] = []
    ledger = ledger_at(_settings(arguments, {}).ledger)
    said: list[str] = []
    for where in arguments.where:
        workspace, name, agent = _opened(arguments, where)
        found = document(workspace, name)
        findings = asyncio.run(_findings(workspace, found, _span(found, where), agent, ledger, arguments, said))
        known = workspace.check(found)
        ordered = tuple(sorted((*known.findings, *findings), key=lambda it: (it.span, it.rule)))
        checked = Checked(name, None, ordered, known.broken, known.unread)
        edited = {path for it in findings for fix in it.fixes for path, _ in fix.counts_on}
        lines = {path: Lines(text) for path, text in texts_of(workspace, sorted(edited)).items()}
        sections.append(Section(workspace.root, (checked,), (), {**lines, name: found.lines}))
    for it in dict.fromkeys((*said, *ledger.notes)):
        print(f"architect-lsp: {it}", file=sys.stderr)
    report = Report(here, tuple(sections), by="rules and model")
    if arguments.format == "sarif":
        from architect_lsp.sarif import as_sarif

        text = as_sarif(report)
    else:
        text = as_json(report) if arguments.format == "json" else as_text(report, colour=False)
    if arguments.output:
        Path(arguments.output).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    else:
        sys.stdout.write(text)
    return 1 if report.n_findings else 0


async def _findings(
    workspace: Workspace,
    found: Document,
    span: Span,
    agent: Agent,
    ledger: Ledger,
    arguments: argparse.Namespace,
    said: list[str],
) -> list[Finding]:
    claude = Claude(workspace.settings, os.environ.get("ANTHROPIC_API_KEY", ""))
    reviewer: Reviewer = claude
    if arguments.replay:
        reviewer = Replayer(Path(arguments.replay))
    elif arguments.record:
        reviewer = Recorder(claude, Path(arguments.record))
    findings: list[Finding] = []
    try:
        events = inquire(workspace, found, span, agent, reviewer, ledger, frozen=arguments.frozen)
        async with aclosing(events):
            async for it in events:
                if isinstance(it, Finding):
                    findings.append(workspace.proven(found, it))
                elif isinstance(it, Notice):
                    said.append(it.text)
                elif isinstance(it, Dropped):
                    said.append(f"dropped a remark: {it.reason}")
                else:
                    said.append(it.line)
    except ReviewError as error:
        if not findings:
            raise
        said.append(str(error))
    finally:
        await claude.close()
    return findings


def advise(arguments: argparse.Namespace) -> int:
    """Print an answer to a design question. Effect: sends the question, and the file that was named, to the model."""
    ledger = ledger_at(_settings(arguments, {}).ledger)
    workspace, name, agent = _opened(arguments, arguments.where)
    found = document(workspace, name)
    said: list[str] = []

    async def answer() -> str:
        claude = Claude(workspace.settings, os.environ.get("ANTHROPIC_API_KEY", ""))
        text = ""
        events = consult(workspace, found, _span(found, arguments.where), arguments.question, agent, claude, ledger)
        async with aclosing(events):
            async for it in events:
                if isinstance(it, str):
                    text += it
                else:
                    said.append(it.text if isinstance(it, Notice) else it.line)
        await claude.close()
        return text

    sys.stdout.write(asyncio.run(answer()))
    for it in dict.fromkeys((*said, *ledger.notes)):
        print(f"architect-lsp: {it}", file=sys.stderr)
    return 0


def show_usage(arguments: argparse.Namespace) -> int:
    """Print what was sent and what it cost, day by day."""
    ledger = Ledger(ledger_file())
    sends = ledger.sends(time.time() - arguments.days * DAY_S)
    days: dict[tuple[str, str], list[float]] = {}
    for it in sends:
        day = time.strftime("%Y-%m-%d", time.localtime(it.at))
        row = days.setdefault((day, it.model), [0, 0, 0, 0, 0.0])
        for index, value in enumerate((1, it.input_tokens, it.cached_tokens, it.output_tokens, it.usd or 0.0)):
            row[index] += value
    if arguments.format == "json":
        names = ("requests", "inputTokens", "cachedTokens", "outputTokens", "usd")
        rows = [{"day": day, "model": model, **dict(zip(names, row, strict=True))} for (day, model), row in days.items()]
        print(json.dumps({"days": rows, "usd": sum(row[4] for row in days.values())}, indent=2))
        return 0
    if not sends:
        print(f"Nothing was sent in the last {arguments.days} days.")
    for (day, model), (n, fresh, cached, output, usd) in days.items():
        tokens = f"{fresh:>10,.0f} tokens in ({cached:,.0f} cached) {output:>8,.0f} out"
        print(f"{day}  {model:<24} {n:>4.0f} requests {tokens}  ${usd:.2f}")
    if sends:
        unknown = sum(it.usd is None for it in sends)
        more = f", and {unknown} requests without a known price" if unknown else ""
        print(f"about ${sum(it.usd or 0 for it in sends):.2f} in all{more}; prices of {prices.dated()}")
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure a reviewer on a suite; 0 whatever the figures are. Effect: asks the model, unless the rules are measured."""
    try:
        cases = evaluation.suite(Path(arguments.suite))
    except evaluation.SuiteError as error:
        raise ReviewError(str(error)) from error
    outcomes = asyncio.run(_outcomes(cases, arguments))
    if arguments.format == "json":
        print(json.dumps(evaluation.as_dict(outcomes), indent=2, ensure_ascii=False))
        return 0
    for it in outcomes:
        missed = len(it.case.marks) - it.n_marks_found
        if it.error or missed or it.n_false:
            words = [f"{missed} missed"] * bool(missed) + [f"{it.n_false} false"] * bool(it.n_false) + [it.error] * bool(it.error)
            print(f"{it.case.source}: {it.case.title}: {', '.join(words)}")
    figures = evaluation.score(outcomes)
    first = "" if figures.first_s is None else f", first finding after {figures.first_s:.2f} s (median)"
    print(f"\n{evaluation.as_markdown(outcomes)}\n{figures.tokens:,} tokens, about ${figures.usd:.2f}{first}")
    return 0


async def _outcomes(cases: Sequence[evaluation.Case], arguments: argparse.Namespace) -> list[evaluation.Outcome]:
    settings = _settings(arguments, {})
    claude = Claude(settings, os.environ.get("ANTHROPIC_API_KEY", ""))
    by_model = evaluation.by_model(load(settings.agent, _personal_agents()), claude, Ledger(ledger_file()))
    reviews = {
        "rules": evaluation.by_rules,
        "model": by_model,
        "both": evaluation.both(evaluation.by_rules, by_model),
    }
    try:
        return [await evaluation.outcome(it, reviews[arguments.reviewer], settings) for it in cases]
    finally:
        await claude.close()


def _settings(arguments: argparse.Namespace, table: Mapping[str, Any]) -> Settings:
    """A person's own words over the project's. Raises SettingsError."""
    own = {
        "model": arguments.model or os.environ.get("ARCHITECT_MODEL") or None,
        "baseUrl": arguments.base_url or os.environ.get("ARCHITECT_BASE_URL") or None,
        "ledger": os.environ.get("ARCHITECT_LEDGER") or None,
        "agent": arguments.agent,
    }
    return parse(own, table)


def _personal_agents() -> list[Path]:
    return [Path.home() / ".claude" / "agents"]


def _opened(arguments: argparse.Namespace, where: str) -> tuple[Workspace, str, Agent]:
    """(workspace that has read its project, the file's name in it, who reviews).

    Raises FileNotFoundError, SettingsError, PromptError.
    """
    path = Path(os.path.abspath(_parts(where)["file"]))  # noqa: PTH100  (`absolute` keeps `..`, `resolve` follows links)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file `{_parts(where)['file']}`.")
    root = root_of(path)
    workspace = Workspace(root, _settings(arguments, project_table(root)))
    workspace.scan()
    folders = [root / ".claude" / "agents", *_personal_agents()]
    name = relative(root, path)
    return workspace, name, who_reviews(workspace, document(workspace, name), folders)


def _parts(where: str) -> re.Match[str]:
    match = _WHERE.match(where)
    assert match is not None
    return match


def _span(found: Document, where: str) -> Span:
    """The lines that are named, whole ones; the whole file where none are. Raises ReviewError when there are no such lines."""
    match = _parts(where)
    if not match["first"]:
        return Span(0, len(found.text))
    first, last = int(match["first"]), int(match["last"] or match["first"])
    if not 1 <= first <= last <= len(found.lines):
        raise ReviewError(f"{match['file']} has lines 1 to {len(found.lines)}, not {first} to {last}.")
    return Span(found.lines.starts[first - 1], found.lines.bounds(last - 1)[1])
