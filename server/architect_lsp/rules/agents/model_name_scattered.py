"""The same model is named in many files.

Why: a model is changed several times a year: for price, for quality, because it is retired. When its name stands in each call,
some calls are forgotten, and nobody can say which model answers where.
Instead: name models once, by what they are for, and read that.

    class Settings(BaseSettings):
        answer_model: str = "claude-sonnet-5-5"
        triage_model: str = "claude-haiku-5-5"

Consequences: a change of the model is a search through the code; tests and production drift apart.
Trade-offs: one name for everything is as wrong as one for each call: name models by their task.
Tests: replace the setting once instead of patching each caller.
Source: Martin Fowler, Refactoring: shotgun surgery
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import constant
from architect_lsp.knowledge.steps import MODEL, MODEL_ARGUMENTS, MODEL_NAMED
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["C5", "B4"],
    needs=["model", "llm", "engine"],
    bad=[
        Bad("""
-- app/answers.py --
def answer(client, text):
    return client.messages.create(model=[|"claude-sonnet-5"|], max_tokens=100, messages=[])
-- app/tags.py --
def tag(client, text):
    return client.messages.create(model="claude-sonnet-5", max_tokens=100, messages=[])
-- app/titles.py --
def title(client, text):
    return client.messages.create(model="claude-sonnet-5", max_tokens=100, messages=[])
-- app/urls.py --
def url(client, text):
    return client.messages.create(model="claude-sonnet-5", max_tokens=100, messages=[])
"""),
    ],
    good=[
        """
-- app/answers.py --
from app.settings import MODEL
def answer(client, text):
    return client.messages.create(model=MODEL, max_tokens=100, messages=[])
def tag(client, text):
    return client.messages.create(model="claude-sonnet-5", max_tokens=100, messages=[])
-- app/titles.py --
def title(client, text):
    return client.messages.create(model="claude-sonnet-5", max_tokens=100, messages=[])
-- app/urls.py --
def url(client, text):
    return client.messages.create(model="claude-opus-5", max_tokens=100, messages=[])
-- app/settings.py --
MODEL = "claude-sonnet-5"
-- tests/test_titles.py --
def test(client):
    assert client.messages.create(model="claude-sonnet-5", max_tokens=100, messages=[])
""",
    ],
)
_FILES = 4
_MADE_UP = regex(r"dummy|mock|fake|example", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """The first place of a model's name that calls of many files are told."""
    reading = view.reading
    for call in reading.each(ast.Call):
        if _MADE_UP.search(reading.qualname(call)):
            continue
        for it in call.keywords:
            name = constant(it.value) if it.arg in MODEL_ARGUMENTS else None
            if not isinstance(name, str) or not MODEL.fullmatch(name):
                continue
            files = view.project.of_all("models by name", _files).get(name, [])
            if len(files) >= _FILES and files[0] == view.path:
                yield Hit(it.value, f"`{name}` is written out in the calls of {len(files)} files; name it once, by its task.")
                return


def _files(project: Project) -> dict[str, list[str]]:
    """Model -> the files whose calls are told its name, in their order."""
    found: dict[str, list[str]] = {}
    for path in project.paths:
        if not is_test(path):
            for it in project.of_file(path, _told):
                found.setdefault(it, []).append(path)
    return {name: sorted(rows) for name, rows in found.items()}


def _told(facts: Facts) -> tuple[str, ...]:
    return tuple(it.removeprefix(MODEL_NAMED) for it in dict.fromkeys(facts.mentions) if it.startswith(MODEL_NAMED))
