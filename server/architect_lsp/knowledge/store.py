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
from typing import Any

import msgspec
import platformdirs
from msgspec.structs import force_setattr

from architect_lsp.knowledge.facts import Call, ClassDef, Decorator, Def, Facts, Field, Flow, Registration, Variable

VARIABLE = "ARCHITECT_CACHE"
"""The environment variable that names another folder, or `off`."""
_WAIT_S = 2.0
"""Seconds to wait for another process that writes."""
_KEPT_DAYS = 30
"""Days after which facts that nobody asked for are dropped."""
_ROWS = frozenset((Call, ClassDef, Decorator, Def, Field, Flow, Registration, Variable))
_ASKED = 500
"""Rows asked for in one statement."""
_DAY_S = 86_400

encode = msgspec.msgpack.Encoder().encode
"""Facts -> bytes."""
_decode = msgspec.msgpack.Decoder(Facts).decode
_WORDLESS = ("int", "bool", "Place", "Places")
"""Types, as annotations name them, that hold no text."""


def decode(data: bytes) -> Facts:
    """Bytes -> Facts; equal texts are one object for all files, which halves what they take. Raises msgspec.DecodeError."""
    facts = _decode(data)
    _share(facts)
    return facts


def _share(row: msgspec.Struct) -> None:
    for name in _worded(row.__class__):
        value = getattr(row, name)
        if value and (shared := _shared(value)) is not value:
            force_setattr(row, name, shared)


def _shared(value: Any) -> Any:
    """The value with the text that all share; what can be changed is changed in place."""
    if value.__class__ is str:
        return sys.intern(value)
    if value.__class__ is tuple:
        if value and value[0].__class__ in _ROWS:
            for it in value:
                _share(it)
            return value
        return tuple([_shared(it) for it in value])
    if isinstance(value, msgspec.Struct):
        _share(value)
    return value


@cache
def _worded(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields of a row that may hold text."""
    return tuple(it for it in kind.__struct_fields__ if kind.__annotations__[it] not in _WORDLESS)


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
