"""The scanner reads what json.loads reads, however the text is cut, in one pass."""

from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from architect_lsp.review.items import MAX_CHARS, MAX_DEPTH, Items

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda it: st.lists(it, max_size=3) | st.dictionaries(st.text(max_size=5), it, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=8), VALUES, max_size=5), max_size=6)


def read(text: str, cuts: list[int]) -> tuple[list[Any], Items]:
    """The objects in the text when it arrives cut at these offsets, and the scanner after it."""
    items = Items()
    at, found = 0, []
    for cut in [*sorted(it % (len(text) + 1) for it in cuts), len(text)]:
        found += [None if it is None else json.loads(it) for it in items.feed(text[at:cut])]
        at = cut
    return found, items


@given(OBJECTS, st.lists(st.integers(0, 10_000), max_size=30), st.booleans(), st.sampled_from([None, 1]))
def test_any_cuts_give_what_json_gives(objects, cuts, ascii_only, indent):
    text = json.dumps({"remarks": objects}, ensure_ascii=ascii_only, indent=indent)
    found, items = read(text, cuts)
    assert found == objects
    assert items.found
    assert not items.open


@given(OBJECTS.filter(bool), st.lists(st.integers(0, 10_000), max_size=30))
def test_prose_and_fences_around_do_no_harm(objects, cuts):
    text = f"It's fine [1], see `items[0]` and \"x[]\":\n```json\n{json.dumps(objects)}\n```\nThat's all [2]. [{{"
    found, items = read(text, cuts)
    assert found == objects
    assert items.closed


def test_one_character_at_a_time():
    text = '[{"a": "\\\\\\"]}"}, {"b": [{"c": "[{"}]}]'
    found, _ = read(text, list(range(len(text))))
    assert found == json.loads(text)


def test_an_empty_list_is_found_and_prose_is_not():
    assert read('{"remarks": []}', [])[1].found
    assert read('{"remarks": [ \n ]}', list(range(15)))[1].found
    assert not read("Nothing to say about items[0] or {x}.", [])[1].found
    assert not read("", [])[1].found


def test_a_list_behind_an_empty_one_is_read():
    assert read('I read `x = []`. {"remarks": [{"a": 1}]}', [])[0] == [{"a": 1}]


def test_other_values_between_are_passed_over():
    assert read('[{"a": 1}, "x]", 3, [{"b": 2}], null, {"c": 3}]', [])[0] == [{"a": 1}, {"c": 3}]


def test_an_object_cut_short_is_not_given():
    found, items = read('{"remarks": [{"a": 1}, {"b": 12', [])
    assert found == [{"a": 1}]
    assert items.open


def test_too_long_and_too_deep_are_given_as_none():
    deep = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)
    text = f'[{{"a": "{"x" * MAX_CHARS}"}}, {{"b": {deep}}}, {{"c": 1}}]'
    assert read(text, list(range(0, len(text), 997)))[0] == [None, None, {"c": 1}]


def test_bottomless_nesting_is_survived():
    assert read('[{"a": ' + "[" * 1_000_000, [])[0] == []


def test_ten_megabytes_take_linear_time_and_little_memory():
    items = Items()
    piece = json.dumps({"quote": "x" * 900, "fix": {"edits": []}}) + ", "
    started_at = time.process_time()
    n_found = len(list(items.feed("[")))
    for _ in range(10_000):
        n_found += len(list(items.feed(piece)))
    assert n_found == 10_000
    assert time.process_time() - started_at < 5
    assert not items.open
