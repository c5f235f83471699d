"""Code that no one would write by hand, and disks that change under us: what can be known is known, nothing raises or hangs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from architect_lsp import engine
from architect_lsp.engine import Workspace
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.files import Skipped
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.scan import PARALLEL_FROM, Job, facts_of
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Module
from architect_lsp.settings import Settings

DEEP = 3000
SOUND = "\ndef sound(x: int) -> int:\n    return helper(x)\n\ndef helper(x): ...\n"


def project_of(files: dict[str, str]) -> Project:
    project = Project()
    for path, text in files.items():
        project.put(path, Document(path, text).parts)
    return project


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    return " + "g(" * 90 + "1" + ")" * 90,
        "def f(x):\n    return x" + ".a" * DEEP + "()",
        "def f(x):\n    return x" + ".a()" * DEEP,
        "def f(x):\n    return x" + "[0]" * DEEP,
        "def f(x):\n    return " + " + ".join(["x"] * DEEP),
        "def f(x):\n    return " + " or ".join(["x"] * DEEP),
        "def f(x):\n    return " + "not " * DEEP + "x",
        "def f(x: " + " | ".join(f"A{it}" for it in range(DEEP)) + "):\n    x.run()",
        "def f(x: " + "list[" * 90 + "A" + "]" * 90 + "):\n    x.run()",
        "def f(x):\n" + "".join(f"    {'x' if it else 'y'} = x if y else x\n" for it in range(60)) + "    return x.run()",
        "def f():\n" + "".join(f"    x{it + 1} = x{it}.next()\n" for it in range(DEEP)) + f"    return x{DEEP}.run()",
        "".join(f"{' ' * it}def f{it}():\n" for it in range(90)) + " " * 90 + "pass",
        "if a:\n    pass\n" + "elif a:\n    pass\n" * DEEP,
        "class A" + "".join(f":\n{' ' * (it + 1)}class A" for it in range(90)) + ": pass",
    ],
    ids=lambda it: it[:30].replace("\n", " "),
)
def test_deep_code_costs_itself_alone(code: str) -> None:
    workspace = Workspace(Path("/project"), Settings())
    document = workspace.open("app/deep.py", code + "\n" + SOUND)
    checked = workspace.check(document)
    assert checked.broken == ()
    sound = workspace.project.definition("app/deep.py", "sound")
    assert sound is not None
    assert [it.target for it in sound.calls] == ["helper"]


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    try:\n        g()\n    except ValueError, TypeError:\n        pass",
        'def f(name):\n    return t"hello {name}"',
        "type Pair[T = int] = tuple[T, T]",
        "def f(x):\n    lazy import json\n    return json",
        "def f(x):\n    return x ?? 1",
    ],
)
def test_syntax_that_is_not_known_yet_costs_its_function_alone(code: str) -> None:
    project = project_of({"app/new.py": code + "\n" + SOUND})
    sound = project.definition("app/new.py", "sound")
    assert sound is not None
    assert [it.target for it in sound.calls] == ["helper"]


def test_circles_end() -> None:
    project = project_of(
        {
            "app/a.py": "from app.b import *\nfrom app.b import x\ny = x\nclass A(B): ...\nclass B(A): ...\n"
            "thing = other\nother = thing",
            "app/b.py": "from app.a import *\nfrom app.a import y as x\n"
            "class C:\n    def go(self):\n        return self.go().go()",
        }
    )
    for target in ("x", "y", "A", "A().missing", "missing", "thing.run", "C().go().go()", "y()()()"):
        project.resolve("app/a.py", target)
    assert isinstance(project.resolve("app/a.py", "B().go.x"), type(None))
    assert isinstance(project.resolve("app/a.py", "C"), ClassSymbol)


def test_of_two_modules_of_one_name_the_nearer_is_meant() -> None:
    project = project_of(
        {
            "one/util.py": "def run(): ...",
            "two/util.py": "def run(): ...",
            "one/use.py": "import util\nfrom util import run",
            "two/use.py": "import util\nfrom util import run",
        }
    )
    for folder in ("one", "two"):
        assert project.resolve(f"{folder}/use.py", "util") == Module(f"{folder}/util.py")
        found = project.resolve(f"{folder}/use.py", "run")
        assert isinstance(found, FunctionSymbol)
        assert found.path == f"{folder}/util.py"


def test_a_generated_file_of_50_000_lines_is_read_and_edited() -> None:
    rows = "".join(f'    "key{it}": ("value", {it}),\n' for it in range(25_000))
    functions = "".join(f"def f{it}(x):\n    y = f{it + 1}(x)\n    return y\n\n\n" for it in range(5_000))
    text = f"TABLE = {{\n{rows}}}\n\n\n{functions}"
    assert text.count("\n") >= 50_000
    start = time.process_time()
    document = Document("app/generated.py", text)
    project = project_of({})
    project.put("app/generated.py", document.parts)
    read_s = time.process_time() - start
    changed = document.edited(text.replace("y = f401(x)", "y = f77(x)", 1))
    project.put("app/generated.py", changed.parts)
    edit_s = time.process_time() - start - read_s
    definition = project.definition("app/generated.py", "f400")
    assert definition is not None
    assert [it.target for it in definition.calls] == ["f77"]
    assert edit_s < read_s, "an edit must cost less than reading the file"


@pytest.mark.parametrize("many", [10, PARALLEL_FROM + 30])
def test_files_that_vanish_under_the_scan_are_said_to_be_skipped(
    tmp_path: Path, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for it in range(many):
        (tmp_path / f"m{it:03}.py").write_text(f"def f{it}(): ...\n")

    def late(
        jobs: Sequence[Job], notes: list[str], digests: dict[str, bytes]
    ) -> Iterator[tuple[str, Document | Facts | Skipped]]:
        for path, _, _ in jobs[-3:]:  # they were listed, and are not read yet
            Path(path).unlink()
        return facts_of(jobs, notes, digests)

    monkeypatch.setattr(engine, "facts_of", late)
    found = dict(Workspace(tmp_path, Settings()).scanned())
    gone = [name for name, it in found.items() if isinstance(it, Skipped) and it.reason]
    assert len(found) == many
    assert gone == sorted(found)[-3:]


def test_a_root_that_is_gone_is_said_to_be_skipped(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text("def f(): ...\n")
    workspace = Workspace(root, Settings())
    workspace.scan()
    assert workspace.project.definition("app.py", "f") is not None
    shutil.rmtree(root)
    workspace.reread("app.py")
    assert workspace.project.definition("app.py", "f") is None
    assert [it.path for it in workspace.scan()] == ["."], "a root that can't be read is said to be skipped"
