"""Markdown and lines written by a model, made harmless before an editor shows them. Pure.

What comes out holds no HTML, no image, no link but to an `https:` page, no control character, no character that reorders text.
Code stays as it is, but only code that every reader of Markdown takes for code: fences at the line's start, spans within a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from architect_lsp.patterns import regex

_UNSEEN = regex(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # terminal sequences: colours, cursor
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles and links of terminals
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_FENCE = regex(r"[ \t]*(`{3,}|~{3,})([^`\n]*)$")
_ANY_FENCE = regex(r"`{3,}|~{3,}")
_SPAN = regex(r"(?<!`)(`{1,2})(?!`).+?(?<!`)\1(?!`)")
_IMAGE = regex(r"!+(?=\[)")
_LINK = regex(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?[^()]*\)")
_DEFINITION = regex(r"^[\s>*+\-\d.)]*\[[^\]]+\]:.*$")
_TAG = regex(r"<(?=[A-Za-z/!?])")
_SCHEME = regex(r"\b(?:command|vscode[\w-]*|javascript|data|file|ms-[\w-]+)(?=:\S)", re.IGNORECASE)


def line(text: str, limit: int) -> str:
    """The text as one plain line of at most `limit` characters, "…" at its end when some were cut."""
    text = " ".join(_UNSEEN.sub("", text.replace("\x0c", " ")).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def clean(text: str, limit: int) -> str:
    """The Markdown without what could load, run or mislead, at most about `limit` characters long."""
    text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if limit < len(text):
        text = text[: limit - 1].rstrip() + "…"
    out: list[str] = []
    prose: list[str] = []
    fence = ""
    for it in text.split("\n"):
        match = _FENCE.match(it)
        if fence:
            if match and match[1].startswith(fence) and not match[2].strip():
                out.append(fence)
                fence = ""
            else:
                out.append(it)
        elif match:
            out += _clean_prose(prose)
            prose = []
            fence = match[1]
            out.append(fence + re.sub(r"[^\w+-]", "", match[2]))
        else:
            prose.append(it)
    out += _clean_prose(prose)
    if fence:
        out.append(fence)
    return "\n".join(out).strip()


def fenced(code: str, language: str = "python") -> str:
    """The code as a block whose fence is longer than any inside."""
    runs = [len(it) for it in re.findall(r"`+", code)]
    fence = "`" * max(3, max(runs, default=0) + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def _clean_prose(lines: list[str]) -> list[str]:
    out: list[str] = []
    stray = False  # a backtick that a later line may close: what looks like code from here on may be read as text
    for it in lines:
        text = _DEFINITION.sub("", _ANY_FENCE.sub("`", it))
        stray = stray or "\\`" in text  # readers differ in whether such a backtick opens or closes code
        spans = () if stray else tuple(_SPAN.finditer(text))
        out.append(_clean_line(text, spans))
        stray = bool(text.strip()) and (stray or "`" in _SPAN.sub("", text))
    return out


def _clean_line(text: str, spans: Sequence[re.Match[str]]) -> str:
    out, at = [], 0
    for match in spans:
        out += [_clean_text(text[at : match.start()]), match.group()]
        at = match.end()
    return "".join([*out, _clean_text(text[at:])])


def _clean_text(text: str) -> str:
    text = _SCHEME.sub(lambda it: it.group() + " ", _TAG.sub("&lt;", _IMAGE.sub("", text)))
    out, at = [], 0
    for match in _LINK.finditer(text):
        out += [_unlinked(text[at : match.start()]), _link(match)]
        at = match.end()
    return "".join([*out, _unlinked(text[at:])])


def _link(match: re.Match[str]) -> str:
    label = _unlinked(match[1])
    if match[2].lower().startswith("https://"):
        return f"[{label}]({match[2]})"
    if re.fullmatch(r"[\w.]*", match[2]):  # a call of something indexed, written without backticks
        return f"[{label}] ({match[2]})"
    return label


def _unlinked(text: str) -> str:
    # what looks like half a link may close one that a code span hides from us
    return text.replace("](", "] (")
