"""One text in another language -> its outline: definitions, imports and calls by name, all by tree-sitter and a query file.

What a query may capture (`queries/*.scm`):
`@definition.KIND` with `@name`, and `@body` where the node has no field of this name; `@owner` is the type a method is written
outside of, `@self` what it calls its object. `@above` is what belongs to a definition that begins on the next line: comments,
decorators. `@import` is a module as it is written. `@call` with `@callee`, from the first to the last of them. `@reference` is a
name that is a call if a definition here has it and no `@local` does.

A text that does not parse gives what can be read of it. Lines and columns are code points', as everywhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path

import tree_sitter
from msgspec import Struct

from architect_lsp.model import Place
from architect_lsp.patterns import regex
from architect_lsp.syntax.languages import Language

CONTAINERS = frozenset({"class", "struct", "interface", "trait", "enum", "impl"})
"""Kinds whose functions are methods."""

_OBJECTS = frozenset({"this", "self", "$this", "Self", "static"})
"""Words for the object or the type a method belongs to."""

_DIVISIBLE = CONTAINERS | {"module"}

_MAX_PARSE_S = 2.0
"""Seconds one text may take: mostly 50,000 lines need half of one, but broken text can cost the square of its length."""

_UNTIMED = 1 << 16
"""Bytes that are parsed without looking at the clock."""

_MAX_CALLEE = 200
_MAX_SIGNATURE = 240
"""Longest texts that are kept, in bytes and in characters; a chain of calls can be as long as its function."""

_BRACKETS = regex(r"\([^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}|<[^<>()\[\]{}]*>")
_EMPTIED = {"(": "\x01", "[": "\x02", "{": "\x01", "<": ""}
_SEPARATORS = regex(r"(?:\s*(?:\?\.|!!\.|!\.|\?->|->|::|&\.|\\|\.)\s*)+")
_OPENED = regex(r"(?:\s*(?:=>|[={:;]))+\Z")
_QUOTED = regex(r"\A([\"'`])(.*)\1\Z")
_NAME = regex(r"[$@#]{0,2}[^\W\d]\w*[?!=]?[\x01\x02]*(?:\.[$@#]?\w+[?!=]?[\x01\x02]*)*")


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One definition. `name` is qualified; `first` and `last` are its lines from 0, comments and decorators above included.

    `line` is where it begins itself; `own` is the word its body uses for its object, "" where the language has one for all.
    """

    kind: str
    name: str
    signature: str
    first: int
    line: int
    last: int
    own: str = ""
    outer: Item | None = field(default=None, repr=False)

    @property
    def around(self) -> Iterator[Item]:
        """This definition, then the one around it, and so on outwards."""
        it: Item | None = self
        while it is not None:
            yield it
            it = it.outer


class Call(Struct, frozen=True):
    """One call by name: `callee` is dotted, brackets emptied; `inside` is the innermost definition around it, None at the top."""

    callee: str
    place: Place
    inside: Item | None


@dataclass(frozen=True)
class Outline:
    """What one text defines, imports and calls, in the order of the text."""

    language: Language
    items: tuple[Item, ...]
    imports: tuple[str, ...]
    calls: tuple[Call, ...]
    cuts: tuple[int, ...]  # lines from 0 where a long text may be cut: before a definition or a statement of the top

    def at(self, first: int, last: int) -> list[Item]:
        """The definitions that share a line with `first` to `last`, outer ones first."""
        return [it for it in self.items if it.first <= last and first <= it.last]

    def target(self, call: Call) -> Item | None:
        """The definition of this text that is called, as far as names alone can tell; None where they can't."""
        receiver, _, name = call.callee.rpartition(".")
        around = list(call.inside.around) if call.inside else []
        if not receiver:
            for it in around:
                found = self._named.get(f"{it.name}.{name}")
                if found and (found.kind != "method" or self.language.own_methods):
                    return found
            methods = self._prefix(around) if self.language.own_methods else ""
            return self._named.get(f"{methods}.{name}") or self._named.get(name)
        if receiver in _OBJECTS or any(it.own == receiver for it in around):
            return self._named.get(f"{self._prefix(around)}.{name}")
        return next((found for it in around if (found := self._named.get(f"{it.name}.{call.callee}"))), None) or self._named.get(
            call.callee
        )

    @cached_property
    def links(self) -> tuple[tuple[Call, Item], ...]:
        """The calls whose definition stands in this text, each with it."""
        return tuple((it, found) for it in self.calls if (found := self.target(it)))

    @cached_property
    def _named(self) -> dict[str, Item]:
        """Qualified name -> its definition; the type itself comes before what implements it."""
        found: dict[str, Item] = {}
        for it in self.items:
            if it.name not in found or found[it.name].kind == "impl":
                found[it.name] = it
        return found

    def _prefix(self, around: Iterable[Item]) -> str:
        """The name of the type whose method stands around a place, "" where none does."""
        return next((it.name.rpartition(".")[0] for it in around if it.kind == "method"), "")


def outline(text: str, language: Language) -> Outline:
    """The outline of a text. Effect: loads the language's grammar when it is first needed."""
    source = _source(text)
    rows = source.split(b"\n")
    root = _root(source, language)
    if root is None:
        return Outline(language, (), (), (), (0,))
    definitions: dict[tuple[int, int], _Found] = {}
    calls: dict[tuple[int, int], tuple[str, tree_sitter.Node]] = {}
    references: list[tree_sitter.Node] = []
    locals_: set[str] = set()
    spoken: set[int] = set()  # names that belong to a definition or a call
    imports: dict[str, None] = {}
    above: dict[int, int] = {}  # last row -> first row
    for _, found in tree_sitter.QueryCursor(_reader(language)[1]).matches(root):
        kind = next((it for it in found if it.startswith("definition.")), "")
        if kind:
            node = found[kind][0]
            definitions.setdefault((node.start_byte, -node.end_byte), (kind.partition(".")[2], node, found))
            spoken.add(found["name"][0].start_byte)
        elif "call" in found:
            node, callees = found["call"][0], found.get("callee") or found["call"]
            start, end = callees[0].start_byte, callees[-1].end_byte
            spoken.add(callees[-1].start_byte)
            name = dotted(source[start:end].decode("utf-8", "replace")) if end - start <= _MAX_CALLEE else ""
            if name:
                calls.setdefault((node.start_byte, node.end_byte), (name, node))
        elif "above" in found:
            node = found["above"][0]
            start_point, end_point = node.start_point, node.end_point
            alone = not rows[start_point.row][: start_point.column].strip()
            if alone and not (end_point.column and rows[end_point.row][end_point.column :].strip()):
                above[end_point.row if end_point.column else end_point.row - 1] = start_point.row
        elif "import" in found:
            imports.setdefault(_QUOTED.sub(r"\2", " ".join(_text(found["import"][0]).split())))
        elif "local" in found:
            locals_.update(map(_text, found["local"]))
        elif "reference" in found:
            references += found["reference"]
    items = list(_items(sorted(definitions.items(), key=lambda it: it[0]), source, above))
    named = {it.name.rpartition(".")[2] for _, it in items} - locals_
    for node in references:
        if node.start_byte not in spoken and (name := _text(node)) in named:
            calls.setdefault((node.start_byte, node.end_byte), (name, node))
    tops = {_first(it.start_point.row, above) for it in root.named_children}
    members = {it.first for _, it in items if it.outer is None or it.outer.kind in _DIVISIBLE}
    return Outline(
        language,
        tuple(it for _, it in items),
        tuple(imports),
        tuple(_calls(sorted(calls.items(), key=lambda it: it[0]), items, rows)),
        tuple(sorted((tops | members) - {it + 1 for it in above})) or (0,),
    )


def dotted(callee: str) -> str:
    """The callee's name with "." between its parts and its brackets emptied, "" when it is no name: `(a ?? b)()`."""
    text, before = callee.strip(), ""
    while text != before:
        before, text = text, _BRACKETS.sub(lambda it: _EMPTIED[it[0][0]], text)
    text = _SEPARATORS.sub(".", text).strip(". ")
    return text.replace("\x01", "()").replace("\x02", "[]") if _NAME.fullmatch(text) else ""


def is_comment(text: str, offset: int, language: Language) -> bool:
    """Whether the character at `offset` is part of a comment."""
    at = len(text[:offset].encode("utf-8", "replace"))
    root = _root(_source(text), language)
    node = root.descendant_for_byte_range(at, at) if root else None
    return node is not None and "comment" in node.type


def n_errors(text: str, language: Language) -> int | None:
    """How many places of a text do not parse; None where it took too long to tell."""
    root = _root(_source(text), language)
    if root is None:
        return None
    count = 0
    left = [root]
    while left:
        node = left.pop()
        if node.has_error:
            count += node.is_error or node.is_missing
            left += node.children
    return count


_Found = tuple[str, tree_sitter.Node, dict[str, list[tree_sitter.Node]]]
"""The kind of a definition, its node and what the query captured of it."""


@cache
def _reader(language: Language) -> tuple[tree_sitter.Language, tree_sitter.Query]:
    module, function = language.grammar
    grammar = tree_sitter.Language(getattr(import_module(module), function)())
    folder = Path(__file__).parent / "queries"
    query = "\n".join((folder / f"{it}.scm").read_text(encoding="utf-8") for it in language.queries)
    return grammar, tree_sitter.Query(grammar, query)


def _root(source: bytes, language: Language) -> tree_sitter.Node | None:
    """The tree of a text, None when it would take longer than `_MAX_PARSE_S`."""
    parser = tree_sitter.Parser(_reader(language)[0])
    if len(source) > _UNTIMED:  # only a parse in chunks can be called off, and its tree is slow to read
        end = time.monotonic() + _MAX_PARSE_S
        try:
            parser.parse(lambda at, _: source[at : at + _UNTIMED], progress_callback=lambda *_: end < time.monotonic())
        except ValueError:
            return None
    return parser.parse(source).root_node


def _source(text: str) -> bytes:
    """The bytes that are parsed; a lone `\\r` ends a line, as in `text.Lines`, so rows are lines.

    A line break more at the end: Kotlin's grammar seeks white space after an annotation and would look for it without end.
    """
    return (re.sub(r"\r(?!\n)", "\n", text) + "\n").encode("utf-8", "replace")


def _items(
    definitions: Sequence[tuple[tuple[int, int], _Found]], source: bytes, above: dict[int, int]
) -> Iterator[tuple[tuple[int, int], Item]]:
    """((first byte, byte after), definition), in order of their beginnings, the longer one first."""
    open_: list[tuple[int, Item]] = []
    for (start, negative_end), (kind, node, found) in definitions:
        while open_ and open_[-1][0] <= start:
            open_.pop()
        outer = open_[-1][1] if open_ else None
        name = _name(found["name"][0])
        if "owner" in found:
            name = f"{_name(found['owner'][0])}.{name}"
        elif kind == "function" and outer is not None and outer.kind in CONTAINERS:
            kind = "method"
        name = f"{outer.name}.{name}" if outer else name
        body = found["body"][0] if "body" in found else node.child_by_field_name("body")
        rest = [it.start_byte for it in node.children if it == body or "comment" in it.type]
        header = source[start : min(rest, default=body.start_byte)] if body else source[start : node.end_byte].split(b"\n", 1)[0]
        row, end = node.start_point.row, node.end_point
        last = end.row if end.column or end.row == row else end.row - 1
        own = _text(found["self"][0]) if "self" in found else ""
        item = Item(kind, name, _signature(header), _first(row, above), row, last, own, outer)
        open_.append((-negative_end, item))
        yield (start, -negative_end), item


def _signature(header: bytes) -> str:
    """What stands before a body, as one line."""
    text = " ".join(header[: 4 * _MAX_SIGNATURE].decode("utf-8", "replace").split())
    text = _OPENED.sub("", text)
    return text if len(text) <= _MAX_SIGNATURE else text[: _MAX_SIGNATURE - 1] + "…"


def _calls(
    calls: Sequence[tuple[tuple[int, int], tuple[str, tree_sitter.Node]]],
    items: Sequence[tuple[tuple[int, int], Item]],
    rows: Sequence[bytes],
) -> Iterator[Call]:
    open_: list[tuple[int, Item]] = []
    at = 0
    for (start, _), (name, node) in calls:
        while at < len(items) and items[at][0][0] <= start:
            (begin, end), item = items[at]
            while open_ and open_[-1][0] <= begin:
                open_.pop()
            open_.append((end, item))
            at += 1
        while open_ and open_[-1][0] <= start:
            open_.pop()
        first, last = node.start_point, node.end_point
        place = Place("", first.row, _column(rows, first), last.row, _column(rows, last))
        yield Call(name, place, open_[-1][1] if open_ else None)


def _column(rows: Sequence[bytes], point: tree_sitter.Point) -> int:
    return len(rows[point.row][: point.column].decode("utf-8", "replace"))


def _first(row: int, above: dict[int, int]) -> int:
    """The first row of what belongs to a definition that begins on `row`."""
    while row - 1 in above:
        row = above[row - 1]
    return row


def _name(node: tree_sitter.Node) -> str:
    text = " ".join(_text(node).strip("\"'`*&").split())
    name = dotted(text) or text[:_MAX_CALLEE]
    return name.removesuffix("[]") or name


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
