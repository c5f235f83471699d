"""Paths of Django's URL patterns as `/users/{pk:int}/`, whether written with converters or as regular expressions. Pure.

A `{name}` takes any segment; a converter says otherwise: `int`, `slug`, `uuid`, `path`, `regex` for an expression of its own, or
one that the project made. A group without a name is `{var}`.
Source: `django.contrib.admindocs.views.simplify_regex`, which shows expressions in the same manner.
"""

from __future__ import annotations

import re

from architect_lsp.patterns import regex

_CONVERTER = regex(r"<(?:([^>:]+):)?\s*(\w+)\s*>")
_ANY = frozenset(
    ("[^/]+", "[^/.]+", "[^/]*", r"\w+", r"[\w-]+", r"[-\w]+", r"[\w\-]+", r"[\w.-]+", r"[\w.@+-]+", "[-a-zA-Z0-9_]+")
)
_SHAPES = {
    **dict.fromkeys((r"\d+", "[0-9]+", r"[\d]+"), ":int"),
    **dict.fromkeys((".*", ".+", ".*?", ".+?"), ":path"),
    **dict.fromkeys(_ANY, ""),
}


def of_route(route: str) -> str:
    """What `path()` says: `users/<int:pk>/` is `users/{pk:int}/`."""
    return _CONVERTER.sub(lambda it: f"{{{it[2]}{'' if it[1] in (None, 'str') else f':{it[1]}'}}}", route)


def of_expression(expression: str) -> str:
    """What `re_path()` says: `^users/(?P<pk>\\d+)/$` is `users/{pk:int}/`."""
    parts: list[str] = []
    at = 0
    while at < len(expression):
        char, following = expression[at], expression[at + 1 : at + 2]
        if char == "(":
            end = _end(expression, at)
            parts.append(_group(expression[at + 1 : end]))
            at = end
        elif char == "[" or (char == "\\" and following.isalnum() and following not in "bBAZ") or char == ".":
            at = _class_end(expression, at) if char == "[" else at + (char == "\\")
            parts.append("{var:path}" if char == "." else "{var:regex}")
        elif char == "\\":
            parts.append("" if following in "bBAZ" else following)
            at += 1
        else:
            parts.append("" if char in "^$?*+" else char)
        at += 1
    return "".join(parts)


def _group(inside: str) -> str:
    named = re.match(r"\?P<(\w+)>", inside)
    if named is not None:
        return f"{{{named[1]}{_SHAPES.get(inside[named.end() :], ':regex')}}}"
    if inside.startswith("?:"):
        return of_expression(inside[2:])
    if inside.startswith("?"):
        return ""  # looks ahead or behind, sets a flag
    return f"{{var{_SHAPES.get(inside, ':regex')}}}"


def _end(expression: str, start: int) -> int:
    """Where the group that opens at `start` closes; the last character when it never does."""
    depth, at = 0, start
    while at < len(expression):
        char = expression[at]
        if char == "\\":
            at += 1
        elif char == "[":
            at = _class_end(expression, at)
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return len(expression) - 1


def _class_end(expression: str, start: int) -> int:
    """Where the class of characters that opens at `start` closes."""
    at = start + 1 + (expression[start + 1 : start + 2] == "^")
    at += expression[at : at + 1] == "]"
    while at < len(expression) and expression[at] != "]":
        at += 1 + (expression[at] == "\\")
    return at
