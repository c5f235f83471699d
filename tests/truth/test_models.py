"""Models of installed packages: tables, columns, indexes and relations are what the mapper itself says, no more and no less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.nouns import OrmModel
from support.truth import environment, project_of, said, source

pytestmark = pytest.mark.realworld

SQLALCHEMY = """
    import importlib, json, sys
    from sqlalchemy import UniqueConstraint
    from sqlalchemy.orm import configure_mappers
    from sqlalchemy.orm.mapper import _all_registries

    for name in sys.argv[1:]:
        importlib.import_module(name)
    configure_mappers()
    found = {}
    for mapper in [it for registry in _all_registries() for it in registry.mappers]:
        table, keys, columns = mapper.local_table, {}, {}
        for it in mapper.column_attrs:
            column = it.columns[0]
            if getattr(column, "table", None) is None:
                continue
            keys[column.name] = it.key
            foreign = sorted(key.target_fullname for key in column.foreign_keys)
            columns[it.key] = [
                bool(column.index or column.unique or column.primary_key), bool(column.unique), bool(column.nullable),
                bool(column.primary_key), column.name, foreign[0] if foreign else "",
            ]
        indexes = []
        for index in table.indexes:
            if not index._column_flag:
                names = [str(getattr(it, "element", it)).rpartition(".")[2].split()[0] for it in index.expressions]
                indexes.append([keys[it] for it in names if it in keys])
        indexes += [
            [keys[it.name] for it in key.columns]
            for key in table.constraints if isinstance(key, UniqueConstraint) and not key._column_flag
        ]
        found[f"{mapper.class_.__module__}:{mapper.class_.__qualname__}"] = {
            "table": table.name,
            "columns": columns,
            "indexes": sorted(map(list, {tuple(it) for it in indexes if it})),
            "relations": {it.key: [it.mapper.class_.__qualname__, bool(it.uselist), it.lazy] for it in mapper.relationships},
        }
    print(json.dumps(found))
"""
LAZY = {"": "select", "True": "select", "False": "joined"}


def told(model: OrmModel) -> dict[str, Any]:
    return {
        "table": model.table,
        "columns": {
            it.name: [it.indexed, it.unique, it.nullable, it.primary, it.stored or it.name, it.references] for it in model.columns
        },
        "indexes": sorted(map(list, set(model.indexes))),
        "relations": {it.name: [it.target, it.many, LAZY.get(it.lazy, it.lazy)] for it in model.relations},
    }


def module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def models(root: Path, files: set[str]) -> dict[str, Any]:
    """What we say of the models in these modules."""
    return {
        f"{module(it.ref.path)}:{it.name}": told(it)
        for it in catalogue(project_of(root)).models
        if it.ref.kind == "class" and module(it.ref.path) in files
    }


@pytest.mark.parametrize(
    ("package", "modules"),
    [
        ("optuna", ["optuna.storages._rdb.models"]),
        ("mlflow", ["mlflow.store.tracking.dbmodels.models", "mlflow.store.model_registry.dbmodels.models"]),
    ],
)
def test_the_mapper_says_the_same(package: str, modules: list[str]) -> None:
    python = environment("sqlalchemy", ["sqlalchemy==2.1.9", "optuna==5.0.0", "mlflow-skinny==3.17.2", "alembic==1.20.1"])
    expected = {key: it for key, it in said(python, SQLALCHEMY, *modules).items() if key.startswith(package)}
    assert len(expected) > 10
    assert models(source(python, package), {it.partition(":")[0] for it in expected}) == expected
