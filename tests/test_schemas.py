"""Schemas of APIs as code: found among other files, read with exact places, checked by the command, dismissed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from architect_lsp.dismissals import dismissal
from architect_lsp.engine import Workspace
from architect_lsp.knowledge.openapi import openapi, placeholders, plain_name, snake
from architect_lsp.settings import Settings
from architect_lsp.syntax.languages import describes_api
from architect_lsp.syntax.nodes import nodes
from architect_lsp.text import apply
from test_cli import run

DESCRIBED = """openapi: 3.0.3
info:
  description: "Orders 😀 and lines"
paths:
  /orders/{id}:
    get:
      operationId: readOrder
    delete:
      operationId: dropOrder
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
"""


def test_values_know_where_they_stand_in_yaml_and_json() -> None:
    text = 'a: "😀"\r\nb: &x\n  - one\n  - c: {d: 2}\ne: {<<: {f: 1}, g: *x}\n'
    root = nodes(text)
    last = list(root["b"].items)[1]["c"]["d"]
    assert (text[last.key.start : last.key.end], text[last.span.start : last.span.end]) == ("d", "2")
    assert [it.name for it in root["e"].entries] == ["f", "g"]
    assert [it.text for it in root["e"]["g"].items] == ["one", ""]
    said = json.dumps({"a": "😀", "b/c": {"d": None}})
    root = nodes(said)
    found = root["b/c"]["d"]
    assert said[found.key.start : found.key.end] == '"d"'
    assert (bool(found), found.text, bool(root["x"]["y"])) == (True, "", False)


@pytest.mark.parametrize(
    "text", ["", "a: [", "a: 1\n---\nb: 2\n", "[" * 50_000, "a: &a\n  b: *a\n", "<<: 1\na: 2\n", "\x00", "? [a]\n: b\n"]
)
def test_broken_text_is_no_error(text: str) -> None:
    described = openapi(text)
    assert (described.version, described.operations) == (0, ())


@pytest.mark.parametrize(
    "text",
    [
        "openapi: 3.0.0\npaths: &p\n  /a: *p\n",
        "openapi: 3.0.0\npaths: {/a: {get: {parameters: [{$ref: '#/paths/~1a/get/parameters/0'}]}}}\n",
        "openapi: 3.0.0\npaths: {/a: {get: {responses: {200: {content: {j: {schema: &s {allOf: [*s], items: *s}}}}}}}}\n",
        "openapi: 3.0.0\npaths: [1]\n",
        "openapi: 3.0.0\npaths: {/a: {get: [1], post: null, put: {parameters: 1, responses: [], security: {a: 1}}}}\n",
        "swagger: '2.0'\npaths: {/a: {$ref: 'elsewhere.yaml#/a'}}\nsecurityDefinitions: [1]\n",
    ],
)
def test_odd_documents_break_no_rule(text: str) -> None:
    workspace = Workspace(Path("/project"), Settings())
    assert workspace.check(workspace.open("openapi.yaml", text)).broken == ()


def test_names_are_taken_as_people_mean_them() -> None:
    assert placeholders("/a/{id}/b/{path+}") == ("id", "path+")
    assert [plain_name(it) for it in ("id", "path+", "name=a/*", "?q")] == ["id", "path", "name", ""]
    assert [snake(it) for it in ("createParcel", "Create-Parcel", "create_parcel")] == ["create_parcel"] * 3


@pytest.mark.parametrize(
    ("name", "head", "is_one"),
    [
        ("api.yaml", "# licence\nopenapi: 3.1.0\n", True),
        ("api.yml", "swagger: '2.0'\n", True),
        ("api.json", '{"openapi":"3.0.1","info":{}}', True),
        ("api.json", '{"info": {}, "pad": "' + "x" * 4000 + '", "openapi": "3.0.1"}', False),
        ("openapi.json", '{"info": {}, "pad": "' + "x" * 4000 + '", "openapi": "3.0.1"}', True),
        ("compose.yaml", "services:\n  openapi:\n    image: x\n", False),
        ("values.yaml", "text: see openapi 3.0\n", False),
    ],
)
def test_few_bytes_tell_a_document(name: str, head: str, is_one: bool) -> None:
    assert describes_api(name, head) is is_one


def test_the_command_finds_them_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "api.yaml").write_text(DESCRIBED)
    (tmp_path / "docs" / "broken.yaml").write_text("openapi: 3.0.3\npaths: [\n")
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "openapi.yaml").write_text(DESCRIBED)
    done = run("check", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert "docs/api.yaml:6:5" in done.stdout
    assert "docs/broken.yaml does not parse as YAML" in done.stdout + done.stderr
    assert "tests/openapi.yaml:" not in done.stdout
    assert "compose" not in done.stdout
    alone = run("check", "docs/api.yaml", "--format", "json", cwd=tmp_path)
    (found,) = json.loads(alone.stdout)["findings"]
    assert found["rule"] == "path-parameter-unused"
    assert "describes no API" in run("check", "compose.yaml", cwd=tmp_path).stdout


def test_a_finding_is_dismissed_in_yaml_and_can_t_be_in_json() -> None:
    workspace = Workspace(Path("/project"), Settings())
    document = workspace.open("api.yaml", DESCRIBED)
    (found,) = workspace.check(document).findings
    fix = dismissal(found, document.lines, document.language)
    assert fix is not None
    after = apply(DESCRIBED, fix.edits)
    assert after is not None
    assert workspace.check(workspace.open("api.yaml", after)).findings == ()
    document = workspace.open("api.json", json.dumps({"openapi": "3.0.0", "paths": {"/a/{b}": {"get": {}}}}))
    (found,) = workspace.check(document).findings
    assert dismissal(found, document.lines, document.language) is None
