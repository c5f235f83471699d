"""How a format string is filled: its text and the values in it, in order, for `%` and for `str.format`. Pure."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator

from msgspec import Struct

from architect_lsp.patterns import regex

_PERCENT = regex(r"%(?:\((?P<key>\w+)\))?[-+ #0-9.*]*(?P<kind>[diouxXeEfFgGcrsa%])")


class Hole(Struct, frozen=True):
    """A place of a format string with the value that fills it; `is_number` where the format admits nothing else."""

    value: ast.expr
    is_number: bool


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
