"""SARIF as services read it: valid against the schema of 2.1.0, with places, paths of calls, fixes and what was skipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from test_cli import REPOSITORY, SLEEPY, run

SCHEMA = json.loads((REPOSITORY / "tests/support/schemas/sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))


def sarif(*paths: str | Path, cwd: Path = REPOSITORY) -> dict[str, Any]:
    """The log's only run, once the log is valid."""
    log = json.loads(run("check", *paths, "--format", "sarif", cwd=cwd).stdout)
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    [found] = log["runs"]
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def test_the_examples_are_valid_and_say_what_the_other_formats_say() -> None:
    found = sarif("examples")
    same = json.loads(run("check", "examples", "--format", "json").stdout)["findings"]
    assert [
        (it["ruleId"], it["level"], it["message"]["text"], it["partialFingerprints"]["architect/v1"]) for it in found["results"]
    ] == [(it["rule"], it["severity"], it["message"], it["fingerprint"]) for it in same]
    rules = found["tool"]["driver"]["rules"]
    assert {it["id"] for it in rules} == {it["rule"] for it in same}
    assert all(rules[it["ruleIndex"]]["id"] == it["ruleId"] for it in found["results"])
    assert all(rule["help"]["text"] and rule["help"]["markdown"] and rule["shortDescription"]["text"] for rule in rules)
    assert found["columnKind"] == "unicodeCodePoints"
    assert found["invocations"][0]["executionSuccessful"] is True


def test_places_are_relative_to_the_folder_the_command_ran_in(project: Path) -> None:
    (project / "a").mkdir()
    (project / "a" / "app.py").write_text(SLEEPY)
    for cwd, path in ((project, "a"), (project / "a", ".")):
        found = sarif(path, cwd=cwd)
        place = found["results"][0]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "a/app.py", "uriBaseId": "SRCROOT"}
        assert place["region"] == {"startLine": 5, "startColumn": 5, "endLine": 5, "endColumn": 18}
        assert found["originalUriBaseIds"]["SRCROOT"]["uri"] == f"{project.as_uri()}/"


def test_a_project_below_the_folder_is_named_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "pyproject.toml").write_text("")
    (tmp_path / "shop" / "app.py").write_text(SLEEPY)
    place = sarif("shop", cwd=tmp_path)["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "shop/app.py"


@pytest.mark.parametrize("name", ["a b%#?.py", "c:d.py", "é😀.py"])
def test_names_are_percent_encoded(project: Path, name: str) -> None:
    try:
        (project / name).write_text(SLEEPY)
    except OSError:
        pytest.skip("this system has no such file names")
    uri = sarif(project)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri).endswith(name)
    assert not set(uri) & set(" #?:😀")


def test_evidence_is_a_code_flow_that_begins_at_the_finding(project: Path) -> None:
    (project / "slow.py").write_text("import requests\n\n\ndef rates():\n    return requests.get(URL, timeout=2)\n")
    (project / "app.py").write_text("import slow\n\n\nasync def price():\n    return slow.rates()\n")
    [result] = [it for it in sarif(project)["results"] if it["ruleId"] == "blocking-call-in-async"]
    steps = [it["location"]["physicalLocation"] for it in result["codeFlows"][0]["threadFlows"][0]["locations"]]
    assert [(it["artifactLocation"]["uri"], it["region"]["startLine"]) for it in steps] == [("app.py", 5), ("slow.py", 5)]
    [related] = result["relatedLocations"]
    assert related["message"]["text"] == "`rates` calls `requests.get`"
    assert result["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "price"}]


def test_a_fix_names_the_text_it_replaces(project: Path) -> None:
    (project / "app.py").write_text(SLEEPY)
    [fix] = sarif(project)["results"][0]["fixes"]
    [change] = fix["artifactChanges"]
    region = {"startLine": 5, "startColumn": 5, "endLine": 5, "endColumn": 15}
    assert {"deletedRegion": region, "insertedContent": {"text": "asyncio.sleep"}} in change["replacements"]


def test_what_was_skipped_or_not_read_is_a_notification(project: Path) -> None:
    (project / "binary.py").write_bytes(b"\0")
    (project / "broken.py").write_text("x = = 1\n")
    found = sarif(project)
    notes = found["invocations"][0]["toolExecutionNotifications"]
    assert [(it["level"], it["message"]["text"]) for it in notes] == [
        ("warning", "binary.py is binary"),
        ("warning", "1 lines could not be parsed and were not checked"),
    ]
    assert found["results"] == []
