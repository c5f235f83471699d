"""What the project usually does: who belongs together by router, package or class family, and who differs from the others.

A habit is counted, never guessed: a group has one when at least five neighbours are there and nine tenths of them agree. Tests
and scripts are no neighbours of anything.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from msgspec import Struct

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External

MIN_NEIGHBOURS = 5
AGREE = 0.9

MemberT = TypeVar("MemberT")
GroupT = TypeVar("GroupT", bound=Hashable)


class OddOne(Struct, Generic[GroupT, MemberT], frozen=True):
    """A member without what its neighbours have: `n_alike` of the `n_all` members of `group` have it, itself among the latter."""

    group: GroupT
    member: MemberT
    n_alike: int
    n_all: int
    example: MemberT  # the first neighbour that has it

    @property
    def counts(self) -> str:
        """For the message: "11 of 12"."""
        return f"{self.n_alike} of {self.n_all}"


def odd_ones(
    groups: Mapping[GroupT, Iterable[MemberT]], has: Callable[[MemberT], bool | None], least: int = MIN_NEIGHBOURS
) -> Iterator[OddOne[GroupT, MemberT]]:
    """The members that lack a trait which their neighbours have, in the order of the groups.

    `has` gives None of a member that doesn't count, for it or against it: the trait does not apply, or can't be told.
    `least` is how many neighbours make a habit: a rule that knows more than the count may ask for fewer.
    """
    for group, members in groups.items():
        rows = [(it, has(it)) for it in members]
        alike = [it for it, trait in rows if trait]
        odd = [it for it, trait in rows if trait is False]
        n_neighbours = len(alike) + len(odd) - 1
        if odd and n_neighbours >= least and len(alike) >= AGREE * n_neighbours:
            for it in odd:
                yield OddOne(group, it, len(alike), len(alike) + len(odd), alike[0])


def by_router(project: Project) -> dict[str, tuple[Route, ...]]:
    """Routes by what they are registered with: `orders.router` is the name `router` of the file `orders.py`.

    A route that two applications include counts once.
    """
    return project.of_all("habits: routers", _by_router)


def _by_router(project: Project) -> dict[str, tuple[Route, ...]]:
    found: dict[tuple[str, str], dict[tuple[object, ...], Route]] = {}
    for it in catalogue(project).routes:
        if _counts(it.at.path):
            found.setdefault((it.at.path, _host(project, it)), {}).setdefault((it.at, it.methods), it)
    names = _short_names(found)
    return {names[key]: tuple(routes.values()) for key, routes in found.items()}


def by_package(project: Project) -> dict[str, tuple[str, ...]]:
    """Files by their folder, "" for the root."""
    return project.of_all("habits: packages", _by_package)


def _by_package(project: Project) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for path in project.paths:
        if _counts(path):
            found.setdefault(posixpath.dirname(path), []).append(path)
    return {folder: tuple(paths) for folder, paths in found.items()}


def by_family(project: Project) -> dict[str, tuple[ClassSymbol, ...]]:
    """Classes by each base that they name themselves: its qualified name, or its dotted one where it is of a library."""
    return project.of_all("habits: families", _by_family)


def _by_family(project: Project) -> dict[str, tuple[ClassSymbol, ...]]:
    found: dict[str, list[ClassSymbol]] = {}
    for path in project.paths:
        for it in project.classes(path) if _counts(path) else ():
            for name in dict.fromkeys(_base(project, path, base) for base in it.bases):
                if name:
                    found.setdefault(name, []).append(ClassSymbol(path, it))
    return {name: tuple(classes) for name, classes in found.items()}


def _counts(path: str) -> bool:
    return not is_test(path) and not is_script(path)


def _host(project: Project, route: Route) -> str:
    """What a route is registered with, as its file calls it; "" where it stands in no decorator."""
    found: object = None
    if route.at.kind == "decorator":
        found = project.name(route.at.path, route.at.qualname)
    if not isinstance(found, Def) or route.at.index >= len(found.decorators):
        return ""
    return found.decorators[route.at.index].target.rpartition(".")[0]


def _short_names(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(file, host) -> as few of its module's names as tell it from the others, and the host."""
    rows = {key: [*key[0].removesuffix(".py").removesuffix("/__init__").split("/"), *filter(None, [key[1]])] for key in keys}
    names: dict[tuple[str, str], str] = {}
    for key, words in rows.items():
        size = 2 if key[1] else 1
        while size < len(words) and sum(other[-size:] == words[-size:] for other in rows.values()) > 1:
            size += 1
        names[key] = ".".join(words[-size:])
    return names


def _base(project: Project, path: str, base: str) -> str:
    symbol = project.resolve(path, base)
    if isinstance(symbol, ClassSymbol):
        return f"{symbol.path}:{symbol.facts.qualname}"
    return symbol.name if isinstance(symbol, External) and not symbol.name.startswith("builtins.") else ""
