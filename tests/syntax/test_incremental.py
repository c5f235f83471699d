"""After any edits the units, lines and facts are those of a fresh reading of the text."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architect_lsp.engine import Workspace
from architect_lsp.knowledge.document import Document
from architect_lsp.model import Edit, Span
from architect_lsp.settings import Settings
from architect_lsp.text import Lines, apply, difference, move

FRAGMENTS = [
    "x", "\n", "    ", "def f():\n    pass\n", "class C:\n", "(", ")", '"""', "'", "#", "@d\n", ":", "return 1\n", "\r\n", "\r",
    "\f", "\u2028", "😀", "é", "async ", "await g()", "if a:\n        b()\n", "import time\n", "time.sleep(1)", ";", "\\\n", ",",
]  # fmt: skip


def edits_of(seed: int, text: str, count: int) -> list[tuple[str, Edit]]:
    """Random edits, each with the text it leads to."""
    rng = random.Random(seed)
    steps: list[tuple[str, Edit]] = []
    for _ in range(count):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice((0, 0, 0, 1, 1, 2, 5, 40)))
        edit = Edit(Span(start, end), rng.choice((*FRAGMENTS, "", "")))
        changed = apply(text, [edit])
        assert changed is not None
        text = changed
        steps.append((text, edit))
    return steps


@pytest.mark.parametrize("seed", range(12))
def test_a_real_file_edited_fifty_times_reads_like_the_fresh_text(seed: int) -> None:
    text = Path(argparse.__file__).read_text(encoding="utf-8")
    rng = random.Random(seed)
    start = rng.randrange(0, len(text) // 2)
    text = text[text.index("\nclass ", start) + 1 :][:20_000]
    document = Document("a.py", text)
    for step, (after, edit) in enumerate(edits_of(seed, text, 50)):
        document = document.edited(after, step, edit)
        fresh = Document("a.py", after)
        assert document.lines.starts == fresh.lines.starts, edit
        assert document.tree.lines == fresh.tree.lines, edit
        if not document.tree.has_error:
            assert document.facts == fresh.facts, (seed, step, edit)
        assert document.settled().facts == fresh.facts, (seed, step, edit)


@pytest.mark.parametrize("seed", range(6))
def test_findings_after_each_edit_are_those_of_a_new_workspace(seed: int) -> None:
    text = "".join(
        f"import time\n\n\ndef helper{n}(x):\n    return time.sleep(x)\n\n\n"
        f"async def poll{n}(x):\n    y = x\n    helper{n}(y)\n\n\n"
        for n in range(8)
    )
    workspace = Workspace(Path("/project"), Settings())
    workspace.open("a.py", text)
    for step, (after, edit) in enumerate(edits_of(seed, text, 60)):
        document = workspace.open("a.py", after, step, edit)
        workspace.settle("a.py")
        document = workspace.documents["a.py"]
        fresh = Workspace(Path("/project"), Settings())
        expected = fresh.check(fresh.open("a.py", after)).findings
        assert workspace.check(document).findings == expected, (seed, step, edit)


SECTIONS = """import os

LIMIT = 1


def one():
    pass


# of the second section
NAMES = [
    "a",
]


class Two:
    x = 1


# nothing but words


def three():
    pass
# the end
"""


@pytest.mark.parametrize("old", ["LIMIT = 1", '    "a",', "import os"])
def test_what_is_typed_between_two_definitions_is_a_section_that_is_read_alone(old: str) -> None:
    document = Document("a.py", SECTIONS)
    at = SECTIONS.index(old) + len(old)
    after = apply(SECTIONS, [edit := Edit(Span(at, at), "  # why\n")])
    assert after is not None
    edited = document.edited(after, 2, edit)
    assert edited.tree.assumed
    assert edited.units == Document("a.py", after).units
    kept = [it for it in edited.pieces if any(it is before for before in document.pieces)]
    assert len(kept) == len(document.pieces) - 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 1", "LIMIT = (1"),
        ("LIMIT = 1", 'LIMIT = """'),
        ("LIMIT = 1\n\n", "@wraps"),
        ("LIMIT = 1", "if LIMIT:"),
        ("LIMIT = 1", "def zero(): pass"),
        ("LIMIT = 1", "LIMIT = 1; class Odd: pass"),
        ("LIMIT = 1\n\n\n", "LIMIT = 1 \\\n"),
        ("import os\n\nLIMIT = 1", "# only words are left"),
        ("\n\n# of the second", "\n    # of the second"),
        ('# of the second section\nNAMES = [\n    "a",\n]', "# of the third"),
        ("# nothing but words", "WORDS = 1"),
        ("# the end", "END = 1"),
        ("# the end", "    # the end"),
        ("\n\nclass Two", "\n    y = 2\nclass Two"),
    ],
)
def test_borders_of_sections_move_as_the_text_says(old: str, new: str) -> None:
    document = Document("a.py", SECTIONS)
    for before, after in ((old, new), (new, old)):
        start = document.text.index(before)
        edit = Edit(Span(start, start + len(before)), after)
        text = apply(document.text, [edit])
        assert text is not None
        document = document.edited(text, 2, edit)
        fresh = Document("a.py", text)
        assert (document.units, document.facts) == (fresh.units, fresh.facts)
    assert document.units == Document("a.py", SECTIONS).units
    assert [it.kind for it in document.units] == ["function", "class", "function", "module", "module"]


def test_words_typed_into_a_broken_file_ask_no_parser_until_a_pause() -> None:
    """And what follows, be it the bracket that mends it or a new function, reads like the fresh text."""
    text = "import os\n\n\ndef one():\n    value = 1\n    broken = foo(((\n\n\ndef two():\n    return value\n"
    document = Document("a.py", text)
    assert document.tree.has_error
    at = text.index("value = 1") + len("value = 1")
    for number, word in enumerate(("2", "34", " , other")):
        text = text[:at] + word + text[at:]
        document = document.edited(text, number, Edit(Span(at, at), word))
        assert document.tree.presumed
        assert document.tree._parsed is None
        assert any(word in it.text for it in document.units)
    for new, old in (("(((1)))", "((("), ("\n\n\ndef three():\n    pass\n\n\ndef two", "\n\n\ndef two"), ("1", "(((1)))")):
        start = text.index(old)
        text = text[:start] + new + text[start + len(old) :]
        document = document.edited(text, 9, Edit(Span(start, start + len(old)), new))
        assert not document.tree.presumed
        assert document.settled().facts == Document("a.py", text).facts
    document = Document("a.py", text + "broken = (\n").edited(text.replace("value = 1", "value = 11") + "broken = (\n", 10)
    assert document.tree.presumed
    assert document.settled().facts == Document("a.py", document.text).facts
    assert not document.tree.presumed, "a pause is long enough to read it anew"


@given(
    st.text(alphabet="ab\n\r\u2028😀\f", max_size=40),
    st.integers(0, 40),
    st.integers(0, 5),
    st.text(alphabet="x\n\r", max_size=4),
)
def test_edited_lines_are_the_lines_of_the_edited_text(text: str, start: int, length: int, new: str) -> None:
    start = min(start, len(text))
    edit = Edit(Span(start, min(len(text), start + length)), new)
    after = apply(text, [edit])
    assert after is not None
    assert Lines(text).edited(after, edit).starts == Lines(after).starts


@given(st.text(alphabet="ab\n😀é\r", max_size=30), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_positions_come_back_to_their_offset(text: str, encoding: str) -> None:
    lines = Lines(text)
    for offset in range(len(text) + 1):
        if 0 < offset < len(text) and text[offset - 1 : offset + 1] == "\r\n":
            continue  # between the two no position exists
        assert lines.offset(*lines.position(offset, encoding), encoding) == offset


@settings(max_examples=300)
@given(st.text(alphabet="ab", max_size=12), st.text(alphabet="ab", max_size=12))
def test_the_difference_leads_from_one_text_to_the_other(before: str, after: str) -> None:
    assert apply(before, [difference(before, after)]) == after


def test_a_span_moves_with_its_text_and_is_lost_when_the_text_is_touched() -> None:
    edit = Edit(Span(2, 4), "xyz")
    assert move(Span(5, 7), [edit]) == Span(6, 8)
    assert move(Span(0, 2), [edit]) == Span(0, 2)
    assert move(Span(3, 6), [edit]) is None


def test_what_an_open_quote_hides_is_not_read_anew_when_it_is_closed() -> None:
    text = "import os\n\n\n" + "".join(
        f'def f{number}():\n    """It counts."""\n    return {number}\n\n\n' for number in range(9)
    )
    document = Document("a.py", text)
    read = {it.reading for it in document.pieces}
    at = text.index("    return 3")
    quoted = document.edited(text[:at] + '    """' + text[at:], 2)
    assert len({it.key for it in document.units} - {it.key for it in quoted.units}) > 1
    closed = quoted.edited(text, 3)
    assert closed.units == document.units
    assert all(it.reading in read for it in closed.pieces)
