"""A function without a finding still says what it does, how it comes to it, who calls it and what it answers."""

from __future__ import annotations

from pathlib import Path

from architect_lsp.engine import Document, Workspace
from architect_lsp.knowledge.portrait import named_at, portrait
from architect_lsp.settings import Settings

ROUTES = """
from fastapi import APIRouter
from app.orders import place

router = APIRouter(prefix="/orders")

@router.post("/{number}")
def create(number: int):
    return place(number)

def unknown(x):
    return x
"""
ORDERS = """
import httpx

def place(number):
    return charge(number)

def charge(number):
    return httpx.post("https://pay.example/charge", json={"number": number})
"""


def shown(text: str, word: str, count: int = 1) -> list[str]:
    """The portrait under the pointer at the `count`th place of a word in the routes' file."""
    workspace = Workspace(Path("/project"), Settings())
    workspace.open("app/orders.py", ORDERS)
    document = workspace.open("app/routes.py", text)
    assert isinstance(document, Document)
    offset = -1
    for _ in range(count):
        offset = text.index(word, offset + 1)
    found = named_at(workspace.project, document, offset + 1)
    if found is None:
        return []
    path, definition, span = found
    assert text[span.start : span.end] == word
    return portrait(workspace.project, path, definition)


def test_a_route_says_what_it_answers_and_how_it_comes_to_its_effects() -> None:
    title, role, effects = shown(ROUTES, "create")
    assert title == "`create`"
    assert role == "Answers `POST /orders/{number}`."
    assert "- **http**: `create` calls `place`, `place` calls `charge`, `charge` calls `httpx.post`" in effects


def test_a_call_shows_what_is_called_and_who_else_calls_it() -> None:
    title, effects, called = shown(ROUTES, "place", 2)
    assert title == "`place`"
    assert "**http**" in effects
    assert called == "Called by `create` in app/routes.py."


def test_an_alias_does_not_hide_a_caller() -> None:
    text = "from app.orders import charge as pay\n\ndef renew(n):\n    return pay(n)\n"
    assert shown(text, "pay", 2)[-1] == "Called by `place` in app/orders.py, `renew` in app/routes.py."


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert shown(ROUTES, "unknown") == []
    assert shown(ROUTES, "return") == []
