"""`python -m bench [--quick]`: every figure as a ratio to a peer of the same run. Medians; peers take turns within each round.

The texts are real code: the shop of the examples and this server's own modules, joined to 2,000 and 10,000 lines, and the
packages that the tests of real projects have downloaded, for whole projects. `--quick` leaves out what takes minutes.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from bench.table import Table, interleaved, medians, p95
from bench.wire import Server

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent
PEERS = REPOSITORY / ".cache" / "peers" / ("Scripts" if os.name == "nt" else "bin") / "python"
LARGER = {
    "python-lsp-server": (str(PEERS.parent / "pylsp"),),
    "jedi-language-server": (str(PEERS.parent / "jedi-language-server"),),
    "basedpyright": (str(PEERS.parent / "basedpyright-langserver"), "--stdio"),
}
REAL = REPOSITORY / ".cache" / "realworld"
OURS = (sys.executable, "-m", "architect_lsp", "serve")
BARE = (sys.executable, str(REPOSITORY / "bench" / "bare.py"))
RUFF = (str(SCRIPTS / "ruff"), "server")
SEMGREP = (str(PEERS.parent / "semgrep"), "scan", "--metrics", "off", "--disable-version-check", "--no-git-ignore", "--quiet")
RUFF_RULES = '[tool.ruff.lint]\nselect = ["S", "ASYNC", "FAST", "DJ", "PERF", "B", "E", "F"]\n'
LINE = "    bench_value = 1\n"
CALLER = "from bench_helper import fetch\n\n\nasync def caller() -> None:\n    fetch()\n"
HELPER = "import time\n\n\ndef fetch() -> None:\n    time.sleep(1)\n    print(1)\n"
N_CALLERS = 10
STANDS_ON = "import argparse, ast, json, msgspec, pydantic, tree_sitter, tree_sitter_python\nclass It(pydantic.BaseModel): ..."
"""A program that does nothing but import what a check can't do without."""
HEAVY = 0.05
"""The share of all rules' time above which a rule is named."""


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    quick = "--quick" in arguments
    os.environ["PYTHONPATH"] = os.pathsep.join((str(REPOSITORY / "server"), str(REPOSITORY)))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs have their bytecode; so has ours after one start
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "project"
        root.mkdir()
        os.environ["ARCHITECT_CACHE"] = str(root.parent / "cache")
        (root / "pyproject.toml").write_text(RUFF_RULES)
        process(*OURS[:-1], "check", str(root))
        process(str(PEERS), "-m", "bandit", "-q", str(REPOSITORY / "bench" / "bare.py"))
        starting(table, root, 3 if quick else 9)
        for n_lines, rounds in ((2_000, 15 if quick else 80), (10_000, 8 if quick else 30)):
            typing(table, root, n_lines, rounds)
        spreading(table, root.parent / "callers", 6 if quick else 20)
        reviewing(table, root.parent / "reviewed", 5 if quick else 15)
        checking(table, root, 1 if quick else 3, quick=quick)
        indexing(table, root.parent, (10_000,) if quick else (10_000, 100_000, 1_000_000))
    table.end()
    return 0


def starting(table: Table, root: Path, rounds: int) -> None:
    """Spawn to `initialize` answered."""

    def start(command: Sequence[str]) -> Callable[[], float]:
        def run() -> float:
            server = Server(command, root)
            server.stop()
            return server.started_s

        return run

    for it in (OURS, BARE):
        start(it)()
    ours, bare, ruff = medians(rounds, start(OURS), start(BARE), start(RUFF))
    table.row("spawn to initialize answered", ours, bare, "bare pygls", 1.15)
    table.row("spawn to initialize answered", ours, ruff, "ruff server")


def typing(table: Table, root: Path, n_lines: int, rounds: int) -> None:
    """Opening a file and typing into it."""
    text, line = document(n_lines)
    path = root / f"lines_{n_lines}.py"
    path.write_text(text, encoding="utf-8")
    servers = [Server(it, root) for it in (OURS, RUFF, BARE)]
    for it in servers:
        it.settle()
    opened = [it.open(path, text) for it in servers]
    size = f"{n_lines:,} lines"
    table.row(f"{size}: open to first diagnostics", opened[0], opened[1], "ruff server", 5 if n_lines == 10_000 else None)
    for it in servers:
        it.settle(3.0 if n_lines == 10_000 else 1.0)
    last = [it.published_at - it.opened_at for it in servers[:2]]
    table.row(f"{size}: open to all diagnostics", last[0], last[1], "ruff server")

    def key(server: Server, at: int, column: int) -> Callable[[], float]:
        return lambda: statistics.fmean((server.type(path, at, column, 0, "1"), server.type(path, at, column, 1, "")))

    def compare(what: str, at: int, column: int, target: float) -> list[float]:
        for it in servers:
            key(it, at, column)()
        ours, ruff, bare = interleaved(rounds, *(key(it, at, column) for it in servers))
        table.row(f"{size}: {what}", statistics.median(ours), statistics.median(ruff), "ruff server", target)
        table.row(f"{size}: {what}", statistics.median(ours), statistics.median(bare), "bare pygls")
        return ours

    target = 0.6 if n_lines == 2_000 else 0.35
    figure = compare("keystroke in a function to diagnostics", line, len(LINE) - 1, target)
    for name, command in LARGER.items() if n_lines == 2_000 else ():
        if Path(command[0]).exists():
            other = Server(command, root)
            other.settle()
            other.open(path, text)
            other.settle()
            took = statistics.median(key(other, line, len(LINE) - 1)() for _ in range(3))
            table.row(f"{size}: keystroke in a function to diagnostics", statistics.median(figure), took, name)
            other.stop()
    table.row(f"{size}: keystroke, p95", p95(figure), statistics.median(figure), "its own median", 2)
    compare("keystroke at module level to diagnostics", 0, len("BENCH = 1"), 1.5 * target)
    bursts = [it.burst(path, line, len(LINE) - 1, 30, 0.01) for it in servers[:2]]
    table.row(f"{size}: thirty keystrokes at 10 ms, last to diagnostics", bursts[0][0], bursts[1][0], "ruff server", 1)
    if bursts[1][1]:
        table.row(f"{size}: thirty keystrokes at 10 ms, processor time", bursts[0][1], bursts[1][1], "ruff server", 1)
    for it in servers:
        it.type(path, line + 1, 0, 0, "    broken = foo(((\n")
    compare("keystroke in a function, file broken", line, len(LINE) - 1, 1.5 * target)
    ours = servers[0]
    for what, method in (("hover", "textDocument/hover"), ("code action", "textDocument/codeAction")):
        asked = [ours.ask(method, path, line, 6) for _ in range(rounds)]
        limit = 0.005
        if n_lines == 2_000:
            table.most(f"{size}: {what}, p95", p95(asked), limit)
        else:
            table.row(f"{size}: {what}, p95", p95(asked), limit, "5 ms")
    for it in servers:
        it.stop()


def spreading(table: Table, root: Path, rounds: int) -> None:
    """Changing what a function of a file of 2,000 lines does that ten open files call, beside a keystroke there."""
    root.mkdir()
    (root / "pyproject.toml").write_text("")
    helper = root / "bench_helper.py"
    whole = HELPER + document(2_000)[0]
    helper.write_text(whole, encoding="utf-8")
    callers = [root / f"caller_{number}.py" for number in range(N_CALLERS)]
    text, _ = document(1_000)
    for it in callers:
        it.write_text(CALLER + text, encoding="utf-8")
    server = Server(OURS, root)
    server.settle()
    server.open(helper, whole)
    for it in callers:
        server.open(it, it.read_text(encoding="utf-8"))
    server.settle()
    sleep, plain = "    time.sleep(1)", "    time.perf_counter()"
    server.spread(helper, 4, len(sleep), plain, callers)
    server.spread(helper, 4, len(plain), sleep, callers)
    own, all_of_them = interleaved(
        rounds,
        lambda: server.type(helper, 5, len("    print(1"), 0, "1"),
        lambda: statistics.fmean(
            (server.spread(helper, 4, len(sleep), plain, callers), server.spread(helper, 4, len(plain), sleep, callers))
        ),
    )
    ours, one = statistics.median(all_of_them), statistics.median(own)
    table.row("a summary that ten open files use, to the last of them", ours, one, "a keystroke there", 5)
    server.stop()


def reviewing(table: Table, root: Path, rounds: int) -> None:
    """A remark that a model streams, from its bytes to the diagnostics; the model is a Messages API on the loopback interface."""
    sys.path.insert(0, str(REPOSITORY / "tests"))
    from support.messages_api import MessagesApi, Stream, remark

    root.mkdir()
    (root / "pyproject.toml").write_text("")
    os.environ["ARCHITECT_API_KEY"] = "of the loopback server"
    remarks = [remark("time.sleep(1)", "It waits."), remark("print(1)", "It prints.")]
    took: list[float] = []
    for number in range(rounds):
        path, text = root / f"module_{number}.py", HELPER.replace("fetch", f"fetch_{number}")
        path.write_text(text, encoding="utf-8")
        with MessagesApi(Stream(remarks, hold_after=1, chunk=1 << 20)) as api:
            server = Server(OURS, root, {"baseUrl": api.url, "model": "claude-test"})
            server.open(path, text)
            took.append(server.review(path, api.release))
            server.stop()
    table.row("streamed remark, its bytes to the diagnostics, median", statistics.median(took), 0.010, "10 ms", 1)
    table.row("streamed remark, its bytes to the diagnostics, p95", p95(took), 0.050, "50 ms", 1)


def indexing(table: Table, folder: Path, sizes: Sequence[int]) -> None:
    """Whole projects of real packages, in processes of their own."""
    per_line: list[float] = []
    for n_lines in sizes:
        root = folder / f"index_{n_lines}"
        n_copied = copied(root, n_lines)
        if n_copied < n_lines * 0.9:
            print(f"{n_lines:,} lines are not here: the tests of real projects download them", flush=True)
            break
        what = f"{n_copied:,} lines"
        parse = index(root, "parse")
        check = index(root, "check")
        alone = index(root, "ast")
        cold = index(root, "scan", ARCHITECT_CACHE=str(folder / f"cold_{n_lines}"))
        warm = index(root, "scan", ARCHITECT_CACHE=str(folder / f"cold_{n_lines}"))
        per_line.append(check["s"] / n_copied)
        all_cores = "tree-sitter on the same cores"
        table.row(f"{what}: Python's own parser alone", alone["s"], parse["s"], all_cores)
        table.row(f"{what}: facts", cold["s"], parse["s"], all_cores)
        table.row(f"{what}: facts, effects, flows, all rules", check["s"], parse["s"], all_cores, 4)
        table.row(f"{what}: second start", warm["s"], check["s"], "the first index", 0.05)
        if n_lines == 1_000_000:
            table.most(f"{what}: memory at most, all processes", max(check["peak"], cold["peak"]), 600, "MB")
            table.most(f"{what}: memory at rest", warm["rest"], 300, "MB")
    if len(per_line) > 1:
        growth = f"time a line, {sizes[len(per_line) - 1]:,} lines"
        table.row(growth, per_line[-1], per_line[0], f"{sizes[0]:,} lines", 1.2)
    root = folder / f"index_{sizes[0]}"
    heavy = {name: share for name, share in index(root, "rules").items() if share > HEAVY}
    for name, share in heavy.items():
        print(f"rule {name} takes {share:.0%} of the time of all rules", flush=True)


def index(root: Path, what: str, **environment: str) -> dict[str, float]:
    """What `bench.index` says of a folder."""
    command = (sys.executable, "-m", "bench.index", str(root), what)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, megabytes(process.pid))
        time.sleep(0.2)
    told, _ = process.communicate()
    found: dict[str, float] = json.loads(told)
    if "peak" in found and peak:
        found["peak"] = peak
    return found


def megabytes(top: int) -> float:
    """What a process and all below it hold, pages that they share counted once; 0.0 where the system does not tell."""
    below: dict[int, list[int]] = {}
    for it in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            below.setdefault(int(it.read_text().rpartition(")")[2].split()[1]), []).append(int(it.parent.name))
    found, todo = 0.0, [top]
    while todo:
        pid = todo.pop()
        todo += below.get(pid, ())
        with contextlib.suppress(OSError):
            rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            found += sum(int(it.split()[1]) for it in rows if it.startswith("Pss:")) / 1e3
    return found


def copied(root: Path, n_lines: int) -> int:
    """Copy real modules of at least that many lines below `root`, as far as there are any; gives how many lines it were."""
    root.mkdir()
    (root / "pyproject.toml").write_text("")
    packages = sorted(REAL.glob("*-*/")) or [Path(sysconfig.get_path("stdlib"))]
    done = 0
    for top in packages:
        for it in sorted(top.rglob("*.py")):
            if done >= n_lines:
                return done
            target = root / top.name / it.relative_to(top)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(it, target)
            done += it.read_bytes().count(b"\n")
    return done


def checking(table: Table, root: Path, rounds: int, *, quick: bool) -> None:
    """Whole processes, cold: a small file, the example shop, and the modules of the standard library."""
    shop = root.parent / "shop"
    shutil.copytree(REPOSITORY / "examples" / "shop", shop)
    large = root.parent / "large"
    large.mkdir()
    (large / "pyproject.toml").write_text("")
    for it in sorted(Path(sysconfig.get_path("stdlib")).glob("[a-b]*.py" if quick else "[a-h]*.py")):
        shutil.copy(it, large / it.name)
    small = large / "bisect.py"

    def check(path: Path) -> Callable[[], float]:
        return lambda: process(*OURS[:-1], "check", str(path), "--output", os.devnull)

    def bandit(path: Path) -> Callable[[], float]:
        return lambda: process(str(PEERS), "-m", "bandit", "-q", "-r", str(path), "-o", os.devnull, "-f", "json")

    def ruff(path: Path) -> Callable[[], float]:
        select = "S,ASYNC,FAST,DJ,PERF,B,E,F"
        return lambda: process(RUFF[0], "check", "--isolated", "--no-cache", "--select", select, "-o", os.devnull, str(path))

    alone_small = root.parent / "alone"
    alone_small.mkdir()
    shutil.copy(small, alone_small)

    def pylint(path: Path) -> Callable[[], float]:
        return lambda: process(str(PEERS), "-m", "pylint", "--disable=all", "--enable=E,W", "-j", "0", "-r", "n", str(path))

    for what, path, target in (
        ("one small file", alone_small, 0.6),
        ("the example shop", shop, None),
        (f"{lines_of(large):,} lines", large, 0.25),
    ):
        ours, theirs, fast = medians(rounds, check(path), bandit(path), ruff(path))
        if PEERS.exists():
            table.row(f"check of {what}, whole process", ours, theirs, "bandit", target)
        if PEERS.exists() and path is alone_small:
            least = statistics.median(process(sys.executable, "-c", STANDS_ON) for _ in range(3 * rounds))
            table.row("Python and the libraries of a check alone, whole process", least, theirs, "bandit")
        table.row(f"check of {what}, whole process", ours, fast, "ruff check")
        if path is large and PEERS.exists():
            table.row(f"check of {what}, whole process", ours, pylint(path)(), "pylint, all cores", 0.02)
            if (patterns := semgrep_rules(root.parent)) is not None:
                took = process(*SEMGREP, "--config", str(patterns), "--json", "--output", os.devnull, str(path))
                table.row(f"check of {what}, whole process", ours, took, "semgrep, as many rules", 0.05)


def semgrep_rules(folder: Path) -> Path | None:
    """As many patterns for semgrep as we have rules: calls of the standard library; None where it is not installed."""
    if not Path(SEMGREP[0]).exists():
        return None
    listed = subprocess.run((*OURS[:-1], "rules", "--format", "json"), capture_output=True, check=True).stdout
    n_rules = sum(not it["preview"] for it in json.loads(listed))
    names = (
        f"{module}.{name}"
        for module in ("os", "shutil", "asyncio", "socket", "string", "time", "random", "json", "subprocess", "logging", "ast")
        for name in sorted(dir(importlib.import_module(module)))
        if not name.startswith("_")
    )
    rules = [
        {"id": f"call-{number}", "languages": ["python"], "severity": "INFO", "message": name, "pattern": f"{name}(...)"}
        for number, name in enumerate(islice(names, n_rules))
    ]
    path = folder / "patterns.json"
    path.write_text(json.dumps({"rules": rules}), encoding="utf-8")
    return path


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


def process(*command: str) -> float:
    """Seconds a whole process takes."""
    before = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - before


def lines_of(folder: Path) -> int:
    """Lines of Python below a folder."""
    return sum(it.read_bytes().count(b"\n") for it in folder.rglob("*.py"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
