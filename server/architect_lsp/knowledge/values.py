"""What an expression says, as plain data: literals, names, calls with their arguments. Frameworks read their nouns from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from architect_lsp.knowledge.reading import Reading, dotted, plain
from architect_lsp.model import Place
from architect_lsp.syntax import python
from architect_lsp.syntax.units import Parsed

_DEPTH = 12
"""How deep expressions are read into each other; what lies deeper is unknown."""
_SIZE = 6000
"""Values one expression may hold, so that a table of data in a module costs no more than its beginning."""
_PLAIN = 200
"""The same for a list without a call in it."""
_TEXT = 300
"""Characters kept of a string."""


class Value(Struct, frozen=True, array_like=True, gc=False):
    """One expression. `kind` tells what the rest means:

    "text": `text` is the string (its beginning, when it is long). "constant": `text` is the `repr` of a number, None or a
    bool. "name": `text` is dotted, as written. "call": `text` is the dotted name of what is called, `items` and `keywords`
    are its arguments; where an attribute of a call or a list is called, `text` is the attribute and `of` what it belongs to;
    where the result of a call is called, `text` is empty and `of` is that call. "list" (a tuple or set too): `items`. "dict":
    `keywords` by literal key or dotted name, "?" for others. "joined": pieces put together by `+`, `|` or an f-string.
    "index": `text[items]`, as in annotations. "attribute": `text` of the call `of`. "either": two, one of which holds.
    "star": one item, which was starred. "each": one item, what a comprehension gives for each turn. "lambda": one item, what
    it gives. "compare": its operands. "unknown":
    anything else.
    """

    kind: str
    text: str = ""
    items: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()
    of: Value | None = None

    def keyword(self, name: str) -> Value | None:
        """The keyword argument or entry of this name, None when it is not there."""
        return next((value for key, value in self.keywords if key == name), None)

    def argument(self, index: int, name: str = "") -> Value | None:
        """The argument at a position, from 0, or by its keyword; None when neither is given."""
        before = self.items[: index + 1]
        if len(before) > index and not any(it.kind == "star" for it in before):
            return before[index]
        return self.keyword(name) if name else None

    @property
    def last(self) -> str:
        """The last name of what is called or named: `get` of `router.get`."""
        return self.text.rpartition(".")[2]

    def each(self) -> Iterator[Value]:
        """This value and all inside it, in the order of the source."""
        if self.of is not None:
            yield from self.of.each()
        yield self
        for it in self.items:
            yield from it.each()
        for _, it in self.keywords:
            yield from it.each()


UNKNOWN = Value("unknown")


def storable(text: str) -> str:
    """A string as UTF-8 can hold it: code points of half a pair, which a literal may spell, become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def shown(value: Value) -> str:
    """A name, a literal or an annotation as it is written, in short; "" for what can't be told."""
    if value.kind == "index":
        return f"{value.text}[{', '.join(shown(it) for it in value.items)}]"
    if value.kind == "joined":
        return " | ".join(shown(it) for it in value.items)
    return value.text if value.kind in ("text", "constant", "name") else ""


Places = tuple[tuple[int, int], ...]
"""(line, column) of each call in a value, in the order of `Value.each`, in the unit's lines and code points."""


def value_of(reading: Reading, node: ast.expr) -> Value:
    """What an expression of the unit says, names as written."""
    return _Reader(reading.parsed).read(node, _DEPTH)


def value_and_places(reading: Reading, node: ast.expr) -> tuple[Value, Places]:
    """The same, with the places of the calls in it."""
    reader = _Reader(reading.parsed)
    return reader.read(node, _DEPTH), tuple(reader.calls)


def place_of(value: Value, places: Places, entry: int) -> Place | None:
    """Where the call stands that is the value's `entry`th (from 0) by `Value.each`; None when that is no call."""
    before = tuple(islice(value.each(), entry + 1))
    if len(before) <= entry or before[-1].kind != "call":
        return None
    index = sum(it.kind == "call" for it in before) - 1
    return Place("", *places[index], *places[index]) if index < len(places) else None


def quoted(text: str) -> Value:
    """What the text of an annotation in quotes says; unknown where it is no expression. Its calls have no place."""
    try:
        node = python.expression(text)
    except (SyntaxError, ValueError):
        return UNKNOWN
    return _Reader(None).read(node, _DEPTH)


def written(value: Value) -> str:
    """A value as it is written, in short; "" for what can't be told."""
    if value.kind in ("text", "constant", "name"):
        return value.text
    if value.kind == "list":
        return ", ".join(written(it) for it in value.items)
    if value.kind == "call":
        rows = [written(it) for it in value.items] + [f"{key}={written(it)}" for key, it in value.keywords]
        return f"{value.text}({', '.join(rows)})"
    return ""


class _Reader:
    """Reads one expression within a budget."""

    __slots__ = ("calls", "left", "parsed")

    def __init__(self, parsed: Parsed | None) -> None:
        self.parsed = parsed
        self.left = _SIZE
        self.calls: list[tuple[int, int]] = []

    def read(self, node: ast.expr, depth: int) -> Value:
        self.left -= 1
        if depth <= 0 or self.left <= 0:
            return UNKNOWN
        depth -= 1
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                return Value("text", storable(node.value[:_TEXT]))
            return Value("constant", repr(node.value)[:_TEXT]) if not isinstance(node.value, bytes) else UNKNOWN
        if isinstance(node, ast.Name | ast.Attribute):
            name = dotted(node)
            if not name and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call):
                return Value("attribute", node.attr, of=self.read(node.value, depth))
            return Value("name", name) if name else UNKNOWN
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            plain = not any(isinstance(it, ast.Call | ast.List | ast.Tuple | ast.Starred) for it in node.elts)
            elements = node.elts[:_PLAIN] if plain else node.elts
            return Value("list", items=tuple(self.read(it, depth) for it in elements))
        if isinstance(node, ast.Dict):
            rows = list(zip(node.keys, node.values, strict=True))[:_PLAIN]
            return Value("dict", keywords=tuple((self._key(key), self.read(it, depth)) for key, it in rows))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.BitOr):
            return Value("joined", items=tuple(self.read(it, depth) for it in _added(node)))
        if isinstance(node, ast.JoinedStr):
            return Value("joined", items=tuple(self.read(_shown(it), depth) for it in node.values))
        if isinstance(node, ast.Subscript):
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return Value("index", dotted(node.value), tuple(self.read(it, depth) for it in inner))
        if isinstance(node, ast.Starred):
            return Value("star", items=(self.read(node.value, depth),))
        if isinstance(node, ast.Await):
            return self.read(node.value, depth)
        if isinstance(node, ast.IfExp):
            return Value("either", items=(self.read(node.body, depth), self.read(node.orelse, depth)))
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            return Value("each", items=(self.read(node.elt, depth),))
        if isinstance(node, ast.Compare):
            return Value("compare", items=tuple(self.read(it, depth) for it in (node.left, *node.comparators)))
        if isinstance(node, ast.Lambda):
            return Value("lambda", items=(self.read(node.body, depth),))
        return UNKNOWN

    def _call(self, node: ast.Call, depth: int) -> Value:
        function = plain(node.func)
        name, of = dotted(function), None
        if not name and isinstance(function, ast.Attribute):
            name, of = function.attr, self.read(function.value, depth)
        elif isinstance(function, ast.Call):
            of = self.read(function, depth)
        if self.parsed is not None:
            line = node.lineno - self.parsed.origin
            self.calls.append((line, self.parsed.column(line, node.col_offset)))
        items = tuple(self.read(it, depth) for it in node.args)
        keywords = tuple((it.arg or "**", self.read(it.value, depth)) for it in node.keywords)
        return Value("call", name, items, keywords, of)

    def _key(self, node: ast.expr | None) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return storable(node.value)
        return "**" if node is None else dotted(node) or "?"


def _added(node: ast.BinOp) -> list[ast.expr]:
    """The operands of `a + b + c`, in order, however many there are."""
    operands: list[ast.expr] = [node.right]
    left: ast.expr = node.left
    while isinstance(left, ast.BinOp) and isinstance(left.op, type(node.op)):
        operands.append(left.right)
        left = left.left
    return [left, *operands[::-1]]


def _shown(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.FormattedValue) else node
