"""What checks say of a value: the words for it, and what it means that it begins with a text or matches a pattern. Pure."""

from __future__ import annotations

import ast

from architect_lsp.knowledge.reading import constant
from architect_lsp.patterns import regex

ANYTHING = "guard"
"""A check after which a value may be used for anything: it is one of a known set, or of a plain shape."""
BEGINS = "guard.startswith"
"""The value begins as it must."""
BEGINS_RAW = "guard.beginning"
"""The same of a path whose `..` nobody has taken out, which leads elsewhere all the same."""
WITHOUT = "guard.without"
"""The value was refused if it holds what is dangerous, such as `..`."""
NO_OPTION = "guard.plain"
"""The value was refused if it begins with a hyphen, so that no program takes it for an option."""
IS_TEXT = "guard.text"
"""The value is text or a number, and no structure."""

_TO_THE_END = regex(r"(?:(?<!\\)\$|\\[zZ])\)*$")
_FROM_THE_BEGIN = regex(r"^\(*(?:\?:)?(?:\^|\\A)")
_ANY_TEXT = regex(r"(?<!\\)\.[*+]")
_ONE_HOST = regex(r"^(?:\^|\\A)?https?\??:(?://|\\/\\/)(?:[\w-]|\\\.|\\-|:\d)+\\?/|^(?:\^|\\A)/[\w]")
"""Patterns of addresses that name one host to its end, or of paths that begin in one folder."""
_OPEN_BEGIN = regex(r"^(?:\w*|\w+:/{0,2}|/|\w+://[\w.:-]+)$")
"""What an address may begin with and still lead to any host: a scheme, a slash, a host whose name may go on."""


def texts(node: ast.expr) -> list[str]:
    """The literal texts that are given, one or a tuple of them; nothing where one is no literal."""
    found = [constant(it) for it in (node.elts if isinstance(node, ast.Tuple) else [node])]
    return [it for it in found if isinstance(it, str)] if all(isinstance(it, str) for it in found) else []


def begun(given: ast.expr, *, positive: bool) -> frozenset[str]:
    """What `value.startswith(given)` says of the value: a scheme or a slash alone leaves every host open."""
    begins = texts(given)
    if not positive:
        if "-" in begins:
            return frozenset([NO_OPTION])
        return frozenset([WITHOUT]) if any(it.startswith("//") for it in begins) else frozenset()
    return frozenset() if any(_OPEN_BEGIN.match(it) for it in begins) else frozenset([BEGINS])


def matched(pattern: str, how: str, *, positive: bool) -> frozenset[str]:
    """What it says of a value that it matches a pattern, or that it doesn't."""
    if not positive:
        if how in ("search", "findall") and ("[^" in pattern or r"\W" in pattern):
            return frozenset([ANYTHING])
        return frozenset([WITHOUT]) if how != "fullmatch" and r"\." in pattern else frozenset()
    begins = how in ("match", "fullmatch") or _FROM_THE_BEGIN.match(pattern)
    if begins and (how == "fullmatch" or _TO_THE_END.search(pattern)) and not _ANY_TEXT.search(pattern):
        return frozenset([ANYTHING])
    return frozenset([BEGINS]) if begins and _ONE_HOST.match(pattern) else frozenset()
