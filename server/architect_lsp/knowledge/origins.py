"""The noun of flows: where a value enters, by which way it came and what it went through."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.definitions import Definition
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.transfers import ACCESS


class Origin(Struct, frozen=True):
    """One source of a value; `node` is the expression where it enters.

    `kind` is "parameter", "call" (the result of one), "name" (of the module, or an attribute of `self`), "checked" (a number, or
    a value that a sanitiser or a guard vouches for) or "unknown". `name` is the dotted way from the source to the value with
    `()` after what is called: `response.content.text` of a local `response = client.send(x)` is `client.send().content.text`.
    `through` are the calls on the way that make it harmless for some uses, as written, and the checks that do. `part` tells which
    of several results of `call` it is, from 0; -1 the whole.
    """

    kind: str
    name: str
    node: ast.AST
    through: tuple[str, ...] = ()
    call: ast.Call | None = None  # the last call on the way that gives it
    part: int = -1
    is_sent: bool = False  # whether `sources` found that a client fills it, whatever its name


def is_own(origin: Origin) -> bool:
    """Whether the value is a parameter's own, or part of it, rather than what some call on it gave."""
    return origin.kind == "parameter" and "()" not in ACCESS.sub("", origin.name)


def of_part(found: Iterator[str | Origin], by: Definition) -> Iterator[str | Origin]:
    """What a definition gives; of a call that is unpacked, which of its results."""
    if by.part == 1 and isinstance(by.value, ast.Call) and dotted(by.value.func).endswith("path.split"):  # no folder is in it
        return (replace(it, through=(*it.through, "os.path.basename")) if isinstance(it, Origin) else it for it in found)
    if by.part < 0 or by.how != "set" or not isinstance(by.value, ast.Call):
        return found
    return (replace(it, part=by.part) if isinstance(it, Origin) and it.call is by.value else it for it in found)


def clean(node: ast.expr, by: str) -> Iterator[Origin]:
    """The one origin of a value that nobody outside chooses."""
    yield Origin("checked", by, node)
