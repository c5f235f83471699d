"""How a format string is filled: its text and the values in it, in order, for `%` and for `str.format`. Pure."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterable, Iterator
from typing import TypeVar

from msgspec import Struct

from architect_lsp.patterns import regex

PartT = TypeVar("PartT")
_PERCENT = regex(r"%(?:\((?P<key>\w+)\))?[-+ #0-9.*]*(?P<kind>[diouxXeEfFgGcrsa%])")


class Between(str):
    """Stands before each of several values that one name may have; `which` tells the names apart."""

    __slots__ = ("which",)
    which: int

    def __new__(cls, which: int) -> Between:
        made = super().__new__(cls, "\n;\n")
        made.which = which
        return made


class Hole(Struct, frozen=True):
    """A place of a format string with the value that fills it; `is_number` where the format admits nothing else."""

    value: ast.expr
    is_number: bool


def ways(found: Iterable[str | PartT]) -> Iterator[list[str | PartT]]:
    """The texts that pieces may make, one for each value of a name of several; what follows stands with the last of them."""
    way: list[str | PartT] = []
    begun: dict[int, list[str | PartT]] = {}
    for it in found:
        if isinstance(it, Between) and it.which in begun:
            yield way
            way = list(begun[it.which])
        elif isinstance(it, Between):
            begun[it.which] = list(way)
        else:
            way.append(it)
    yield way


def cut(found: Iterable[str | PartT]) -> Iterator[str | PartT]:
    """The pieces of a text of which a slice is taken: the text that it begins with may be gone."""
    is_begun = False
    for it in found:
        is_begun = is_begun or not isinstance(it, str)
        if is_begun or isinstance(it, Between):
            yield it


def has_percent(text: str) -> bool:
    """Whether `%` of this text fills anything."""
    return bool(_PERCENT.search(text))


def percent_parts(text: str, right: ast.expr) -> Iterator[str | Hole]:
    """The parts of `text % right`."""
    values = list(right.elts) if isinstance(right, ast.Tuple) else [right]
    named = {}
    if isinstance(right, ast.Dict):
        rows = zip(right.keys, right.values, strict=True)
        named = {it.value: value for it, value in rows if isinstance(it, ast.Constant)}
    at = 0
    for hole in _PERCENT.finditer(text):
        yield text[at : hole.start()]
        at = hole.end()
        if hole["kind"] == "%":
            yield "%"
            continue
        value = named.get(hole["key"], right) if hole["key"] else (values.pop(0) if values else None)
        if value is not None:
            yield Hole(value, hole["kind"] in "diouxXeEfFgG")
    yield text[at:]


def format_parts(text: str, call: ast.Call) -> list[str | Hole] | None:
    """The parts of `text.format(...)`; None where the text is no format string."""
    arguments: dict[str, ast.expr] = {it.arg: it.value for it in call.keywords if it.arg}
    arguments.update({str(index): it for index, it in enumerate(call.args)})
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError:
        return None
    found: list[str | Hole] = []
    number = 0
    for literal, field, spec, _ in fields:
        found.append(literal)
        if field is None:
            continue
        key = re.split(r"[.\[]", field)[0]
        if not key:
            key, number = str(number), number + 1
        given = arguments.get(key)
        if given is None:
            found += (Hole(it.value, False) for it in call.keywords if it.arg is None)
        else:
            found.append(Hole(given, bool(spec) and (spec or "")[-1] in "dfxXeg"))
    return found or None


def is_numeric(spec: ast.expr | None) -> bool:
    """Whether the format of a hole in an f-string admits nothing but a number."""
    return (
        isinstance(spec, ast.JoinedStr)
        and bool(spec.values)
        and isinstance(spec.values[-1], ast.Constant)
        and str(spec.values[-1].value)[-1:] in "dfxXegn%"
    )
