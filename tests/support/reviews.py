"""What the tests of a review share: a small text, its brief, and one function that runs the whole road."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from architect_lsp.model import Finding, Snapshot, Span
from architect_lsp.review.agents import Agent, load
from architect_lsp.review.brief import REVIEW, Brief, brief
from architect_lsp.review.claude import Claude
from architect_lsp.review.context import Context
from architect_lsp.review.remarks import Dropped
from architect_lsp.review.reviewing import Notice, Receipt, Reviewer, ReviewError, review
from architect_lsp.settings import Settings
from support.messages_api import Answer, MessagesApi

TEXT = """\
import asyncio

from app import db, mail


async def charge(orders):
    for order in orders:
        order.paid = True  # 😀 done
        db.commit()


async def welcome(user):
    asyncio.create_task(mail.send(user))
"""
SNAPSHOT = Snapshot("app/orders.py", TEXT, 3)
ALL = Span(0, len(TEXT))


@dataclass
class Outcome:
    """Everything one review gave, by kind, in order."""

    findings: list[Finding] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    receipt: Receipt | None = None
    error: str = ""


def brief_of(snapshot: Snapshot = SNAPSHOT, span: Span | None = None, *, agent: Agent | None = None, **given: Any) -> Brief:
    """The brief of a review of `span`, all of it unless told; `given` are arguments of `brief` or fields of Settings."""
    enclosing, facts, known = (given.pop(name, ()) for name in ("enclosing", "facts", "known"))
    turn = given.pop("turn", REVIEW)
    inputs = {it: given.pop(it) for it in turn.inputs}
    settings = given.pop("settings", None) or Settings(**given)
    return brief(
        snapshot,
        span or Span(0, len(snapshot.text)),
        Context(enclosing, facts),
        known=known,
        agent=agent or load("architect"),
        settings=settings,
        turn=turn,
        **inputs,
    )


async def outcome_of(reviewer: Reviewer, snapshot: Snapshot = SNAPSHOT, span: Span | None = None, **given: Any) -> Outcome:
    """What a review gives."""
    outcome = Outcome()
    span = span or Span(0, len(snapshot.text))
    try:
        async with aclosing(review(snapshot, span, brief_of(snapshot, span, **given), reviewer)) as events:
            async for it in events:
                if isinstance(it, Finding):
                    outcome.findings.append(it)
                elif isinstance(it, Dropped):
                    outcome.dropped.append(it)
                elif isinstance(it, Notice):
                    outcome.notices.append(it.text)
                else:
                    outcome.receipt = it
    except ReviewError as error:
        outcome.error = str(error)
    return outcome


async def asked(*answers: Answer, settings: dict[str, Any] | None = None, **given: Any) -> tuple[Outcome, MessagesApi]:
    """What a review gives when a Messages API answers so, through the real SDK; the server has stopped, its record stays."""
    with MessagesApi(*answers) as api:
        chosen = Settings(**{"base_url": api.url, **(settings or {})})
        claude = Claude(chosen, "key-made-up", backoff_s=0.01, quiet_s=given.pop("quiet_s", 5.0))
        outcome = await outcome_of(claude, settings=chosen, **given)
        await claude.close()
    return outcome, api
