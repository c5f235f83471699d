"""Strings that a project puts together: literals, names for them, `+`, f-strings, and attributes of settings objects."""

from __future__ import annotations

from architect_lsp.knowledge.facts import ClassDef, Variable
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Instance, Module
from architect_lsp.knowledge.values import Value

_DEPTH = 8
"""How many names a string may be followed through."""


def text(project: Project, path: str, value: Value | None, owner: str = "", depth: int = _DEPTH) -> str | None:
    """The string that a value of the file `path` stands for, None when that can't be told.

    `owner` is the class whose body or `self` the value speaks of, "" outside of one.
    """
    if value is None or depth <= 0:
        return None
    if value.kind == "text":
        return value.text
    if value.kind == "joined":
        pieces = [text(project, path, it, owner, depth - 1) for it in value.items]
        return None if any(it is None for it in pieces) else "".join(it for it in pieces if it is not None)
    if value.kind == "call" and value.last == "str" and len(value.items) == 1:
        return text(project, path, value.items[0], owner, depth - 1)
    if value.kind == "call" and value.text == "getattr" and len(value.items) == 3:  # a setting with a default
        of, name, default = value.items
        set_to = Value("name", f"{of.text}.{name.text}")
        return text(project, path, set_to, owner, depth - 1) or text(project, path, default, owner, depth - 1)
    if value.kind == "call" and value.last == "Field":  # a settings field's default
        return text(project, path, value.argument(0, "default"), owner, depth - 1)
    if value.kind == "name":
        found = behind(project, path, value.text, owner)
        return None if found is None else text(project, found[0], found[1], "", depth - 1)
    return None


def behind(project: Project, path: str, name: str, owner: str = "") -> tuple[str, Value] | None:
    """(file, value) of the module's variable or the class's attribute that a dotted name means; None when there is none."""
    head, _, last = name.rpartition(".")
    if owner and (not head or head in ("self", "cls")):
        kind = project.class_(path, owner)
        found = _of_class(project, ClassSymbol(path, kind), last) if kind is not None else None
        if found is not None or head:
            return found
    if head:
        symbol = project.resolve(path, head)
        if isinstance(symbol, Instance | ClassSymbol):
            return _of_class(project, symbol, last)
        if not isinstance(symbol, Module) or symbol.path.endswith("/"):
            return None
        path, name = symbol.path, last
    for _ in range(_DEPTH):
        known = project.name(path, name)
        if isinstance(known, Variable):
            if known.value is not None:
                return path, known.value
            name = known.target
            if not name or "(" in name:
                return None
            if "." in name:
                return behind(project, path, name)
        elif isinstance(known, str):
            module, rest = project.module(path, known)
            if module is None or len(rest) != 1:
                return None
            path, name = module.path, rest[0]
        elif known is None and name:
            starred = (project.module(path, it) for it in project.stars(path))
            home = next((it for it, rest in starred if it and not rest and project.name(it.path, name) is not None), None)
            if home is None:
                return None
            path = home.path
        else:
            return None
    return None


def _of_class(project: Project, symbol: ClassSymbol | Instance, name: str) -> tuple[str, Value] | None:
    for base in project.bases(symbol):
        if isinstance(base, ClassSymbol) and isinstance(base.facts, ClassDef):
            for it in base.facts.fields:
                if it.name == name and it.value is not None:
                    return base.path, it.value
    return None
