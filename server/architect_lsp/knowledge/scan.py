"""Many files at once: their facts, from the store where it has them, else read by other processes.

Threads would wait for the parser.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.files import Skipped, bytes_of, decoded
from architect_lsp.knowledge.store import Store, decode, digest, encode, store_file

STORED_FROM = 20
"""Files from which asking the store pays for itself."""
STORED_BYTES = 200_000
"""Or so many bytes in fewer of them."""
PARALLEL_FROM = 150
"""Files from which starting worker processes pays for itself."""
FORKED_FROM = 8
"""Files from which it does where they are forked, which takes a few milliseconds,"""
FORKED_BYTES = 150_000
"""if there are so many bytes in them."""
_AT_ONCE = 500
"""Files that the store is asked for at a time."""
_CHUNK = 24
"""Files a worker takes at a time, at most."""
_GARBAGE = 50_000
"""Objects after which Python looks for cycles: parsing makes many and no cycle."""
_DAY_S = 86_400

T = TypeVar("T")
Job = tuple[str, str, int]
"""(path on disk, path in the project, largest size in bytes)."""


def facts_of(
    jobs: Sequence[Job], notes: list[str], digests: dict[str, bytes]
) -> Iterator[tuple[str, Document | Facts | Skipped]]:
    """(path in the project, what it says) of each file; documents where few are read.

    What the store has comes first, the rest in the order given. Adds to `notes` what a person should know of the store, and
    to `digests` the keys of the contents by path, where they are told.
    Effect: reads the disk, may start processes, writes the store.
    """
    if len(jobs) < STORED_FROM and sum(_n_bytes(Path(path)) for path, _, _ in jobs) < STORED_BYTES:
        yield from ((name, found) for name, found, _ in map(_document, jobs))
        return
    store = Store(store_file(), int(time.time() // _DAY_S))
    keys = {job: _key(job) for job in jobs}
    digests.update((name, key) for (_, name, _), key in keys.items())
    used: list[bytes] = []
    rest: list[Job] = []
    fresh: list[tuple[bytes, bytes]] = []
    try:
        for start in range(0, len(jobs), _AT_ONCE):  # what is decoded needs not be held as bytes too
            some = jobs[start : start + _AT_ONCE]
            known = store.known([keys[it] for it in some])
            used += known
            for job in some:
                facts = _decoded(known.get(keys[job]))
                if facts is None:
                    rest.append(job)
                else:
                    yield job[1], facts
        parallel = pays([Path(path) for path, _, _ in rest])
        for job in () if parallel else rest:
            name, document, key = _document(job)
            if isinstance(document, Document):
                fresh.append((key, encode(document.facts)))
            yield name, document
        for name, found in _read(rest) if parallel else ():
            if isinstance(found, tuple):
                fresh.append(found)
                yield name, decode(found[1])
            else:
                yield name, found
    finally:  # a scan that is stopped keeps what it has done
        store.keep(fresh, used)
        notes += store.notes


def _decoded(data: bytes | None) -> Facts | None:
    """Facts as the store keeps them; None for none, and for what was written by hand or half written."""
    try:
        return decode(data) if data is not None else None
    except msgspec.DecodeError:
        return None


def end_with_parent() -> None:
    """Effect: a thread ends this worker when the process that started it is gone; Ctrl-C is that process's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(_GARBAGE)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def can_fork() -> bool:
    """Whether worker processes can share what this one knows."""
    return "fork" in multiprocessing.get_all_start_methods() and os.name == "posix"


def pays(files: Sequence[Path]) -> bool:
    """Whether it pays to have these files read by several processes. Effect: asks the disk how large they are."""
    if len(files) >= PARALLEL_FROM:
        return True
    if len(files) < FORKED_FROM or not can_fork() or threading.active_count() > 1 or (os.cpu_count() or 1) < 2:
        return False
    return sum(map(_n_bytes, files)) >= FORKED_BYTES


def forked(work: Callable[[str], T], names: Sequence[str]) -> Iterator[T]:
    """What `work` gives for each name, in their order, from processes that share what this one knows now (see `can_fork`)."""
    global _work
    _work = work
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=end_with_parent) as pool:
            yield from pool.map(_worked, names, chunksize=_at_once(names))
    finally:
        _work = None


_work: Callable[[str], Any] | None = None
"""What forked workers do; set just before they start."""


def _worked(name: str) -> Any:
    assert _work is not None
    return _work(name)


def _read(jobs: Sequence[Job]) -> Iterator[tuple[str, tuple[bytes, bytes] | Skipped]]:
    """(path in the project, (key, encoded facts)) of each file, by several processes where there are several cores."""
    if (os.cpu_count() or 1) < 2:
        yield from map(_facts, jobs)
        return
    # a server has threads, and forking a process with threads can deadlock
    context = multiprocessing.get_context("fork" if can_fork() and threading.active_count() == 1 else "spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=end_with_parent) as pool:
        yield from pool.map(_facts, jobs, chunksize=_at_once(jobs))


def _document(job: Job) -> tuple[str, Document | Skipped, bytes]:
    """(path in the project, what is there, the key of its content)."""
    path, name, max_bytes = job
    data = bytes_of(Path(path), name, max_bytes)
    if isinstance(data, Skipped):
        return name, data, b""
    text = decoded(data, name)
    if isinstance(text, Skipped):
        return name, text, b""
    document = Document(name, text)
    assert document.facts is not None  # made here, where it keeps nobody waiting
    return name, document, digest(data)


def _n_bytes(file: Path) -> int:
    """How large a file is; 0 for one that can't be asked."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _at_once(work: Sequence[object]) -> int:
    """How much of it a worker takes at a time, so that none waits long for another."""
    return max(1, min(_CHUNK, len(work) // (4 * (os.cpu_count() or 1))))


def _key(job: Job) -> bytes:
    """The key of a file's content; b"" where it has none, and why will be said when it is read."""
    path, name, max_bytes = job
    data = bytes_of(Path(path), name, max_bytes)
    return b"" if isinstance(data, Skipped) else digest(data)


def _facts(job: Job) -> tuple[str, tuple[bytes, bytes] | Skipped]:
    name, found, key = _document(job)
    return name, found if isinstance(found, Skipped) else (key, encode(found.facts))
