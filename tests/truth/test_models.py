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


DJANGO = """
    import json, sys
    import django
    from django.conf import settings

    database = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    settings.configure(SECRET_KEY="x", STATIC_URL="/s/", DATABASES=database, INSTALLED_APPS=sys.argv[1:])
    django.setup()
    from django.apps import apps
    from django.db.models import UniqueConstraint

    found = {}
    for model in apps.get_models():
        meta = model._meta
        indexes = [[name.lstrip("-") for name in it.fields] for it in meta.indexes if it.fields]
        indexes += [list(it) for it in meta.unique_together]
        indexes += [list(it.fields) for it in meta.constraints if isinstance(it, UniqueConstraint) and it.fields]
        relations = {}
        for it in [*meta.concrete_fields, *meta.many_to_many]:
            if it.remote_field and type(it).__name__ != "TaggableManager":
                back, gone = it.remote_field.get_accessor_name() or "", getattr(it.remote_field, "on_delete", None)
                target = it.remote_field.model._meta.db_table
                back = "" if back.endswith("+") else back
                gone = getattr(gone, "__name__", "").replace("set_on_delete", "SET")
                relations[it.name] = [target, bool(it.many_to_many), back, gone]
        found[meta.db_table] = {
            "columns": {
                it.name: [
                    bool(it.db_index or it.unique), bool(it._unique), bool(it.null), bool(it.primary_key), it.column,
                    it.remote_field.model.__qualname__ if it.remote_field else "",
                ]
                for it in meta.concrete_fields
            },
            "indexes": sorted(map(list, {tuple(it) for it in indexes})),
            "relations": relations,
            "ordering": [it for it in meta.ordering if isinstance(it, str)],
        }
    print(json.dumps(found))
"""
CONTRIB = ["admin", "auth", "contenttypes", "sessions", "messages", "sites", "redirects", "flatpages"]
WAGTAIL = ["forms", "redirects", "search_promotions", "settings"]


def test_django_says_the_same() -> None:
    python = environment("django", ["django==5.2.19", "wagtail==8.0.1"])
    apps = [f"django.contrib.{it}" for it in CONTRIB]
    apps += [f"wagtail.contrib.{it}" for it in WAGTAIL]
    apps += [f"wagtail.{it}" for it in ("embeds", "sites", "users", "snippets", "documents", "images", "admin")]
    expected = said(python, DJANGO, *apps, "wagtail", "modelcluster", "taggit")
    found = catalogue(project_of(source(python, "django", "wagtail", "modelcluster", "taggit", "treebeard"))).models
    tables = {it.ref: it.table for it in found}
    ours = {}
    for it in found:
        ours[it.table] = {key: row for key, row in told(it).items() if key != "table"} | {
            "relations": {
                row.name: [tables.get(row.ref), row.many, row.back, row.on_delete.partition("(")[0]] for row in it.relations
            },
            "ordering": list(it.ordering),
        }
    assert len(expected) > 40
    assert {key: it for key, it in ours.items() if key in expected} == expected
    files = {it.ref.path for it in found if it.table in expected}
    assert {it.table for it in found if it.ref.path in files} == expected.keys()
