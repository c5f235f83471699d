"""Python's own parser, asked by several threads."""

from __future__ import annotations

import ast
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from architect_lsp.syntax import python


def test_two_threads_never_parse_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = threading.Semaphore(1)
    parse, met = ast.parse, []

    def slow(*arguments: Any, **keywords: Any) -> ast.AST:
        met.append(inside.acquire(blocking=False))
        time.sleep(0.002)
        inside.release()
        return parse(*arguments, **keywords)

    monkeypatch.setattr(ast, "parse", slow)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(python.module, ["a = 1"] * 20))) == len(list(pool.map(python.expression, ["a"] * 20)))
    assert met == [True] * 40


def test_a_text_that_is_no_python_says_so() -> None:
    with pytest.raises(SyntaxError):
        python.module("def (")
    with pytest.raises(SyntaxError):
        python.expression("a = 1")
