"""What was concluded from a project, and what each conclusion asked of it, so that an edit undoes no more than it must.

A *question* is what was looked up: (file, name), or (file, `WHOLE`) for everything a file says. When the project changes, it says
which questions have another answer now; a conclusion that asked none of them still holds. Whoever asks in a way that is not
followed, such as by a dictionary of `memo`, is taken to have asked for everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Any, Protocol, TypeVar

WHOLE = "*"
"""The name that stands for all a file says."""
STARS = "import *"
"""The name that stands for the modules a file imports by `*`."""
ORDER = "order"
"""The name that stands for the order in which frameworks hear what a file says."""
IMPORTS = "import"
"""The name that stands for all its imports by name."""
EVERYTHING = ("", WHOLE)
"""The question whose answer every change changes."""
_OF_ALL = "of all"
_MANY = 4000
"""Questions from which a conclusion is taken to have asked for everything."""
_MOST = 1 << 30
"""As many as there are: what is concluded from all files asks of each, and still need not be made anew for every change."""
_REMEMBERED = 64
"""Generations for which it is remembered what they changed."""

Question = tuple[Hashable, ...]
Questions = Collection[Question]
ValueT = TypeVar("ValueT")


class Web(Protocol):
    """Conclusions that rest on each other, and so follow changes by themselves."""

    def spread(self, changed: set[Question] | None) -> set[Question]:
        """Forget what rests on an answer that changed (None: any); give the questions whose answers change with it."""
        ...

    def copy(self) -> Web:
        """The same, to go its own way."""
        ...


WebT = TypeVar("WebT", bound=Web)


class Conclusions:
    """The conclusions of one project. With `follows` False nothing is remembered of the questions: one generation is all."""

    def __init__(self, project: Any, before: Conclusions | None = None) -> None:
        """`before` are those of a project that `project` begins as; they are read, and stay as they are."""
        self._project = project
        self.generation = 0
        self.follows = False
        self._asked: set[Question] | None = None
        self._changed: dict[int, set[Question] | None] = {}  # by the generation that brought it
        self._since: dict[int, set[Question] | None] = {}  # what has changed from each generation to this one
        self._kept: dict[Hashable, dict[Any, tuple[Any, Questions, int]]] = {}
        self._memo: dict[Any, dict[Any, Any]] = {}
        self._webs: dict[Hashable, Web] = {}
        self._of_all: dict[Hashable, tuple[Any, Callable[[Any], Any], int, int, Questions]] = {}
        self._wide: set[Question] = set()  # the questions that such conclusions answer
        self._below = before
        self.lasting: dict[Any, Any] = {}
        if before is not None:
            self.generation, self.follows, self.lasting = before.generation, before.follows, before.lasting
            self._changed = dict(before._changed)
            self._memo = {key: dict(value) for key, value in before._memo.items()}
            self._of_all = dict(before._of_all)
            self._wide = set(before._wide)
            self._webs = {key: it.copy() for key, it in before._webs.items()}

    def ask(self, question: Question) -> None:
        """Note that whatever is being concluded looked this up."""
        if self._asked is not None:
            self._asked.add(question)

    def watched(
        self, make: Callable[..., ValueT], *given: Any, alone: bool = False, most: int = _MANY
    ) -> tuple[ValueT, Questions]:
        """What `make(*given)` gives, and the questions it asked; with `alone` whoever called has not asked them."""
        if not self.follows:
            return make(*given), ()
        outer, mine = self._asked, set[Question]()
        self._asked = mine
        try:
            value = make(*given)
        finally:
            self._asked = outer
        asked: Questions = frozenset((EVERYTHING,)) if len(mine) > most or EVERYTHING in mine else mine
        if outer is not None and not alone:
            outer.update(asked)
        return value, asked

    def holds(self, asked: Questions, generation: int) -> bool:
        """Whether what was concluded in `generation` from these questions would be concluded now."""
        for it in range(generation, self.generation):
            changed = self._changed.get(it + 1)
            if changed is None or not changed.isdisjoint(asked):
                return False
        for _, key in self._wide.intersection(asked):
            self.of_all(key, self._of_all[key][1])
            if self._of_all[key][3] > generation:
                return False
        return generation >= 0

    def since(self, generation: int) -> set[Question] | None:
        """The questions whose answers have changed since a generation, None for any. Concludes anew what was of all files."""
        if generation < 0:
            return None
        if generation not in self._since:
            rows = [self._changed.get(it) for it in range(generation + 1, self.generation + 1)]
            known = set[Question]().union(*(it for it in rows if it is not None))
            for question in [*self._wide] if rows else ():
                self.of_all(question[1], self._of_all[question[1]][1])
                if self._of_all[question[1]][3] > generation:
                    known.add(question)
            self._since[generation] = None if None in rows else known
        return self._since[generation]

    def kept(self, kind: Hashable, key: Any, make: Callable[..., ValueT], *given: Any) -> ValueT:
        """What `make(*given)` gives, made again only when an answer to its questions has changed."""
        rows = self._kept.get(kind)
        if rows is None:
            rows = self._kept[kind] = {}
        row = rows.get(key)
        if row is None and self._below is not None:
            row = self._below._kept.get(kind, {}).get(key)
        if row is not None:
            value, asked, generation = row
            if generation == self.generation or (self.follows and self.holds(asked, generation)):
                if generation != self.generation:
                    rows[key] = value, asked, self.generation
                if self._asked is not None:
                    self._asked.update(asked)
                kept: ValueT = value
                return kept
        made, asked = self.watched(make, *given)
        rows[key] = made, asked, self.generation
        return made

    def of_all(self, key: Hashable, make: Callable[[Any], ValueT]) -> ValueT:
        """What `make` concludes from the project; who asks is concerned only when that is another value."""
        question = _OF_ALL, key
        self.ask(question)
        row = self._of_all.get(key)
        if row is not None:
            known, _, generation, since, asked = row
            if generation == self.generation or (self.follows and self.holds(asked, generation)):
                if generation != self.generation:
                    self._of_all[key] = known, make, self.generation, since, asked
                value: ValueT = known
                return value
        value, asked = self.watched(make, self._project, alone=True, most=_MOST)
        self._wide.add(question)
        if row is not None and row[0] == value:  # the very objects that others were made of
            self._of_all[key] = row[0], make, self.generation, row[3], asked
        else:
            self._of_all[key] = value, make, self.generation, self.generation, asked
        return value

    def memo(self, key: Any) -> dict[Any, Any]:
        """A dictionary that is emptied whenever `generation` grows; who reads it has asked for everything."""
        self.ask(EVERYTHING)
        found: dict[Any, Any] = self._memo.setdefault(key, {})
        return found

    def web(self, key: Hashable, make: Callable[[], WebT]) -> WebT:
        """The web of this name, begun by `make`."""
        found: Any = self._webs.get(key)
        if found is None:
            found = self._webs[key] = make()
        web: WebT = found
        return web

    def change(self, changed: set[Question] | None) -> None:
        """Let go of what rests on answers that changed, None for all. Effect: raises `generation`."""
        self.generation += 1
        self._memo.clear()
        self._since.clear()
        more: set[Question] = set()
        for it in self._webs.values():
            more |= it.spread(changed if self.follows else None)
        if changed is None or not self.follows:
            self._kept.clear()
            self._of_all.clear()
            self._wide.clear()
            self._below = None
            self._changed.clear()
            return
        self._changed[self.generation] = {*changed, *more, EVERYTHING}
        self._changed.pop(self.generation - _REMEMBERED, None)
