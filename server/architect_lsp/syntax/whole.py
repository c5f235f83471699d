"""A text without errors, read at once: `ast` alone tells its units, twice as fast as two parsers would.

The borders are those that tree-sitter finds, which gives a block the comments below it that are indented like it, or deeper.
What either parser could see in another way is left to `Tree`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from architect_lsp.syntax import python
from architect_lsp.syntax.units import Parsed, Unit, joined_lines, sections

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_MAX_LINES = 20_000
"""Lines above which a text is left to `Tree`, which survives more than `ast` does."""


def whole(text: str) -> list[tuple[Unit, Parsed]] | None:
    """The units in file order, the module's own sections last, and what is in each; None when `Tree` is to be asked."""
    if "\r" in text or "\t" in text or "\f" in text or text.count("\n") > _MAX_LINES:
        return None
    try:
        module = python.module(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    reader = _Reader(text.split("\n"))
    own, rest = reader.members(module.body, 0, len(reader.lines), "")
    at = 0
    for ranges in sections(reader.lines, own):
        end, begin = ranges[-1][1] if ranges else 0, at
        while at < len(rest) and rest[at].lineno <= end:
            at += 1
        reader.add("module", "", ranges, 0, rest[begin:at])
    return None if reader.unsure else reader.found


class _Reader:
    """`found` are the units so far; `unsure` whether a border lies where lines do not tell it."""

    __slots__ = ("found", "lines", "unsure")

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.found: list[tuple[Unit, Parsed]] = []
        self.unsure = False

    def members(
        self, body: Sequence[ast.stmt], first: int, last: int, scope: str
    ) -> tuple[list[tuple[int, int]], list[ast.stmt]]:
        """Take the definitions of a body; give the line ranges in [first, last) and the statements that belong to none."""
        own: list[tuple[int, int]] = []
        rest: list[ast.stmt] = []
        at = first
        for node in body:
            if not isinstance(node, _Definition):
                rest.append(node)
                continue
            begin, end = _first(node), self._end(node)
            if begin < at or self.lines[begin][: node.col_offset].strip() or end > last:
                self.unsure = True
                return own, rest
            if begin > at:
                own.append((at, begin))
            at = end
            if isinstance(node, ast.ClassDef):
                self._class(node, begin, end, scope)
            else:
                self.add("function", scope, [(begin, end)], node.col_offset, [node])
        if at < last:
            own.append((at, last))
        return own, rest

    def _class(self, node: ast.ClassDef, begin: int, end: int, scope: str) -> None:
        inner = node.body[0]
        before = self.lines[_first(inner)][: inner.col_offset]
        body_indent = "" if before.strip() else before
        header, rest = self.members(node.body, begin, end, f"{scope}.{node.name}" if scope else node.name)
        if not body_indent and any(isinstance(it, _Definition) for it in node.body):
            self.unsure = True
        n_lines = sum(stop - start for start, stop in header)
        if body_indent:  # as `units.parsed` ends a class, which may have nothing but methods
            line, column = begin + n_lines + 1, len(body_indent)
            ending = ast.Pass(lineno=line, col_offset=column, end_lineno=line, end_col_offset=column + 4)
            node.end_lineno, node.end_col_offset = line, column + 4
            _lift(rest, header, begin)
            rest.append(ending)
        node.body = rest
        self.add("class", scope, header, node.col_offset, [node], body_indent)

    def add(
        self, kind: str, scope: str, ranges: list[tuple[int, int]], indent: int, body: list[ast.stmt], body_indent: str = "    "
    ) -> None:
        unit = joined_lines(self.lines, kind, scope, ranges, indent, body_indent)
        origin = ranges[0][0] + 1 if ranges else 1
        if kind == "module":
            origin = 1
            _lift(body, ranges, 0)
        self.found.append((unit, Parsed(tuple(body), tuple(unit.text.split("\n")), origin, ())))

    def _end(self, node: _Definition) -> int:
        """The line after the definition and the comments that belong to it."""
        end = node.end_lineno or node.lineno
        inner = node.body[0]
        column = inner.col_offset
        if self.lines[_first(inner)][:column].strip():
            return end  # its body stands on its own line
        for at in range(end, len(self.lines)):
            line = self.lines[at]
            bare = line.lstrip(" ")
            if not bare.strip():
                continue
            if bare[0] != "#" or len(line) - len(bare) < column:
                break
            end = at + 1
        return end


def _first(node: ast.stmt) -> int:
    """The line (from 0) where a statement begins, its decorators included."""
    decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
    return min([node.lineno, *(it.lineno for it in decorators)]) - 1


def _lift(statements: Sequence[ast.stmt], ranges: Sequence[tuple[int, int]], begin: int) -> None:
    """Count the lines of statements as if the ranges stood one after the other from the line `begin`."""
    if not ranges:
        return
    pieces: Iterator[tuple[int, int]] = iter(ranges)
    start, stop = next(pieces)
    above = start - begin  # lines that are not there
    for it in statements:
        while it.lineno > stop:
            before = stop
            start, stop = next(pieces)
            above += start - before
        if above:
            _raise(it, above)


def _raise(node: ast.AST, by: int) -> None:
    """As `ast.increment_lineno`, in less time."""
    stack = [node]
    while stack:
        it = stack.pop()
        attributes = it.__dict__
        if "lineno" in attributes:
            attributes["lineno"] -= by
            attributes["end_lineno"] -= by
        for value in attributes.values():
            if value.__class__ is list:
                stack += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST):
                stack.append(value)
