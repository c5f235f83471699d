"""What calls of libraries do, by dotted name: the tables in the files beside this one, and what a project's settings add.

A section of a file is a package, a line in it says of a name what a call of it does:

    "Client.{get,post}" = "http blocking"     # kinds of effect
    "connect" = "blocking -> .Connection"     # what it gives is an instance of this class
    "client.Redis" = "= .Redis"               # another name of the same thing
    "Session" = "like .Client"                # it, and what is below it, does what that does
    "AsyncClient" = "async .Client"           # the same, and it never blocks

`{a,b}` stands for either, a `.*` at the end for everything below, `.**` for any attributes between, or none. A dot before a name
begins at the section. An instance goes by the name of its class: `Client.get` is a method; `Client()` at the end of a line's name
is the call of an instance. Of several lines that fit a name the most exact counts: the name itself, then `.**`, then `.*`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import product

from msgspec import Struct

from architect_lsp.patterns import regex
from architect_lsp.settings import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KINDS = (
    *("blocking", "sleep", "http", "llm", "db-read", "db-write", "commit", "transaction", "cache", "queue", "mail"),
    *("subprocess", "filesystem", "cpu-heavy", "spawns"),
)
"""`blocking` holds the thread for the network, a lock, another process or a sleep; a file of this machine and work of the
processor do not count. `queue` hands a message or a job to others, `spawns` starts work beside the caller."""
_HEADER = regex(r'^\["?([^"\]\n]+)"?\][^\n]*\n', re.MULTILINE)
_NAME = regex(r"[A-Za-z_]\w*(?:\.(?:\*\*\.)?[A-Za-z_]\w*)+(?:\.\*|\(\))?|[A-Za-z_]\w*\.\*")
_STEPS = 4
"""How many other names one thing may have, one leading to the next."""


class Entry(Struct, frozen=True):
    """What is known of a name; "" is said of nothing.

    `gives` is the class of what a call of it gives, `same` its one name, `twin` what it does the same as; with `awaits`, that
    but for the blocking. Without a twin, `awaits` says that a call gives something to await, where the blocking one blocks.
    """

    kinds: frozenset[str] = frozenset()
    gives: str = ""
    same: str = ""
    twin: str = ""
    awaits: bool = False


class Names:
    """Entries by name, of one package or of one project's settings."""

    def __init__(self) -> None:
        self.exact: dict[str, Entry] = {}
        self.below: dict[str, Entry] = {}
        self.between: dict[str, dict[str, Entry]] = {}
        self.twin_of: dict[str, str] = {}

    def add(self, name: str, entry: Entry) -> None:
        """Know an entry by a name that has no braces any more."""
        head, stars, last = name.partition(".**.")
        if stars:
            self.between.setdefault(head, {})[last] = entry
        elif name.endswith(".*"):
            self.below[name[:-2]] = entry
        else:
            self.exact[name] = entry
            if entry.awaits:
                self.twin_of[entry.twin] = name

    def entry(self, name: str) -> Entry | None:
        """The most exact entry that fits; None when none does."""
        found = self.exact.get(name)
        if found is not None and not found.twin:
            return found
        heads = [name[: it.start()] for it in re.finditer(r"\.", name)][::-1]
        last = name.rpartition(".")[2]
        for tail, rows in ((last, self.between), ("", self.below)):
            for head in heads:
                row = rows.get(head)
                entry = row.get(tail) if isinstance(row, dict) else row
                if entry is not None:
                    return entry
        for head in (name, *heads):
            twin = self.exact.get(head)
            if twin is not None and twin.twin:
                inner = entry_of(twin.twin + name[len(head) :])
                return self._as_twin(inner, head, twin) if inner is not None else None
        return None

    def _as_twin(self, entry: Entry, head: str, twin: Entry) -> Entry:
        """An entry of what `head` does the same as, as one of `head`."""
        other = twin.twin

        def moved(name: str) -> str:
            if name == other or name.startswith(f"{other}."):
                return head + name[len(other) :]
            return self.twin_of.get(name, name) if twin.awaits else name

        kinds = entry.kinds - {"blocking"} if twin.awaits else entry.kinds
        return Entry(kinds, moved(entry.gives), moved(entry.same), awaits=twin.awaits and "blocking" in entry.kinds)


class Table:
    """What library calls do, as one project sees it: `own` is what its settings say, name to kinds, and counts first."""

    def __init__(self, own: Mapping[str, Sequence[str]] | None = None) -> None:
        """Raises SettingsError for a name or a kind that can't be used."""
        self._own = Names()
        self._known: dict[str, frozenset[str]] = {}
        for name, kinds in (own or {}).items():
            wrong = [it for it in kinds if it not in KINDS]
            if wrong:
                known = ", ".join(KINDS)
                raise SettingsError(f"architect.effects: `{name}` has the unknown kind `{wrong[0]}`; known are {known}.")
            for it in expanded(name):
                if not _NAME.fullmatch(it):
                    raise SettingsError(
                        f"architect.effects: `{name}` is not the dotted name of a call; write it like `acme.Client.{{get,put}}`."
                    )
                self._own.add(it, Entry(frozenset(kinds)))

    def kinds(self, name: str) -> frozenset[str]:
        """The kinds of effect of a call, by the dotted name of what is called, `()` after what gave it; empty for none."""
        found = self._known.get(name)
        if found is None:
            called = _walked(name)
            entry = self._own.entry(called) or entry_of(called)
            found = self._known[name] = entry.kinds if entry is not None else frozenset()
        return found


LIBRARY = Table()
"""What is known where a project says nothing of its own."""


@cache
def canonical(name: str) -> str:
    """One name for one thing: `sqlalchemy.create_engine().connect().execute` is `sqlalchemy.Connection.execute`."""
    return _walked(name).removesuffix("()")


def entry_of(name: str) -> Entry | None:
    """What the tables say of a canonical name."""
    return package(name.partition(".")[0]).entry(name)


@cache
def package(top: str) -> Names:
    """Everything the tables say of one top-level package; read when it is first asked for."""
    names = Names()
    for section, name, entry in entries(top):
        del section
        names.add(name, entry)
    return names


def entries(top: str) -> Iterator[tuple[str, str, Entry]]:
    """(section, name, entry) for each name below a top-level package, as the files have them."""
    for section, text in _sections().get(top, ()):
        for names, said in tomllib.loads(text).items():
            entry = _entry(said, section)
            yield from ((section, f"{section}.{name}", entry) for name in expanded(names))


def packages() -> Iterator[str]:
    """The top-level packages that the tables know."""
    yield from _sections()


def expanded(name: str) -> Iterator[str]:
    """The names that one with braces stands for: `a.{b,c}` is `a.b` and `a.c`."""
    pieces = [it.split(",") if index % 2 else [it] for index, it in enumerate(re.split(r"\{([^{}]*)\}", name))]
    return map("".join, product(*pieces))


@cache
def _sections() -> Mapping[str, Sequence[tuple[str, str]]]:
    """Top-level package -> its sections as (name, text). Only split here: to parse them all would delay the start."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda it: it.name):
        if file.name.endswith(".toml"):
            pieces = _HEADER.split(file.read_text(encoding="utf-8"))
            for header, text in zip(pieces[1::2], pieces[2::2], strict=True):
                for name in expanded(header):
                    found.setdefault(name.partition(".")[0], []).append((name, text))
    return found


def _entry(said: str, section: str) -> Entry:
    """The entry that a line's right side says."""
    does, _, gives = said.partition("->")
    words = does.split()
    full = [section + it if it.startswith(".") else it for it in (gives.strip(), words[-1] if words else "")]
    if words[:1] == ["="]:
        return Entry(same=full[1])
    if words[:1] in (["like"], ["async"]):
        return Entry(twin=full[1], awaits=words[0] == "async")
    return Entry(frozenset(words), full[0])


@cache
def _walked(name: str) -> str:
    """The canonical name; `()` follows where an instance itself is meant, not an attribute of it."""
    at, is_instance = "", False
    for part in name.replace(".__truediv__()", "").split("."):  # a path joined with a name is a path
        word = part.rstrip("()")
        at, is_instance = _named(f"{at}.{word}" if at else word), False
        for _ in range(part.count("()")):
            entry = entry_of(f"{at}()" if is_instance else at)
            at, is_instance = (entry.gives if entry is not None and entry.gives else at), True
    return f"{at}()" if is_instance else at


def _named(name: str) -> str:
    for _ in range(_STEPS):
        entry = entry_of(name)
        if entry is None or not entry.same:
            break
        name = entry.same
    return name
