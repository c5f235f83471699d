"""Python's own parser, for one thread at a time.

Until 3.13 it counts the depth of what it builds for all threads together, and raises SystemError where two parse at once:
https://github.com/python/cpython/issues/106905
"""

from __future__ import annotations

import ast
import threading
import warnings

_ALONE = threading.Lock()


def module(text: str) -> ast.Module:
    """The tree of a module, without the parser's warnings; raises SyntaxError, ValueError, RecursionError or MemoryError."""
    with _ALONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def expression(text: str) -> ast.expr:
    """The tree of one expression; raises as `module` does."""
    with _ALONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode="eval").body
