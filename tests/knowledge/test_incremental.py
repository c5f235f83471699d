"""Whatever is edited, what is known of the whole project is what a start from nothing would know.

Real files are edited at random: signatures, imports, bases and decorators changed, functions renamed, added, copied and deleted,
lines moved, code left broken, all undone. After each few
edits everything is compared with a project that read the same texts from nothing: facts, effects and flows with their paths,
callers, routes and the other nouns, where each thing stands, and the findings of the open files.
"""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import Any

import pygls
import pytest

from architect_lsp.engine import Workspace
from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.document import Document, module_facts
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.streams import gives, passes, streams
from architect_lsp.knowledge.summaries import callers, effects
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent.parent
EDITS = int(os.environ.get("ARCHITECT_TEST_EDITS", "560"))
SEEDS = range(8)
COMPARED_EVERY = 10
STRUCTURAL = 0.4
"""The share of edits that change what a file tells others."""
OPEN = 12

INSERTED = [
    "import time\n", "time.sleep(1)\n", "x = ", "await ", "async ", "def f(a):\n    return g(a)\n", "(", ")", '"""', "#", "\n",
    "    ", "@app.get('/x')\n", "class K(Base):\n    pass\n", "return self.run()\n", "for it in rows:\n    ", "requests.get(u)\n",
    "try:\n", ":", "é😀", "    raise ValueError\n", "@router.post('/new')\nasync def new(): ...\n", "lambda: ",
    "os.system(name)\n", "return g(name)\n", "self.path = path\n", "open(self.path)\n", "return request.args.get('x')\n",
]  # fmt: skip


def texts() -> dict[str, str]:
    """The example shop, a real web application in small, and real modules of a library, by path."""
    shop = REPOSITORY / "examples" / "shop"
    library = Path(pygls.__file__).parent
    files = {f"shop/{it.relative_to(shop).as_posix()}": it for it in sorted(shop.rglob("*.py"))}
    files |= {f"pygls/{it.relative_to(library).as_posix()}": it for it in sorted(library.rglob("*.py"))}
    return {path: it.read_text(encoding="utf-8") for path, it in files.items()}


def edited(rng: random.Random, text: str, others: list[str]) -> str:
    """The text after one edit such as a person or their tools make."""
    if rng.random() < STRUCTURAL:
        return restructured(rng, text)
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    what = rng.random()
    if what < 0.25:  # a few characters typed
        offset = rng.randrange(len(text) + 1)
        return text[:offset] + rng.choice(INSERTED) + text[offset:]
    if what < 0.35:  # a few deleted
        offset = rng.randrange(len(text) + 1)
        return text[:offset] + text[offset + rng.choice((1, 2, 7, 60)) :]
    if what < 0.5:  # lines cut
        del lines[at : at + rng.choice((1, 1, 3, 20))]
    elif what < 0.6:  # a line moved
        lines.insert(rng.randrange(len(lines)), lines.pop(at))
    elif what < 0.75:  # a name replaced by another of the file
        names = re.findall(r"\b[a-z_]\w+\b", text) or ["x"]
        return re.sub(rf"\b{re.escape(rng.choice(names))}\b", rng.choice(names), text, count=rng.choice((1, 1, 0)))
    elif what < 0.85:  # a whole line typed, indented like its neighbour
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines.insert(at, indent + rng.choice(INSERTED).rstrip("\n"))
    elif what < 0.95:  # lines pasted from elsewhere
        other = rng.choice(others).split("\n")
        start = rng.randrange(len(other))
        lines[at:at] = other[start : start + rng.choice((1, 5, 30))]
    else:  # all undone
        return rng.choice(others)
    return "\n".join(lines)


def restructured(rng: random.Random, text: str) -> str:
    """The text after a change of what it tells others: a signature, an import, bases, decorators, a function more or less."""
    lines = text.split("\n")
    what = rng.choice(("signature", "async", "bases", "decorate", "undecorate", "import", "rename", "delete", "add", "copy"))
    opening = {"bases": r"\s*class \w", "undecorate": r"\s*@\w", "import": r"\s*(?:from|import) \w"}.get(
        what, r"\s*(?:async )?def \w"
    )
    found = [number for number, line in enumerate(lines) if re.match(opening, line)]
    if not found:
        return text + "\n\ndef added(value):\n    return value\n"
    at = rng.choice(found)
    line = lines[at]
    indent = line[: len(line) - len(line.lstrip())]
    end = next((n for n in range(at + 1, len(lines)) if re.match(rf"\s{{0,{len(indent)}}}\S", lines[n])), len(lines))
    words = re.findall(r"\w+", line)
    name = words[words.index("def") + 1] if "def" in words else ""
    if what == "signature":
        lines[at] = rng.choice((re.sub(r"\(", "(extra=None, ", line, count=1), re.sub(r"\(.*\)", "(*args)", line)))
    elif what == "async":
        lines[at] = indent + (line.strip().removeprefix("async ") if "async" in words else f"async {line.strip()}")
    elif what == "bases":
        others = re.findall(r"class (\w+)", text)
        lines[at] = re.sub(r"(class \w+)[^:]*:", rf"\1({rng.choice(others)}):", line, count=1)
    elif what == "decorate":
        lines.insert(at, indent + rng.choice(("@property", "@staticmethod", "@router.get('/added')", "@app.task", "@cached")))
    elif what == "undecorate":
        del lines[at]
    elif what == "import":
        changed = (re.sub(r"import (\w+)$", r"import \1 as other", line), re.sub(r"import .*", "import *", line), f"# {line}")
        lines[at] = rng.choice(changed)
    elif what == "rename":
        return re.sub(rf"\b{name}\b", f"{name}_renamed", text)
    elif what == "delete":
        del lines[at:end]
    elif what == "add":
        lines[at:at] = [
            f"{indent}def added_{rng.randrange(9)}(value):",
            f"{indent}    time.sleep(1)",
            f"{indent}    return {name}(value)",
        ]
    else:
        lines[end:end] = [it.replace(name, f"{name}_copy") for it in lines[at:end]]
    return "\n".join(lines)


def everything(project: Project) -> dict[str, Any]:
    """All that is known, with every place in its file's lines."""
    known: dict[str, Any] = {}
    for path in sorted(project.paths):
        facts = module_facts(project._said(path).parts)
        known[f"facts of {path}"] = facts
        for it in project.facts(path).defs:
            key = f"{path} {it.qualname}"
            for flag in (True, False):
                found = effects(project, path, it, through_async=flag)
                known[f"effects of {key} {flag}"] = {kind: (e, [project.place(r) for r in e.path]) for kind, e in found.items()}
            known[f"flows of {key}"] = (
                [(r, [project.place(step) for step in r.path]) for r in sorted(streams(project, path, it), key=repr)],
                passes(project, path, it),
                gives(project, path, it),
            )
            called = sorted(callers(project, path, it.qualname), key=repr)
            known[f"callers of {key}"] = [(r, project.place(r)) for r in called]
            known[f"place of {key}"] = project.place(Ref(path, it.qualname, "def"))
    nouns = catalogue(project)
    known["nouns"] = nouns
    known["routes stand at"] = [project.place(it.at) for it in nouns.routes]
    return known


def from_nothing(files: dict[str, str], opened: list[str]) -> Workspace:
    workspace = Workspace(REPOSITORY, Settings())
    for path, text in files.items():
        if path in opened:
            workspace.open(path, text)
        else:
            workspace.take(path, Document(path, text))
    return workspace


@pytest.mark.parametrize("seed", SEEDS)
def test_incremental_equals_full(seed: int) -> None:
    rng = random.Random(seed)
    files = texts()
    originals = dict(files)
    opened = sorted(rng.sample(sorted(files), OPEN))
    workspace = from_nothing(files, opened)
    for step in range(EDITS // len(SEEDS)):
        path = rng.choice(opened)
        files[path] = edited(rng, files[path], [originals[path], originals[rng.choice(opened)]])
        document = workspace.open(path, files[path], step)
        workspace.check(document)
        if step % COMPARED_EVERY:
            continue
        for it in opened:
            workspace.settle(it)
        fresh = from_nothing(files, opened)
        kept, expected = everything(workspace.project), everything(fresh.project)
        different = [it for it in {*kept, *expected} if kept.get(it) != expected.get(it)]
        assert not different, (seed, step, path, different[:3], [(kept.get(it), expected.get(it)) for it in different[:1]])
        for it in opened:
            mine, other = workspace.documents[it], fresh.documents[it]
            assert workspace.check(mine).findings == fresh.check(other).findings, (seed, step, it)
            assert workspace.check(mine).unread == fresh.check(other).unread, (seed, step, it)


def test_a_file_that_is_opened_as_it_stands_on_disk_is_known_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It need not be read again to be looked at, in slices or at once, and what is known after an edit is as from nothing."""
    monkeypatch.setenv("ARCHITECT_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "project"
    files = texts()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    scanned, fresh = Workspace(root, Settings()), Workspace(root, Settings())
    scanned.scan()
    for path, text in files.items():
        fresh.take(path, Document(path, text))
    path, text = max(files.items(), key=lambda it: len(it[1]))
    opened, expected = scanned.open(path, text, 1), fresh.check(fresh.open(path, text, 1))
    assert all(it._facts is None for it in opened.pieces), "nothing was read again"
    slices = 0
    while not (checked := scanned.check(opened, 0.0 if slices == 0 else None)).complete:
        slices += 1
        assert set(checked.findings) <= set(expected.findings)
    assert slices, "a time that is over ends it early"
    assert checked == expected
    changed = text.replace("import", "import os, ", 1) + "\n\ndef late():\n    return os.environ\n"
    for told in (False, True):
        if told:
            scanned.close(path)
            scanned.open(path, text, 3)
            assert scanned.tell(path, float("inf"))
        assert scanned.check(scanned.open(path, changed, 4)).findings == fresh.check(fresh.open(path, changed, 4)).findings
        assert catalogue(scanned.project) == catalogue(fresh.project)
