"""A whole project: reading it first, reading it again, what it takes in memory, how that grows, and what each rule costs.

Runs in a process of its own (`python -m bench.index FOLDER`), so that its memory is its own; prints one JSON object.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import tree_sitter
import tree_sitter_python

from architect_lsp.engine import Skipped, Workspace
from architect_lsp.knowledge.files import sources
from architect_lsp.settings import Settings

_CHUNK = 24


def main(folder: str, what: str) -> None:
    """Measure one thing, by its name: parsers alone ("parse", "ast"), facts ("scan"), all of it ("check"), each rule's share."""
    root = Path(folder)
    measures: dict[str, Callable[[Path], dict[str, object]]] = {
        "parse": partial(parse, _parsed),
        "ast": partial(parse, _read),
        "scan": scan,
        "check": check,
        "rules": rules,
    }
    gc.set_threshold(50_000)  # as `cli` does
    print(json.dumps(measures[what](root)))


def parse(parsed: Callable[[Path], int], root: Path) -> dict[str, object]:
    """A parser alone, on all cores."""
    files = list(_files(root))
    before = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        n_lines = sum(pool.map(parsed, files, chunksize=_CHUNK))
    return {"s": time.perf_counter() - before, "lines": n_lines}


def scan(root: Path) -> dict[str, object]:
    """The facts of all files, from the store where it has them."""
    workspace = Workspace(root, Settings())
    before = time.perf_counter()
    workspace.scan()
    took = time.perf_counter() - before
    return {"s": took, "rest": _resident(), "peak": _peak()}


def check(root: Path) -> dict[str, object]:
    """Everything: facts, effects, flows and the rules on every file."""
    workspace = Workspace(root, Settings())
    before = time.perf_counter()
    workspace.scan()
    names = [it.relative_to(root).as_posix() for it in _files(root)]
    n_findings = sum(len(it.findings) for it in workspace.check_files(names) if not isinstance(it, Skipped))
    return {"s": time.perf_counter() - before, "peak": _peak(), "findings": n_findings}


def rules(root: Path) -> dict[str, object]:
    """The share that each rule has of the time all rules take."""
    spent: defaultdict[str, float] = defaultdict(float)

    def timed(name: str, find: Callable[..., Iterator[object]]) -> Callable[..., Iterator[object]]:
        def run(*given: object) -> Iterator[object]:
            before = time.process_time()
            found = list(find(*given))
            spent[name] += time.process_time() - before
            return iter(found)

        return run

    workspace = Workspace(root, Settings())
    for it in workspace.rules:
        it.unit_check = timed(it.name, it.unit_check) if it.unit_check else None  # type: ignore[assignment, arg-type]
        it.project_check = timed(it.name, it.project_check) if it.project_check else None  # type: ignore[assignment, arg-type]
    workspace.scan()
    for file in list(_files(root))[:140]:
        for _ in workspace.check_files([file.relative_to(root).as_posix()]):
            pass
    whole = sum(spent.values()) or 1.0
    return {name: s / whole for name, s in sorted(spent.items(), key=lambda it: -it[1])}


def _files(root: Path) -> Iterator[Path]:
    return (it for it in sources(root, root) if not isinstance(it, Skipped))


def _parsed(file: Path) -> int:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))
    data = file.read_bytes()
    parser.parse(data)
    return data.count(b"\n")


def _read(file: Path) -> int:
    data = file.read_bytes()
    with contextlib.suppress(SyntaxError):
        ast.parse(data)
    return data.count(b"\n")


def _resident() -> float:
    """Megabytes this process holds now."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return _peak()
    return pages * resource.getpagesize() / 1e6


def _peak() -> float:
    """Megabytes at most: this process, and as much as its largest worker for each core."""
    kilobyte = 1e3 if sys.platform == "linux" else 1e6
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + worker * (os.cpu_count() or 1)) / kilobyte


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
