"""The house keeps itself: formatting, types, layers, sizes, and pages that say what the code says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from architect_lsp import __version__
from architect_lsp.rules.rule import all_rules
from architect_lsp.settings import Settings

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "server" / "architect_lsp"
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SHAPELESS = {"utils", "helpers", "common", "core", "manager", "base", "misc"}
PAGES = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "server" / "ARCHITECTURE.md"]
SPOKEN = {".py", ".md", ".toml", ".json", ".ts", ".mjs", ".sh", ".lua", ".el", ""}
MODULES = sorted(PACKAGE.rglob("*.py"))


def python(*arguments: str | Path) -> None:
    """Run this environment's interpreter; what it says is the failure's text."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "MYPYPATH": "server", "PYTHONPATH": "server"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    python("-m", "ruff", "check", "--no-cache", ".")


def test_ruff_would_format_nothing() -> None:
    python("-m", "ruff", "format", "--check", "--no-cache", ".")


def test_types_are_strict() -> None:
    python("-m", "mypy", "-p", "architect_lsp")


def test_rooms_import_downwards_only() -> None:
    python("-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))")


@pytest.mark.parametrize("path", MODULES, ids=lambda it: it.relative_to(PACKAGE).as_posix())
def test_a_module_says_what_it_is(path: Path) -> None:
    """Its first statement is a docstring; no banners, no words that hide a noun."""
    text = path.read_text(encoding="utf-8")
    assert re.match(r'("""|r""")\S', text), "no docstring"
    assert not re.search(r"^\s*#\s*[-=*#]{4,}", text, re.MULTILINE), "a banner"
    assert not {"utils", "helpers", "common", "core", "manager", "base", "misc"} & set(
        path.relative_to(PACKAGE).with_suffix("").parts
    )


def test_the_readme_lists_every_rule() -> None:
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)`(?: \(preview\))? \| (\w+) \| ", README, re.MULTILINE))
    domains = {it.name: it.domain.value for it in all_rules()}
    missing = sorted(set(domains) - set(rows))
    stale = sorted(set(rows) - set(domains))
    assert not missing, f"README.md has no row for {', '.join(missing)}: run `make docs`"
    assert not stale, f"README.md has a row for {', '.join(stale)}, and no such rule exists: run `make docs`"
    assert rows == domains


def test_the_readme_lists_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `architect\.(\w+)` \| `([^`]*)` \|", README, re.MULTILINE))
    names = {str(it.alias): name for name, it in Settings.model_fields.items()}
    assert sorted(rows) == sorted(names), "README.md's settings table is not that of settings.py: run `make docs`"


def test_the_generated_pages_are_up_to_date() -> None:
    python(REPOSITORY / "scripts" / "write_docs.py", "--check")


def test_links_between_the_repository_s_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(REPOSITORY)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken


def test_code_that_the_architecture_names_exists() -> None:
    text = (REPOSITORY / "server" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_/]+\.(?:py|toml))`", text))
    there = {it.name for it in REPOSITORY.glob("*.toml")} | {it.name for it in PACKAGE.rglob("*.*")}
    assert not sorted(it for it in named if it not in there and not (PACKAGE / it).exists())


def test_the_architecture_names_every_room() -> None:
    text = (REPOSITORY / "server" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = [f"{it.name}/" if it.is_dir() else it.name for it in PACKAGE.iterdir() if not it.name.startswith("_")]
    assert not sorted(it for it in rooms if f"`{it}" not in text)


def test_the_changelog_has_this_version() -> None:
    assert f"## {__version__}" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_dependency_has_its_reason() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("\ndependencies = [")[2].partition("\n]")[0]
    assert all("#" in line for line in block.strip().splitlines())


def test_the_repository_names_no_machine() -> None:
    """No path of the machine it was made on, no package index: both would be wrong on every other machine."""
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    pattern = re.compile(rb"/(?:home|Users)/[a-z]+/[a-z]|/work/[a-z]|(?:index-url|registry)\s*=\s*http")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = REPOSITORY / name
        if path.is_file() and path.suffix in SPOKEN and path != Path(__file__):
            found += [f"{name}: {it.decode(errors='replace')}" for it in pattern.findall(path.read_bytes())]
    assert not found


def test_the_repository_holds_no_environment() -> None:
    """A link to one, committed, takes the place of the real one where it is checked out, and git deletes that without a word."""
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", ".venv", ".cache"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == [], "`git rm --cached .venv .cache`, and commit that"


def test_no_module_is_past_its_budget() -> None:
    """One noun a module: past 400 lines it has two."""
    long = {it.name: n for it in (REPOSITORY / "server").rglob("*.py") if (n := len(it.read_text().splitlines())) > 400}
    assert long == {}
