"""A text of YAML or JSON -> `Node`s that know where they stand. What is below a node is looked at when it is asked for.

JSON is read as YAML, which it nearly is. A text that does not parse gives `NOTHING`: half-typed text is no error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from architect_lsp.model import Span
from architect_lsp.patterns import regex

_PAIR = regex(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
"""One character in JSON, which no reader of YAML takes."""
_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"


class Node:
    """One value: a scalar, a mapping or a list. One that is missing is false, and has no fields and no items.

    `key` is where its name stands, its own place where it has none.
    """

    __slots__ = ("_fields", "_raw", "key", "name")

    def __init__(self, raw: Any, name: str = "", key: Span | None = None) -> None:
        self._raw = raw
        self._fields: dict[str, Node] | None = None
        self.name = name
        self.key = key or self.span

    def __bool__(self) -> bool:
        return self._raw is not None

    def __getitem__(self, name: str) -> Node:
        return self.fields.get(name, NOTHING)

    @property
    def id(self) -> int:
        """The same for the same place of the text, however it was reached."""
        return id(self._raw)

    @property
    def span(self) -> Span:
        """Where the value stands; of a block of YAML, up to the beginning of what follows."""
        raw = self._raw
        return Span(0, 0) if raw is None else Span(raw.start_mark.index, raw.end_mark.index)

    @property
    def is_mapping(self) -> bool:
        """Whether it has fields, be it none."""
        return self._raw is not None and self._raw.id == "mapping"

    @property
    def text(self) -> str:
        """A scalar's text, "" of anything else."""
        return str(self._raw.value) if self._raw is not None and self._raw.id == "scalar" and self._raw.tag != _NULL else ""

    @property
    def is_true(self) -> bool:
        """Whether it is the truth value true."""
        return self.text.lower() == "true"

    @property
    def fields(self) -> dict[str, Node]:
        """A mapping's values by name; of a name that is there twice, the last."""
        if self._fields is None:
            self._fields = {it.name: it for it in self.entries}
        return self._fields

    @property
    def entries(self) -> Iterator[Node]:
        """A mapping's values in their order, those of one name too; merged ones first."""
        if not self.is_mapping:
            return
        own = []
        for key, value in self._raw.value:
            if key.tag == _MERGE:
                for it in value.value if value.id == "sequence" else (value,):
                    yield from Node(it).entries if it is not self._raw else ()
            elif key.id == "scalar":
                own.append(Node(value, str(key.value), Span(key.start_mark.index, key.end_mark.index)))
        yield from own

    @property
    def items(self) -> Iterator[Node]:
        """A list's values."""
        if self._raw is not None and self._raw.id == "sequence":
            yield from map(Node, self._raw.value)


NOTHING = Node(None)


def nodes(text: str) -> Node:
    """The text's one document; `NOTHING` where it does not parse or there are several."""
    import yaml  # 30 ms, for files that few projects have

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if "\\ud" in text or "\\uD" in text:
        text = _PAIR.sub(lambda it: "?" * len(it[0]), text)
    try:
        return Node(yaml.compose(text, Loader=loader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return NOTHING
