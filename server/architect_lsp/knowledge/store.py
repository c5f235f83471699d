"""Facts on disk by the content they were made of, so that a second start is warm.

One SQLite file under the user's cache folder serves all projects. Nothing depends on it: a store that is damaged is begun anew,
one that is locked or can't be written is left alone, and either is said once.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from functools import cache
from importlib import resources
from pathlib import Path
from sys import intern
from typing import Any

import msgspec
import platformdirs
from msgspec.structs import force_setattr

from architect_lsp.knowledge.facts import Facts
from architect_lsp.patterns import regex

VARIABLE = "ARCHITECT_CACHE"
"""The environment variable that names another folder, or `off`."""
_WAIT_S = 2.0
"""Seconds to wait for another process that writes."""
_KEPT_DAYS = 30
"""Days after which facts that nobody asked for are dropped."""
_ASKED = 500
"""Rows asked for in one statement."""
_DAY_S = 86_400

encode = msgspec.msgpack.Encoder().encode
"""Facts -> bytes."""
_decode = msgspec.msgpack.Decoder(Facts).decode
_WORDED = regex(r"\b(?:str|Value|StepFacts|Call|ClassDef|Decorator|Def|Field|Flow|Registration|Variable)\b")
"""Types, as annotations name them, that are or hold text."""


def decode(data: bytes) -> Facts:
    """Bytes -> Facts; equal texts are one object for all files, which halves what they take. Raises msgspec.DecodeError."""
    facts = _decode(data)
    _share(facts)
    return facts


def _share(row: msgspec.Struct) -> None:
    """Effect: lets the row, and all rows in it, hold the text that all share."""
    texts, others = _worded(row.__class__)
    for name in texts:
        if value := getattr(row, name):
            force_setattr(row, name, intern(value))
    for name in others:
        value = getattr(row, name)
        if value.__class__ is tuple and value:
            if isinstance(value[0], msgspec.Struct):
                for it in value:
                    _share(it)
            else:
                force_setattr(row, name, _shared(value))
        elif isinstance(value, msgspec.Struct):
            _share(value)


def _shared(values: tuple[Any, ...]) -> tuple[Any, ...]:
    found: list[Any] = []
    for it in values:
        if it.__class__ is str:
            found.append(intern(it))
        elif it.__class__ is tuple:
            found.append(_shared(it))
        else:
            found.append(it)
            if isinstance(it, msgspec.Struct):
                _share(it)
    return tuple(found)


@cache
def _worded(kind: type[msgspec.Struct]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the fields of a row that are text, those that hold some)."""
    said = kind.__annotations__
    texts = tuple(it for it in kind.__struct_fields__ if said[it] == "str")
    return texts, tuple(it for it in kind.__struct_fields__ if said[it] != "str" and _WORDED.search(said[it]))


def digest(data: bytes) -> bytes:
    """The key of a file's content."""
    return hashlib.blake2b(data, digest_size=16).digest()


class Store:
    """The facts of contents seen before. `notes` are lines for a person's log, each said once."""

    def __init__(self, file: Path | None, today: int) -> None:
        """`file` None keeps nothing; `today` counts days from any fixed one. Effect: opens or makes the file."""
        self.notes: list[str] = []
        self._today = today
        self._file = file
        self._open()

    def known(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Key -> encoded facts, of the keys that are here."""
        found: dict[bytes, bytes] = {}
        if self._file is None:
            return found
        try:
            with closing(self._connected()) as connection:
                for start in range(0, len(keys), _ASKED):
                    some = keys[start : start + _ASKED]
                    marks = ",".join("?" * len(some))
                    found.update(connection.execute(f"SELECT key, facts FROM facts WHERE key IN ({marks})", some))  # noqa: S608
        except sqlite3.Error as error:
            self._failed(error)
        return found

    def keep(self, rows: Iterable[tuple[bytes, bytes]], used: Iterable[bytes] = ()) -> None:
        """Remember encoded facts by their keys, and that those of `used` were asked for. Effect: writes the file."""
        if self._file is None:
            return
        try:
            with closing(self._connected()) as connection, connection:
                connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", ((*it, self._today) for it in rows))
                stale = ((self._today, key, self._today) for key in used)
                connection.executemany("UPDATE facts SET day = ? WHERE key = ? AND day < ? - 7", stale)
                connection.execute("DELETE FROM facts WHERE day < ?", (self._today - _KEPT_DAYS,))
        except sqlite3.Error as error:
            self._failed(error)

    def _open(self) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connected()) as connection, connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS facts (key BLOB PRIMARY KEY, facts BLOB, day INTEGER) WITHOUT ROWID"
                )
                connection.execute("SELECT key, facts, day FROM facts LIMIT 1").fetchone()
        except OSError as error:
            self._leave(f"{error.strerror}")
        except sqlite3.Error as error:
            self._failed(error)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(str(self._file), timeout=_WAIT_S)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")  # a crash may cost the cache, never more
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _failed(self, error: sqlite3.Error) -> None:
        """Begin a damaged store anew, once; leave one alone that is in use or can't be written."""
        if isinstance(error, sqlite3.OperationalError) or self.notes:
            self._leave(str(error))
            return
        self.notes.append(f"{self._file} was damaged ({error}) and is begun anew.")
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                Path(f"{self._file}{suffix}").unlink()
        self._open()

    def _leave(self, why: str) -> None:
        self.notes.append(
            f"{self._file} is not used, so this start is a cold one: {why}. {VARIABLE} names another folder, or `off`."
        )
        self._file = None


def cache_folder() -> Path | None:
    """Where this program keeps what it knows between runs, None where the environment says `off`."""
    folder = os.environ.get(VARIABLE, "")
    if folder == "off":
        return None
    return Path(folder) if folder else Path(platformdirs.user_cache_dir("architect-lsp", appauthor=False))


def store_file() -> Path | None:
    """Where facts are kept by this version of the program, None where the environment says `off`."""
    home = cache_folder()
    return home / f"facts-{_version()}.sqlite" if home else None


@cache
def _version() -> str:
    """What the facts of a content depend on besides it: the code that makes them, and the Python that parses."""
    made = hashlib.blake2b(digest_size=6)
    package = resources.files("architect_lsp")
    for room in ("knowledge", "syntax"):
        for it in sorted(package.joinpath(room).iterdir(), key=lambda it: it.name):
            if it.name.endswith((".py", ".toml")):
                made.update(it.read_bytes())
    made.update(package.joinpath("model.py").read_bytes())
    return f"{made.hexdigest()}-{sys.version_info[0]}.{sys.version_info[1]}"
