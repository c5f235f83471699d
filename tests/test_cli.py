"""The real command in a process of its own: exit codes, one clear line for each trouble, files that no linter likes."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from architect_lsp import __version__
from architect_lsp.engine import Workspace
from architect_lsp.knowledge.files import replace_text
from architect_lsp.rules.rule import Bad, Rule, all_rules
from architect_lsp.settings import Settings
from support.examples import files_of

REPOSITORY = Path(__file__).parent.parent
SLEEPY = "import time\n\n\nasync def wait() -> None:\n    time.sleep(1)\n"


def run(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command's outcome; a traceback fails whatever is tested."""
    result = subprocess.run(
        [sys.executable, "-m", "architect_lsp", *map(str, arguments)],
        cwd=cwd or REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "server"), "PYTHONUTF8": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )
    assert "Traceback" not in result.stderr + result.stdout
    return result


def refused(*arguments: str | Path, cwd: Path | None = None) -> str:
    """The one line on stderr of a command that could not run."""
    result = run(*arguments, cwd=cwd)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def reasons(project: Path, *arguments: str) -> dict[str, str]:
    """path -> why it was skipped."""
    return {
        it["path"]: it["reason"] for it in json.loads(run("check", project, "--format", "json", *arguments).stdout)["skipped"]
    }


def findings(project: Path, *arguments: str) -> list[dict]:
    return json.loads(run("check", project, "--format", "json", *arguments).stdout)["findings"]


def test_a_finding_is_shown_where_it_stands_and_ends_with_1(project: Path) -> None:
    (project / "app.py").write_text(SLEEPY)
    result = run("check", "app.py", cwd=project)
    assert result.returncode == 1
    assert result.stdout.startswith("app.py:5:5: error[blocking-call-in-async] `time.sleep` ")
    assert "5 |     time.sleep(1)\n  |     ^^^^^^^^^^^^^\n" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stdout.endswith("1 finding (1 error) in 1 file (rules only).\n")


def test_nothing_found_says_what_was_looked_at_and_ends_with_0(project: Path) -> None:
    (project / "app.py").write_text("x = 1\n")
    result = run("check", project)
    assert (result.returncode, result.stdout) == (0, "No findings in 1 file (rules only).\n")


def test_no_path_means_this_folder(project: Path) -> None:
    (project / "app.py").write_text(SLEEPY)
    assert run("check", cwd=project).returncode == 1


def test_evidence_is_the_path_of_calls_through_other_files(project: Path) -> None:
    (project / "slow.py").write_text("import requests\n\n\ndef rates():\n    return requests.get(URL, timeout=2)\n")
    (project / "app.py").write_text("import slow\n\n\nasync def price():\n    return slow.rates()\n")
    result = run("check", "app.py", cwd=project)
    assert "    -> slow.py:5:12: `rates` calls `requests.get`\n" in result.stdout


def test_only_files_below_the_path_are_reported(project: Path) -> None:
    (project / "a").mkdir()
    (project / "a" / "app.py").write_text(SLEEPY)
    (project / "b.py").write_text(SLEEPY)
    assert [it["path"] for it in findings(project / "a")] == ["a/app.py"]


def test_projects_keep_their_own_roots_and_settings(tmp_path: Path) -> None:
    for name, table in (("one", ""), ("two", '[tool.architect]\ndisable = ["blocking-call-in-async"]\n')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(table)
        (tmp_path / name / "app.py").write_text(SLEEPY)
    result = run("check", "one", "two", "one/app.py", "--format", "json", cwd=tmp_path)
    document = json.loads(result.stdout)
    assert [(it["root"], it["path"]) for it in document["findings"]] == [("one", "app.py")]
    assert document["checked"] == 2


def test_a_path_with_dots_is_the_same_file(project: Path) -> None:
    (project / "app.py").write_text(SLEEPY)
    (project / "sub").mkdir()
    assert run("check", "../app.py", cwd=project / "sub").stdout.startswith(f"{project.as_posix()}/app.py:5:5: ")


def test_select_runs_these_rules_alone(project: Path) -> None:
    (project / "app.py").write_text(SLEEPY)
    assert run("check", project, "--select", "blocking-call-in-async").returncode == 1
    assert run("check", project, "--select", "route-shadowed").returncode == 0
    assert "did you mean `route-shadowed`" in refused("check", project, "--select", "route-shadow")


def test_output_goes_to_a_file_and_the_summary_to_stderr(project: Path) -> None:
    (project / "app.py").write_text(SLEEPY)
    result = run("check", "app.py", "--format", "json", "--output", "found.json", cwd=project)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "1 finding (1 error) in 1 file (rules only).\n"
    assert len(json.loads((project / "found.json").read_text())["findings"]) == 1
    assert "found.json" in refused("check", "app.py", "--output", "nowhere/found.json", cwd=project)


# Troubles: each one line


def test_a_path_that_is_not_there(project: Path) -> None:
    assert "there is no file or folder `nowhere.py`" in refused("check", "nowhere.py", cwd=project)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[tool.architect]\ncolour = 1\n", "`colour` is not known"),
        ("[tool.architect]\nmax_file_bytes = 'much'\n", "`max_file_bytes` input should be"),
        ('[tool.architect]\ndisable = ["no-such-rule"]\n', "there is no rule `no-such-rule`"),
        ('[tool.architect]\nbase_url = "https://example.org"\n', "can't set `base_url`"),
        ("[tool.architect\n", "can't be read"),
        ("tool = 1\n", "[tool.architect] must be a table"),
        ("[tool]\narchitect = 1\n", "[tool.architect] must be a table"),
        ('[tool.architect.effects]\n"acme.go" = ["htp"]\n', "unknown kind `htp`"),
        ('[tool.architect.effects]\n"acme.go" = "http"\n', "`effects.acme.go` input should be"),
        (f"x = {'[' * 5000}{']' * 5000}\n", "can't be read"),
    ],
)
def test_settings_that_cant_be_used(project: Path, table: str, said: str) -> None:
    (project / "pyproject.toml").write_text(table)
    assert said in refused("check", project)


def test_settings_that_are_not_text(project: Path) -> None:
    (project / "pyproject.toml").write_bytes(b"\xff\xfe\x00")
    assert "can't be read" in refused("check", project)


def test_usage_errors() -> None:
    assert "invalid choice" in refused("chekc")
    assert "--frobnicate" in refused("check", "--frobnicate")
    assert "HOST:PORT" in refused("serve", "--tcp", "nowhere")


def test_files_that_are_skipped_are_named_with_the_reason(project: Path) -> None:
    (project / "good.py").write_text("x = 1\n")
    (project / "binary.py").write_bytes(b"\x00\x01\x02")
    (project / "utf16.py").write_bytes("x = 1\n".encode("utf-16"))
    (project / "latin.py").write_bytes(b'x = 1\ny = 2\nz = "\xe9"\n')
    (project / "cookie.py").write_bytes(b"# coding: nonsense\n")
    (project / "huge.py").write_bytes(b"x = 1\n" * 3_500_000)
    found = reasons(project)
    assert found == {
        "binary.py": "is binary",
        "cookie.py": "declares an encoding that is not known, or its bytes are not UTF-8",
        "huge.py": "is larger than max_file_bytes (21,000,000 > 2,000,000)",
        "latin.py": "does not decode as utf-8 (byte 17)",
        "utf16.py": "is binary",
    }
    text = run("check", project)
    assert text.returncode == 0
    assert text.stdout.startswith("No findings in 1 file (rules only); 5 files skipped:\n  ")


def test_a_module_that_a_later_python_lacks_is_no_trouble_where_that_is_ruled_out(project: Path) -> None:
    (project / "old.py").write_text("import cgi\n")
    (project / "older.bak.py").write_text("import cgi\n")  # put aside: nothing imports it
    assert "1 finding" in run("check", project, "--select", "module-gone-from-python").stdout
    (project / "pyproject.toml").write_text('[project]\nname = "old"\nrequires-python = ">=3.9, <3.12"\n')
    assert "No findings" in run("check", project, "--select", "module-gone-from-python").stdout
    (project / "pyproject.toml").write_text('[project]\nname = "old"\nrequires-python = ">=3.9,<3.14"\n')
    assert "1 finding" in run("check", project, "--select", "module-gone-from-python").stdout


def test_more_skipped_files_than_a_person_reads_are_counted(project: Path) -> None:
    for number in range(14):
        (project / f"b{number}.py").write_bytes(b"\0")
    assert "and 4 more; `--format json` names them all" in run("check", project).stdout


def test_a_file_of_another_language_is_skipped(project: Path) -> None:
    (project / "notes.md").write_text("# Notes\n")
    result = run("check", "notes.md", cwd=project)
    assert (result.returncode, result.stdout) == (
        0,
        "No findings in 0 files (rules only); 1 file skipped:\n  notes.md is not a Python file\n",
    )


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_that_go_in_circles(project: Path) -> None:
    (project / "app.py").write_text(SLEEPY)
    (project / "loop.py").symlink_to("loop.py")
    (project / "folder").mkdir()
    (project / "folder" / "up").symlink_to("..")
    assert [it["path"] for it in findings(project)] == ["app.py"]
    assert list(reasons(project)) == ["loop.py"]
    assert run("check", project / "loop.py").returncode == 0


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(project: Path) -> None:
    (project / "app.py").write_text("x = 1\n")
    (project / "closed").mkdir(mode=0)
    try:
        assert reasons(project) == {"closed": "can't be read: Permission denied"}
    finally:
        (project / "closed").chmod(0o700)


@pytest.mark.parametrize(
    "text",
    [
        f"x = {'(' * 10_000}{')' * 10_000}\n",
        f"x = {'-' * 10_000}1\n",
        f"x = a{'.b' * 10_000}\n",
        f"x = {' + '.join('a' * 10_000)}\n",
        f"x = a{'.b()' * 900}\n\n\ndef f():\n    return x{'()' * 900}\n",
        "".join(f"{' ' * depth}def f():\n" for depth in range(1_000)) + f"{' ' * 1_000}pass\n",
        "".join(f"{' ' * depth}class C:\n" for depth in range(1_000)) + f"{' ' * 1_000}pass\n",
        "if x:\n    pass\n" + "elif y:\n    pass\n" * 3_000,
        "async def f(:\n    time.sleep(1)\ndef (((\n",
    ],
    ids=["parentheses", "minus", "attributes", "sum", "calls", "functions", "classes", "elif", "broken"],
)
def test_nesting_beyond_all_measure_is_said_not_raised(project: Path, text: str) -> None:
    (project / "deep.py").write_text(text)
    (project / "app.py").write_text(SLEEPY)
    result = run("check", project)
    assert result.returncode == 1
    assert "app.py:5:5" in result.stdout


def test_lines_that_do_not_parse_are_counted(project: Path) -> None:
    (project / "app.py").write_text("x = 1\ny = = 2\n")
    result = run("check", "app.py", cwd=project)
    assert (result.returncode, result.stdout) == (
        0,
        "No findings in 1 file (rules only).\napp.py: 1 line could not be parsed and went unchecked.\n",
    )


# Positions and what a terminal must not obey


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ('import time\nasync def f():\n    "😀é"; time.sleep(1)\n', 3, 11),
        ("import time\r\nasync def f():\r\n    time.sleep(1)\r\n", 3, 5),
        ("import time\rasync def f():\r    time.sleep(1)\r", 3, 5),
        ("\ufeffimport time\nasync def f():\n    time.sleep(1)\n", 3, 5),
        ("\ufeffimport time; \nasync def f(): time.sleep(1)\n", 2, 16),
        ('import time\nasync def f():\n    "\u2028\x0c"; time.sleep(1)\n', 3, 11),
        ("import time\nasync def f():\n\tif 1:\n\t\ttime.sleep(1)\n", 4, 3),
    ],
    ids=["emoji", "crlf", "cr", "bom", "one line", "odd white space", "tabs"],
)
def test_lines_and_columns_count_from_1_in_code_points(project: Path, source: str, line: int, column: int) -> None:
    (project / "app.py").write_bytes(source.encode())
    [finding] = findings(project)
    assert (finding["line"], finding["column"]) == (line, column)
    assert (finding["end_line"], finding["end_column"]) == (line, column + len("time.sleep(1)"))


def test_carets_stand_below_their_text_when_characters_are_two_cells_wide(project: Path) -> None:
    (project / "app.py").write_text('import time\nasync def f():\n    "😀"; time.sleep(1)\n', encoding="utf-8")
    assert f'3 |     "😀"; time.sleep(1)\n  | {" " * 10}^^^^^^^^^^^^^\n' in run("check", project).stdout


def test_source_and_names_can_not_command_the_terminal(project: Path) -> None:
    (project / "app.py").write_text('import time\nasync def f():\n    "\x1b[31m\x07"; time.sleep(1)\n')
    (project / "b\x1b[2J.py").write_bytes(b"\0")
    result = run("check", project)
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
    assert '"\\x1b[31m\\x07"; time.sleep(1)' in result.stdout


def test_a_long_line_is_cropped_around_the_finding(project: Path) -> None:
    (project / "app.py").write_text(f'import time\nasync def f():\n    "{"x" * 5_000}"; time.sleep(1); "{"y" * 5_000}"\n')
    result = run("check", project)
    source, marks = result.stdout.splitlines()[2:4]
    assert len(source) < 200
    assert source[marks.index("^") :].startswith("time.sleep(1)")


def test_an_odd_console_encoding_loses_characters_not_the_report(project: Path) -> None:
    (project / "app.py").write_text('import time\nasync def f():\n    "😀"; time.sleep(1)\n', encoding="utf-8")
    result = run("check", project, PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert result.returncode == 1
    assert "\\U0001f600" in result.stdout


# Fixes in place


def fixed_safely(rule: Rule, bad: Bad) -> bool:
    """Whether an example is one file with one finding, whose fix may run unattended."""
    files = files_of(re.sub(r"\[\||\|\]", "", bad.code))
    if bad.fixed is None or len(files) != 1:
        return False
    workspace = Workspace(Path("/project"), Settings())
    workspace.rules = (rule,)
    [findings] = [workspace.check(workspace.open(*it)).findings for it in files.items()]
    return len(findings) == 1 and any(it.safe for it in findings[0].fixes[:1])


SAFE = [(rule, bad) for rule in all_rules() for bad in rule.bad if fixed_safely(rule, bad)][:3]


@pytest.mark.parametrize(("rule", "bad"), SAFE, ids=[rule.name for rule, _ in SAFE])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "bom"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_fix_applies_safe_fixes_and_keeps_the_files_own_ways(
    project: Path, rule: Rule, bad: Bad, mark: str, newline: str
) -> None:
    [(name, text)] = files_of(re.sub(r"\[\||\|\]", "", bad.code)).items()
    [fixed] = files_of(bad.fixed or "").values()
    path = project / name
    path.write_bytes((mark + text.replace("\n", newline)).encode())
    path.chmod(0o754)
    result = run("check", name, "--fix", "--select", rule.name, cwd=project)
    assert path.read_bytes().decode() == mark + fixed.replace("\n", newline)
    assert result.stdout.startswith("Fixed 1 finding in 1 file.\n")
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o754
    assert sorted(it.name for it in project.iterdir()) == sorted([name, "pyproject.toml"])


def test_fixes_that_are_not_safe_are_left_to_a_person(project: Path) -> None:
    (project / "app.py").write_text(SLEEPY)
    result = run("check", "app.py", "--fix", cwd=project)
    assert result.returncode == 1
    assert (project / "app.py").read_text() == SLEEPY
    assert "= fix: Await asyncio.sleep instead" in result.stdout


def test_a_text_is_replaced_behind_a_link_in_its_own_encoding(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_bytes("# coding: latin-1\nx = 'é'\n".encode("latin-1"))
    (tmp_path / "link.py").symlink_to("real.py")
    assert replace_text(tmp_path / "link.py", "# coding: latin-1\nx = 'é'\n", "# coding: latin-1\nx = 'è'\n") == ""
    assert (tmp_path / "real.py").read_bytes() == "# coding: latin-1\nx = 'è'\n".encode("latin-1")
    assert (tmp_path / "link.py").is_symlink()


def test_a_text_that_can_not_be_replaced_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_bytes(b"# coding: ascii\n")
    assert replace_text(path, "another", "x") == "it changed on disk meanwhile"
    assert replace_text(path, "# coding: ascii\n", "# coding: ascii\n# é\n") == "the new text does not fit its encoding"
    assert "can't be written" in replace_text(tmp_path / "nowhere.py", "", "x")
    assert path.read_bytes() == b"# coding: ascii\n"
    assert [it.name for it in tmp_path.iterdir()] == ["app.py"]


# The other commands


def loaded(command: str) -> set[str]:
    """The modules a command imports."""
    code = f"import sys\nfrom architect_lsp.cli import main\ntry: main({command})\nexcept SystemExit: pass\nprint([*sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "server")},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stdout.split("'"))


def test_the_version_is_told_without_loading_the_engine() -> None:
    assert run("--version").stdout == f"architect-lsp {__version__}\n"
    assert not {"pydantic", "anthropic", "pygls", "tree_sitter", "architect_lsp.engine"} & loaded("['--version']")


def test_a_check_loads_neither_the_model_s_sdk_nor_the_protocol() -> None:
    command = f"['check', 'examples/shop', '--output', {os.devnull!r}]"
    assert not {"anthropic", "httpx2", "pygls", "lsprotocol"} & loaded(command)


def test_rules_are_listed_as_text_and_json() -> None:
    names = [it.name for it in all_rules()]
    assert [it.split()[0] for it in run("rules").stdout.splitlines()] == names
    listed = json.loads(run("rules", "--format", "json").stdout)
    assert [it["name"] for it in listed] == names
    assert set(listed[0]) == {
        "name", "domain", "severity", "confidence", "preview", "rows", "cwe", "fix", "equivalents", "title"
    }  # fmt: skip


def test_explain_shows_a_rule_s_page() -> None:
    page = run("explain", "route-shadowed").stdout
    assert page.startswith("route-shadowed\n  An earlier route takes every request of this one.\n")
    assert "\nInstead:\n" in page
    assert "[|" not in page


def test_explain_of_an_unknown_rule_names_the_nearest() -> None:
    assert "did you mean `blocking-call-in-async`" in refused("explain", "blocking-call-async")
    assert "`architect-lsp rules` lists them" in refused("explain", "zzz")


# Interruptions


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    (folder / "pyproject.toml").write_text("")
    source = (REPOSITORY / "server" / "architect_lsp" / "engine.py").read_text()
    for number in range(600):
        (folder / f"m{number}.py").write_text(source)
    return folder


def started(folder: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "architect_lsp", "check", "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "server")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background is born deaf to it
    )
    until(lambda: len(members(process.pid)) > 1)
    return process


def members(group: int) -> list[int]:
    """The processes of a process group that still run."""
    found = []
    for it in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = it.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(it.parent.name))
    return found


def until(met: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for workers in /proc")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)], ids=["INT", "TERM", "KILL"]
)
def test_an_interrupted_check_is_quiet_and_leaves_no_workers(large: Path, number: signal.Signals, code: int) -> None:
    process = started(large)
    if number == signal.SIGINT:  # a terminal tells the whole group
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == code
    until(lambda: not members(process.pid))


@pytest.mark.skipif(os.name == "nt", reason="a POSIX pipe")
def test_a_reader_that_stops_is_no_error(project: Path) -> None:
    for number in range(300):
        (project / f"m{number}.py").write_text(SLEEPY * 4)
    process = subprocess.Popen(
        [sys.executable, "-m", "architect_lsp", "check", project],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "server"), "PYTHONUNBUFFERED": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 141
