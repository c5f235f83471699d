"""The suite of labelled cases, and the figures made of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from architect_lsp.evaluation import SuiteError, as_dict, as_markdown, by_model, by_row, by_rules, cases, outcome, score, suite
from architect_lsp.review.agents import load, prompt
from architect_lsp.review.ledger import Ledger
from architect_lsp.review.scripted import Scripted
from architect_lsp.settings import Settings
from support.messages_api import fix, remark

REPOSITORY = Path(__file__).resolve().parent.parent
SUITE = suite(REPOSITORY / "tests" / "suite")

TWO = """
## Bad
rows: A1 B2
```python app/a.py
def f(x):
    [|y = x|]
    return [|g(y)|]
```
## Clean
rows: B2
```python app/b.py
def h(x):
    return x
```
"""


def test_the_suite_covers_every_duty_and_half_of_it_is_clean() -> None:
    duties = set(re.findall(r"\[([A-E]\d)\]", prompt("architect.md")))
    assert len(SUITE) >= 60
    assert sum(it.clean for it in SUITE) * 2 == len(SUITE)
    for clean in (True, False):
        assert {row for it in SUITE if it.clean is clean for row in it.rows} == duties
    assert len({it.title for it in SUITE}) == len(SUITE)


@pytest.mark.parametrize("case", [it for it in SUITE if it.clean], ids=lambda it: it.title)
async def test_clean_code_stays_clean(case) -> None:
    found = (await outcome(case, by_rules, Settings())).found
    assert [f"{it.path}:{it.rule}: {it.message}" for it in found] == []


async def test_nothing_is_found_beside_the_marks() -> None:
    results = [await outcome(it, by_rules, Settings()) for it in SUITE]
    beside = [f"{it.case.title}: {[each.rule for each in it.found]}" for it in results if it.n_false]
    assert beside == []
    location = score(results).location
    assert location is not None
    assert location >= 0.9


async def test_figures_are_counted_by_marks() -> None:
    remarks = [
        remark("y = x", "One.", fix=fix("Name it", ("y = x", "z = x"))),
        remark("return g(y)", "Two."),
        remark("y = x\n    return g(y)", "The same again.", rule="other"),
        remark("def f(x):", "Nothing is here."),
        remark("nowhere", "Not in the file."),
    ]
    review = by_model(load("architect"), Scripted(remarks), Ledger(None))
    bad, clean = list(cases(TWO, "two.md"))
    first = await outcome(bad, review, Settings())
    assert (first.n_marks_found, first.n_false, len(first.found), first.n_fixes) == (2, 1, 4, 1)
    second = await outcome(clean, review, Settings())
    both = score([first, second])
    assert (both.marks, both.true, both.false, both.clean_kept) == (2, 2, 1, 1)
    assert both.recall == 1
    assert both.precision == pytest.approx(2 / 3)
    assert both.f1 == pytest.approx(0.8)
    assert by_row([first, second])["A1"].cases == 1
    assert "| all | 2 | 2 | 2 | 1 | 67% | 100% | 80% | 100% | 1 of 1 |" in as_markdown([first, second])
    assert json.loads(json.dumps(as_dict([first, second])))["score"]["true"] == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("## A\nrows: A1\n", "x.md: `A` has no code"),
        ("## A\n```python a.py\nx = 1\n```\n", "x.md: `A` names no duties"),
        ("## A\nrows: A1\n```python a.py\n[|x = 1\n```\n", "x.md: A: a `[|` is not closed"),
        ("## A\nrows: A1\n```python a.py\nx = 1|]\n```\n", "x.md: A: a `|]` closes nothing"),
    ],
)
def test_a_wrong_case_is_named(text: str, words: str) -> None:
    with pytest.raises(SuiteError, match=re.escape(words)):
        list(cases(text, "x.md"))


def test_the_command_prints_what_was_missed_and_the_table() -> None:
    command = [sys.executable, "-m", "architect_lsp", "eval"]
    done = subprocess.run([*command, "tests/suite"], cwd=REPOSITORY, capture_output=True, encoding="utf-8", check=True)
    assert re.search(r"^\| all \| \d+ \|", done.stdout, re.MULTILINE)
    wrong = subprocess.run([*command, "nowhere"], cwd=REPOSITORY, capture_output=True, encoding="utf-8", check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "there is no folder `nowhere`" in wrong.stderr
