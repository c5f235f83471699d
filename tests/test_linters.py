"""Where another linter of the project says the same, or was answered, ours stay quiet; what takes several files is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.linters import answered, linters
from architect_lsp.settings import Settings

WEAK = "import requests\n\n\ndef rates(url):\n    return requests.get(url){}\n"
DEEP = {
    "app/main.py": "from app.rates import rates\n\n\nasync def show():\n    return rates('https://x.example')\n",
    "app/rates.py": "import requests\n\n\ndef rates(url):\n    return requests.get(url, timeout=5)\n",
}


def found(root: Path, files: dict[str, str]) -> list[str]:
    workspace = Workspace(root, Settings())
    documents = [workspace.open(path, text, 1) for path, text in files.items()]
    return [it.rule for document in documents for it in workspace.check(document).findings]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.ruff.lint]\nselect = ["E", "S1"]\n'),
        ("pyproject.toml", '[tool.ruff]\nextend-select = ["ALL"]\nignore = ["S101"]\n'),
        ("ruff.toml", '[lint]\nselect = ["S113"]\n'),
        (".flake8", "[flake8]\nextend-select = S113, B0  # timeouts\n"),
        ("pyproject.toml", '[tool.pylint."messages control"]\ndisable = ["C0114"]\n'),
        (".pylintrc", "[MAIN]\njobs=2\n[MESSAGES CONTROL]\ndisable=C0114,\n        R0903\n"),
    ],
)
def test_what_another_linter_reports_is_not_said_again(tmp_path: Path, name: str, text: str) -> None:
    assert found(tmp_path, {"a.py": WEAK.format("")}) == ["timeout-missing"]
    (tmp_path / name).write_text(text)
    assert found(tmp_path, {"a.py": WEAK.format("")}) == []


def test_an_open_file_says_less_when_another_linter_is_switched_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Settings())
    document = workspace.open("a.py", WEAK.format(""), 1)
    assert [it.rule for it in workspace.check(document).findings] == ["timeout-missing"]
    (tmp_path / "ruff.toml").write_text('[lint]\nselect = ["S113"]\n')
    workspace.use(workspace.settings)
    assert workspace.check(document).findings == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.ruff.lint]\nselect = ["E", "F"]\n'),
        ("pyproject.toml", '[tool.ruff.lint]\nselect = ["S"]\nignore = ["S11"]\n'),
        ("pyproject.toml", '[tool.ruff.lint]\nselect = ["ALL"]\nignore = ["S113"]\n'),
        ("pyproject.toml", "[tool.ruff]\nline-length = 100\n"),
        ("pyproject.toml", "[tool.ruff.lint\nbroken"),
        (".pylintrc", "[MESSAGES CONTROL]\ndisable=missing-timeout\n"),
        (".flake8", "no section\n"),
        ("ruff.toml", "lint = 7\nselect = {a = 1}\n"),
    ],
)
def test_what_no_other_linter_reports_is_said(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert found(tmp_path, {"a.py": WEAK.format("")}) == ["timeout-missing"]


def test_what_takes_several_files_to_see_is_always_said(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.ruff.lint]\nselect = ["ALL"]\n')
    assert found(tmp_path, DEEP) == ["blocking-call-in-async"]


def test_bandit_answers_for_its_own_codes(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.bandit]\nskips = ["B602"]\n')
    known = linters(tmp_path)
    assert known.reports("B608")
    assert not known.reports("B602")
    assert not known.reports("B017"), "that is bugbear's"
    assert not known.reports("S608")


@pytest.mark.parametrize(
    ("comment", "quiet"),
    [
        ("  # noqa: S113", True),
        ("  # noqa", True),
        ("  # noqa: E501, S113 -  the caller waits", True),
        ("  # NOQA:S113", True),
        ("  # pylint: disable=missing-timeout", True),
        ("  # noqa: E501", False),
        ("  # nosec B101", False),
        ("  # pylint: disable=line-too-long", False),
        ("  # no quarrel here", False),
    ],
)
def test_a_comment_that_answered_another_linter_answers_ours(tmp_path: Path, comment: str, quiet: bool) -> None:
    assert (found(tmp_path, {"a.py": WEAK.format(comment)}) == []) is quiet


def test_nosec_answers_what_bandit_would_say() -> None:
    assert answered("x = md5(y)  # nosec", ["S324", "B324"])
    assert answered("x = md5(y)  # nosec: B324", ["B324"])
    assert not answered("x = md5(y)  # nosec B101", ["B324"])
    assert not answered("x = md5(y)  # nosec", ["S113"])
