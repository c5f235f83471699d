"""Files on disk: which belong to a project, and their text. The only module of this room that reads the disk."""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pathspec
from msgspec import Struct

from architect_lsp.patterns import regex
from architect_lsp.syntax.languages import describes_api, is_agent_file, may_describe_api

_NEVER = {"node_modules", "__pycache__", "site-packages", "__pypackages__", "_vendor", "_vendored"}
_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", "manage.py", "requirements.txt")


_REQUIRES = regex(r"""^\s*(?:requires-python|python_requires|python)\s*=\s*["']?([^"'\n#]+)""", re.MULTILINE)
_BELOW = regex(r"(?P<sign><=|<|==)\s*(?P<major>3)\.(?P<minor>\d+)")
_BACKUP = regex(r"\.(?:bak|backup|orig|old|save)\.py$", re.IGNORECASE)
"""What somebody put aside, which nothing imports: no module has a dot in its name."""
_HEAD_BYTES, _WHOLE_BYTES = 2_048, 4_000_000

_KEYS = pathspec.PathSpec.from_lines(
    "gitignore",
    (".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa*", "id_ed25519*", ".netrc", "secrets.*", "local_settings.py"),
)


class Skipped(Struct, frozen=True):
    """A file or folder that was not looked at, and why, in words for a person."""

    path: str
    reason: str


def root_of(path: Path) -> Path:
    """The folder that holds the project `path` belongs to: the nearest with a marker such as pyproject.toml, else its own."""
    path = path.absolute()
    start = path if path.is_dir() else path.parent
    return next((it for it in (start, *start.parents) if has_marker(it)), start)


def has_marker(folder: Path) -> bool:
    """Whether the folder says it is a project's root."""
    return any((folder / it).exists() for it in _MARKERS)


def first_python_without(root: Path) -> tuple[int, int] | None:
    """The first Python that a project can't be installed on, by `requires-python = ">=3.9,<3.12"`; None where it says of none.

    Effect: reads pyproject.toml and setup.cfg of the root.
    """
    for name in ("pyproject.toml", "setup.cfg"):
        try:
            said = _REQUIRES.search((root / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        below = _BELOW.search(said[1]) if said is not None else None
        if below is not None:
            return int(below["major"]), int(below["minor"]) + (below["sign"] != "<")
    return None


def relative(root: Path, path: Path) -> str:
    """`path` as the project names it: relative to the root where it lies inside, else absolute; `/` between its parts."""
    try:
        return path.absolute().relative_to(root).as_posix()
    except ValueError:
        return path.absolute().as_posix()


def sources(top: Path, root: Path, exclude: Sequence[str] = (), *, schemas: bool = False) -> Iterator[Path | Skipped]:
    """The Python files below `top`, and those that tell agents what to do, sorted; with `schemas` those that describe an API too.

    Links to folders are not followed, environments and ignored files left out.
    """
    if top.is_file():
        yield top
        return
    ignored = _ignored(root, exclude)
    unreadable: list[Skipped] = []

    def note(error: OSError) -> None:
        unreadable.append(Skipped(relative(root, Path(error.filename or top)), f"can't be read: {error.strerror}"))

    for folder, folders, names in os.walk(top, onerror=note):
        here = Path(folder)
        inside = relative(root, here)
        prefix = "" if inside == "." else f"{inside}/"
        folders[:] = sorted(
            it
            for it in folders
            if it not in _NEVER
            and (not it.startswith(".") or it == ".claude")
            and not (here / it / "pyvenv.cfg").exists()
            and not ignored.match_file(f"{prefix}{it}/")
        )
        hidden = ".claude" in here.parts  # its Python files are none of the project's
        for name in sorted(names):
            wanted = (name.endswith(".py") and not hidden and not _BACKUP.search(name)) or is_agent_file(prefix + name)
            if not wanted and schemas and may_describe_api(name) and not hidden:
                wanted = describes_api(name, _head(here / name))
            if wanted and not ignored.match_file(prefix + name):
                yield here / name
    yield from unreadable


def belonging(names: Iterable[str], root: Path, exclude: Sequence[str], *, schemas: bool = False) -> Iterator[str]:
    """The Python files of these names that would be among `sources`, were they there; those that may describe an API instead."""
    ignored = _ignored(root, exclude)
    for name in names:
        hidden = any(it in _NEVER or it.startswith(".") for it in name.split("/")[:-1])
        wanted = may_describe_api(name) if schemas else name.endswith(".py")
        if wanted and not hidden and not _BACKUP.search(name) and not ignored.match_file(name):
            yield name


def _head(path: Path) -> str:
    """The beginning of a text, the whole of one whose name says that it describes an API, as far as it can be read."""
    named = any(it in path.name.lower() for it in ("openapi", "swagger", ".graphql", ".gql"))
    try:
        with path.open("rb") as file:
            return file.read(_WHOLE_BYTES if named else _HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def text_of(path: Path, name: str, max_bytes: int) -> str | Skipped:
    """The text of a file by the encoding it declares (PEP 263), or why it is skipped. Line endings stay as they are."""
    data = bytes_of(path, name, max_bytes)
    return data if isinstance(data, Skipped) else decoded(data, name)


def bytes_of(path: Path, name: str, max_bytes: int) -> bytes | Skipped:
    """What a file holds, or why it is skipped."""
    try:
        if not path.is_file():
            return Skipped(name, "is not a file")
        size = path.stat().st_size
        if size > max_bytes:
            return Skipped(name, f"is larger than max_file_bytes ({size:,} > {max_bytes:,})")
        return path.read_bytes()
    except OSError as error:
        return Skipped(name, f"can't be read: {error.strerror}")


def decoded(data: bytes, name: str) -> str | Skipped:
    """The text that bytes are, or why it is skipped."""
    if b"\0" in data:
        return Skipped(name, "is binary")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, LookupError):
        return Skipped(name, "declares an encoding that is not known, or its bytes are not UTF-8")
    except UnicodeDecodeError as error:
        return Skipped(name, f"does not decode as {error.encoding} (byte {error.start:,})")


def may_hold_keys(name: str) -> bool:
    """Whether a file may hold keys, by its name."""
    return _KEYS.match_file(name)


def withheld(root: Path, name: str, deny: Sequence[str]) -> str:
    """Why a file's text may not leave this machine, "" when it may.

    It may hold keys, by its name; git ignores it; or a glob of `deny` names it. Effect: reads the root's .gitignore.
    """
    if _KEYS.match_file(name):
        return "may hold keys"
    if pathspec.PathSpec.from_lines("gitignore", deny).match_file(name):
        return "is named by `architect.neverSend`"
    return "is ignored by git" if _ignored(root, ()).match_file(name) else ""


def replace_text(path: Path, before: str, after: str) -> str:
    """Why the text of a file was not replaced, "" when it was.

    Encoding, byte order mark and mode stay; line endings are those of `after`. Effect: writes a file beside it and renames it, so
    a reader sees the old text or the new one. A file that no longer holds `before` is left alone.
    """
    target = Path(os.path.realpath(path))  # the file behind a link, not the link
    try:
        data = target.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        if data.decode(encoding) != before:
            return "it changed on disk meanwhile"
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(after.encode(encoding))
            shutil.copymode(target, name)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink()
            raise
    except OSError as error:
        return f"it can't be written: {error.strerror}"
    except (SyntaxError, LookupError, UnicodeError):
        return "the new text does not fit its encoding"
    return ""


def _ignored(root: Path, exclude: Sequence[str]) -> pathspec.PathSpec[pathspec.Pattern]:
    lines = list(exclude)
    with suppress(OSError, UnicodeDecodeError):  # no ignore file that can be read: nothing is ignored
        lines += (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    return pathspec.PathSpec.from_lines("gitignore", lines)
