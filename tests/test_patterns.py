"""Expressions that wait to be compiled: they do what compiled ones do, and all of ours can be compiled."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import re

import pytest

import architect_lsp
from architect_lsp import patterns
from architect_lsp.patterns import regex


def test_a_pattern_does_what_a_compiled_one_does() -> None:
    waiting, compiled = regex(r"(a+)b", re.IGNORECASE), re.compile(r"(a+)b", re.IGNORECASE)
    for text in ("xAAb ab", "", "b"):
        assert [it.span() for it in waiting.finditer(text)] == [it.span() for it in compiled.finditer(text)]
        assert waiting.sub("-", text) == compiled.sub("-", text)
    assert (waiting.pattern, waiting.groups, waiting.flags) == (compiled.pattern, compiled.groups, compiled.flags)


def test_a_wrong_one_says_so_when_it_is_used() -> None:
    waiting = regex("(")
    with pytest.raises(re.error):
        waiting.search("x")


def test_every_pattern_of_ours_compiles() -> None:
    for it in pkgutil.walk_packages(architect_lsp.__path__, "architect_lsp."):
        if not it.name.endswith("__main__"):
            importlib.import_module(it.name)
    ours = [it for it in gc.get_objects() if isinstance(it, patterns._Uncompiled) and it.text != "("]
    assert len(ours) > 400
    for it in ours:
        assert it.pattern == it.text
