"""What is known of functions through the calls between them, and what of it an edit undoes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from architect_lsp.knowledge.conclusions import Question, Questions

Key = tuple[str, str]
"""(file, qualified name) of a function."""
KnownT = TypeVar("KnownT")


class CallWeb(Generic[KnownT]):
    """What is known of the functions asked for so far, who calls them, and what finding it out has asked of the project.

    `label` is what a conclusion asks about a function that reads it here.
    """

    __slots__ = ("above", "asked", "known", "label")

    def __init__(self, label: str) -> None:
        self.label = label
        self.known: dict[Key, KnownT] = {}
        self.above: dict[Key, set[Key]] = {}  # function -> functions that were seen to call it
        self.asked: dict[Key, Questions] = {}

    def question(self, key: Key) -> Question:
        """What a conclusion asks that reads what is known of a function."""
        return (self.label, *key)

    def spread(self, changed: set[Question] | None) -> set[Question]:
        """As `conclusions.Web` says."""
        if changed is None:
            self.known, self.above, self.asked = {}, {}, {}
            return set()
        keys = [it for it, asked in self.asked.items() if it in changed or not changed.isdisjoint(asked)]
        return {self.question(it) for it in (*keys, *self.without(keys))}

    def copy(self) -> CallWeb[KnownT]:
        """The same, to go its own way."""
        other: CallWeb[KnownT] = CallWeb(self.label)
        other.known, other.asked = dict(self.known), dict(self.asked)
        other.above = {key: set(it) for key, it in self.above.items()}
        return other

    def without(self, keys: Sequence[Key]) -> dict[Key, KnownT]:
        """Forget what is known of some functions and of all that call them; gives what was known of the callers."""
        seen = set(keys)
        todo = list(keys)
        rows: dict[Key, KnownT] = {}
        while todo:
            key = todo.pop()
            was = self.known.pop(key, None)
            if was is not None:
                rows[key] = was
            for caller in self.above.get(key, ()):
                if caller not in seen:
                    seen.add(caller)
                    todo.append(caller)
        for key in keys:
            rows.pop(key, None)
        return rows
