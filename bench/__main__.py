"""`python -m bench [--quick]`: every figure as a ratio to a peer of the same run. Medians; peers take turns within each round.

The texts are real code: the shop of the examples and this server's own modules, joined to 2,000 and 10,000 lines.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import tree_sitter
import tree_sitter_python

from bench.wire import Server

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent
OURS = (sys.executable, "-m", "architect_lsp", "serve")
BARE = (sys.executable, str(REPOSITORY / "bench" / "bare.py"))
RUFF = (str(SCRIPTS / "ruff"), "server")
RUFF_RULES = '[tool.ruff.lint]\nselect = ["S", "ASYNC", "FAST", "DJ", "PERF", "B", "E", "F"]\n'
LINE = "    bench_value = 1\n"


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    quick = "--quick" in arguments
    os.environ["PYTHONPATH"] = str(REPOSITORY / "server")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs have their bytecode; so has ours after one start
    print(f"{'figure':<58} {'ours':>10} {'peer':>10} {'ratio':>7}  peer")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "project"
        root.mkdir()
        (root / "pyproject.toml").write_text(RUFF_RULES)
        process(*OURS[:-1], "check", str(root))
        process(sys.executable, "-m", "bandit", "-q", str(REPOSITORY / "bench" / "bare.py"))
        starting(root, 3 if quick else 9)
        for n_lines, rounds in ((2_000, 20 if quick else 100), (10_000, 10 if quick else 40)):
            typing(root, n_lines, rounds)
        checking(root, 1 if quick else 3)
    return 0


def starting(root: Path, rounds: int) -> None:
    """Spawn to `initialize` answered."""

    def start(command: Sequence[str]) -> Callable[[], float]:
        def run() -> float:
            server = Server(command, root)
            server.stop()
            return server.started_s

        return run

    for it in (OURS, BARE):
        start(it)()
    ours, bare, ruff = interleaved(rounds, start(OURS), start(BARE), start(RUFF))
    row("spawn to initialize answered", ours, bare, "bare pygls")
    row("spawn to initialize answered", ours, ruff, "ruff server")


def typing(root: Path, n_lines: int, rounds: int) -> None:
    """Opening a file and typing into it."""
    text, line = document(n_lines)
    path = root / f"lines_{n_lines}.py"
    path.write_text(text, encoding="utf-8")
    servers = [Server(it, root) for it in (OURS, RUFF, BARE)]
    for it in servers:
        it.settle()
    opened = [it.open(path, text) for it in servers]
    size = f"{n_lines:,} lines"
    row(f"{size}: open to first diagnostics", opened[0], opened[1], "ruff server")

    def key(server: Server, at: int, column: int) -> Callable[[], float]:
        return lambda: statistics.fmean((server.type(path, at, column, 0, "1"), server.type(path, at, column, 1, "")))

    def compare(what: str, at: int, column: int) -> None:
        for it in servers:
            key(it, at, column)()
        ours, ruff, bare = interleaved(rounds, *(key(it, at, column) for it in servers))
        row(f"{size}: {what}", ours, ruff, "ruff server")
        row(f"{size}: {what}", ours, bare, "bare pygls")

    compare("keystroke in a function to diagnostics", line, len(LINE) - 1)
    compare("keystroke at module level to diagnostics", 0, len("BENCH = 1"))
    for it in servers:
        it.type(path, line + 1, 0, 0, "    broken = foo(((\n")
    compare("keystroke in a function, file broken", line, len(LINE) - 1)
    ours = servers[0]
    hovers = [ours.ask("textDocument/hover", path, line, 6) for _ in range(rounds)]
    actions = [ours.ask("textDocument/codeAction", path, line, 6) for _ in range(rounds)]
    alone(f"{size}: hover, median and p95", hovers)
    alone(f"{size}: code action, median and p95", actions)
    for it in servers:
        it.stop()


def checking(root: Path, rounds: int) -> None:
    """Whole processes, cold: a small file, the example shop, and the modules of the standard library."""
    shop = root.parent / "shop"
    shutil.copytree(REPOSITORY / "examples" / "shop", shop)
    large = root.parent / "large"
    large.mkdir()
    (large / "pyproject.toml").write_text("")
    for it in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        shutil.copy(it, large / it.name)
    small = large / "bisect.py"

    def check(path: Path) -> Callable[[], float]:
        return lambda: process(*OURS[:-1], "check", str(path), "--output", os.devnull)

    def bandit(path: Path) -> Callable[[], float]:
        return lambda: process(sys.executable, "-m", "bandit", "-q", "-r", str(path), "-o", os.devnull, "-f", "json")

    def ruff(path: Path) -> Callable[[], float]:
        select = "S,ASYNC,FAST,DJ,PERF,B,E,F"
        return lambda: process(RUFF[0], "check", "--isolated", "--no-cache", "--select", select, "-o", os.devnull, str(path))

    alone_small = root.parent / "alone"
    alone_small.mkdir()
    shutil.copy(small, alone_small)
    for what, path in (("one small file", alone_small), ("the example shop", shop), (f"{lines_of(large):,} lines", large)):
        found = interleaved(rounds, check(path), bandit(path), ruff(path), lambda path=path: parsed(path))
        row(f"check of {what}, whole process", found[0], found[1], "bandit")
        row(f"check of {what}, whole process", found[0], found[2], "ruff check")
        row(f"check of {what}, whole process", found[0], found[3], "tree-sitter parsing alone, one core")


def document(n_lines: int) -> tuple[str, int]:
    """(text of at least that many lines, the line of a statement inside a function near its middle); lines from 0."""
    lines = ["BENCH = 1\n"]
    at = 0
    while len(lines) < n_lines:
        for it in modules():
            for line in it.read_text(encoding="utf-8").splitlines(keepends=True):
                if line.startswith("from __future__"):
                    continue
                lines.append(line)
                if not at and len(lines) > n_lines // 2 and line.startswith("def ") and line.rstrip().endswith(":"):
                    at = len(lines)
                    lines.append(LINE)
            lines += ("\n", "\n")
            if len(lines) >= n_lines and at:
                return "".join(lines), at
    return "".join(lines), at


def modules() -> Iterator[Path]:
    """Real code, in the same order everywhere."""
    yield from sorted((REPOSITORY / "examples" / "shop").rglob("*.py"))
    yield from sorted((REPOSITORY / "server").rglob("*.py"))


def parsed(folder: Path) -> float:
    """Seconds tree-sitter takes for the same files, here, on one core."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))
    texts = [it.read_bytes() for it in folder.rglob("*.py")]
    before = time.perf_counter()
    for it in texts:
        parser.parse(it)
    return time.perf_counter() - before


def process(*command: str) -> float:
    """Seconds a whole process takes."""
    before = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - before


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """The median of each measure; each round takes all of them in turn."""
    found: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(found, measures, strict=True):
            values.append(measure())
    return [statistics.median(it) for it in found]


def lines_of(folder: Path) -> int:
    """Lines of Python below a folder."""
    return sum(it.read_bytes().count(b"\n") for it in folder.rglob("*.py"))


def row(what: str, ours_s: float, peer_s: float, peer: str) -> None:
    """One line of the table."""
    print(f"{what:<58} {shown(ours_s):>10} {shown(peer_s):>10} {ours_s / peer_s:>7.2f}  {peer}", flush=True)


def alone(what: str, values: Sequence[float]) -> None:
    """A figure without a peer: its median and its 95th percentile."""
    p95 = sorted(values)[int(len(values) * 0.95)]
    print(f"{what:<58} {shown(statistics.median(values)):>10} {shown(p95):>10} {'':>7}  itself, p95", flush=True)


def shown(seconds: float) -> str:
    """Milliseconds a person can read."""
    return f"{seconds * 1000:,.1f} ms" if seconds < 10 else f"{seconds:,.1f} s"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
