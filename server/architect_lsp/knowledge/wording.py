"""The words of a unit's code, for who looks for those of a check; comments and docstrings are left out, they check nothing."""

from __future__ import annotations

import ast
import re

from architect_lsp.knowledge.reading import Reading
from architect_lsp.patterns import regex

_DOCSTRINGS = regex(r'^\s*(?:"""[\s\S]*?"""|"[^"\n]*"|\'[^\'\n]*\')\s*$', re.MULTILINE)


def code(reading: Reading, node: ast.AST | None = None) -> str:
    """What a node does, as text; None is the whole unit. Made once."""
    known: dict[ast.AST | None, str] = reading.memo.setdefault("code", {})
    if node not in known:
        nodes = reading.parsed.body if node is None else [node]
        known[node] = _DOCSTRINGS.sub("", "\n".join(map(ast.unparse, nodes)))
    return known[node]


def says(reading: Reading, pattern: re.Pattern[str]) -> bool:
    """Whether the code of the whole unit has these words."""
    return bool(pattern.search(reading.unit.text)) and bool(pattern.search(code(reading)))
