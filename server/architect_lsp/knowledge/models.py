"""The models of a project, found by class, and where their relations lead, from either side."""

from __future__ import annotations

from msgspec import Struct

from architect_lsp.knowledge.frameworks import django_models, sqlalchemy
from architect_lsp.knowledge.nouns import OrmModel, Relation
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Instance, Ref

_EAGER = ("joined", "selectin", "subquery", "immediate", "False", "noload", "raise", "raise_on_sql", "write_only", "dynamic")


class Side(Struct, frozen=True):
    """One end of a relation: the model on the other side, one or `many` rows of it; `lazy` tells that they are asked for when
    they are first used."""

    name: str
    model: OrmModel
    many: bool
    lazy: bool
    relation: Relation


class Models:
    """The models of one project."""

    def __init__(self, project: Project) -> None:
        self.by_ref: dict[Ref, OrmModel] = {it.ref: it for it in (*sqlalchemy.models(project), *django_models.models(project))}
        self._sides: dict[Ref, dict[str, Side]] = {}
        for model in self.by_ref.values():
            for it in model.relations:
                other = self.by_ref.get(it.ref) if it.ref is not None else None
                if other is None:
                    continue
                lazy = it.lazy not in _EAGER
                self._sides.setdefault(model.ref, {})[it.name] = Side(it.name, other, it.many, lazy, it)
                if model.framework == "django" and it.back:
                    column = next((row for row in model.columns if row.name == it.name), None)
                    many = it.many or column is None or not column.unique
                    self._sides.setdefault(other.ref, {}).setdefault(it.back, Side(it.back, model, many, True, it))

    @staticmethod
    def of(project: Project) -> Models:
        """The models of a project, joined again when a file says something new."""
        return project.kept("models", "", Models, project)

    def at(self, symbol: ClassSymbol | Instance) -> OrmModel | None:
        """The model that a class is, None when it is none."""
        return self.by_ref.get(Ref(symbol.path, symbol.facts.qualname, "class"))

    def across(self, model: OrmModel, name: str) -> Side | None:
        """Where a relation leads, by the name that code uses on this side; None when there is none."""
        return self._sides.get(model.ref, {}).get(name)
