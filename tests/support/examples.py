"""Examples as rules write them: `[| |]` marks what must be found, `-- path --` begins a file."""

from __future__ import annotations

import re

_FILE = re.compile(r"^-- (\S+) --$\n?", re.MULTILINE)
_MARK = re.compile(r"\[\||\|\]")


def files_of(code: str, default: str = "module.py") -> dict[str, str]:
    """path -> text; an example without file lines is one file, `default`."""
    code = code.removeprefix("\n")
    pieces = _FILE.split(code)
    if len(pieces) == 1:
        return {default: code}
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def unmarked(code: str, default: str = "module.py") -> tuple[dict[str, str], dict[str, set[tuple[int, int]]]]:
    """(path -> text without marks, path -> the marked (start, end) offsets)."""
    texts: dict[str, str] = {}
    spans: dict[str, set[tuple[int, int]]] = {}
    for path, marked in files_of(code, default).items():
        text, at, opened = "", 0, []
        spans[path] = set()
        for mark in _MARK.finditer(marked):
            text += marked[at : mark.start()]
            at = mark.end()
            if mark[0] == "[|":
                opened.append(len(text))
            else:
                spans[path].add((opened.pop(), len(text)))
        texts[path] = text + marked[at:]
    return texts, spans
