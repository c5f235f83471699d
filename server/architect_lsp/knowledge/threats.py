"""What untrusted values are, what they must not reach and what makes them harmless: `threats.toml`, and what settings add."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct

from architect_lsp.knowledge.effects import canonical, expanded
from architect_lsp.patterns import regex
from architect_lsp.settings import Settings, SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ALL = "all"
"""Of a sanitiser: every kind of sink. Of a sink: every argument."""
LOADED = ("import_string()", "import_module()", "locate()")
"""What a loader gave by a name: a call of it calls that, and loads nothing."""
_OWN_NAME = regex(r"(?:\w+\.)+(?:\w+|\*)")
_ARGUMENTS = ("0", ALL)
"""Which arguments count of a sink that a project's settings name, if they do not say."""
_LOOSE = regex(
    r"(?:^|_)(?:sanit\w+|slugify|secure_filename|whitelist\w*|allowlist\w*|mogrify|validate\w*|normalize_identifier"
    r"|quote_(?:ident\w*|name|literal)|escape_(?:string|literal|identifier)|identifier)$",
    re.IGNORECASE,
)
"""Names that promise a check of whatever kind; where the tables do not know the function itself, they are believed."""
_KINDLY = (
    (regex(r"(?:^|_)html|html(?:$|_)|markup|(?:^|\.)(?:escape|h|e|clean)$|xss", re.IGNORECASE), "html xpath xml"),
    (regex(r"shell|(?:^|\.)shquote|command|cmd", re.IGNORECASE), "command"),
    (regex(r"sql|ident|literal|name", re.IGNORECASE), "sql"),
    (regex(r"ldap|filter|dn", re.IGNORECASE), "ldap"),
    (regex(r"regex|pattern", re.IGNORECASE), "regex"),
    (regex(r"xml|xpath", re.IGNORECASE), "html xml xpath"),
    (regex(r"url|uri|path|quote", re.IGNORECASE), "html header log ldap xpath"),
)
"""Of a function whose name says that it escapes or quotes: what for."""


class Sink(Struct, frozen=True):
    """A use that must not be given what others decide. `slots` are the arguments that count, by position or keyword.

    `switch` names the keyword that must be True for it to be one, "" where none has to.
    """

    kind: str
    slots: frozenset[str]
    switch: str = ""


class Threats:
    """Sources, sinks and sanitisers as one project sees them: its settings add to the tables."""

    def __init__(
        self,
        sources: Iterable[str] = (),
        sinks: Mapping[str, Sequence[str]] | None = None,
        sanitisers: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Raises SettingsError for a name or a kind that can't be used."""
        self._sources = tuple(each for it in sources for each in _names("sources", it))
        self._sinks: dict[str, tuple[Sink, ...]] = {}
        self._clean: dict[str, frozenset[str]] = {}
        known = kinds()
        for name, said in (sinks or {}).items():
            rows = []
            for it in said:
                kind, _, slots = it.partition(":")
                if kind not in known:
                    raise SettingsError(f"architect.sinks: `{name}` has the unknown kind `{kind}`; known are {', '.join(known)}.")
                rows.append(Sink(kind, frozenset(slots.split(",")) if slots else frozenset(_ARGUMENTS[:1])))
            self._sinks.update((it, tuple(rows)) for it in _names("sinks", name))
        for name, said in (sanitisers or {}).items():
            wrong = next((it for it in said if it != ALL and it not in known), None)
            if wrong is not None:
                raise SettingsError(
                    f"architect.sanitisers: `{name}` has the unknown kind `{wrong}`; known are {', '.join((ALL, *known))}."
                )
            self._clean.update((it, frozenset(said)) for it in _names("sanitisers", name))

    def sinks(self, name: str) -> tuple[Sink, ...]:
        """What a call of this dotted name, canonical or with a leading `?` where its beginning is not known, is a sink of."""
        plain = name.replace("()", "")
        own = self._sinks.get(plain)
        if own is not None:
            return own
        exact, last = _tables()
        found = exact.get(plain)
        if found is None and "." in plain:
            section, _, method = plain.rpartition(".")
            found = last.get(method) or exact.get(f"{section}.*")
        return found or ()

    def is_sink_name(self, name: str) -> bool:
        """Whether some sink has this last name, so that a call is worth a closer look."""
        return name in _last_names() or any(it.rpartition(".")[2] in (name, "*") for it in self._sinks)

    def cleans(self, name: str) -> frozenset[str]:
        """The kinds of sink that what a call of this name gives may reach; empty where it is no sanitiser."""
        plain = name.replace("()", "")
        own = self._clean.get(plain)
        if own is not None:
            return own
        known = _sanitisers().get(plain)
        if known is not None:
            return known
        last = plain.rpartition(".")[2]
        if _LOOSE.search(last):
            return frozenset([ALL])
        found: set[str] = set()
        for pattern, said in _KINDLY:
            if pattern.search(last):
                found.update(said.split())
                break
        return frozenset(found) or frozenset([ALL])

    def is_sink_of_receiver(self, name: str) -> bool:
        """Whether some sink with this last name is one of what the method is called on."""
        return name in _receiver_names()

    def is_own_sink(self, name: str) -> bool:
        """Whether the project's settings say of this function that it is one."""
        return name.replace("()", "") in self._sinks

    def is_sanitiser(self, name: str) -> bool:
        """Whether the project's settings say of this function that it makes values harmless."""
        return name.replace("()", "") in self._clean

    @property
    def has_own_sources(self) -> bool:
        """Whether the project's settings name a source, so that any unit may hold one."""
        return bool(self._sources)

    def is_source(self, name: str) -> bool:
        """Whether the project's settings say of this name that others fill it."""
        plain = name.replace("()", "")
        return any(plain == it or plain.startswith(f"{it}.") for it in self._sources)


def threats_of(settings: Settings) -> Threats:
    """The tables with what settings add. Raises SettingsError for a name or a kind that can't be used."""
    said = (settings.sources, settings.sinks, settings.sanitisers)
    return Threats(*said) if any(said) else KNOWN


@cache
def kinds() -> tuple[str, ...]:
    """Every kind of sink."""
    return tuple(sorted(_data()["sinks"]))


@cache
def words(part: str) -> tuple[str, ...]:
    """The words of a line of `[sources]`."""
    return tuple(_data()["sources"][part].split())


def _names(option: str, name: str) -> list[str]:
    found = list(expanded(name))
    if not all(_OWN_NAME.fullmatch(it) for it in found):
        raise SettingsError(f"architect.{option}: `{name}` is not a dotted name; write it like `acme.shell.{{run,start}}`.")
    return found


@cache
def _data() -> dict[str, Any]:
    text = resources.files("architect_lsp.knowledge").joinpath("threats.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(text)
    return tables


@cache
def _tables() -> tuple[dict[str, tuple[Sink, ...]], dict[str, tuple[Sink, ...]]]:
    """(dotted name -> sinks, last name -> sinks of what is not known)."""
    exact: dict[str, tuple[Sink, ...]] = {}
    last: dict[str, tuple[Sink, ...]] = {}
    for kind, rows in _data()["sinks"].items():
        for names, said in rows.items():
            slots, _, switch = said.partition(" if ")
            sink = Sink(kind, frozenset(slots.split()), switch)
            for name in _every(names):
                into, key = (last, name[2:]) if name.startswith("*.") else (exact, name)
                if slots:
                    into[key] = (*into.get(key, ()), sink)
                else:
                    into.setdefault(key, ())
    for name in list(exact):
        one = canonical(name)
        if one != name:
            exact.setdefault(one, exact[name])
    return exact, last


@cache
def _last_names() -> frozenset[str]:
    exact, last = _tables()
    return frozenset((*last, *(it.rpartition(".")[2] for it in exact)))


@cache
def _receiver_names() -> frozenset[str]:
    rows = (*_tables()[0].items(), *_tables()[1].items())
    return frozenset(name.rpartition(".")[2] for name, found in rows if any("on" in it.slots for it in found))


@cache
def _sanitisers() -> dict[str, frozenset[str]]:
    return {name: frozenset(said.split()) for names, said in _data()["sanitisers"].items() for name in _every(names)}


def _every(name: str) -> list[str]:
    """Braces opened, those inside others too."""
    found = [name]
    while any("{" in it for it in found):
        found = [each for it in found for each in expanded(it)]
    return found


KNOWN = Threats()
"""What is known where a project says nothing of its own."""
