"""The two example shops, checked by the command line as a stranger would: every planted problem, and nothing else."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SHOP = EXAMPLES / "shop"
SHOP_CLEAN = EXAMPLES / "shop_clean"


class Spot(NamedTuple):
    """Where a rule speaks, without what it says."""

    file: str
    line: int
    rule: str

    def __str__(self) -> str:
        lines = (SHOP / self.file).read_text(encoding="utf-8").splitlines() if (SHOP / self.file).is_file() else []
        text = lines[self.line - 1].strip() if 0 < self.line <= len(lines) else "(no such line)"
        return f"{self.file}:{self.line} {self.rule}\n    {text}"


class Run(NamedTuple):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        said = f"exit {self.code}\n{self.out[:2000]}\n{self.err[-4000:]}"
        assert self.out.lstrip().startswith("{"), said
        return json.loads(self.out)


@pytest.fixture(scope="session")
def planted() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = tomllib.loads((EXAMPLES / "planted.toml").read_text(encoding="utf-8"))["planted"]
    return entries


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own, so that no earlier run and no settings of the user's decide."""
    return tmp_path_factory.mktemp("home")


def check(home: Path, tree: Path, form: str) -> Run:
    server = os.pathsep.join(filter(None, [str(ROOT / "server"), os.environ.get("PYTHONPATH")]))
    places = {name: str(home) for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA")}
    command = [sys.executable, "-m", "architect_lsp", "check", tree.relative_to(ROOT).as_posix(), "--format", form]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **places, "PYTHONPATH": server, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def inside(tree: Path, path: str) -> str:
    """A reported path or file URI, seen from the tree; relative ones may start at the repository or at the tree."""
    if path.startswith("file:"):
        path = url2pathname(urlsplit(path).path)
    given = Path(unquote(path))
    for start in (ROOT, tree):
        if (start / given).is_file() and (start / given).resolve().is_relative_to(tree):
            return (start / given).resolve().relative_to(tree).as_posix()
    return given.as_posix()


def spots(planted: Iterable[dict[str, Any]]) -> Counter[Spot]:
    return Counter(Spot(entry["file"], entry["line"], entry["rule"]) for entry in planted)


def differences(expected: Counter[Spot], found: Counter[Spot]) -> str:
    noisy, missing = sorted((found - expected).elements()), sorted((expected - found).elements())
    return "\n".join([f"noisy: {spot}" for spot in noisy] + [f"missing: {spot}" for spot in missing])


@pytest.mark.parametrize("tree", [SHOP, SHOP_CLEAN], ids=lambda tree: tree.name)
def test_examples_are_valid_python(tree: Path) -> None:
    sources = sorted(tree.rglob("*.py"))
    assert sources
    for source in sources:
        compile(source.read_bytes(), str(source), "exec", dont_inherit=True)


def test_both_shops_have_the_same_files() -> None:
    shop, clean = ({it.relative_to(tree) for it in tree.rglob("*.py")} for tree in (SHOP, SHOP_CLEAN))
    assert shop == clean


def test_each_planted_problem_is_where_it_is_said_to_be(planted: list[dict[str, Any]]) -> None:
    astray = []
    for entry in planted:
        lines = (SHOP / entry["file"]).read_text(encoding="utf-8").splitlines()
        if entry["quote"] not in "".join(lines[entry["line"] - 1 : entry["line"]]):
            at = [number for number, line in enumerate(lines, 1) if entry["quote"] in line]
            astray.append(f"{entry['file']}:{entry['line']} lacks {entry['quote']!r}; it is in line {at}")
    assert not astray, "\n".join(astray)


def test_nothing_is_planted_twice(planted: list[dict[str, Any]]) -> None:
    assert max(spots(planted).values()) == 1


def test_something_is_planted_behind_an_emoji(planted: list[dict[str, Any]]) -> None:
    """Else no example would notice columns counted in bytes."""
    behind = [
        entry["rule"]
        for entry in planted
        for line in [(SHOP / entry["file"]).read_text(encoding="utf-8").splitlines()[entry["line"] - 1]]
        if max(line.split(entry["quote"])[0], default="") > "\uffff"
    ]
    assert len(behind) > 1


def test_the_shop_has_what_was_planted_and_nothing_else(planted: list[dict[str, Any]], home: Path) -> None:
    run = check(home, SHOP, "json")
    findings = run.json()["findings"]
    found = Counter(Spot(inside(SHOP, it["path"]), it["line"], it["rule"]) for it in findings)
    different = differences(spots(planted), found)
    assert not different, f"\n{different}\n{run.err}"
    assert run.code == 1, run.err


def test_each_finding_of_the_shop_is_told_apart(home: Path) -> None:
    findings = check(home, SHOP, "json").json()["findings"]
    fingerprints = Counter(it["fingerprint"] for it in findings)
    assert {it: n for it, n in fingerprints.items() if n > 1} == {}


def test_the_clean_shop_has_nothing_to_report(home: Path) -> None:
    run = check(home, SHOP_CLEAN, "json")
    noisy = [f"{it['path']}:{it['line']} {it['rule']}: {it['message']}" for it in run.json()["findings"]]
    assert not noisy, "\n".join(noisy)
    assert run.code == 0, run.err


def test_sarif_names_each_planted_problem(planted: list[dict[str, Any]], home: Path) -> None:
    results = [result for run in check(home, SHOP, "sarif").json()["runs"] for result in run["results"]]
    found: Counter[Spot] = Counter()
    for result in results:
        place = result["locations"][0]["physicalLocation"]
        path = inside(SHOP, place["artifactLocation"]["uri"])
        found[Spot(path, place["region"]["startLine"], result["ruleId"])] += 1
    different = differences(spots(planted), found)
    assert not different, f"\n{different}"


def test_the_folder_of_both_names_what_was_planted_and_spares_the_twin() -> None:
    """`architect-lsp check examples` sees no less than a check of the shop itself."""
    command = [sys.executable, "-m", "architect_lsp", "check", "examples", "--format", "json"]
    answer = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=120)
    found = {(it["path"].partition("shop/")[2], it["line"], it["rule"]) for it in json.loads(answer.stdout)["findings"]}
    planted = tomllib.loads((Path(__file__).parent.parent / "examples" / "planted.toml").read_text(encoding="utf-8"))["planted"]
    assert found == {(it["file"], it["line"], it["rule"]) for it in planted}
