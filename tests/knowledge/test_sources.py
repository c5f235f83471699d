"""Where a value of a unit comes from, once calls of the project's functions are opened."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.sources import parts
from architect_lsp.settings import Settings

STEPS, TIMES = 5, 12
MANY = ", ".join(f"p{n}" for n in range(TIMES))
GROWN = f"def joined({MANY}):\n    return [{MANY}]\n\n\ndef handler(request):\n    v0 = request.args['q']\n" + "".join(
    f"    v{n + 1} = joined({', '.join([f'v{n}'] * TIMES)})\n" for n in range(STEPS)
)


def test_a_call_that_is_met_again_is_not_opened_again() -> None:
    """Twelve uses at each of five steps are a quarter of a million ways; the request is found all the same."""
    workspace = Workspace(Path("/nowhere"), Settings())
    workspace.open("app.py", GROWN + f"    return v{STEPS}\n", 1)
    document = workspace.document("app.py")
    assert isinstance(document, Document)
    reading = next(it.reading for it in document.pieces if it.reading is not None and "handler" in it.reading.unit.text)
    (returned,) = (it for it in reading.each(ast.Return) if it.value is not None)
    assert returned.value is not None
    found = parts(workspace.project, "app.py", reading, returned.value)
    origins = [it for it in found if isinstance(it, Origin)]
    assert any(it.name.startswith("request.args") for it in origins)
    assert len(origins) < 1_000


HELPERS = """
from flask import Flask, redirect, request, session

app = Flask(__name__)

def wanted(request, default="/"):
    return request.args.get("next") or default

def line(**fields):
    return fields["first"] + "/"

def joined(*rows):
    return "".join(rows)

@app.get("/go")
def go():
    return redirect({})
"""


@pytest.mark.parametrize(
    ("target", "is_found"),
    [
        ("wanted(request)", True),
        ("session.get('next') or request.args['next']", True),
        ("'/home' if session else request.args['next']", True),
        ("'/home' + (session.get('next') or request.args['next'])", False),
        ("line(first=request.args['next'])", True),
        ("joined(request.args['next'], '/')", True),
        ("'/home' + joined(request.args['next'])", False),
    ],
)
def test_a_value_is_what_one_of_its_ways_gives(target: str, *, is_found: bool) -> None:
    """Helpers that are handed a request, `or` and `if`, and what `**fields` and `*rows` take."""
    workspace = Workspace(Path("/nowhere"), Settings())
    checked = workspace.check(workspace.open("app.py", HELPERS.replace("{}", target), 1))
    assert ("open-redirect" in {it.rule for it in checked.findings}) is is_found
