"""One text -> its units: the pieces an edit can change alone. tree-sitter finds their borders, `ast` reads their inside.

A unit is a function, a method, a class without its methods, or a section: the module's statements between two definitions. A
unit's text holds only its own lines, so it stays the same when lines are added elsewhere; `Unit.runs` says where those lines are
in the file. tree-sitter is
incremental and survives half-typed code; `ast` gives each unit the language's own tree at the speed of C. A line that does not
parse is blanked for the reading of its unit, so a half-typed statement costs that statement.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import tree_sitter
import tree_sitter_python
from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.model import Edit, Place
from architect_lsp.patterns import regex
from architect_lsp.syntax import python
from architect_lsp.text import Lines

_PYTHON = tree_sitter.Language(tree_sitter_python.language())
_OPENING = regex(r"[ \t]*(?:async[ \t]+def|def|class|@)(?!\w)")
_WRAPPER = "if 1:\n"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_ATTEMPTS = 6
"""How many lines of one unit may be blanked before the unit is given up."""


class Unit(Struct, frozen=True):
    """`kind` is "module", "class" or "function"; `scope` the qualified name of the classes around it, "" at module level.

    `runs` are (line of the unit, line of the file, number of lines), lines from 0. `indent` is the column of its first line.
    """

    kind: str
    scope: str
    text: str
    runs: tuple[tuple[int, int, int], ...]
    indent: int
    body_indent: str = "    "  # of a class: the white space before its statements, "" when they stand on its first line

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Units of equal keys say the same, wherever in the file they stand."""
        return self.kind, self.scope, self.text, self.body_indent

    @property
    def line(self) -> int:
        """The file's line (from 0) where the unit begins."""
        return self.runs[0][1] if self.runs else 0

    def file_line(self, line: int) -> int:
        """The file's line of the unit's `line`, both from 0."""
        at = bisect_right(self.runs, (line, 1 << 60, 0)) - 1
        first, begin, _ = self.runs[max(at, 0)] if self.runs else (0, 0, 0)
        return begin + line - first

    def run(self, first: int, last: int) -> int | None:
        """The index of the run to which the file's lines `first` to `last` all belong; None when they are of no one."""
        return next((index for index, (_, at, count) in enumerate(self.runs) if at <= first and last < at + count), None)

    def lowered(self, line: int, more: int) -> Unit:
        """This unit where what lies below the file's `line` has moved down by `more` lines."""
        if not self.runs or self.runs[-1][1] <= line:
            return self
        runs = tuple((at, begin + more if begin > line else begin, count) for at, begin, count in self.runs)
        return replace(self, runs=runs)

    def place(self, path: str, place: Place) -> Place:
        """A place that counts the unit's lines, as one that counts the file's."""
        return Place(path, self.file_line(place.line), place.column, self.file_line(place.end_line), place.end_column)


class Tree:
    """The syntax of one version of a text; `edited` gives the next version's without starting anew.

    It is parsed when it is first asked for: an edit that `ast` alone can judge (`grown`) asks for nothing.
    """

    __slots__ = ("_before", "_bytes", "_parsed", "assumed", "lines", "presumed", "text")

    def __init__(self, text: str, before: tuple[tree_sitter.Tree | None, bytes, list[str]] | None = None) -> None:
        self.text = text
        self.assumed = False  # whether its units were told without it, and are right
        self.presumed = False  # whether they were told without it from those of a broken text, and may not be
        self._parsed: tree_sitter.Tree | None = None
        self._before: tree_sitter.Tree | None = None
        if before is None:
            normal = _normal(text)
            self._bytes, self.lines = normal.encode("utf-8", "replace"), normal.split("\n")
        else:
            self._before, self._bytes, self.lines = before

    @property
    def _tree(self) -> tree_sitter.Tree:
        if self._parsed is None:
            parser = tree_sitter.Parser(_PYTHON)
            self._parsed = parser.parse(self._bytes, self._before) if self._before else parser.parse(self._bytes)
            self._before = None
        return self._parsed

    def edited(self, text: str, edit: Edit, lines: Lines) -> Tree:
        """The tree of `text`, to which `edit` leads from this one's; `lines` are those of the old text."""
        normal = _normal(text)
        new, old = normal.encode("utf-8", "replace"), self._bytes
        start, old_end = self._point(edit.span.start, lines), self._point(edit.span.end, lines)
        changed = normal[edit.span.start : edit.span.start + len(edit.text)].encode("utf-8", "replace")
        new_end = start[0] + len(changed)
        if new[: start[0]] != old[: start[0]] or new[new_end:] != old[old_end[0] :]:  # an edit between `\\r` and `\\n`
            return Tree(text)
        n_breaks = changed.count(b"\n")
        column = len(changed) - changed.rfind(b"\n") - 1 if n_breaks else start[1].column + len(changed)
        end_row = start[1].row + n_breaks
        tree = (self._parsed or self._before or self._tree).copy()
        tree.edit(start[0], old_end[0], new_end, start[1], old_end[1], tree_sitter.Point(end_row, column))
        first, last = self.lines[start[1].row], self.lines[old_end[1].row]
        before = edit.span.start - lines.starts[start[1].row]
        after = edit.span.end - lines.starts[old_end[1].row]
        fresh = (first[:before] + changed.decode("utf-8", "replace") + last[after:]).split("\n")
        return Tree(text, (tree, new, [*self.lines[: start[1].row], *fresh, *self.lines[old_end[1].row + 1 :]]))

    def _point(self, offset: int, lines: Lines) -> tuple[int, tree_sitter.Point]:
        """(byte offset, point) of a code-point offset of this tree's text."""
        row = lines.line_of(offset)
        start = lines.starts[row]
        if lines.ascii:
            return offset, tree_sitter.Point(row, offset - start)
        column = len(self.text[start:offset].encode("utf-8", "replace"))
        return len(self.text[:start].encode("utf-8", "replace")) + column, tree_sitter.Point(row, column)

    @property
    def has_error(self) -> bool:
        """Whether some of the text is no Python."""
        return bool(self._tree.root_node.has_error)

    def units(self) -> list[Unit]:
        """The units in file order; the module's own sections come last."""
        found: list[Unit] = []
        last = len(self.lines)
        own = self._members(self._tree.root_node.children, 0, last, "", found, bool(self._tree.root_node.has_error))
        found += (self._unit("module", "", it, 0) for it in sections(self.lines, own))
        return found

    def grown(self, units: Sequence[Unit], first: int, last: int, more: int) -> tuple[list[Unit], int] | None:
        """As `revised`, if the unit still ends where it did: whether so is for the caller to say. Asks no parser."""
        found = ((index, it.run(first, last)) for index, it in enumerate(units) if it.kind != "class")
        index, run = next((it for it in found if it[1] is not None), (0, None))
        if run is None or units[index].runs[run][2] + more <= 0:
            return None
        unit = units[index]
        fresh = [it.lowered(last, more) for it in units] if more else list(units)
        ranges = [
            (at + more * (number > run), at + count + more * (number >= run)) for number, (_, at, count) in enumerate(unit.runs)
        ]
        fresh[index] = self._unit(unit.kind, unit.scope, ranges, unit.indent)
        return fresh, index

    def revised(self, units: Sequence[Unit], first: int, last: int, more: int) -> tuple[list[Unit], int] | None:
        """(units, index of the one that changed) after an edit of the lines `first` to `last` of one function.

        `units` are those before the edit, which made the file `more` lines longer. None when it touched more than that.
        """
        grown = self.grown(units, first, last, more)
        if grown is None or units[grown[1]].kind != "function":
            return None
        unit = units[grown[1]]
        begin, end = unit.line, unit.line + unit.runs[0][2] + more
        point = tree_sitter.Point(begin, unit.indent)
        node = self._tree.root_node.descendant_for_point_range(point, point)
        while node is not None and (
            node.type not in ("function_definition", "decorated_definition")
            or (node.parent is not None and node.parent.type == "decorated_definition")
        ):
            node = node.parent
        if node is None or node.start_point != point or node.end_point.row + (1 if node.end_point.column else 0) != end:
            return None
        above = node.parent
        in_class = above is not None and above.type == "block" and above.parent and above.parent.type == "class_definition"
        if above is None or (above.type != "module" and not in_class):
            return None
        if node.type == "decorated_definition":
            inner = node.child_by_field_name("definition")
            if inner is None or inner.type != "function_definition":
                return None
        if node.has_error and len(list(self._guessed(begin, end, unit.indent))) > 1:
            return None
        return grown

    def _members(
        self, nodes: Sequence[tree_sitter.Node], first: int, last: int, scope: str, found: list[Unit], broken: bool
    ) -> list[tuple[int, int]]:
        """Append the units among `nodes`; give the line ranges in [first, last) that belong to none of them."""
        own: list[tuple[int, int]] = []
        at = first
        for kind, name, begin, end, column, body in self._definitions(nodes, broken):
            if begin < at:  # shares a line with what went before: `x = 1; def ...` stays where it is
                continue
            end = min(end, last)
            if begin > at:
                own.append((at, begin))
            at = end
            if kind == "function":
                found.append(self._unit("function", scope, [(begin, end)], column))
                continue
            inner = f"{scope}.{name}" if scope else name
            header = self._members(body, begin, end, inner, found, broken) if body else [(begin, end)]
            found.append(self._unit("class", scope, header, column, self._body_indent(body, column)))
        if at < last:
            own.append((at, last))
        return own

    def _body_indent(self, body: Sequence[tree_sitter.Node], column: int) -> str:
        """The white space before a class's statements, "" when they follow its colon: `class Missing(Exception): pass`."""
        first = next((it.start_point for it in body if it.type != "comment"), None)
        if first is None:
            return " " * (column + 4)
        before = self.lines[first.row][: first.column]
        return "" if before.strip() else before

    def _definitions(
        self, nodes: Sequence[tree_sitter.Node], broken: bool
    ) -> Iterator[tuple[str, str, int, int, int, Sequence[tree_sitter.Node]]]:
        """(kind, name, first line, line after, column, class body) of each definition among `nodes`."""
        for node in nodes:
            type_ = node.type
            inner = node
            if type_ == "decorated_definition":
                inner = node.child_by_field_name("definition") or node
                type_ = inner.type
            if type_ not in ("function_definition", "class_definition"):
                if type_ == "ERROR" and broken:
                    yield from self._guessed(node.start_point.row, node.end_point.row + 1, node.start_point.column)
                continue
            begin, column = node.start_point.row, node.start_point.column
            end = node.end_point.row + (1 if node.end_point.column else 0)
            if broken and node.has_error:
                guessed = list(self._guessed(begin, end, column))
                if len(guessed) > 1:
                    yield from guessed
                    continue
            if type_ == "function_definition":
                yield "function", "", begin, end, column, ()
            else:
                name = inner.child_by_field_name("name")
                block = inner.child_by_field_name("body")
                label = name.text.decode("utf-8", "replace") if name is not None and name.text else "?"
                yield "class", label, begin, end, column, block.children if block else ()

    def _guessed(self, begin: int, end: int, column: int) -> Iterator[tuple[str, str, int, int, int, Sequence[tree_sitter.Node]]]:
        """Definitions in broken lines, told by their first word at `column` or left of it."""
        starts: list[int] = []
        for line in range(begin, min(end, len(self.lines))):
            text = self.lines[line]
            if _OPENING.match(text) and len(text) - len(text.lstrip()) <= column:
                decorated = starts and self.lines[line - 1].lstrip().startswith("@") and starts[-1] == line - 1
                if not decorated:
                    starts.append(line)
        for start, stop in zip(starts, [*starts[1:], end], strict=False):
            words = self.lines[start].split()
            if words[0] == "class":
                yield "class", re.split(r"\W", words[1])[0] if len(words) > 1 else "?", start, stop, column, ()
            else:
                yield "function", "", start, stop, column, ()

    def _unit(self, kind: str, scope: str, ranges: list[tuple[int, int]], indent: int, body_indent: str = "    ") -> Unit:
        return joined_lines(self.lines, kind, scope, ranges, indent, body_indent)


def sections(file_lines: Sequence[str], ranges: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The line ranges of each section, at least one; a range of comments alone goes with the statements below it."""
    found: list[list[tuple[int, int]]] = []
    waiting: list[tuple[int, int]] = []
    for begin, end in ranges:
        waiting.append((begin, end))
        if any(it[:1] not in ("", "#") for it in map(str.lstrip, file_lines[begin:end])):
            found.append(waiting)
            waiting = []
    if waiting and found:
        found[-1] += waiting
    return found or [waiting]


def joined_lines(
    file_lines: Sequence[str], kind: str, scope: str, ranges: Sequence[tuple[int, int]], indent: int, body_indent: str
) -> Unit:
    """The unit of some ranges of a file's lines."""
    runs: list[tuple[int, int, int]] = []
    lines: list[str] = []
    for begin, end in ranges:
        runs.append((len(lines), begin, end - begin))
        lines.extend(file_lines[begin:end])
    return Unit(kind, scope, "\n".join(lines), tuple(runs), indent, body_indent)


class Parsed(Struct, frozen=True):
    """The statements of a unit. `origin` is what to subtract from a node's `lineno` to get the unit's line from 0."""

    body: tuple[ast.stmt, ...]
    lines: tuple[str, ...]
    origin: int
    blanked: tuple[int, ...]  # the unit's lines (from 0) that did not parse and were read as `pass`

    def place(self, node: ast.AST, path: str = "") -> Place:
        """Where `node` stands, in the unit's lines and code points."""
        line, end_line = node.lineno - self.origin, node.end_lineno - self.origin  # type: ignore[attr-defined]
        column = self.column(line, node.col_offset)  # type: ignore[attr-defined]
        return Place(path, line, column, end_line, self.column(end_line, node.end_col_offset))  # type: ignore[attr-defined]

    def column(self, line: int, column: int) -> int:
        """The code-point column of the UTF-8 `column` in the unit's `line`."""
        text = self.lines[line] if line < len(self.lines) else ""
        return column if text.isascii() else len(text.encode("utf-8", "replace")[:column].decode("utf-8", "ignore"))


def is_whole(unit: Unit, tree: Parsed | None) -> bool:
    """Whether the unit, as `ast` read it, is one function from its first line to its last, or one section of statements."""
    if tree is None or tree.blanked or not tree.body:
        return False
    if unit.kind == "module":
        return not any(isinstance(it, _DEFINITIONS) for it in tree.body) and _is_section(unit, tree.lines)
    node = tree.body[0]
    if not isinstance(node, _FUNCTIONS) or node.col_offset != unit.indent or len(tree.body) != 1:
        return False
    first = min((it.lineno for it in node.decorator_list), default=node.lineno)
    return first == tree.origin and node.end_lineno == tree.origin + len(tree.lines) - 1


def _is_section(unit: Unit, lines: Sequence[str]) -> bool:
    """Whether its runs make one section still, and none begins with a comment that would be the definition's above."""
    ranges = [(line, line + count) for line, _, count in unit.runs]
    firsts = (next((it for it in lines[begin:end] if it.strip()), "") for begin, end in ranges)
    return len(sections(lines, ranges)) == 1 and not any(it[:1].isspace() for it in firsts)


def parsed(unit: Unit) -> Parsed | None:
    """The unit's statements, its broken lines read as `pass`; None when nothing of it can be read."""
    lines = unit.text.split("\n")
    nested = unit.kind != "module" and lines[0][:1] in (" ", "\t")
    prefix = _WRAPPER if nested else ""
    suffix = ""
    if unit.kind == "class" and unit.body_indent:  # its methods are units of their own, so its body may be empty
        suffix = f"\n{unit.body_indent}pass"
    blanked: list[int] = []
    for _ in range(_ATTEMPTS):
        try:
            module = python.module(prefix + "\n".join(lines) + suffix)
        except SyntaxError as error:  # noqa: PERF203  (an attempt that fails says which line to blank)
            line = (error.lineno or 0) - 1 - (1 if prefix else 0)
            if isinstance(error, IndentationError) and "expected an indented block" in str(error):
                line = next((it for it in range(min(line, len(lines)) - 1, -1, -1) if lines[it].strip()), -1)
            if not 0 <= line < len(lines) or line in blanked:
                line = next(
                    (it for it in range(min(line, len(lines) - 1), -1, -1) if lines[it].strip() and it not in blanked), -1
                )
            if line < 0 or (line == 0 and unit.kind != "module"):
                return None
            text = lines[line]
            lines[line] = text[: len(text) - len(text.lstrip())] + "pass"
            blanked.append(line)
        except (ValueError, RecursionError, MemoryError):
            return None
        else:
            body = module.body[0].body if nested and module.body else module.body  # type: ignore[attr-defined]
            return Parsed(tuple(body), tuple(lines), 2 if nested else 1, tuple(blanked))
    return None


def _normal(text: str) -> str:
    """The text with a lone `\\r` as `\\n`, which is how both parsers break lines; offsets stay the same."""
    return text if "\r" not in text else re.sub(r"\r(?!\n)", "\n", text)
