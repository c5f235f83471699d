"""What a field's type lets through: a number, one of few or a text of a pattern is nobody's choice, wherever it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.settings import Settings

HEAD = """\
from enum import Enum, StrEnum
from typing import Annotated, Literal, Optional
from uuid import UUID
import sqlite3
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field, PositiveInt, constr, field_validator

app = FastAPI()
connection = sqlite3.connect("shop.db")

class Sort(str, Enum):
    price = "price"

Step = Literal["hour", "day"]
Name = Annotated[str, Field(pattern="^[a-z]+$")]
Text = Annotated[str, Field(max_length=9)]

class Inner(BaseModel):
    way: Literal["ASC", "DESC"]
    text: str

class Base(BaseModel):
    inherited: Sort
    checked: str
    full: str
    snake: str

    @field_validator("checked")
    @classmethod
    def known(cls, value):
        if value not in ("a", "b"):
            raise ValueError("unknown")
        return value

    @field_validator("full")
    @classmethod
    def not_empty(cls, value):
        if not value.strip():
            raise ValueError("empty")
        return value

    @field_validator("snake")
    @classmethod
    def snake_case(cls, value):
        if not value.strip() or not is_snake_case(value):
            raise ValueError("no name")
        return value

class Ask(Base):
    field: FIELD
    inner: Inner
    more: Inner | None = None
    many: list[Inner] = []

"""
USED = (
    '@app.post("/a")\ndef rows(body: Ask):\n    return connection.execute(f"SELECT * FROM t ORDER BY {body.FIELD}").fetchall()\n'
)
HELPER = (
    'def rows(body: Ask):\n    return connection.execute(f"SELECT * FROM t ORDER BY {body.FIELD}").fetchall()\n\n'
    '@app.post("/a")\ndef answer(body: Ask):\n    return rows(body)\n'
)


EACH = USED.replace("return ", "return [").replace(".fetchall()", " for one in body.many]").replace("body.FIELD", "one.FIELD")


def found(field: str, used: str, code: str) -> list[str]:
    workspace = Workspace(Path("/project"), Settings())
    text = HEAD.replace("FIELD", field) + code.replace("FIELD", used)
    return [it.rule for it in workspace.check(workspace.open("app.py", text)).findings if it.rule == "sql-injection"]


@pytest.mark.parametrize("code", [USED, HELPER], ids=["at once", "through a helper"])
@pytest.mark.parametrize(
    ("field", "used"),
    [
        ("Sort", "field.value"),
        ("Sort | None = None", "field"),
        ("Optional[Sort] = None", "field.value"),
        ("'Sort'", "field.value"),
        ("int", "field"),
        ("UUID", "field"),
        ("PositiveInt = 1", "field"),
        ('Literal["a", "b"]', "field"),
        ("list[int]", "field"),
        ('str = Field(pattern=r"^[a-z_]+$")', "field"),
        ('Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")]', "field"),
        ('constr(pattern=r"^[a-z]+$")', "field"),
        ("Step", "field"),
        ("Name", "field"),
        ("str", "inner.way"),
        ("str", "more.way"),
        ("str", "inherited.value"),
        ("str", "checked"),
        ("str", "snake"),
    ],
)
def test_what_is_no_text_of_choice_is_no_injection(field: str, used: str, code: str) -> None:
    assert found(field, used, code) == []


@pytest.mark.parametrize("code", [USED, HELPER], ids=["at once", "through a helper"])
@pytest.mark.parametrize(
    ("field", "used"),
    [
        ("str", "field"),
        ("str | int", "field"),
        ("list[str]", "field"),
        ('str = Field(pattern=r"^.*$")', "field"),
        ('str = Field(pattern=r"[a-z]")', "field"),
        ("str = Field(max_length=30)", "field"),
        ("Text", "field"),
        ("str", "full"),
        ("str", "inner.text"),
        ("Unknown", "field"),
    ],
)
def test_any_other_text_is_one(field: str, used: str, code: str) -> None:
    assert found(field, used, code) == ["sql-injection"]


@pytest.mark.parametrize(
    ("parameters", "flagged"),
    [
        ("field: Sort", False),
        ("field: Step", False),
        ("field: Name", False),
        ("field: Text", True),
        ('field: str = Query(pattern="^[a-z]+$")', False),
        ('field: Annotated[str, Query(pattern="^[a-z]+$")]', False),
        ('field: str = Query("id", max_length=10)', True),
        ("field: str", True),
    ],
)
def test_parameters_are_judged_alike(parameters: str, flagged: bool) -> None:
    code = USED.replace("post", "get").replace("body: Ask", parameters).replace("body.FIELD", "field")
    assert found("str", "field", code) == ["sql-injection"] * flagged


def test_what_a_list_holds_is_judged_by_its_own_class() -> None:
    assert found("str", "way", EACH) == []
    assert found("str", "text", EACH) == ["sql-injection"]
