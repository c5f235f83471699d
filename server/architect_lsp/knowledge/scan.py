"""Many files at once: their facts, read in other processes where that pays: threads would wait for the parser."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.files import Skipped, text_of

PARALLEL_FROM = 150
"""Files from which starting worker processes pays for itself."""
CHUNK = 24
"""Files a worker takes at a time."""

Job = tuple[str, str, int]
"""(path on disk, path in the project, largest size in bytes)."""


def facts_of(jobs: Sequence[Job]) -> Iterator[tuple[str, Document | Facts | Skipped]]:
    """(path in the project, what it says) of each file, in the order given; documents where they are few.

    Effect: reads the disk, may start processes.
    """
    if len(jobs) < PARALLEL_FROM or (os.cpu_count() or 1) < 2:
        yield from map(_document, jobs)
        return
    # a server has threads, and forking a process with threads can deadlock
    context = multiprocessing.get_context("fork" if can_fork() and threading.active_count() == 1 else "spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=end_with_parent) as pool:
        yield from pool.map(_facts, jobs, chunksize=CHUNK)


def end_with_parent() -> None:
    """Effect: a thread ends this worker when the process that started it is gone; Ctrl-C is that process's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def can_fork() -> bool:
    """Whether worker processes can share what this one knows."""
    return "fork" in multiprocessing.get_all_start_methods() and os.name == "posix"


def _document(job: Job) -> tuple[str, Document | Skipped]:
    path, name, max_bytes = job
    text = text_of(Path(path), name, max_bytes)
    if isinstance(text, Skipped):
        return name, text
    document = Document(name, text)
    assert document.facts is not None  # made here, where it keeps nobody waiting
    return name, document


def _facts(job: Job) -> tuple[str, Facts | Skipped]:
    name, document = _document(job)
    return name, document if isinstance(document, Skipped) else document.facts
