"""Django's models: fields through abstract bases, keys with what happens on deletion, and what `Meta` says.

Source: https://docs.djangoproject.com/en/stable/ref/models/ (fields, relations, options) and `ModelBase.__new__`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.lineage import Attribute, dotted, lineage, own
from architect_lsp.knowledge.nouns import Column, OrmModel, Relation
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Ref
from architect_lsp.knowledge.values import UNKNOWN, Value
from architect_lsp.patterns import regex

_MODEL = regex(r"(?:^|.*\.)django\.(?:contrib\.gis\.)?db\.models\.(?:base\.)?Model")
_FIELD = regex(r"(?:^|.*\.)django\.db\.models\.(?:fields\.(?:\w+\.)*)?(Field|ForeignKey|OneToOneField|ManyToManyField)")
_NOT_STORED = ("GenericForeignKey", "GenericRelation", "CompositePrimaryKey", "ForeignObject")
_OTHERS = regex(r"(?:^|.*\.)(?:forms|rest_framework|serializers|django_filters|wtforms|marshmallow|graphene|factory|fields)\.")
_ONE = regex(r"\w*(?:OneToOneField)")
_KEY = regex(r"\w*(?:ForeignKey|ParentalKey)|TreeOneToOneField")
_MANY = regex(r"\w*ManyToManyField|TaggableManager")
_OUTSIDE = {  # fields of abstract models that most projects begin with
    "AbstractBaseUser": ("password:CharField", "last_login:DateTimeField null"),
    "PermissionsMixin": ("is_superuser:BooleanField",),
    "AbstractUser": (
        *("password:CharField", "last_login:DateTimeField null", "is_superuser:BooleanField", "username:CharField unique"),
        *("first_name:CharField", "last_name:CharField", "email:EmailField", "is_staff:BooleanField"),
        *("is_active:BooleanField", "date_joined:DateTimeField"),
    ),
}
_USER = "AUTH_USER_MODEL"
_DEPTH = 8
"""How many models, or names of one, may follow each other."""


@dataclass(slots=True)
class _Draft:
    """A model in the making."""

    symbol: ClassSymbol
    label: str  # of its application
    columns: dict[str, Column] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.symbol.facts.qualname.rpartition(".")[2]


class _Django:
    """The models of one project by their names, found once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.labels = _labels(project)
        self.known: dict[tuple[str, str], bool] = {}
        self.by_name: dict[str, list[ClassSymbol]] = {}
        self.models: list[ClassSymbol] = []
        for path in project.paths:
            for it in project.classes(path):
                symbol = ClassSymbol(path, it)
                if it.bases and self.is_model(symbol):
                    self.models.append(symbol)
                    self.by_name.setdefault(it.qualname.rpartition(".")[2].lower(), []).append(symbol)
        user = next(filter(None, (_setting(project, path) for path in project.paths)), "auth.User")
        self.user = user

    def is_model(self, symbol: ClassSymbol) -> bool:
        """Whether a class is a model, abstract ones too."""
        key = _key(symbol)
        if key not in self.known:
            names = [dotted(it) for it in lineage(self.project, symbol)[1:]]
            known = any(
                _MODEL.fullmatch(it) or (it.startswith("django.contrib.auth.") and it.rpartition(".")[2] in _OUTSIDE)
                for it in names
            )
            unknown = any(
                isinstance(it, External) and not it.name.startswith(("builtins.", "typing.", "abc."))
                for it in lineage(self.project, symbol)
            )
            self.known[key] = known or (
                unknown and any(self.kind(symbol.path, it.value, sure=True) for it in symbol.facts.fields if it.value is not None)
            )
        return self.known[key]

    def kind(self, path: str, value: Value | None, *, sure: bool = False) -> str:
        """The class of the field that a call makes, "" when it makes none. `sure` asks for Django's own."""
        if value is None or value.kind != "call" or value.of is not None:
            return ""
        symbol = self.project.resolve(path, value.text)
        if isinstance(symbol, FunctionSymbol) and symbol.facts.result is not None:
            return self.kind(symbol.path, symbol.facts.result, sure=sure)
        if isinstance(symbol, ClassSymbol):
            rows = lineage(self.project, symbol)
            names = [dotted(it) for it in rows]
            found = next((it[1] for name in names if (it := _FIELD.fullmatch(name))), "")
            outside = next((it for it in rows if isinstance(it, External) and self._stored(it.name, sure)), None)
            if not found and outside is None:
                return ""
            if any(it.rpartition(".")[2] in _NOT_STORED for it in names) and found not in ("ForeignKey", "OneToOneField"):
                return "GenericForeignKey"
            last = symbol.facts.qualname.rpartition(".")[2]
            if found not in ("", "Field"):
                return (
                    last
                    if (_ONE if found == "OneToOneField" else _MANY if found == "ManyToManyField" else _KEY).fullmatch(last)
                    else found
                )
            return last
        return symbol.name.rpartition(".")[2] if isinstance(symbol, External) and self._stored(symbol.name, sure) else ""

    @staticmethod
    def _stored(name: str, sure: bool) -> bool:
        head, _, last = name.rpartition(".")
        if "django.db.models" in f".{name}" or (name.startswith("django.contrib.") and ".forms" not in name):
            return last.endswith(("Field", "ForeignKey", *_NOT_STORED))
        if sure or _OTHERS.match(f"{head}."):
            return bool(
                not sure
                and head.endswith((".fields", ".models"))
                and last.endswith(("Field", "Key", "Manager"))
                and "forms" not in head
                and "rest_framework" not in head
            )
        return last.endswith(("Field", "ForeignKey", "ParentalKey", "TaggableManager"))

    def label(self, symbol: ClassSymbol) -> str:
        """The label of the application that a model belongs to."""
        said = text(self.project, symbol.path, self.option(symbol, "app_label"))
        if said:
            return said
        folder = posixpath.dirname(symbol.path)
        at = folder
        while at:
            if at in self.labels:
                return self.labels[at]
            at = posixpath.dirname(at)
        base = posixpath.basename(folder)
        return posixpath.basename(posixpath.dirname(folder)) if base == "models" else base

    def option(self, symbol: ClassSymbol, name: str, depth: int = _DEPTH) -> Value | None:
        """What a model's `Meta` says: its own, or that of an abstract base where it has none."""
        for it in lineage(self.project, symbol):
            if depth <= 0 or not isinstance(it, ClassSymbol):
                continue
            meta = self.project.class_(it.path, f"{it.facts.qualname}.Meta")
            if meta is None or (it.facts is not symbol.facts and not (self.is_model(it) and self.abstract(it))):
                continue
            for row in lineage(self.project, ClassSymbol(it.path, meta)):
                found = next((f for f in row.facts.fields if f.name == name), None) if isinstance(row, ClassSymbol) else None
                if found is not None:
                    return found.value or Value("name", found.target)
            return None
        return None

    def abstract(self, symbol: ClassSymbol) -> bool:
        """Whether a model has no table: it says so itself."""
        meta = self.project.class_(symbol.path, f"{symbol.facts.qualname}.Meta")
        return meta is not None and any(it.name == "abstract" and _is(it.value, "True") for it in meta.fields)

    def proxied(self, symbol: ClassSymbol) -> bool:
        """Whether a model has its parent's table: its own `Meta` says `proxy`."""
        meta = self.project.class_(symbol.path, f"{symbol.facts.qualname}.Meta")
        return meta is not None and any(it.name == "proxy" and _is(it.value, "True") for it in meta.fields)

    def parents(self, symbol: ClassSymbol) -> list[ClassSymbol]:
        """The bases with tables of their own."""
        return [
            it
            for it in lineage(self.project, symbol)[1:]
            if isinstance(it, ClassSymbol) and not _MODEL.fullmatch(dotted(it)) and self.is_model(it) and not self.abstract(it)
        ]

    def target(self, draft: _Draft, path: str, value: Value | None) -> ClassSymbol | str:
        """The model that a key speaks of; its name as written when it is not of the project."""
        symbol = self.project.resolve(path, value.text) if value is not None and value.kind == "name" else None
        if value is None or isinstance(symbol, ClassSymbol):
            return symbol if isinstance(symbol, ClassSymbol) else ""
        aliased = behind(self.project, path, value.text) if value.kind == "name" else None
        if aliased is not None and aliased[1].kind == "call":
            path, value = aliased
        if value.last in ("get_user_model", _USER):
            name = self.user
        elif value.kind == "call" and value.last == "get_model_name":  # of `swapper`
            name = ".".join(it.text for it in value.items)
        else:
            name = text(self.project, path, value) or (value.text if value.kind == "name" else "")
        if name == "self":
            return draft.symbol
        label, _, last = name.rpartition(".")
        found = self.by_name.get(last.lower(), [])
        wanted = label or draft.label
        return next((it for it in found if self.label(it) == wanted), found[0] if len(found) == 1 and not label else name)


def models(project: Project) -> Iterator[OrmModel]:
    """Every model with a table, and every proxy of one."""
    yield from project.of_all("django models", _models)


def _models(project: Project) -> tuple[OrmModel, ...]:
    django = _Django(project)
    symbols = [it for it in django.models if not django.abstract(it) and not _MODEL.fullmatch(dotted(it))]
    return tuple(_model(django, it) for it in symbols)


def _model(django: _Django, symbol: ClassSymbol) -> OrmModel:
    draft = _Draft(symbol, django.label(symbol))
    _take(django, draft)
    table = _table(django, symbol)
    ordering = django.option(symbol, "ordering")
    return OrmModel(
        Ref(symbol.path, symbol.facts.qualname, "class"),
        symbol.facts.qualname,
        table,
        tuple(draft.columns.values()),
        tuple(draft.relations.values()),
        tuple(dict.fromkeys(_indexes(django, symbol))),
        "django",
        tuple(it.text for it in ordering.items if it.kind == "text") if ordering is not None else (),
    )


def _table(django: _Django, symbol: ClassSymbol, depth: int = _DEPTH) -> str:
    if django.proxied(symbol) and depth > 0:
        parent = next(iter(django.parents(symbol)), None)
        return _table(django, parent, depth - 1) if parent is not None else ""
    said = django.option(symbol, "db_table")
    if said is not None and (found := text(django.project, symbol.path, said)) is not None:
        return found
    return f"{django.label(symbol)}_{symbol.facts.qualname.rpartition('.')[2].lower()}" if said is None else ""


def _take(django: _Django, draft: _Draft) -> None:
    """Take the fields of a model and its bases. Effect: the draft grows."""
    symbol = draft.symbol
    parents = [it for it in django.parents(symbol) if not django.proxied(it)]
    above = {_key(up) for it in parents for up in lineage(django.project, it)}
    hidden: set[str] = set()
    composite: frozenset[str] = frozenset()
    for it in lineage(django.project, symbol):
        if isinstance(it, External):
            if it.name.startswith("django.contrib.auth."):
                _take_known(draft, it.name.rpartition(".")[2])
            continue
        if _key(it) in above or not django.is_model(it) or _MODEL.fullmatch(dotted(it)):
            continue
        for row in own(django.project, it):
            if row.name in hidden:
                continue
            hidden.add(row.name)
            kind = django.kind(row.path, row.value) if row.field is not None else ""
            if kind == "CompositePrimaryKey" and row.value is not None:
                composite = frozenset(item.text for item in row.value.items)
            elif kind and kind not in _NOT_STORED and row.value is not None:
                _take_field(django, draft, row, kind)
    for name in composite & draft.columns.keys():
        draft.columns[name] = replace(draft.columns[name], primary=True, indexed=True)
    if parents:
        _take_parents(django, draft, parents)
    elif not any(it.primary for it in draft.columns.values()):
        draft.columns = {"id": Column("id", "", indexed=True, nullable=False, primary=True), **draft.columns}


def _take_parents(django: _Django, draft: _Draft, parents: list[ClassSymbol]) -> None:
    """Take what parents with tables have, and the keys to them that Django adds. Effect: the draft grows."""
    keyed = any(it.primary for it in draft.columns.values())
    told = {relation.ref for name, relation in draft.relations.items() if name in draft.columns and draft.columns[name].unique}
    above: set[tuple[str, str]] = set()
    inherited: list[_Draft] = []
    for it in parents:
        if _key(it) in above:
            continue
        above |= {_key(up) for up in django.parents(it)}
        parent = _Draft(it, django.label(it))
        _take(django, parent)
        inherited.append(parent)
        ref = Ref(it.path, it.facts.qualname, "class")
        if not django.proxied(draft.symbol) and ref not in told:
            name = f"{parent.name.lower()}_ptr"
            draft.columns[name] = Column(name, "OneToOneField", True, True, False, not keyed, f"{name}_id", it.facts.qualname)
            draft.relations[name] = Relation(name, it.facts.qualname, back=draft.name.lower(), on_delete="CASCADE", ref=ref)
    for parent in inherited:
        draft.columns = {**parent.columns, **draft.columns}
        draft.relations = {**parent.relations, **draft.relations}


def _take_field(django: _Django, draft: _Draft, row: Attribute, kind: str) -> None:
    """Take one field. Effect: the draft grows."""
    path, value = row.path, row.value or UNKNOWN
    symbol = django.project.resolve(path, value.text)
    if isinstance(symbol, FunctionSymbol) and symbol.facts.result is not None:
        path, value = symbol.path, symbol.facts.result

    def flag(name: str, default: bool = False) -> bool:
        found = value.keyword(name)
        if found is not None and found.kind == "name":
            found = (behind(django.project, path, found.text) or ("", found))[1]
        return default if found is None or found.text not in ("True", "False") else found.text == "True"

    one, many = bool(_ONE.fullmatch(kind)), bool(_MANY.fullmatch(kind))
    key = one or bool(_KEY.fullmatch(kind))
    if not many:
        primary = flag("primary_key")
        unique = flag("unique") or one
        indexed = flag("db_index", key or kind == "SlugField") or unique or primary
        stored = text(django.project, path, value.keyword("db_column")) or (f"{row.name}_id" if key else "")
        column = Column(row.name, kind, indexed, unique, flag("null", kind == "NullBooleanField"), primary, stored, at=row.ref)
        draft.columns[row.name] = replace(column, stored="" if stored == row.name else stored)
    if not (key or many) or kind == "TaggableManager":
        return
    found = django.target(draft, path, value.argument(0, "to"))
    target = found if isinstance(found, str) else found.facts.qualname
    ref = None if isinstance(found, str) else Ref(found.path, found.facts.qualname, "class")
    if key:
        draft.columns[row.name] = replace(draft.columns[row.name], references=target)
    on_delete = value.argument(1, "on_delete") if not many else None
    gone = "" if on_delete is None else on_delete.last + (f"({on_delete.items[0].text})" if on_delete.items else "")
    back = text(django.project, path, value.keyword("related_name"))
    name = draft.name.lower()
    if back is None:
        back = name if one else f"{name}_set"
    else:
        back = back.replace("%(class)s", name).replace("%(model_name)s", name).replace("%(app_label)s", draft.label)
    relation = Relation(row.name, target, many, "" if back.endswith("+") else back, gone, ref=ref, at=row.ref)
    draft.relations[row.name] = relation


def _take_known(draft: _Draft, name: str) -> None:
    for row in _OUTSIDE.get(name, ()):
        said, *flags = row.split(" ")
        key, _, kind = said.partition(":")
        unique = "unique" in flags
        draft.columns.setdefault(key, Column(key, kind, unique, unique, "null" in flags))


def _indexes(django: _Django, symbol: ClassSymbol) -> Iterator[tuple[str, ...]]:
    """What `Meta` says of several columns, or apart from them."""
    for option in ("indexes", "constraints"):
        told = django.option(symbol, option)
        for it in told.items if told is not None else ():
            names = it.keyword("fields") if it.kind == "call" and it.last != "CheckConstraint" else None
            if names is not None and names.items:
                yield tuple((text(django.project, symbol.path, name) or "?").lstrip("-") for name in names.items)
    for option in ("unique_together", "index_together"):
        told = django.option(symbol, option)
        rows = told.items if told is not None else ()
        for row in [Value("list", items=rows)] if rows and rows[0].kind == "text" else rows:
            yield tuple(it.text for it in row.items)


def _labels(project: Project) -> dict[str, str]:
    """The label of each application by its folder, as its `AppConfig` says; "." stands for the root."""
    found: dict[str, str] = {}
    for path in project.paths:
        if posixpath.basename(path) not in ("apps.py", "__init__.py", "config.py"):
            continue
        for it in project.classes(path):
            rows = {row.name: row.value for row in it.fields}
            name = text(project, path, rows.get("name"))
            if name and any(base.endswith("Config") for base in it.bases):
                found[posixpath.dirname(path)] = text(project, path, rows.get("label")) or name.rpartition(".")[2]
    return found


def _setting(project: Project, path: str) -> str:
    """The model of users that a file of settings names, "" when it names none."""
    found = project.name(path, _USER)
    value = getattr(found, "value", None)
    return value.text if isinstance(value, Value) and value.kind == "text" else ""


def _key(symbol: ClassSymbol | External) -> tuple[str, str]:
    return ("", symbol.name) if isinstance(symbol, External) else (symbol.path, symbol.facts.qualname)


def _is(value: Value | None, text: str) -> bool:
    return value is not None and value.kind == "constant" and value.text == text
