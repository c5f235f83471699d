"""What was asked and answered, and what it cost: one SQLite file of the user's, for the editor and the command line alike.

An answer is kept by what it depends on (code, facts, agent, prompts, model), so unchanged code is never paid for twice and says
the same again. Every send is noted: when, how much, to whom, what was taken out. A file that can't be used costs the memory of
this run, never the review; a damaged one is set aside, not deleted.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from architect_lsp.knowledge.store import VARIABLE, cache_folder
from architect_lsp.review.reviewing import Receipt

_WAIT_S = 2.0
_ASKED = 500
"""Rows asked for in one statement."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, remarks TEXT, model TEXT, at REAL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS sends (at REAL, workspace TEXT, agent TEXT, model TEXT, host TEXT, bytes INTEGER, sha256 TEXT, "
    "input INTEGER, cached INTEGER, output INTEGER, usd REAL, redacted TEXT, complete INTEGER)",
    "CREATE TABLE IF NOT EXISTS salt (value BLOB)",
    "INSERT INTO salt SELECT randomblob(32) WHERE NOT EXISTS (SELECT 1 FROM salt)",
)


class Send(Struct, frozen=True):
    """One request that left. `at` counts seconds from 1970, `usd` is an estimate, None where no price is known."""

    at: float
    workspace: str
    agent: str
    model: str
    host: str
    n_bytes: int
    sha256: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    usd: float | None
    redacted: tuple[str, ...]
    complete: bool

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.input_tokens + self.output_tokens


class Ledger:
    """Answers by content, and sends by time. `notes` are lines for a person's log, each said once."""

    def __init__(self, file: Path | None) -> None:
        """`file` None keeps everything in memory, for this run. Effect: opens or makes the file."""
        self.notes: list[str] = []
        self._file = file
        self._memory: sqlite3.Connection | None = None
        try:
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
            self._make()
        except OSError as error:
            self._leave(str(error.strerror))
        except sqlite3.OperationalError as error:
            self._leave(str(error))
        except sqlite3.DatabaseError as error:
            self._set_aside(error)

    def known(self, keys: Sequence[bytes]) -> Mapping[bytes, tuple[str, ...]]:
        """Key -> the remarks of the answer, each as the model wrote it; a key without an answer is not in it."""
        found: dict[bytes, tuple[str, ...]] = {}
        try:
            with closing(self._connected()) as connection:
                for start in range(0, len(keys), _ASKED):
                    some = keys[start : start + _ASKED]
                    marks = ",".join("?" * len(some))
                    rows = connection.execute(f"SELECT key, remarks FROM answers WHERE key IN ({marks})", some)  # noqa: S608
                    found.update((key, tuple(json.loads(remarks))) for key, remarks in rows)
        except (sqlite3.Error, ValueError) as error:
            self._leave(str(error))
        return found

    def keep(self, answers: Iterable[tuple[bytes, Sequence[str]]], model: str) -> None:
        """Remember the remarks of each key; none is an answer too. Effect: writes the file."""
        rows = [(key, json.dumps(list(remarks)), model, time.time()) for key, remarks in answers]
        self._write("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", rows)

    def note(self, receipt: Receipt, workspace: str, agent: str) -> None:
        """Write down a send. Effect: writes the file."""
        usage = (receipt.input_tokens, receipt.cached_tokens, receipt.output_tokens, receipt.cost_usd)
        what = (receipt.model, receipt.to, receipt.bytes_sent, receipt.sha256)
        row = (time.time(), workspace, agent, *what, *usage, json.dumps(receipt.redacted), receipt.complete)
        self._write("INSERT INTO sends VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [row])

    def sends(self, since: float = 0.0, workspace: str = "") -> list[Send]:
        """What was sent from a time on (seconds from 1970), of one workspace or, with "", of all; oldest first."""
        try:
            with closing(self._connected()) as connection:
                rows = connection.execute("SELECT * FROM sends WHERE at >= ? ORDER BY at", (since,)).fetchall()
        except sqlite3.Error as error:
            self._leave(str(error))
            return []
        found = [_send(it) for it in rows]
        return [it for it in found if workspace in ("", it.workspace)]

    @property
    def salt(self) -> bytes:
        """Random bytes of this ledger's own, for names that must not tell what they stand for."""
        try:
            with closing(self._connected()) as connection:
                return bytes(connection.execute("SELECT value FROM salt").fetchone()[0])
        except sqlite3.Error as error:
            self._leave(str(error))
            return self.salt

    def _write(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        try:
            with closing(self._connected()) as connection, connection:
                connection.executemany(statement, rows)
        except sqlite3.Error as error:
            self._leave(str(error))
            if self._memory is not None:
                with self._memory:
                    self._memory.executemany(statement, rows)

    def _make(self) -> None:
        with closing(self._connected()) as connection, connection:
            for it in _TABLES:
                connection.execute(it)
            connection.execute("SELECT key, remarks, model, at FROM answers LIMIT 1").fetchone()
            connection.execute("SELECT at, complete FROM sends LIMIT 1").fetchone()

    def _connected(self) -> sqlite3.Connection:
        if self._file is None:
            if self._memory is None:
                self._memory = sqlite3.connect(":memory:", check_same_thread=False, factory=_Kept)
                for it in _TABLES:
                    self._memory.execute(it)
            return self._memory
        connection = sqlite3.connect(str(self._file), timeout=_WAIT_S)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Begin anew beside a damaged file, once."""
        assert self._file is not None
        aside = self._file.with_suffix(f".damaged-{int(time.time())}")
        self.notes.append(f"{self._file} was damaged ({error}); it is kept as {aside.name}, and a new one begun.")
        try:
            self._file.rename(aside)
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    Path(f"{self._file}{suffix}").unlink()
            self._make()
        except (OSError, sqlite3.Error) as second:
            self._leave(str(second))

    def _leave(self, why: str) -> None:
        if self._file is not None:
            self.notes.append(
                f"{self._file} is not used, so answers are kept for this run alone: {why}. {VARIABLE} names another folder."
            )
        self._file = None
        self._connected()


class _Kept(sqlite3.Connection):
    """One in memory stays open: closing it would lose what it holds."""

    def close(self) -> None:
        """Stay open."""


def _send(row: Sequence[Any]) -> Send:
    at, workspace, agent, model, host, n_bytes, sha256, fresh, cached, output, usd, redacted, complete = row
    return Send(
        at,
        workspace,
        agent,
        model,
        host,
        n_bytes,
        sha256,
        fresh,
        cached,
        output,
        usd,
        tuple(json.loads(redacted)),
        bool(complete),
    )


def ledger_file() -> Path | None:
    """Where answers are kept, None where the environment says `off`."""
    folder = cache_folder()
    return folder / "ledger-1.sqlite" if folder else None


def key_of(*parts: str) -> bytes:
    """The key of all that an answer depends on."""
    made = hashlib.blake2b(digest_size=16)
    for it in parts:
        data = it.encode("utf-8", "surrogatepass")
        made.update(len(data).to_bytes(8, "big"))
        made.update(data)
    return made.digest()
