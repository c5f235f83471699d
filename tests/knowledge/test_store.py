"""A second start reads no file anew, and no state of the store on disk stops a start."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from architect_lsp.engine import Checked, Workspace
from architect_lsp.knowledge import scan
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.store import Store, digest, encode, store_file
from architect_lsp.settings import Settings

FILES = [scan.STORED_FROM + 5, scan.PARALLEL_FROM + 5]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ARCHITECT_CACHE", str(folder))
    return folder


@pytest.fixture(params=FILES, ids=["few", "many"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for number in range(request.param):
        (folder / f"m{number}.py").write_text(f"import m{number + 1}\ndef f{number}(x): return m{number + 1}.f{number + 1}(x)\n")
    return folder


@pytest.mark.skipif(not scan.can_fork(), reason="processes can't be forked here")
def test_workers_find_what_one_process_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen files of some size are read and checked by several processes, in their order."""
    monkeypatch.setenv("ARCHITECT_CACHE", "off")
    text = "import time\n\n\nasync def f{0}(x):\n    time.sleep(x)\n" + "\n\ndef g(x):\n    return x\n" * 800
    names = [f"m{number:02}.py" for number in range(scan.FORKED_FROM + 4)]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(text.replace("{0}", str(number)))
    assert scan.pays([tmp_path / it for it in names])
    forked = scanned(tmp_path)
    found = list(forked.check_files(names))
    monkeypatch.setattr("architect_lsp.engine.pays", lambda _: False)
    monkeypatch.setattr(scan, "pays", lambda _: False)
    alone = scanned(tmp_path)
    assert everything(forked) == everything(alone)
    assert found == list(alone.check_files(names))
    assert [it.path for it in found] == names
    assert all(isinstance(it, Checked) and it.findings for it in found)


def n_files(root: Path) -> int:
    return len(list(root.glob("*.py")))


def scanned(root: Path) -> Workspace:
    workspace = Workspace(root, Settings())
    assert workspace.scan() == []
    return workspace


def everything(workspace: Workspace) -> dict[str, Facts]:
    return {path: workspace.project.facts(path) for path in sorted(workspace.project.paths)}


def without_reading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose text is read from now on."""
    read: list[str] = []
    true = scan._document

    def noted(job: scan.Job) -> object:
        read.append(job[1])
        return true(job)

    monkeypatch.setattr(scan, "_document", noted)
    return read


def test_a_few_large_files_are_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    text = "def f(x): return x\n\n\n" * 2_000
    for number in range(scan.STORED_BYTES // len(text) + 1):
        (folder / f"m{number}.py").write_text(text)
    first = everything(scanned(folder))
    read = without_reading(monkeypatch)
    assert everything(scanned(folder)) == first
    assert read == []


def test_a_second_start_knows_the_same_and_reads_only_what_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = everything(scanned(root))
    read = without_reading(monkeypatch)
    assert everything(scanned(root)) == first
    assert read == []
    (root / "m3.py").write_text("def other(): ...\n")
    third = everything(scanned(root))
    assert read == ["m3.py"]
    assert [it.qualname for it in third["m3.py"].defs] == ["other"]
    assert {**third, "m3.py": None} == {**first, "m3.py": None}


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100, None], ids=["empty", "garbage", "half"])
def test_a_damaged_store_is_begun_anew_with_one_note(root: Path, damage: bytes | None) -> None:
    first = everything(scanned(root))
    file = store_file()
    assert file is not None
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    again = scanned(root)
    assert everything(again) == first
    assert len(again.notes) <= 1  # an empty file is a store without rows: nothing to say
    assert all("damaged" in it and "anew" in it for it in again.notes)
    assert (damage == b"") == (again.notes == [])
    assert scanned(root).notes == []


def test_a_row_that_is_no_facts_is_read_again(root: Path) -> None:
    first = everything(scanned(root))
    with sqlite3.connect(store_file() or "") as connection:
        connection.execute("UPDATE facts SET facts = x'c1'")
    connection.close()
    assert everything(scanned(root)) == first


def test_a_locked_store_is_left_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("architect_lsp.knowledge.store._WAIT_S", 0.05)
    first = everything(scanned(root))
    connection = sqlite3.connect(store_file() or "", isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        (root / "m3.py").write_text("def other(): ...\n")
        again = scanned(root)
    finally:
        connection.close()
    assert {**everything(again), "m3.py": None} == {**first, "m3.py": None}
    assert len(again.notes) == 1
    assert "locked" in again.notes[0]


def test_a_folder_that_cannot_be_made_is_said_once(root: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    again = scanned(root)
    assert len(everything(again)) == n_files(root)
    assert len(again.notes) == 1
    assert "ARCHITECT_CACHE" in again.notes[0]


def test_it_can_be_switched_off(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHITECT_CACHE", "off")
    assert len(everything(scanned(root))) == n_files(root)
    assert not cache.exists()


def test_two_processes_fill_one_store_at_a_time(root: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from architect_lsp.engine import Workspace; from architect_lsp.settings import Settings\n"
        "w = Workspace(Path(sys.argv[1]), Settings()); w.scan(); print(len(list(w.project.paths)), w.notes)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(root)], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [it.communicate(timeout=120)[0].strip() for it in running] == [f"{n_files(root)} []"] * 3
    file = store_file()
    connection = sqlite3.connect(file or "")
    assert connection.execute("SELECT count(*) FROM facts").fetchone() == (n_files(root),)
    connection.close()


def test_what_nobody_asked_for_in_a_month_goes(cache: Path) -> None:
    file = cache / "facts.sqlite"
    old, kept = digest(b"old"), digest(b"kept")
    Store(file, 100).keep([(old, encode(Facts())), (kept, encode(Facts()))])
    Store(file, 120).keep([], used=[kept])
    Store(file, 135).keep([])
    assert set(Store(file, 135).known([old, kept])) == {kept}


def test_literals_that_utf8_cannot_hold_are_kept_all_the_same(root: Path) -> None:
    (root / "half.py").write_text('HALF = ["\\ud800", {"\\udfff": 1}]\ndef f(x="\\ud800"): return x\n')
    workspace = scanned(root)
    assert [it.qualname for it in workspace.project.facts("half.py").defs] == ["f"]
