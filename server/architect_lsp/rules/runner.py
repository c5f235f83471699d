"""Runs rules over a view or the project. A rule that raises loses this one unit; the failure is given back, never thrown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct

from architect_lsp.knowledge.kinds import is_sample, is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.rules.rule import FileHit, FileView, Hit, OpenApiView, ProjectHit, Rule, SdlView, View, all_rules
from architect_lsp.rules.words import words_of
from architect_lsp.settings import Settings, SettingsError

ViewT = TypeVar("ViewT")
_PROJECT_RULES = "project rules"


class Broken(Struct, frozen=True):
    """A rule that raised, where, and the exception's own words."""

    rule: str
    path: str
    error: str


def chosen(settings: Settings) -> tuple[Rule, ...]:
    """The rules that speak under these settings. Raises SettingsError when one is named that does not exist."""
    known = {it.name for it in all_rules()}
    for option, names in (("disable", settings.disable), ("enable", settings.enable)):
        for name in names:
            if name not in known:
                raise SettingsError(f"architect.{option}: there is no rule `{name}`; `architect-lsp rules` lists them.")
    return tuple(it for it in all_rules() if it.name not in settings.disable and (not it.preview or it.name in settings.enable))


def unit_hits(view: View, rules: Sequence[Rule]) -> tuple[list[tuple[Rule, Hit]], list[Broken]]:
    """What the rules find in one unit, in the order of the rules."""
    found: list[tuple[Rule, Hit]] = []
    broken: list[Broken] = []
    for rule in _concerned(view, rules):
        assert rule.unit_check is not None
        try:
            found.extend((rule, it) for it in rule.unit_check(view))
        except Exception as error:  # noqa: BLE001  (invariant 1: a rule's bug costs that rule, and is reported)
            broken.append(Broken(rule.name, view.path, f"{type(error).__name__}: {error}"))
    return _without_echoes(found), broken


def _without_echoes(found: list[tuple[Rule, Hit]]) -> list[tuple[Rule, Hit]]:
    """The hits without those of rules that another, which they yield to, says better on the same line."""
    names = {rule.name for rule, _ in found}
    if not any(names.intersection(rule.yields_to) for rule, _ in found):
        return found
    said = {(rule.name, getattr(hit.node, "lineno", 0)) for rule, hit in found}
    return [(rule, hit) for rule, hit in found if not any((it, getattr(hit.node, "lineno", 0)) in said for it in rule.yields_to)]


def _concerned(view: View, rules: Sequence[Rule]) -> Sequence[Rule]:
    """The rules that may speak of the unit, by its words alone; told once for a unit that stays as it is."""
    known: dict[bool, tuple[Sequence[Rule], Sequence[Rule]]] = view.reading.memo.setdefault("rules", {})
    in_test = is_test(view.path)
    if in_test not in known or known[in_test][0] is not rules:
        known[in_test] = rules, words_of(tuple(rules)).concerned(view.reading.unit.text, in_test=in_test)
    return known[in_test][1]


def file_hits(view: FileView, rules: Sequence[Rule]) -> tuple[list[tuple[Rule, FileHit]], list[Broken]]:
    """What the rules find in an agent file."""
    return _hits_in(view, view.file.path, [(it, it.file_check) for it in rules if it.file_check is not None])


def openapi_hits(view: OpenApiView, rules: Sequence[Rule]) -> tuple[list[tuple[Rule, FileHit]], list[Broken]]:
    """What the rules find in an OpenAPI document; nothing in those of tests and examples."""
    checks = [(it, it.openapi_check) for it in rules if it.openapi_check is not None]
    return ([], []) if is_sample(view.path) else _hits_in(view, view.path, checks)


def sdl_hits(view: SdlView, rules: Sequence[Rule]) -> tuple[list[tuple[Rule, FileHit]], list[Broken]]:
    """The same in a file of a GraphQL schema."""
    checks = [(it, it.sdl_check) for it in rules if it.sdl_check is not None]
    return ([], []) if is_sample(view.path) else _hits_in(view, view.path, checks)


def _hits_in(
    view: ViewT, path: str, checks: Sequence[tuple[Rule, Callable[[ViewT], Iterator[FileHit]]]]
) -> tuple[list[tuple[Rule, FileHit]], list[Broken]]:
    found: list[tuple[Rule, FileHit]] = []
    broken: list[Broken] = []
    for rule, check in checks:
        try:
            found.extend((rule, it) for it in check(view))
        except Exception as error:  # noqa: BLE001, PERF203  (as above)
            broken.append(Broken(rule.name, path, f"{type(error).__name__}: {error}"))
    return found, broken


def project_hits(project: Project, rules: Sequence[Rule]) -> tuple[Mapping[str, list[tuple[Rule, ProjectHit]]], list[Broken]]:
    """What the rules find in the project as a whole, by file; each is asked again when something it read has changed."""
    known = project.memo(_PROJECT_RULES)
    if known.get("rules") is not rules:
        by_path: dict[str, list[tuple[Rule, ProjectHit]]] = {}
        broken: list[Broken] = []
        for rule in rules:
            if rule.project_check is not None:
                hits, failure = project.of_all(rule, partial(_hits_of, rule))
                for it in hits:
                    by_path.setdefault(it.at.path, []).append((rule, it))
                broken += [failure] if failure is not None else []
        known["rules"], known["hits"] = rules, (by_path, broken)
    found: tuple[Mapping[str, list[tuple[Rule, ProjectHit]]], list[Broken]] = known["hits"]
    return found


def _hits_of(rule: Rule, project: Project) -> tuple[tuple[ProjectHit, ...], Broken | None]:
    assert rule.project_check is not None
    try:
        return tuple(it for it in rule.project_check(project) if rule.tests_too or not is_test(it.at.path)), None
    except Exception as error:  # noqa: BLE001  (as above)
        return (), Broken(rule.name, "", f"{type(error).__name__}: {error}")
