"""What a parameter reaches is composed of what each function says: across functions and files, with what makes it harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.streams import gives, passes, streams
from architect_lsp.settings import Settings, SettingsError
from support.examples import files_of
from support.projects import project_of


def reached(project: Project, name: str, path: str = "app/a.py") -> dict[str, set[str]]:
    """Parameter -> `kind:sink` of each that the function's parameters reach."""
    definition = project.definition(path, name)
    assert definition is not None
    found: dict[str, set[str]] = {}
    for it in streams(project, path, definition):
        found.setdefault(it.parameter, set()).add(f"{it.kind}:{it.call}")
    return found


THREE_FILES = """
    -- app/a.py --
    from app.b import Runner
    def start(name, other):
        return Runner(other).run(f"ls {name}")
    -- app/b.py --
    from app import c
    class Runner:
        def __init__(self, folder):
            self.folder = folder
        def run(self, command):
            with open(self.folder):
                return c.shell([command][0])
    -- app/c.py --
    import os
    def shell(line):
        return os.system(line.strip())
    """


def test_a_sink_is_found_through_methods_files_and_attributes() -> None:
    project = project_of(THREE_FILES)
    assert reached(project, "start") == {"name": {"command:os.system"}, "other": {"path:builtins.open"}}


def test_the_path_names_each_call() -> None:
    project = project_of(THREE_FILES)
    definition = project.definition("app/a.py", "start")
    assert definition is not None
    paths = {it.parameter: [(ref.path, ref.qualname) for ref in it.path] for it in streams(project, "app/a.py", definition)}
    assert paths["name"] == [("app/a.py", "start"), ("app/b.py", "Runner.run"), ("app/c.py", "shell")]
    assert paths["other"] == [("app/a.py", "start"), ("app/b.py", "Runner.__init__"), ("app/b.py", "Runner.run")]


def test_a_value_made_harmless_for_one_use_is_not_for_another() -> None:
    project = project_of("""
    -- app/a.py --
    import shlex
    from app.b import use
    def f(x):
        use(shlex.quote(x))
    -- app/b.py --
    import os
    def use(y):
        os.system(y)
        eval(y)
    """)
    assert reached(project, "f") == {"x": {"code:builtins.eval"}}


def test_what_a_helper_hands_back_goes_on() -> None:
    project = project_of("""
    -- app/a.py --
    import os
    from app.b import made, safe
    def f(x, y, z):
        line = made(x)
        os.system(line)
        os.system(safe(y))
        os.popen(made(int(z)))
    -- app/b.py --
    import shlex
    def made(name):
        return inner("ls " + name)
    def inner(text):
        parts = [text]
        return "".join(parts)
    def safe(name):
        return made(shlex.quote(name))
    """)
    assert reached(project, "f") == {"x": {"command:os.system"}}


def test_functions_that_call_each_other_end_and_agree_whoever_asks_first() -> None:
    code = """
    -- app/a.py --
    import os
    def even(n, x):
        return x if n else odd(n - 1, x)
    def odd(n, y):
        os.system(y)
        return even(n - 1, y)
    def ask(z):
        even(3, z)
    """
    orders = [("even", "odd", "ask"), ("ask", "odd", "even"), ("odd", "ask", "even")]
    answers = []
    for order in orders:
        project = project_of(code)
        answers.append({name: reached(project, name) for name in order})
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["ask"] == {"z": {"command:os.system"}}
    project = project_of(code)
    definition = project.definition("app/a.py", "even")
    assert definition is not None
    assert passes(project, "app/a.py", definition) == {"x": frozenset()}


def test_a_switch_makes_the_sink() -> None:
    project = project_of("""
    -- app/a.py --
    import subprocess
    def listed(x):
        subprocess.run([x])
    def shell(x):
        subprocess.run(x, shell=True)
    """)
    assert reached(project, "listed") == {"x": {"argv:subprocess.run"}}
    assert reached(project, "shell") == {"x": {"argv:subprocess.run", "command:subprocess.run"}}


def test_what_stands_behind_a_host_does_not_choose_it() -> None:
    project = project_of("""
    -- app/a.py --
    import requests
    def whole(x):
        requests.get(x)
    def host(x):
        requests.get(f"https://{x}/users")
    def path(x, base):
        requests.get(f"https://example.com/{x}")
        requests.get(base + x)
    """)
    assert reached(project, "whole") == {"x": {"url:requests.get"}}
    assert reached(project, "host") == {"x": {"url:requests.get"}}
    assert reached(project, "path") == {"base": {"url:requests.get"}}


def test_the_result_says_which_request_it_came_from() -> None:
    project = project_of("""
    -- app/a.py --
    from flask import request
    from app.b import asked
    def name():
        return asked("name").strip()
    -- app/b.py --
    from flask import request
    def asked(key):
        return request.args.get(key)
    """)
    definition = project.definition("app/a.py", "name")
    assert definition is not None
    assert list(gives(project, "app/a.py", definition)) == ["flask.request.args.get()"]


def findings(settings: Settings, text: str) -> list[str]:
    workspace = Workspace(Path("/project"), settings)
    for path, code in files_of(text).items():
        workspace.open(path, code)
    documents = workspace.documents.values()
    return [f"{it.path}:{it.rule}" for document in documents for it in workspace.check(document).findings]


OWN = """
-- app/views.py --
from acme.inbox import receive
from acme.db import run
from app.text import tidy

def handle():
    body = receive()
    run("SELECT 1", body)
    run(f"SELECT * FROM t WHERE a = {body.text}")

def tidied():
    run(tidy(receive().text))
-- app/text.py --
def tidy(text):
    return "SELECT * FROM t WHERE a = '" + text + "'"
"""


def test_a_project_names_its_own_sources_sinks_and_sanitisers() -> None:
    sinks = {"acme.db.run": ("sql",)}
    found = findings(Settings(sources=("acme.inbox.receive",), sinks=sinks), OWN)
    assert found == ["app/views.py:sql-injection", "app/views.py:sql-injection"]
    assert findings(Settings(), OWN) == []
    tidy = {"app.text.tidy": ("sql",)}
    assert findings(Settings(sources=("acme.inbox.receive",), sinks=sinks, sanitisers=tidy), OWN) == [
        "app/views.py:sql-injection"
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(sinks={"acme.run": ("sqll",)}), "`acme.run` has the unknown kind `sqll`"),
        (Settings(sanitisers={"acme.run": ("sqll",)}), "`acme.run` has the unknown kind `sqll`"),
        (Settings(sources=("receive me",)), "`receive me` is not a dotted name"),
    ],
)
def test_a_setting_that_can_not_be_used_is_named(settings: Settings, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Workspace(Path("/project"), settings)


def test_of_several_results_each_has_its_own_parameters() -> None:
    """A function that gives a text and its values, as query builders do: the values are not part of the text."""
    project = project_of(
        """
        -- app/a.py --
        def clause(column, ids):
            text = f"{column} IN (" + ",".join("%s" for _ in ids) + ")"
            return text, list(ids)
        def either(column, ids):
            if not ids:
                return column
            return column, ids
        """
    )
    clause, either = (project.definition("app/a.py", it) for it in ("clause", "either"))
    assert clause is not None
    assert either is not None
    assert set(passes(project, "app/a.py", clause)) == {"column", "ids"}
    assert set(passes(project, "app/a.py", clause, 0)) == {"column"}
    assert set(passes(project, "app/a.py", clause, 1)) == {"ids"}
    assert set(passes(project, "app/a.py", either, 1)) == {"column", "ids"}
