"""What comments say beside the code: they tell why, where the code alone looks wrong. What they tell linters is left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import takewhile

from architect_lsp.knowledge.reading import Reading
from architect_lsp.patterns import regex

_FOR_LINTERS = regex(r"#|noqa(?::\s*[A-Z0-9, ]+)?|pylint:\s*disable=[\w, -]+|type: ignore(?:\[[\w-]+\])?|pragma: no cover")


def comments(reading: Reading, node: ast.AST) -> Iterator[str]:
    """The comments in the lines of a node, and on the lines right above and below it."""
    place = reading.place(node)
    lines = reading.parsed.lines
    for line in (
        *takewhile(_is_comment, lines[: place.line][::-1]),
        *lines[place.line : place.end_line + 1],
        *takewhile(_is_comment, _from_text(lines[place.end_line + 1 :])),
    ):
        if said := _FOR_LINTERS.sub("", line.partition("#")[2]).strip():
            yield said


def _from_text(lines: Sequence[str]) -> Sequence[str]:
    """The lines from the first that is not empty."""
    n_empty = sum(1 for _ in takewhile(lambda line: not line.strip(), lines))
    return lines[n_empty:]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
