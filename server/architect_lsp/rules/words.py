"""Which rules a text may concern, by the words that they need."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Rule

_TOKEN = regex(r"\w+")
_MAX_TOKENS = 50_000


class Words:
    """An index of the words of rules of one unit: `concerned` gives those of which a text holds one, and those that need none.

    A text is taken apart into names and each name is looked at once in all texts, since texts share nearly all of theirs.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [it for it in rules if it.unit_check is not None]
        self._in_tests = 0  # rules are the bits of a number
        self._always = 0
        self._loose: list[tuple[str, int]] = []  # words without a name in them: "**"
        self._stems: dict[str, list[tuple[str, str, int]]] = {}  # by two letters: (longest name in it, word, its rules)
        self._known: dict[str, tuple[int, tuple[tuple[str, int], ...]]] = {}
        masks: dict[str, int] = {}
        for index, rule in enumerate(self._rules):
            self._in_tests |= rule.tests_too << index
            for word in rule.needs:
                masks[word] = masks.get(word, 0) | 1 << index
            if not rule.needs:
                self._always |= 1 << index
        for word, mask in masks.items():
            stem = max(_TOKEN.findall(word), key=len, default="")
            if len(stem) > 1:
                self._stems.setdefault(stem[:2], []).append((stem, word, mask))
            else:
                self._loose.append((word, mask))

    def concerned(self, text: str, *, in_test: bool) -> tuple[Rule, ...]:
        """The rules in their order; of a test's text those that speak about tests."""
        found, known = self._always, self._known
        unsure: set[tuple[str, int]] = set(self._loose)
        for token in set(_TOKEN.findall(text)):
            if token not in known:
                known[token] = self._told(token)
            mask, words = known[token]
            found |= mask
            if words:
                unsure.update(words)
        for word, mask in unsure:
            if mask & ~found and word in text:
                found |= mask
        if len(known) > _MAX_TOKENS:
            known.clear()
        if in_test:
            found &= self._in_tests
        return tuple(rule for rule, bit in zip(self._rules, reversed(f"{found:b}"), strict=False) if bit == "1")

    def _told(self, token: str) -> tuple[int, tuple[tuple[str, int], ...]]:
        """(rules that need a name in it, the words that the text may hold there)."""
        found, unsure = 0, []
        for start in range(len(token) - 1):
            for stem, word, mask in self._stems.get(token[start : start + 2], ()):
                if token.startswith(stem, start):
                    if stem == word:
                        found |= mask
                    else:
                        unsure.append((word, mask))
        return found, tuple(unsure)


@lru_cache(maxsize=8)
def words_of(rules: tuple[Rule, ...]) -> Words:
    """The index of these rules, made once."""
    return Words(rules)
