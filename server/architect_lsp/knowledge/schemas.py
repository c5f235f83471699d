"""Classes that say what data must look like: models of pydantic, serializers of Django REST framework."""

from __future__ import annotations

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.lineage import dotted, lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External
from architect_lsp.patterns import regex

_SERIALIZER = regex(r"rest_framework\.serializers\.\w*Serializer(?:Metaclass)?")
_PLAIN = frozenset(("pydantic.BaseModel", "pydantic_settings.BaseSettings", "pydantic.BaseSettings", "pydantic.main.BaseModel"))
_NEW = frozenset(
    (
        *("field_validator", "model_validator", "ConfigDict", "TypeAdapter", "computed_field", "RootModel", "field_serializer"),
        *("model_serializer", "AfterValidator", "BeforeValidator", "PlainSerializer", "GetCoreSchemaHandler"),
    )
)
"""What only version 2 of pydantic has."""


def pydantic_model(project: Project, path: str, qualname: str) -> ClassSymbol | None:
    """The class of that name, where it is a model of pydantic."""
    facts = project.class_(path, qualname)
    if facts is None:
        return None
    symbol = ClassSymbol(path, facts)
    return symbol if any(dotted(it) in _PLAIN for it in lineage(project, symbol)) else None


def is_pydantic_2(project: Project) -> bool:
    """Whether any file imports what only version 2 of pydantic has."""
    return project.of_all("pydantic 2", _is_new)


def _is_new(project: Project) -> bool:
    if any(_imports_new(name) for path in project.paths for _, name in project.imports(path)):
        return True
    return any(project.of_file(path, _speaks_new) for path in project.paths)


def _speaks_new(facts: Facts) -> bool:
    """Whether a file imports pydantic or FastAPI and says what only version 2 understands."""
    if not any(name.partition(".")[0] in ("pydantic", "fastapi") for _, name in facts.imports):
        return False
    if any(it.name == "model_config" for row in facts.classes for it in row.fields):
        return True
    return any(call.target.rpartition(".")[2] in _CALLS for it in facts.defs for call in it.calls)


_CALLS = frozenset(("model_dump", "model_validate", "model_dump_json", "model_validate_json", "model_copy"))


def _imports_new(name: str) -> bool:
    if name.partition(".")[0] == "pydantic_settings":
        return True
    return name.rpartition(".")[2] in _NEW and name.startswith("pydantic.") and not name.startswith("pydantic.v1")


def serializer(project: Project, symbol: ClassSymbol) -> bool:
    """Whether a class is a serializer of Django REST framework."""
    return any(_SERIALIZER.fullmatch(dotted(it)) for it in lineage(project, symbol))


def is_whole(project: Project, symbol: ClassSymbol) -> bool:
    """Whether all that a model or serializer declares can be seen: its other bases are the library's own."""
    rows = lineage(project, symbol)
    return all(isinstance(it, ClassSymbol) or _is_root(dotted(it)) for it in rows) and all(_all_found(project, it) for it in rows)


def _all_found(project: Project, symbol: ClassSymbol | External) -> bool:
    if isinstance(symbol, External):
        return True
    return all(project.resolve(symbol.path, it) is not None for it in symbol.facts.bases)


def _is_root(name: str) -> bool:
    return (
        name in _PLAIN or bool(_SERIALIZER.fullmatch(name)) or name in ("object", "builtins.object", "abc.ABC", "typing.Generic")
    )
