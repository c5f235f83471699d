"""Modules as Python finds them, from the names of files alone. What was found is kept until a file comes or goes."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Iterator

from architect_lsp.knowledge.symbols import Module

Found = tuple[Module | None, tuple[str, ...]]
"""A module, None when there is none here, and the names of a dotted name after it."""


class Modules:
    """The files of a project and the folders that hold them."""

    __slots__ = ("_files", "_folders", "_found")

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: dict[str, int] = {}  # how many files lie below each
        self._found: dict[tuple[str, str], Found] = {}

    def add(self, path: str) -> None:
        """Take a file that is new."""
        self._files.add(path)
        for folder in _ancestors(path):
            self._folders[folder] = self._folders.get(folder, 0) + 1
        self._found.clear()

    def remove(self, path: str) -> None:
        """Forget a file that was added."""
        self._files.remove(path)
        for folder in _ancestors(path):
            self._folders[folder] -= 1
        self._found.clear()

    def copy(self) -> Modules:
        """The same, to go its own way."""
        other = Modules()
        other._files = set(self._files)
        other._folders = dict(self._folders)
        other._found = dict(self._found)
        return other

    def find(self, path: str, dotted: str) -> Found:
        """The longest beginning of `dotted`, as imported by the file `path`, that is a module here, and the names after it."""
        key = (posixpath.dirname(path), dotted)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._search(*key)
        return found

    def at(self, stem: str) -> Module | None:
        """The package, module or folder at a path without its suffix."""
        package = posixpath.join(stem, "__init__.py")
        if package in self._files:
            return Module(package)
        if stem and f"{stem}.py" in self._files:
            return Module(f"{stem}.py")
        return Module(f"{stem}/") if self._folders.get(stem) else None

    def _search(self, folder: str, dotted: str) -> Found:
        level = len(dotted) - len(dotted.lstrip("."))
        names = tuple(filter(None, dotted[level:].split(".")))
        if level:
            for _ in range(level - 1):
                folder = posixpath.dirname(folder)
            return self._longest(folder, names, relative=True)
        above = list(_upwards(folder))
        outside = [it for it in above if posixpath.join(it, "__init__.py") not in self._files]
        tops = [it for it in above if posixpath.join(posixpath.dirname(it), "__init__.py") not in self._files]
        if names and names[0] in sys.stdlib_module_names:
            tops = []  # `import logging` beside a `logging.py` of the package means Python's own
        for it in (*outside, *tops):  # a package's own folder is on no path, unless the files of an outermost one are run by hand
            module, rest = self._longest(it, names, relative=False)
            if module is not None:
                return module, rest
        return None, names

    def _longest(self, folder: str, names: tuple[str, ...], *, relative: bool) -> Found:
        found: Module | None = self.at(folder) if relative else None
        rest = names
        at = folder
        for index, name in enumerate(names):
            at = posixpath.join(at, name)
            here = self.at(at)
            if here is None:
                break
            found, rest = here, names[index + 1 :]
        if found is not None and found.path.endswith("/") and not relative and len(rest) == len(names):
            return None, names
        return found, rest


def _upwards(folder: str) -> Iterator[str]:
    """The folder and all above it, nearest first."""
    while folder and folder != "/":
        yield folder
        folder = posixpath.dirname(folder)
    yield folder


def _ancestors(path: str) -> Iterator[str]:
    folder = posixpath.dirname(path)
    while folder and folder != "/":
        yield folder
        folder = posixpath.dirname(folder)
