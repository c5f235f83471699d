"""Regular expressions that are compiled when they are first used.

There are hundreds, a run needs few of them, and compiling them all would be a third of the time that a small check takes.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Uncompiled:
    """Becomes a pattern when it is first asked for anything; what it was asked for then is its own attribute."""

    def __init__(self, text: str, flags: int) -> None:
        self.text = text
        self.flags_given = flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self.text, self.flags_given)
        for it in ("search", "match", "fullmatch", "sub", "split", "findall", "finditer", "pattern"):
            setattr(self, it, getattr(compiled, it))
        return getattr(compiled, name)


def regex(text: str, flags: int = 0) -> re.Pattern[str]:
    """What `re.compile` gives, made later; a wrong expression raises `re.error` then."""
    return cast("re.Pattern[str]", _Uncompiled(text, flags))
