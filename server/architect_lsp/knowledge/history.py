"""What a project's files said at a commit of git. The only module that runs git, and it runs nothing but reading commands.

None of them looks at the working tree, so no hook, filter or file monitor of the repository is run either.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.files import Skipped, belonging, bytes_of, decoded
from architect_lsp.knowledge.openapi import OpenApi, Operation, openapi, shape
from architect_lsp.knowledge.project import Project, whole
from architect_lsp.knowledge.sdl import Sdl
from architect_lsp.model import Place, Span
from architect_lsp.patterns import regex
from architect_lsp.settings import Settings, SettingsError
from architect_lsp.syntax.languages import describes_api
from architect_lsp.text import Lines

_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""What git tells its hooks, and would be taken for ours."""
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_TIMEOUT_S = 60
_TYPED = regex(r"{(\w+):[^}]*}")
"""A part of a path with its converter."""


class Base:
    """A project as its clients rely on it. `text` gives what a file said, None where there was none."""

    def __init__(self, project: Project, text: Callable[[str], str | None], schemas: Iterable[str] = ()) -> None:
        self.project = project
        self.schemas = tuple(schemas)  # files that described an API there, and are gone since
        self.kept: frozenset[str] = frozenset()  # operations and types of all that describes an API now: see `kept_of`
        self._text = text
        self._apis: dict[str, OpenApi | None] = {}
        self._schemas: dict[str, Sdl | None] = {}

    def api(self, name: str) -> OpenApi | None:
        """The OpenAPI document that was at this path, None where there was none."""
        if name not in self._apis:
            text = self._text(name)
            found = openapi(text) if text is not None else None
            self._apis[name] = found if found is not None and found.version else None
        return self._apis[name]

    def sdl(self, name: str) -> Sdl | None:
        """The same of a file of a GraphQL schema."""
        if name not in self._schemas:
            text = self._text(name)
            self._schemas[name] = Sdl(text) if text is not None else None
        return self._schemas[name]

    def place(self, name: str, span: Span) -> Place:
        """Where something stood in a file there; its beginning where there was no such file."""
        lines = Lines(self._text(name) or "")
        (line, column), (end_line, end_column) = (lines.position(it, "utf-32") for it in (span.start, span.end))
        return Place(name, line, column, end_line, end_column)


def operation_key(operation: Operation) -> str:
    """What two descriptions of one operation have in common: its method and its path, whatever its parts are called."""
    return f"{operation.method} {shape(operation.path)}"


def kept_of(project: Project, apis: Iterable[OpenApi], schemas: Iterable[Sdl]) -> frozenset[str]:
    """The operations that other documents describe or the code answers now, and the types that other schemas define."""
    routes = (f"{method} {shape(_TYPED.sub('{}', it.path))}" for it in catalogue(project).routes for method in it.methods)
    described = (operation_key(it) for api in apis for it in api.operations)
    return frozenset((*routes, *described, *(name for it in schemas for name in it.defined)))


class Commit(Struct, frozen=True):
    """A state of the project in git: `blobs` are the ids of its files' contents, by their paths below the project's root."""

    root: Path
    id: str
    blobs: Mapping[str, str]


def base(root: Path, ref: str, project: Project, settings: Settings) -> Base:
    """The project as it was at a reference of git: its files that differ are read there, the others are known.

    Raises SettingsError as `commit` does. Effect: runs git, reads the disk.
    """
    at = commit(root, ref)
    names = set(belonging(at.blobs, root, settings.exclude))
    before, known = project.overlay(), set(project.paths)
    for name in known - names:
        before.remove(name)
    changed = sorted(it for it in names if it not in known or _differs(at, it, settings.max_file_bytes))
    for name, text in _texts(at, changed, settings.max_file_bytes):
        before.put(name, whole(Document(name, text).facts))
    gone = sorted(it for it in belonging(at.blobs, root, settings.exclude, schemas=True) if not (root / it).exists())
    schemas = [name for name, text in _texts(at, gone, settings.max_file_bytes) if describes_api(name, text)]
    return Base(before, lambda name: next((text for _, text in _texts(at, [name], settings.max_file_bytes)), None), schemas)


def commit(root: Path, ref: str) -> Commit:
    """Where the work on the project left the history of a reference: the newest commit that both have, else the reference's own.

    Raises SettingsError where git has no such reference, or there is no git.
    """
    if shutil.which("git") is None:
        raise SettingsError(f"base: `{ref}` can't be looked up, since git is not installed.")
    try:
        _git(root, "rev-parse", "--git-dir")
    except _GitError as error:
        raise SettingsError(f"base: {root} is in no repository that git can read ({error}).") from error
    try:
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").decode().strip()
    except _GitError as error:
        raise SettingsError(f"base: git knows no commit `{ref}` here; was it fetched?") from error
    with suppress(_GitError, IndexError):  # no common history, or not fetched: the reference itself
        found = _git(root, "merge-base", "HEAD", found).decode().split()[0]
    try:
        rows = _git(root, "ls-tree", "-r", "-z", found).decode("utf-8", "replace").split("\0")
    except _GitError as error:
        raise SettingsError(f"base: the files of `{ref}` can't be read ({error}).") from error
    heads = ((head.split(), name) for head, _, name in (it.partition("\t") for it in rows if it))
    return Commit(root, found, {name: head[2] for head, name in heads if head[0].startswith("100")})


class _GitError(Exception):
    """What git said when it could not do it."""


def _git(root: Path, *arguments: str, sent: bytes = b"") -> bytes:
    """What a command of git says. Effect: runs git."""
    kept = {name: value for name, value in os.environ.items() if name not in _OWN}
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607  (git is where PATH says)
            cwd=root,
            env={**kept, **_QUIET},
            input=sent,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _GitError(str(error)) from error
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _GitError(lines[0].removeprefix("fatal: ") if lines else f"git {arguments[0]} failed")
    return done.stdout


def _differs(at: Commit, name: str, max_bytes: int) -> bool:
    """Whether a file on disk holds something else than at the commit."""
    data, blob = bytes_of(at.root / name, name, max_bytes), at.blobs[name]
    if isinstance(data, Skipped):
        return True
    kind = "sha256" if len(blob) == 64 else "sha1"
    return hashlib.new(kind, b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest() != blob


def _texts(at: Commit, names: Iterable[str], max_bytes: int) -> Iterator[tuple[str, str]]:
    """(path, text) of those that were there, and are texts of a size that is read."""
    rows = [(it, at.blobs[it]) for it in names if it in at.blobs]
    said = _git(at.root, "cat-file", "--batch", sent="".join(f"{blob}\n" for _, blob in rows).encode()) if rows else b""
    start = 0
    for name, _ in rows:
        end = said.find(b"\n", start)
        head = said[start:end].split()
        start = end + 1
        if len(head) != 3:  # "missing": a part of the history that was not fetched
            continue
        size = int(head[2])
        text = decoded(said[start : start + size], name) if size <= max_bytes else None
        start += size + 1
        if isinstance(text, str):
            yield name, text
