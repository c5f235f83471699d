"""SQLAlchemy, SQLModel and Flask-SQLAlchemy: the mapped classes with their columns, relationships and indexes.

Source: https://docs.sqlalchemy.org/en/20/orm/declarative_tables.html and https://sqlmodel.tiangolo.com; Flask-SQLAlchemy's
`camel_to_snake_case` for its table names.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.frameworks.sqlalchemy_columns import (
    COLUMN,
    bare,
    column_of,
    field_of,
    foreign_key,
    is_ours,
    made,
    said,
    table_name,
)
from architect_lsp.knowledge.frameworks.sqlalchemy_relations import Draft, Tie, join
from architect_lsp.knowledge.lineage import Attribute, attributes, classes, dotted, lineage
from architect_lsp.knowledge.nouns import OrmModel, Relation
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.knowledge.values import UNKNOWN, Value, quoted
from architect_lsp.patterns import regex

_ROOT = regex(
    r"(?:^|.*\.)(?:sqlalchemy\.(?:\w+\.)*(?:(?:declarative_base|automap_base)\(\)|DeclarativeBase|DeclarativeBaseNoMeta"
    r"|registry\(\)\.generate_base\(\))|flask_sqlalchemy\.(?:\w+\.)*SQLAlchemy\(\)\.Model|sqlmodel\.(?:main\.)?SQLModel)"
)
_BASE = regex(r"(?:^|.*\.)sqlalchemy\.(?:\w+\.)*DeclarativeBase(?:NoMeta)?")
_DECLARED = ("declared_attr", "directive", "cascading")
_MAPPED = ("Mapped", "DynamicMapped", "WriteOnlyMapped", "Relationship")
_RELATION = ("relationship", "RelationshipProperty", "Relationship", "dynamic_loader")
_MANY = frozenset(["list", "List", "set", "Set", "Sequence", "Collection", "frozenset", "dict", "Dict", "Iterable", "tuple"])
_MANY_MAPPED = {"DynamicMapped": "dynamic", "WriteOnlyMapped": "write_only"}
_MAPPERS = (".mapped", ".as_declarative", ".as_declarative_base", ".mapped_as_dataclass")
_SNAKE = regex(r"((?<=[a-z0-9])[A-Z]|(?!^)[A-Z](?=[a-z]))")
_NO = Value("constant", "None")


def models(project: Project) -> Iterator[OrmModel]:
    """Every mapped class, and every table without one."""
    yield from project.of_all("sqlalchemy", _models)


def _models(project: Project) -> tuple[OrmModel, ...]:
    drafts = [it for symbol in classes(project) if (it := _draft(project, symbol)) is not None]
    drafts += _tables(project)
    _index_apart(project, drafts)
    relations = join(project, drafts)
    return tuple(
        OrmModel(it.ref, it.name, it.table, tuple(it.columns.values()), rows, tuple(dict.fromkeys(it.indexes)), it.framework)
        for it, rows in zip(drafts, relations, strict=True)
    )


def _draft(project: Project, symbol: ClassSymbol) -> Draft | None:
    rows = lineage(project, symbol)
    names = [dotted(it) for it in rows]
    based = any(_ROOT.fullmatch(it) for it in names[1:]) or any(_is_mapper(project, it) for it in rows)
    own = {it.name: it for it in symbol.facts.fields}
    sure = "__tablename__" in own and any(
        said(project, symbol.path, it.value) in COLUMN for it in symbol.facts.fields if it.value is not None
    )
    if project.name(symbol.path, "down_revision") is not None:  # a migration has its own copies
        return None
    if (
        not (based or sure)
        or _is_base(project, symbol)
        or ("__abstract__" in own and own["__abstract__"].value == Value("constant", "True"))
    ):
        return None
    everything = attributes(project, symbol)
    framework = "sqlalchemy"
    if any(it.endswith("SQLModel") for it in names):
        if not any(key == "table" and it.text == "True" for key, it in symbol.facts.keywords):
            return None
        framework = "sqlmodel"
    draft = Draft(symbol, Ref(symbol.path, symbol.facts.qualname, "class"), symbol.facts.qualname, framework=framework)
    for it in everything.values():
        _take(project, draft, it)
    named = everything.get("__tablename__")
    table = everything.get("__table__")
    if table is not None and table.value is not None:
        _take_table(project, draft, table.path, table.value, table.ref)
    elif named is not None and named.value != _NO:
        draft.table = table_name(project, named.path, named.value, symbol.facts.qualname)
    elif framework == "sqlmodel":
        draft.table = symbol.facts.qualname.rpartition(".")[2].lower()
    elif any("flask_sqlalchemy" in it for it in names) and any(it.primary for it in draft.columns.values()):
        draft.table = _SNAKE.sub(r"_\1", symbol.facts.qualname.rpartition(".")[2]).lower()
    else:
        return None
    if table is None:
        _take_arguments(project, draft, everything.get("__table_args__"))
    return draft


def _is_base(project: Project, symbol: ClassSymbol) -> bool:
    """Whether a class is no model but what the models of a project begin with."""
    return any(_BASE.fullmatch(dotted(project.resolve(symbol.path, it))) for it in symbol.facts.bases)


def _is_mapper(project: Project, row: object) -> bool:
    """Whether a class is mapped by its decorator: `@registry.mapped`, `@as_declarative()`."""
    if not isinstance(row, ClassSymbol):
        return False
    names = (dotted(project.resolve(row.path, it.target)) for it in row.facts.decorators)
    return any(is_ours(it) and it.replace("()", "").endswith(_MAPPERS) for it in names)


def _take(project: Project, draft: Draft, it: Attribute) -> None:
    """Take one name of the class. Effect: the draft grows where it is a column or a relationship."""
    if it.call is not None and not any(row.target.rpartition(".")[2] in _DECLARED for row in it.call.decorators):
        return
    shape = it.shape
    path, value = made(project, it.path, it.value)
    kind = said(project, path, value)
    mapped = shape is not None and shape.kind == "index" and shape.last in _MAPPED
    inner = shape.items[0] if mapped and shape is not None and shape.items else UNKNOWN
    while inner.kind == "text":
        inner = quoted(inner.text)
    if kind in _RELATION and value is not None:
        lazy = _MANY_MAPPED.get(shape.last, "") if shape is not None else ""
        told = inner if mapped else (shape or UNKNOWN) if draft.framework == "sqlmodel" else UNKNOWN
        draft.ties.append(Tie(_relation(it, value, told, lazy), path, value, bare(told) != UNKNOWN, it.owner))
    elif draft.framework == "sqlmodel" and kind not in COLUMN:
        if shape is not None and shape.last != "ClassVar" and it.field is not None and not it.name.startswith("_"):
            column = field_of(project, it, shape, value)
            draft.columns[column.name] = column
    elif kind in COLUMN or (mapped and value is None and it.name[:2] != "__"):
        column = column_of(project, path, it.name, value or UNKNOWN, inner if mapped else None, kind == "Column")
        draft.columns[it.name] = replace(column, at=it.ref)


def _relation(it: Attribute, call: Value, inner: Value, lazy: str) -> Relation:
    """The relation a call says; its sides are joined later."""
    inner, many = bare(inner), bool(lazy)
    if inner.kind == "index" and inner.last in _MANY and inner.items:
        many, inner = True, bare(inner.items[-1])
    first = call.argument(0, "argument") or UNKNOWN
    if first.kind == "lambda":
        first = first.items[0]
    target = first.text if first.kind in ("text", "name") else inner.text
    more = call.keyword("sa_relationship_kwargs") or UNKNOWN

    def told(name: str) -> str:
        found = call.keyword(name) or more.keyword(name)
        return found.text if found is not None and found.kind in ("text", "name", "constant") else ""

    return Relation(it.name, target, many, told("back_populates"), "", told("lazy") or lazy, told("cascade"), at=it.ref)


def _take_table(project: Project, draft: Draft, path: str, value: Value, at: Ref) -> None:
    """Take what a `Table(...)` says. Effect: the draft grows."""
    if value.kind == "name":
        found = behind(project, path, value.text)
        if found is None:
            return
        path, value = found
    if said(project, path, value) != "Table":
        return
    draft.table = text(project, path, value.argument(0, "name")) or ""
    for it in value.items[2:]:
        where, column = made(project, path, it)
        if said(project, where, column) in COLUMN and column is not None:
            name = text(project, where, column.argument(0, "name"))
            if name:
                draft.columns[name] = replace(column_of(project, where, name, column, None, plain=True), at=at)
    for it in value.items[2:]:
        _take_argument(project, draft, path, it)


def _tables(project: Project) -> Iterator[Draft]:
    for path in project.paths:
        for name, value in project.of_file(path, _made_tables):
            ref = Ref(path, name, "variable")
            draft = Draft(None, ref, name)
            _take_table(project, draft, path, value, ref)
            if draft.table:
                yield draft


def _made_tables(facts: Facts) -> tuple[tuple[str, Value], ...]:
    rows = ((it.name, it.value) for it in facts.variables if it.value is not None)
    return tuple((name, it) for name, it in rows if it.kind == "call" and it.last == "Table")


def _take_arguments(project: Project, draft: Draft, it: Attribute | None) -> None:
    """Take `__table_args__`. Effect: the draft grows."""
    todo = [(it.path, it.value)] if it is not None and it.value is not None else []
    for _ in range(50):
        if not todo:
            break
        path, value = todo.pop(0)
        if value.kind in ("list", "joined", "star", "either"):
            todo = [*((path, item) for item in value.items), *todo]
        elif value.kind == "name":
            found = behind(project, path, value.text)
            todo = [found, *todo] if found is not None else todo
        else:
            _take_argument(project, draft, path, value)


def _take_argument(project: Project, draft: Draft, path: str, value: Value) -> None:
    """Take an `Index(...)` or a constraint. Effect: the draft grows."""
    while value.kind == "call" and value.of is not None and value.text == "ddl_if":
        value = value.of
    what = said(project, path, value)
    if what == "ForeignKeyConstraint":
        ours, theirs = value.argument(0, "columns") or UNKNOWN, value.argument(1, "refcolumns") or UNKNOWN
        keys = (_column_name(project, draft, path, it) for it in ours.items)
        for name, target in zip(keys, theirs.items, strict=False):
            if name in draft.columns:
                references = foreign_key(project, path, Value("call", items=(target,)))
                draft.columns[name] = replace(draft.columns[name], references=references)
    if what not in ("Index", "UniqueConstraint", "PrimaryKeyConstraint"):
        return
    names = [_column_name(project, draft, path, it) for it in value.items[what == "Index" :]]
    if what == "PrimaryKeyConstraint":
        for name in names:
            if name in draft.columns:
                draft.columns[name] = replace(draft.columns[name], primary=True, indexed=True, nullable=False)
    elif any(names):
        draft.indexes.append(tuple(filter(None, names)))


def _column_name(project: Project, draft: Draft, path: str, value: Value) -> str:
    """The attribute that an index speaks of, "" when it is an expression of none or of several."""
    if value.kind == "call":
        head = value.text.rpartition(".")[0]
        if value.of is None and not value.items and head:  # `Order.no.desc()`
            value = Value("name", head)
        else:
            inner = (_column_name(project, draft, path, it) for it in (*value.items, *([value.of] if value.of else [])))
            return next(filter(None, inner), "")
    name = value.text.rpartition(".")[2] if value.kind == "name" else text(project, path, value) or ""
    if value.kind == "text" and name not in draft.columns:
        name = name.partition(" ")[0]
    return next((it.name for it in draft.columns.values() if it.stored == name), name if name in draft.columns else "")


def _index_apart(project: Project, drafts: list[Draft]) -> None:
    """Take `Index("ix", User.email)` at the top of a module. Effect: drafts grow."""
    by_ref = {(it.ref.path, it.ref.qualname): it for it in drafts}
    for path in project.paths:
        for value in project.of_file(path, _made_indexes):
            if said(project, path, value) != "Index":
                continue
            names = (it.text if it.kind == "name" else it.text.rpartition(".")[0] for it in value.items[1:])
            heads = (it.rpartition(".")[0].removesuffix(".c") for it in names if "." in it)
            for head in heads:
                symbol = project.resolve(path, head)
                key = (symbol.path, symbol.facts.qualname) if isinstance(symbol, ClassSymbol) else (path, head)
                if key in by_ref:
                    _take_argument(project, by_ref[key], path, value)
                    break


def _made_indexes(facts: Facts) -> tuple[Value, ...]:
    return tuple(it.value for it in facts.registrations if it.value.last == "Index" and not it.scope)
