"""What a model claims is held against what the project is known to be: false claims go, true ones are marked."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.inquiry import document, inquire
from architect_lsp.model import Confidence, Finding, Span
from architect_lsp.review.agents import load
from architect_lsp.review.ledger import Ledger
from architect_lsp.review.remarks import Dropped
from architect_lsp.review.scripted import Scripted
from architect_lsp.settings import Settings
from support.messages_api import remark

APP = """import asyncio
import time
import requests
from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session

router = APIRouter()


def current_user(token: str):
    raise PermissionError


async def mail(user):
    await asyncio.sleep(1)


def rates():
    return requests.get("https://rates.example", timeout=5)


def slow():
    time.sleep(1)


def total(session: Session, ids: list[int]):
    first = session.execute("select 1")
    for it in ids:
        session.execute("select 2")
    return first


async def welcome(user):
    await mail(user)
    mail(user)
    slow()


def plain(user):
    slow()
"""


async def judged(quote: str, message: str, rule: str = "made-up", disable: tuple[str, ...] = ()) -> Finding | Dropped:
    """What becomes of one remark about the application."""
    workspace = Workspace(Path("/nowhere"), Settings(disable=disable))
    workspace.open("app/main.py", APP, 1)
    reviewer = Scripted([remark(quote, message, rule=rule, confidence="low")])
    found = document(workspace, "app/main.py")
    everything = Span(0, len(APP))
    async with aclosing(inquire(workspace, found, everything, load("architect"), reviewer, Ledger(None))) as events:
        return [it async for it in events if isinstance(it, Finding | Dropped)][0]  # noqa: RUF015


@pytest.mark.parametrize(
    ("quote", "message", "reason"),
    [
        ("    await mail(user)", "The coroutine mail is never awaited.", "is not so: `mail` is awaited"),
        ('requests.get("https://rates.example", timeout=5)', "The call has no timeout.", "`requests.get` is given a timeout"),
        ("def plain(user):\n    slow()", "slow() blocks the event loop.", "is not so: `plain` is no coroutine"),
        ('first = session.execute("select 1")', "A query in a loop, N+1.", "is not so: `session.execute` stands in no loop"),
        ("async def mail(user):", "This function is never called.", "is not so: `mail` is called by `welcome`"),
        ("def plain(user):\n    slow()", "slow is not defined here.", "is not so: `slow` is defined"),
    ],
)
async def test_a_claim_that_facts_refute_is_dropped_with_the_fact(quote: str, message: str, reason: str) -> None:
    found = await judged(quote, message)
    assert isinstance(found, Dropped)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("quote", "message", "fact"),
    [
        (
            "    mail(user)\n    slow()",
            "mail is not awaited, so nothing is sent.",
            "`mail` is a coroutine, and its result is dropped",
        ),
        ("    mail(user)\n    slow()", "slow blocks the event loop.", "`slow` blocks, and `welcome` is a coroutine"),
        ('session.execute("select 2")', "One query per id.", "`session.execute` reaches the database, once a turn of the loop"),
    ],
)
async def test_a_claim_that_facts_bear_out_is_marked_as_proved(quote: str, message: str, fact: str) -> None:
    found = await judged(quote, message, disable=("blocking-call-in-async", "query-in-loop", "coroutine-not-awaited"))
    assert isinstance(found, Finding)
    assert found.provenance.proof == fact
    assert found.confidence is Confidence.HIGH


async def test_what_a_rule_says_already_is_not_said_twice() -> None:
    found = await judged("    slow()\n\n\ndef plain", "slow blocks the event loop.")
    assert isinstance(found, Dropped)
    assert found.reason == "the rule blocking-call-in-async says it already"


@pytest.mark.parametrize(
    "message", ["Two reasons to change in one function.", "The rate may be stale.", "Blocking a user is not logged."]
)
async def test_what_facts_can_t_decide_stays_as_it_was_said(message: str) -> None:
    found = await judged("def rates():", message)
    assert isinstance(found, Finding)
    assert found.provenance.proof == ""
    assert found.confidence is Confidence.LOW
