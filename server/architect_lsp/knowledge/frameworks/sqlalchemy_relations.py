"""Both sides of SQLAlchemy's relationships: which class is meant, whether it is one or many, and what a `backref` adds there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.lineage import lineage
from architect_lsp.knowledge.nouns import Column, Relation
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.knowledge.values import UNKNOWN, Value
from architect_lsp.patterns import regex

_MENTION = regex(r"(\w+)\.(?:c\.)?(\w+)")
_REMOTE = regex(r"remote\(()")
_FOREIGN = regex(r"foreign\(\s*(\w+)\.(?:c\.)?(\w+)")


class Tie(Struct, frozen=True):
    """A relationship as one side says it: `path` is the file of its `call`; `annotated` when that tells one from many."""

    relation: Relation
    path: str
    call: Value
    annotated: bool
    owner: ClassSymbol


@dataclass(slots=True)
class Draft:
    """A model in the making, or a table without a class, which has no `symbol`."""

    symbol: ClassSymbol | None
    ref: Ref
    name: str
    table: str = ""
    columns: dict[str, Column] = field(default_factory=dict)
    ties: list[Tie] = field(default_factory=list)
    indexes: list[tuple[str, ...]] = field(default_factory=list)
    framework: str = "sqlalchemy"


class _Models:
    """The drafts by name."""

    def __init__(self, project: Project, drafts: Sequence[Draft]) -> None:
        self.project = project
        self.by_ref = {(it.ref.path, it.ref.qualname): it for it in drafts}
        self.by_name: dict[str, list[Draft]] = {}
        for it in drafts:
            self.by_name.setdefault(it.name.rpartition(".")[2], []).append(it)
        self.heirs: dict[tuple[str, str], list[Draft]] = {}
        self.tables: dict[int, set[str]] = {}
        for it in drafts:
            rows = [row for row in lineage(project, it.symbol) if isinstance(row, ClassSymbol)] if it.symbol else []
            known = [found for row in rows if (found := self.by_ref.get((row.path, row.facts.qualname)))]
            self.tables[id(it)] = {row.table for row in (it, *known)} - {""}
            for row in rows[1:]:
                self.heirs.setdefault((row.path, row.facts.qualname), []).append(it)

    def named(self, path: str, name: str) -> Draft | None:
        """The model or table that a name of the file means, or the only one, or the nearest, of that name anywhere."""
        symbol = self.project.resolve(path, name)
        if isinstance(symbol, ClassSymbol):
            return self.by_ref.get((symbol.path, symbol.facts.qualname))
        found = self.by_name.get(name.rpartition(".")[2], [])
        return found[0] if len(found) == 1 else next((it for it in found if it.ref.path == path), None)


def join(project: Project, drafts: Sequence[Draft]) -> list[tuple[Relation, ...]]:
    """The relations of each draft. Effect: foreign keys that name an attribute then name the table's column."""
    models = _Models(project, drafts)
    for it in drafts:
        for name, column in it.columns.items():
            if column.references and column.at is not None:
                it.columns[name] = replace(column, references=_stored(models, column.at.path, column.references))
    found: dict[int, dict[str, Relation]] = {id(it): {} for it in drafts}
    for it in drafts:
        for tie in it.ties:
            other = models.named(tie.path, tie.relation.target)
            relation = tie.relation
            if other is not None:
                relation = replace(relation, target=other.name, ref=other.ref)
            behind = _is_behind(models, it, other, tie)
            many = _many(tie, behind)
            back = tie.call.keyword("backref")
            if back is not None:
                name = back.text if back.kind == "text" else (back.argument(0, "name") or UNKNOWN).text
                relation = replace(relation, back=relation.back or name)
                own = models.by_ref.get((tie.owner.path, tie.owner.facts.qualname))
                if name and other is not None and (own is None or own is it):
                    reverse = _reversed(it, tie, name, back, behind)
                    for heir in (other, *models.heirs.get((other.ref.path, other.ref.qualname), ())):
                        found[id(heir)].setdefault(name, reverse)
            found[id(it)][relation.name] = replace(relation, many=many)
    return [tuple(found[id(it)].values()) for it in drafts]


def _stored(models: _Models, path: str, references: str) -> str:
    head, _, last = references.rpartition(".")
    other = models.named(path, head) if head else None
    if other is None or other.table == head:
        return references
    column = other.columns.get(last)
    return f"{other.table}.{(column.stored if column is not None else '') or last}"


def _many(tie: Tie, behind: bool | None) -> bool:
    said = tie.call.keyword("uselist") or (tie.call.keyword("sa_relationship_kwargs") or UNKNOWN).keyword("uselist")
    if said is not None and said.kind == "constant":
        return said.text == "True"
    if tie.annotated or tie.relation.many:
        return tie.relation.many
    return tie.relation.lazy == "dynamic" or behind is not False


def _is_behind(models: _Models, own: Draft, other: Draft | None, tie: Tie) -> bool | None:
    """Whether the foreign key stands at the other side; None where a table between them holds both, or it can't be told."""
    if other is None or tie.call.keyword("secondary") is not None or tie.call.keyword("link_model") is not None:
        return None
    here, there = _keys(models, own, other), _keys(models, other, own)
    join = tie.call.keyword("primaryjoin")
    foreign = [*_mentioned(tie.call.keyword("foreign_keys")), *_mentioned(join, _FOREIGN), *_called_foreign(join)]
    names = {it.rpartition(".")[2] for it in (own.name, tie.owner.facts.qualname)}
    if models.tables[id(own)] & models.tables[id(other)]:
        return tie.call.keyword("remote_side") is None and not _mentioned(
            tie.call.keyword("primaryjoin"), re.compile(r"remote\(()")
        )
    for owner, name in foreign:
        if other.name.rpartition(".")[2] == owner or owner == "?":
            return True
        if owner in names or (not owner and name in own.columns):
            return False
    if bool(here) != bool(there):
        return bool(there)
    return bool(there) and not any(name in here and owner in names for owner, name in _mentioned(join))


def _keys(models: _Models, own: Draft, other: Draft) -> set[str]:
    """The columns of one that point to the other's table."""
    tables = models.tables[id(other)]
    return {
        name
        for name, it in own.columns.items()
        if it.references and it.references.rpartition(".")[0].rpartition(".")[2] in tables
    } | {name for name, it in own.columns.items() if it.references.rpartition(".")[0] in tables}


def _mentioned(value: Value | None, pattern: re.Pattern[str] = _MENTION) -> list[tuple[str, str]]:
    """(class, attribute) of each column a join speaks of; "" for the class's own names."""
    found: list[tuple[str, str]] = []
    for it in value.each() if value is not None else ():
        if it.kind == "text":
            found += [(row[1], row[2] if pattern.groups > 1 else "") for row in pattern.finditer(it.text)]
            if pattern is _MENTION and it.text.isidentifier():
                found.append(("", it.text))
        elif it.kind == "name" and pattern is _MENTION:
            head, _, last = it.text.rpartition(".")
            found.append((head.rpartition(".")[2], last))
    return found


def _called_foreign(join: Value | None) -> list[tuple[str, str]]:
    """The same of `foreign(Order.user_id)` in a join; "?" is a class that can't be told."""
    calls = [it for it in join.each() if it.kind == "call" and it.last == "foreign" and it.items] if join is not None else []
    return [row for it in calls for row in _mentioned(it.items[0]) or [("?", "")]]


def _reversed(own: Draft, tie: Tie, name: str, back: Value, behind: bool | None) -> Relation:
    """What a `backref` adds to the other side."""
    said = back.keyword("uselist")
    many = said.text == "True" if said is not None else behind is not True

    def told(key: str) -> str:
        found = back.keyword(key)
        return found.text if found is not None and found.kind in ("text", "constant") else ""

    return Relation(name, own.name, many, tie.relation.name, "", told("lazy"), told("cascade"), own.ref, tie.relation.at)
