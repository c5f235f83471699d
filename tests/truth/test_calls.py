"""What a call means, against a type checker's go-to-definition: a random sample of the calls of real projects.

The checker's word counts where it names a function or class of the project; where it names a variable, a parameter, something
outside or nothing, there is no definition within the project to find, and the call is left out. So is one whose definition bears
another name than the attribute that is called: of a name in an argument that it knows nothing of, the checker says what the
argument is given to. We are wrong where we name another function or class, or something outside the project.

`ARCHITECT_CALLS=2000` asks of that many calls in all, `ARCHITECT_CALLS_SEED` of other ones.
"""

from __future__ import annotations

import ast
import json
import os
import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol
from architect_lsp.settings import Settings
from architect_lsp.syntax import python
from support.definitions import Spot, definitions
from support.realworld import Release, source
from support.truth import CACHE

pytestmark = pytest.mark.realworld

PROJECTS = (
    Release("prefect", "3.9.1"),
    Release("crewai", "1.15.30"),
    Release("mlflow", "3.18.0"),
    Release("wagtail", "8.0.1"),
    Release("apache-airflow-core", "3.3.2"),
    Release("autogen-agentchat", "0.7.5"),
)
CALLS = int(os.environ.get("ARCHITECT_CALLS", "480"))
SEED = os.environ.get("ARCHITECT_CALLS_SEED", "calls")
PRECISION = 0.98
RECALL = 0.85


class Said(NamedTuple):
    """One call: `truth` are the functions and classes it may mean ("path:qualname"), `ours` what we take it for, or ""."""

    spot: Spot
    text: str
    truth: frozenset[str]
    ours: str


def calls_of(root: Path) -> Iterator[Spot]:
    """The last name of every call below a folder that calls a name or an attribute."""
    for file in sorted(root.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        lines = text.split("\n")
        for it in ast.walk(python.module(text)):
            if isinstance(it, ast.Call) and isinstance(it.func, ast.Name | ast.Attribute):
                line = (it.func.end_lineno or 1) - 1
                before = lines[line].encode()[: it.func.end_col_offset].decode()
                yield Spot(file.relative_to(root).as_posix(), line, len(before.encode("utf-16-le")) // 2 - 1)


@cache
def defined(file: Path) -> dict[tuple[int, int], str]:
    """Place of a function's or class's name (line and UTF-16 column from 0) -> its qualified name."""
    text = file.read_text(encoding="utf-8")
    lines = text.split("\n")
    found: dict[tuple[int, int], str] = {}

    def visit(node: ast.AST, scope: str) -> None:
        for it in ast.iter_child_nodes(node):
            if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                words = re.compile(r"\s*(?:async\s+)?(?:def|class)\s+").match(lines[it.lineno - 1])
                found[it.lineno - 1, words.end() if words else -1] = f"{scope}{it.name}"
                visit(it, f"{scope}{it.name}.")
            else:
                visit(it, scope)

    visit(python.module(text), "")
    return found


def meant(root: Path, attribute: str, found: list[Spot]) -> frozenset[str]:
    """The functions and classes of the project at these places. A stub's name counts where the module beside it has it too.

    `attribute` is what is called of an object or module; "" where a name alone is called, which an import can alter.
    """
    names = set()
    for it in found:
        if it.path.startswith("/"):
            continue
        name = defined(root / it.path).get((it.line, it.column))
        file = root / it.path.replace(".pyi", ".py")
        if attribute and name and name.rpartition(".")[2] != attribute:
            continue
        if name and file.exists() and name in defined(file).values():
            names.add(told(it.path, name))
    return frozenset(names)


def told(path: str, qualname: str) -> str:
    """One name for a function or class; a class's for its constructor."""
    owner, _, last = qualname.rpartition(".")
    return f"{path.rpartition('.')[0]}:{owner if owner and last in ('__init__', '__new__') else qualname}"


def ours(project: Project, root: Path, spots: list[Spot]) -> dict[Spot, tuple[str, str, str]]:
    """(target, attribute that is called, what we take it for) of each call whose last name stands at a spot."""
    answers: dict[Spot, tuple[str, str, str]] = {}
    for path in sorted({it.path for it in spots}):
        asked = {it for it in spots if it.path == path}
        document = Document(path, (root / path).read_text(encoding="utf-8"))
        lines = document.text.split("\n")
        for unit, piece in zip(document.units, document.pieces, strict=True):
            for it in piece.reading.each(ast.Call) if piece.reading else ():
                place = unit.place(path, piece.reading.place(it.func))
                spot = Spot(path, place.end_line, len(lines[place.end_line][: place.end_column].encode("utf-16-le")) // 2 - 1)
                if spot in asked:
                    target = piece.reading.target(it.func)
                    attribute = it.func.attr if isinstance(it.func, ast.Attribute) else ""
                    answers[spot] = target, attribute, named(project, path, target, piece.reading.owner(it))
    return answers


def named(project: Project, path: str, target: str, owner: str) -> str:
    symbol = project.resolve(path, target, owner)
    if isinstance(symbol, FunctionSymbol | ClassSymbol):
        return told(symbol.path, symbol.facts.qualname)
    if isinstance(symbol, External) and not symbol.name.startswith("?"):
        return f"outside:{symbol.name}"
    return ""


def sample(release: Release, n: int, seed: str) -> list[Spot]:
    """Some calls of a release, drawn at random. Effect: keeps them in the cache."""
    kept = CACHE / f"calls-{release.name}-{release.version}-{seed}-{n}.json"
    if not kept.exists():
        drawn = random.Random(f"{seed} {release.name}").sample(list(calls_of(source(release).resolve())), n)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(sorted(drawn)), encoding="utf-8")
    return [Spot(*it) for it in json.loads(kept.read_text(encoding="utf-8"))]


def said(release: Release, n: int, seed: str) -> list[Said]:
    """What both say of a random sample of a release's calls."""
    root = source(release).resolve()
    spots = sample(release, n, seed)
    truth = definitions(root, spots)
    workspace = Workspace(root, Settings())
    workspace.scan()
    answers = ours(workspace.project, root, spots)
    rows = []
    for spot in spots:
        target, attribute, answer = answers[spot]
        rows.append(Said(spot, target, meant(root, attribute, truth[spot]), answer))
    return rows


def test_calls_mean_what_a_type_checker_says() -> None:
    with ThreadPoolExecutor(2) as pool:  # the checkers run in processes of their own
        within = [it for rows in pool.map(lambda it: said(it, CALLS // len(PROJECTS), SEED), PROJECTS) for it in rows if it.truth]
    right = [it for it in within if it.ours in it.truth]
    wrong = [it for it in within if it.ours and it.ours not in it.truth]
    precision, recall = len(right) / (len(right) + len(wrong)), len(right) / len(within)
    print(f"\n{len(within)} calls within the projects: precision {precision:.3f}, recall {recall:.3f}")
    assert len(within) > CALLS // 5
    assert precision >= PRECISION, "\n".join(map(str, wrong))
    assert recall >= RECALL, "\n".join(str(it) for it in within if not it.ours)
