"""Pinned open-source projects, checked by the command line: every finding was read by a person, and nine of ten are worth it.

A finding without a verdict fails, so a rule can't grow louder unnoticed; a true one that is gone fails too. A verdict is told by
its rule, file and quote: the line may move within a release's reach, and `line` says where it was read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from architect_lsp.rules.rule import all_rules

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.realworld

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("ARCHITECT_TEST_CACHE", ROOT / ".cache")) / "realworld"
VERDICTS = Path(__file__).parent / "verdicts"
TIMEOUT_S = 900
PRECISION = 0.9


class Spot(NamedTuple):
    """Where a rule speaks; `quote` is the trimmed line."""

    rule: str
    file: str
    quote: str


class Verdicts(NamedTuple):
    """What a person said of one project's findings."""

    project: str
    version: str
    hits: list[dict[str, Any]]

    def spots(self, verdict: str) -> Counter[Spot]:
        return Counter(Spot(it["rule"], it["file"], it["quote"]) for it in self.hits if it["verdict"] == verdict)


def verdicts_of(path: Path) -> Verdicts:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return Verdicts(document["project"], document["version"], document.get("hit", []))


PROJECTS = [verdicts_of(it) for it in sorted(VERDICTS.glob("*.toml"))]


def source(project: str, version: str) -> Path:
    """The unpacked wheel of a release. Effect: downloads it once."""
    folder = CACHE / f"{project}-{version}"
    if not folder.is_dir():
        wheels = CACHE / "wheels"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
        subprocess.run([*command, "--dest", str(wheels), f"{project}=={version}"], check=True, timeout=TIMEOUT_S)
        wheel = next(wheels.glob(f"{project.replace('-', '_')}-{version}-*.whl"))
        fresh = folder.with_suffix(".part")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(fresh)
        (fresh / "pyproject.toml").touch()  # else the nearest root is that of this repository
        fresh.rename(folder)
    return folder


@cache
def report(project: str, version: str) -> dict[str, Any]:
    """What the command line says of a release."""
    folder = source(project, version)
    done = subprocess.run(
        [sys.executable, "-m", "architect_lsp", "check", ".", "--format", "json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "server"), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def found_in(project: str, version: str) -> Counter[Spot]:
    folder = source(project, version)
    spots: Counter[Spot] = Counter()
    for it in report(project, version)["findings"]:
        lines = (folder / it["path"]).read_text(encoding="utf-8").split("\n")
        spots[Spot(it["rule"], it["path"], lines[it["line"] - 1].strip())] += 1
    return spots


@pytest.mark.parametrize("verdicts", PROJECTS, ids=lambda it: it.project)
def test_no_rule_breaks(verdicts: Verdicts) -> None:
    said = report(verdicts.project, verdicts.version)
    assert said["broken"] == []
    assert said["checked"] > 100


@pytest.mark.parametrize("verdicts", PROJECTS, ids=lambda it: it.project)
def test_each_finding_was_read(verdicts: Verdicts) -> None:
    unread = found_in(verdicts.project, verdicts.version) - verdicts.spots("true") - verdicts.spots("false")
    assert not unread, "without a verdict:\n" + "\n".join(" | ".join(it) for it in sorted(unread.elements()))


@pytest.mark.parametrize("verdicts", PROJECTS, ids=lambda it: it.project)
def test_no_true_finding_is_gone(verdicts: Verdicts) -> None:
    gone = verdicts.spots("true") - found_in(verdicts.project, verdicts.version)
    assert not gone, "found before:\n" + "\n".join(" | ".join(it) for it in sorted(gone.elements()))


def test_nine_of_ten_findings_are_worth_it() -> None:
    """Over all projects, for each rule that speaks unasked."""
    true: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for verdicts in PROJECTS:
        found = found_in(verdicts.project, verdicts.version)
        true.update(it.rule for it in (found & verdicts.spots("true")).elements())
        every.update(it.rule for it in found.elements())
    asked = {it.name for it in all_rules() if it.preview}
    wrong = {rule: f"{true[rule]} of {n}" for rule, n in every.items() if rule not in asked and true[rule] < PRECISION * n}
    assert not wrong


@pytest.mark.parametrize("verdicts", PROJECTS, ids=lambda it: it.project)
def test_verdicts_are_well_formed(verdicts: Verdicts) -> None:
    names = {it.name for it in all_rules()}
    for it in verdicts.hits:
        assert it["rule"] in names
        assert it["verdict"] in ("true", "false")
        assert it["reason"]
        assert it["line"] > 0
        assert it["quote"] == it["quote"].strip() != ""
