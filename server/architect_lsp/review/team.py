"""A team's answers in one Redis, so that code which one person's review was paid for costs nobody again.

The server is a person's own setting, never a project's: answers quote code. What was sent and what it cost stays in each person's
own file. A server that can't be used costs one line, and is asked again a minute later; the review goes on with the person's own
ledger.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from architect_lsp.review.ledger import Ledger, ledger_file

if TYPE_CHECKING:
    import redis

_PREFIX = "architect:1:"
_KEPT_S = 90 * 86_400
"""Answers nobody wrote again for so long are forgotten by the server."""
_CONNECT_S = 1.0
_ANSWER_S = 2.0
_LEFT_ALONE_S = 60.0
"""How long a server that failed is not asked again."""
_MAX_VALUE = 2_000_000
"""Longer values are none of ours."""


def ledger_at(url: str) -> Ledger:
    """The ledger that a setting names: "" is the person's own file, `redis://host:port/0` a team's server beside it."""
    return TeamLedger(url, ledger_file()) if url else Ledger(ledger_file())


class TeamLedger(Ledger):
    """A ledger whose answers are a team's; sends are the person's own."""

    def __init__(self, url: str, file: Path | None) -> None:
        """Effect: opens or makes the file; the server is asked when an answer is first looked up."""
        super().__init__(file)
        self._url = url
        self._client: redis.Redis | None = None
        self._lost_until = 0.0

    def known(self, keys: Sequence[bytes]) -> Mapping[bytes, tuple[str, ...]]:
        """As `Ledger.known`, of the team's answers."""
        values = self._asked("mget", [_name(it) for it in keys]) if keys else []
        if values is None:
            return super().known(keys)
        read = {key: _remarks(value) for key, value in zip(keys, values, strict=True)}
        return {key: remarks for key, remarks in read.items() if remarks is not None}

    def keep(self, answers: Iterable[tuple[bytes, Sequence[str]]], model: str) -> None:
        """As `Ledger.keep`, for the team. Effect: writes to the server."""
        own: list[tuple[bytes, Sequence[str]]] = []
        for key, remarks in answers:
            value = json.dumps({"model": model, "remarks": list(remarks)})
            if self._asked("set", _name(key), value, ex=_KEPT_S) is None and not any("__SECRET_" in it for it in remarks):
                own.append((key, remarks))  # a secret's name is the team's own: another ledger would not know it
        if own:
            super().keep(own, model)

    @property
    def salt(self) -> bytes:
        """The team's random bytes, the same for all who share the server."""
        self._asked("set", f"{_PREFIX}salt", secrets.token_hex(32), nx=True)
        found = self._asked("get", f"{_PREFIX}salt")
        try:
            return bytes.fromhex(found.decode()) if found else super().salt
        except ValueError:
            self._leave_server("its salt is none of ours", math.inf)
            return super().salt

    def _asked(self, command: str, *arguments: Any, **options: Any) -> Any:
        """What the server answers; None when it can't be used, or has nothing."""
        if time.monotonic() < self._lost_until:
            return None
        try:
            import redis
            from redis.exceptions import RedisError
        except ImportError:
            self._leave_server("it needs the package `redis` (pip install 'architect-lsp[redis]')", math.inf)
            return None
        try:
            if self._client is None:
                waits = {"socket_connect_timeout": _CONNECT_S, "socket_timeout": _ANSWER_S}
                self._client = redis.Redis.from_url(self._url, **waits)
            return getattr(self._client, command)(*arguments, **options)
        except (RedisError, OSError, ValueError) as error:
            self._leave_server(str(error) or type(error).__name__)
            return None

    def _leave_server(self, why: str, for_s: float = _LEFT_ALONE_S) -> None:
        self._lost_until = time.monotonic() + for_s
        host = urlsplit(self._url).hostname or "the team's server"
        password = urlsplit(self._url).password
        said = why.replace(password, "***") if password else why
        until = f"for {for_s:.0f} s" if for_s < math.inf else "until the next start"
        self.notes.append(f"The team's answers at {host} are not used {until}: {said}")


def _name(key: bytes) -> str:
    return f"{_PREFIX}answer:{key.hex()}"


def _remarks(value: object) -> tuple[str, ...] | None:
    """The remarks of a stored answer; None where there is none, or what is stored is none of ours."""
    if not isinstance(value, bytes) or len(value) > _MAX_VALUE:
        return None
    try:
        read = json.loads(value)
    except ValueError:
        return None
    remarks = read.get("remarks") if isinstance(read, dict) else None
    return tuple(remarks) if isinstance(remarks, list) and all(isinstance(it, str) for it in remarks) else None
