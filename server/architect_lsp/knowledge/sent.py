"""What a form, a serializer or a schema was given, where its checked values are used. A pure function of a unit.

Checked values come from what was sent: `Ask(request.POST).cleaned_data["name"]` is part of `request.POST`. The mark
`sent:Ask:name` among what a value went through names the class and its field, whose type may say all that it can be: see `forms`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.facts import SENT
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import Reading, dotted, keyword
from architect_lsp.patterns import regex

_CHECKED = regex(r"\.(?:cleaned_data|validated_data)\b")
_OF_FIELD = regex(r"\.(\w+)\.data\b")
_SHOWN = regex(r"\.(?:data|initial_data)\b")
"""What a serializer that was given data shows of them again."""
_SCHEMA = regex(r"(?:^|[a-z._])[sS]chemas?(?:\(\))?$")
_LOADS = ("load", "loads")
_VALIDATES = ("model_validate", "model_validate_json", "parse_obj", "parse_raw", "from_dict")
_MAKERS = {"get_serializer": "serializer_class", "serializer_class": "serializer_class", "form_class": "form_class"}
"""Attributes and methods of a view that make a form, by the attribute that names its class."""
MAPPINGS = frozenset(
    (
        *("cleaned_data", "validated_data", "initial_data", "clean", "validate"),
        *("kwargs", "view_args", "path_params", "match_info", "context"),
    )
)
"""Names of mappings whose entries each have a type of their own."""
HELD = regex(r"self\.(?:cleaned_data|validated_data|initial_data)\b")
"""What a form knows of itself: the class of the method that says so tells more than the names of its bases."""


class Sent(NamedTuple):
    """What was given, and the mark of what it was given to; "" where nothing is checked."""

    given: tuple[ast.expr, ...]
    mark: str


def sent(reading: Reading, call: ast.Call, suffix: str) -> Sent | None:
    """What reaches `suffix` of a call's result through a form that checks it; None for every other call."""
    last = last_name(call.func)
    if not suffix or suffix[0] != ".":
        return _loaded(reading, call, last)
    if _CHECKED.match(suffix):
        given = [*_given(call, is_serializer=suffix[1] == "v")]
        return Sent(tuple(given), f"{SENT}{_class(reading, call, last)}:") if given else None
    if last in _LOADS or last in _VALIDATES:
        return _loaded(reading, call, last, suffix)
    if not (last[:1].isupper() or last in _MAKERS):
        return None
    if (field := _OF_FIELD.match(suffix)) is not None and "Form" in last and call.args:
        return Sent(tuple(call.args[:1]), f"{SENT}{_class(reading, call, last)}:{field[1]}")
    if _SHOWN.match(suffix) and (data := keyword(call, "data")) is not None:
        return Sent((data,), f"{SENT}{_class(reading, call, last)}:" if suffix[1] == "d" else "")
    spread = [it.value for it in call.keywords if it.arg is None]
    if len(spread) == 1 and len(call.keywords) == 1 and not call.args:  # `Ask(**request.get_json()).name`
        return Sent((spread[0],), f"{SENT}{dotted(call.func)}:{suffix[1:].partition('(')[0]}")
    return None


def keyed(found: Iterator[str | Origin], key: object, suffix: str) -> Iterator[str | Origin]:
    """The parts of what a mapping holds by a key: of checked values, and of what an address gave, each has its own type."""
    for it in found:
        if not isinstance(it, Origin) or not isinstance(key, str):
            yield it
            continue
        at = max((n for n, by in enumerate(it.through) if by.startswith(SENT)), default=-1)
        if at >= 0:
            mark = it.through[at]
            told = f"{mark}{'' if mark.endswith(':') else '.'}{key}"
            yield replace(it, through=(*it.through[:at], told, *it.through[at + 1 :]))
        else:
            base = it.name.removesuffix(suffix) if suffix else it.name
            is_mapping = base.rpartition(".")[2].removesuffix("()") in MAPPINGS
            yield replace(it, name=f"{base}.{key}{suffix}") if is_mapping else it


def is_asked(call: ast.Call) -> bool:
    """Whether a call asks one of the mappings whose entries have types for one of them."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("get", "pop") or not call.args:
        return False
    held = call.func.value
    return isinstance(held, ast.Attribute) and held.attr in MAPPINGS


def is_inherited(function: ast.expr) -> bool:
    """Whether a form calls what its parents do: `super().clean()` gives the checked values."""
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call) and dotted(function.value.func) == "super"


def _given(call: ast.Call, *, is_serializer: bool) -> Iterator[ast.expr]:
    """What a form is bound to; a serializer is given an instance first."""
    named = keyword(call, "data")
    if named is not None:
        yield named
    elif is_serializer:
        yield from call.args[1:2]
    else:
        yield from call.args[:1]


def _class(reading: Reading, call: ast.Call, last: str) -> str:
    """The class that a call makes an object of, as the file writes it; by the view's attribute where a method makes it."""
    owner = reading.owner(call)
    if last in _MAKERS and owner:
        return f"{owner}.{_MAKERS[last]}"
    return dotted(call.func)


def _loaded(reading: Reading, call: ast.Call, last: str, suffix: str = "") -> Sent | None:
    """What a schema is asked to load, or a model to validate."""
    if not isinstance(call.func, ast.Attribute) or not call.args:
        return None
    if last in _VALIDATES:
        return Sent(tuple(call.args[:1]), f"{SENT}{dotted(call.func.value)}:{suffix[1:]}") if suffix else None
    if last not in _LOADS:
        return None
    by = reading.target(call.func.value) or dotted(call.func.value)
    if isinstance(call.func.value, ast.Call):
        by = by or f"{dotted(call.func.value.func)}()"
    written = dotted(call.func.value.func if isinstance(call.func.value, ast.Call) else call.func.value)
    if not _SCHEMA.search(by) and not _SCHEMA.search(written):
        return None
    return Sent(tuple(call.args[:1]), f"{SENT}{by}:")
