"""A team's answers in Redis: what one person's review found costs the others nothing, and a lost server costs one line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from architect_lsp.review.ledger import Ledger, key_of
from architect_lsp.review.team import TeamLedger, ledger_at
from architect_lsp.settings import SettingsError, parse
from support import redis_server
from support.redis_server import Small

KEYS = [key_of("a"), key_of("b"), key_of("c")]


@pytest.fixture(params=["small", "real"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a server, once of one that is written here, once of the real one."""
    if request.param == "small":
        with Small() as server:
            yield server.url
    elif redis_server.PROGRAM is None:
        pytest.skip("Redis is not installed (Debian's redis-tools; tests/editors/setup.sh installs it)")
    else:
        with redis_server.real() as found:
            yield found


def test_what_one_keeps_another_knows(url: str, tmp_path: Path) -> None:
    one, other = TeamLedger(url, tmp_path / "one.sqlite"), TeamLedger(url, tmp_path / "other.sqlite")
    assert one.known(KEYS) == {}
    one.keep([(KEYS[0], ['{"quote": "é 😀"}', "{}"]), (KEYS[1], [])], "claude-test")
    assert other.known(KEYS) == {KEYS[0]: ('{"quote": "é 😀"}', "{}"), KEYS[1]: ()}
    assert one.salt == other.salt, "a secret has the same name for all"
    assert len(one.salt) == 32
    assert (one.notes, other.notes) == ([], [])
    assert Ledger(tmp_path / "other.sqlite").known(KEYS) == {}, "the team's answers are not in anybody's own file"


def test_answers_are_forgotten_by_the_server_some_day() -> None:
    with Small() as server:
        TeamLedger(server.url, None).keep([(KEYS[0], [])], "claude-test")
        assert list(server.expires_s.values()) == [90 * 86_400]


@pytest.mark.parametrize("fault", ["gone", "hang", "garbage"])
def test_a_lost_server_costs_one_line_and_little_time(fault: str, tmp_path: Path) -> None:
    with Small() as server:
        ledger = TeamLedger(server.url, tmp_path / "own.sqlite")
        ledger.keep([(KEYS[0], ["{}"])], "claude-test")
        if fault == "gone":
            server.stop()
        server.fault = fault
        started = time.monotonic()
        assert ledger.known(KEYS) == {}
        ledger.keep([(KEYS[1], ["{}"]), (KEYS[2], ['{"quote": "__SECRET_0a1b__"}'])], "claude-test")
        assert ledger.known(KEYS) == {KEYS[1]: ("{}",)}, "from the person's own file; no name of a secret that is the team's"
        assert ledger.salt == Ledger(tmp_path / "own.sqlite").salt
        assert time.monotonic() - started < 8, "asked once, not at every turn"
        (line,) = ledger.notes
        assert line.startswith("The team's answers at 127.0.0.1 are not used for 60 s: ")
        assert "secret-of-the-team" not in line
        server.fault = server.fault or "gone"


def test_a_server_that_comes_back_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Small() as server:
        ledger = TeamLedger(server.url, tmp_path / "own.sqlite")
        ledger.keep([(KEYS[0], ["{}"])], "claude-test")
        server.fault = "garbage"
        assert ledger.known(KEYS) == {}
        server.fault = ""
        assert ledger.known(KEYS) == {}, "it is left alone for a while"
        now = time.monotonic()
        monkeypatch.setattr("architect_lsp.review.team.time.monotonic", lambda: now + 61)
        assert ledger.known(KEYS) == {KEYS[0]: ("{}",)}
        assert len(ledger.notes) == 1


def test_what_others_wrote_there_is_no_answer() -> None:
    with Small() as server:
        ledger = TeamLedger(server.url, None)
        ledger.keep([(it, ["{}"]) for it in KEYS], "claude-test")
        names = list(server.data)
        server.data[names[0]] = b"\xff{"
        server.data[names[1]] = b'{"remarks": [1]}'
        assert list(ledger.known(KEYS)) == KEYS[2:]
        assert ledger.notes == []


def test_no_project_can_say_where_answers_go() -> None:
    with pytest.raises(SettingsError, match="can't set `ledger`"):
        parse(None, {"ledger": "redis://elsewhere.example"})
    with pytest.raises(SettingsError, match="ledger"):
        parse({"ledger": "http://elsewhere.example"})
    assert isinstance(ledger_at(parse({"ledger": "redis://127.0.0.1:1"}).ledger), TeamLedger)
    assert type(ledger_at("")) is Ledger
