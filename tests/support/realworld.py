"""Pinned open-source projects: what the command line says of them, and what a person said of that.

`projects.toml` names the releases; `verdicts/<rule>.toml` holds a verdict for each finding that was read. A verdict is told by
its project, file and quote: the line may move within a release's reach, and `line` says where it was read.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests" / "realworld"
CACHE = Path(os.environ.get("ARCHITECT_TEST_CACHE", ROOT / ".cache")) / "realworld"
TIMEOUT_S = 7200
PRECISION = 0.9
"""The share of findings that must be worth a reviewer's word for a rule to speak unasked."""
ENOUGH = 50
"""Findings of one rule that are read, drawn at random over all projects, where it has more."""
_READ = (".py", ".md", ".toml", ".html", ".json", ".yaml", ".yml")


class Release(NamedTuple):
    """One release of a project; `tested` ones are checked by every run of the tests, a `library` stands for well-kept code."""

    name: str
    version: str
    tested: bool = False
    library: bool = False


class Spot(NamedTuple):
    """Where a rule speaks; `quote` is the trimmed line."""

    rule: str
    project: str
    file: str
    quote: str


class Verdict(NamedTuple):
    """What a person said of one finding: "true" when it is worth a reviewer's word, else "false"."""

    spot: Spot
    line: int
    verdict: str
    reason: str


def releases() -> list[Release]:
    """The pinned projects, in the order of the file."""
    rows = tomllib.loads((HERE / "projects.toml").read_text(encoding="utf-8"))["project"]
    return [Release(**it) for it in rows]


@cache
def verdicts() -> tuple[Verdict, ...]:
    """Every verdict, by rule."""
    found: list[Verdict] = []
    for path in sorted((HERE / "verdicts").glob("*.toml")):
        for it in tomllib.loads(path.read_text(encoding="utf-8"))["hit"]:
            spot = Spot(path.stem, it["project"], it["file"], it["quote"])
            found.append(Verdict(spot, it["line"], it["verdict"], it["reason"]))
    return tuple(found)


def source(release: Release) -> Path:
    """The unpacked wheel of a release. Effect: downloads it once."""
    folder = CACHE / f"{release.name}-{release.version}"
    if not folder.is_dir():
        wheels = CACHE / "wheels"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
        subprocess.run([*command, "--dest", str(wheels), f"{release.name}=={release.version}"], check=True, timeout=TIMEOUT_S)
        wheel = next(wheels.glob(f"{release.name.replace('-', '_')}-{release.version}-*.whl"))
        fresh = folder.with_suffix(f".part{os.getpid()}")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(fresh, [it for it in archive.namelist() if it.endswith(_READ)])
            metadata = archive.read(next(it for it in archive.namelist() if it.endswith(".dist-info/METADATA"))).decode()
        pythons = next((it.partition(":")[2].strip() for it in metadata.split("\n") if it.startswith("Requires-Python:")), "")
        # without the file the nearest root is that of this repository
        (fresh / "pyproject.toml").write_text(f'[project]\nrequires-python = "{pythons}"\n' if pythons else "", encoding="utf-8")
        if folder.is_dir():  # another process was quicker
            shutil.rmtree(fresh)
        else:
            fresh.rename(folder)
    return folder


@cache
def report(release: Release, rules: str = "") -> dict[str, Any]:
    """What the command line says of a release; of these rules alone, where some are named ("a,b")."""
    done = subprocess.run(
        [sys.executable, "-m", "architect_lsp", "check", ".", "--format", "json", *(["--select", rules] if rules else [])],
        cwd=source(release),
        env={**os.environ, "PYTHONPATH": str(ROOT / "server"), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def found_in(release: Release, rules: str = "") -> list[tuple[Spot, int]]:
    """(spot, line) of each finding in a release."""
    folder = source(release)
    texts: dict[str, list[str]] = {}
    found = []
    for it in report(release, rules)["findings"]:
        path, line = it["path"], it["line"]
        if path not in texts:
            texts[path] = (folder / path).read_text(encoding="utf-8", errors="replace").split("\n")
        found.append((Spot(it["rule"], release.name, path, texts[path][line - 1].strip()), line))
    return found


def spots(release: Release, verdict: str = "") -> Counter[Spot]:
    """The spots of a release with this verdict, or with any."""
    return Counter(it.spot for it in verdicts() if it.spot.project == release.name and verdict in ("", it.verdict))


def precision(counted: Counter[Spot]) -> dict[str, tuple[int, int]]:
    """rule -> (findings worth a reviewer's word, findings read), of those that are still found."""
    true = Counter(it.spot for it in verdicts() if it.verdict == "true")
    read = Counter(it.spot for it in verdicts())
    worth: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for spot, n in (counted & read).items():
        every[spot.rule] += n
        worth[spot.rule] += min(n, true[spot])
    return {rule: (worth[rule], n) for rule, n in every.items()}
