"""A function without a finding still says what it does, how it comes to it, who calls it and what it answers."""

from __future__ import annotations

from pathlib import Path

from architect_lsp.engine import Document, Workspace
from architect_lsp.knowledge.likeness import likeness
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
    title, role, effects, spoken_to = shown(ROUTES, "create")
    assert title == "`create`"
    assert role == "Answers `POST /orders/{number}`."
    assert spoken_to == "Speaks to `pay.example`."
    assert "- **http**: `create` calls `place`, `place` calls `charge`, `charge` calls `httpx.post`" in effects


def test_a_call_shows_what_is_called_and_who_else_calls_it() -> None:
    title, effects, _, called = shown(ROUTES, "place", 2)
    assert title == "`place`"
    assert "**http**" in effects
    assert called == "Called by `create` in app/routes.py."


def test_an_alias_does_not_hide_a_caller() -> None:
    text = "from app.orders import charge as pay\n\ndef renew(n):\n    return pay(n)\n"
    assert shown(text, "pay", 2)[-1] == "Called by `place` in app/orders.py, `renew` in app/routes.py."


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert shown(ROUTES, "unknown") == []
    assert shown(ROUTES, "return") == []


GUARDED = """
from fastapi import APIRouter, Depends, HTTPException
from slowapi import Limiter
from tenacity import retry

limiter = Limiter(key_func=str)

def session(): ...

def current_user(session=Depends(session)):
    raise HTTPException(401)

router = APIRouter(dependencies=[Depends(current_user)])

@router.get("/{number}", status_code=200, response_model=Order)
@limiter.limit("5/minute")
def show(number: int, db=Depends(session)):
    return find(number)

def find(number):
    raise HTTPException(status_code=404)

@retry(stop=3)
def again(): ...
"""


def test_a_route_says_its_auth_chain_its_limits_and_its_errors() -> None:
    said = shown(GUARDED, "show")
    assert "Answers `GET /{number}` with 200 `Order`, guarded by `current_user`." in said
    assert "Before it run `current_user` (asks who the user is), `limiter.limit`, `session`." in said
    assert "May answer 404 (`find`)." in said
    assert "Bounded by `limiter.limit(5/minute)`." in said
    assert shown(GUARDED, "again") == ["`again`", "Bounded by `retry(stop=3)`."]
    assert "Runs before 1 route, such as `GET /{number}`." in shown(GUARDED, "current_user")


AGENTS = """
from agents import Agent, function_tool
from langgraph.graph import END, START, StateGraph
from app.desk import billing

@function_tool
def look_up(number: int): ...

triage = Agent(name="Triage", tools=[look_up], handoffs=[billing], model="gpt-5")

def plan(state): ...
def act(state): ...

builder = StateGraph(dict)
builder.add_node("plan", plan)
builder.add_node("act", act)
builder.add_edge(START, "plan")
builder.add_conditional_edges("plan", choose, {"go": "act", "stop": END})
builder.add_edge("act", "plan")

def run():
    return ask(triage, billing)
"""
DESK = 'from agents import Agent\n\nbilling = Agent(name="Billing")\n'


def seen(word: str, count: int = 1) -> list[str]:
    """What the hover says of an agent or a graph at the `count`th place of a word."""
    workspace = Workspace(Path("/project"), Settings())
    workspace.open("app/desk.py", DESK)
    document = workspace.open("app/team.py", AGENTS)
    assert isinstance(document, Document)
    offset = -1
    for _ in range(count):
        offset = AGENTS.index(word, offset + 1)
    found = likeness(workspace.project, document, offset + 1)
    return found[0] if found else []


def test_an_agent_says_its_tools_and_hand_offs_wherever_it_is_named() -> None:
    said = ["`Triage` · agent · `gpt-5`", "May call `look_up`.", "Hands over to `Billing`."]
    assert seen("triage =") == said
    assert seen("Agent(name") == said
    assert seen("triage, billing") == said
    assert seen("billing)") == ["`Billing` · agent"]
    assert seen("look_up") == []
    assert seen("handoffs") == []


def test_a_graph_says_its_ways_and_a_step_what_is_around_it() -> None:
    title, ways = seen("builder")
    assert title == "`builder` · graph of 2 steps"
    assert ways.splitlines() == [
        "- its start → `plan`",
        "- `plan` → `act` (if `go`)",
        "- `plan` → its end (if `stop`)",
        "- `act` → `plan`",
    ]
    assert "Is the step `act` of `builder`: after `plan`, before `plan`." in shown(AGENTS, "act")
