"""Who uses whom among the project's own files, by the names that they take from each other when they are imported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Instance

Users = Mapping[tuple[str, str], frozenset[str]]
"""By file and name in it, "" for the file as a whole: the files that use it."""


def used(project: Project) -> Mapping[str, frozenset[str]]:
    """By file: the project's files that it uses. Tests and scripts use what they like, and are left out."""
    return project.of_all("used files", _used)


def users(project: Project) -> Users:
    """Who uses each file, and each name that is taken from it."""
    return project.of_all("users of files", _users)


def _used(project: Project) -> dict[str, frozenset[str]]:
    return {it: frozenset(path for path, _ in _taken(project, it)) for it in project.paths if _counts(it)}


def _users(project: Project) -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for it in project.paths:
        for path, name in _taken(project, it) if _counts(it) else ():
            found[path, ""].add(it)
            if name:
                found[path, name].add(it)
    return {key: frozenset(value) for key, value in found.items()}


def _counts(path: str) -> bool:
    return not (is_test(path) or is_script(path))


def _taken(project: Project, path: str) -> tuple[tuple[str, str], ...]:
    return project.kept("taken names", path, _names_taken, project, path)


def _names_taken(project: Project, path: str) -> tuple[tuple[str, str], ...]:
    """(file, name in it) of what a file takes, followed to where it is defined; "" for a module that is taken whole."""
    found: dict[tuple[str, str], None] = {}
    for it in project.loads(path):
        module, rest = project.module(path, it)
        if module is None or module.path.endswith("/"):
            continue
        home, name = module.path, rest[0] if rest else ""
        if name and isinstance(project.name(home, name), str):  # a package that hands on what a module of it defines
            symbol = project.resolve(home, name)
            if isinstance(symbol, FunctionSymbol | ClassSymbol | Instance):
                home, name = symbol.path, symbol.facts.qualname
        if home != path:
            found[home, name] = None
    return tuple(found)
