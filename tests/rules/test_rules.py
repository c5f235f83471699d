"""Every rule finds its bad examples, exactly; stays quiet on its good ones; and its fix passes its receipt."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from architect_lsp.engine import Receipt, Workspace
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.history import Base
from architect_lsp.knowledge.project import Project, whole
from architect_lsp.model import Domain
from architect_lsp.rules.rule import Bad, Rule, all_rules
from architect_lsp.settings import parse
from support.examples import files_of, unmarked

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BAD = [pytest.param(rule, bad, id=f"{rule.name}-bad{index}") for rule in all_rules() for index, bad in enumerate(rule.bad)]
GOOD = [pytest.param(rule, good, id=f"{rule.name}-good{index}") for rule in all_rules() for index, good in enumerate(rule.good)]


def workspace_of(rule: Rule, files: dict[str, str]) -> Workspace:
    """The files as a project; a `pyproject.toml` among them holds its settings, `base:` begins what it is compared with."""
    said = tomllib.loads(files.get("pyproject.toml", "")).get("tool", {}).get("architect", {})
    workspace = Workspace(Path("/project"), parse({"enable": [rule.name], "disable": list(rule.yields_to)}, said))
    for path, text in files.items():
        if path != "pyproject.toml" and not path.startswith("base:"):
            workspace.open(path, text)
    before = {path.removeprefix("base:"): text for path, text in files.items() if path.startswith("base:")}
    if before:
        project = Project()
        for path, text in before.items():
            project.put(path, whole(Document(path, text).facts if path.endswith(".py") else Facts()))
        workspace.compare(Base(project, before.get))
    return workspace


def spans_found(workspace: Workspace, rule: Rule) -> dict[str, set[tuple[int, int]]]:
    found: dict[str, set[tuple[int, int]]] = {"pyproject.toml": set()} if workspace.settings.layers else {}
    for path, document in workspace.documents.items():
        checked = workspace.check(document)
        assert checked.broken == (), checked.broken
        found[path] = {(it.span.start, it.span.end) for it in checked.findings if it.rule == rule.name}
    return found


def report(files: dict[str, str], found: dict[str, set[tuple[int, int]]], wanted: dict[str, set[tuple[int, int]]]) -> str:
    """What is noisy or missing, each with its line and carets."""
    lines = []
    for path, text in files.items():
        for word, spans in (("noisy", found[path] - wanted[path]), ("missing", wanted[path] - found[path])):
            for start, end in sorted(spans):
                begin = text.rfind("\n", 0, start) + 1
                line = text[begin : (text.find("\n", start) + len(text)) % len(text) or None].split("\n")[0]
                lines.append(
                    f"{word} in {path}:\n  {line}\n  {' ' * (start - begin)}{'^' * max(1, min(end, begin + len(line)) - start)}"
                )
    return "\n".join(lines)


@pytest.mark.parametrize(("rule", "bad"), BAD)
def test_finds_exactly_the_marked_spans(rule: Rule, bad: Bad) -> None:
    files, wanted = unmarked(bad.code, default="tests/test_module.py" if rule.tests_too else "module.py")
    found = spans_found(workspace_of(rule, files), rule)
    found.update((path, set()) for path in files if path.startswith("base:"))
    assert found == wanted, "\n" + report(files, found, wanted)


@pytest.mark.parametrize(("rule", "good"), GOOD)
def test_stays_quiet_on_good_code(rule: Rule, good: str) -> None:
    files, _ = unmarked(good, default="tests/test_module.py" if rule.tests_too else "module.py")
    found = spans_found(workspace_of(rule, files), rule)
    here = {path: text for path, text in files.items() if not path.startswith("base:")}
    assert not any(found.values()), "\n" + report(here, found, {it: set() for it in here})


@pytest.mark.parametrize(("rule", "bad"), [it for it in BAD if it.values[1].fixed is not None])
def test_first_fix_leads_to_the_fixed_text_and_passes_its_receipt(rule: Rule, bad: Bad) -> None:
    files, wanted = unmarked(bad.code, default="tests/test_module.py" if rule.tests_too else "module.py")
    workspace = workspace_of(rule, files)
    path = next(it for it in files if wanted[it])
    document = workspace.documents[path]
    finding = next(it for it in workspace.check(document).findings if it.rule == rule.name)
    assert finding.fixes, "the rule offers no fix"
    result = workspace.try_fix(document, finding, finding.fixes[0])
    assert isinstance(result, Receipt), result
    expected = files_of(bad.fixed or "", default=path)[path]
    assert result.texts[path] == expected


@pytest.mark.parametrize("rule", all_rules(), ids=lambda it: it.name)
def test_page_says_what_why_instead_and_source(rule: Rule) -> None:
    assert rule.title.endswith(".")
    assert "\n" not in rule.title
    assert rule.parts.why
    assert rule.parts.instead
    assert re.match(r"https://|CWE|OWASP|PEP|RFC|[A-Z]", rule.parts.source)
    assert rule.bad
    assert rule.good
    assert all(re.fullmatch(r"[A-E][1-5]", it) for it in rule.rows)


def test_all_six_domains_have_a_rule() -> None:
    assert {it.domain for it in all_rules()} == set(Domain)


def test_names_are_unique() -> None:
    names = [it.name for it in all_rules()]
    assert len(names) == len(set(names))


WEIGHED = {"D1", "D2", "D5"}
"""Trade-offs, the choice of a technology, debt against time: duties of the model's, which no rule can decide."""


def test_every_duty_that_needs_no_model_has_two_rules_that_speak_unasked() -> None:
    counted = Counter(row for it in all_rules() if not it.preview for row in it.rows)
    duties = {f"{letter}{number}" for letter in "ABCDE" for number in range(1, 6)}
    assert {it for it in duties if counted[it] < 2} == WEIGHED
    assert not [it.name for it in all_rules() if WEIGHED.intersection(it.rows)], "no rule says it decides these"


def test_one_line_is_said_once_by_the_rule_that_says_it_best() -> None:
    """Where that rule is off, or finds nothing on the line, the other speaks."""
    text = (
        "import subprocess\nfrom agents import function_tool\n\n\n@function_tool\ndef run(command: str) -> str:\n"
        '    """Run a command."""\n    return subprocess.run(command, shell=True, capture_output=True).stdout\n'
    )

    def found(**said: list[str]) -> list[str]:
        workspace = Workspace(Path("/project"), parse(said))
        return [it.rule for it in workspace.check(workspace.open("app.py", text)).findings]

    assert found() == ["dangerous-tool-unguarded"]
    assert found(disable=["dangerous-tool-unguarded"]) == ["model-output-executed"]
    names = {it.name for it in all_rules()}
    for rule in all_rules():
        assert names.issuperset(rule.yields_to), rule.name
        assert rule.name not in rule.yields_to
