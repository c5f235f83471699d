"""Pinned open-source projects, checked by the command line: findings were read by a person, and nine of ten are worth it.

A finding without a verdict fails, so a rule can't grow louder unnoticed; a true one that is gone fails too.
"""

from __future__ import annotations

from collections import Counter

import pytest

from architect_lsp.rules.rule import all_rules
from support.realworld import ENOUGH, PRECISION, Release, Spot, found_in, precision, releases, report, spots, verdicts

pytestmark = pytest.mark.realworld

TESTED = [it for it in releases() if it.tested]
each_project = pytest.mark.parametrize("release", TESTED, ids=lambda it: it.name)


_TELLING = 5
"""Verdicts from which a share tells something: of fewer, one more or less decides."""


def found(release: Release) -> Counter[Spot]:
    return Counter(spot for spot, _ in found_in(release))


@each_project
def test_no_rule_breaks(release: Release) -> None:
    said = report(release)
    assert said["broken"] == []
    assert said["checked"] > 100


@each_project
def test_each_finding_was_read(release: Release) -> None:
    """But for those of a rule of which enough were read already."""
    read = Counter(it.spot.rule for it in verdicts())
    unread = Counter({spot: n for spot, n in (found(release) - spots(release)).items() if read[spot.rule] < ENOUGH})
    assert not unread, "without a verdict:\n" + "\n".join(" | ".join(it) for it in sorted(unread.elements()))


@each_project
def test_no_true_finding_is_gone(release: Release) -> None:
    gone = spots(release, "true") - found(release)
    preview = {it.name for it in all_rules() if it.preview}
    lost = sorted(it for it in gone.elements() if it.rule not in preview)
    assert not lost, "found before:\n" + "\n".join(" | ".join(it) for it in lost)


def test_nine_of_ten_findings_are_worth_it() -> None:
    """Over all projects that are tested, for each rule that speaks unasked."""
    every: Counter[Spot] = Counter()
    for release in TESTED:
        every.update(found(release))
    wrong = {rule: f"{true} of {n}" for rule, (true, n) in precision(every).items() if n >= _TELLING and true < PRECISION * n}
    assert not wrong


def test_nine_of_ten_verdicts_are_true() -> None:
    """Over all verdicts of a rule that speaks unasked, on whatever project they were read."""
    asked = {it.name for it in all_rules() if it.preview}
    read = Counter(it.spot.rule for it in verdicts() if it.spot.rule not in asked)
    true = Counter(it.spot.rule for it in verdicts() if it.verdict == "true")
    assert not {rule: f"{true[rule]} of {n}" for rule, n in read.items() if n >= _TELLING and true[rule] < PRECISION * n}


def test_verdicts_are_well_formed() -> None:
    names = {it.name for it in all_rules()}
    projects = {it.name for it in releases()}
    for it in verdicts():
        assert it.spot.rule in names, f"verdicts/{it.spot.rule}.toml speaks of no rule"
        assert it.spot.project in projects
        assert it.verdict in ("true", "false")
        assert it.reason
        assert it.line > 0
        assert it.spot.quote == it.spot.quote.strip() != ""
