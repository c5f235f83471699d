"""What goes into one request, chosen inside a budget of tokens: the selection first, then what bears on it, the nearest first.

Code and everything derived from it stands only inside delimiters that can't occur in it, so that nothing in it can end its block
and speak to the model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from architect_lsp.model import Snapshot, Span
from architect_lsp.review.context import Excerpt
from architect_lsp.review.redact import Redactor
from architect_lsp.text import Lines

_WHOLE_FILE = 1_500
"""Tokens of a file that is shown whole whatever is selected; a larger one only where most of it is selected."""
_AROUND = 600
"""Most tokens that go to the lines around a selection: what it depends on tells more."""
_HEAD_LINES = 60


def estimated(text: str) -> int:
    """About how many tokens the text is: its UTF-8 bytes by three, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // 3)


def fenced(content: str, kind: str, lines: str = "", path: str = "") -> str:
    """The content between delimiters that don't occur in it; the same content has the same ones."""
    n = 0
    while True:
        nonce = hashlib.sha256(f"{n}{content}".encode("utf-8", "replace")).hexdigest()[:12]
        if nonce not in content:
            break
        n += 1
    where = (f' lines="{lines}"' if lines else "") + (f' path="{shown_path(path)}"' if path else "")
    return f'<data-{nonce} kind="{kind}"{where}>\n{content}\n</data-{nonce}>\n'


def shown_path(path: str) -> str:
    """The path as it may be sent: a file outside the project by its name alone, odd characters replaced."""
    absolute = path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", path)
    name = re.split(r"[/\\]", path)[-1] if absolute else path
    return re.sub(r"[^\w./@+-]", "_", name)[-200:] or "file"


class Packing:
    """Fills the room of one brief; afterwards `material`, `task`, `others` (files shown in part) and `left_out` say with what."""

    def __init__(self, snapshot: Snapshot, span: Span, redactor: Redactor, room: int, head: int | None) -> None:
        self.left_out: list[str] = []
        self.others: list[str] = []
        self._n_head, self._n_top = head, 0
        self._own_path = snapshot.path
        self._path = shown_path(snapshot.path)
        self._text, self._redactor, self._room = snapshot.text, redactor, room
        self._lines = Lines(snapshot.text)
        self._first = self._lines.line_of(min(span.start, span.end))
        self._last = self._lines.line_of(max(span.end - 1, span.start))
        self._blocks: list[str] = []
        whole = not snapshot.text[: self._lines.starts[self._first]].strip()
        self._is_whole = whole and not snapshot.text[self._lines.bounds(self._last)[1] :].strip()
        self.task = ""

    @property
    def material(self) -> str:
        """The blocks of the task turn."""
        return "\n".join(self._blocks)

    def pack(self, enclosing: Sequence[str], facts: Sequence[str], known: Sequence[str], related: Sequence[Excerpt] = ()) -> str:
        """Choose what fits; gives the block with the whole file, "" when it is not shown whole."""
        lists = (("enclosing", enclosing, "\n\n"), ("facts", facts, "\n"), ("known", known, "\n"))
        extra = sum(estimated(it) + 2 for _, texts, _ in lists for it in texts) + 40 * len(lists)
        n_file = estimated(self._text) + 40
        n_selection = 0 if self._is_whole else estimated(self._text[slice(*self._bounds(self._first, self._last))]) + 40
        stable = ""
        if n_file <= max(_WHOLE_FILE, 2 * n_selection, self._is_whole * n_file) and n_file + n_selection + extra <= self._room:
            stable = fenced(self._excerpt(0, len(self._lines) - 1), "file")
            self._room -= n_file
        shown = self._text if stable else self._text[slice(*self._bounds(self._first, self._last))]
        lists = (("enclosing", [it for it in enclosing if it.strip() not in shown], "\n\n"), *lists[1:])
        if stable and self._is_whole:
            self.task = "all"
        else:
            self._select()
        for kind, texts, joint in lists:
            self._add(kind, texts, joint)
        if not stable:
            self._top()
        for it in related:
            self._relate(it, whole=bool(stable))
        if not stable:
            self._surround()
        return stable

    def _select(self) -> None:
        last = self._first
        left = (self._room - 40) * 3 - self._n_bytes(last)
        cut = left < 0  # one line that is longer than all the room
        while last < self._last and self._n_bytes(last + 1) <= left:
            last += 1
            left -= self._n_bytes(last)
        excerpt = self._excerpt(self._first, last)
        if cut:
            excerpt = excerpt.encode()[: (self._room - 40) * 3].decode("utf-8", "ignore")
            self.left_out.append(f"the rest of line {self._first + 1} of {self._path}")
        if last < self._last:
            self.left_out.append(f"selected {_line_range(last + 1, self._last)} of {self._path}")
        self._last = last
        self.task = _line_range(self._first, last)
        self._put(excerpt, "selection", self.task)

    def _add(self, kind: str, texts: Sequence[str], joint: str) -> None:
        chosen = []
        left = self._room - 40
        for it in texts:
            text = self._redactor.redacted(it).strip()
            if estimated(text) + 2 <= left:
                chosen.append(text)
                left -= estimated(text) + 2
            elif text:
                self.left_out.append(f"{kind}: {one_line(text)}")
        if chosen:
            self._put(joint.join(chosen), kind)

    def _relate(self, it: Excerpt, *, whole: bool) -> None:
        """Adds a definition from elsewhere, if there is room and it isn't shown already."""
        if it.ref.path == self._own_path and whole:
            return
        text = self._redactor.redacted(it.text).rstrip()
        block = fenced(f"# {it.ref.qualname}: {it.why}\n{text}", "related", path=it.ref.path)
        if estimated(block) <= self._room - 40:
            self._blocks.append(block)
            self._room -= estimated(block)
            if it.ref.path not in (self._own_path, *self.others):
                self.others.append(it.ref.path)
        else:
            self.left_out.append(f"related: {it.ref.qualname} of {shown_path(it.ref.path)}")

    def _top(self) -> None:
        """Adds the file's head: its imports and what else stands before the first definition."""
        left, n_head = (self._room - 120) * 3 // 2, 0
        while n_head < min(self._head(), self._first) and self._n_bytes(n_head) <= left:
            left -= self._n_bytes(n_head)
            n_head += 1
        self._n_top = n_head
        if n_head and self._excerpt(0, n_head - 1).strip():
            self._put(self._excerpt(0, n_head - 1), "head", _line_range(0, n_head - 1))

    def _surround(self) -> None:
        """Adds as many lines before and after the selection as fit and are of use."""
        n_lines, n_head = len(self._lines), self._n_top
        above, below = self._first, self._last
        n_selected = estimated(self._text[slice(*self._bounds(self._first, self._last))])
        left = min(self._room - 120, max(_AROUND // 6, min(_AROUND, n_selected))) * 3
        growing = True
        while growing:
            growing = False
            if n_head < above and self._n_bytes(above - 1) <= left:
                above, growing = above - 1, True
                left -= self._n_bytes(above)
            if below + 1 < n_lines and self._n_bytes(below + 1) <= left:
                below, growing = below + 1, True
                left -= self._n_bytes(below)
        for first, last, kind in ((above, self._first - 1, "before"), (self._last + 1, below, "after")):
            if first <= last and self._excerpt(first, last).strip():
                self._put(self._excerpt(first, last), kind, _line_range(first, last))
        for first, last in ((n_head, above - 1), (below + 1, n_lines - 1)):
            if first <= last and self._text[slice(*self._bounds(first, last))].strip():
                self.left_out.append(f"{_line_range(first, last)} of {self._path}")

    def _head(self) -> int:
        if self._n_head is not None:
            return min(_HEAD_LINES, self._n_head)
        for n in range(min(_HEAD_LINES, len(self._lines))):
            start, end = self._lines.bounds(n)
            if re.match(r"(?:async\s+def|def|class|@)\b", self._text[start:end]) or self._text.startswith("@", start):
                return n
        return min(_HEAD_LINES, len(self._lines))

    def _put(self, content: str, kind: str, lines: str = "") -> None:
        block = fenced(content, kind, lines.removeprefix("lines ").removeprefix("line "))
        self._blocks.append(block)
        self._room -= estimated(block)

    def _n_bytes(self, line: int) -> int:
        start, end = self._lines.bounds(line)
        return len(self._text[start:end].encode("utf-8", "replace")) + 2

    def _bounds(self, first: int, last: int) -> tuple[int, int]:
        return self._lines.starts[first], self._lines.bounds(last)[1]

    def _excerpt(self, first: int, last: int) -> str:
        text = self._redactor.redacted(self._text, Span(*self._bounds(first, last)))
        return text.encode("utf-8", "replace").decode()  # a lone surrogate can't be sent


def _line_range(first: int, last: int) -> str:
    """Lines from 0, shown from 1."""
    return f"line {first + 1}" if first == last else f"lines {first + 1}-{last + 1}"


def one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:79] + "…"
