"""Schemas of APIs as code: found among other files, read with exact places, checked by the command, dismissed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from architect_lsp.dismissals import dismissal
from architect_lsp.engine import Workspace
from architect_lsp.knowledge import openapi_changes, route_changes
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.openapi import openapi, placeholders, plain_name, snake
from architect_lsp.knowledge.project import Project, whole
from architect_lsp.knowledge.sdl import Sdl, changes
from architect_lsp.settings import Settings
from architect_lsp.syntax.languages import describes_api
from architect_lsp.syntax.nodes import nodes
from architect_lsp.text import apply
from test_cli import refused, run

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
    (tmp_path / "web" / "__mocks__").mkdir(parents=True)
    (tmp_path / "web" / "__mocks__" / "api.yaml").write_text(DESCRIBED)
    done = run("check", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert "docs/api.yaml:6:5" in done.stdout
    assert "docs/broken.yaml does not parse as YAML" in done.stdout + done.stderr
    assert "tests/openapi.yaml:" not in done.stdout
    assert "__mocks__/api.yaml:" not in done.stdout
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


ORDERS = """from fastapi import APIRouter

router = APIRouter(prefix="/orders")


@router.get("/{order_id}")
def read(order_id: int) -> dict[str, int]: ...


@router.delete("/{order_id}", status_code=204)
def remove(order_id: int) -> None: ...
"""
PUBLISHED = """openapi: 3.0.3
paths:
  /orders:
    get: {operationId: listOrders}
  /labels:
    get: {operationId: listLabels}
"""


def git(folder: Path, *arguments: str) -> None:
    """Run git with an author of its own and no settings of the user's."""
    named = ("-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false", "-c", "core.autocrlf=false")
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *named, *arguments], cwd=folder, env=env, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project of two commits, in a folder of its repository; `released` names the first."""
    if shutil.which("git") is None:
        pytest.skip("no git")
    project = tmp_path / "service"
    (project / "app").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    (project / "app" / "orders.py").write_text(ORDERS)
    (project / "app" / "old.py").write_text(ORDERS.replace("orders", "returns"))
    (project / "openapi.yaml").write_text(PUBLISHED)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "released")
    (project / "app" / "orders.py").write_text(ORDERS.partition("\n\n@router.delete")[0])
    git(tmp_path, "commit", "-qam", "two")
    return project


def broken(repository: Path, *arguments: str) -> list[str]:
    """The messages of what breaks clients, in their order."""
    done = run("check", ".", "--format", "json", "--select", "breaking-change", *arguments, cwd=repository)
    assert done.returncode in (0, 1), done.stderr
    return [it["message"] for it in json.loads(done.stdout)["findings"]]


def test_a_branch_is_compared_with_what_clients_rely_on(repository: Path) -> None:
    gone = "`DELETE /orders/{order_id}` has gone, which `remove` of `app/orders.py` answered."
    assert broken(repository) == []
    assert broken(repository, "--base", "HEAD") == []
    assert broken(repository, "--base", "released") == [gone]
    (repository / "openapi.yaml").write_text(PUBLISHED.partition("  /labels")[0])  # not committed yet
    assert sorted(broken(repository, "--base", "released")) == sorted([gone, "`/labels` has gone."])
    (repository / "pyproject.toml").write_text('[tool.architect]\nbase = "HEAD"\n')
    assert broken(repository) == ["`/labels` has gone."]


def test_what_the_other_branch_added_meanwhile_has_not_gone(repository: Path) -> None:
    git(repository, "checkout", "-q", "released")
    git(repository, "switch", "-qc", "next")
    (repository / "app" / "more.py").write_text(ORDERS.replace("orders", "more"))
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "more")
    git(repository, "checkout", "-q", "released")
    assert broken(repository, "--base", "next") == []


def test_a_file_that_has_gone_is_told_where_its_router_was_included(repository: Path) -> None:
    main = "from fastapi import FastAPI\nfrom app import old\n\napp = FastAPI()\napp.include_router(old.router)\n"
    (repository / "app" / "main.py").write_text(main)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "three")
    (repository / "app" / "main.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n")
    (repository / "app" / "old.py").unlink()
    (told,) = broken(repository, "--base", "HEAD")
    assert told == "2 routes have gone: `GET /returns/{order_id}`, `DELETE /returns/{order_id}`."


def test_what_is_broken_is_shown_where_it_stood(repository: Path) -> None:
    (repository / "openapi.yaml").write_text(PUBLISHED.partition("  /labels")[0])
    done = run("check", ".", "--format", "json", "--select", "breaking-change", "--base", "released", cwd=repository)
    stood = {it["message"]: [(at["path"], at["line"]) for at in it["evidence"]] for it in json.loads(done.stdout)["findings"]}
    line = PUBLISHED[: PUBLISHED.index("  /labels")].count("\n") + 1
    route = ORDERS[: ORDERS.index("@router.delete")].count("\n") + 1
    assert stood["`/labels` has gone."] == [("openapi.yaml", line)]
    assert stood["`DELETE /orders/{order_id}` has gone, which `remove` of `app/orders.py` answered."] == [
        ("app/orders.py", route)
    ]


def test_a_schema_that_was_deleted_is_told_unless_another_took_it_over(repository: Path) -> None:
    text = (repository / "openapi.yaml").read_text()
    (repository / "openapi.yaml").unlink()
    (told,) = broken(repository, "--base", "HEAD")
    assert told.startswith("`openapi.yaml` promises nothing any more: ")
    assert "GET /labels" in told
    (repository / "api.yaml").write_text(text)
    assert broken(repository, "--base", "HEAD") == []
    (repository / "schema.graphql").write_text(SCHEMA)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "schema")
    (repository / "schema.graphql").unlink()
    assert broken(repository, "--base", "HEAD") == ["`schema.graphql` promises nothing any more: `Query`, `User` went with it."]
    (repository / "all.graphql").write_text(SCHEMA)
    assert broken(repository, "--base", "HEAD") == []


def test_a_base_that_git_does_not_know_is_one_line(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert "git knows no commit `nowhere`" in refused("check", ".", "--base", "nowhere", cwd=repository)
    assert "git knows no commit `--output=x`" in refused("check", ".", "--base=--output=x", cwd=repository)
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.py").write_text("x = 1\n")
    assert "no repository" in refused("check", ".", "--base", "HEAD", cwd=outside)


SCHEMA = "type Query {\n  user(id: ID!): User\n}\n\ntype User {\n  name: String!\n  password: String\n}\n"


def test_the_command_checks_graphql_schemas_and_leaves_queries_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "queries.graphql").write_text("query Users($type: String) {\n  user(id: 1) {\n    password\n    type\n  }\n}\n")
    (tmp_path / "broken.graphql").write_text("type Query {\n  user(: User\n}\n")
    done = run("check", ".", cwd=tmp_path)
    assert "schema.graphql:7:3" in done.stdout
    assert "queries.graphql" not in done.stdout
    assert "broken.graphql does not parse as GraphQL" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("type Query { a: Int b: Int }", "type Query { a: Int }", ["Query.b"]),
        ("type Query { a: B } type B { c: Int }", "type Query { a: B }", []),  # another file has it
        ("type Query { a: B } type B { c: Int }", "type Query { a: Int } type B { c: Int }", ["Query.a"]),
        ("extend type Query { a: B } type B { c: Int }", "extend type Query { b: B } type B { c: Int }", []),
        ("type B { c: Int } type D { e: Int }", "type B { c: Int }", []),
        ("type Query { a: Int } type B { c: Int }", "type Query { a: Int }", ["B"]),
        ("enum E { A B } type Query { e(e: E): E }", "enum E { A } type Query { e(e: E): E }", ["E.B"]),
        ("type Query { a: Int }", "type Query { a: ", []),
        ("type Query { a: Int }", "type Query { a: Int } type Query { a: Int }", []),
        (
            "schema { query: Root } type Root { a(b: X @c): Int }",
            "schema { query: Root } type Root { a(b: X!): Int }",
            ["Root.a"],
        ),
    ],
)
def test_changes_of_a_graphql_schema(before: str, after: str, told: list[str]) -> None:
    found = list(changes(Sdl(before), Sdl(after)))
    assert [it.about for it in found] == told
    for it in found:
        assert after[it.at.start : it.at.end] in ("Query", *it.about.split("."))


ROUTER = 'from fastapi import APIRouter\n\nrouter = APIRouter(prefix="/orders")\n\n\n@router.get("/")\ndef listed(): ...\n'
MAIN = "from fastapi import FastAPI\nfrom app import orders\n\napp = FastAPI()\n"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('app.include_router(orders.router, prefix="/v1")', 'app.include_router(orders.router, prefix="/v2")', True),
        ("", 'app.include_router(orders.router, prefix="/v1")', False),  # nothing answered before
        (
            'app.include_router(orders.router, prefix="/v1")',
            'mounted(app, [(orders, "/v1")])',
            False,
        ),  # it can't be told where now
    ],
)
def test_a_router_that_moved_has_gone_only_where_that_is_known(before: str, after: str, told: bool) -> None:
    projects = []
    for last in (before, after):
        project = Project()
        for path, text in (("app/main.py", f"{MAIN}{last}\n"), ("app/orders.py", ROUTER)):
            project.put(path, whole(Document(path, text).facts))
        projects.append(project)
    found = [it.message for it in route_changes.changes(*projects)]
    assert found == (["`GET /v1/orders/` has gone, which `listed` of `app/orders.py` answered."] if told else [])


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("type: object, properties: {a: {}, b: {}}", "type: object, properties: {a: {}}", ["no longer answers with `b`"]),
        ("type: object, properties: {a: {}, b: {deprecated: true}}", "type: object, properties: {a: {}}", []),
        ("type: object, properties: {a: {}}", "type: array, items: {type: string}", ["the answer is array now"]),
        ("type: object, properties: {a: {}}", "oneOf: [{type: object}, {type: array}]", []),
        ("type: [string, 'null']", "type: string", []),
        ("type: number", "type: integer", []),
        ("type: integer", "type: number", ["the answer is number now"]),
    ],
)
def test_what_answers_no_longer_hold(before: str, after: str, told: list[str]) -> None:
    text = "openapi: 3.1.0\npaths: {/a: {get: {responses: {200: {content: {application/json: {schema: {%s}}}}}}}}\n"
    found = [it.message for it in openapi_changes.changes(openapi(text % before), openapi(text % after))]
    assert len(found) == len(told)
    assert all(words in message for words, message in zip(told, found, strict=True))


def test_a_list_in_the_query_takes_what_one_value_did() -> None:
    text = "openapi: 3.1.0\npaths: {/a: {get: {parameters: [{name: order, in: query, schema: {%s}}]}}}\n"
    one, many = (openapi(text % it) for it in ("type: string", "type: array, items: {type: string}"))
    assert list(openapi_changes.changes(one, many)) == []
    assert len(list(openapi_changes.changes(many, one))) == 1
