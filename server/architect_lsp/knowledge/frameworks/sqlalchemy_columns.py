"""What SQLAlchemy's and SQLModel's calls say of a column, through aliases, `Annotated` types and functions that only make one."""

from __future__ import annotations

import re

from msgspec.structs import replace

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.lineage import Attribute, dotted, lineage
from architect_lsp.knowledge.nouns import Column
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol
from architect_lsp.knowledge.values import UNKNOWN, Value, quoted
from architect_lsp.patterns import regex

COLUMN = ("Column", "mapped_column", "MappedColumn")
_OURS = regex(r"(?:^|.*\.)(?:sqlalchemy|flask_sqlalchemy|sqlmodel|advanced_alchemy)\.(?:.*\.)?(\w+)(?:\(\))*")
_WRAPPED = ("deferred", "column_property", "ddl_if")
_BESIDE = ("ForeignKey", "Sequence", "Identity", "Computed", "CheckConstraint", "FetchedValue", "DefaultClause")
_DEPTH = 6
"""How many functions and aliases a column's call may be followed through."""


def is_ours(name: str) -> bool:
    """Whether a dotted name is of SQLAlchemy or of a library that hands its names on."""
    return _OURS.fullmatch(name) is not None


def said(project: Project, path: str, value: Value | None) -> str:
    """The last name of what a call of the file makes, where it is SQLAlchemy's or its children's: `mapped_column`; else ""."""
    if value is None or value.kind != "call":
        return ""
    if value.of is not None:
        return value.text if value.text in _WRAPPED else ""
    symbol = project.resolve(path, value.text)
    rows = lineage(project, symbol) if isinstance(symbol, ClassSymbol) else (symbol,)
    return next((found[1] for it in map(dotted, rows) if (found := _OURS.fullmatch(it))), "")


def made(project: Project, path: str, value: Value | None) -> tuple[str, Value | None]:
    """(file, call) that makes a column in the end, through functions of the project that do no more and through `deferred`."""
    for _ in range(_DEPTH):
        if value is None or value.kind != "call":
            break
        symbol = project.resolve(path, value.text) if value.of is None else None
        if isinstance(symbol, FunctionSymbol) and symbol.facts.result is not None:
            path, value = symbol.path, symbol.facts.result
        elif said(project, path, value) in _WRAPPED and value.items and value.of is None:
            inner = value.items[0]
            if said(project, path, inner) not in COLUMN:
                break
            value = inner
        else:
            break
    return path, value


def column_of(project: Project, path: str, name: str, call: Value, inner: Value | None, plain: bool) -> Column:
    """The column that a call says. `inner` is what its `Mapped[...]` holds, None without one; `plain` ones ask no annotation."""
    calls = [(path, call)]
    kind = ""
    if inner is not None:
        home, inner = _aliased(project, path, inner)
        if inner.kind == "index" and inner.last == "Annotated" and inner.items:
            calls += [(home, it) for it in inner.items[1:] if it.kind == "call"]
            inner = inner.items[0]
        kind = _class_name(inner)
    flags: dict[str, bool | None] = {}
    stored = references = ""
    for where, it in calls:
        for key in ("primary_key", "index", "unique", "nullable"):
            found = it.keyword(key)
            if found is not None:
                flags.setdefault(key, _truth(found))
        for number, item in enumerate(it.items):
            what = said(project, where, item)
            if item.kind == "text" and number == 0:
                stored = stored or item.text
            elif what == "ForeignKey":
                references = references or foreign_key(project, where, item)
            elif what not in _BESIDE and item.kind in ("name", "call") and where == path:
                kind = item.last if item.of is None else item.of.last
        stored = (text(project, where, it.keyword("name")) if not stored else None) or stored
        told = it.keyword("type_")
        kind = told.last if told is not None else kind
    primary = bool(flags.get("primary_key"))
    nullable = flags.get("nullable")
    if "nullable" not in flags:
        nullable = False if primary else (_optional(project, path, inner) if inner is not None and not plain else True)
    unique, indexed = bool(flags.get("unique")), bool(flags.get("index"))
    return Column(
        name, kind, indexed or unique or primary, unique, nullable, primary, stored if stored != name else "", references
    )


def field_of(project: Project, it: Attribute, shape: Value, value: Value | None) -> Column:
    """The column of a SQLModel field."""
    while shape.kind == "text":
        shape = quoted(shape.text)
    if shape.kind == "index" and shape.last == "Annotated" and shape.items:
        value = next((row for row in shape.items[1:] if row.kind == "call"), value)
        shape = shape.items[0]
    call = value if said(project, it.path, value) == "Field" and value is not None else UNKNOWN
    inner = call.keyword("sa_column")
    if inner is not None and said(project, it.path, inner) in COLUMN:
        return replace(column_of(project, it.path, it.name, inner, None, plain=True), at=it.ref)
    more = call.keyword("sa_column_kwargs") or UNKNOWN
    column = column_of(project, it.path, it.name, Value("call", call.text, (), (*more.keywords, *call.keywords)), shape, False)
    found = call.keyword("foreign_key")
    if not column.primary and call.keyword("nullable") is None and more.keyword("nullable") is None:
        column = replace(column, nullable=_optional(project, it.path, shape))
    return replace(column, references=text(project, it.path, found) or "" if found is not None else "", stored="", at=it.ref)


def bare(value: Value) -> Value:
    """An annotation without `Optional`, `| None` and quotes."""
    while True:
        if value.kind == "text":
            value = quoted(value.text)
        elif value.kind == "joined" or (value.kind == "index" and value.last in ("Optional", "Union", "Annotated", "Mapped")):
            value = next((it for it in value.items if it.text != "None"), UNKNOWN)
        else:
            return value


def _class_name(value: Value) -> str:
    value = bare(value)
    return value.last


def _optional(project: Project, path: str, value: Value) -> bool:
    _, value = _aliased(project, path, value)
    while value.kind == "text":
        value = quoted(value.text)
    if value.kind == "index" and value.last == "Optional":
        return True
    if value.kind == "joined" or (value.kind == "index" and value.last == "Union"):
        return any(it.text == "None" or (it.kind == "index" and it.last == "Optional") for it in value.items)
    return value.kind == "index" and value.last == "Annotated" and bool(value.items) and _optional(project, path, value.items[0])


def _aliased(project: Project, path: str, value: Value) -> tuple[str, Value]:
    """(file, value) of what an annotation's name stands for, where it is an alias."""
    for _ in range(_DEPTH):
        found = behind(project, path, value.text) if value.kind == "name" else None
        if found is None or found[1].kind not in ("index", "joined", "name"):
            break
        path, value = found
    return path, value


def _truth(value: Value) -> bool | None:
    return value.text == "True" if value.kind == "constant" and value.text in ("True", "False") else None


def foreign_key(project: Project, path: str, call: Value) -> str:
    """What a `ForeignKey(...)` points to: "table.column", or "Class.attribute" where it names the class's."""
    first = call.argument(0, "column") or UNKNOWN
    if first.kind == "name":
        return first.text.removesuffix(".c").replace(".c.", ".")
    return text(project, path, first) or ""


def table_name(project: Project, path: str, value: Value | None, qualname: str) -> str:
    """The text of a table's name, which may be made from the class's: `cls.__name__.lower()`. "" when that can't be told."""
    return (_spelled(project, path, value, qualname.rpartition(".")[2], _DEPTH) if value is not None else None) or ""


def _spelled(project: Project, path: str, value: Value, name: str, depth: int) -> str | None:
    if depth <= 0:
        return None
    if value.kind == "name" and value.text.endswith(".__name__"):
        return name
    if value.kind == "joined":
        parts = [_spelled(project, path, it, name, depth - 1) for it in value.items]
        return None if any(it is None for it in parts) else "".join(it or "" for it in parts)
    if value.kind == "call":
        head = value.text.rpartition(".")[0]
        if value.last in ("lower", "upper"):
            inner = value.of or Value("name", head)
            found = _spelled(project, path, inner, name, depth - 1)
            return getattr(found, value.last)() if found is not None else None
        if value.last == "sub" and len(value.items) >= 2:
            pattern = behind(project, path, head) if head != "re" else None
            made = (
                value.items[0] if head == "re" else pattern[1].argument(0) if pattern and pattern[1].last == "compile" else None
            )
            rest = value.items[1:] if head == "re" else value.items
            pieces = [it for row in (made or UNKNOWN, *rest) if (it := _spelled(project, path, row, name, depth - 1)) is not None]
            try:
                return re.sub(pieces[0], pieces[1], pieces[2]) if len(pieces) == 3 else None
            except (re.error, IndexError):
                return None
        symbol = project.resolve(path, value.text) if value.of is None else None
        if isinstance(symbol, FunctionSymbol) and symbol.facts.result is not None and symbol.facts.parameters and value.items:
            given = _spelled(project, path, value.items[0], name, depth - 1)
            inner = symbol.facts.result
            return None if given is None else _spelled(project, symbol.path, _given(inner, symbol, given), name, depth - 1)
    return text(project, path, value)


def _given(value: Value, symbol: FunctionSymbol, argument: str) -> Value:
    """A function's result with its first parameter replaced by a text."""
    first = symbol.facts.parameters[0][0]
    if value.kind == "name" and value.text == first:
        return Value("text", argument)
    return Value(value.kind, value.text, tuple(_given(it, symbol, argument) for it in value.items), value.keywords, value.of)
